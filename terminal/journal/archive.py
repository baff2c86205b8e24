"""The journal's older files: a full one is put away whole, read-only, and a new one goes on from its last row.

    journal.db                 rows 131,073 and on, the file that is written
    journal.db-000000131072    rows 65,537 to 131,072
    journal.db-000000065536    rows 1 to 65,536

The number is the file's last row. No row is moved or removed, so none can be lost or doubled on the way: the
next file is built beside the journal, complete and synced, and takes its name in one step.

    1  build `journal.db-new`: whose it is, the last row's number and link, and for every open order one
       `Carried` row that says again where it stands, so that the new file never needs the old ones to go on
    2  link the journal to its archive's name
    3  close it: all of it is in the one file, its -wal is gone; make all that durable
    4  rename `journal.db-new` to `journal.db`; make that durable

A cut before 4 leaves the journal as it was, perhaps with a second name, which the next start takes away
(`mend`); after 4 everything is done. Numbers of rows and orders go on, and so does the chain. When 1 or 2
cannot be done (a full disk, a file system without links), the journal goes on in its old file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from terminal.core.events import Carried
from terminal.core.terms import JournalFault
from terminal.journal import chain, opening, rows
from terminal.journal.chain import Base
from terminal.journal.faults import explain_os, lost
from terminal.journal.lock import sync
from terminal.journal.opening import beside
from terminal.journal.rows import Row

FILE_ROWS = 65_536  # then it is time for the next one: 13 files in a year of 60 sales an hour


def name(path: Path, last_seq: int) -> Path:
    """Where the file whose last row is `last_seq` is put away."""
    return beside(path, f"-{last_seq:012}")


# -- reading -----------------------------------------------------------------------------------------------


def older(path: Path, db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """The files before `db`, newest first; all are open until the last has been taken. ArchiveLost."""
    install, base = db.execute(rows.INSTALL).fetchone(), chain.base(db)
    with ExitStack() as stack:
        while base.seq:
            file = stack.enter_context(closing(_open(name(path, base.seq), install, base)))
            yield file
            base = chain.base(file)


def holding(path: Path, db: sqlite3.Connection, seq: int) -> sqlite3.Connection:
    """The older file with row `seq`, found by its name: who reads all rows shall not open every file for each
    page. ArchiveLost."""
    lasts = sorted(int(file.name.rpartition("-")[2]) for file in _files(path))
    last = next((last for last in lasts if last >= seq), chain.base(db).seq)
    file = _open(name(path, last), db.execute(rows.INSTALL).fetchone(), None)
    before = chain.base(file).seq
    if before >= seq or opening.last_row(file) != last:
        file.close()
        missing = before if before >= seq else last
        raise lost(name(path, missing), f"row {seq} is not there")
    return file


def _files(path: Path) -> Iterator[Path]:
    return path.parent.glob(f"{path.name}-{'[0-9]' * 12}")


def _open(path: Path, install: object, base: Base | None) -> sqlite3.Connection:
    """The file put away at `path`, if it is of this journal and ends where `base` says."""
    try:
        db = opening.open_unchanging(path)
        try:
            last = db.execute("SELECT seq, opened, link FROM journal ORDER BY seq DESC LIMIT 1")
            ours = db.execute(rows.INSTALL).fetchone() == install
            if not ours or (base and Base(*last.fetchone()) != base):
                raise lost(path, "it is not the file that was put away")
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise lost(path, str(error)) from error
    return db


# -- putting away ------------------------------------------------------------------------------------------


def prepare(path: Path, db: sqlite3.Connection, base: Base, carried: Iterable[Row]) -> None:
    """Steps 1 and 2: the file that goes on from `base`, durable beside the journal `db`, and that one's second
    name. JournalFault, and nothing has changed, when that cannot be done."""

    def begin(new: sqlite3.Connection) -> None:
        new.execute(
            "INSERT INTO install SELECT * FROM (VALUES (?, ?, ?, ?))",
            db.execute(rows.INSTALL).fetchone(),
        )
        new.execute("INSERT INTO archived VALUES (1, ?, ?, ?)", (base.seq, base.opened, base.link))
        _carry(new, base, carried)

    try:
        opening.draft(path, begin)
        os.link(path, name(path, base.seq))
    except OSError as error:
        raise explain_os(error, path) from error


def _carry(new: sqlite3.Connection, base: Base, carried: Iterable[Row]) -> None:
    """Each order as it stands. Its time is its old row's: the times in its record are of that boot."""
    link = base.link
    for seq, row in enumerate(carried, base.seq + 1):
        again = Row(seq, row.order, Carried(at_ms=row.when.at_ms), row.when)
        columns = rows.columns_of(again, base.opened)
        link = chain.link(link, columns)
        rows.insert(new, (*columns, link), row.order)


def swap(path: Path, last_seq: int) -> None:
    """The end of step 3, and 4: the journal is closed, and the draft takes its name."""
    if beside(path, "-wal").exists():
        raise JournalFault(f"{beside(path, '-wal')} is still there. Restart the daemon.")
    try:
        sync(path.parent)  # the -wal must not come back beside the next file
        beside(path, "-new").rename(path)
        sync(path.parent)
    except OSError as error:
        raise explain_os(error, path) from error
    with suppress(OSError):  # nobody writes it anyway
        name(path, last_seq).chmod(0o400)


def mend(path: Path) -> None:
    """What a cut between 1 and 4 left: the draft, and a second name of the journal."""
    try:
        opening.drop_draft(path)
        for away in _files(path):
            if path.exists() and away.samefile(path):
                away.unlink()
                sync(path.parent)
    except OSError as error:
        raise explain_os(error, path) from error
