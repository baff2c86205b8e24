"""Everything the core may ask for. Imperative: the dispatcher carries it out, after the commit.

Requests to the gateway name an order and what is wanted; the codec knows the wire. `MOVES_MONEY` says which
of them may only leave once the row that intends them is durable (I1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from terminal.core.events import OrderEvent
from terminal.core.terms import Money

if TYPE_CHECKING:
    from terminal.codes.scanned import PaymentCode


@dataclass(frozen=True, slots=True)
class CreateOrder:
    """MPM: ask for an order and its code."""

    order_no: str
    amount: Money
    wallet: str | None = None


@dataclass(frozen=True, slots=True)
class SubmitPayment:
    """CPM: charge the customer's code. Never stored and sent later: the code lives about a minute and in
    RAM only (reliability.md 4). The dispatcher puts the `code` in from its vault."""

    order_no: str
    amount: Money
    wallet: str | None
    code_digest: str
    code: PaymentCode | None = None


@dataclass(frozen=True, slots=True)
class QueryOrder:
    """Ask for the outcome. `amount` tells the codec which currency the answer must be in."""

    order_no: str
    amount: Money


@dataclass(frozen=True, slots=True)
class CloseOrder:
    """Tell the gateway that this order shall not be paid (no money is known to have moved)."""

    order_no: str
    amount: Money


@dataclass(frozen=True, slots=True)
class ReverseOrder:
    """Undo whatever happened to this order: close it, or return the money (ISO 8583 0420)."""

    order_no: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Give `amount` of the paid order `of` back. `order_no` is the refund's own number: the same for ever,
    so that a repeat cannot return twice (I4)."""

    order_no: str
    amount: Money
    of: str
    of_ref: str | None = None


@dataclass(frozen=True, slots=True)
class QueryRefund:
    """Ask what became of the refund `order_no` of the order `of`."""

    order_no: str
    amount: Money
    of: str


@dataclass(frozen=True, slots=True)
class VoidOrder:
    """Undo the paid order `of` of the same day in full. `order_no` is the void's own number."""

    order_no: str
    amount: Money
    of: str
    of_ref: str | None = None


Request = (
    CreateOrder
    | SubmitPayment
    | QueryOrder
    | CloseOrder
    | ReverseOrder
    | RefundOrder
    | QueryRefund
    | VoidOrder
)


def give_back_no(order_no: str) -> str:
    """The number under which the money of an order that should not have been paid goes back: always the same one,
    and never an order's (U is no digit of theirs)."""
    return f"{order_no}U"


def given_back_of(number: str) -> str | None:
    """The order that this is the `give_back_no` of; None: of none."""
    return number[:-1] if number.endswith("U") else None


def asker(request: Request) -> str:
    """The number of the order in our books that asks this: a refund that gives an order back has no other."""
    of: str = getattr(request, "of", "")
    return of if of and request.order_no == give_back_no(of) else request.order_no


MOVES_MONEY = (CreateOrder, SubmitPayment, CloseOrder, ReverseOrder, RefundOrder, VoidOrder)


class Beep(Enum):
    """What is to be heard; the buzzer knows how (counter.md)."""

    KEY = "key"  # click
    NO = "no"  # short low: this key means nothing now
    TICK = "tick"  # scanned, in progress
    PAID = "paid"  # rising two-tone
    NOT_PAID = "not_paid"  # low two-tone
    UNKNOWN = "unknown"  # slow pulse
    ATTENTION = "attention"  # three low: somebody must look, or no sale can start
    OFFLINE = "offline"  # falling, twice: the line went down


# -- what the counter asks the dispatcher for -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenMpm:
    """Open an order whose code we show. `sale_no`: the purchase it belongs to, None: a new one."""

    amount: Money
    sale_no: str | None = None


@dataclass(frozen=True, slots=True)
class OpenCpm:
    """Open an order that charges the customer's code."""

    amount: Money
    wallet: str | None
    code: PaymentCode
    digest: str
    sale_no: str | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """Hand an event to an order: cancel, or the customer's code."""

    order_no: str
    event: OrderEvent


CounterEffect = OpenMpm | OpenCpm | Tell | Beep
OrderEffect = Request
