"""The production dispatcher in virtual time, with a real journal and a line that answers when it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from terminal.bench.simulator.codec import Asking, Codec, saying
from terminal.core.effects import Request
from terminal.core.events import Event, Key, KeyPressed, OrderEvent, OrderNotFound, SaleOpened
from terminal.core.sale import Order, Phase
from terminal.core.stand import Shop
from terminal.core.terms import Mode, Money
from terminal.core.timing import Timing
from terminal.core.views import Glass
from terminal.devices.buzzer import none as no_buzzer
from terminal.devices.keypad import none as no_keypad
from terminal.dispatcher import Answered, Dispatcher, Parts
from terminal.journal.journal import Journal, When
from terminal.wire.http import HttpAnswer, HttpRequest
from terminal.wire.line import Failure

TERMINAL = "RING01"
EUR_5 = Money(500, "EUR")
START_MS = 1_000_000
DEAD = Failure(left=False, detail="no route")
SILENT = Failure(left=True, detail="silence")
QUEUED = Failure(left=False, detail="no worker", queued=True)


class Face:
    lost: str | None = None
    hangs = False
    glass: Glass | None = None

    def show(self, glass: Glass) -> None:
        self.glass = glass

    def unfit(self, _payload: str) -> str | None:
        return None


class World:
    """`flying`: what has left and is not answered, by exchange. `sent`: everything that ever left."""

    boot_id = "this boot"

    def __init__(self, journal: Journal) -> None:
        self.now_ms = START_MS
        self.trusted = True
        self.flying: dict[int, Request] = {}
        self.urgent: set[int] = set()
        self.sent: list[Request] = []
        self.probes: list[int] = []
        self.fresh: dict[type[Request], bool] = {}  # whether such a one wanted an unused connection
        self.face = Face()
        self._chance = count()
        parts = Parts(
            time=self,
            journal=journal,
            gateway=Codec(Timing()),
            line=self,  # type: ignore[arg-type]
            face=self.face,
            buzzer=no_buzzer.Device(no_buzzer.Settings()),
            keypad=no_keypad.Device(no_keypad.Settings()),
            scanners=(),
            chance=lambda: next(self._chance),
            code_key=b"k" * 32,
        )
        self.ring = Dispatcher(parts, Shop("EUR", 200_000), TERMINAL, "The shop")

    # -- the clock ---------------------------------------------------------------------------------------

    def boot_ms(self) -> int:
        return self.now_ms

    def utc_ms(self) -> int:
        return 1_800_000_000_000 + self.now_ms

    def is_trusted(self) -> bool:
        return self.trusted

    def label(self, utc_ms: int) -> str:
        return str(utc_ms)

    # -- the line ----------------------------------------------------------------------------------------

    def send(self, exchange: int, request: HttpRequest, *, urgent: bool) -> None:
        assert isinstance(request, Asking)
        self.flying[exchange] = request.said
        self.sent.append(request.said)
        self.fresh[type(request.said)] = request.moves_money
        if urgent:
            self.urgent.add(exchange)

    def probe(self, exchange: int) -> None:
        self.probes.append(exchange)

    @property
    def background(self) -> list[int]:
        return [number for number in self.flying if number not in self.urgent]

    # -- what happens ------------------------------------------------------------------------------------

    def starts(self) -> None:
        self.ring.recover()
        self.turns()

    def turns(self, after_ms: int = 0) -> None:
        self.now_ms += after_ms
        self.ring.wake()
        self.ring.settle()

    def passes(self, for_ms: int, step_ms: int = 250) -> None:
        """Nobody says anything for so long."""
        for _ in range(for_ms // step_ms):
            self.turns(step_ms)

    def hears(self, exchange: int, event: type[OrderEvent] = OrderNotFound, **words: Any) -> None:
        self._answer(exchange, saying(event, **words))

    def fails(self, exchange: int, failure: Failure = DEAD) -> None:
        self._answer(exchange, failure)

    def probed(self, answer: HttpAnswer | Failure = DEAD) -> None:
        self._answer(self.probes.pop(), answer)

    def _answer(self, exchange: int, answer: HttpAnswer | Failure) -> None:
        self.flying.pop(exchange, None)
        self.ring.handle(Answered(exchange, answer))
        self.turns()

    def press(self, keys: str) -> None:
        for key in keys.split():
            self.now_ms += 600
            self.ring.handle(KeyPressed(at_ms=self.now_ms, key=Key(key)))
        self.turns()

    def goes_down(self) -> None:
        """The line is lost: whatever is under way and every probe fails."""
        while self.ring.contact.online:
            assert self.flying or self.probes, "nobody notices"
            if self.flying:
                self.fails(next(iter(self.flying)))
            else:
                self.probed()


def order(number: int, phase: Phase = Phase.IN_DOUBT, **facts: Any) -> Order:
    no = f"T{TERMINAL}AAAA{number:08}000000"
    known = {"mode": Mode.CPM, "code_digest": f"d{number}", "until_ms": 1, **facts}
    return Order(no, no, amount=EUR_5, phase=phase, opened_ms=0, **known)


def write(journal: Journal, *orders: Order, event: Event | None = None) -> None:
    """As a daemon of an earlier boot left them."""
    for each in orders:
        happened = event or SaleOpened(at_ms=0)
        journal.append(replace(each), happened, When("another boot", 0, "2026-01-01T00:00:00.000Z"))


@contextmanager
def a_world(folder: Path, *orders: Order) -> Iterator[World]:
    with Journal.open(folder / "journal.db", terminal=TERMINAL, chance=lambda: 1) as journal:
        write(journal, *orders)
        # What the counter shows after a restart is the newest sale; it shall be none of these.
        paid = order(99_999, Phase.PAID, paid=EUR_5)
        write(journal, replace(paid, phase=Phase.SUBMITTING))
        write(journal, paid, event=OrderNotFound(at_ms=0))
        yield World(journal)
