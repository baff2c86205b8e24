"""Append, and what is read back."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.core.events import (
    Carried,
    CodeScanned,
    OrderClosed,
    PaymentApproved,
    Restarted,
    SaleOpened,
    UndoAccepted,
)
from terminal.core.sale import FINAL, Order, Phase
from terminal.core.terms import HouseFault, JournalFault, Mode
from terminal.journal import Journal, Row
from terminal.journal.opening import CHECKPOINT_ROWS
from tests.journal.samples import (
    append,
    cpm_sale,
    fill,
    mpm_sale,
    number,
    open_journal,
    opened,
    paid,
    shown,
    when,
)


def test_a_row_comes_back_as_it_was(journal: Journal) -> None:
    order, event = opened(1)
    assert journal.append(order, event, when(1_234)) == 1
    row = journal.order(order.order_no)
    assert row is not None
    assert (row.seq, row.order, row.event, row.when) == (1, order, event, when(1_234))


def test_an_empty_journal_has_nothing(journal: Journal) -> None:
    assert journal.live() == journal.tail(10) == journal.history("T1") == journal.sale("T1") == []
    assert journal.last() is None and journal.order("T1") is None and journal.verify() is None
    assert journal.orders_minted() == 0


def test_orders_are_counted_across_restarts(path: Path) -> None:
    for count in range(1, 4):
        with open_journal(path) as journal:
            for step in mpm_sale(count):
                append(journal, step)
            assert journal.orders_minted() == count


def test_live_is_the_last_row_of_every_open_order_oldest_first(journal: Journal) -> None:
    first, second, third = opened(1), opened(2), opened(3)
    for step in (first, second, third, shown(second[0]), shown(first[0]), paid(third[0])):
        append(journal, step)
    assert [(row.seq, row.order.order_no) for row in journal.live()] == [
        (5, number(1)),
        (4, number(2)),
    ]


def test_a_late_payment_makes_an_order_live_again(journal: Journal) -> None:
    order, event = opened(1)
    closed = replace(order, phase=Phase.CLOSED)
    append(journal, (order, event))
    append(journal, (closed, OrderClosed(at_ms=20)))
    assert journal.live() == []
    undoing = replace(closed, phase=Phase.REVERSING)
    append(journal, (undoing, PaymentApproved(at_ms=30, paid=order.amount)))
    assert [row.order.phase for row in journal.live()] == [Phase.REVERSING]
    append(journal, (replace(undoing, phase=Phase.REVERSED), UndoAccepted(at_ms=40)))
    assert journal.live() == []
    assert journal.verify() is None


def test_last_is_the_newest_order_however_it_ended(journal: Journal) -> None:
    old, new = opened(1), opened(2)
    for step in (old, new, paid(new[0]), (old[0], Restarted(at_ms=5, rebooted=True))):
        append(journal, step)
    last = journal.last()
    assert last is not None and (last.seq, last.order.order_no) == (3, number(2))


def test_history_is_every_row_of_one_order(journal: Journal) -> None:
    for counter in (1, 2, 3):
        for step in mpm_sale(counter):
            append(journal, step)
    assert [row.seq for row in journal.history(number(2))] == [4, 5, 6]
    assert [type(row.event).__name__ for row in journal.history(number(2))] == [
        "SaleOpened",
        "CodeIssued",
        "PaymentApproved",
    ]


def test_sale_is_the_last_row_of_each_of_its_orders(journal: Journal) -> None:
    """The customer held up a code instead: one purchase, two orders."""
    ours, _ = opened(1)
    theirs = opened(2, sale=1, mode=Mode.CPM)
    for step in (
        opened(1),
        (replace(ours, phase=Phase.CLOSED), OrderClosed(at_ms=20)),
        theirs,
        opened(3),
        paid(theirs[0]),
    ):
        append(journal, step)
    assert [(row.seq, row.order.phase) for row in journal.sale(number(1))] == [
        (2, Phase.CLOSED),
        (5, Phase.PAID),
    ]
    assert [row.seq for row in journal.sale(number(3))] == [4]
    assert journal.sale(number(2)) != []  # asked by an order's own number: that order
    assert journal.sale("T-none") == []


def test_tail_pages_through_the_last_rows_newest_first(journal: Journal) -> None:
    for counter in range(1, 8):
        for step in cpm_sale(counter):
            append(journal, step)
    newest = journal.tail(3)
    assert [row.seq for row in newest] == [14, 12, 10]
    assert [row.seq for row in journal.tail(10, before=newest[-1].seq)] == [8, 6, 4, 2]


# -- the order of things, for any course of events -----------------------------------------------------------

_PHASES = st.sampled_from(sorted(Phase, key=lambda phase: phase.value))


@settings(max_examples=40, deadline=None)
@given(
    moves=st.lists(st.tuples(st.integers(1, 5), _PHASES), max_size=40),
    file_rows=st.sampled_from([1, 4, 9, 99]),
)
def test_reads_agree_with_a_plain_list(
    moves: list[tuple[int, Phase]], file_rows: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In one file, and in several."""
    path = tmp_path_factory.mktemp("any") / "journal.db"
    rows: list[Order] = []
    with open_journal(path, file_rows=file_rows) as journal:
        for who, phase in moves:
            order = replace(opened(who)[0], phase=phase)
            known = order.order_no in {row.order_no for row in rows}
            event = Restarted(at_ms=1, rebooted=False) if known else SaleOpened(at_ms=1)
            append(journal, (order, event))
            rows.append(order)
            journal.tidy()
        _compare(journal, rows)
    with open_journal(path) as journal:
        _compare(journal, rows)


def _compare(journal: Journal, rows: list[Order]) -> None:
    last = {order.order_no: order for order in rows}
    first_seen = list(dict.fromkeys(order.order_no for order in rows))
    assert {row.order.order_no: row.order for row in journal.live()} == {
        no: order for no, order in last.items() if order.phase not in FINAL
    }
    assert journal.orders_minted() == len(first_seen)
    newest = journal.last()
    assert (newest.order.order_no if newest else None) == (first_seen[-1] if first_seen else None)
    assert {row.order.order_no: row.order for row in journal.tail(99)} == last
    paged = list(_paged(journal, 2))
    assert {row.order.order_no: row.order for row in paged} == last and len(paged) == len(last)
    for order_no, order in last.items():
        found, history = journal.order(order_no), journal.history(order_no)
        assert found is not None and found.order == order
        assert [row.order for row in history if not isinstance(row.event, Carried)] == [
            order for order in rows if order.order_no == order_no
        ]
    assert journal.verify() is None


def _paged(journal: Journal, limit: int) -> Iterator[Row]:
    before = None
    while page := journal.tail(limit, before):
        yield from page
        before = page[-1].seq


# -- append-only -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE journal SET phase = 'paid'",
        "UPDATE journal SET seq = 9 WHERE seq = 2",
        "DELETE FROM journal WHERE seq = 2",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE seq = 1",
        "INSERT INTO journal SELECT 7, order_no, sale_no, opened, utc, boot_id, at_ms, phase, "
        "event, record, link FROM journal WHERE seq = 1",
        "UPDATE install SET terminal = 'EVIL00'",
        "DELETE FROM install",
        "INSERT OR REPLACE INTO install VALUES (1, 'EVIL00', 1, '')",
        "INSERT INTO install VALUES (2, 'EVIL00', 1, '')",
    ],
)
def test_rows_are_never_changed_by_anybody(path: Path, sql: str) -> None:
    with open_journal(path) as journal:
        fill(journal, 3)
    with sqlite3.connect(path) as stranger, pytest.raises(sqlite3.Error, match="append-only"):
        stranger.execute(sql)
    stranger.close()
    with open_journal(path) as journal:
        assert journal.verify() is None and len(journal.history(number(1))) == 3


def test_columns_hold_what_they_say(path: Path) -> None:
    """STRICT: a text in a number's column is refused."""
    open_journal(path).close()
    with sqlite3.connect(path) as stranger, pytest.raises(sqlite3.IntegrityError, match="INTEGER"):
        stranger.execute("INSERT INTO journal VALUES (1,'a','a','x','','',1,'','','',x'00')")
    stranger.close()


# -- what is refused ---------------------------------------------------------------------------------------


def test_an_order_number_is_opened_once(journal: Journal) -> None:
    append(journal, opened(1))
    with pytest.raises(HouseFault, match="used before"):
        append(journal, opened(1))
    assert append(journal, opened(2)) == 2


def test_a_refused_row_leaves_the_journal_alive(journal: Journal) -> None:
    order, _ = opened(1)
    canary = "281234567890123456"
    with pytest.raises(HouseFault):
        journal.append(order, CodeScanned(at_ms=1, code=canary, digest="d"), when(1))  # type: ignore[arg-type]
    with pytest.raises(HouseFault):
        append(journal, (replace(order, detail="x" * 100_000), SaleOpened(at_ms=1)))
    assert append(journal, opened(1)) == 1


def test_the_payment_code_is_in_no_file(path: Path) -> None:
    """I11: a CPM sale's files hold the digest and never the code, even when somebody tries."""
    canary = "281234567890123456"
    with open_journal(path) as journal:
        for step in cpm_sale(1):
            append(journal, step)
        event = CodeScanned(at_ms=1, code=canary, digest="d")  # type: ignore[arg-type]
        with pytest.raises(HouseFault):
            journal.append(opened(2, mode=Mode.CPM)[0], event, when(1))
        written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"c0ffee" in written
    assert canary.encode() not in written


def test_another_thread_is_refused_and_does_no_harm(journal: Journal) -> None:
    caught: list[BaseException] = []

    def trespass() -> None:
        try:
            append(journal, opened(1))
        except sqlite3.ProgrammingError as error:
            caught.append(error)

    thread = threading.Thread(target=trespass)
    thread.start()
    thread.join()
    assert "thread" in str(caught[0])
    assert append(journal, opened(1)) == 1


def test_a_write_that_is_broken_off_is_the_end_of_the_object(path: Path) -> None:
    """Here by a time that no column holds, in the middle of the transaction; it might be a signal."""
    with open_journal(path) as journal:
        append(journal, opened(1))
        order, event = opened(2)
        with pytest.raises(OverflowError):
            journal.append(order, event, when(2**63))
        for call in (journal.live, journal.orders_minted):
            with pytest.raises(JournalFault, match="broken off"):
                call()
    with open_journal(path) as journal:
        assert journal.verify() is None and len(journal.live()) == 1


def test_a_closed_journal_says_so(path: Path) -> None:
    journal = open_journal(path)
    journal.close()
    journal.close()
    for call in (journal.live, journal.last, journal.orders_minted, journal.verify):
        with pytest.raises(JournalFault, match="closed"):
            call()
    with pytest.raises(JournalFault, match="closed"):
        append(journal, opened(1))


# -- the cache of open orders --------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["DELETE FROM live", "UPDATE live SET seq = 1 WHERE seq = 4"])
def test_a_damaged_cache_is_found_and_made_anew(path: Path, sql: str) -> None:
    with open_journal(path) as journal:
        for step in (*mpm_sale(1), opened(2), opened(3)):
            append(journal, step)
        right = journal.live()
    with sqlite3.connect(path) as stranger:
        stranger.execute(sql)
    stranger.close()
    with open_journal(path) as journal:
        assert journal.verify() == 4
        assert journal.rebuild_live() == 2
        assert journal.live() == right
        assert journal.verify() is None


def test_an_open_order_too_many_is_found(path: Path) -> None:
    with open_journal(path) as journal:
        for step in mpm_sale(1):
            append(journal, step)
    with sqlite3.connect(path) as stranger:
        stranger.execute("INSERT INTO live VALUES (?, 1)", (number(1),))
    stranger.close()
    with open_journal(path) as journal:
        assert journal.verify() == 3  # the last row of the order it is wrong about


# -- the -wal ------------------------------------------------------------------------------------------------


def test_the_wal_is_reused_and_does_not_grow(journal: Journal) -> None:
    wal = journal.path.with_name("journal.db-wal")
    fill(journal, CHECKPOINT_ROWS)
    size = wal.stat().st_size
    fill(journal, 4 * CHECKPOINT_ROWS)
    assert size <= wal.stat().st_size <= size * 3 // 2
