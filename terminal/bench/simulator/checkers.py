"""What must hold, and when it is looked at (reliability.md 2). Each check is named for what it checks.

    sending    a request leaves                      I1 I10 I11
    committed  a row is durable                      I2 I4 I5 I6 I7 I11 I18 house
    shown      a glass is on the display             I1 I3 I6
    moved      an order changed at the gateway       I2 I3 I4 I5
    settled    the daemon has nothing to do          I13 I17
    ended      the world has been calm for long      I3 I5 I13

The gateway's ledger is the truth here; the terminal never sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from terminal.bench.simulator.card import Card
from terminal.bench.simulator.ledger import Ledger
from terminal.bench.simulator.line import Flights
from terminal.core.effects import (
    MOVES_MONEY,
    CloseOrder,
    Request,
    ReverseOrder,
    SubmitPayment,
    asker,
)
from terminal.core.events import PaymentApproved, SaleOpened
from terminal.core.sale import RETURNS, Order, Phase, Reason
from terminal.core.terms import Mode
from terminal.core.timing import BACKOFF_MS, next_wake
from terminal.core.views import Glass, NotPaid, Paid, Presenting
from terminal.journal import Row

if TYPE_CHECKING:
    from terminal.dispatcher import Dispatcher

# I13: with a healthy network everything is final in 180 s; but nobody can know that it is healthy again before
# the longest pause between two tries is over.
HEALED_MS = 180_000 + BACKOFF_MS[-1]


class Broken(Exception):
    """`rule` does not hold."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule


def must(rule: str, holds: bool, what: str, *words: object) -> None:
    """`what` is put together with its words only when it has to be said."""
    if not holds:
        raise Broken(rule, what.format(*words))


class Checkers:
    """Sees everything: the gateway's books, the card, what is under way, what was shown."""

    def __init__(self, ledger: Ledger, flights: Flights) -> None:
        self.ledger, self.flights = ledger, flights
        self.card: Card  # the scene gives it; the card itself calls `committed`
        self.seen: set[str] = set()  # orders whose code was on the glass
        self.shown_paid: set[str] = set()
        self.said: dict[tuple[str, type[Request]], Request] = {}
        self.digests: dict[str, str] = {}
        self.charged: set[str] = set()
        self.codes: set[str] = set()  # customers' codes in clear
        self.sales: dict[str, list[str]] = {}  # without returns
        self.returns: dict[str, dict[str, Order]] = {}  # of which order
        self.given_back: dict[str, int] = {}  # orders whose undo came too late, and what came in
        self.asked_back = 0  # refunds and voids that somebody asked for
        self.agreed: dict[str, tuple[Order, Order | None]] = {}  # journal's and daemon's

    # -- what is true at the gateway -------------------------------------------------------------------------

    def payable(self, order: Order) -> bool:
        """Somebody could still pay this order at this moment."""
        if order.mode is Mode.CPM:
            absent = self.ledger.state(order.order_no) == "absent"
            on_its_way = absent and self.flights.charge_of(order.order_no)
            return on_its_way or self.ledger.alive(order.order_no)
        return order.order_no in self.seen and self.ledger.alive(order.order_no)

    def _cannot_be_captured(self, rule: str, order: Order) -> None:
        if order.order_no in self.ledger.late:  # the gateway broke its word: I5 has the rest
            return
        captured = self.ledger.captured(order.order_no)
        must(rule, not captured, "{} is called unpaid and is captured", order.order_no)
        must(rule, not self.payable(order), "{} is called unpaid and can be paid", order.order_no)

    def _last(self, order_no: str) -> Order | None:
        row = self.card.order(order_no)
        return row.order if row else None

    # -- a request leaves --------------------------------------------------------------------------------------

    def sending(self, request: Request, ring: Dispatcher) -> None:
        if isinstance(request, MOVES_MONEY):
            self.intent_before_effect(request, ring)
        self.same_number_same_request(request)
        if isinstance(request, SubmitPayment):
            self.code_under_one_number_once(request)

    def intent_before_effect(self, request: Request, ring: Dispatcher) -> None:
        number = asker(request)
        last = self._last(number)
        must("I1", last is not None, "{.__name__} of {} without a row", type(request), number)
        assert last is not None
        intended = last.amount if number == request.order_no else last.paid
        must("I1", intended == request.amount, "{}: the row has another amount", number)
        in_ram = ring.orders.get(number)
        must(
            "I1",
            self.agree(last, in_ram),
            "{.__name__} of {} before its row",
            type(request),
            number,
        )
        if isinstance(request, CloseOrder | ReverseOrder):
            must("I1", last.undo_left, "{}: an undo leaves that the row does not intend", number)

    def same_number_same_request(self, request: Request) -> None:
        """I10. The code itself is not compared: it is sent once."""
        first = self.said.setdefault((request.order_no, type(request)), request)
        same = first is request or first == request
        must("I10", same, "{}: {.__name__} differs from the first", request.order_no, type(request))

    def code_under_one_number_once(self, request: SubmitPayment) -> None:
        number = self.digests.setdefault(request.code_digest, request.order_no)
        must(
            "I11",
            number == request.order_no,
            "a code is sent for {} and {}",
            number,
            request.order_no,
        )
        must("I11", number not in self.charged, "{}: the code is sent again", number)
        self.charged.add(number)
        assert request.code is not None
        self.codes.add(request.code.reveal())

    # -- a row is durable ---------------------------------------------------------------------------------------

    def committed(self, row: Row, before: Order | None, text: str) -> None:
        order = row.order
        if order.mode in RETURNS:
            self.return_told_truly(order)
            return
        if before is None:
            self.sales.setdefault(order.sale_no, []).append(order.order_no)
            self.new_order_after_the_end_of_the_last(row)
        else:
            self.finals_absorb(before, row)
        if order.phase is Phase.REFUNDING and order.paid is not None:
            self.given_back[order.order_no] = order.paid.minor
        if order.final and order.phase is not Phase.PAID:
            self._cannot_be_captured("I6", order)
        if order.phase is Phase.PAID:
            self.paid_is_captured(order)
        fault = order.phase is Phase.ATTENTION and order.reason is Reason.FAULT
        must("house", not fault, "{}: {}", order.order_no, order.detail)
        shown = next((code for code in self.codes if code in text), None)
        must("I11", shown is None, "{}: a payment code is in the journal", order.order_no)

    def new_order_after_the_end_of_the_last(self, row: Row) -> None:
        must("I1", isinstance(row.event, SaleOpened), "{} begins in the middle", row.order.order_no)
        for number in self.sales[row.order.sale_no][:-1]:
            earlier = self._last(number)
            assert earlier is not None
            must("I2", earlier.final, "{} begins while {} is open", row.order.order_no, number)
            self._cannot_be_captured("I2", earlier)

    def finals_absorb(self, before: Order, row: Row) -> None:
        """I7: nothing follows PAID; a final unpaid order moves for a payment only, and goes back."""
        if not before.final:
            return
        number, after = before.order_no, row.order.phase
        must("I7", before.phase is not Phase.PAID, "{}: PAID became {.value}", number, after)
        late = isinstance(row.event, PaymentApproved) and after is Phase.REVERSING
        must("I7", late, "{}: {.value} became {.value}", number, before.phase, after)

    def operator_effect_once(self) -> None:
        """I18: what somebody typed once is done once, whatever died meanwhile."""
        begun = sum(len(orders) for orders in self.returns.values())
        must(
            "I18", begun <= self.asked_back, "{} returns, {} were asked for", begun, self.asked_back
        )

    def return_told_truly(self, order: Order) -> None:
        """I4: RETURNED is back, in full; NOT RETURNED is not, and will not be. Its row is the reservation."""
        number = order.order_no
        self.returns.setdefault(order.of or "", {})[number] = order
        self.operator_effect_once()
        refund = self.ledger.refunds.get(number)
        if order.phase is Phase.RETURNED:
            must("I4", refund is not None, "{} is RETURNED and is not", number)
            assert refund is not None
            must("I4", refund.amount == order.amount, "{}: another amount went back", number)
            back = refund.done_ms <= self.ledger.clock.now_ms
            must("I4", back, "{} is RETURNED and the money is still under way", number)
        if order.phase is Phase.NOT_RETURNED:
            must("I4", refund is None, "{} is NOT RETURNED and went back", number)

    def returned_as_intended(self, order: Order) -> None:
        """I4: nothing goes back that no row intends, and never more than came in."""
        intended = self.returns.get(order.order_no, {}).values()
        reserved = sum(it.amount.minor for it in intended if it.phase is not Phase.NOT_RETURNED)
        reserved += self.given_back.get(order.order_no, 0)
        back = self.ledger.returned(order.order_no)
        must(
            "I4",
            back <= reserved,
            "{}: {} went back, {} was intended",
            order.order_no,
            back,
            reserved,
        )
        must("I4", reserved <= order.amount.minor, "{}: {} is reserved", order.order_no, reserved)

    def paid_is_captured(self, order: Order) -> None:
        """What came in, less what was given back."""
        captured = self.ledger.captured(order.order_no) + self.ledger.returned(order.order_no)
        exactly = captured == order.amount.minor
        must(
            "I3",
            exactly,
            "{} is PAID, {} of {} captured",
            order.order_no,
            captured,
            order.amount.minor,
        )

    # -- a glass is on the display -------------------------------------------------------------------------------

    def shown(self, glass: Glass, front: Order | None) -> None:
        view = glass.view
        if not isinstance(view, Paid | NotPaid | Presenting):
            return
        assert front is not None
        last = self._last(front.order_no)
        assert last is not None
        must(
            "I3",
            self.agree(last, front),
            "{} is shown otherwise than it is journalled",
            front.order_no,
        )
        if isinstance(view, Presenting):
            must("I1", view.qr == last.qr, "{}: the code is shown before its row", front.order_no)
            self.seen.add(front.order_no)
        elif isinstance(view, Paid):
            must("I3", last.phase is Phase.PAID, "PAID is shown for {.value}", last.phase)
            must("I3", view.amount == last.amount, "another amount is shown as PAID")
            self.shown_paid.add(front.order_no)
            self.paid_is_captured(last)
        else:
            must("I6", last.final and last.phase is not Phase.PAID, "NOT PAID is shown too early")
            self._cannot_be_captured("I6", last)

    # -- an order changed at the gateway --------------------------------------------------------------------------

    def moved(self, order_no: str) -> None:
        order = self._last(order_no)
        must("I1", order is not None, "the gateway knows {}, the journal does not", order_no)
        assert order is not None
        if order_no in self.shown_paid or order.phase is Phase.PAID:
            self.paid_is_captured(order)
        elif order.final and order_no not in self.ledger.late:
            captured = self.ledger.captured(order_no)
            must("I5", not captured, "{} ended unpaid and is captured", order_no)
        self.charged_once(order)
        self.returned_as_intended(order)

    def charged_once(self, order: Order) -> None:
        """I2, over all orders of the sale."""
        numbers = self.sales[order.sale_no]
        late = self.ledger.late
        captured = sum(self.ledger.captured(number) for number in numbers if number not in late)
        must("I2", captured <= order.amount.minor, "sale {}: {} captured", order.sale_no, captured)
        orders = (self._last(number) for number in numbers)
        payable = [it.order_no for it in orders if it is not None and self.payable(it)]
        must("I2", len(payable) <= 1, "{} can be paid at once", payable)

    # -- the daemon has nothing to do ------------------------------------------------------------------------------

    def settled(self, ring: Dispatcher) -> None:
        live = self.card.live()
        must("I17", len(live) == len(ring.orders), "the journal knows other open orders")
        for row in live:
            number = row.order.order_no
            known = ring.orders.get(number)
            must("I17", self.agree(row.order, known), "{}: the daemon knows another order", number)
        for order in ring.orders.values():
            if order.pace.asked is None:
                waits = next_wake(order) is not None
            else:
                waits = self._under_way(ring, order.order_no)
            must("I13", waits, "{0.order_no}, {0.phase}: nothing will ever happen", order)

    def _under_way(self, ring: Dispatcher, order_no: str) -> bool:
        for request in ring.outbox.exchanges.values():
            if asker(request) == order_no:
                return True
        return any(asker(request) == order_no for request, _ in ring.outbox.unsaid)

    def agree(self, written: Order, known: Order | None) -> bool:
        """They say the same. Records never change, so two that were compared need no second look."""
        last = self.agreed.get(written.order_no)
        if last is not None and last[0] is written and last[1] is known:
            return True
        same = written == known
        if same:
            self.agreed[written.order_no] = (written, known)
        return same

    def healed(self, ring: Dispatcher, healthy_ms: int, world: Callable[[int], int]) -> None:
        """I13, asked while the world is calm. `world`: boot time -> the world's time."""
        now_ms = self.ledger.clock.now_ms
        if now_ms <= healthy_ms + HEALED_MS:
            return
        for order in ring.orders.values():
            since_ms = healthy_ms
            if order.payable_until_ms is not None:  # until then a code may be waited for
                since_ms = max(since_ms, world(order.payable_until_ms))
            returns = order.phase is Phase.REFUNDING or order.mode in RETURNS  # up to a day (3.4)
            waits = order.phase is Phase.ATTENTION or returns
            late = not waits and now_ms > since_ms + HEALED_MS
            must("I13", not late, "{} is still {.value}", order.order_no, order.phase)

    def ended(self) -> None:
        for number in self.sales_orders():
            order = self._last(number)
            assert order is not None
            must("I13", order.final or order.phase is Phase.ATTENTION, "{} was forgotten", number)
            if order.phase is Phase.PAID:
                self.paid_is_captured(order)
            elif order.final:
                captured = self.ledger.captured(number)
                must("I5", not captured, "{} ended unpaid and is captured", number)
        for number in sorted(self.shown_paid):
            order = self._last(number)
            still = order is not None and order.phase is Phase.PAID
            must("I3", still, "{} was shown as PAID", number)

    def sales_orders(self) -> list[str]:
        return [number for numbers in self.sales.values() for number in numbers]
