"""The line to the gateway maltreated at every connection while people buy: slow, in slices of a few bytes, reset in
the middle of a request or of an answer, half open, cut. A request may arrive whole and its answer never.
"""

from __future__ import annotations

import random
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from terminal.bench.proxy import FAIR, Weather
from terminal.bench.torture.till import Life, Till
from terminal.core.terms import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

STEP_S = 0.1  # between two things that people do, at most
SPELL_S, SPELL_MAX_S = (
    0.4,
    4.0,
)  # how long a weather lasts; `verify_s` of the tills outlasts it by far
REQUEST_BYTES, ANSWER_BYTES = 1_600, 700  # with its headers, about
PATIENCE_S = 60.0  # per order; then something is stuck

Sky = Callable[[random.Random], Weather | None]
SKIES: Mapping[str, Sky] = {
    "fair": lambda _: FAIR,
    "slow": lambda dice: Weather(latency_ms=dice.randint(20, 400)),
    "sliced": lambda dice: Weather(latency_ms=1, slice_bytes=dice.randint(1, 40)),
    "reset_up": lambda dice: Weather(reset_up_after=dice.randint(1, REQUEST_BYTES)),
    "reset_down": lambda dice: Weather(reset_down_after=dice.randint(1, ANSWER_BYTES)),
    "half_open": lambda _: Weather(half_open=True),
    "cut": lambda _: None,
}


def torment(till: Till, trials: int) -> Tally[str]:
    """One life of the daemon, in which so many orders are opened."""
    weathers: Tally[str] = Tally()
    with till.alive(cold=True) as life, _clear_at_the_end(till):
        deadline_s = time.monotonic() + PATIENCE_S * trials
        while len(till.opened) < trials:
            if time.monotonic() > deadline_s or life.over():
                raise Fault(f"{till.terminal} got stuck:\n{till.last_words()}")
            weathers[_spell(till, life)] += 1
    return weathers


def _spell(till: Till, life: Life) -> str:
    """One weather, and what people do meanwhile."""
    name = till.dice.choice((*SKIES, "fair", "fair"))
    weather = SKIES[name](till.dice)
    if weather is None:
        till.line.cut()
    else:
        till.line.restore()
        till.line.weather = weather
    until_s = time.monotonic() + min(till.dice.expovariate(1 / SPELL_S), SPELL_MAX_S)
    while time.monotonic() < until_s and not life.over(till.dice.uniform(0, STEP_S)):
        till.step()
    return name


@contextmanager
def _clear_at_the_end(till: Till) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(OSError):
            till.line.restore()
            till.line.weather = FAIR
