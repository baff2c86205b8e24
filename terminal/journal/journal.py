"""The journal as the house calls it: append, and read what the next start or a technician needs.

Used from the dispatcher's thread only; SQLite itself refuses any other. Errors are `JournalFault`, each with
what to do. After the first one on a write the object is dead: whether that row is durable cannot be known by
asking the same disk again (F91), so nothing is asked, and the next start finds out.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from terminal.core.events import Event, SaleOpened
from terminal.core.sale import Order
from terminal.core.terms import HouseFault, JournalFault
from terminal.journal import archive, chain, opening, rows
from terminal.journal.archive import FILE_ROWS
from terminal.journal.chain import Base
from terminal.journal.faults import AlreadyRunning, explain, lost
from terminal.journal.lock import Lock, Memory
from terminal.journal.opening import CHECKPOINT_ROWS, Found, beside
from terminal.journal.rows import Row, When

__all__ = ["AlreadyRunning", "Journal", "Row", "When"]

log = logging.getLogger("terminal")
_Found = TypeVar("_Found")

ROOM_BYTES_MIN = 10_000_000  # reliability.md 4
EPOCHS = 32**4  # four digits of an order number (core.terms)


class Journal:
    """One terminal's journal, open. `open` to write, `open_read_only` to look.

    `epoch`: the number drawn at its birth, part of every order number (I14). `born_now`: there was none, so
    this terminal is new or has lost its past: reconcile with the gateway before refunds."""

    checkpoint_rows = CHECKPOINT_ROWS

    def __init__(
        self,
        path: Path,
        db: sqlite3.Connection,
        found: Found,
        lock: Lock | None = None,
        *,
        born_now: bool = False,
        file_rows: int = FILE_ROWS,
    ) -> None:
        self.path = path
        self.terminal, self.epoch, self.born_now = found.terminal, found.epoch, born_now
        self._db, self._lock = db, lock
        self._fault: JournalFault | None = None
        self._unwritable: JournalFault | None = None  # after `look_on`
        self._seq = found.rows
        with self._asking():
            self._base, self._opened, self._link = self._tip()
        self._file_rows = file_rows
        self._full_at = self._base.seq + file_rows

    # -- open and close --------------------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        terminal: str,
        chance: Callable[[], int],
        born: str = "",
        file_rows: int = FILE_ROWS,
    ) -> Journal:
        """The journal at `path`, made when there is none. `chance` is asked once, at birth; `born` is today
        in UTC, a label; `file_rows` make a file full (`tidy`). AlreadyRunning, ForeignJournal, NewerJournal or
        a plain JournalFault."""
        opening.make_directory(path)
        lock = Lock.take(beside(path, "-lock"), path)
        try:
            archive.mend(path)
            born_now = not opening.exists(path, lock.memory)
            if born_now:
                opening.give_birth(path, terminal, chance() % EPOCHS, born)
            found = opening.look(path, terminal, lock.memory)
            return cls._taken(path, found, lock, born_now, file_rows)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _taken(
        cls, path: Path, found: Found, lock: Lock, born_now: bool, file_rows: int
    ) -> Journal:
        db = opening.open_to_write(path)
        try:
            journal = cls(path, db, found, lock, born_now=born_now, file_rows=file_rows)
            journal._move_wal()  # what a crash left there; a no-op otherwise
            lock.remember(Memory(in_service=True, rows=found.rows))
        except BaseException:
            _put_down(path, db, lock, found.rows)
            raise
        return journal

    @classmethod
    def open_read_only(cls, path: Path, *, as_it_is: bool = False) -> Journal:
        """To look at it while no daemon runs; AlreadyRunning while one does. `as_it_is`: also when its last rows
        are not what was written, to find out which."""
        memory = Memory.of(beside(path, "-lock"))
        if not opening.exists(path, memory):
            raise JournalFault(
                f"There is no journal at {path}. The daemon makes it at its first start."
            )
        found = opening.look(path, None, memory, as_it_is=as_it_is)
        db = opening.open_to_read(path)
        try:
            return cls(path, db, found)
        except BaseException:
            db.close()
            raise

    def close(self) -> None:
        """Leave it whole: every row in the one file. Harmless when called again."""
        if isinstance(self._fault, _Closed):
            return
        try:
            if self._lock and not (self._fault or self._unwritable):
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
        if self._unwritable:
            raise self._unwritable.with_traceback(None)
        if self._lock is None:
            raise JournalFault(f"Journal {self.path} was opened for reading only.")
        new = isinstance(event, SaleOpened)
        if new and self._ask(rows.KNOWN, order.order_no):
            raise HouseFault(f"order number {order.order_no} was used before (I14)")
        row = Row(self._seq + 1, order, event, when)
        columns = rows.columns_of(row, self._opened + new)
        link = chain.link(self._link, columns)
        with self._asking(), self._interruptible():
            self._commit((*columns, link), order)
        self._seq, self._opened, self._link = self._seq + 1, self._opened + new, link
        if self._seq % self.checkpoint_rows == 0:
            with suppress(JournalFault):  # this row is durable; the next call says what is wrong
                self._move_wal()
        return self._seq

    def _commit(self, row: tuple[object, ...], order: Order) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        rows.insert(self._db, row, order)
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

    def look_on(self) -> None:
        """After a fault: nothing is written any more, but what is there is read as far as the disk gives it. The
        row that the fault met is not: it is durable or not, and the next start finds out."""
        self._unwritable, self._fault = self._fault or self._unwritable, None
        with self._asking():
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._db.execute("PRAGMA query_only = ON")

    @property
    def cramped(self) -> bool:
        """Too little room to begin a sale that must be brought to its end."""
        return opening.free_bytes(self.path) < ROOM_BYTES_MIN

    def takes_files(self) -> bool:
        """The disk takes a file beside the journal again: a new start is worth it."""
        return opening.takes_files(self.path)

    def rebuild_live(self) -> int:
        """Make the cache of open orders anew from the rows; how many there are. For `verify`'s last case."""
        with self._asking(), self._interruptible():
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM live")
            self._db.execute(f"INSERT INTO live {rows.SHOULD_LIVE}")
            self._db.execute("COMMIT")
        return len(self.live())

    def tidy(self) -> bool:
        """Put this file away and begin the next when it is full; whether that was done (archive.py).

        For moments when nothing is going on: it takes a few syncs. When the next file cannot be built, this
        one goes on and it is tried again later."""
        self._alive()
        if self._lock is None or self._unwritable or self._seq < self._full_at:
            return False
        base = Base(self._seq, self._opened, self._link)
        try:
            archive.prepare(self.path, self._db, base, self.live())
        except JournalFault as fault:
            log.warning("the journal goes on in its old file: %s", fault)
            self._full_at = self._seq + CHECKPOINT_ROWS
            return False
        self._go_on(self._lock)
        return True

    def _go_on(self, lock: Lock) -> None:
        """From one file to the next. A cut in here leaves the one or the other, whole (archive.py)."""
        self._move_wal()
        lock.remember(Memory(in_service=False, rows=self._seq))
        with self._asking(), self._interruptible():
            self._db.close()
            archive.swap(self.path, self._seq)
            self._db = opening.open_to_write(self.path)
            self._seq = opening.last_row(self._db)
            self._base, self._opened, self._link = self._tip()
            lock.remember(Memory(in_service=True, rows=self._seq))
        self._full_at = self._base.seq + self._file_rows

    # -- read ----------------------------------------------------------------------------------------------
    #
    # What lies in an older file is found as well; ArchiveLost when that file is needed and cannot be read.

    def orders_minted(self) -> int:
        """How many orders were ever opened here: the counter of the next order number."""
        self._alive()
        return self._opened

    def live(self) -> list[Row]:
        """The last row of every order that is not final, oldest first: what a restart goes on with."""
        with self._asking():
            return rows.found(self._db, rows.LIVE)

    def last(self) -> Row | None:
        """The last row of the newest order: what the counter shows again after a restart."""
        for newest in self._each(self._newest_in):
            if newest:
                return self.order(newest)
        return None

    def _newest_in(self, db: sqlite3.Connection) -> str | None:
        base = chain.base(db)
        if base.opened == self._opened:
            return None
        newest: tuple[str] = db.execute(rows.NEWEST, (self._opened, base.seq)).fetchone()
        return newest[0]

    def order(self, order_no: str) -> Row | None:
        """The last row of this order; None: no such order."""
        for found in self._each(lambda db: rows.found(db, rows.ORDER, order_no)):
            if found:
                return found[0]
        return None

    def history(self, order_no: str) -> list[Row]:
        """Every row of this order, oldest first."""
        history: list[Row] = []
        for found in self._each(lambda db: rows.found(db, rows.HISTORY, order_no)):
            history = found + history
            if rows.has_beginning(found):
                break
        return history

    def sale(self, sale_no: str) -> list[Row]:
        """The last row of each order of this purchase, in the order of their numbers."""
        last: dict[str, Row] = {}
        for found, first in self._each(
            lambda db: (
                rows.found(db, rows.SALE, sale_no),
                rows.found(db, rows.BEGINNING, sale_no),
            )
        ):
            last = {row.order.order_no: row for row in found} | last
            if rows.has_beginning(first):
                break  # nothing of a sale is older than the first row of its first order
        return [last[order_no] for order_no in sorted(last)]

    def tail(self, limit: int, before: int | None = None) -> list[Row]:
        """The last rows of the `limit` orders that moved last, newest first. `before`: only rows older than
        this `seq`, to page on."""
        tail: list[Row] = []
        newer: list[sqlite3.Connection] = []
        start = self._seq + 1 if before is None else before

        def take(db: sqlite3.Connection) -> None:
            tail.extend(rows.tail(db, newer, limit - len(tail), start))
            newer.append(db)

        for _ in self._each(take):
            if len(tail) == limit:
                break
        return tail

    def raw(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Up to `limit` rows behind row `after`, oldest first: the columns of `chain.COLUMNS` and the link,
        as they are written. Empty at the end of the journal."""
        if after >= self._base.seq:
            with self._asking():
                return rows.raw(self._db, after, limit)
        try:
            with closing(archive.holding(self.path, self._db, after + 1)) as file:
                return rows.raw(file, after, limit)
        except sqlite3.Error as error:
            raise lost(self.path, str(error)) from error

    def raw_history(self, order_no: str) -> list[tuple[Any, ...]]:
        """The same of one order: all its rows, oldest first."""
        files = list(self._each(lambda db: rows.raw_history(db, order_no)))
        return [raw for found in reversed(files) for raw in found]

    def install(self) -> tuple[object, ...]:
        """What the first row's link begins with: the columns of the `install` row."""
        return self._ask(rows.INSTALL) or ()

    def verify(self) -> int | None:
        """The first row that is not what was written; None: all are. Reads everything (I17, F99).

        When all rows are good but the cache of open orders is not, the row that it is wrong about:
        `rebuild_live` mends that. JournalFault when the file's own structure is damaged, ArchiveLost when an
        older one's is."""
        broken = [seq for seq in self._each(chain.first_break) if seq is not None]
        if broken:
            return broken[-1]
        with self._asking():
            odd = self._odd_live()
        if odd is None:
            for _ in self._each(self._check_structure):
                pass
        return odd

    def _odd_live(self) -> int | None:
        """The first row of those whose orders the cache is wrong about."""
        should = set(self._db.execute(rows.SHOULD_LIVE))
        odd = should ^ set(self._db.execute("SELECT order_no, seq FROM live"))
        lasts = (self._db.execute(rows.LAST_SEQ, (order_no,)).fetchone()[0] for order_no, _ in odd)
        return min(lasts, default=None)

    def _check_structure(self, db: sqlite3.Connection) -> None:
        said = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
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

    def _each(self, read: Callable[[sqlite3.Connection], _Found]) -> Iterator[_Found]:
        """What `read` finds in each of the journal's files, newest first. A fault of an older one is not the end
        of this object: it is not written."""
        with self._asking():
            found = read(self._db)
        yield found
        if not self._base.seq:
            return
        try:
            for file in archive.older(self.path, self._db):
                yield read(file)
        except (sqlite3.Error, JournalFault) as error:
            raise lost(self.path, str(error)) from error

    def _tip(self) -> tuple[Base, int, bytes]:
        """What this file goes on from, and where it has come to."""
        base = chain.base(self._db)
        tip = self._db.execute(rows.TIP, (self._seq,)).fetchone()
        return (base, *(tip or (base.opened, base.link)))

    def _ask(self, sql: str, *values: object) -> tuple[object, ...] | None:
        with self._asking():
            row: tuple[object, ...] | None = self._db.execute(sql, values).fetchone()
        return row


class _Closed(JournalFault):
    """Called after `close`."""


def _put_down(path: Path, db: sqlite3.Connection, lock: Lock | None, rows: int) -> None:
    """Close the connection. When SQLite could move all rows although we had given up, the -wal is gone now,
    and the lock file must not miss it."""
    db.close()
    if lock and lock.memory.in_service and not beside(path, "-wal").exists():
        lock.remember(Memory(in_service=False, rows=rows))
