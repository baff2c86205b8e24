"""Translates. One pure codec per protocol: our requests into their bytes, their bytes into our events.

The rules of this room:

1. `build(request, stamp) -> HttpRequest`, `parse(request, answer, at_ms) -> Event`. No clock, no network, no state.
2. Fail closed: an answer is worth something only when its signature verifies over the literal bytes and it
   names our order. Anything else is `AnswerUnclear`.
3. Result codes live in closed tables in the codec's file. What is not listed is in doubt, never a decline.
4. PaymentApproved needs order number, amount and currency in the same authentic answer; an answer that says
   paid but lacks one of them is `PaymentHinted`.
5. A refund is done only when the gateway says so definitely, with its amount, in an answer that names our
   refund; "accepted" is `RefundAccepted` (reliability.md 3.4).
6. `notice(...)` reads what the gateway posts to us. It raises `WireFault` for everything that the gateway did
   not sign. Even an authentic notice is a hint: the order's outcome is asked for (reliability.md 2.1).
7. The word in the settings is the file: `driver = "acme"` loads `gateways/acme.py`, whose `Gateway` class takes
   its checked settings; too long for one file, it is a folder of that name. A third party ships one through the
   entry point group `terminal.gateways`; README, "Add a gateway", has the steps,
   tests/house/test_gateway_contract.py these rules.
8. `BLAME`, where the file has one: result code -> the settings it speaks of, for `terminalctl gateway check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from terminal.codes.scanned import PaymentCode
from terminal.core.effects import Request, SubmitPayment
from terminal.core.events import OrderEvent
from terminal.core.terms import Money, WireFault
from terminal.core.timing import Timing
from terminal.wire.http import HttpAnswer, HttpRequest, Stamp

QR_CHARACTERS_MAX = 2_000  # more fits no symbol that a phone reads off a small display (F46)
DETAIL_CHARACTERS_MAX = 80  # of what an event says for the technician


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What an authentic notice says. A hint to ask, never an outcome.

    `order_no`: our number of the order, or of the refund when `kind` is "refund"; "" when `kind` is "other":
    acknowledge it, there is nothing in it for us. `amount`: what it says was paid or returned; None: it does
    not say that any was, or, `illegible`, not clearly how much. `merchant_ok`: it names this terminal's
    merchant account. `event_key`: the same for every delivery of one event, to know duplicates by (I8).
    """

    order_no: str
    kind: Literal["payment", "refund", "other"]
    amount: Money | None
    merchant_ok: bool
    gateway_ref: str | None
    event_key: str
    illegible: bool = False


class Gateway(Protocol):
    """What the dispatcher asks of a codec. `wallets`: our wallet ids (codes/wallets.toml) -> theirs.

    `acknowledgement`: what to answer to a notice, so that it is not sent again.
    """

    name: str
    timing: Timing
    acknowledgement: HttpAnswer

    def build(self, request: Request, stamp: Stamp) -> HttpRequest:
        """The bytes of this request. HouseFault when it cannot be said on this wire."""
        ...

    def parse(self, request: Request, answer: HttpAnswer, at_ms: int) -> OrderEvent:
        """What the answer to that request means. Never raises on anything the other side may send."""
        ...

    def notice(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Notice:
        """What was posted to us. `path` as it was asked for, `headers` with lower-case names, `body` raw.

        WireFault when the gateway did not sign exactly this, or it is no notice."""
        ...


# -- what every codec needs --------------------------------------------------------------------------------


def code_of(request: Request) -> PaymentCode | None:
    """The customer's code, which must not come back in anything that is kept (I11)."""
    return request.code if isinstance(request, SubmitPayment) else None


def drawable(code: str) -> str:
    """The code of an order, if it can be shown. WireFault when it cannot (F46)."""
    if not 0 < len(code) <= QR_CHARACTERS_MAX or not code.isprintable():
        raise WireFault(f"no usable code in the answer ({len(code)} characters)")
    return code
