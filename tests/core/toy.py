"""A small world round the order tables: a toy gateway, customers, cancel keys, a bad line and power cuts.

Everything that could go one way or another is a choice, taken from a list of numbers; when the list is used
up everything goes well. So a short list is a simple history, and what hypothesis shrinks is readable.
What must hold is asserted after every step and every change at the gateway (`Shop.look`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from terminal.core import cpm, mpm
from terminal.core.effects import (
    CloseOrder,
    CreateOrder,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    Request,
    ReverseOrder,
    SubmitPayment,
    asker,
)
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    CodeIssued,
    CodePresented,
    LineFailed,
    OrderClosed,
    OrderEvent,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentHinted,
    PaymentPending,
    RefundDone,
    RefundFailed,
    Restarted,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
    WakeDue,
)
from terminal.core.sale import Order, Pace, Phase
from terminal.core.step import step
from terminal.core.terms import Mode, Money
from terminal.core.timing import Timing, next_wake

AMOUNT = Money(500, "EUR")
SALE = "S1"
LIFE_MS = 180_000
LAG_MS = 10_000  # how long a query may answer what was true before
LATE_MS = (
    12_000,
    40_000,
    100_000,
)  # how late a request may still arrive: less than Timing.verify_ms
TIMEOUT_MS = 10_000
HOP_MS = 300
CALM_MS = 900_000  # once nothing goes wrong any more, everything has ended by then (I13)
UNPAID = frozenset({Phase.DECLINED, Phase.CLOSED, Phase.REVERSED})


@dataclass(frozen=True, slots=True)
class Ways:
    """What gateways differ in. `known_unscanned`: an order is known before the customer scans it (else
    "no such order", features.md a.3 rule 9). `absent_accepts`: an undo of an unknown order is acknowledged.
    `undo`: there is one.
    `stays_paid`: a paid order that was returned is still called paid by a query (gateways.md 8.8)."""

    tombstone: bool = False
    undo_returns: bool = True
    known_unscanned: bool = True
    absent_accepts: bool = False
    stays_paid: bool = False
    create_again: bool = False
    undo: bool = True

    @property
    def leave_it_to_a_human(self) -> bool:
        """What should go back cannot, or an order does not end although its life is over."""
        return not (self.undo and self.undo_returns)

    def timing(self) -> Timing:
        return Timing(
            tombstone=self.tombstone,
            undo_returns=self.undo_returns,
            create_again=self.create_again,
            undo=self.undo,
        )


@dataclass
class Account:
    """One order at the gateway: absent, minted (a code, not scanned), open, paid, returned, closed, failed."""

    state: str = "absent"
    before: str = "absent"
    since_ms: int = 0
    dies_ms: int = 0

    def becomes(self, state: str, now_ms: int) -> None:
        self.before, self.state, self.since_ms = self.state, state, now_ms

    @property
    def captured(self) -> bool:
        return self.state == "paid"


@dataclass
class Shop:
    """The terminal's orders and the gateway's accounts, under one clock."""

    ways: Ways
    choices: Sequence[int]
    now_ms: int = 50_000
    booted_ms: int = 0
    daemon: int = 0  # which incarnation of the daemon is running; answers to the others are lost
    orders: dict[str, Order] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    refunds: set[str] = field(default_factory=set)  # numbers under which money went back
    _taken: int = 0
    _heap: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _number: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.timing = self.ways.timing()

    # -- chance and time ---------------------------------------------------------------------------------

    def choose(self, ways: int) -> int:
        """0 is always the way in which all goes well."""
        self._taken += 1
        return self.choices[self._taken - 1] % ways if self._taken <= len(self.choices) else 0

    def later(self, wait_ms: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.now_ms + wait_ms, next(self._number), action))

    def play(self, mode: Mode) -> None:
        """One purchase to its end, and on until nothing can happen any more."""
        self.open(mode)
        while self._turn():
            pass
        for order in self.orders.values():
            assert order.final or order.phase is Phase.ATTENTION, "forgotten (I13)"
            assert order.phase is not Phase.ATTENTION or self.ways.leave_it_to_a_human

    def _turn(self) -> bool:
        wakes = {
            order_no: due_ms + self.booted_ms
            for order_no, order in self.orders.items()
            if order.phase is not Phase.ATTENTION and (due_ms := next_wake(order)) is not None
        }
        order_no = min(wakes, key=wakes.__getitem__, default=None)
        if order_no is not None and (not self._heap or wakes[order_no] <= self._heap[0][0]):
            self.now_ms = max(self.now_ms, wakes[order_no])
            self.tell(order_no, WakeDue(at_ms=self.boot_ms))
        elif self._heap:
            at_ms, _, action = heapq.heappop(self._heap)
            self.now_ms = max(self.now_ms, at_ms)
            action()
        else:
            return False
        self.look()
        assert self.now_ms < 10 * CALM_MS, "it never ends"
        return True

    @property
    def boot_ms(self) -> int:
        return self.now_ms - self.booted_ms

    # -- the terminal --------------------------------------------------------------------------------------

    def open(self, mode: Mode) -> None:
        order_no = f"N{len(self.orders) + 1}"
        self.accounts[order_no] = Account()
        if mode is Mode.MPM:
            order, requests = mpm.open_order(
                order_no, SALE, AMOUNT, at_ms=self.boot_ms, timing=self.timing
            )
        else:
            order, requests = cpm.open_order(
                order_no,
                SALE,
                AMOUNT,
                wallet=None,
                code_digest=order_no,
                at_ms=self.boot_ms,
                timing=self.timing,
            )
        self.orders[order_no] = order
        self._people(order)
        for request in requests:
            self.send(request)

    def _people(self, order: Order) -> None:
        if wait_ms := (0, 2_000, 14_000, 40_000, 170_000)[self.choose(5)]:
            pressed = (CancelPressed, CodePresented)[self.choose(2)]
            self.later(wait_ms, lambda: self.tell(order.order_no, pressed(at_ms=self.boot_ms)))

    def tell(self, order_no: str, event: OrderEvent) -> None:
        before = self.orders[order_no]
        after, requests = step(before, event, self.timing)
        self.orders[order_no] = after
        self.look()
        if after.qr and not before.qr:
            self._customer(order_no)
        if after.phase in UNPAID and before.phase not in UNPAID and len(self.orders) == 1:
            (lambda: None, lambda: self.open(Mode.CPM))[self.choose(2)]()
        for request in requests:
            self.send(request)

    def restart(self, *, rebooted: bool) -> None:
        """Power goes and comes back: records are kept, what was under way is forgotten."""
        self.daemon += 1
        self.now_ms += 3_000
        self.booted_ms = self.now_ms if rebooted else self.booted_ms
        for order_no, order in self.orders.items():
            if not order.final:
                self.orders[order_no] = replace(order, pace=Pace())
                self.tell(order_no, Restarted(at_ms=self.boot_ms, rebooted=rebooted))

    # -- the line --------------------------------------------------------------------------------------------

    def send(self, request: Request) -> None:
        """What becomes of a request: eight ways, and two in which the power goes."""
        fate = self.choose(9)
        if fate == 0:
            self.later(HOP_MS, lambda: self._arrives(request, answered=True))
        elif fate == 1:
            self._answer(request, LineFailed, TIMEOUT_MS, left=True)
        elif fate == 2:
            self._answer(request, LineFailed, HOP_MS, left=False)
        elif fate == 3:
            self._arrives(request, answered=False)
            self._answer(request, LineFailed, TIMEOUT_MS, left=True)
        elif fate == 4:
            late_ms = LATE_MS[self.choose(len(LATE_MS))]
            self.later(late_ms, lambda: self._arrives(request, answered=False))
            self._answer(request, LineFailed, TIMEOUT_MS, left=True)
        elif fate == 5:
            self._arrives(request, answered=False)
            self._answer(request, AnswerUnclear, HOP_MS)
        elif fate == 6:
            self._answer(request, AnswerUnclear, HOP_MS)
        else:
            if fate == 7:
                self._arrives(request, answered=False)
            rebooted = bool(self.choose(2))
            self.later(0, lambda: self.restart(rebooted=rebooted))

    def _arrives(self, request: Request, *, answered: bool) -> None:
        event, words = self._at_gateway(request)
        self.look()
        if answered:
            self._answer(request, event, HOP_MS, **words)

    def _answer(
        self, request: Request, event: type[OrderEvent], wait_ms: int, **words: object
    ) -> None:
        daemon = self.daemon

        def heard() -> None:
            if daemon == self.daemon:
                told = event(at_ms=self.boot_ms, **words)  # type: ignore[arg-type]
                self.tell(asker(request), told)

        self.later(wait_ms, heard)

    # -- the gateway -----------------------------------------------------------------------------------------

    def _at_gateway(self, request: Request) -> tuple[type[OrderEvent], dict[str, object]]:
        account = self.accounts[asker(request)]
        match request:
            case CreateOrder():
                return self._create(account)
            case SubmitPayment():
                return self._charge(request.order_no, account)
            case QueryOrder():
                return self._tell(account)
            case CloseOrder() | ReverseOrder():
                return self._undo(account)
            case RefundOrder():
                return self._refund(request, account)
            case QueryRefund():
                back = request.order_no in self.refunds
                return (RefundDone, {"amount": request.amount}) if back else (OrderNotFound, {})

    def _create(self, account: Account) -> tuple[type[OrderEvent], dict[str, object]]:
        if account.state == "absent":
            account.becomes("open" if self.ways.known_unscanned else "minted", self.now_ms)
            account.dies_ms = self.now_ms + LIFE_MS
        if account.state in ("open", "minted"):
            return CodeIssued, {"code": "QR", "life_ms": LIFE_MS}
        return self._tell(account, lag=False)

    def _charge(
        self, order_no: str, account: Account
    ) -> tuple[type[OrderEvent], dict[str, object]]:
        if account.state != "absent":
            return AnswerUnclear, {}
        account.dies_ms = self.now_ms + LIFE_MS
        outcome = self.choose(4)
        account.becomes(("paid", "failed", "open", "open")[outcome], self.now_ms)
        if outcome >= 2:
            typing_ms = (8_000, 70_000)[outcome - 2]
            self.later(typing_ms, lambda: self._pay(order_no))
        return self._tell(account, lag=False)

    def _tell(
        self, account: Account, *, lag: bool = True
    ) -> tuple[type[OrderEvent], dict[str, object]]:
        fresh = self.now_ms - account.since_ms < LAG_MS
        state = account.before if lag and fresh and self.choose(3) == 1 else account.state
        if state == "paid" or (state == "returned" and self.ways.stays_paid):
            return PaymentApproved, {"paid": AMOUNT}
        answers: dict[str, type[OrderEvent]] = {
            "absent": OrderNotFound,
            "minted": OrderNotFound,
            "open": PaymentPending,
            "failed": PaymentDeclined,
        }
        return answers.get(state, OrderClosed), {}

    def _refund(
        self, request: RefundOrder, account: Account
    ) -> tuple[type[OrderEvent], dict[str, object]]:
        """The same number again changes nothing."""
        if request.order_no not in self.refunds:
            if account.state != "paid":
                return RefundFailed, {}
            self.refunds.add(request.order_no)
            account.becomes("returned", self.now_ms)
        return RefundDone, {"amount": request.amount}

    def _undo(self, account: Account) -> tuple[type[OrderEvent], dict[str, object]]:
        assert self.ways.undo, "asked for what this gateway does not have"
        unknown = account.state in ("absent", "minted")
        if unknown and self.ways.tombstone:
            account.becomes("closed", self.now_ms)
        if unknown:
            return (UndoAccepted if self.ways.absent_accepts else OrderNotFound), {}
        if account.state == "paid" and not self.ways.undo_returns:
            return UndoRefused, {"why": UndoRefusal.ALREADY_PAID}
        if account.state in ("open", "paid"):
            account.becomes("returned" if account.captured else "closed", self.now_ms)
        return UndoAccepted, {}

    # -- the customer ----------------------------------------------------------------------------------------

    def _customer(self, order_no: str) -> None:
        """Somebody sees our code: pays at once, never, or has it on the phone and pays much later."""
        wait_ms = (3_000, 0, 20_000, 100_000, LIFE_MS - 2_000)[self.choose(5)]
        if wait_ms:
            if self.choose(2):
                self._scan(order_no)
            self.later(wait_ms, lambda: self._pay(order_no))

    def _scan(self, order_no: str) -> None:
        if self.accounts[order_no].state == "minted":
            self.accounts[order_no].becomes("open", self.now_ms)

    def _pay(self, order_no: str) -> None:
        account = self.accounts[order_no]
        if account.state not in ("open", "minted") or self.now_ms > account.dies_ms:
            return
        account.becomes("paid", self.now_ms)
        for _ in range(self.choose(3)):
            self.later(1_000, lambda: self._notice(order_no))

    def _notice(self, order_no: str) -> None:
        self.tell(order_no, PaymentHinted(at_ms=self.boot_ms, answer=False))

    # -- what must hold --------------------------------------------------------------------------------------

    def look(self) -> None:
        """At every moment, because that is when people look at the glass (reliability.md 0.4)."""
        captured = [order_no for order_no, it in self.accounts.items() if it.captured]
        assert len(captured) <= 1, "charged twice (I2)"
        for order_no, order in self.orders.items():
            account = self.accounts[order_no]
            if order.phase is Phase.PAID:
                assert account.captured, "PAID is shown and was not captured (I3)"
            if order.phase in UNPAID:
                assert not account.captured, "NOT PAID is shown and was captured (I5, I6)"
