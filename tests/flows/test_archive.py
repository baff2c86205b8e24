"""A full journal is put away by the daemon while nobody is at the counter, and a sale in it can be refunded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.bench.demo import ended, mpm_sale, newest
from terminal.bench.phone import Phone
from terminal.bench.stall import Stall
from terminal.journal.archive import FILE_ROWS
from tests.journal.samples import EPOCH, Hasty, append
from tests.journal.samples import mpm_sale as sold


@pytest.fixture
def stall(tmp_path: Path) -> Iterator[Stall]:
    stall = Stall(tmp_path)
    try:
        stall.start()
        yield stall
    finally:
        stall.stop()


def test_a_sale_of_a_file_that_was_put_away_goes_back(stall: Stall) -> None:
    assert mpm_sale(stall, Phone(stall))["outcome"] == "paid"
    old = newest(stall)["order_no"]
    terminal = stall.ask("status")["terminal"]
    assert stall.daemon is not None
    stall.daemon.terminate()
    stall.daemon.wait()
    journal = next(stall.state.rglob("journal.db"))
    fill(journal, terminal)
    stall.start_daemon()
    stall.dismiss()
    stall.wait(lambda: journal.stat().st_size < 100_000, "a new file in the old one's place")
    assert len(archives(journal)) == 1
    back = stall.ask("refund", order_no=old, amount="0.50")["order"]["order_no"]
    assert ended(stall, back)["outcome"] == "returned"
    stall.ask("refund", order_no=old)
    rest = newest(stall)["order_no"]
    assert ended(stall, rest)["outcome"] == "returned"
    refused = stall.ask("refund", order_no=old, amount="0.01")
    assert not refused["ok"] and "can still go back" in refused["error"]  # both are counted (I4)
    assert stall.booked(old)["returned_minor"] == stall.booked(old)["captured_minor"]


def archives(journal: Path) -> list[Path]:
    return list(journal.parent.glob("journal.db-0*"))


def fill(journal: Path, terminal: str) -> None:
    """As many sales as make the file full."""
    with Hasty.open(journal, terminal=terminal, chance=lambda: EPOCH) as hasty:
        seq, counter = 0, 100
        while seq < FILE_ROWS:
            counter += 1
            for step in sold(counter):
                seq = append(hasty, step)
