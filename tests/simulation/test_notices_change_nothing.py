"""I8, metamorphic (reliability.md 2, G15): however the notices of a sale come, or do not, it ends the same."""

from __future__ import annotations

from itertools import product

import pytest

from terminal.bench.simulator.dice import Script
from terminal.bench.simulator.placements import given, perform
from terminal.bench.simulator.postman import POST
from terminal.bench.simulator.story import Ending, play
from tests.simulation.mutations import BUGS

WAYS = ("", *(way for way, _ in POST))
NOTICES = 3  # of one sale: paid, and what went back; the rest come in time
BASES = [base for base in range(1, 25) if perform(base).ways.posts]


def told(base: int, *ways: str, weather: tuple[str, ...] = ()) -> Ending:
    """The base sale, its notices posted in these ways one after the other."""
    about = {**given(base), "notice": ways}
    if weather:
        about["weather"] = weather
    return play(base, script=Script(base, {}, about), wall_steps=False)


def outcome(ending: Ending) -> list[tuple[object, ...]]:
    """What became of each order and its money. When it was noticed, and on the way to what, may differ."""
    assert ending.broken is None, ending.broken
    return sorted((it.order_no, it.phase.value, str(it.paid), it.reason) for it in ending.last_rows)


def test_there_are_notices_of_payments_and_of_returns() -> None:
    assert len(BASES) > 8
    modes = {len(told(base).last_rows) for base in BASES}
    assert modes >= {1, 2}


@pytest.mark.parametrize("base", BASES)
def test_lost_late_twice_or_wrong_in_every_combination(base: int) -> None:
    smooth = outcome(told(base))
    for ways in product(WAYS, repeat=NOTICES):
        assert outcome(told(base, *ways)) == smooth, ways


@pytest.mark.parametrize("base", BASES)
def test_a_notice_out_of_the_blue(base: int) -> None:
    """At each moment at which the weather is asked, one about the newest order, with its amount."""
    smooth, weather = outcome(told(base)), given(base).get("weather", ())
    for at in range(12):
        if at < len(weather) and weather[at]:
            continue  # somebody is at terminalctl then
        storms = [*weather, *("",) * 12][: max(12, len(weather))]
        storms[at] = "a notice of nothing"
        assert outcome(told(base, weather=tuple(storms))) == smooth, at


def test_a_daemon_that_believes_notices_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    BUGS["hint_is_proof"](monkeypatch)
    with pytest.raises(AssertionError):
        for base in BASES:
            smooth = outcome(told(base, *("lost",) * 9))
            assert outcome(told(base, "another amount")) == smooth
            assert outcome(told(base, weather=("a notice of nothing",) * 4)) == smooth
