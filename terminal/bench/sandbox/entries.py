"""What stands in the sandbox's books: orders, refunds, one-time codes, and why something was refused.

`MOVES` says how an order may go from state to state; the ledger refuses to write anything else, so a mistake
in the sandbox cannot look like a mistake of the terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from terminal.bench.sandbox.rules import Behaviour
from terminal.core.terms import Mode, Money, Refusal


class State(Enum):
    """Of an order. An order that was partly given back is still PAID."""

    WAITING = "waiting"  # MPM: the code is shown, nobody has scanned it
    PAYING = "paying"  # scanned, or submitted and the payer must confirm
    PAID = "paid"
    FAILED = "failed"  # the payer's side said no
    EXPIRED = "expired"
    CLOSED = "closed"  # revoked before any money moved
    RETURNED = "returned"  # revoked after it was paid: all the money went back


MOVES: Mapping[State | None, frozenset[State]] = {
    None: frozenset({State.WAITING, State.PAYING, State.PAID, State.FAILED}),
    State.WAITING: frozenset({State.PAYING, State.PAID, State.FAILED, State.EXPIRED, State.CLOSED}),
    State.PAYING: frozenset({State.PAID, State.FAILED, State.EXPIRED, State.CLOSED}),
    State.EXPIRED: frozenset({State.PAID, State.CLOSED}),  # PAID: only with `late_payment`
    State.FAILED: frozenset(),
    State.PAID: frozenset({State.RETURNED}),
    State.CLOSED: frozenset({State.PAID}),  # only with `paid_after_close`
    State.RETURNED: frozenset(),
}
OPEN = frozenset({State.WAITING, State.PAYING})


class Decline(Enum):
    """Why an order is FAILED: what the payer's side said."""

    REFUSED = "refused"
    INSUFFICIENT = "insufficient"
    CODE_EXPIRED = "code_expired"
    CODE_USED = "code_used"
    CODE_UNKNOWN = "code_unknown"
    WRONG_WALLET = "wrong_wallet"


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `changed`: number of the last entry about it, rising over the whole book.

    `amount` is what was asked, `captured_minor` what was really taken (they differ when a customer is made to
    pay a wrong amount), `returned_minor` what went back since. `qr`: what the phone scans, "" for CPM.
    `notes`: what the wire wants back one day (store, attach, notify_url). Times: epoch ms of our wall clock.
    """

    order_no: str
    trans_no: str
    merchant: str
    mode: Mode
    amount: Money
    wallet: str
    state: State
    created_ms: int
    expires_ms: int
    qr: str = ""
    reason: Decline | None = None
    captured_minor: int = 0
    returned_minor: int = 0
    ended_ms: int = 0
    changed: int = 0
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def left_minor(self) -> int:
        """What can still be given back."""
        return self.captured_minor - self.returned_minor


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back by its own number, settled at `done_ms`. `failed`: accepted, but it did not happen."""

    refund_no: str
    trans_no: str
    order_no: str
    amount: Money
    done_ms: int
    failed: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PayerCode:
    """What a customer's app shows. `order_no`: the order that used it up, "" while it is fresh."""

    code: str = field(repr=False)
    wallet: str
    behaviour: Behaviour
    expires_ms: int
    order_no: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One applied change, never rewritten. `delta_minor`: into (+) or out of (-) the till."""

    number: int
    at_ms: int
    order_no: str
    what: str
    before: str
    after: str
    delta_minor: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification waiting to be delivered. `tries` were made so far; the next is due at `due_ms`.

    `order` is what it was when the notice was written, not what it is now: a notice that comes late tells an
    old truth, and two may come in the wrong order (F60)."""

    number: int
    order: Order
    refund_no: str
    due_ms: int
    tries: int


class Why(Enum):
    """Why the ledger refused. Each wire has its own words for these."""

    UNKNOWN = "unknown"  # no such order or refund
    REPEATED = "repeated"  # the number was used before
    TOO_EARLY = "too_early"
    NOT_PAID = "not_paid"
    TOO_MUCH = "too_much"  # more than is left to give back
    TOO_MANY = "too_many"
    BURIED = "buried"  # revoked before it came (tombstone)
    ENDED = "ended"  # expired, closed or paid: cannot be paid now
    WINDOW = "window"  # too old to be revoked
    WALLET = "wallet"
    CURRENCY = "currency"
    POOR = "poor"  # the wallet does not hold so much
    CODE = "code"  # no such customer's code


class LedgerRefusal(Refusal):
    """The books say no; `why` is for the wire, the message for a person."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why = why
