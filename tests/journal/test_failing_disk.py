"""A disk that refuses: never half a row, never a second try, and the object is dead (I16, F90 to F92)."""

from __future__ import annotations

import resource
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest

from terminal.core.terms import JournalFault
from terminal.journal import Journal
from terminal.journal.disk import (
    FULL,
    IOERR_FSYNC,
    IOERR_WRITE,
    OK,
    READONLY,
    Disk,
    Kind,
    Operation,
)
from terminal.journal.opening import CHECKPOINT_ROWS
from tests.journal.children import told
from tests.journal.samples import append, fill, open_journal, opened

ROWS = 8


class Failing:
    """The n-th operation of a kind fails, and every one after it, as a full or a dying disk does."""

    def __init__(self, kind: Kind, nth: int, code: int) -> None:
        self.kind, self.nth, self.code = kind, nth, code
        self.counting = False
        self.seen = 0

    def __call__(self, operation: Operation) -> int:
        if not self.counting or operation.kind is not self.kind:
            return OK
        self.seen += 1
        return self.code if self.seen >= self.nth else OK


@pytest.fixture(scope="module")
def born(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a journal one row short of moving its -wal."""
    path = tmp_path_factory.mktemp("born") / "state" / "journal.db"
    with open_journal(path) as journal:
        fill(journal, CHECKPOINT_ROWS - ROWS)
    return path.parent


def append_until_refused(journal: Journal) -> int:
    """How many of `ROWS` + 1 rows were acknowledged before the fault; every call after it is refused too."""
    counter, acked = journal.orders_minted(), 0
    try:
        for n in range(1, ROWS + 2):
            append(journal, opened(counter + n))
            acked = n
    except JournalFault:
        for call in (journal.live, journal.orders_minted, journal.verify):
            with pytest.raises(JournalFault):
                call()
        with pytest.raises(JournalFault):
            append(journal, opened(counter + 99))
    return acked


def trial(born: Path, tmp_path: Path, failing: Failing) -> tuple[int, int]:
    """Rows acknowledged on the failing disk, and rows found on the mended one."""
    state = tmp_path / "state"
    shutil.rmtree(state, ignore_errors=True)
    shutil.copytree(born, state)
    state.joinpath("journal.db").chmod(0o600)
    with Disk(failing):
        journal = open_journal(state / "journal.db")
        failing.counting = True
        acked = append_until_refused(journal)
        with suppress(JournalFault):
            journal.close()
    with open_journal(state / "journal.db") as journal:
        assert journal.verify() is None
        found = journal.tail(1)[0].seq - (CHECKPOINT_ROWS - ROWS)
        assert append(journal, opened(journal.orders_minted() + 1)) == journal.tail(1)[0].seq
    return acked, found


@pytest.mark.parametrize("code", [FULL, IOERR_WRITE, READONLY])
def test_f90_at_each_write(born: Path, tmp_path: Path, code: int) -> None:
    """Among the writes are those that move the -wal: the row before them counts."""
    seen_all = False
    for nth in range(1, 500, 3 if code == FULL else 11):
        failing = Failing(Kind.WRITE, nth, code)
        acked, found = trial(born, tmp_path, failing)
        assert acked <= found <= acked + 1
        seen_all = failing.seen < nth
        if seen_all:
            assert acked == found == ROWS + 1
            break
    assert seen_all


def test_f91_at_each_sync(born: Path, tmp_path: Path) -> None:
    for nth in range(1, 30):
        failing = Failing(Kind.SYNC, nth, IOERR_FSYNC)
        acked, found = trial(born, tmp_path, failing)
        assert acked <= found <= acked + 1
        if failing.seen < nth:
            assert acked == found == ROWS + 1
            return
    raise AssertionError("the syncs never ended")


def test_f91_a_failed_sync_is_not_tried_again(path: Path) -> None:
    failing = Failing(Kind.SYNC, 3, IOERR_FSYNC)
    with Disk(failing):
        journal = open_journal(path)
        failing.counting = True
        assert append_until_refused(journal) == 1  # which also synced the head of a new -wal
        assert failing.seen == 3
        failing.counting = False
        journal.close()


def test_f91_a_checkpoint_that_fails_is_noticed(born: Path, tmp_path: Path) -> None:
    """SQLite's own one would keep it to itself. The row is durable and said so; the next one is refused."""
    state = tmp_path / "state"
    shutil.copytree(born, state)

    def database_only(operation: Operation) -> int:
        failed = operation.kind is Kind.SYNC and operation.path.endswith(".db")
        return IOERR_FSYNC if failed and armed else OK

    armed = False
    with Disk(database_only):
        journal = open_journal(state / "journal.db")
        armed = True
        assert append_until_refused(journal) == ROWS
        armed = False
        journal.close()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (FULL, "the disk is full. Free some space"),
        (IOERR_WRITE, "replace the card"),
        (READONLY, "mounted read-only"),
    ],
)
def test_the_fault_says_what_to_do(path: Path, code: int, words: str) -> None:
    failing = Failing(Kind.WRITE, 1, code)
    with Disk(failing):
        journal = open_journal(path)
        failing.counting = True
        with pytest.raises(JournalFault, match=words) as caught:
            append(journal, opened(1))
        assert str(path) in str(caught.value)
        assert isinstance(caught.value.__cause__, sqlite3.Error)
        failing.counting = False
        journal.close()


def test_a_disk_that_is_full_at_the_opening(path: Path) -> None:
    open_journal(path).close()
    failing = Failing(Kind.WRITE, 1, FULL)
    failing.counting = True
    with Disk(failing), open_journal(path) as journal:
        with pytest.raises(JournalFault, match="full"):
            append(journal, opened(1))
        failing.counting = False
    with open_journal(path) as journal:
        assert journal.tail(1) == []


# -- and without any help: a limit of the kernel ---------------------------------------------------------------


@pytest.mark.parametrize("kib", range(1, 60, 4))
def test_a_file_size_limit(path: Path, kib: int) -> None:
    """The kernel itself refuses the write, somewhere within a commit."""

    def attempt() -> bytes:
        journal = open_journal(path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kib * 1024, kib * 1024))
        return bytes([append_until_refused(journal)])

    (acked,) = told(attempt)
    with open_journal(path) as journal:
        assert journal.verify() is None
        rows = len(journal.live())
    assert acked <= rows <= acked + 1
    assert (acked < ROWS + 1) == (kib < 32)
