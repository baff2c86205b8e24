"""One counter in one world. Lets time pass, carries the daemon over power cuts, and asks the checkers.

`step` does what `Dispatcher.run` does, in the same order: settle, take one item or the passing of time. Only
that the time jumps to whatever comes next.
"""

from __future__ import annotations

import queue
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import cast

from terminal.bench.simulator.card import Card, PowerCut
from terminal.bench.simulator.checkers import HEALED_MS, Broken, Checkers
from terminal.bench.simulator.clock import Clock
from terminal.bench.simulator.codec import Codec
from terminal.bench.simulator.desk import Buzzer, Face, Keypad, Scanner
from terminal.bench.simulator.dice import VAIN, Dice, Odds, Script
from terminal.bench.simulator.ledger import Ledger, Ways
from terminal.bench.simulator.line import READS, FaultyLine, Flights
from terminal.bench.simulator.people import People
from terminal.bench.simulator.postman import Postman
from terminal.bench.simulator.state import moment, state
from terminal.bench.simulator.wires import WIRES, Wired, of_wire
from terminal.core.effects import Request
from terminal.core.events import Key
from terminal.core.sale import Order, Phase
from terminal.core.stand import Offer, Shop
from terminal.core.terms import JournalFault
from terminal.core.views import Glass, Idle, Presenting, View
from terminal.dispatcher import Answered, Asked, Dispatcher, Noticed, Parts
from terminal.gateways import Notice
from terminal.journal import Journal, Row
from terminal.reception import Reception
from terminal.web import Verdict
from terminal.wire.http import HttpAnswer
from terminal.wire.line import Failure, Line

TERMINAL = "SIM001"
PURCHASES = (1, 12)
CHAOS_MS = (40_000, 500_000)  # how long the world is bad; then it is calm
FAULT_RATES = (0.05, 0.1, 0.2, 0.4)  # of FATES
CUT_RATES = (0.0, 0.004, 0.015, 0.04)  # of every place where the power may go
OFFERS = (Offer.BOTH, Offer.BOTH, Offer.SCAN)
WATCHED_MS = 7_500_000  # what waits for a human is watched so long: twice it asks by itself
SLOW_PART = 20  # it is slow for so small a part of the time for which other things stay broken
SPINS_MAX = 400  # steps without any time passing
COMMIT_FATES: Odds = (
    ("cut before", 0.4),
    ("cut after", 0.4),
    ("fault before", 0.1),
    ("fault after", 0.1),
)
WEATHER_MS = (4_000, 16_000)
WEATHER: Odds = (
    ("power", 0.02),
    ("the line is down", 0.024),
    ("the display is lost", 0.008),
    ("a notice of nothing", 0.06),
    ("the daemon is slow", 0.04),
    ("somebody at terminalctl", 0.08),
)
TYPED: Odds = (
    ("void", 0.3),
    ("refund", 0.4),
    ("query", 0.1),
    ("cancel", 0.05),
)
BACK: Odds = (("rebooted", 0.5),)
CLOCK_NOT_SET: Odds = (("for a while", 0.3),)

IsNew = Callable[[bytes, int], bool]
"""Whether a scene of that digest was never seen; how many places the story has offered before it."""


@dataclass
class Tally:
    """What happened, for the last line."""

    cuts: int = 0
    shows: int = 0
    paid: int = 0
    requests: int = 0
    story: list[tuple[int, str]] = field(default_factory=list)


class Scene:
    """`keep_story`: remember in words what happened. `wall_steps`: the wall clock jumps (I12). `wire`: whose bytes
    go over the line (wires.py), "": events as they are."""

    def __init__(
        self, dice: Dice, seed: int, *, wall_steps: bool, keep_story: bool, wire: str = ""
    ) -> None:
        self.dice = dice
        self.clock = Clock(seed, steps=wall_steps)
        self.ways, self._wire = Ways.drawn(self.dice), wire
        if wire:
            self.ways = of_wire(self.ways, wire)
        self.tally, self._keep = Tally(), keep_story
        self._notes: list[str] = []
        self.ledger = Ledger(self.ways, self.dice, self.clock)
        self.cut_rate = CUT_RATES[self.dice.kind(len(CUT_RATES))]
        self.script = dice if isinstance(dice, Script) else None
        if self.script:
            self.cut_rate = CUT_RATES[-1]  # so that it is offered everywhere
            self.script.here, self.script.moment = self._here, partial(moment, self)
        self.flights = Flights(FAULT_RATES[self.dice.kind(len(FAULT_RATES))], self.cut_rate)
        self.checkers = Checkers(self.ledger, self.flights)
        self.card = Card(TERMINAL, self._commit_fate, self._committed)
        self.checkers.card = self.card
        self.people = People(self, 1 if self.script else dice.span(*PURCHASES))
        self.postman = Postman(self.clock, self.dice, self._hand_in) if self.ways.posts else None
        self.chance = self.dice.kind(1 << 30)
        self.shop = Shop("EUR", 100_000, OFFERS[self.dice.kind(len(OFFERS))])
        self.ring: Dispatcher | None = None
        self.daemon = 0  # which one is running, or ran last
        self.busy_until_ms = (
            0  # the daemon takes nothing out of its inbox: other programs have the processor
        )
        self.healthy_ms: int | None = None
        self.new: IsNew = lambda digest, offered: True  # noqa: ARG005
        self._steps, self._moves = 0, 0  # `_moves`: requests that are no questions
        self.same, self._looked = False, False  # see `_is_seen_before`
        self._due: int | None = None  # when the daemon wakes by itself, if `_due_known`
        self._due_known = False
        self._before: dict[str, Order] = {}  # the last row of each order but the newest

    def tell(self, *words: object) -> None:
        if self._keep:
            self.tally.story.append((self.clock.now_ms, " ".join(str(word) for word in words)))

    # -- the daemon, and the power ---------------------------------------------------------------------------

    def start(self) -> None:
        """The daemon comes up and reads its card."""
        self.daemon += 1
        self.card.reopen()
        if self.healthy_ms is not None:
            self.healthy_ms = self.clock.now_ms
        self.face = Face(self._cut, self._shown, self._unfit)
        self.keypad, self.scanner = Keypad(), Scanner()
        self.ring = ring = Dispatcher(self._parts(), self.shop, TERMINAL, "Open")
        ring.reception = Reception(ring, "toy").reply

        ring.inbox.items = queue.SimpleQueue()  # nobody else puts into it
        self._guarded(self._comes_up, ring)

    def _comes_up(self, ring: Dispatcher) -> None:
        ring.recover()
        ring.inbox.listen()
        self._settle(ring)

    def _parts(self) -> Parts:
        deliver = partial(self._deliver, self.daemon)
        line = FaultyLine(
            self.clock, self.dice, self.ledger, self.flights, deliver, self._sending, self.daemon
        )
        return Parts(
            time=self.clock,
            journal=cast(Journal, self.card),
            gateway=self._codec(),
            line=cast(Line, line),
            face=self.face,
            buzzer=Buzzer(self._cut),
            keypad=self.keypad,
            scanners=(self.scanner,),
            chance=lambda: self.chance,
            code_key=b"simulated digest key",
        )

    def _codec(self) -> Codec:
        timing = self.ways.timing()
        return Wired(timing, WIRES[self._wire]()) if self._wire else Codec(timing)

    def _deliver(self, daemon: int, exchange: int, answer: HttpAnswer | Failure) -> None:
        """To this daemon only: an answer to one that died is heard by nobody."""
        if self.ring is not None and self.daemon == daemon:
            self.ring.inbox.answered(exchange, answer)

    def _guarded(self, turn: Callable[..., object], *words: object) -> None:
        self._due_known = False
        try:
            turn(*words)
        except JournalFault as fault:
            self._give_up(fault)
        except PowerCut as cut:
            self._down(str(cut))
        except Broken:
            raise
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{error!r} in {where.name}, line {where.lineno} of {where.filename}"
            raise Broken("house", f"the daemon dies of {said}") from error

    def _give_up(self, fault: JournalFault) -> None:
        """As `Dispatcher.run` ends: say so, exit, and systemd starts it again."""
        assert self.ring is not None
        try:
            self.ring.give_up(fault)
        except PowerCut as cut:
            self._down(str(cut))
        else:
            self._down(str(fault))

    def _down(self, why: str) -> None:
        self.tally.cuts += 1
        self.tell("-- the daemon dies:", why)
        self.ring, self._due_known = None, False
        self.clock.later(self.dice.span(1_000, 40_000), self._up)

    def _up(self) -> None:
        rebooted = bool(self.dice.pick("back", BACK))
        if rebooted:
            self.clock.reboot()
            if self.dice.pick("clock not set", CLOCK_NOT_SET):
                wait_ms = self.dice.span(2_000, 60_000)
                self.clock.untrusted_until_ms = self.clock.now_ms + wait_ms
                self.clock.later(wait_ms, self._tick)
        self.tell("-- the daemon is back", "after a reboot" if rebooted else "")
        self.start()

    def _cut(self, moment: str) -> None:
        if self.cut_rate and self.dice.pick("power", ((moment, 0.3),), self.cut_rate):
            raise PowerCut(moment)

    def _commit_fate(self) -> str:
        fate = self.dice.pick("commit", COMMIT_FATES, self.cut_rate) if self.cut_rate else ""
        if fate:
            self.tell("-- commit:", fate)
        return fate

    # -- what the checkers see ---------------------------------------------------------------------------------

    def _note(self, *words: str) -> None:
        if not self.script:  # that is known by what is forced
            self._notes.append(f"{self.clock.now_ms} {' '.join(words)}\n")
        if self._keep:
            self.tell(*words)

    @property
    def digest(self) -> str:
        """Of everything that was noted, and of every row's text."""
        return sha256("".join(self._notes).encode()).hexdigest()

    def _committed(self, row: Row) -> None:
        order = row.order
        self._note("row", order.order_no[-10:], type(row.event).__name__, order.phase.value)
        text = self.card.texts[-1]
        self._notes.append(text)
        self.checkers.committed(row, self._before.get(order.order_no), text)
        self._before[order.order_no] = order

    def _sending(self, request: Request) -> None:
        assert self.ring is not None
        self.tally.requests += 1
        self._moves += not isinstance(request, READS)
        self._note("send", type(request).__name__, request.order_no[-10:])
        self.checkers.sending(request, self.ring)

    def _shown(self, glass: Glass) -> None:
        assert self.ring is not None
        front = self.ring.counter.front
        self.tally.shows += 1
        self._note("show", type(glass.view).__name__, front.order_no[-10:] if front else "")
        new = (
            isinstance(glass.view, Presenting)
            and front
            and front.order_no not in self.checkers.seen
        )
        self.checkers.shown(glass, front)
        if new and front is not None:
            self.people.sees(front.order_no, self.ways.life_ms)

    def _unfit(self) -> bool:
        return bool(self.dice.pick("display", (("cannot show this code", 0.01),)))

    # -- what people see and touch (people.Counter) ----------------------------------------------------------

    @property
    def view(self) -> View | None:
        return self.face.view if self.ring else None

    def press(self, key: Key) -> None:
        if self.ring:
            self.tell("key", key.value)
            self.keypad.press(key)

    def hold_up(self, raw: bytes) -> None:
        if self.ring:
            self.tell("scan", raw.decode())
            self.scanner.read(raw)

    def pay(self, order_no: str, short: bool) -> None:
        self._note("the customer pays", order_no[-10:], self.ledger.state(order_no))
        self.ledger.pay(order_no, short=short)

    def ask(self, word: str, order_no: str, **words: str) -> None:
        """Somebody types at terminalctl."""
        if self.ring is not None:
            self.tell("terminalctl", word, order_no[-10:], *words.values())
            self.checkers.asked_back += word in ("refund", "void")
            request: dict[str, object] = {"word": word, "order_no": order_no, **words}
            self.ring.inbox.put_nowait(Asked(request, lambda said: self.tell("said", said)))

    def fail(self, order_no: str) -> None:
        self._note("the wallet refuses", order_no[-10:], self.ledger.state(order_no))
        self.ledger.fail(order_no)

    def _hand_in(self, notice: Notice, reply: Callable[[Verdict], None]) -> None:
        if self.ring is not None:
            self.tell("notice", notice.order_no[-10:], notice.amount)
            self.ring.inbox.put_nowait(Noticed(notice, reply))

    # -- time ----------------------------------------------------------------------------------------------------

    def play(self) -> None:
        """The bad time, then the calm one, to the end of everything."""
        self.start()
        self.people.look()
        self._weather()
        self.clock.later(CHAOS_MS[1] if self.script else self.dice.span(*CHAOS_MS), self._calm)
        spins, at_ms = 0, -1
        while self._step():
            if self.script and self.script.over and self._is_known(self.script):
                break
            spins = spins + 1 if self.clock.now_ms == at_ms else 0
            at_ms = self.clock.now_ms
            if spins > SPINS_MAX:
                raise Broken("I13", "the daemon turns without getting anywhere")
        self.tally.paid = len(self.checkers.shown_paid)
        if not self.same:
            assert self.ring is not None
            self.checkers.ended()

    def _here(self, what: str, way: str) -> object:
        """A daemon that dies leaves behind what others know of it: between two commits, requests and glasses
        that matter it is all one when in a step it dies; a question is none of them. And some weather finds nothing
        that it could harm."""
        if what == "weather" and way in self._vain_weather():
            return VAIN
        dies = what in ("power", "commit") or way in ("power", "before it leaves")
        if not dies:
            return None
        rows = len(self.card.rows) + way.endswith(" after")
        known = (len(self.checkers.seen), len(self.checkers.shown_paid))
        return self._steps, rows, self._moves, *known

    def _vain_weather(self) -> tuple[str, ...]:
        power = () if self.ring is not None else ("power",)
        if not self.card.rows:
            return (*power, "somebody at terminalctl", "a notice of nothing")
        return power if self.postman else (*power, "a notice of nothing")

    def _is_known(self, script: Script) -> bool:
        """Everything forced has happened, and the rest of the story would be nothing new."""
        return self._is_seen_before(script) or self._at_rest(script)

    def _is_seen_before(self, script: Script) -> bool:
        """Asked now and then by a story that offers places: is the scene as another was?"""
        if script.offers and not self._looked:
            self._looked = True
            digest = state(self)
            self.same = digest is not None and not self.new(digest, len(script.offered))
        return self.same

    def _at_rest(self, script: Script) -> bool:
        """Nothing is under way and nobody wants anything: only people's looks and the weather are to come."""
        if self.people.purchases or script.given.get("weather") or not isinstance(self.view, Idle):
            return False
        assert self.ring is not None
        if any(it.phase is not Phase.ATTENTION for it in self.ring.orders.values()):
            return False
        idle = (self.people.look, self._weather, self._calm, self.clock.step_wall)
        return all(action in idle for _, _, action, _ in self.clock.to_come)

    def _step(self) -> bool:
        """To whatever comes next; False: nothing does any more."""
        next_ms, self._steps = self.clock.next_ms, self._steps + 1
        if not self._due_known:
            self._due, self._due_known = self._due_ms(self.ring), True
        if self._due is not None and (next_ms is None or self._due <= next_ms):
            self.clock.pass_to(self._due)
            self._guarded(self._turn, self.ring)
        elif next_ms is not None:
            self.clock.turn()
            if self.ledger.changed or self.ledger.confirms:
                self._gateway_moved()
            ring = self.ring
            if ring and not ring.inbox.items.empty() and self.clock.now_ms >= self.busy_until_ms:
                self._guarded(self._take, ring)
        else:
            return False
        if self.healthy_ms is not None and self.clock.now_ms > self.healthy_ms + HEALED_MS:
            self._must_be_healed(self.healthy_ms)
        return True

    def _must_be_healed(self, healthy_ms: int) -> None:
        if self.ring is not None and self.ring.orders:
            healthy_ms = max(healthy_ms, self.flights.last_ms)
            self.checkers.healed(self.ring, healthy_ms, self.clock.of_boot)

    def _due_ms(self, ring: Dispatcher | None) -> int | None:
        """When the daemon wakes by itself: only what the daemon does can change it. Once only what needs a
        human is left, nobody waits long."""
        if ring is None or (boot_ms := ring.due_ms()) is None:
            return None
        due_ms = max(self.clock.of_boot(boot_ms), self.busy_until_ms)
        if self.healthy_ms is None or due_ms <= self.healthy_ms + WATCHED_MS:
            return due_ms
        humans_only = all(order.phase is Phase.ATTENTION for order in ring.orders.values())
        return None if humans_only else due_ms

    def _take(self, ring: Dispatcher) -> None:
        inbox = ring.inbox.items
        while not inbox.empty():
            item = inbox.get_nowait()
            if self._keep and isinstance(item, Answered):
                self._tell_answer(ring, item)
            ring.handle(item)
            self._turn(ring)

    def _tick(self) -> None:
        """The daemon looks up by itself, as it does four times a second."""
        ring = self.ring
        if ring is not None:
            self._guarded(self._settle, ring)

    def _tell_answer(self, ring: Dispatcher, item: Answered) -> None:
        if item.exchange in ring.outbox.exchanges:
            request, answer = ring.outbox.exchanges[item.exchange], item.answer
            said = getattr(answer, "kind", type(answer)).__name__
            detail = "" if isinstance(answer, HttpAnswer) else answer.detail
            self.tell("answer", said, detail, "to", type(request).__name__, request.order_no[-10:])

    def _turn(self, ring: Dispatcher) -> None:
        ring.wake()
        self._settle(ring)

    def _settle(self, ring: Dispatcher) -> None:
        ring.settle()
        self.checkers.settled(ring)

    def _gateway_moved(self) -> None:
        while self.ledger.changed:
            order_no = self.ledger.changed.pop(0)
            self._note("gateway", order_no[-10:], "is", self.ledger.state(order_no))
            self.checkers.moved(order_no)
            if self.postman and self.ledger.state(order_no) in ("paid", "returned"):
                late = order_no in self.ledger.late
                self.postman.post(order_no, self.ledger.accounts[order_no].amount, surely=late)
        while self.ledger.confirms:
            self.people.confirms(self.ledger.confirms.pop())

    # -- weather ------------------------------------------------------------------------------------------------

    def _weather(self) -> None:
        """Every now and then: the power, the line, the display."""
        if self.dice.calm or (self.script and self.script.is_spent):
            return
        self._looked = False
        storm = self.dice.pick("weather", WEATHER)
        wait_ms = self.dice.span(4_000, 90_000)
        if storm == "power" and self.ring is not None:
            self._down(storm)
        elif storm == "the line is down":
            self._break("line", wait_ms)
        elif storm == "the display is lost":
            self._break("display", wait_ms)
        elif storm == "the daemon is slow":
            self.busy_until_ms = self.clock.now_ms + wait_ms // SLOW_PART
            self._due_known = False
            self.clock.later(wait_ms // SLOW_PART, self.tell, "-- the daemon goes on")
        elif storm == "somebody at terminalctl" and self.card.rows:
            self._technician()
        elif storm == "a notice of nothing" and self.postman and self.card.rows:
            newest = self.card.rows[-1].order
            self.postman.post(newest.order_no, newest.amount)
        self.clock.later(self.dice.span(*WEATHER_MS), self._weather)

    def _technician(self) -> None:
        """Gives money of an earlier order back, most of all of a paid one; or asks, or cancels."""
        paid = [it.order.order_no for it in self.card.rows if it.order.phase is Phase.PAID]
        numbers = paid or [self.card.rows[-1].order.order_no]
        number = numbers[self.dice.span(0, len(numbers) - 1)]
        word = self.dice.pick("terminalctl", TYPED)
        if word in ("query", "cancel"):
            self.ask(word, self.card.rows[-1].order.order_no)
        elif word == "refund":
            self.ask(word, number, amount="1.00")
        else:
            self.ask(word or "refund", number)

    def _break(self, what: str, wait_ms: int) -> None:
        self.tell("-- broken:", what)
        self._set(what, True)
        self.clock.later(wait_ms, self._set, what, False)

    def _set(self, what: str, broken: bool) -> None:
        if what == "line":
            self.flights.down = broken
        else:
            self.face.lost = "the cable" if broken else None
        self._tick()

    def _calm(self) -> None:
        """From now on nothing goes wrong any more."""
        self.tell("-- the world is calm")
        self.dice.calm = True
        self.flights.down = False
        self.face.lost = None
        self.healthy_ms = self.clock.now_ms
        self._due_known = False
        self._tick()
