"""A few kills of the real daemon under traffic; `scripts/torture kill N` takes any number."""

from __future__ import annotations

from pathlib import Path

from terminal.bench.torture import kill
from terminal.bench.torture.shift import Report, Shift

KILLS = 40


def tortured(state: Path, module: str) -> Report:
    return Shift(state, kill.torment, tills=4, seed=7, module=module).run(KILLS)


def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    report = tortured(tmp_path, "terminal")
    assert report.odd == []
    assert report.trials == KILLS
    assert report.ends.total() > 5


def test_a_daemon_that_journals_after_the_effect_is_found_out(tmp_path: Path) -> None:
    """The negative control."""
    report = tortured(tmp_path, "tests.flows.late_journal")
    assert {odd.kind for odd in report.odd} >= {"lost"}
