"""The words that everything else is said in: money, order numbers, and whose fault it is.

The tree of errors; the type says whose fault it is and so what happens next:

    Fault (Exception)
    +-- HouseFault        ours: the order stops at *attention*, the daemon lives
    |   +-- JournalFault  the journal cannot be trusted or written: OUT OF SERVICE (I16)
    +-- WireFault         theirs or the line's: becomes an event, never an outcome
    +-- Refusal           a person's input that cannot be used: says what to do instead
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from terminal.codes.currency import by_alpha


class Fault(Exception):
    """The root of everything this house raises on purpose."""


class HouseFault(Fault):
    """We are wrong. The order concerned stops at attention; nothing is guessed."""


class JournalFault(HouseFault):
    """The journal is not writable or not ours. No new sale until it is mended (I16)."""


class WireFault(Fault):
    """They are wrong, or the line is. Never an outcome: the order is in doubt (reliability.md 0.1)."""


class Refusal(Fault):
    """Somebody's input cannot be used. The message is for that person and names the next step."""


class Mode(Enum):
    """What an order is: a sale, by who presents the code (EMVCo: MPM the merchant, CPM the consumer), or a
    return of a paid one, by REFUND (also in part) or VOID (same day, in full)."""

    MPM = "mpm"
    CPM = "cpm"
    REFUND = "refund"
    VOID = "void"

    __hash__ = object.__hash__  # as in sale.Phase


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount: `minor` integer units of `currency` (ISO 4217 alpha). Never negative, never a float."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(
                f"money is counted in whole minor units, not {type(self.minor).__name__}"
            )
        if not 0 <= self.minor <= MINOR_MAX:
            raise ValueError(f"{self.minor} is outside 0..{MINOR_MAX} minor units")
        by_alpha_or_refuse(self.currency)

    @property
    def exponent(self) -> int:
        """Digits behind the point: JPY 0, EUR 2, KWD 3."""
        return by_alpha(self.currency).exponent

    @property
    def major(self) -> str:
        """Major units with exactly the currency's decimals: "12.50", "1250" (JPY), "1.250" (KWD)."""
        if not (digits := self.exponent):
            return str(self.minor)
        text = str(self.minor).rjust(digits + 1, "0")
        return f"{text[:-digits]}.{text[-digits:]}"

    def __str__(self) -> str:
        return f"{self.major} {self.currency}"

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __le__(self, other: Money) -> bool:
        self._same_currency(other)
        return self.minor <= other.minor

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")

    @classmethod
    def of_major(cls, text: str, currency: str) -> Money:
        """Money from "12.50" (gateways, command line).

        Fewer decimals than the exponent are accepted, more only when they are zeros ("1.0" JPY, as seen on
        the wire, gateways.md 1.5); anything else is a Refusal.
        """
        exponent = by_alpha_or_refuse(currency)
        found = _MAJOR.fullmatch(text)
        if not found:
            raise Refusal(f"{text[:24]!r} is not an amount. Write it like 12.50.")
        whole, decimals = found["whole"], found["decimals"] or ""
        if decimals[exponent:].strip("0"):
            raise Refusal(f"{currency} has {exponent} decimals; {text[:24]!r} has more.")
        minor = int(whole + decimals[:exponent].ljust(exponent, "0"))
        if minor > MINOR_MAX:
            raise Refusal(f"{text[:24]!r} is more than any counter takes.")
        return cls(minor, currency)


# 15 digits leave room in SQLite's 64-bit integers (F31); [0-9] because \d takes full-width digits (F8).
MINOR_MAX = 10**15 - 1
_MAJOR = re.compile(r"(?P<whole>[0-9]{1,16})(?:\.(?P<decimals>[0-9]{0,12}))?")


def by_alpha_or_refuse(currency: str) -> int:
    """The exponent of a currency; Refusal when ISO 4217 does not know it."""
    try:
        return by_alpha(currency).exponent
    except KeyError:
        raise Refusal(f"{currency!r} is no ISO 4217 currency. Write it like EUR.") from None


# -- order numbers -----------------------------------------------------------------------------------
#
# T<terminal 6><install epoch 4><counter 8><chance 6>: 25 of the 32 characters that the shortest gateway
# allows (gateways.md 1.4). No wall time inside. The epoch is drawn when a journal is born, so that a
# re-imaged card cannot use a number again (I14); the chance makes numbers of clones differ.

ORDER_NO_MAX = 32
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U to misread over the phone


def base32(number: int, width: int) -> str:
    """`number` as exactly `width` Crockford digits; HouseFault when it does not fit."""
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 32)
        digits = _BASE32[digit] + digits
    if number:
        raise HouseFault(f"a number outgrew its {width} digits")
    return digits


def mint_order_no(terminal: str, epoch: int, counter: int, chance: int) -> str:
    """A new merchant order number: unique for ever, the idempotency key of everything about the order."""
    return f"T{terminal}{base32(epoch, 4)}{base32(counter, 8)}{base32(chance % 32**6, 6)}"
