"""At every step, cut or not, `current` is a whole release, and `return-to` says whether it is trusted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from terminal.releases import Releases


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    for version in ("1", "2", "3", ".staging"):
        (tmp_path / "releases" / version).mkdir(parents=True)
    (tmp_path / "current").symlink_to(tmp_path / "releases" / "1")
    return Releases(tmp_path)


def back(releases: Releases) -> None:
    """terminal-return.service."""
    (releases.place / "returned").unlink(missing_ok=True)
    (releases.place / "returned").symlink_to((releases.place / "current").readlink())
    (releases.place / "return-to").rename(releases.place / "current")


def test_a_release_that_passes(releases: Releases) -> None:
    releases.nominate("2")
    assert (releases.current, releases.next, releases.on_probation) == ("1", "2", False)
    releases.change_over()
    assert (releases.current, releases.next, releases.on_probation) == ("2", None, True)
    releases.confirm()
    assert (releases.current, releases.on_probation, releases.returned) == ("2", False, None)
    releases.tidy()
    assert sorted(each.name for each in releases.folder.iterdir()) == ["1", "2"]


def test_a_release_that_does_not(releases: Releases) -> None:
    releases.nominate("2")
    releases.change_over()
    back(releases)
    assert (releases.current, releases.on_probation, releases.returned) == ("1", False, "2")
    releases.nominate("3")
    releases.change_over()
    releases.confirm()
    assert (releases.current, releases.returned) == ("3", None)


def test_a_cut_at_each_rename(releases: Releases, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power is cut before the n-th rename; what is on probation goes back; the next try succeeds."""
    rename, left = Path.rename, [0]

    def cut(self: Path, target: Path) -> Path:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        return rename(self, target)

    steps: tuple[Callable[[], None], ...] = (
        lambda: releases.nominate("2"),
        releases.change_over,
        releases.confirm,
    )
    for at in range(4):
        left[0] = at
        monkeypatch.setattr(Path, "rename", cut)
        with pytest.raises(KeyboardInterrupt):
            for step in steps:
                step()
        monkeypatch.setattr(Path, "rename", rename)
        assert (releases.place / "current").exists()
        if releases.on_probation:
            back(releases)
        assert releases.current == "1"
        releases.forget_next()
    for step in steps:
        step()
    assert releases.current == "2"


def test_where_there_are_no_releases(tmp_path: Path) -> None:
    none = Releases(tmp_path / "nothing")
    assert (none.current, none.on_probation, none.returned) == (None, False, None)
