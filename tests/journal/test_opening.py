"""How a journal is born, found and refused: I14, I15, and the bad inputs F86 to F99."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from terminal.core.terms import JournalFault
from terminal.journal import AlreadyRunning, ForeignJournal, Journal, NewerJournal, Row
from terminal.journal.lock import Lock
from terminal.journal.opening import LOOKED_AT_ROWS
from tests.journal.children import run, told
from tests.journal.samples import EPOCH, TERMINAL, append, fill, number, open_journal, opened


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def crashed(path: Path, rows: int, epoch: int = EPOCH) -> None:
    """A journal with that many new rows, as a killed daemon leaves it: nothing closed, a -wal there."""
    run(lambda: fill(open_journal(path, epoch=epoch), rows))


def files(path: Path) -> dict[str, bytes]:
    """What would be lost if it changed; -shm holds nothing of value."""
    return {
        file.name: file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".db-shm"
    }


def refused(path: Path, kind: type[JournalFault], match: str) -> None:
    """Refused to write and to read, and not a byte is different."""
    before = files(path)
    with pytest.raises(kind, match=match):
        open_journal(path)
    with pytest.raises(JournalFault):
        Journal.open_read_only(path).close()
    after = files(path)
    if not after.get("journal.db-wal"):
        after.pop("journal.db-wal", None)  # looking makes an empty one
        before.pop("journal.db-wal", None)
    if "journal.db-lock" not in before:
        assert not after.pop("journal.db-lock")
    assert after == before


# -- birth -------------------------------------------------------------------------------------------------


def test_a_new_journal_is_born_with_an_epoch_of_its_own(path: Path) -> None:
    with open_journal(path) as journal:
        assert (journal.born_now, journal.epoch, journal.terminal) == (True, EPOCH, TERMINAL)
    with Journal.open(path, terminal=TERMINAL, chance=lambda: 1 / 0) as journal:  # type: ignore[arg-type, return-value]
        assert (journal.born_now, journal.epoch) == (False, EPOCH)


def test_chance_of_any_size_makes_an_epoch_of_four_digits(path: Path) -> None:
    with Journal.open(path, terminal=TERMINAL, chance=lambda: 2**63 + 5) as journal:
        assert journal.epoch == 5


def test_nobody_else_can_read_it(path: Path) -> None:
    before = os.umask(0)
    try:
        with open_journal(path) as journal:
            append(journal, opened(1))
            assert path.parent.stat().st_mode & 0o777 == 0o700
            assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
    finally:
        os.umask(before)


def test_what_durability_rests_on_is_set(journal: Journal) -> None:
    names = "synchronous journal_mode locking_mode page_size foreign_keys trusted_schema cell_size_check"
    settings = {
        name: journal._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in (*names.split(), "user_version")
    }
    assert settings == {
        "synchronous": 3,
        "journal_mode": "wal",
        "locking_mode": "exclusive",
        "page_size": 1024,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "user_version": 2,
    }


def test_a_setting_that_does_not_hold_is_a_fault(path: Path) -> None:
    """The assertion itself: an in-memory database cannot be WAL, so SQLite answers "memory"."""
    from terminal.journal import opening

    with closing(sqlite3.connect(":memory:")) as db:
        opening._configure(db)
        with pytest.raises(JournalFault, match="journal_mode = memory, not wal"):
            opening._assert_settings(db, path)


def test_a_power_cut_in_the_middle_of_birth_is_no_trouble(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    for leftover in ("-new", "-new-wal", "-new-journal"):
        beside(path, leftover).write_bytes(b"half")
    with open_journal(path) as journal:
        assert journal.born_now
    assert not list(path.parent.glob("*-new*"))


def test_a_directory_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(JournalFault, match=r"journal\.db"):
        open_journal(tmp_path / "state" / "journal.db")


def test_a_name_with_odd_characters_is_only_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a dir?mode=memory&x#y%41" / "journal.db"
    with open_journal(path) as journal:
        append(journal, opened(1))
    assert path.stat().st_size


# -- one writer (I15, F94) -----------------------------------------------------------------------------------


def in_a_child(path: Path, read_only: bool) -> str:
    """What another process gets: the name of the fault."""

    def attempt() -> bytes:
        try:
            Journal.open_read_only(path) if read_only else open_journal(path)
        except JournalFault as fault:
            return f"{type(fault).__name__}: {fault}".encode()
        return b"opened"

    return told(attempt).decode()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_second_process_is_refused(path: Path, read_only: bool) -> None:
    with open_journal(path) as journal:
        append(journal, opened(1))
        said = in_a_child(path, read_only)
        assert said.startswith("AlreadyRunning") and str(path) in said
        assert append(journal, opened(2)) == 2
    assert in_a_child(path, read_only) == "opened"


def test_a_second_writer_in_the_same_process_is_refused(path: Path) -> None:
    with open_journal(path) as journal:
        with pytest.raises(AlreadyRunning, match="in use"):
            open_journal(path)
        assert append(journal, opened(1)) == 1


def test_the_lock_alone_keeps_the_second_one_out(path: Path) -> None:
    """A daemon that has the lock and has not made its journal yet."""
    path.parent.mkdir(mode=0o700)
    first = Lock.take(beside(path, "-lock"), path)
    assert in_a_child(path, read_only=False).startswith("AlreadyRunning")
    assert not path.exists()
    first.release()
    assert in_a_child(path, read_only=False) == "opened"


def test_without_the_lock_file_sqlite_itself_keeps_the_second_one_out(path: Path) -> None:
    """Somebody tidied up: the exclusive lock on the database is still there."""
    with open_journal(path):
        beside(path, "-lock").unlink()
        assert in_a_child(path, read_only=False).startswith("AlreadyRunning")


def test_a_killed_daemon_leaves_no_lock(path: Path) -> None:
    crashed(path, 5)
    with open_journal(path) as journal:
        assert len(journal.tail(9)) == 2


# -- reading alone -------------------------------------------------------------------------------------------


def test_read_only_sees_what_a_crash_left_and_changes_nothing(path: Path) -> None:
    crashed(path, 4)
    before = files(path)
    with Journal.open_read_only(path) as journal:
        assert [row.order.order_no for row in journal.live()] == [number(2)]
        assert journal.verify() is None
        with pytest.raises(JournalFault, match="reading only"):
            append(journal, opened(3))
    assert files(path) == before


def test_read_only_makes_no_journal(path: Path) -> None:
    with pytest.raises(JournalFault, match="no journal at"):
        Journal.open_read_only(path)
    assert not path.exists()


# -- whose journal (F95, I14) --------------------------------------------------------------------------------


def test_the_journal_of_another_terminal_is_refused(path: Path) -> None:
    open_journal(path, "ZZ99ZZ").close()
    before = files(path)
    with pytest.raises(ForeignJournal, match="belongs to terminal ZZ99ZZ, and this is AB12CD"):
        open_journal(path)
    assert files(path)["journal.db"] == before["journal.db"]


def test_a_foreign_journal_left_by_a_crash_keeps_its_wal(path: Path) -> None:
    run(lambda: fill(open_journal(path, "ZZ99ZZ"), 5))
    before = files(path)
    with pytest.raises(ForeignJournal):
        open_journal(path)
    assert files(path) == before


# -- F86: nothing where something was ------------------------------------------------------------------------


@pytest.mark.parametrize("lock", [True, False])
def test_f86_an_empty_file_is_damage_and_no_beginning(path: Path, lock: bool) -> None:
    open_journal(path).close()
    path.write_bytes(b"")
    if not lock:
        beside(path, "-lock").unlink()
    refused(path, JournalFault, "0 bytes")


def test_f86_a_vanished_journal_is_not_replaced_in_silence(path: Path) -> None:
    with open_journal(path) as journal:
        append(journal, opened(1))
    path.unlink()
    refused(path, JournalFault, "is gone; it had 1 rows")


def test_f86_whoever_deletes_the_lock_file_begins_anew(path: Path) -> None:
    with open_journal(path) as journal:
        append(journal, opened(1))
    path.unlink()
    beside(path, "-lock").unlink()
    with open_journal(path) as journal:
        assert journal.born_now


def test_f86_a_journal_that_never_held_a_row_may_be_born_again(path: Path) -> None:
    open_journal(path).close()
    path.unlink()
    with open_journal(path) as journal:
        assert journal.born_now


def test_f86_an_older_copy_is_noticed(path: Path, tmp_path: Path) -> None:
    """A backup put back: the lock file knows that there were more rows."""
    with open_journal(path) as journal:
        fill(journal, 5)
    shutil.copy(path, tmp_path / "backup")
    with open_journal(path) as journal:
        fill(journal, 5)
    shutil.copy(tmp_path / "backup", path)
    refused(path, JournalFault, "has 5 rows and once had 10")


@pytest.mark.parametrize("text", [b"\0" * 36, b"in service rows 12\n", b"half"])
def test_a_damaged_lock_file_is_no_guess(path: Path, text: bytes) -> None:
    open_journal(path).close()
    beside(path, "-lock").write_bytes(text)
    refused(path, JournalFault, "is damaged")


def test_an_empty_lock_file_was_cut_off_at_birth(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    beside(path, "-lock").touch(0o600)
    with open_journal(path) as journal:
        assert journal.born_now


# -- F87: a page changed by the card -------------------------------------------------------------------------


def test_f87_a_damaged_page_is_never_taken_for_a_journal(path: Path) -> None:
    """Any page, overwritten with chance: found at the opening, by the check, or by both; and what is read
    in spite of it is what was written."""
    with open_journal(path) as journal:
        fill(journal, 60)
        right = {row.seq: row for row in journal.tail(60)}
    good = path.read_bytes()
    dice = random.Random(87)
    for page in range(len(good) // 1024):
        damaged = bytearray(good)
        damaged[page * 1024 : page * 1024 + 1024] = dice.randbytes(1024)
        path.write_bytes(damaged)
        assert found_out(path, right), f"page {page + 1}"


def found_out(path: Path, right: dict[int, Row]) -> bool:
    try:
        with Journal.open_read_only(path) as journal:
            for row in journal.tail(60):
                assert right[row.seq] == row
            return journal.verify() is not None
    except JournalFault:
        return True


def test_f87_no_database_at_all(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"Dear diary, " * 1_000)
    path.chmod(0o600)
    refused(path, JournalFault, "no journal")


def test_a_database_of_something_else(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE cats (name)")
    path.chmod(0o600)
    refused(path, JournalFault, "no journal of a terminal")


# -- F88, F89: files beside it that do not belong ------------------------------------------------------------


def test_f88_a_deleted_wal_is_missed(path: Path) -> None:
    crashed(path, 5)
    beside(path, "-wal").unlink()
    refused(path, JournalFault, "-wal is missing, and with it perhaps the last sales")
    beside(path, "-lock").unlink()  # a person has compared with the gateway
    with open_journal(path) as journal:
        assert journal.verify() is None


def test_f88_after_a_clean_stop_no_wal_is_missed(path: Path) -> None:
    with open_journal(path) as journal:
        fill(journal, 5)
    assert not beside(path, "-wal").exists()
    with open_journal(path) as journal:
        assert len(journal.tail(9)) == 2


@pytest.mark.parametrize("own_rows", [6, 300, 900])
@pytest.mark.parametrize("their_rows", [3, 200])
@pytest.mark.parametrize("crash", [True, False])
def test_f88_a_wal_of_another_journal(
    path: Path, tmp_path: Path, own_rows: int, their_rows: int, crash: bool
) -> None:
    """SQLite would lay its pages over ours and keep them."""
    other = tmp_path / "other" / "journal.db"
    crashed(other, their_rows, epoch=EPOCH + 1)
    with open_journal(path) as journal:
        fill(journal, own_rows)
    if crash:
        crashed(path, 3)
    shutil.copy(beside(other, "-wal"), beside(path, "-wal"))
    refused(path, JournalFault, "Journal ")


def test_f88_an_older_wal_of_the_same_journal(path: Path, tmp_path: Path) -> None:
    crashed(path, 40)
    shutil.copy(beside(path, "-wal"), tmp_path / "old")
    with open_journal(path) as journal:
        fill(journal, 400)
    shutil.copy(tmp_path / "old", beside(path, "-wal"))
    refused(path, JournalFault, "Journal ")


def test_f88_a_wal_alone(path: Path, tmp_path: Path) -> None:
    crashed(tmp_path / "other" / "journal.db", 3)
    path.parent.mkdir(mode=0o700)
    shutil.copy(tmp_path / "other" / "journal.db-wal", beside(path, "-wal"))
    refused(path, JournalFault, "is gone, but .*-wal is there")


def test_f89_a_stale_rollback_journal(path: Path, tmp_path: Path) -> None:
    """SQLite would roll our rows back with it."""
    plain = tmp_path / "plain.db"
    stale = beside(path, "-journal")
    with open_journal(path) as journal:
        fill(journal, 9)
    with closing(sqlite3.connect(plain, isolation_level=None)) as db:
        db.executescript("PRAGMA page_size=1024; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        db.executescript("BEGIN; PRAGMA cache_size=1; UPDATE t SET x = 2; CREATE TABLE u (y)")
        shutil.copy(beside(plain, "-journal"), stale)
    refused(path, JournalFault, "is not ours")
    stale.unlink()
    with open_journal(path) as journal:
        assert journal.verify() is None and len(journal.tail(9)) == 3


# -- F93: other versions -------------------------------------------------------------------------------------


def reversioned(path: Path, schema: int) -> None:
    open_journal(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {schema}")


def test_f93_a_newer_schema_is_refused_with_words(path: Path) -> None:
    reversioned(path, 3)
    refused(path, NewerJournal, "schema 3; this program knows 2.*newer program")


def test_f93_a_schema_that_never_was(path: Path) -> None:
    reversioned(path, 0)
    refused(path, JournalFault, "rebuilt by something else")


def test_a_journal_that_was_converted(path: Path) -> None:
    open_journal(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    refused(path, JournalFault, "mode delete")


# -- modes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_journal_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    open_journal(path).close()
    path.chmod(mode)
    refused(path, JournalFault, "chmod 600")


# -- F98, F99: many open orders, a broken chain --------------------------------------------------------------


def test_f98_many_open_orders_come_back(path: Path) -> None:
    with open_journal(path) as journal:
        for counter in range(1, 1_001):
            append(journal, opened(counter))
    with open_journal(path) as journal:
        assert [row.order.order_no for row in journal.live()] == [
            number(counter) for counter in range(1, 1_001)
        ]


def test_f99_a_break_near_the_end_is_found_at_the_opening(path: Path) -> None:
    with open_journal(path) as journal:
        fill(journal, 60)
    flip(path, 50)
    refused(path, JournalFault, "row 50 is not what was written")


def test_f99_a_break_long_ago_is_found_by_the_check(path: Path) -> None:
    with open_journal(path) as journal:
        fill(journal, LOOKED_AT_ROWS + 90)
    flip(path, 50)
    with open_journal(path) as journal:
        assert journal.verify() == 50


def flip(path: Path, seq: int) -> None:
    """One byte of that row's event, by hand in the file."""
    with closing(sqlite3.connect(path)) as db:
        event = db.execute("SELECT event FROM journal WHERE seq = ?", (seq,)).fetchone()[0].encode()
    text = path.read_bytes()
    assert text.count(event) == 1
    at = text.index(event) + len(event) // 2
    path.write_bytes(text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :])
