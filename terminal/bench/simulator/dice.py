"""All chance of a story, out of one seed.

A *deviation* is a choice other than the smooth one. They are numbered in the order of asking. One that is
`dropped` is drawn all the same but comes out smooth, so the numbers drawn by others stay what they were.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

Odds = tuple[tuple[str, float], ...]
"""Deviations and how likely each is; what is left to 1 is the smooth way, ""."""


class Deviation(NamedTuple):
    number: int
    what: str
    way: str


VAIN = "vain"


class Place(NamedTuple):
    """Where something could go wrong. Two of one story with the same `alike` leave the same scene behind;
    None: like no other. (What would change nothing, VAIN, is no place at all.) `moment`: the scene there, but for
    its times."""

    it: Deviation
    alike: object
    moment: str


class Dice:
    """`calm`: from now on everything goes smoothly."""

    def __init__(self, seed: int, dropped: frozenset[int] = frozenset()) -> None:
        self._draw = random.Random(seed).random
        self.dropped = dropped
        self.deviations: list[Deviation] = []
        self.asked = 0
        self.calm = False

    def span(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self._draw() * (high - low + 1))

    def kind(self, ways: int) -> int:
        """What sort of world this is: 0..ways-1. Not a deviation."""
        return int(self._draw() * ways)

    def pick(self, what: str, odds: Odds, rate: float = 1.0) -> str:
        """One of the deviations, each `rate` times as likely, or "": all goes well."""
        self.asked += 1
        drawn = self._draw()
        if self.calm:
            return ""
        for way, chance in odds:
            drawn -= chance * rate
            if drawn < 0:
                return self._deviate(what, way)
        return ""

    def _deviate(self, what: str, way: str) -> str:
        if self.asked in self.dropped:
            return ""
        self.deviations.append(Deviation(self.asked, what, way))
        return way


class Script(Dice):
    """No chance: a smooth story but for what is `forced`, way by number. `given`: ways of this base story, in
    the order in which each thing is asked; they are no deviations. `offered`: what could go wrong once
    everything forced has, if `offers`. A span is the same wherever it is asked, so that nothing depends on how
    often."""

    def __init__(
        self,
        seed: int,
        forced: Mapping[int, str],
        given: Mapping[str, Sequence[str]],
        *,
        offers: bool = True,
    ) -> None:
        super().__init__(seed)
        self.seed, self.forced, self.offered = seed, forced, list[Place]()
        self.given = {what: deque(ways) for what, ways in given.items()}
        self.here: Callable[[str, str], object] = lambda what, way: None  # noqa: ARG005
        self.moment: Callable[[], str] = str
        self.offers = offers

    def span(self, low: int, high: int) -> int:
        return _span(self.seed, low, high)

    @property
    def over(self) -> bool:
        """Everything forced has happened."""
        return len(self.deviations) == len(self.forced)

    @property
    def is_spent(self) -> bool:
        """No weather will ever come of it."""
        return not self.offers and self.over and not self.given.get("weather")

    def pick(self, what: str, odds: Odds, rate: float = 1.0) -> str:  # noqa: ARG002
        self.asked += 1
        if self.calm:
            return ""
        if ways := self.given.get(what):
            return ways.popleft()
        if way := self.forced.get(self.asked):
            return self._deviate(what, way)
        if self.offers and self.over:
            moment = self.moment()
            for way, chance in odds:
                alike = self.here(what, way) if chance else VAIN
                if alike is not VAIN:
                    self.offered.append(Place(Deviation(self.asked, what, way), alike, moment))
        return ""


@cache
def _span(seed: int, low: int, high: int) -> int:
    return low + int(random.Random(f"{seed} {low} {high}").random() * (high - low + 1))
