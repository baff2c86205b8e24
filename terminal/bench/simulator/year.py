"""A year at the counter: the production dispatcher over a real journal file, a day of sales at a time.

Each morning the terminal is switched on and reads its journal; at night it is switched off. Everything is as on a
common day: most customers pay, some are late, show a code of their own or walk away, one exchange in a hundred goes
wrong. The world is made anew each day and forgotten, so what this process goes on holding is the daemon's.

Said at the end: memory after the first month and after the last day, open files and threads, the longest that the
written file ever was, and whether everything is still there: each day's takings read back from the older files
must be what the gateway captured that day.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import queue
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from terminal.bench.simulator.clock import Clock
from terminal.bench.simulator.codec import Codec
from terminal.bench.simulator.desk import Buzzer, Face, Keypad, Scanner
from terminal.bench.simulator.dice import Dice, Odds
from terminal.bench.simulator.ledger import Ledger, Ways
from terminal.bench.simulator.line import Answer, FaultyLine, Flights
from terminal.bench.simulator.people import People
from terminal.core.events import Key
from terminal.core.sale import Phase
from terminal.core.stand import Shop
from terminal.core.views import Glass, Idle, Presenting, View
from terminal.dispatcher import Dispatcher, Parts
from terminal.journal import Journal
from terminal.journal.archive import FILE_ROWS
from terminal.journal.rows import row_of_raw
from terminal.wire.line import Line

DAYS = 365
SALES = 262_800  # 60 an hour, 12 hours a day
WARM_DAYS = 30
GROWTH_MAX_KIB = 1_024
HOT_ROWS_MAX = 100_000
FAULT_RATE = 0.01
PAGE = 1_000
STEPS_MAX = 400  # of a sale; more and the day would never end
TERMINAL = "YEAR01"
NOT_TODAY = ("pays less",)  # such orders stay for a human, and would heap up where nobody looks


@dataclass
class Held:
    """What the process holds at the end of each day, and the most rows that the written file had."""

    kib: list[int] = field(default_factory=list)
    files: set[int] = field(default_factory=set)
    threads: set[int] = field(default_factory=set)
    hot_rows: int = 0

    def look(self) -> None:
        gc.collect()
        own = Path("/proc/self")
        pages = int((own / "statm").read_text(encoding="ascii").split()[1])
        self.kib.append(pages * os.sysconf("SC_PAGE_SIZE") // 1024)
        self.files.add(sum(1 for _ in (own / "fd").iterdir()) - 1)  # less the one that looks
        self.threads.add(sum(1 for _ in (own / "task").iterdir()))


class CommonDice(Dice):
    def pick(self, what: str, odds: Odds, rate: float = 1.0) -> str:
        way = super().pick(what, odds, rate)
        return "" if way in NOT_TODAY else way


class Day:
    """One day: `people.Counter`, and the loop that carries time on."""

    def __init__(self, journal: Journal, day: int, sales: int) -> None:
        self.clock = Clock(day, steps=False)
        self.dice: Dice = CommonDice(day)
        self.clock.boot_id = f"day {day}"
        self.ledger = Ledger(Ways(posts=False), self.dice, self.clock)
        self.face = Face(_nothing, self._shown, lambda: False)
        self.keypad, self.scanner = Keypad(), Scanner()
        self.people = People(self, sales * 2)  # some amounts are cleared again
        self.last_order = journal.orders_minted() + sales
        self.seen: set[str] = set()
        self.journal = journal
        self.ring = Dispatcher(self._parts(), Shop("EUR", 100_000), TERMINAL, "Open")
        self.ring.inbox.items = queue.SimpleQueue()

    def _parts(self) -> Parts:
        line = FaultyLine(
            self.clock, self.dice, self.ledger, Flights(FAULT_RATE, 0.0), self._deliver, _nothing, 1
        )
        return Parts(
            time=self.clock,
            journal=self.journal,
            gateway=Codec(self.ledger.ways.timing()),
            line=cast(Line, line),
            face=self.face,
            buzzer=Buzzer(_nothing),
            keypad=self.keypad,
            scanners=(self.scanner,),
            chance=lambda: 1,
            code_key=b"simulated digest key",
        )

    def _deliver(self, exchange: int, answer: Answer) -> None:
        self.ring.inbox.answered(exchange, answer)

    def _shown(self, glass: Glass) -> None:
        front = self.ring.counter.front
        if isinstance(glass.view, Presenting) and front and front.order_no not in self.seen:
            self.seen.add(front.order_no)
            self.people.sees(front.order_no, self.ledger.ways.life_ms)

    # -- what people see and touch -----------------------------------------------------------------------

    @property
    def view(self) -> View | None:
        return self.face.view

    def press(self, key: Key) -> None:
        self.keypad.press(key)

    def hold_up(self, raw: bytes) -> None:
        self.scanner.read(raw)

    def pay(self, order_no: str, short: bool) -> None:
        self.ledger.pay(order_no, short=short)

    def fail(self, order_no: str) -> None:
        self.ledger.fail(order_no)

    # -- time ----------------------------------------------------------------------------------------------

    def pass_by(self, held: Held) -> int:
        """Until nobody wants anything any more. What was captured of the customers' money, in minor units."""
        self.ring.recover()
        self.ring.inbox.listen()
        self.ring.settle()
        self.people.look()
        steps_left = STEPS_MAX * (self.people.purchases + 10)
        while self.people.purchases or self.ring.orders or not isinstance(self.view, Idle):
            self._step()
            if self.journal.orders_minted() >= self.last_order:
                self.people.purchases = 0
            held.hot_rows = max(held.hot_rows, self.journal._seq - self.journal._base.seq)
            steps_left -= 1
            assert steps_left, "the day does not end"
        accounts = self.ledger.accounts.values()
        return sum(it.captured_minor for it in accounts if it.state == "paid")

    def _step(self) -> None:
        """As `Dispatcher.run` does, but that time jumps to whatever comes next."""
        due_ms, next_ms = self.ring.due_ms(), self.clock.next_ms
        assert next_ms is not None
        if due_ms is not None and self.clock.of_boot(due_ms) <= next_ms:
            self.clock.pass_to(self.clock.of_boot(due_ms))
        else:
            self.clock.turn()
            while self.ledger.confirms:
                self.people.confirms(self.ledger.confirms.pop())
            self.ledger.changed.clear()
        while not self.ring.inbox.empty():
            self.ring.handle(self.ring.inbox.get_nowait())
        self.ring.wake()
        self.ring.tidy()
        self.ring.settle()


def _nothing(*_: object) -> None:
    """Nobody cuts the power here, and nobody looks at what leaves."""


# -- the year ------------------------------------------------------------------------------------------------


def play_year(
    path: Path, sales: int, days: int = DAYS, file_rows: int = FILE_ROWS
) -> tuple[Held, dict[str, int]]:
    """A year into the journal at `path`; what was held, and what came in on each day."""
    held, captured = Held(), dict[str, int]()
    for day in range(days):
        with open_journal(path, file_rows) as journal:
            today = sales * (day + 1) // days - sales * day // days
            captured[f"day {day}"] = Day(journal, day, today).pass_by(held)
            held.look()
    return held, captured


def open_journal(path: Path, file_rows: int = FILE_ROWS) -> Journal:
    return Journal.open(path, terminal=TERMINAL, chance=lambda: 7, file_rows=file_rows)


def takings(journal: Journal) -> Iterator[tuple[str, str, int]]:
    """Day, number and minor units of every order that became PAID, from all files of the journal."""
    after = 0
    while page := journal.raw(after, PAGE):
        after = page[-1][0]
        for raw in page:
            row = row_of_raw(raw)
            if row.order.phase is Phase.PAID:
                yield row.when.boot_id, row.order.order_no, row.order.amount.minor


def report(sales: int, place: str | None) -> int:
    """Play it, and say what it came to. 1 when a limit was passed or money is not there any more."""
    logging.getLogger("terminal").disabled = True
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(dir=place, prefix="year-") as name:
        path = Path(name) / "journal.db"
        held, captured = play_year(path, sales, DAYS)
        took_s = time.monotonic() - begun
        with open_journal(path) as journal:
            found, numbers = Counter[str](), dict[str, str]()
            for day, order_no, minor in takings(journal):
                found[day] += minor
                numbers.setdefault(day, order_no)
            lost = [day for day, minor in captured.items() if found[day] != minor]
            ended = [journal.history(number)[-1].order.phase for number in numbers.values()]
            said: dict[str, object] = {
                "rows": journal._seq,
                "files": len(list(path.parent.glob("journal.db-0*"))) + 1,
                "MiB": sum(it.stat().st_size for it in path.parent.iterdir()) >> 20,
                "orders": journal.orders_minted(),
                "broken_row": journal.verify(),
            }
    warm = held.kib[min(WARM_DAYS, len(held.kib) - 1)]
    growth_kib = max(held.kib[-5:]) - warm
    said |= {
        "sales": sales, "days": DAYS, "hot_rows_most": held.hot_rows, "memory_warm_kib": warm,
        "memory_growth_kib": growth_kib, "open_files": sorted(held.files),
        "threads": sorted(held.threads), "days_whose_takings_differ": len(lost),
        "first_sales_of_days_read_back": len(ended), "took_s": round(took_s, 1),
    }  # fmt: skip
    print(json.dumps(said))
    kept = not lost and said["broken_row"] is None and set(ended) <= {Phase.PAID}
    within = growth_kib < GROWTH_MAX_KIB and held.hot_rows < HOT_ROWS_MAX
    return 0 if kept and within and len(held.files) == len(held.threads) == 1 else 1
