"""The customers' apps: which there are, and what their one-time codes look like (gateways.md 1.8, 5).

The names are the gateway's (`pay_method_id`). The shapes are public knowledge and partly guesses; the
terminal has its own table (codes/wallets.toml) and neither reads the other's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, unquote

from terminal.core.terms import Refusal


class Wallet(NamedTuple):
    """`heads`: how a code may begin, `digits`: its whole length. `scans`: it can also pay a shown code."""

    heads: tuple[str, ...]
    digits: int
    scans: bool = True


WALLETS = {
    "WeChatPay": Wallet(("10", "11", "12", "13", "14", "15"), 18),
    "Alipay": Wallet(("25", "26", "27", "28", "29", "30"), 18),
    "Alipay+": Wallet(("28100602", "28100102", "28100302"), 24),
    "UnionPay": Wallet(("62",), 19),
    "RakutenPay": Wallet(("900001",), 16),
    "PayPay": Wallet(("9000818188",), 24),
    "DPay": Wallet(("90000002",), 22),
    "MerPay": Wallet(("31589900",), 19, scans=False),
    "AuPay": Wallet(("31589921",), 19),
}
QR_PREFIX = (
    "https://q.sandbox.example/"  # with 10 digits 36 bytes: a code of version 3 (small panels)
)
CASHIER_PREFIX = "https://cashier.sandbox.example/checkout.htm?codeValue="
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def known(name: str) -> str:
    """`name` when it is a wallet's; Refusal otherwise."""
    if name not in WALLETS:
        raise Refusal(f"{name[:24]!r} is no wallet here. There are: {', '.join(WALLETS)}.")
    return name


def same_house(one: str, other: str) -> bool:
    """Whether a code of one is taken under the other's name (PayCloud says Alipay+, CodePay Alipay)."""
    return one.rstrip("+") == other.rstrip("+")


def mint_code(wallet: str, chance: Callable[[int], int]) -> str:
    """A new one-time code. `chance(n)` gives a number below n."""
    heads, digits, _ = WALLETS[wallet]
    head = heads[chance(len(heads))]
    return head + "".join(str(chance(10)) for _ in range(digits - len(head)))


def cashier_page(qr: str) -> str:
    """The address of a page that shows the code (Antom's normalUrl, gateways.md 3.4)."""
    return CASHIER_PREFIX + quote(qr, safe="")


def qr_in(text: str) -> str:
    """What the phone follows: a cashier page's address leads to the code on it."""
    return unquote(text.removeprefix(CASHIER_PREFIX)) if text.startswith(CASHIER_PREFIX) else text


def mint_qr(chance: Callable[[int], int]) -> str:
    """What the shown code says."""
    return QR_PREFIX + "".join(_CROCKFORD[chance(32)] for _ in range(10))
