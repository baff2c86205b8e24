"""The links between rows: each is SHA-256 over the link before it and its row's columns (I17).

Written down so that anybody can check it without this program: every column as text in UTF-8, in the order
of `COLUMNS`, each with its length in front (4 bytes, most significant first). The first row's predecessor is
the same over the columns of the `install` row, with 32 zero bytes as the link before it. The first row of a
later file follows the last one of the file before it, whose link stands in its `archived` row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

COLUMNS = "seq, order_no, sale_no, opened, utc, boot_id, at_ms, phase, event, record"
_NOTHING = bytes(32)
_ROWS = f"SELECT {COLUMNS}, link FROM journal WHERE seq > ? ORDER BY seq"  # noqa: S608  # nosec B608


def link(before: bytes, columns: Iterable[object]) -> bytes:
    """The link of a row with these columns, after the row whose link is `before`."""
    digest = sha256(before)
    for column in columns:
        text = str(column).encode()
        digest.update(len(text).to_bytes(4, "big") + text)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Base:
    """What a file's first row follows: the last row before it, the orders opened by then, and its link."""

    seq: int
    opened: int
    link: bytes


def base(db: sqlite3.Connection) -> Base:
    """What this file goes on from. A file of schema 1 has nothing before it."""
    found = None
    if db.execute("PRAGMA user_version").fetchone()[0] > 1:
        found = db.execute("SELECT seq, opened, link FROM archived").fetchone()
    return Base(*found) if found else Base(0, 0, root(db))


def root(db: sqlite3.Connection) -> bytes:
    """What the first row of all is linked to."""
    return link(_NOTHING, db.execute("SELECT id, terminal, epoch, born FROM install").fetchone())


def first_break(db: sqlite3.Connection, after: int = 0) -> int | None:
    """The first row of this file behind `after` that is missing or does not fit the one before it; None: all
    do. `after` itself is taken as it stands; 0 begins at what the file goes on from. About 100,000 rows a
    second."""
    begin = base(db)
    after = max(after, begin.seq)
    before = begin.link if after == begin.seq else _link_of(db, after)
    if before is None:
        return after
    for seq, row in enumerate(db.execute(_ROWS, (after,)), after + 1):
        *columns, found = row
        before = link(before, columns)
        if (columns[0], found) != (seq, before):
            return seq
    return None


def _link_of(db: sqlite3.Connection, seq: int) -> bytes | None:
    row = db.execute("SELECT link FROM journal WHERE seq = ?", (seq,)).fetchone()
    return row[0] if row else None
