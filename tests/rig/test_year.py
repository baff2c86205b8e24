"""A year's looks, and when the shop opens. The year itself needs a guest: `scripts/torture year N`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.rig import year
from tests.rig.year_job import BEFORE_S, DAY_S, FIRST, OPEN_S, TURNS, opening_s

CALM = {"exit": 0, "differences": 0, "rows": 9}
NOTHING_ODD: dict[str, Any] = {
    "odd": [],
    "broken_promises": [],
    "sales": 1,
    "orders": 1,
    "promises": 1,
    "check": CALM,
    "reconcile": CALM,
}


def days(count: int, kib_a_day: float = 0.0, kib_an_order: float = 0.0) -> list[year.Day]:
    """So many; one in ten is a fresh interpreter's, which is smaller."""
    return [
        {
            "cold": day % 10 == 0,
            "rss_kib": 60_000 - (day % 10 == 0) * 6_000 + day * kib_a_day,
            "kib": [(n, 60_000 + n * kib_an_order) for n in range(25, 2_001, 25)],
            "files": 26,
            "threads": 9,
            "killed": False,
            "hot_rows": 9,
            "archived": 0,
            "log_bytes": 0,
            "closed": "",
            "turns": 0,
        }
        for day in range(count)
    ]


def failed(year_days: list[year.Day], **result: object) -> object:
    return year.figures(year_days, NOTHING_ODD | result)["failed"]


def test_memory_over_the_year() -> None:
    assert year.grown(days(365), "rss_kib") == 0
    assert year.grown(days(60, kib_a_day=40), "rss_kib") is None
    assert failed(days(365, kib_a_day=1)) == []
    assert failed(days(365, kib_a_day=4)) == ["memory"]


def test_memory_within_a_life() -> None:
    assert year.slope_kib(days(1, kib_an_order=0.25)) == 250
    assert year.slope_kib([{"kib": [(25, 60_000)]}]) is None
    assert failed(days(1, kib_an_order=0.9)) == []
    assert failed(days(1, kib_an_order=1.1)) == ["memory within a life"]


def test_whatever_is_odd_fails() -> None:
    assert failed(days(365)) == []
    assert failed(days(9), odd=["lost: T1: 5 kept"]) == ["lost: T1: 5 kept"]
    assert failed(days(9), broken_promises=["row 3"]) == ["row 3"]
    assert failed(days(9), check=CALM | {"exit": 1}) == ["check"]
    assert failed(days(9), reconcile=CALM | {"exit": 1}) == ["reconcile"]


@pytest.mark.parametrize("what", ["files", "threads"])
def test_one_more_of_these_in_the_last_months_fails(what: str) -> None:
    year_days = days(365)
    for day in year_days[200:]:
        day[what] += 1
    assert failed(year_days) == [what]


def test_a_file_that_is_never_put_away_fails() -> None:
    year_days = days(9)
    year_days[4]["hot_rows"] = 100_000
    assert failed(year_days) == ["rows in the written file"]


def test_the_shop_is_open_when_a_clock_turns_over() -> None:
    turning = [turn.timestamp() for turn in TURNS]
    opens = [opening_s(day, turning) for day in range(366)]
    for turn_s in turning:
        assert sum(it < turn_s < it + OPEN_S for it in opens) == 1
    assert all(later - it > DAY_S / 3 for it, later in pairwise(opens))
    assert opens[0] == FIRST.timestamp() + DAY_S / 2
    assert BEFORE_S < OPEN_S
