"""A small world round the production dispatcher and the production desk, in virtual time: a toy bank, customers,
and whatever may be posted to the listener. One thread; everything that happens is in one heap.

What is posted is what the vendor's side of a shipped codec signs, and that codec reads it. What is asked goes over
a wire of the world's own: two signatures for each question would cost ten times all the rest.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from terminal.bench.sandbox import entries
from terminal.bench.sandbox.entries import State
from terminal.bench.sandbox.keys import keys_in
from terminal.bench.sandbox.ledger import Ledger
from terminal.bench.sandbox.mischief import Kind
from terminal.bench.sandbox.server import WIRES
from terminal.codes.scanned import PaymentCode
from terminal.core import events
from terminal.core.effects import (
    CreateOrder,
    OpenCpm,
    OpenMpm,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    Request,
    SubmitPayment,
)
from terminal.core.events import CancelPressed, OrderEvent
from terminal.core.sale import Order, Phase
from terminal.core.stand import Shop
from terminal.core.terms import Mode, Money
from terminal.devices.buzzer import none as no_buzzer
from terminal.devices.keypad import none as no_keypad
from terminal.dispatcher import Answered, Dispatcher, Noticed, Parts
from terminal.gateways import Gateway, Notice
from terminal.journal import Journal
from terminal.web import Verdict
from terminal.web.notices import Desk
from terminal.wire.http import HttpAnswer, HttpRequest, Stamp
from terminal.wire.line import Failure
from terminal.wiring import NOTICE_TIMEOUT_S
from tests.web.house import Face
from tests.web.vendor import ADDRESS, codec

TERMINAL = "WEBTST"
AMOUNT = Money(500, "EUR")
BACK = Money(200, "EUR")
HOP_MS = 150
START_MS = 1_000_000
END_MS = 1_200_000  # of the world, after START_MS
REFUND_AT_MS = 450_000  # every sale has ended
PAUSES_MS = (5_000, 10_000, 15_000, 30_000, 60_000, 180_000)  # gateways.md 1.11, shortened
OTHER = "TOTHER1000100000001XYZ123"
PATH = "/notify"
STATES = {
    "absent": State.WAITING,
    "open": State.PAYING,
    "paid": State.PAID,
    "returned": State.RETURNED,
    "closed": State.EXPIRED,  # a close of our own is not told by every gateway
    "failed": State.FAILED,
}


@dataclass(frozen=True, slots=True)
class Script:
    """One sale. Times in ms after the order reached the bank; None: never.

    `pays_ms`: CPM 0 is at once. `late_ms`: after START_MS, somebody pays although the order is closed."""

    mode: Mode = Mode.MPM
    pays_ms: int | None = None
    declines_ms: int | None = None
    cancel_ms: int | None = None
    refund_ms: int | None = None  # how long a refund of it is under way; None: none is asked for
    late_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """What comes to the listener: at `at_ms` after START_MS something about sale number `about`."""

    about: int
    at_ms: int
    says: str = "truth"  # or paid, closed, refund, other: well signed all the same
    forged: Kind | None = None  # WRONG_SIGNATURE, UNSIGNED
    more_minor: int = 0
    copies: int = 1


@dataclass(slots=True)
class Account:
    script: Script
    state: str = "absent"  # open, paid, returned, closed, failed
    refunds: dict[str, int] = field(default_factory=dict)  # number -> when it is done


class Teller:
    """One gateway: the vendor who writes notices, and our codec, which reads them."""

    def __init__(self, name: str, place: Path) -> None:
        keys = keys_in(place)
        self.ledger = Ledger(place / "ledger.sqlite")  # stays empty: the world has the bank
        self.wire = WIRES[name](name, self.ledger, keys)
        self.codec = codec(self.wire, keys)

    def notice(
        self, order_no: str, says: str, minor: int, refund_no: str, kind: Kind | None
    ) -> HttpRequest | None:
        """None: this gateway does not tell that."""
        state = State.PAID if refund_no else STATES[says]
        taken = state in (State.PAID, State.RETURNED)
        order = entries.Order(
            order_no=order_no,
            trans_no=f"5123{order_no}",
            merchant=self.wire.merchant,
            mode=Mode.MPM,
            amount=AMOUNT,
            wallet="Alipay+",
            state=state,
            created_ms=START_MS,
            expires_ms=START_MS,
            captured_minor=minor if taken and not refund_no else AMOUNT.minor * taken,
            notes={"notify_url": ADDRESS, "product": "CASHIER_PAYMENT"},  # of which most is told
        )
        refund = None
        if refund_no:
            back = Money(minor, AMOUNT.currency)
            refund = entries.Refund(refund_no, f"5124{refund_no}", order_no, back, START_MS)
        return self.wire.notice(order, refund, START_MS, kind)


class World:
    """`World(journal, teller, scripts, posts).play()` -> what became of each sale."""

    boot_id = "b"

    def __init__(
        self,
        journal: Journal,
        teller: Teller,
        scripts: Sequence[Script],
        posts: Sequence[Post] = (),
        *,
        cut: tuple[int, int] = (0, 0),
    ) -> None:
        self.now_ms = START_MS
        self.scripts, self.posts, self.cut = scripts, posts, cut
        self.teller = teller
        self.gateway = Plain(teller.codec)
        self.accounts: dict[str, Account] = {}
        self.numbers: dict[int, str] = {}
        self.refunds: dict[int, str] = {}
        self.said: list[int] = []  # what the listener answered
        self.queries = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._count = count()
        self.dispatcher = self._dispatcher(journal)
        self.desk = Desk(
            PATH,
            self.gateway.notice,
            self._hand_over,
            self.gateway.acknowledgement,
            lambda: self.now_ms / 1000,
        )

    def _dispatcher(self, journal: Journal) -> Dispatcher:
        parts = Parts(
            time=self,
            journal=journal,
            gateway=self.gateway,
            line=self,  # type: ignore[arg-type]
            face=Face(),
            buzzer=no_buzzer.Device(no_buzzer.Settings()),
            keypad=no_keypad.Device(no_keypad.Settings()),
            scanners=(),
            chance=lambda: 7,
            code_key=b"k" * 32,
        )
        return Dispatcher(parts, Shop("EUR", 200_000), TERMINAL, "")

    # -- time ------------------------------------------------------------------------------------------

    def boot_ms(self) -> int:
        return self.now_ms

    def utc_ms(self) -> int:
        return self.now_ms

    def is_trusted(self) -> bool:
        return True

    def label(self, utc_ms: int) -> str:
        return str(utc_ms)

    def later(self, wait_ms: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.now_ms + wait_ms, next(self._count), action))

    def turn(self, until_ms: int) -> bool:
        """The next thing that happens; False when nothing does before `until_ms`."""
        due_ms = self.dispatcher.due_ms()
        wake_ms = until_ms if due_ms is None else due_ms
        if self._heap and self._heap[0][0] <= min(wake_ms, until_ms):
            at_ms, _, action = heapq.heappop(self._heap)
            self.now_ms = max(self.now_ms, at_ms)
            action()
        elif wake_ms < until_ms:
            self.now_ms = max(self.now_ms + 1, wake_ms)
        else:
            return False
        self.dispatcher.wake()
        return True

    def play(self) -> list[tuple[object, ...]]:
        for about, script in enumerate(self.scripts):
            self.later(7_000 * about, lambda about=about, script=script: self.open(about, script))
        for post in self.posts:
            self.later(post.at_ms, lambda post=post: self.post(post))
        while self.turn(START_MS + END_MS):
            pass
        return [self.became(about) for about in range(len(self.scripts))]

    def became(self, about: int) -> tuple[object, ...]:
        number, refund_no = self.numbers[about], self.refunds.get(about)
        account = self.accounts[number]
        order = self.order(number)
        back = self.order(refund_no).phase if refund_no else None
        return order.phase, order.paid, account.state, back, len(account.refunds)

    def order(self, number: str) -> Order:
        row = self.dispatcher.parts.journal.order(number)
        assert row is not None
        return self.dispatcher.orders.get(number, row.order)

    # -- the counter -------------------------------------------------------------------------------------

    def open(self, about: int, script: Script) -> None:
        known = set(self.dispatcher.orders)
        if script.mode is Mode.MPM:
            self.dispatcher.open_mpm(OpenMpm(AMOUNT), self.now_ms)
        else:
            code, digest = PaymentCode(f"2810060200000000000{about:05}"), f"{self.now_ms}"
            self.dispatcher.open_cpm(OpenCpm(AMOUNT, None, code, digest), self.now_ms)
        (number,) = set(self.dispatcher.orders) - known
        self.numbers[about] = number
        self.accounts[number] = Account(script)
        if script.cancel_ms is not None:
            self.later(script.cancel_ms, lambda: self._cancel(number))
        if script.refund_ms is not None:
            self.later(REFUND_AT_MS, lambda: self._refund(about, number))
        if script.late_ms is not None:
            self.later(script.late_ms, lambda: self._pay_late(about, number))

    def _cancel(self, number: str) -> None:
        self.dispatcher.turn(number, CancelPressed(at_ms=self.now_ms))

    def _refund(self, about: int, number: str) -> None:
        order = self.order(number)
        if order.phase is Phase.PAID:
            back = self.dispatcher.open_return(order, BACK, Mode.REFUND)
            self.refunds[about] = back.order_no

    # -- the line ----------------------------------------------------------------------------------------

    def send(self, exchange: int, request: HttpRequest, *, urgent: bool) -> None:  # noqa: ARG002
        asked = self.gateway.asked[int(request.body)]
        self.later(HOP_MS, lambda: self._arrives(exchange, asked))

    def probe(self, exchange: int) -> None:
        self.later(HOP_MS, lambda: self._answer(exchange, HttpAnswer(0, b"")))

    def _arrives(self, exchange: int, request: Request) -> None:
        if self.cut[0] <= self.now_ms - START_MS < self.cut[1]:
            answer: HttpAnswer | Failure = Failure(left=True, detail="cut")
        else:
            name, words = self.asked(request)
            answer = HttpAnswer(200, json.dumps([name, words]).encode())
        self.later(HOP_MS, lambda: self._answer(exchange, answer))

    def _answer(self, exchange: int, answer: HttpAnswer | Failure) -> None:
        self.dispatcher.handle(Answered(exchange, answer))

    # -- the bank ----------------------------------------------------------------------------------------

    def asked(self, request: Request) -> tuple[str, dict[str, Any]]:
        match request:
            case CreateOrder():
                self._begin(request.order_no)
                return "CodeIssued", {"code": "QR"}
            case SubmitPayment():
                self._begin(request.order_no)
                return self._told(request.order_no)
            case QueryOrder():
                self.queries += 1
                return self._told(request.order_no)
            case RefundOrder():
                account = self.accounts[request.of]
                wait_ms = account.script.refund_ms or 0
                account.refunds.setdefault(request.order_no, self.now_ms + wait_ms)
                return "RefundAccepted", {}
            case QueryRefund():
                done_ms = self.accounts[request.of].refunds[request.order_no]
                if self.now_ms < done_ms:
                    return "RefundAccepted", {}
                return "RefundDone", {"amount": BACK.minor}
        return self._undo(self.accounts[request.order_no])

    def _begin(self, number: str) -> None:
        account = self.accounts[number]
        account.state = "open"
        for wait_ms, state in (
            (account.script.pays_ms, "paid"),
            (account.script.declines_ms, "failed"),
        ):
            if wait_ms == 0:
                self._move(number, state)
            elif wait_ms is not None:
                self.later(wait_ms, lambda state=state: self._move(number, state))

    def _move(self, number: str, state: str) -> None:
        if self.accounts[number].state == "open":
            self.accounts[number].state = state

    def _pay_late(self, about: int, number: str) -> None:
        """Money on an order that is closed: the bank tells, until it is acknowledged."""
        if self.accounts[number].state in ("closed", "failed"):
            self.accounts[number].state = "paid"
            self._deliver(self.written(Post(about, 0)), 0)

    def _told(self, number: str) -> tuple[str, dict[str, Any]]:
        state = self.accounts[number].state
        if state == "paid":
            return "PaymentApproved", {"paid": AMOUNT.minor}
        names = {"absent": "OrderNotFound", "open": "PaymentPending", "failed": "PaymentDeclined"}
        return names.get(state, "OrderClosed"), {}

    def _undo(self, account: Account) -> tuple[str, dict[str, Any]]:
        if account.state == "absent":
            return "OrderNotFound", {}
        if account.state in ("open", "paid"):
            account.state = "returned" if account.state == "paid" else "closed"
        return "UndoAccepted", {}

    # -- notices -----------------------------------------------------------------------------------------

    def post(self, post: Post) -> None:
        request = self.written(post)
        for _ in range(post.copies):
            self._deliver(request, 0)

    def written(self, post: Post) -> HttpRequest | None:
        """The vendor's bytes; None when this vendor does not tell such a thing."""
        number, says = self.numbers.get(post.about, OTHER), post.says
        if says == "other":
            number = OTHER
        if says == "truth":
            says = self.accounts[number].state if number in self.accounts else "paid"
        refund_no = self.refunds.get(post.about, OTHER) if says == "refund" else ""
        minor = (BACK if refund_no else AMOUNT).minor + post.more_minor
        said = says if says in STATES else "paid"
        return self.teller.notice(number, said, minor, refund_no, post.forged)

    def _deliver(self, request: HttpRequest | None, tries: int) -> None:
        if request is None:
            return
        answer = self.desk.answer("POST", PATH, request.headers, request.body)
        self.said.append(answer.status)
        done = self.teller.wire.acknowledges(answer)
        if not done and tries < len(PAUSES_MS):
            self.later(PAUSES_MS[tries], lambda: self._deliver(request, tries + 1))

    def _hand_over(self, notice: Notice) -> Verdict:
        """As wiring does; while it waits, the world goes on."""
        box: list[Verdict] = []
        self.dispatcher.handle(Noticed(notice, box.append))
        until_ms = self.now_ms + int(NOTICE_TIMEOUT_S * 1000)
        while not box and self.turn(until_ms):
            pass
        return box[0] if box else Verdict.LATER


class Plain:
    """A shipped codec, but for what is asked: a number out and an event's name back."""

    def __init__(self, codec: Gateway) -> None:
        self.name, self.timing = codec.name, codec.timing
        self.acknowledgement, self.notice = codec.acknowledgement, codec.notice
        self.asked: list[Request] = []

    def build(self, request: Request, stamp: Stamp) -> HttpRequest:  # noqa: ARG002
        self.asked.append(request)
        return HttpRequest("/", str(len(self.asked) - 1).encode())

    def parse(self, request: Request, answer: HttpAnswer, at_ms: int) -> OrderEvent:  # noqa: ARG002
        name, words = json.loads(answer.body)
        money = {key: Money(words.pop(key), "EUR") for key in ("paid", "amount") if key in words}
        event: OrderEvent = getattr(events, name)(at_ms=at_ms, **money, **words)
        return event
