"""The links between rows, against a second reading of the description."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from terminal.journal import chain
from tests.journal.samples import fill, open_journal

ROWS = 12


def by_the_book(columns: tuple[object, ...], before: bytes) -> bytes:
    """`chain.py`'s first paragraph, written once more."""
    told = before
    for column in columns:
        text = str(column).encode("utf-8")
        told += struct.pack(">I", len(text)) + text
    return hashlib.sha256(told).digest()


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    """The journal's rows in a database without triggers, to be tampered with."""
    with open_journal(path) as journal:
        fill(journal, ROWS)
    copy = sqlite3.connect(":memory:")
    copy.execute("ATTACH ? AS real", (str(path),))
    copy.execute("CREATE TABLE journal AS SELECT * FROM real.journal")
    copy.execute("CREATE TABLE install AS SELECT * FROM real.install")
    copy.commit()
    copy.execute("DETACH real")
    yield copy
    copy.close()


def test_the_links_are_as_described(db: sqlite3.Connection) -> None:
    link = by_the_book(db.execute("SELECT * FROM install").fetchone(), bytes(32))
    for *columns, found in db.execute(
        "SELECT seq, order_no, sale_no, opened, utc, boot_id, at_ms, phase, event, record, link "
        "FROM journal ORDER BY seq"
    ):
        link = by_the_book(tuple(columns), link)
        assert link == found


def test_a_whole_chain_has_no_break(db: sqlite3.Connection) -> None:
    for after in range(ROWS + 1):
        assert chain.first_break(db, after) is None


@pytest.mark.parametrize("seq", [1, 5, ROWS])
@pytest.mark.parametrize(
    "change",
    [
        "order_no = order_no || 'X'",
        "sale_no = 'X'",
        "opened = opened + 1",
        "utc = ''",
        "boot_id = 'other'",
        "at_ms = at_ms + 1",
        "phase = 'closed'",
        "event = replace(event, 'at_ms', 'at_mS')",
        "record = replace(record, '1250', '1251')",
        "link = zeroblob(32)",
        "utc = utc || boot_id, boot_id = ''",  # moved over a column's border
    ],
)
def test_any_change_breaks_it_there(db: sqlite3.Connection, seq: int, change: str) -> None:
    db.execute(f"UPDATE journal SET {change} WHERE seq = ?", (seq,))
    assert chain.first_break(db) == seq


def test_a_missing_row_breaks_it(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM journal WHERE seq = 4")
    assert chain.first_break(db) == 4
    assert chain.first_break(db, 4) == 4
    assert chain.first_break(db, 5) is None


def test_two_rows_that_changed_places_break_it(db: sqlite3.Connection) -> None:
    db.execute("UPDATE journal SET seq = CASE seq WHEN 4 THEN 5 WHEN 5 THEN 4 ELSE seq END")
    assert chain.first_break(db) == 4


def test_another_owner_breaks_it_at_the_first_row(db: sqlite3.Connection) -> None:
    db.execute("UPDATE install SET terminal = 'ZZ99ZZ'")
    assert chain.first_break(db) == 1


def test_the_check_does_not_load_all_rows(path: Path) -> None:
    with open_journal(path) as journal:
        fill(journal, 3)
    with closing(sqlite3.connect(path)) as db:
        assert chain.first_break(db, 3) is None
