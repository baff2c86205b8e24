"""A little torture of the real daemon, and daemons with a planted bug, which it has to find. Any number of trials:
`scripts/torture`."""

from __future__ import annotations

from pathlib import Path

from terminal.bench.torture import kill, line
from terminal.bench.torture.shift import Report, Shift, Torment


def tortured(state: Path, torment: Torment, trials: int, module: str = "terminal") -> Report:
    report = Shift(state, torment, tills=4, seed=7, module=module).run(trials)
    assert report.trials == trials
    assert report.ends.total() > trials / 8
    return report


def kinds(report: Report) -> set[str]:
    return {odd.kind for odd in report.odd}


def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    assert tortured(tmp_path, kill.torment, 20).odd == []


def test_a_daemon_that_journals_after_the_effect_is_found_out(tmp_path: Path) -> None:
    assert "lost" in kinds(tortured(tmp_path, kill.torment, 40, "tests.flows.late_journal"))


def test_a_bad_line_loses_and_doubles_nothing(tmp_path: Path) -> None:
    assert tortured(tmp_path, line.torment, 12).odd == []


def test_a_daemon_that_takes_silence_for_an_answer_is_found_out(tmp_path: Path) -> None:
    report = tortured(tmp_path, line.torment, 100, "tests.flows.hasty_line")
    assert kinds(report) & {"lost", "doubled"}
