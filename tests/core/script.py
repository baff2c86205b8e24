"""A sale played like a script, in virtual time: the tests of the order tables read as the tables do.

    sale = shown()                    # our code is on the glass
    sale.wakes().hears(PaymentPending)
    assert sale.phase is Phase.PRESENTING

A `Sale` keeps the order, the time and everything that was sent. Nothing here knows a rule.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

from terminal.core import cpm, mpm, refund
from terminal.core.effects import (
    CloseOrder,
    CreateOrder,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    Request,
    ReverseOrder,
    SubmitPayment,
    VoidOrder,
)
from terminal.core.events import (
    CodeIssued,
    LineFailed,
    OrderEvent,
    PaymentApproved,
    Restarted,
    WakeDue,
)
from terminal.core.sale import Ask, Order, Phase
from terminal.core.step import step
from terminal.core.terms import Mode, Money
from terminal.core.timing import Timing, next_wake

EUR_5 = Money(500, "EUR")
EUR_4 = Money(400, "EUR")
NO, DIGEST = "T000001AAAA00000001BBBBBB", "d1"
CAREFUL = Timing()
CLOSE_ONLY = Timing(undo_returns=False)
NO_UNDO = Timing(undo=False)
TOMBSTONE = Timing(tombstone=True)
CREATE_AGAIN = Timing(create_again=True)
SENDS: dict[Ask, type[Request]] = {
    Ask.CREATE: CreateOrder,
    Ask.SUBMIT: SubmitPayment,
    Ask.QUERY: QueryOrder,
    Ask.CLOSE: CloseOrder,
    Ask.REVERSE: ReverseOrder,
    Ask.REFUND: RefundOrder,
    Ask.QUERY_REFUND: QueryRefund,
    Ask.VOID: VoidOrder,
}


@dataclass
class Sale:
    """One order on its way. `last`: what the last step asked for, `sent`: everything so far."""

    order: Order
    now_ms: int
    timing: Timing = CAREFUL
    last: tuple[Request, ...] = ()
    sent: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sent += self.last

    @property
    def phase(self) -> Phase:
        return self.order.phase

    @property
    def asks(self) -> Any:
        """The type of the request that the last step asked for; None: nothing."""
        return type(self.last[0]) if self.last else None

    def hears(self, event: type[OrderEvent], after_ms: int = 0, **words: Any) -> Self:
        """Step with an event, `after_ms` from now."""
        self.now_ms += after_ms
        return self.told(event(at_ms=self.now_ms, **words))

    def told(self, event: OrderEvent) -> Self:
        self.now_ms = max(self.now_ms, event.at_ms)
        self.order, self.last = step(self.order, event, self.timing)
        self.sent += self.last
        return self

    def wakes(self) -> Self:
        """The next thing that is due by itself."""
        due_ms = next_wake(self.order)
        assert due_ms is not None, f"{self.phase} waits for nothing"
        self.now_ms = max(self.now_ms, due_ms)
        return self.told(WakeDue(at_ms=self.now_ms))

    def until(self, request: type[Request], answer: type[OrderEvent], **words: Any) -> Self:
        """Time passes, and every other request is answered so, until `request` is under way."""
        for _ in range(200):
            if self.asks is request:
                return self
            if self.order.pace.asked:
                self.hears(answer, **words)
            else:
                self.wakes()
        raise AssertionError(f"{request.__name__} never left")

    def restarts(self, *, rebooted: bool = False, after_ms: int = 3_000) -> Self:
        """Power comes back. What is kept is the record; after a reboot boot time begins anew."""
        self.now_ms = after_ms if rebooted else self.now_ms + after_ms
        self.order = replace(self.order, pace=type(self.order.pace)())
        return self.told(Restarted(at_ms=self.now_ms, rebooted=rebooted))

    def count(self, request: type[Request]) -> int:
        return sum(isinstance(sent, request) for sent in self.sent)


def told(order: Order, *events: OrderEvent, timing: Timing = CAREFUL) -> Order:
    """The order after these events."""
    for event in events:
        order, _ = step(order, event, timing)
    return order


def requesting(timing: Timing = CAREFUL, at_ms: int = 1_000) -> Sale:
    """MPM: our code has been asked for."""
    order, requests = mpm.open_order(NO, NO, EUR_5, at_ms=at_ms, timing=timing)
    return Sale(order, at_ms, timing, requests)


def shown(timing: Timing = CAREFUL, *, life_ms: int | None = None) -> Sale:
    """MPM: our code is on the glass."""
    return requesting(timing).hears(CodeIssued, 500, code="https://pay/1", life_ms=life_ms)


def submitting(timing: Timing = CAREFUL, at_ms: int = 1_000) -> Sale:
    """CPM: the customer's code has left."""
    order, requests = cpm.open_order(
        NO, NO, EUR_5, wallet="alipay-cn", code_digest=DIGEST, at_ms=at_ms, timing=timing
    )
    return Sale(order, at_ms, timing, requests)


def in_doubt(timing: Timing = CAREFUL) -> Sale:
    """CPM: sent, and no answer came."""
    return submitting(timing).hears(LineFailed, 10_000, left=True)


def paid(timing: Timing = CAREFUL) -> Order:
    """A sale of 5.00 that is paid."""
    return shown(timing).hears(PaymentApproved, 500, paid=EUR_5, gateway_ref="g1").order


def refunding(timing: Timing = CAREFUL, amount: Money = EUR_5) -> Sale:
    """Money of a paid sale shall go back, and the request has left."""
    order, requests = refund.open_return("R1", paid(timing), amount, Mode.REFUND, at_ms=9_000)
    return Sale(order, 9_000, timing, requests)


def voiding(timing: Timing = CAREFUL) -> Sale:
    """A paid sale shall be undone, and the request has left."""
    order, requests = refund.open_return("V1", paid(timing), EUR_5, Mode.VOID, at_ms=9_000)
    return Sale(order, 9_000, timing, requests)
