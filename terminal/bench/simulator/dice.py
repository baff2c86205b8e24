"""All chance of a story, out of one seed.

A *deviation* is a choice other than the smooth one. They are numbered in the order of asking. One that is
`dropped` is drawn all the same but comes out smooth, so the numbers drawn by others stay what they were.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import NamedTuple

Odds = tuple[tuple[str, float], ...]
"""Deviations and how likely each is; what is left to 1 is the smooth way, ""."""


class Deviation(NamedTuple):
    number: int
    what: str
    way: str


class Dice:
    """`calm`: from now on everything goes smoothly. `forced`: nothing deviates but what stands there, by its
    number; `offered` then holds what could have."""

    def __init__(
        self,
        seed: int,
        dropped: frozenset[int] = frozenset(),
        forced: Mapping[int, str] | None = None,
    ) -> None:
        self._draw = random.Random(seed).random
        self.dropped = dropped
        self.deviations: list[Deviation] = []
        self.forced = forced
        self.offered: list[Deviation] = []
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
        if self.forced is not None:
            self.offered += [Deviation(self.asked, what, way) for way, _ in odds]
            way = self.forced.get(self.asked, "")
            return self._deviate(what, way) if way else ""
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
