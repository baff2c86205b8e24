"""In a guest with time travel: `python -m tests.rig.year_job DAYS SALES SEED`. Days at one counter, a life of the
real daemon each, against the sandbox process, with the gateway's own waiting times.

Time passes only while everybody waits, and then at once. What costs is what is done: each sale, and each of the
daemon's looks at the clock. So the shop is open as long as its customers need, and at night daemon and gateway
are still. It opens at noon; on a day on which a clock or a counter of milliseconds turns over, a minute before
that (`turns`).

Says a line of JSON for each day in /run/share/days, and what it all came to in /run/share/result.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from terminal.bench.doors import Doors
from terminal.bench.reckoning import odds
from terminal.bench.storm import KINDS
from terminal.bench.torture.nursery import Nursery
from terminal.bench.torture.till import ASK_S, Life, Till
from terminal.control import REPLY_BYTES_MAX, Garbled, Unanswered, read_line, send_line
from terminal.core.sale import RETURNS
from terminal.core.terms import Fault
from terminal.journal import Journal

SHARE, STATE = Path("/run/share"), Path("/run/year")
TERMINAL = "YEAR01"
FIRST = datetime.fromisoformat("2027-07-01T00:00+02:00")  # a year with a leap day
TURNS = (  # of the clock on the wall, in Berlin
    datetime.fromisoformat("2027-10-31T01:00+00:00"),  # back to winter time
    datetime.fromisoformat("2028-01-01T00:00+01:00"),
    datetime.fromisoformat("2028-02-29T00:00+01:00"),
    datetime.fromisoformat("2028-03-01T00:00+01:00"),
    datetime.fromisoformat("2028-03-26T01:00+00:00"),  # on to summer time
)
COUNTS_MS = (2**31, 2**32)  # of boot time: 24.9 and 49.7 days
NOON_S, BEFORE_S, OPEN_S = 12 * 3_600, 60, 90  # open so long at least
DAY_S = 86_400
MISCHIEF = 0.01  # of all requests
COLD_EVERY = 10  # of that many days one begins with a fresh interpreter, the others are forked
KILLED_EVERY = 7  # and one has a kill -9 in the middle of its sales
KEPT_S = 4.0  # a line on which nobody speaks for five seconds is closed by the daemon
STEP_S = 2.0  # so often somebody looks at the glass
LOOK_EVERY = 25  # orders between two looks at the daemon's memory
QUIET_S = 15.0  # before a look, so that what is kept for a while is let go
CALM = ("Idle", "Paid", "NotPaid")
CLOSE_S, SETTLE_S = 1_800.0, DAY_S


class Shop(Till):
    """A till at real speed whose people keep one line open to the daemon."""

    profile = Path(__file__).parent / "profiles" / "year.toml"
    timing = MappingProxyType[str, object]({})
    # As a technician writes it down: without it a void of an older sale is in doubt for ever.
    account = MappingProxyType[str, object]({"window_over_codes": ["SBX125"]})

    def __init__(self, doors: Doors, nursery: Nursery, dice: random.Random, stack: ExitStack):
        super().__init__(STATE / TERMINAL, TERMINAL, doors, nursery, dice, stack)
        self._end: socket.socket | None = None
        self._asked_s = 0.0

    def ask(self, word: str, **more: object) -> dict[str, Any]:
        """As `control.call` does; a new connection each time would be a third of a sale's cost."""
        now_s = time.monotonic()
        if now_s - self._asked_s > KEPT_S:
            self.hang_up()
        self._asked_s = now_s
        try:
            if self._end is None:
                self._end = socket.socket(socket.AF_UNIX)
                self._end.connect(str(self.state / "control.sock"))
            send_line(self._end, {"word": word, **more}, ASK_S)
            said: dict[str, Any] = json.loads(read_line(self._end, REPLY_BYTES_MAX, ASK_S))
        except (OSError, ValueError, Garbled) as error:  # an empty line: it has hung up
            self.hang_up()
            raise Unanswered(str(error)) from None
        return said

    def hang_up(self) -> None:
        if self._end is not None:
            self._end.close()
            self._end = None

    # -- a day ---------------------------------------------------------------------------------------

    def day(self, day: int, sales: int) -> dict[str, object]:
        """A day at the counter; what was seen of the daemon in its last life, and of its files."""
        cold = day % COLD_EVERY == 0
        killed = day % KILLED_EVERY == 1
        evening, closing_s = len(self.opened) + sales, time.monotonic() + OPEN_S
        if killed:
            with self.alive(cold=cold) as life:
                self.serve(life, evening - sales // 2)
        with self.alive(cold=cold) as life:
            looks = list(self.looked_at(life, evening))
            life.over(max(0, closing_s - time.monotonic()))
            seen = held_by(life.number) | {"open": self.ask("status")["open_count"]}
            life.end(signal.SIGTERM)
            life.over(ASK_S)
        self.hang_up()
        return {"day": day, "cold": cold, "killed": killed, "kib": looks, **seen, **self.files()}

    def looked_at(self, life: Life, evening: int) -> Iterator[tuple[int, int]]:
        """Serve until so many orders were opened: pairs of how many by this daemon, and its memory in KiB."""
        morning = len(self.opened)
        while True:
            self.serve(life, min(len(self.opened) + LOOK_EVERY, evening))
            if len(self.opened) >= evening:
                self.calm_down(life)
            self.hang_up()
            life.over(QUIET_S)
            yield len(self.opened) - morning, held_by(life.number)["rss_kib"]
            if len(self.opened) >= evening:
                return

    def serve(self, life: Life, wanted: int) -> None:
        while len(self.opened) < wanted and not life.over(STEP_S):
            self.step()

    def calm_down(self, life: Life) -> None:
        """The last customer is served; what is under way in the background may stay so over night."""
        deadline_s = time.monotonic() + CLOSE_S
        while not life.over(STEP_S):
            self.run_errands()
            said = self.ask("status")
            self.note(said)
            if said["screen"] in CALM:
                return
            self.react(said["screen"], said["open"])
            if time.monotonic() > deadline_s:
                raise Fault(f"the counter never comes to rest:\n{self.last_words()}")

    def files(self) -> dict[str, object]:
        place = self.state
        archived = sorted(int(file.name[-12:]) for file in place.glob("journal.db-0*"))
        rows = max(self.told, default=0)
        return {
            "rows": rows,
            "hot_rows": rows - (archived[-1] if archived else 0),
            "archived": len(archived),
            "log_bytes": (place / "run.log").stat().st_size,
            "orders": len(self.opened),
        }

    # -- the end -------------------------------------------------------------------------------------

    def reckon(self) -> dict[str, object]:
        """Everything brought to its end, then journal against books, by us and by terminalctl."""
        with self.alive(cold=True) as life:
            deadline_s = time.monotonic() + SETTLE_S
            while not self._settled() and time.monotonic() < deadline_s:
                life.over(20)
                self.run_errands()
            life.end(signal.SIGTERM)
            life.over(ASK_S)
        file = self.state / "journal.db"
        with Journal.open_read_only(file) as journal:
            orders = self.orders(journal)
            found = [str(odd) for odd in odds(orders, self.doors.books())]
            broken = self.broken_promises(journal)
        bill = self.state / "bill.csv"
        bill.write_text(self.doors.bill(), encoding="utf-8")
        here = ("--journal", str(file))
        days = ("--from", f"{FIRST:%Y-%m-%d}", "--to", "2099-12-31", "--bill", str(bill))
        said = {
            "check": terminalctl("check", *here, "--config", str(self.config)),
            "reconcile": terminalctl("reconcile", *here, *days),
        }
        return {
            "agreed": not any(each["exit"] for each in said.values()),
            "sales": len({order.sale_no for order in orders if order.mode not in RETURNS}),
            "orders": len(orders),
            "odd": found,
            "broken_promises": broken,
            "promises": len(self.told),
            **said,
        }


def terminalctl(*words: str) -> dict[str, Any]:
    """The last line that it says."""
    command = [str(Path(sys.executable).with_name("terminalctl")), *words, "--json"]
    said = subprocess.run(command, capture_output=True, text=True)
    last: dict[str, Any] = json.loads(said.stdout.splitlines()[-1]) if said.stdout else {}
    return {"exit": said.returncode, **last, **({"why": said.stderr[-500:]} if not last else {})}


def held_by(number: int) -> dict[str, int]:
    own = Path(f"/proc/{number}")
    facts = dict(line.split(":", 1) for line in (own / "status").read_text().splitlines())
    return {
        "rss_kib": int(facts["VmRSS"].split()[0]),
        "threads": int(facts["Threads"]),
        "files": len(list((own / "fd").iterdir())),
    }


# -- the days ------------------------------------------------------------------------------------------------


def set_clocks() -> None:
    """Midnight of the first day, in Berlin."""
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    time.clock_settime(time.CLOCK_REALTIME, FIRST.timestamp())


def turns() -> list[float]:
    """Epoch seconds at which a clock or a count of milliseconds turns over."""
    booted_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    counts = [booted_s + count_ms / 1000 for count_ms in COUNTS_MS]
    return sorted([turn.timestamp() for turn in TURNS] + counts)


def opening_s(day: int, turning: list[float]) -> float:
    """When the shop opens on that day, in epoch seconds."""
    midnight_s = FIRST.timestamp() + day * DAY_S
    for turn_s in turning:
        if midnight_s <= turn_s - BEFORE_S < midnight_s + DAY_S:
            return turn_s - BEFORE_S
    return midnight_s + NOON_S


def iso(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s).astimezone().isoformat(timespec="seconds")


def sleep_until(epoch_s: float) -> None:
    time.sleep(max(0.0, epoch_s - time.time()))


def main(days: int, sales: int, seed: int) -> None:
    set_clocks()
    turning = turns()
    STATE.mkdir(mode=0o700)
    with ExitStack() as stack, (SHARE / "days").open("w", encoding="ascii") as told:
        doors = Doors(STATE / "sandbox", stack)
        doors.tell("settings", late_payment=True, refund_ms=3_000)
        rules = [{"kind": it, "probability": MISCHIEF / len(KINDS), "count": None} for it in KINDS]
        doors.tell("misbehave", rules=rules)
        nursery = Nursery()
        stack.callback(nursery.close)
        shop = Shop(doors, nursery, random.Random(seed), stack)
        for day in range(days):
            doors.process.send_signal(signal.SIGSTOP)  # nobody asks it anything
            sleep_until(opening_s(day, turning))
            doors.process.send_signal(signal.SIGCONT)
            opened_s = time.time()
            seen = shop.day(day, sales)
            times = {
                "opened": iso(opened_s),
                "closed": iso(time.time()),
                "turns": sum(opened_s < turn_s < time.time() for turn_s in turning),
            }
            print(json.dumps({**times, **seen}), file=told, flush=True)
        doors.behave()
        result = shop.reckon()
        if result["odd"] or result["broken_promises"] or not result["agreed"]:
            shutil.copytree(
                shop.state, SHARE / "state", ignore=shutil.ignore_patterns("*.sock", "*.tty")
            )
    (SHARE / "result").write_text(json.dumps(result), encoding="ascii")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
