"""Everything that can happen to an order or at the counter. Past tense: it has happened, we decide now.

Every event carries `at_ms`, boot time in milliseconds, because the core has no clock. Gateway codecs make
the events of the first group out of authentic answers only; what is not authentic or not listed is
`AnswerUnclear` (DESIGN 2.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from terminal.core.sale import Order, Reason
from terminal.core.terms import Mode, Money

if TYPE_CHECKING:
    from terminal.codes.scanned import PaymentCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`at_ms`: boot time in ms at which the terminal learnt of it."""

    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleOpened(Event):
    """The first row of an order: somebody pressed OK, or a code was scanned. Only the journal holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried(Event):
    """Nothing happened: the journal goes on in a new file, and says there again where this open order stands.
    Only the journal holds it."""


# -- what the gateway said about an order (authentic, listed) ---------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeIssued(Event):
    """The order exists and `code` is the text of the QR to show. Says nothing about payment."""

    code: str
    gateway_ref: str | None = None
    life_ms: int | None = None  # how long it can be paid, when the gateway says so


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentApproved(Event):
    """Captured. The codec has checked that the answer names this order; `paid` is what it says came in."""

    paid: Money
    gateway_ref: str | None = None
    approval: str | None = None
    wallet: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentHinted(Event):
    """Something says paid, but does not prove it: an answer that does not name the order or lacks amount or
    currency, or (`answer=False`) a notice. Never proof by itself: ask now."""

    answer: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPending(Event):
    """The order is open. `payer_acting`: the customer has scanned or is typing their PIN."""

    payer_acting: bool = False
    gateway_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDeclined(Event):
    """A definite failure from the gateway's closed list: no money moved, and none can any more."""

    reason: Reason = Reason.REFUSED
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderClosed(Event):
    """The gateway says that the order is closed, cancelled or expired: it cannot be paid."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotFound(Event):
    """An authentic "no such order". No proof of anything: the request may still be on its way."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAccepted(Event):
    """The close or reversal was acknowledged: unpaid orders are dead, paid ones go back."""


class UndoRefusal(Enum):
    """Why a close or reversal was refused, by the gateway's closed list."""

    TOO_EARLY = "too_early"
    ALREADY_PAID = "already_paid"  # a close-only operation met a paid order
    WINDOW_OVER = "window_over"  # only a refund can return it now


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRefused(Event):
    why: UndoRefusal
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAccepted(Event):
    """The refund is known there and under way. Nothing is back yet."""

    gateway_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundDone(Event):
    """The money is back; `amount` is what the gateway says went back."""

    amount: Money
    gateway_ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFailed(Event):
    """A definite refusal from the gateway's closed list: this refund or void returns nothing, now or later."""

    reason: Reason = Reason.REFUSED
    detail: str = ""


# -- what was not said ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerUnclear(Event):
    """An answer that proves nothing: unlisted code, no or wrong signature, another order's answer,
    HTML, half a JSON, 5xx. `detail` is for the technician."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFailed(Event):
    """No answer. `left`: at least one byte may have left the terminal. False only where the connection
    was never made (refused, no route, name unknown, TLS handshake failed)."""

    left: bool
    detail: str = ""


# -- what people, time and power did to an order ------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeUnfit(Event):
    """The issued code cannot be shown readably on this display (decoding.md 4)."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPressed(Event):
    """A person pressed C (or typed `terminalctl cancel`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePresented(Event):
    """The customer holds up a code while ours is shown: this order must end before theirs is sent (I2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeDue(Event):
    """A time in the record has come: `next_wake(order) <= at_ms`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted(Event):
    """The daemon came back and read this order from the journal. `rebooted`: boot time began anew, so the
    record's times mean nothing."""

    rebooted: bool


OrderEvent = (
    CodeIssued
    | PaymentApproved
    | PaymentHinted
    | PaymentPending
    | PaymentDeclined
    | OrderClosed
    | OrderNotFound
    | UndoAccepted
    | UndoRefused
    | RefundAccepted
    | RefundDone
    | RefundFailed
    | AnswerUnclear
    | LineFailed
    | CodeUnfit
    | CancelPressed
    | CodePresented
    | WakeDue
    | Restarted
)

# -- what happened at the counter ---------------------------------------------------------------------


class Key(Enum):
    """A key of the pad, by what it means (counter.md); devices map their pins to these."""

    D0 = "0"
    D1 = "1"
    D2 = "2"
    D3 = "3"
    D4 = "4"
    D5 = "5"
    D6 = "6"
    D7 = "7"
    D8 = "8"
    D9 = "9"
    DOUBLE_ZERO = "00"
    PLUS = "+"
    BACK = "back"
    CANCEL = "cancel"  # C
    CLEAR = "clear"  # C held
    OK = "ok"
    MENU = "menu"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPressed(Event):
    key: Key


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeScanned(Event):
    """A reader delivered a clean payment code (codes.scanned has looked at it already). `digest`: keyed, to
    know the code again without keeping it (I11)."""

    code: PaymentCode
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRefused(Event):
    """A reader delivered something that is no payment code. `message`: what to tell the people."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMoved(Event):
    """An order's record changed (committed already)."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleAsked(Event):
    """A sale with a ready amount, from `terminalctl sale` (a till's way in later). `mode`: only that way;
    None: as the shop offers."""

    amount: Money
    mode: Mode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChanged(Event):
    """Contact with the gateway was lost or came back."""

    online: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceChanged(Event):
    """Something without which no sale may start broke or healed: clock, journal, display. None: all well.
    `why` in one line, `remedy` in one line."""

    why: str | None
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerChanged(Event):
    """The last scanner that worked was lost, or one came back. A sale can go on without."""

    lost: bool


CounterEvent = (
    KeyPressed
    | CodeScanned
    | ScanRefused
    | OrderMoved
    | SaleAsked
    | LineChanged
    | ServiceChanged
    | ScannerChanged
    | WakeDue
)
