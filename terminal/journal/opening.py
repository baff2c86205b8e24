"""How a journal is found, born, looked at and opened. Everything that is refused is refused here.

A journal is looked at through a read-only connection first (`look`), so that one which is refused has not
been touched: SQLite would move a `-wal` into the file when a writing connection closes, whether or not the
two belong together (F88).

A journal is born complete: built under another name, synced, renamed. So an empty file under the right name
is damage and never a beginning (F86), and a rollback journal beside it is never ours (F89).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from terminal.core.terms import JournalFault
from terminal.journal import chain
from terminal.journal.faults import ForeignJournal, NewerJournal, explain, explain_os
from terminal.journal.lock import Memory, sync

APPLICATION = 0x51524A4C  # schema.sql
SCHEMA = 2
SCHEMAS = (1, SCHEMA)  # 1: before there was an archive; written and read as it is
PROBE_BYTES = 1 << 20  # a full -wal and a little more
PAGE_SIZE = 1024  # fewest bytes per sale on a card (reliability.md 5.1)
CHECKPOINT_ROWS = 256  # about 1 MB of -wal
# As many rows as a -wal can hold, and a leaf more: a -wal of another journal shows within them (F88).
LOOKED_AT_ROWS = 2 * CHECKPOINT_ROWS
WRITER_WAIT_S = 5.0  # for a reader to finish; another daemon has been refused by the lock before
READER_WAIT_S = 0.5  # a daemon does not finish

# In this order: EXTRA before WAL, or a power cut at the switch can bring back an old rollback journal and
# with it lose every commit since (reliability.md 0.6). EXCLUSIVE before WAL: no shared memory is used.
_PRAGMAS = {
    "locking_mode": "exclusive",
    "synchronous": 3,  # EXTRA
    "journal_mode": "wal",
    "wal_autocheckpoint": 0,  # journal.py does it, because SQLite would not tell that it failed (F91)
    "foreign_keys": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "recursive_triggers": 1,
    "temp_store": 2,  # memory
}


@dataclass(frozen=True, slots=True)
class Found:
    """Whose journal it is and how far it goes."""

    terminal: str
    epoch: int
    rows: int


def beside(path: Path, suffix: str) -> Path:
    """`journal.db` and "-wal" -> `journal.db-wal`."""
    return path.with_name(path.name + suffix)


# -- birth -------------------------------------------------------------------------------------------------


def make_directory(path: Path) -> None:
    """The journal's directory, for nobody else's eyes."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os(error, path) from error


def give_birth(path: Path, terminal: str, epoch: int, born: str) -> None:
    """A new, empty journal at `path`, durable when it returns. A power cut leaves nothing or all of it."""
    draft(path, lambda db: _install(db, terminal, epoch, born))
    try:
        beside(path, "-new").rename(path)
        sync(path.parent)
    except OSError as error:
        raise explain_os(error, path) from error


def _install(db: sqlite3.Connection, terminal: str, epoch: int, born: str) -> None:
    db.execute("INSERT INTO install VALUES (1, ?, ?, ?)", (terminal, epoch, born))


def draft(path: Path, begin: Callable[[sqlite3.Connection], None]) -> None:
    """A whole new file beside the journal, with what `begin` writes into it, durable when it returns."""
    new = beside(path, "-new")
    try:
        drop_draft(path)
        os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        _build(new, begin)
        sync(new)
    except OSError as error:
        raise explain_os(error, path) from error
    except sqlite3.Error as error:
        raise explain(error, path) from error


def drop_draft(path: Path) -> None:
    """One that never got the journal's name. OSError."""
    new = beside(path, "-new")
    for leftover in (new, beside(new, "-wal"), beside(new, "-journal")):
        leftover.unlink(missing_ok=True)


def _build(path: Path, begin: Callable[[sqlite3.Connection], None]) -> None:
    schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    with closing(_connect(path, "rw", WRITER_WAIT_S)) as db:
        db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        _configure(db)
        db.executescript(f"BEGIN; {schema}")
        begin(db)
        db.execute("COMMIT")


def free_bytes(path: Path) -> int:
    """What the disk under `path` has left for us."""
    stat = os.statvfs(path.parent)
    return stat.f_bavail * stat.f_frsize


def takes_files(path: Path) -> bool:
    """Whether the disk takes a file beside the journal, and keeps it. The journal itself is not touched."""
    probe = beside(path, "-probe")
    try:
        with probe.open("wb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
        sync(path.parent)
    except OSError:
        return False
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return True


# -- opening -----------------------------------------------------------------------------------------------


def open_to_write(path: Path) -> sqlite3.Connection:
    """The one writing connection, with every setting that durability rests on asserted."""
    try:
        db = _connect(path, "rw", WRITER_WAIT_S)
        try:
            _configure(db)
            _assert_settings(db, path)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise explain(error, path) from error
    return db


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. AlreadyRunning, later, while a daemon has the journal."""
    try:
        return _for_reading(_connect(path, "ro", READER_WAIT_S))
    except sqlite3.Error as error:
        raise explain(error, path) from error


def open_unchanging(path: Path) -> sqlite3.Connection:
    """A file that nobody writes any more: no lock is taken and nothing is made beside it. sqlite3.Error."""
    return _for_reading(_connect(path, "ro&immutable=1", READER_WAIT_S))


def _for_reading(db: sqlite3.Connection) -> sqlite3.Connection:
    for name in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
        db.execute(f"PRAGMA {name}")
    return db


def _connect(path: Path, mode: str, wait_s: float) -> sqlite3.Connection:
    """`mode` "rw" or "ro": SQLite never creates a file by itself."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=wait_s)


def _configure(db: sqlite3.Connection) -> None:
    for name, value in _PRAGMAS.items():
        db.execute(f"PRAGMA {name} = {value}").fetchall()


def _assert_settings(db: sqlite3.Connection, path: Path) -> None:
    for name, wanted in {**_PRAGMAS, "page_size": PAGE_SIZE}.items():
        found = db.execute(f"PRAGMA {name}").fetchone()[0]
        if found != wanted:
            raise JournalFault(
                f"Journal {path}: SQLite {sqlite3.sqlite_version} has {name} = {found}, not {wanted}; "
                "what is written would not be durable. Use the SQLite of Raspberry Pi OS."
            )


# -- looking -----------------------------------------------------------------------------------------------


def exists(path: Path, memory: Memory) -> bool:
    """Whether there is a journal; JournalFault when there must be one and is none (I14)."""
    if path.exists():
        return True
    if memory.rows:
        raise JournalFault(
            f"Journal {path} is gone; it had {memory.rows} rows. Put it back. If it is lost, compare the "
            f"last sales with the gateway's list and delete {beside(path, '-lock')}: a new one is begun then."
        )
    if beside(path, "-wal").exists():
        raise JournalFault(
            f"Journal {path} is gone, but {beside(path, '-wal')} is there. Put the journal back, or move "
            "that file away to begin a new one."
        )
    return False


def look(path: Path, terminal: str | None, memory: Memory, *, as_it_is: bool = False) -> Found:
    """Refuse what is not our journal, or not whole; change nothing. `terminal` None: anybody's. `as_it_is`:
    what its rows say is somebody else's to judge."""
    try:
        _look_at_files(path, memory)
        with closing(open_to_read(path)) as db:
            _look_at_schema(db, path)
            found = _look_at_owner(db, path, terminal)
            if not as_it_is:
                _look_at_rows(db, path, found, memory)
    except OSError as error:
        raise explain_os(error, path) from error
    except sqlite3.Error as error:
        raise explain(error, path) from error
    return found


def _look_at_files(path: Path, memory: Memory) -> None:
    status = path.stat()
    if not status.st_size:
        raise JournalFault(
            f"Journal {path} is empty (0 bytes); it was not made so. Put the last good one back, or "
            "compare with the gateway's list and delete it."
        )
    if status.st_mode & 0o077:
        raise JournalFault(f"Journal {path} can be read by others. Run: chmod 600 {path}")
    if beside(path, "-journal").exists():
        raise JournalFault(
            f"{beside(path, '-journal')} is not ours and would overwrite the journal. Move it away."
        )
    if memory.in_service and not beside(path, "-wal").exists():
        lock = beside(path, "-lock")
        raise JournalFault(
            f"{beside(path, '-wal')} is missing, and with it perhaps the last sales. Put it back. If it is "
            f"lost, compare the last sales with the gateway's list, then delete {lock} to go on."
        )


def _look_at_schema(db: sqlite3.Connection, path: Path) -> None:
    application, schema, page_size, mode = (
        db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version", "page_size", "journal_mode")
    )
    if application != APPLICATION:
        raise JournalFault(f"{path} is no journal of a terminal. Move it away.")
    if schema > SCHEMA:
        raise NewerJournal(
            f"Journal {path} has schema {schema}; this program knows {SCHEMA}. It was not changed. "
            "Install the newer program again."
        )
    if schema not in SCHEMAS or (page_size, mode) != (PAGE_SIZE, "wal"):
        raise JournalFault(
            f"Journal {path} has been rebuilt by something else (schema {schema}, pages of {page_size}, "
            f"mode {mode}). Put the last good one back."
        )


def _look_at_owner(db: sqlite3.Connection, path: Path, terminal: str | None) -> Found:
    owner = db.execute("SELECT terminal, epoch FROM install").fetchone()
    if owner is None:
        raise JournalFault(f"Journal {path} does not say whose it is. Put the last good one back.")
    if terminal not in (None, owner[0]):
        raise ForeignJournal(
            f"Journal {path} belongs to terminal {owner[0]}, and this is {terminal}. It was not changed. "
            f"Put the journal of {terminal} there, or move this one away to begin a new one."
        )
    return Found(owner[0], owner[1], last_row(db))


def last_row(db: sqlite3.Connection) -> int:
    """The number of the newest row, which may stand in the file before this one."""
    last: int | None = db.execute("SELECT max(seq) FROM journal").fetchone()[0]
    return chain.base(db).seq if last is None else last


def _look_at_rows(db: sqlite3.Connection, path: Path, found: Found, memory: Memory) -> None:
    if found.rows < memory.rows:
        raise JournalFault(
            f"Journal {path} has {found.rows} rows and once had {memory.rows}: an older copy? Put the right "
            "one back. If it is lost, compare the last sales with the gateway's list, then delete "
            f"{beside(path, '-lock')} to go on."
        )
    if broken := chain.first_break(db, max(0, found.rows - LOOKED_AT_ROWS)):
        raise JournalFault(
            f"Journal {path}: row {broken} is not what was written (the chain breaks). Keep a copy, put the "
            "last good one back, then reconcile."
        )
