"""Many tills side by side on one gateway. Each is tormented, left alone until all is settled, and reckoned up.

A till has a new, empty journal, so every hundred trials another one is born under torture too.
"""

from __future__ import annotations

import queue
import random
import sys
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from terminal.bench.doors import Doors
from terminal.bench.reckoning import Odd, odds
from terminal.bench.torture.nursery import Nursery
from terminal.bench.torture.till import Till
from terminal.core.sale import RETURNS
from terminal.journal import Journal

PORTION = 125  # trials of one till
# The gateway's ways: money back later than asked, codes that live on, numbers that leave no tombstone.
RULES = {"earliest_revoke_ms": 0, "order_life_ms": 30_000, "late_payment": True, "refund_ms": 50}

Torment = Callable[[Till, int], Tally[str]]


@dataclass(slots=True)
class Report:
    """What all tills together came to. `what`: how often which torment came."""

    trials: int = 0
    odd: list[Odd] = field(default_factory=list)
    what: Tally[str] = field(default_factory=Tally)
    ends: Tally[str] = field(default_factory=Tally)
    rows: int = 0
    promises: int = 0
    seconds: float = 0

    def figures(self) -> dict[str, object]:
        """For the last line."""
        kinds = Tally(odd.kind for odd in self.odd)
        return {
            "trials": self.trials,
            "lost": kinds["lost"],
            "doubled": kinds["doubled"],
            "open": kinds["open"],
            "orders": self.ends.total(),
            "rows": self.rows,
            "promises": self.promises,
            "seconds": round(self.seconds, 1),
            **self.what,
            "ends": dict(self.ends),
        }


class Shift:
    """`run(trials)`; afterwards `report` says all. `module`: what the daemons are, for `python -m`."""

    def __init__(
        self, state: Path, torment: Torment, *, tills: int, seed: int, module: str = "terminal"
    ) -> None:
        self.state, self.torment, self.seed = state, torment, seed
        self.tills, self.module = tills, module
        self.report = Report()
        self._portions: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._errors: list[BaseException] = []

    def run(self, trials: int) -> Report:
        begun_s = time.monotonic()
        size = min(PORTION, -(-trials // self.tills))
        for number, start in enumerate(range(0, trials, size), 1):
            self._portions.put((number, min(size, trials - start)))
        with ExitStack() as stack:
            doors = Doors(self.state / "sandbox", stack)
            doors.tell("settings", **RULES)
            workers = [
                threading.Thread(target=self._work, args=(doors,)) for _ in range(self.tills)
            ]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        if self._errors:
            raise BaseExceptionGroup("not every till came to its end", self._errors)
        self.report.seconds = time.monotonic() - begun_s
        return self.report

    def _work(self, doors: Doors) -> None:
        nursery = Nursery(self.module)
        try:
            while not self._portions.empty() and not self._errors:
                number, trials = self._portions.get_nowait()
                with ExitStack() as stack:
                    self._one_till(doors, nursery, number, trials, stack)
        except queue.Empty:
            pass  # another one has taken the last portion
        except BaseException as error:
            self._errors.append(error)
        finally:
            nursery.close()

    def _one_till(
        self, doors: Doors, nursery: Nursery, number: int, trials: int, stack: ExitStack
    ) -> None:
        terminal = f"K{number:05}"
        dice = random.Random(f"{self.seed} {number}")
        till = Till(self.state / terminal, terminal, doors, nursery, dice, stack)
        what = self.torment(till, trials)
        settled = till.settle()
        books = {no: kept for no, kept in doors.books().items() if no.startswith(f"T{terminal}")}
        with Journal.open_read_only(till.state / "journal.db") as journal:
            orders = till.orders(journal)
            odd = odds(orders, books)
            odd += [Odd("lost", terminal, why) for why in till.broken_promises(journal)]
            if not settled:
                odd.append(Odd("open", terminal, till.last_words()))
            rows = journal.tail(1)[0].seq if orders else 0
        print(f"{terminal}: {trials} trials, {len(odd)} odd", file=sys.stderr, flush=True)
        with self._lock:
            report = self.report
            report.trials += trials
            report.odd += odd
            report.what += what
            report.ends.update(
                f"{order.mode.value} {order.phase.value}"
                if order.mode in RETURNS
                else order.phase.value
                for order in orders
            )
            report.rows += rows
            report.promises += len(till.told)
