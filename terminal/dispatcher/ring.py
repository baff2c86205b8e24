"""The ring: inbox -> step -> journal -> effects -> sleep until the next wake.

The order of things in `turn` and `commit` is the whole promise of this house: step, COMMIT, then effects, then
screen. The sale in front is served at once; every other order waits for its rank and for a place in the outbox.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from terminal.core import counter as people
from terminal.core import cpm, mpm, refund
from terminal.core.effects import (
    Beep,
    CounterEffect,
    CreateOrder,
    OpenCpm,
    OpenMpm,
    RefundOrder,
    Request,
    SubmitPayment,
    Tell,
    VoidOrder,
    asker,
    given_back_of,
)
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    CodeIssued,
    CodePresented,
    CodeUnfit,
    CounterEvent,
    Event,
    LineChanged,
    LineFailed,
    OrderEvent,
    OrderMoved,
    PaymentApproved,
    PaymentDeclined,
    PaymentHinted,
    RefundFailed,
    Restarted,
    SaleOpened,
    ScannerChanged,
    ServiceChanged,
    WakeDue,
)
from terminal.core.record import replace
from terminal.core.sale import RETURNS, Order, Pace, Phase, Reason
from terminal.core.scanning import RECENT_MAX
from terminal.core.sight import UPDATING
from terminal.core.stand import Counter, Shop, Stand, armed
from terminal.core.step import step
from terminal.core.table import Step, attention
from terminal.core.terms import ORDER_NO_MAX, HouseFault, JournalFault, Mode, mint_order_no
from terminal.core.timing import next_wake
from terminal.core.views import Glass, OutOfService
from terminal.dispatcher.contact import Contact
from terminal.dispatcher.enquiries import Enquiries, question
from terminal.dispatcher.glass import Badge, glass_of, trouble
from terminal.dispatcher.inbox import Answered, Asked, Inbox, Item, Noticed, Stop
from terminal.dispatcher.orders import Orders
from terminal.dispatcher.outbox import PLACES, Outbox
from terminal.dispatcher.parts import Parts, Reception, closed, no_notices, trusted, unheard
from terminal.journal import ArchiveLost, When
from terminal.web import Verdict
from terminal.web.looks import Looks
from terminal.wire.http import HttpAnswer

if TYPE_CHECKING:
    from terminal.core.terms import Money
    from terminal.wire.line import Failure

log = logging.getLogger("terminal")

UNPAID = (Phase.DECLINED, Phase.CLOSED, Phase.REVERSED)
EX_SOFTWARE = 70  # sysexits.h
UNWRITABLE = "The journal cannot be written."
PEOPLE = (CancelPressed, CodePresented)
_Found = TypeVar("_Found")
TICK_MS = 250  # the countdown and the clock on the glass


class Dispatcher:
    """The ring. `run` until `stop`; everything else is called from its thread only."""

    def __init__(self, parts: Parts, shop: Shop, terminal: str, idle_title: str) -> None:
        self.parts = parts
        self.shop = shop
        self.terminal = terminal
        self.idle_title = idle_title
        self.inbox = Inbox(parts)
        self.counter = Counter()
        self.orders = Orders()  # everything that is not final
        self.unresumed: dict[
            str, Restarted
        ] = {}  # of these, read at the start: what happens to them first
        self.looks = Looks()  # final, but asked about
        self.outbox = Outbox(parts)
        self.enquiries = Enquiries()  # by hand, about any order
        self.contact = Contact()
        self.badge = Badge()
        self.shown: Glass | None = None
        self.armed = False
        self.shut = False  # the journal cannot be written: shut.py has the loop
        self.stopped = False
        self.reception: Reception = closed  # wiring opens it
        self.notice_counts: Callable[[], dict[str, object] | None] = no_notices
        self.beat: Callable[[], None] = unheard
        self.on_probation: Callable[[], bool] = trusted
        self.held_until_ms = 0

    # -- the loop ------------------------------------------------------------------------------------

    def run(self) -> int:
        """Recover, then turn the ring until told to stop. The daemon's exit code: 0; 70 (EX_SOFTWARE) for a fault of
        ours that no order could be stopped at. JournalFault when the journal failed: shut.py goes on from there."""
        try:
            self.recover()
            self.inbox.listen()
            while not self.stopped:
                self.settle()
                self.beat()
                self.take()
        except JournalFault:
            raise
        except Exception as fault:
            log.exception("a fault of ours")
            self.give_up(fault)
            return EX_SOFTWARE
        return 0

    def prove(self) -> None:
        """That the journal still answers. JournalFault; while the counter is shut for that it is no news."""
        if not self.shut:
            self.parts.journal.last()

    def take(self) -> None:
        """One item, or the passing of time."""
        try:
            item = self.inbox.get(timeout=self._pause_s())
        except queue.Empty:
            self.wake()
            self.tidy()
            return
        self.handle(item)
        self.wake()

    def tidy(self) -> None:
        """Nobody is at the counter: a full file of the journal is put away now. Not by a release on probation:
        the next file may be one that the release before cannot read."""
        idle = self.counter.stand is Stand.IDLE and not self.outbox.exchanges
        if idle and not self.is_held:
            self.parts.journal.tidy()

    def _pause_s(self) -> float:
        now_ms, due_ms = self.parts.time.boot_ms(), self.due_ms()
        return TICK_MS / 1000 if due_ms is None else max(0, min(due_ms - now_ms, TICK_MS)) / 1000

    def due_ms(self) -> int | None:
        """Boot time at which `wake` has something to do; None: never by itself. The simulator jumps there."""
        if self.orders.is_ripe and self.outbox.has_room:
            return self.parts.time.boot_ms()
        due_ms = self.orders.due_ms()
        counter_ms = people.next_wake(self.counter, self.shop)
        for at_ms in (counter_ms, self.contact.probe_at_ms, self._front_due_ms()):
            if at_ms is not None and (due_ms is None or at_ms < due_ms):
                due_ms = at_ms
        return due_ms

    def _front_due_ms(self) -> int | None:
        front = self.counter.front and self.orders.get(self.counter.front.order_no)
        return next_wake(front) if front else None

    def handle(self, item: Item) -> None:
        match item:
            case Answered():
                self.take_answer(item)
            case Asked():
                item.reply(self.reception(item.request))
            case Noticed():
                self.take_notice(item)
            case Stop():
                self.stopped = True
            case _:
                self.turn_counter(item)

    def wake(self) -> None:
        """Everything whose time has come: the sale in front, then others while there is a place for them."""
        if self.outbox.unsaid:
            self.say_unsaid()
        now_ms = self.parts.time.boot_ms()
        due_ms, front = self._front_due_ms(), self.counter.front
        if front is not None and due_ms is not None and due_ms <= now_ms:
            self.turn(front.order_no, WakeDue(at_ms=now_ms))
        self.outbox.release()
        self.orders.ripen(now_ms)
        for _ in range(PLACES):  # then the inbox again
            order_no = self.orders.pick() if self.outbox.has_room else None
            if order_no is None:
                break
            self.turn(order_no, WakeDue(at_ms=now_ms))
        counter_ms = people.next_wake(self.counter, self.shop)
        if counter_ms is not None and counter_ms <= now_ms:
            self.turn_counter(WakeDue(at_ms=now_ms))
        if self.contact.probe_at_ms is not None and self.contact.probe_at_ms <= now_ms:
            self.probe()

    # -- one order's turn ------------------------------------------------------------------------------

    def turn(self, order_no: str, event: OrderEvent) -> None:
        """Step one order. A fault of ours stops this order at attention, never the daemon."""
        self._resume(order_no)
        look = None if isinstance(event, PEOPLE) else self.looks.end(order_no)
        order = look.order if look else self._recalled(order_no, event)
        if order is None:
            log.info("%s: %s came after the end", order_no, type(event).__name__)
            return
        try:
            new, requests = step(order, event, self.parts.gateway.timing)
        except HouseFault as fault:
            log.exception("%s: our fault", order_no)
            new, requests = attention(order, event, Reason.FAULT, str(fault)[:80])
        if new.final and requests:
            self.looks.begin(new)
        self.commit(order, new, event, requests)
        if look:
            look.tell(new, event)

    def _recalled(self, order_no: str, event: OrderEvent) -> Order | None:
        """An order in RAM; for what may mean money also an ended one, from its last row (I5)."""
        order = self.orders.get(order_no)
        if order is None and isinstance(event, PaymentHinted | PaymentApproved):
            row = recalled(lambda: self.parts.journal.order(order_no))
            return row.order if row else None
        return order

    def commit(
        self, order: Order | None, new: Order, event: Event, requests: tuple[Request, ...]
    ) -> None:
        """The promise, in this order: COMMIT, then the requests, then what people see and hear (I1, I3).

        A step that only changed the pace (when to ask next) is not worth a write to the card."""
        moved = new != order
        if moved:
            new, requests = self._written(order, new, event, requests)
        self.orders[new.order_no] = new
        if new.final:
            del self.orders[new.order_no]
        for request in requests:
            self.send(request)
        if moved or not new.final:  # a look at an ended order is nothing for people
            self.turn_counter(OrderMoved(at_ms=event.at_ms, order=new))

    def _written(
        self, order: Order | None, new: Order, event: Event, requests: tuple[Request, ...]
    ) -> Step:
        """`new` and `requests`, durable; or what became of `order` when its row makes no sense."""
        when = self._when(event.at_ms)
        try:
            self.parts.journal.append(new, event, when)
        except HouseFault as fault:
            if order is None or isinstance(fault, JournalFault):
                raise
            log.exception("%s: our fault", order.order_no)
            new, requests = attention(order, event, Reason.FAULT, str(fault)[:80])
            self.parts.journal.append(new, event, when)
        log.info("%s: %s, %s", new.order_no, type(event).__name__, new.phase.value)
        return new, requests

    def _when(self, at_ms: int) -> When:
        time = self.parts.time
        return When(boot_id=time.boot_id, at_ms=at_ms, utc=utc_label(time.utc_ms()))

    # -- the counter's turn ----------------------------------------------------------------------------

    def turn_counter(self, event: CounterEvent) -> None:
        self.counter, effects = people.step(self.counter, event, self.shop)
        for effect in effects:
            self.perform(effect, event.at_ms)

    def perform(self, effect: CounterEffect, at_ms: int) -> None:
        match effect:
            case Beep():
                self.parts.buzzer.beep(effect)
            case OpenMpm():
                self.open_mpm(effect, at_ms)
            case OpenCpm():
                self.open_cpm(effect, at_ms)
            case Tell():
                self.turn(effect.order_no, effect.event)

    def open_mpm(self, effect: OpenMpm, at_ms: int) -> None:
        order_no = self.mint()
        sale_no = effect.sale_no or order_no
        timing = self.parts.gateway.timing
        order, requests = mpm.open_order(
            order_no, sale_no, effect.amount, at_ms=at_ms, timing=timing
        )
        self.commit(None, order, SaleOpened(at_ms=at_ms), requests)

    def open_cpm(self, effect: OpenCpm, at_ms: int) -> None:
        """The code goes into the vault until its request is built; nothing else ever holds it."""
        order_no = self.mint()
        self.outbox.vault[effect.digest] = effect.code
        order, requests = cpm.open_order(
            order_no,
            effect.sale_no or order_no,
            effect.amount,
            wallet=effect.wallet,
            code_digest=effect.digest,
            at_ms=at_ms,
            timing=self.parts.gateway.timing,
        )
        self.commit(None, order, SaleOpened(at_ms=at_ms), requests)

    def open_return(self, original: Order, amount: Money, mode: Mode) -> Order:
        """Give money of a paid order back. Refusal when that much is not there any more (I4); the reservation
        is the row itself, so no second request can take the same money."""
        earlier = [row.order for row in self.parts.journal.sale(original.sale_no)]
        refund.allow(original, earlier, amount, mode)
        at_ms = self.parts.time.boot_ms()
        order, requests = refund.open_return(self.mint(), original, amount, mode, at_ms=at_ms)
        self.commit(None, order, SaleOpened(at_ms=at_ms), requests)
        return order

    def mint(self) -> str:
        """A number never used before: the journal counts, the install epoch and chance tell cards apart."""
        journal = self.parts.journal
        minted = journal.orders_minted() + 1
        return mint_order_no(self.terminal, journal.epoch, minted, self.parts.chance())

    # -- notices ---------------------------------------------------------------------------------------

    def take_notice(self, noticed: Noticed) -> None:
        """A hint to ask now, never proof (I8, I9)."""
        number = noticed.notice.order_no
        order_no = given_back_of(number) or number
        notice = replace(noticed.notice, order_no=order_no)
        hint = PaymentHinted(at_ms=self.parts.time.boot_ms(), answer=False)
        order = self._recalled(order_no, hint) if self._is_ours(order_no) else None
        if order is None:
            log.warning("a notice about an order that is not ours was refused")
            noticed.reply(Verdict.NOT_OURS)
            return
        if notice.amount not in (None, order.amount):
            log.warning("%s: a notice says %s, not %s", order_no, notice.amount, order.amount)
        if not self.looks.has(order_no):
            if order.final and self.looks.full:
                noticed.reply(Verdict.LATER)
                return
            self.turn(order_no, hint)
        self.looks.wait(notice, order, noticed.reply)

    def _is_ours(self, order_no: str) -> bool:
        """F57. ASCII, because a lone surrogate cannot be asked of the journal."""
        mine = order_no.startswith(f"T{self.terminal}") and order_no.isascii()
        return mine and len(order_no) <= ORDER_NO_MAX

    # -- the line --------------------------------------------------------------------------------------

    def send(self, request: Request) -> None:
        self.outbox.put(request, urgent=self._at_the_counter(asker(request)))

    def _at_the_counter(self, order_no: str) -> bool:
        """The sale that people wait for goes before all others; a new one is not in front yet."""
        front = self.counter.front
        if front is not None:
            return front.order_no == order_no
        return self.counter.stand is Stand.SELLING

    def say_unsaid(self) -> None:
        """A request that cannot be said on this gateway's wire: nothing left, and the settings are at fault."""
        while self.outbox.unsaid:
            request, why = self.outbox.unsaid.popleft()
            log.error("%s: %s cannot be said: %s", request.order_no, type(request).__name__, why)
            at_ms, detail = self.parts.time.boot_ms(), why[:80]
            event: OrderEvent = AnswerUnclear(at_ms=at_ms, detail=detail)
            if isinstance(request, CreateOrder | SubmitPayment):
                event = PaymentDeclined(at_ms=at_ms, reason=Reason.SETUP, detail=detail)
            elif isinstance(request, RefundOrder | VoidOrder):
                event = RefundFailed(at_ms=at_ms, reason=Reason.SETUP, detail=detail)
            self.turn(asker(request), event)

    def take_answer(self, answered: Answered) -> None:
        now_ms, probed = self.parts.time.boot_ms(), answered.exchange == self.contact.probing
        if probed or isinstance(answered.answer, HttpAnswer) or not answered.answer.queued:
            self.note_contact(answered.answer, now_ms)
        if probed:
            self.contact.probing = None
            return
        request = self.outbox.take(answered.exchange)
        event = self.understand(request, answered.answer, now_ms)
        if not self.enquiries.hears(answered.exchange, request, event):
            self.turn(asker(request), event)

    def understand(self, request: Request, answer: HttpAnswer | Failure, now_ms: int) -> OrderEvent:
        """What the line brought, as an event. A code that this display cannot show is said to be so."""
        if not isinstance(answer, HttpAnswer):
            log.warning("%s: no answer: %s", request.order_no, answer.detail)
            return LineFailed(at_ms=now_ms, left=answer.left, detail=answer.detail)
        event = self.parts.gateway.parse(request, answer, now_ms)
        if isinstance(event, CodeIssued) and (unfit := self.parts.face.unfit(event.code)):
            return CodeUnfit(at_ms=now_ms, detail=unfit)
        return event

    def note_contact(self, answer: HttpAnswer | Failure, now_ms: int) -> None:
        """What the line brought or did not bring, and whether that makes it up or down."""
        heard = isinstance(answer, HttpAnswer)
        if not (self.contact.heard(now_ms) if heard else self.contact.silent(now_ms)):
            return
        log.warning("the line is %s", "up" if heard else "down")
        self.outbox.open = heard
        self.turn_counter(LineChanged(at_ms=now_ms, online=heard))
        if heard:
            self.orders.ripen_all()
            if self.counter.front is not None:
                self.hasten(now_ms, self.counter.front.order_no)

    def hasten(self, at_ms: int, order_no: str) -> None:
        """Somebody asks: this order does not wait out its pause."""
        order = self.orders.get(order_no)
        if order is not None and not order.pace.asked:
            self.orders[order_no] = replace(order, pace=replace(order.pace, ask_at_ms=at_ms))

    def enquire(self, order: Order) -> None:
        """Somebody wants to know what the gateway says of this order, whatever became of it."""
        at_ms = self.parts.time.boot_ms()
        self.enquiries.begin(order.order_no)
        if self.shut:
            self._ask_outside(order)
        elif order.order_no in self.orders and order.mode is not Mode.VOID:
            self.hasten(at_ms, order.order_no)
        elif order.phase in UNPAID and not self.looks.full:
            if not self.looks.has(order.order_no):
                self.turn(order.order_no, PaymentHinted(at_ms=at_ms, answer=False))
        else:
            self._ask_outside(order)

    def _ask_outside(self, order: Order) -> None:
        """No order takes a step by what is said to this."""
        exchange = self.outbox.put(question(order), urgent=True)
        self.enquiries.outside(exchange, order.order_no)

    def send_now(self) -> None:
        """Somebody wants all of it tried now; it still shares the same places."""
        self.orders.ripen_all()
        if not self.contact.online:
            self.contact.probe_at_ms = self.parts.time.boot_ms()

    def probe(self) -> None:
        """One at a time: the answer to the one under way sets the time of the next."""
        self.contact.probe_at_ms = None
        if self.contact.probing is not None:
            return
        self.contact.probing = self.outbox.number()
        self.parts.line.probe(self.contact.probing)

    # -- start -----------------------------------------------------------------------------------------

    def recover(self) -> None:
        """The last row of every open order; the last sale on the glass first (reliability.md 3.5).

        Recovery reads, it never replays. Each order is stepped with Restarted when its first turn comes: the
        counter does not wait until ten thousand of them are written."""
        now_ms = self.parts.time.boot_ms()
        for row in self.parts.journal.live():
            number = row.order.order_no
            rebooted = row.when.boot_id != self.parts.time.boot_id
            self.unresumed[number] = Restarted(at_ms=now_ms, rebooted=rebooted)
            self.orders[number] = replace(row.order, pace=Pace(ask_at_ms=now_ms))
        if last := self._last_sale():
            self._resume(last.order_no)
            order = self.orders.get(last.order_no, last)
            self.counter = people.show_last(self.counter, order, now_ms)
        self.counter = replace(self.counter, recent=self._recent_codes(now_ms))

    def _last_sale(self) -> Order | None:
        """What the counter was about; nobody there waits for a return."""
        last = recalled(self.parts.journal.last)
        if last is not None and last.order.mode in RETURNS:
            of = last.order.of or ""
            last = recalled(lambda: self.parts.journal.order(of))
        return last.order if last else None

    def _resume(self, order_no: str) -> None:
        """Before anything else happens to an order that was read at the start. It happened then: nothing of
        this order has left the terminal since."""
        if restarted := self.unresumed.pop(order_no, None):
            self.turn(order_no, restarted)

    def _recent_codes(self, now_ms: int) -> tuple[tuple[str, int], ...]:
        """A restart does not make a used code new (I11)."""
        rows = recalled(lambda: self.parts.journal.tail(RECENT_MAX)) or []
        return tuple((row.order.code_digest, now_ms) for row in rows if row.order.code_digest)

    # -- what people see -------------------------------------------------------------------------------

    def settle(self) -> None:
        """Bring the edges in line with the state: service, scanners, glass."""
        self.check_service()
        self.check_scanners()
        awaited = armed(self.counter, self.shop)
        if awaited is not self.armed:
            self.armed = awaited
            for scanner in self.parts.scanners:
                scanner.arm(awaited)
        now_ms = self.parts.time.boot_ms()
        background = self.badge.read(self.counter, self.orders, now_ms)
        stuck = self.parts.keypad.stuck
        glass = glass_of(
            self.counter,
            self.shop,
            self.idle_title,
            self.orders,
            self.contact,
            background,
            stuck,
            now_ms,
        )
        if glass != self.shown:
            self.shown = glass
            self.parts.face.show(glass)

    def hold(self, for_ms: int) -> None:
        """No new sale from now on. A time, and no switch: whoever asked may not live to open the counter again."""
        self.held_until_ms = self.parts.time.boot_ms() + for_ms
        self.check_service()

    @property
    def is_held(self) -> bool:
        return self.parts.time.boot_ms() < self.held_until_ms or self.on_probation()

    def check_service(self) -> None:
        """Things without which no new sale may start."""
        why, remedy = trouble(self.parts, len(self.orders))
        if why is None and self.is_held:
            why, remedy = UPDATING, "Wait a minute."
        if why != self.counter.why:
            now_ms = self.parts.time.boot_ms()
            self.turn_counter(ServiceChanged(at_ms=now_ms, why=why, remedy=remedy))

    def check_scanners(self) -> None:
        """A sale goes on without: the customer can scan our code."""
        found = [scanner.lost for scanner in self.parts.scanners]
        lost = bool(found) and None not in found
        if lost is not self.counter.scanner_lost:
            self.turn_counter(ScannerChanged(at_ms=self.parts.time.boot_ms(), lost=lost))

    def give_up(self, fault: Exception) -> None:
        """Nothing may go on: say so. When systemd starts us again the journal is opened, checked and every open
        order asked about anew (reliability.md 8.5)."""
        log.critical("out of service: %s", fault)
        if isinstance(fault, JournalFault):
            why, remedy = UNWRITABLE, str(fault)
        else:
            why, remedy = "The program has a fault.", "It starts again by itself."
        self.shown = Glass(OutOfService(why, remedy))
        self.parts.face.show(self.shown)


def recalled(read: Callable[[], _Found | None]) -> _Found | None:
    """What the journal says of the past; None when that lies in an older file, and the file is lost."""
    try:
        return read()
    except ArchiveLost as lost:
        log.error("%s", lost)
        return None


def utc_label(utc_ms: int) -> str:
    """A time for people and logs; nothing is decided by it (I12)."""
    seconds, ms = divmod(utc_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{ms:03}Z"
