"""What the journal costs: bytes and syncs of a sale, the time of a step as it grows, the time to come back.

    scripts/bench journal [--rows 100000] [--dir DIR]

One JSON line per figure. `--dir` names the disk to measure (a card); `--rows` how far the journal grows.
`sqlite_as_it_comes` is the peer: the same rows in the same tables with SQLite's own defaults.

KiB are counted in the blocks of 4 KiB that a file system writes: for each sync, the blocks of that file dirtied
since the one before (reliability.md 5.1). The file system's own metadata comes on top.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from time import perf_counter_ns

from terminal.journal import Journal, Row, opening, rows
from terminal.journal.disk import OK, Disk, Kind, Operation
from tests.journal.samples import (
    EPOCH,
    TERMINAL,
    Hasty,
    Step,
    append,
    cpm_sale,
    mpm_sale,
    number,
    open_journal,
    opened,
    when,
)

BLOCK = 4096
WARM_SALES, COUNTED_SALES = 100, 1_000  # over several moves of the -wal
TIMED_SALES = 300
LIVE = 1_000

Sale = Callable[[int], Iterator[Step]]
Commit = Callable[[Step], object]


def say(figure: str, value: float, unit: str, **more: object) -> None:
    line = {"name": f"journal_{figure}", "value": round(value, 3), "unit": unit, **more}
    print(json.dumps(line), flush=True)


# -- bytes and syncs -----------------------------------------------------------------------------------------


class Meter:
    """Counts what reaches the disk while `on`."""

    def __init__(self) -> None:
        self.on = False
        self.count: Counter[str] = Counter()
        self._dirty: set[tuple[str, int]] = set()

    def __call__(self, operation: Operation) -> int:
        if operation.kind is Kind.WRITE:
            last = operation.offset + len(operation.data) - 1
            blocks = range(operation.offset // BLOCK, last // BLOCK + 1)
            self._dirty |= {(operation.path, block) for block in blocks}
            self.count["bytes"] += len(operation.data) * self.on
        elif operation.kind is Kind.SYNC:
            synced = {dirty for dirty in self._dirty if dirty[0] == operation.path}
            self._dirty -= synced
            self.count["blocks"] += len(synced) * self.on
            self.count["syncs"] += self.on
        return OK


def measure_bytes(place: Path) -> None:
    for name, sale in (("mpm", mpm_sale), ("cpm", cpm_sale)):
        meter = Meter()
        with Disk(meter), open_journal(place / f"bytes-{name}" / "journal.db") as ours:
            count_sale(meter, name, "journal", sale, partial(append, ours))
        meter = Meter()
        with Disk(meter), closing(peer(place / f"bytes-{name}.db")) as db:
            commit = peer_commit(db)
            count_sale(meter, name, "sqlite_as_it_comes", sale, commit)


def count_sale(meter: Meter, name: str, who: str, sale: Sale, commit: Commit) -> None:
    steps = 0
    for counter in range(1, WARM_SALES + COUNTED_SALES + 1):
        meter.on = counter > WARM_SALES
        for step in sale(counter):
            commit(step)
            steps += meter.on
    meter.on = False
    blocks, written = meter.count["blocks"], meter.count["bytes"]
    commits = steps // COUNTED_SALES
    say(
        f"{name}_sale_blocks",
        blocks * BLOCK / 1024 / COUNTED_SALES,
        "KiB",
        who=who,
        commits=commits,
    )
    say(f"{name}_sale_bytes", written / 1024 / COUNTED_SALES, "KiB", who=who, commits=commits)
    say(f"{name}_syncs_per_step", meter.count["syncs"] / steps, "", who=who)


# -- the peer ------------------------------------------------------------------------------------------------


def peer(path: Path) -> sqlite3.Connection:
    """SQLite with its defaults: rollback journal, FULL, pages of 4096."""
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(Path(opening.__file__).with_name("schema.sql").read_text(encoding="utf-8"))
    return db


def peer_commit(db: sqlite3.Connection) -> Commit:
    """The same row and the same open orders, in one transaction."""
    seq = 0

    def commit(step: Step) -> None:
        nonlocal seq
        seq += 1
        order, event = step
        columns = rows.columns_of(Row(seq, order, event, when(event.at_ms)), seq)
        db.execute("BEGIN IMMEDIATE")
        rows.insert(db, (*columns, bytes(32)), order)
        db.execute("COMMIT")

    return commit


# -- time ------------------------------------------------------------------------------------------------------


def percentile(sorted_ns: list[int], share: float) -> float:
    return sorted_ns[min(len(sorted_ns) - 1, int(len(sorted_ns) * share))] / 1e6


def time_steps(first: int, commit: Commit) -> list[int]:
    taken = []
    for counter in range(first, first + TIMED_SALES):
        for step in mpm_sale(counter):
            begin = perf_counter_ns()
            commit(step)
            taken.append(perf_counter_ns() - begin)
    return sorted(taken)


def say_steps(taken: list[int], rows: int, who: str) -> None:
    say("step_p50", percentile(taken, 0.5), "ms", rows=rows, who=who)
    say("step_p99", percentile(taken, 0.99), "ms", rows=rows, who=who)


def grow(path: Path, upto: int) -> Journal:
    """Many rows to a commit; every one is what `append` would have written."""
    with Hasty.open(path, terminal=TERMINAL, chance=lambda: EPOCH) as hasty:
        counter, row = hasty.orders_minted(), 0
        while row < upto:
            counter += 1
            for step in mpm_sale(counter):
                row = append(hasty, step)
    return open_journal(path)


def measure_growth(place: Path, rows_max: int) -> None:
    path = place / "growth" / "journal.db"
    upto = 1_000
    while upto <= rows_max:
        with grow(path, upto) as ours:
            taken = time_steps(ours.orders_minted() + 1, partial(append, ours))
            say_steps(taken, upto, "journal")
            measure_reads(ours, upto)
        upto *= 10
    say("file", path.stat().st_size / 2**20, "MiB", rows=upto // 10)
    with closing(peer(place / "peer.db")) as db:
        say_steps(time_steps(1, peer_commit(db)), 0, "sqlite_as_it_comes")


def measure_reads(ours: Journal, rows: int) -> None:
    reads: dict[str, Callable[[], object]] = {
        "order": lambda: ours.order(number(rows // 9)),
        "history": lambda: ours.history(number(rows // 9)),
        "last": ours.last,
        "tail_20": lambda: ours.tail(20),
        "sale": lambda: ours.sale(number(rows // 9)),
    }
    for name, read in reads.items():
        say(f"read_{name}", timed_ms(read, 20), "ms", rows=rows)
    say("verify", timed_ms(ours.verify, 1) / 1e3, "s", rows=rows)


def timed_ms(call: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        begin = perf_counter_ns()
        call()
        taken.append(perf_counter_ns() - begin)
    return percentile(sorted(taken), 0.5)


# -- coming back -------------------------------------------------------------------------------------------------


def measure_reopen(place: Path, rows: int) -> None:
    path = place / "reopen" / "journal.db"
    with grow(path, rows) as ours:
        for _ in range(LIVE):
            append(ours, opened(ours.orders_minted() + 1))
    say_reopen(path, rows, "clean")
    child = os.fork()
    if not child:
        ours = open_journal(path)
        for _ in range(opening.CHECKPOINT_ROWS - 1):
            append(ours, opened(ours.orders_minted() + 1))
        os._exit(0)
    os.waitpid(child, 0)
    say_reopen(path, rows, "killed")


def say_reopen(path: Path, rows: int, after: str) -> None:
    begin = perf_counter_ns()
    ours = Journal.open(path, terminal=TERMINAL, chance=int)
    ready = perf_counter_ns()
    live = len(ours.live())
    end = perf_counter_ns()
    ours.close()
    say("reopen", (ready - begin) / 1e6, "ms", rows=rows, after=after)
    say("read_live", (end - ready) / 1e6, "ms", rows=rows, live=live, after=after)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the journal costs.")
    parser.add_argument("--rows", type=int, default=100_000, help="grow by tens up to this many")
    parser.add_argument("--dir", help="where to write: the disk that is measured")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.dir, prefix="journal-bench-") as name:
        place = Path(name)
        measure_bytes(place)
        measure_reopen(place, min(asked.rows, 100_000))
        measure_growth(place, asked.rows)


if __name__ == "__main__":
    main()
