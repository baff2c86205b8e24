"""One row and how it stands in a file: what is written, and what one file is asked.

The journal may be several files (archive.py); everything here is about one of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from terminal.core.events import Event, SaleOpened
from terminal.core.sale import FINAL, Order
from terminal.core.terms import JournalFault
from terminal.journal import chain, records

Columns = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class When:
    """When a row is written. `at_ms`: boot time of the boot `boot_id`; `utc`: for people, decides nothing."""

    boot_id: str
    at_ms: int
    utc: str


@dataclass(frozen=True, slots=True)
class Row:
    """`event` happened at `when`, and `order` is what it led to."""

    seq: int
    order: Order
    event: Event
    when: When


# -- written -----------------------------------------------------------------------------------------------

_INSERT = f"INSERT INTO journal ({chain.COLUMNS}, link) VALUES (?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608  # nosec B608
_OPEN = "INSERT OR IGNORE INTO live VALUES (?, ?)"
_SHUT = "DELETE FROM live WHERE order_no = ?"


def columns_of(row: Row, opened: int) -> Columns:
    """In the order of chain.COLUMNS. HouseFault when the row makes no sense."""
    order, when = row.order, row.when
    return (
        row.seq,
        order.order_no,
        order.sale_no,
        opened,
        when.utc,
        when.boot_id,
        when.at_ms,
        order.phase.value,
        records.event_text(row.event),
        records.record_text(order),
    )


def insert(db: sqlite3.Connection, row: tuple[object, ...], order: Order) -> None:
    """The row with its link, and what it makes of the cache of open orders; in a transaction of the caller's."""
    db.execute(_INSERT, row)
    if order.final:
        db.execute(_SHUT, (order.order_no,))
    else:
        db.execute(_OPEN, (order.order_no, row[0]))


# -- asked -------------------------------------------------------------------------------------------------

KNOWN = "SELECT 1 FROM journal WHERE order_no = ? LIMIT 1"
TIP = "SELECT opened, link FROM journal WHERE seq = ?"
NEWEST = """SELECT order_no FROM journal WHERE seq = 1 + coalesce(
    (SELECT seq FROM journal WHERE opened < ? ORDER BY seq DESC LIMIT 1), ?)"""
INSTALL = "SELECT id, terminal, epoch, born FROM install"
_RAW = f"SELECT {chain.COLUMNS}, link FROM journal "  # noqa: S608  # nosec B608

_ROWS = "SELECT seq, order_no, sale_no, utc, boot_id, at_ms, phase, event, record FROM journal "
LIVE = """
    WHERE seq IN (SELECT (SELECT max(seq) FROM journal WHERE order_no = live.order_no) FROM live)
    ORDER BY (SELECT live.seq FROM live WHERE live.order_no = journal.order_no)"""
ORDER = "WHERE order_no = ? ORDER BY seq DESC LIMIT 1"
HISTORY = "WHERE order_no = ? ORDER BY seq"
BEGINNING = "WHERE order_no = ? ORDER BY seq LIMIT 1"
SALE = """
    WHERE seq IN (SELECT max(seq) FROM journal WHERE order_no = ?1 UNION ALL
        SELECT max(seq) FROM journal
        WHERE sale_no = ?1 AND sale_no <> order_no GROUP BY order_no)
    ORDER BY order_no"""
TAIL = """
    WHERE seq < ? AND NOT EXISTS (SELECT 1 FROM journal AS later
        WHERE later.order_no = journal.order_no AND later.seq > journal.seq)
    ORDER BY seq DESC LIMIT ?"""

_FINAL = ", ".join(f"'{phase.value}'" for phase in sorted(FINAL, key=lambda phase: phase.value))
# An order is open when its last row is not final, and it became so by the row behind its last final one.
SHOULD_LIVE = f"""
    SELECT order_no, (SELECT min(seq) FROM journal AS mine WHERE mine.order_no = last.order_no
        AND mine.seq > coalesce((SELECT max(seq) FROM journal AS end
            WHERE end.order_no = last.order_no AND end.phase IN ({_FINAL})), 0))
    FROM (SELECT order_no, max(seq) AS seq FROM journal GROUP BY order_no) AS last
    WHERE (SELECT phase FROM journal WHERE journal.seq = last.seq) NOT IN ({_FINAL})"""  # noqa: S608  # nosec B608
LAST_SEQ = "SELECT coalesce(max(seq), 1) FROM journal WHERE order_no = ?"


def found(db: sqlite3.Connection, which: str, *values: object) -> list[Row]:
    """The rows of this file that `which` names."""
    return [_row_of(columns) for columns in db.execute(_ROWS + which, values).fetchall()]


def has_beginning(found: list[Row]) -> bool:
    """These are an order's first rows in their file, and it was opened there."""
    return bool(found) and isinstance(found[0].event, SaleOpened)


def tail(
    db: sqlite3.Connection, newer: Sequence[sqlite3.Connection], limit: int, before: int
) -> list[Row]:
    """Up to `limit` last rows of orders, older than `before`, newest first; not of those that moved in a
    `newer` file again."""
    tail: list[Row] = []
    while len(tail) < limit:
        page = found(db, TAIL, before, limit)
        tail += [row for row in page if not _known(newer, row.order.order_no)]
        if len(page) < limit:
            break
        before = page[-1].seq
    return tail[:limit]


def _known(files: Sequence[sqlite3.Connection], order_no: str) -> bool:
    return any(db.execute(KNOWN, (order_no,)).fetchone() for db in files)


def raw(db: sqlite3.Connection, after: int, limit: int) -> list[tuple[Any, ...]]:
    """The rows of this file behind `after`, as they are written."""
    return db.execute(_RAW + "WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)).fetchall()


def raw_history(db: sqlite3.Connection, order_no: str) -> list[tuple[Any, ...]]:
    """The same of one order."""
    return db.execute(_RAW + HISTORY, (order_no,)).fetchall()


def row_of_raw(raw: Sequence[Any]) -> Row:
    """What such a row says. JournalFault when it cannot be read."""
    seq, order_no, sale_no, _opened, utc, boot_id, at_ms, phase, event, record, _link = raw
    return _row_of((seq, order_no, sale_no, utc, boot_id, at_ms, phase, event, record))


def _row_of(columns: tuple[int, str, str, str, str, int, str, str, str]) -> Row:
    seq, order_no, sale_no, utc, boot_id, at_ms, phase, event, record = columns
    try:
        order = records.order_of(record, order_no, sale_no, phase)
        return Row(seq, order, records.event_of(event), When(boot_id, at_ms, utc))
    except JournalFault as fault:
        raise type(fault)(f"row {seq} of the journal cannot be read: {fault}") from fault
