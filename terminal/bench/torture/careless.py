"""What is known to lose rows at a power cut, so that the torture must find it; and one peer that is known not to.

Habits put the production journal under another setting for the length of a tape. The rollback journals are a
plain table of SQLite, since the journal refuses to work so; their verdict is SQLite's own, and the count.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from terminal.bench.torture.tape import Acked, Files, Recorder, Tape, lay_out
from terminal.core.sale import Order
from terminal.journal import Journal, opening, rows

Habit = Callable[[], AbstractContextManager[None]]
ROWS = 12
FIRST = Acked(0, b"")


@contextmanager
def changed(what: object, name: str, value: Any) -> Iterator[None]:
    usual = getattr(what, name)
    setattr(what, name, value)
    try:
        yield
    finally:
        setattr(what, name, usual)


# -- habits of the journal -------------------------------------------------------------------------------


def synchronous(level: int) -> Habit:
    """0 is OFF, 1 NORMAL; the journal's own is 3, EXTRA."""
    return lambda: changed(opening, "_PRAGMAS", {**opening._PRAGMAS, "synchronous": level})


def two_rows_a_commit() -> AbstractContextManager[None]:
    """Every second row is acknowledged before it is committed."""
    return changed(Journal, "_commit", _commit_every_second)


def _commit_every_second(books: Journal, row: tuple[object, ...], order: Order) -> None:
    if not books._db.in_transaction:
        books._db.execute("BEGIN IMMEDIATE")
    rows.insert(books._db, row, order)
    if int(str(row[0])) % 2 == 0:
        books._db.execute("COMMIT")


HABITS: dict[str, Habit] = {
    "synchronous=NORMAL": synchronous(1),
    "synchronous=OFF": synchronous(0),
    "acknowledged before the commit": two_rows_a_commit,
}


# -- rollback journals -----------------------------------------------------------------------------------


def rollback(place: Path, level: str) -> Tape:
    """A table under journal_mode=DELETE and this `synchronous`, from its birth on."""
    place.mkdir(mode=0o700)
    tape = Tape(name_of(level), {}, FIRST)
    with Recorder(place, tape.steps).running():
        os.close(os.open(place / "plain.db", os.O_RDWR | os.O_CREAT, 0o600))
        with closing(plain(place, level)) as db:
            db.execute("CREATE TABLE told (row INTEGER PRIMARY KEY, text TEXT)")
            _sync_names(place)
            for row in range(1, ROWS + 1):
                db.execute("INSERT INTO told VALUES (?, ?)", (row, "x" * 500))
                tape.steps.append(Acked(row, b""))
    return tape


def name_of(level: str) -> str:
    return f"journal_mode=DELETE, synchronous={level}"


def plain(place: Path, level: str) -> sqlite3.Connection:
    db = sqlite3.connect(place / "plain.db", isolation_level=None)
    for pragma in ("page_size = 1024", "journal_mode = DELETE", f"synchronous = {level}"):
        db.execute(f"PRAGMA {pragma}")
    return db


def _sync_names(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def judge_rollback(place: Path, files: Files, acked: Acked) -> str:
    """SQLite's own verdict, and whether each acknowledged row is there."""
    lay_out(place, files)
    return verdict(place, acked)


def verdict(place: Path, acked: Acked) -> str:
    """The same of the files that are in `place` already."""
    try:
        with closing(plain(place, "EXTRA")) as db:
            if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                return "corrupt"
            has = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'told'").fetchone()
            rows = db.execute("SELECT count(*) FROM told").fetchone()[0] if has else 0
            return "lost" if rows < acked.row else ""
    except sqlite3.Error:
        return "corrupt"
