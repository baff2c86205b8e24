"""Full files are put away and still read; what a lost one makes of that."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from terminal.core.events import Carried, PaymentApproved, Restarted
from terminal.core.sale import Phase
from terminal.core.terms import JournalFault
from terminal.journal import ArchiveLost, Journal
from terminal.journal import opening as rules
from terminal.journal.archive import name
from tests.journal.samples import append, fill, mpm_sale, number, open_journal, opened, paid, shown

FILE_ROWS = 30


@pytest.fixture
def long(path: Path) -> Journal:
    """Three files: 60 rows and more are put away, order 5 is open all the time, 40 since the second."""
    journal = open_journal(path, file_rows=FILE_ROWS)
    for step in (opened(5), *mpm_sale(1)):
        append(journal, step)
    for counter in range(101, 125):
        for step in mpm_sale(counter):
            append(journal, step)
        journal.tidy()
    return journal


def files(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir() if file.suffix != ".db-shm")


def test_a_full_file_is_put_away_read_only(long: Journal) -> None:
    assert files(long.path) == [
        "journal.db",
        "journal.db-000000000031",
        "journal.db-000000000062",
        "journal.db-lock",
        "journal.db-wal",
    ]
    assert name(long.path, 31).stat().st_mode & 0o777 == 0o400


def test_rows_orders_and_chain_go_on(long: Journal) -> None:
    rows = long.raw(0, 99) + long.raw(31, 99) + long.raw(62, 99)
    assert [row[0] for row in rows] == list(range(1, 79))
    assert long.orders_minted() == 26
    assert long.verify() is None
    long.close()
    with open_journal(long.path) as again:
        assert again.verify() is None and again.orders_minted() == 26
        assert append(again, opened(200)) == 79


def test_an_open_order_is_carried_and_its_last_row_says_the_same(long: Journal) -> None:
    history = long.history(number(5))
    assert [type(row.event) for row in history[1:]] == [Carried, Carried]
    assert {row.order for row in history} == {opened(5)[0]}
    assert {row.when for row in history} == {history[0].when}  # its times are of that boot
    assert [row.order.order_no for row in long.live()] == [number(5)]


def test_a_sale_of_long_ago_is_found_with_its_returns(long: Journal) -> None:
    """What a refund asks: the order, and every return of its sale, wherever it lies (I4)."""
    row = long.order(number(1))
    assert row is not None and (row.seq, row.order.phase) == (4, Phase.PAID)
    back = replace(opened(300, sale=1)[0], of=number(1))
    append(long, (back, opened(300)[1]))
    for _ in range(FILE_ROWS):
        append(long, (opened(5)[0], Restarted(at_ms=1, rebooted=False)))
    assert long.tidy()
    assert [row.order.order_no for row in long.sale(number(1))] == [number(1), number(300)]
    append(long, paid(opened(5)[0]))
    assert [row.order.phase for row in long.sale(number(5))] == [Phase.PAID]  # and no older word
    assert long.sale("T-none") == [] and long.order("T-none") is None


def test_the_newest_order_is_the_last_even_when_its_file_is_put_away(path: Path) -> None:
    with open_journal(path, file_rows=3) as journal:
        append(journal, opened(9))
        fill(journal, 2)
        append(journal, shown(journal.live()[-1].order))
        newest = journal.last()
        assert journal.tidy()
        assert newest is not None
        again = journal.last()
        assert again is not None and again.order == newest.order
        append(journal, paid(newest.order))
        last = journal.last()
        assert last is not None and last.order.phase is Phase.PAID


def test_a_late_payment_of_an_old_order_goes_on_in_the_new_file(long: Journal) -> None:
    old = long.order(number(101))
    assert old is not None and old.seq < 31
    minted = long.orders_minted()
    undoing = replace(old.order, phase=Phase.REVERSING)
    append(long, (undoing, PaymentApproved(at_ms=30, paid=old.order.amount)))
    assert long.orders_minted() == minted
    assert [row.order for row in long.live()] == [opened(5)[0], undoing]
    assert len(long.history(number(101))) == 4
    assert sum(row.order.order_no == number(101) for row in long.tail(99)) == 1
    assert long.verify() is None


@pytest.mark.parametrize("seq", [3, 40, 75])
def test_a_changed_row_is_found_in_whatever_file(long: Journal, seq: int) -> None:
    path = name(long.path, 31) if seq <= 31 else name(long.path, 62) if seq <= 62 else long.path
    long.close()
    path.chmod(0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("DROP TRIGGER journal_update")
        stranger.execute("UPDATE journal SET utc = 'never' WHERE seq = ?", (seq,))
    if seq == 75:
        with pytest.raises(JournalFault, match="row 75"):
            open_journal(long.path)
    else:
        with open_journal(long.path) as journal:
            assert journal.verify() == seq


# -- a file that is not there, or not the one --------------------------------------------------------------


def _gone(path: Path) -> None:
    path.unlink()


def _noise(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"x" * path.stat().st_size)


def _another(path: Path) -> None:
    path.unlink()
    path.with_name("journal.db-000000000031").rename(path)


@pytest.mark.parametrize("harm", [_gone, _noise, _another])
def test_sales_go_on_without_an_old_file_and_what_needs_it_is_refused(
    long: Journal, harm: Callable[[Path], None]
) -> None:
    long.close()
    harm(name(long.path, 62))
    with open_journal(long.path) as journal:
        assert [row.order.order_no for row in journal.live()] == [number(5)]
        append(journal, opened(200))
        asks: list[Callable[[], object]] = [
            lambda: journal.order(number(1)),
            lambda: journal.sale(number(1)),
            lambda: journal.raw(40, 9),
            lambda: journal.tail(99),
            journal.verify,
        ]
        for ask in asks:
            with pytest.raises(ArchiveLost, match=r"journal\.db-000000000062.*copy"):
                ask()
        newest = journal.last()
        assert newest is not None and newest.order.order_no == number(200)


def test_the_file_that_is_missing_between_two_is_named(long: Journal) -> None:
    name(long.path, 31).unlink()
    assert long.raw(40, 1)[0][0] == 41
    with pytest.raises(ArchiveLost, match=r"journal\.db-000000000031: row 9 is not there"):
        long.raw(8, 1)


def test_rows_are_never_changed_in_any_file(long: Journal) -> None:
    long.close()
    with closing(sqlite3.connect(long.path)) as stranger:
        for sql in ("DELETE FROM archived", "UPDATE archived SET seq = 1"):
            with pytest.raises(sqlite3.Error, match="append-only"):
                stranger.execute(sql)


# -- what cannot be put away -----------------------------------------------------------------------------


def test_a_file_that_is_not_full_stays(path: Path) -> None:
    with open_journal(path, file_rows=9) as journal:
        fill(journal, 8)
        assert not journal.tidy()
        fill(journal, 1)
        assert journal.tidy() and not journal.tidy()


def test_when_the_next_file_cannot_be_built_the_old_one_goes_on(path: Path) -> None:
    with open_journal(path, file_rows=9) as journal:
        fill(journal, 9)
        in_the_way = name(path, 9)
        in_the_way.write_text("somebody's")
        assert not journal.tidy()
        assert append(journal, opened(50)) == 10
        assert in_the_way.read_text() == "somebody's"
        for _ in range(rules.CHECKPOINT_ROWS):
            append(journal, (opened(50)[0], Restarted(at_ms=1, rebooted=False)))
        assert journal.tidy()  # later, under another name
        assert journal.verify() is None or in_the_way.exists()


def test_a_journal_from_before_there_was_an_archive_goes_on(path: Path) -> None:
    """Schema 1: the same without the table `archived`."""
    with open_journal(path) as journal:
        fill(journal, 9)
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.executescript(
            "DROP TRIGGER journal_follows; DROP TRIGGER archived_once; DROP TABLE archived; "
            "CREATE TRIGGER journal_follows BEFORE INSERT ON journal "
            "WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM journal) "
            "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END; PRAGMA user_version = 1"
        )
    with open_journal(path, file_rows=12) as journal:
        fill(journal, 3)
        assert journal.tidy()
        fill(journal, 3)
        assert journal.verify() is None and [row[0] for row in journal.raw(0, 12)][-1] == 12
