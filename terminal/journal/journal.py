"""The journal as the house calls it: append, and read what the next start or a technician needs.

Used from the dispatcher's thread only; SQLite itself refuses any other. Errors are `JournalFault`, each with
what to do. After the first one on a write the object is dead: whether that row is durable cannot be known by
asking the same disk again (F91), so nothing is asked, and the next start finds out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from terminal.core.events import Event, SaleOpened
from terminal.core.sale import FINAL, Order
from terminal.core.terms import HouseFault, JournalFault
from terminal.journal import chain, opening, records
from terminal.journal.faults import AlreadyRunning, ForeignJournal, NewerJournal, explain
from terminal.journal.lock import Lock, Memory
from terminal.journal.opening import CHECKPOINT_ROWS, Found, beside

__all__ = ["AlreadyRunning", "ForeignJournal", "Journal", "NewerJournal", "Row", "When"]

EPOCHS = 32**4  # four digits of an order number (core.terms)


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


# -- what is asked of SQLite -------------------------------------------------------------------------------

_INSERT = f"INSERT INTO journal ({chain.COLUMNS}, link) VALUES (?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608
_OPEN = "INSERT OR IGNORE INTO live VALUES (?, ?)"
_SHUT = "DELETE FROM live WHERE order_no = ?"
_KNOWN = "SELECT 1 FROM journal WHERE order_no = ? LIMIT 1"
_TIP = "SELECT opened, link FROM journal WHERE seq = ?"

_ROWS = "SELECT seq, order_no, sale_no, utc, boot_id, at_ms, phase, event, record FROM journal "
_LIVE = """
    WHERE seq IN (SELECT (SELECT max(seq) FROM journal WHERE order_no = live.order_no) FROM live)
    ORDER BY (SELECT live.seq FROM live WHERE live.order_no = journal.order_no)"""
_NEWEST = """
    WHERE order_no = (SELECT order_no FROM journal WHERE seq =
        1 + coalesce((SELECT seq FROM journal WHERE opened < ? ORDER BY seq DESC LIMIT 1), 0))
    ORDER BY seq DESC LIMIT 1"""
_ORDER = "WHERE order_no = ? ORDER BY seq DESC LIMIT 1"
_HISTORY = "WHERE order_no = ? ORDER BY seq"
_SALE = """
    WHERE seq IN (SELECT max(seq) FROM journal WHERE order_no = ?1 UNION ALL
        SELECT max(seq) FROM journal
        WHERE sale_no = ?1 AND sale_no <> order_no GROUP BY order_no)
    ORDER BY order_no"""
_TAIL = """
    WHERE seq < ? AND NOT EXISTS (SELECT 1 FROM journal AS later
        WHERE later.order_no = journal.order_no AND later.seq > journal.seq)
    ORDER BY seq DESC LIMIT ?"""

_FINAL = ", ".join(f"'{phase.value}'" for phase in sorted(FINAL, key=lambda phase: phase.value))
# An order is open when its last row is not final, and it became so by the row behind its last final one.
_SHOULD_LIVE = f"""
    SELECT order_no, (SELECT min(seq) FROM journal AS mine WHERE mine.order_no = last.order_no
        AND mine.seq > coalesce((SELECT max(seq) FROM journal AS end
            WHERE end.order_no = last.order_no AND end.phase IN ({_FINAL})), 0))
    FROM (SELECT order_no, max(seq) AS seq FROM journal GROUP BY order_no) AS last
    WHERE (SELECT phase FROM journal WHERE journal.seq = last.seq) NOT IN ({_FINAL})"""  # noqa: S608
_LAST_SEQ = "SELECT coalesce(max(seq), 1) FROM journal WHERE order_no = ?"


class Journal:
    """One terminal's journal, open. `open` to write, `open_read_only` to look.

    `epoch`: the number drawn at its birth, part of every order number (I14). `born_now`: there was none, so
    this terminal is new or has lost its past: reconcile with the gateway before refunds."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, found: Found, lock: Lock | None, born_now: bool
    ) -> None:
        self.path = path
        self.terminal, self.epoch, self.born_now = found.terminal, found.epoch, born_now
        self._db, self._lock = db, lock
        self._fault: JournalFault | None = None
        self._seq = found.rows
        self._opened, self._link = self._tip()

    # -- open and close --------------------------------------------------------------------------------------

    @classmethod
    def open(
        cls, path: Path, *, terminal: str, chance: Callable[[], int], born: str = ""
    ) -> Journal:
        """The journal at `path`, made when there is none. `chance` is asked once, at birth; `born` is today
        in UTC, a label. AlreadyRunning, ForeignJournal, NewerJournal or a plain JournalFault."""
        opening.make_directory(path)
        lock = Lock.take(beside(path, "-lock"), path)
        try:
            born_now = not opening.exists(path, lock.memory)
            if born_now:
                opening.give_birth(path, terminal, chance() % EPOCHS, born)
            found = opening.look(path, terminal, lock.memory)
            return cls._taken(path, found, lock, born_now)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _taken(cls, path: Path, found: Found, lock: Lock, born_now: bool) -> Journal:
        db = opening.open_to_write(path)
        try:
            journal = cls(path, db, found, lock, born_now)
            journal._move_wal()  # what a crash left there; a no-op otherwise
            lock.remember(Memory(in_service=True, rows=found.rows))
        except BaseException:
            _put_down(path, db, lock, found.rows)
            raise
        return journal

    @classmethod
    def open_read_only(cls, path: Path) -> Journal:
        """To look at it while no daemon runs; AlreadyRunning while one does."""
        memory = Memory.of(beside(path, "-lock"))
        if not opening.exists(path, memory):
            raise JournalFault(
                f"There is no journal at {path}. The daemon makes it at its first start."
            )
        found = opening.look(path, None, memory)
        db = opening.open_to_read(path)
        try:
            return cls(path, db, found, None, False)
        except BaseException:
            db.close()
            raise

    def close(self) -> None:
        """Leave it whole: every row in the one file. Harmless when called again."""
        if isinstance(self._fault, _Closed):
            return
        try:
            if self._lock and self._fault is None:
                self._move_wal()
                self._lock.remember(Memory(in_service=False, rows=self._seq))
        finally:
            self._fault = _Closed(f"Journal {self.path} is closed.")
            _put_down(self.path, self._db, self._lock, self._seq)
            if self._lock:
                self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- write ---------------------------------------------------------------------------------------------

    def append(self, order: Order, event: Event, when: When) -> int:
        """One row, durable when its number is returned (I1). HouseFault, and nothing written, when the row
        makes no sense; JournalFault, and the object dead, when the disk refused."""
        if self._lock is None:
            raise JournalFault(f"Journal {self.path} was opened for reading only.")
        new = self._ask(_KNOWN, order.order_no) is None
        if not new and isinstance(event, SaleOpened):
            raise HouseFault(f"order number {order.order_no} was used before (I14)")
        columns = self._columns(order, event, when, self._opened + new)
        link = chain.link(self._link, columns)
        with self._asking(), self._interruptible():
            self._commit((*columns, link), order)
        self._seq, self._opened, self._link = self._seq + 1, self._opened + new, link
        if self._seq % CHECKPOINT_ROWS == 0:
            with suppress(JournalFault):  # this row is durable; the next call says what is wrong
                self._move_wal()
        return self._seq

    def _columns(
        self, order: Order, event: Event, when: When, opened: int
    ) -> tuple[int | str, ...]:
        """In the order of chain.COLUMNS."""
        return (
            self._seq + 1,
            order.order_no,
            order.sale_no,
            opened,
            when.utc,
            when.boot_id,
            when.at_ms,
            order.phase.value,
            records.event_text(event),
            records.record_text(order),
        )

    def _commit(self, row: tuple[object, ...], order: Order) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(_INSERT, row)
        if order.final:
            self._db.execute(_SHUT, (order.order_no,))
        else:
            self._db.execute(_OPEN, (order.order_no, row[0]))
        self._db.execute("COMMIT")

    def _move_wal(self) -> None:
        """Move the durable rows from the -wal into the file, so that the -wal begins anew.

        By us and not by SQLite itself, which would not say that it failed (F91). Never TRUNCATE: a -wal
        that keeps its size costs the file system nothing (reliability.md 5.1)."""
        with self._asking():
            busy, frames, moved = self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if busy or frames != moved:
                self._fault = JournalFault(
                    f"Journal {self.path}: {frames - moved} pages stay behind in the -wal. "
                    "Restart the daemon."
                )
                raise self._fault

    def rebuild_live(self) -> int:
        """Make the cache of open orders anew from the rows; how many there are. For `verify`'s last case."""
        with self._asking(), self._interruptible():
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM live")
            self._db.execute(f"INSERT INTO live {_SHOULD_LIVE}")
            self._db.execute("COMMIT")
        return len(self.live())

    # -- read ----------------------------------------------------------------------------------------------

    def orders_minted(self) -> int:
        """How many orders were ever opened here: the counter of the next order number."""
        self._alive()
        return self._opened

    def live(self) -> list[Row]:
        """The last row of every order that is not final, oldest first: what a restart goes on with."""
        return self._rows(_LIVE)

    def last(self) -> Row | None:
        """The last row of the newest order: what the counter shows again after a restart."""
        return self._row(_NEWEST, self._opened)

    def order(self, order_no: str) -> Row | None:
        """The last row of this order; None: no such order."""
        return self._row(_ORDER, order_no)

    def history(self, order_no: str) -> list[Row]:
        """Every row of this order, oldest first."""
        return self._rows(_HISTORY, order_no)

    def sale(self, sale_no: str) -> list[Row]:
        """The last row of each order of this purchase, in the order of their numbers."""
        return self._rows(_SALE, sale_no)

    def tail(self, limit: int, before: int | None = None) -> list[Row]:
        """The last rows of the `limit` orders that moved last, newest first. `before`: only rows older than
        this `seq`, to page on."""
        return self._rows(_TAIL, self._seq + 1 if before is None else before, limit)

    def verify(self) -> int | None:
        """The first row that is not what was written; None: all are. Reads everything (I17, F99).

        When all rows are good but the cache of open orders is not, the row that it is wrong about:
        `rebuild_live` mends that. JournalFault when the file's own structure is damaged."""
        with self._asking():
            broken = chain.first_break(self._db)
            if broken is None:
                broken = self._odd_live()
            if broken is None:
                self._check_structure()
        return broken

    def _odd_live(self) -> int | None:
        """The first row of those whose orders the cache is wrong about."""
        should = set(self._db.execute(_SHOULD_LIVE))
        odd = should ^ set(self._db.execute("SELECT order_no, seq FROM live"))
        lasts = (self._db.execute(_LAST_SEQ, (order_no,)).fetchone()[0] for order_no, _ in odd)
        return min(lasts, default=None)

    def _check_structure(self) -> None:
        said = self._db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if said != "ok":
            raise JournalFault(
                f"Journal {self.path} is damaged: {said}. Keep a copy, restore the last good one, then "
                "reconcile."
            )

    # -- the one way to SQLite -------------------------------------------------------------------------------

    def _alive(self) -> None:
        if self._fault:
            raise self._fault.with_traceback(None)  # or it grows with every call

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """An error of SQLite is the end of this object."""
        self._alive()
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # ours, and nothing was asked: another thread, mostly
        except sqlite3.Error as error:
            self._fault = explain(error, self.path)
            raise self._fault from error

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Dead until the block ends well, so that whatever breaks in leaves no half transaction in use."""
        self._fault = JournalFault(
            f"Journal {self.path}: a write was broken off. Restart the daemon."
        )
        yield
        self._fault = None

    def _tip(self) -> tuple[int, bytes]:
        with self._asking():
            tip: tuple[int, bytes] | None = self._db.execute(_TIP, (self._seq,)).fetchone()
            return tip or (0, chain.root(self._db))

    def _ask(self, sql: str, *values: object) -> tuple[object, ...] | None:
        with self._asking():
            row: tuple[object, ...] | None = self._db.execute(sql, values).fetchone()
        return row

    def _rows(self, which: str, *values: object) -> list[Row]:
        with self._asking():
            found = self._db.execute(_ROWS + which, values).fetchall()
        return [_row_of(columns) for columns in found]

    def _row(self, which: str, *values: object) -> Row | None:
        rows = self._rows(which, *values)
        return rows[0] if rows else None


class _Closed(JournalFault):
    """Called after `close`."""


def _put_down(path: Path, db: sqlite3.Connection, lock: Lock | None, rows: int) -> None:
    """Close the connection. When SQLite could move all rows although we had given up, the -wal is gone now,
    and the lock file must not miss it."""
    db.close()
    if lock and lock.memory.in_service and not beside(path, "-wal").exists():
        lock.remember(Memory(in_service=False, rows=rows))


def _row_of(columns: tuple[int, str, str, str, str, int, str, str, str]) -> Row:
    seq, order_no, sale_no, utc, boot_id, at_ms, phase, event, record = columns
    try:
        order = records.order_of(record, order_no, sale_no, phase)
        return Row(seq, order, records.event_of(event), When(boot_id, at_ms, utc))
    except JournalFault as fault:
        raise type(fault)(f"row {seq} of the journal cannot be read: {fault}") from fault
