"""A short year: the daemon's loop over a real journal that is put away file by file.

What is counted are the files and threads of a whole process, so it is one of its own: here, threads of earlier tests
may still be on their way out.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from terminal.bench.simulator import year
from terminal.bench.simulator.year import open_journal, play_year, takings
from terminal.journal import ArchiveLost
from tests.journal.children import run

SALES, DAYS, FILE_ROWS = 60, 4, 64


def test_what_was_captured_is_read_back_from_the_older_files(tmp_path: Path) -> None:
    run(lambda: a_short_year(tmp_path))


def a_short_year(place: Path) -> None:
    path = place / "journal.db"
    held, captured = play_year(path, SALES, DAYS, FILE_ROWS)
    assert len(list(place.glob("journal.db-0*"))) > 2
    assert held.hot_rows < 2 * FILE_ROWS
    assert len(held.kib) == DAYS
    assert len(held.files) == len(held.threads) == 1
    with open_journal(path) as journal:
        assert journal.orders_minted() >= SALES
        found = Counter[str]()
        for day, order_no, minor in takings(journal):
            found[day] += minor
            assert journal.history(order_no)[-1].order.amount.minor == minor
    assert dict(found) == captured


def test_a_lost_file_is_not_a_smaller_year(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    play_year(path, SALES, DAYS, FILE_ROWS)
    min(tmp_path.glob("journal.db-0*")).unlink()
    with open_journal(path) as journal, pytest.raises(ArchiveLost):
        list(takings(journal))


def test_the_report_fails_when_something_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(year, "DAYS", 3)
    kept, look = [], year.Held.look

    def leaky(self: year.Held) -> None:
        kept.append((tmp_path / str(len(kept))).open("w"))
        look(self)

    def years() -> None:
        assert year.report(12, str(tmp_path)) == 0
        monkeypatch.setattr(year.Held, "look", leaky)
        assert year.report(12, str(tmp_path)) == 1
        assert '"days_whose_takings_differ": 0' in capsys.readouterr().out

    run(years)
