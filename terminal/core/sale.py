"""What is remembered of a sale: frozen records, small enough to copy.

A *sale* is one purchase at the counter. It may own several *orders* (each a number at the gateway), of
which at most one is alive: the customer may scan our code, change their mind and hold up their own.
`Order` is what the journal stores after every step. `Pace` is the part that is not worth a write to an SD
card: when to ask next. It is rebuilt after a restart, when everything is asked at once anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from terminal.core.terms import Mode, Money


class Phase(Enum):
    """Where an order stands. The last six are final: no request goes out for them by itself."""

    REQUESTING = "requesting"  # MPM: the code has been asked for
    PRESENTING = "presenting"  # MPM: the code is on the glass, anybody may pay it
    SUBMITTING = "submitting"  # CPM: the customer's code has left us, no word yet
    IN_DOUBT = "in_doubt"  # CPM: asked, not answered, or the customer is still confirming
    CLOSING = "closing"  # the order shall not be paid any more; not acknowledged yet
    REVERSING = "reversing"  # whatever happened shall be undone; not acknowledged yet
    VERIFYING = (
        "verifying"  # undone, but the gateway did not know the order: watch until it cannot appear
    )
    VOIDING = "voiding"  # a paid order of today shall be undone in full
    REFUNDING = "refunding"  # money of a paid order shall go back
    ATTENTION = "attention"  # a human must look; still asked about every hour
    PAID = "paid"
    DECLINED = "declined"
    CLOSED = "closed"
    REVERSED = "reversed"
    RETURNED = "returned"
    NOT_RETURNED = "not_returned"

    __hash__ = (
        object.__hash__
    )  # one object each; Enum's own is a Python function, and tables are asked a lot


RETURNS = frozenset({Mode.REFUND, Mode.VOID})
FINAL = frozenset(
    {
        Phase.PAID,
        Phase.DECLINED,
        Phase.CLOSED,
        Phase.REVERSED,
        Phase.RETURNED,
        Phase.NOT_RETURNED,
    }
)
"""No way leads out of these but a late payment (I7)."""

NOT_UNDONE = "no undo was acknowledged"  # detail of an order at attention: tried again every hour
GIVEN_BACK = (
    "given back by a refund"  # detail of a reversed one; its gateway goes on to call it paid
)
NO_CANCEL = "this gateway has no cancel"  # detail of an order that shall end and must be outlasted


class Reason(Enum):
    """Why an order ended, or is being ended. The screens have the words for people."""

    OPERATOR = "operator"  # C was pressed
    EXPIRED = "expired"  # the code's life or the patience for an answer is over
    CUSTOMER_CODE = "customer_code"  # the customer held up a code instead
    RESTARTED = "restarted"
    NO_CODE = "no_code"  # the gateway has the order but never gave us its code
    UNFIT = "unfit"  # the code does not fit this display readably
    NO_CONNECTION = "no_connection"  # nothing ever left the terminal
    LATE = "late"  # a payment arrived after the end and goes back
    INSUFFICIENT_FUNDS = "insufficient_funds"
    CODE_EXPIRED = "code_expired"
    CODE_INVALID = "code_invalid"
    CODE_USED = "code_used"
    LIMIT = "limit"
    REFUSED = "refused"  # declined, and the gateway gave no better word
    SETUP = "setup"  # the gateway refuses this terminal: keys, contract, permissions
    AT_GATEWAY = "at_gateway"  # the gateway closed or cancelled it
    MISMATCH = "mismatch"  # paid, but not this amount, currency or merchant
    FAULT = "fault"  # a cell of the table that cannot happen did


class Ask(Enum):
    """The kinds of requests about an order. One is under way at a time."""

    CREATE = "create"
    SUBMIT = "submit"
    QUERY = "query"
    CLOSE = "close"
    REVERSE = "reverse"
    REFUND = "refund"
    QUERY_REFUND = "query_refund"
    VOID = "void"

    __hash__ = object.__hash__  # as in Phase


@dataclass(frozen=True, slots=True)
class Pace:
    """When to ask next. `asked` is under way (no timer runs then: the line always answers, if only with
    LineFailed); else `ask_at_ms` says when the next request is due, None: nothing to ask."""

    asked: Ask | None = None
    ask_at_ms: int | None = None
    tries: int = 0  # requests in a row without a clear answer
    payer_acting: bool = False  # the gateway says that the customer is paying right now
    undo_again: bool = False  # after a restart: the next request is the undo that may have left


@dataclass(frozen=True, slots=True)
class Order:
    """One order at the gateway. All times are boot time in ms (CLOCK_BOOTTIME); no wall clock (I12)."""

    order_no: str
    sale_no: str  # the first order's number of the same purchase
    mode: Mode
    amount: Money
    phase: Phase
    opened_ms: int
    until_ms: int | None = None  # when the patience of this phase ends
    wallet: str | None = None  # the gateway's name for the customer's wallet
    code_digest: str | None = None  # CPM: keyed digest of the payment code, never the code (I11)
    qr: str | None = None  # MPM: the text of our code; set means that it may have been seen
    payable_until_ms: int | None = None  # MPM: when the gateway stops taking payments of our code
    undo_left: bool = False  # a close or reversal may have left: no way back to PAID (I3)
    undone: bool = False  # the gateway acknowledged it
    of: str | None = None  # a return: the number of the paid order, and the gateway's for it
    of_ref: str | None = None
    gateway_ref: str | None = None
    approval: str | None = None
    paid: Money | None = None  # what the gateway says was captured
    reason: Reason | None = None
    detail: str | None = None  # the gateway's own code, for the technician
    restarted: bool = False  # the daemon died in the middle of it
    pace: Pace = field(default=Pace(), compare=False)

    @property
    def final(self) -> bool:
        return self.phase in FINAL
