"""Every single misfortune and every pair of faults, at every decision point of base sales (reliability.md 0.5).

A base is one sale, smooth but for what it is about: who pays how, at which gateway, and whether the money goes
back. A misfortune is each way that the dice could have come out otherwise; a placement is one way, or two, each
where it was asked. Not every placement is played:

- Places of one story that leave the same scene behind (`Place.alike`) are played once.
- After a first misfortune the scene is looked at now and then: if it is as one was before (state.py), the rest is
  the same, and with it all that could follow.
- PAIRS: in a loop that only asks again and waits, the scene is the same in every round but for the time
  (state.moment). A fault of a pair is placed in the first and in the last of those rounds; WHOLE places it in each.

The first two are exact. The third is a choice: what breaks only in a middle round is found by WHOLE alone, and,
where one fault is enough, by the single misfortunes, which are always placed in each.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache

from terminal.bench.simulator.dice import Deviation, Place, Script
from terminal.bench.simulator.scene import IsNew
from terminal.bench.simulator.story import Ending, play

CUSTOMERS = ("",) * 4 + ("shows a code",) * 3 + ("is refused", "pays less")
WALLETS = ("", "", "", "declines", "asks for the PIN")
RETURNS = ("", "", "", "refund", "void")
RETURN_AT = 4  # at this look of the weather somebody sits down at terminalctl


# What people do is part of the bases and of the single misfortunes; a pair is two faults of things.
PEOPLE = ("operator", "customer", "code", "wallet", "terminalctl")


def by_people(it: Deviation) -> bool:
    return it.what.startswith(PEOPLE) or it.way == "somebody at terminalctl"


class Kinds(Enum):
    SINGLES = "singles"
    PAIRS = "pairs"
    WHOLE = "whole"


@dataclass
class Placed:
    """`singles`, `pairs`: how many placements there are. `runs`: stories played for them, `equal` of them only to
    where they were as one before. What is not played is alike to what is, as the head of this file says."""

    base: int
    singles: int = 0
    pairs: int = 0
    runs: int = 0
    equal: int = 0
    first_broken: int = 0  # the run in which a rule first broke
    broken: list[tuple[Deviation, ...]] = field(default_factory=list)

    def breaks(self, *forced: Deviation) -> None:
        self.first_broken = self.first_broken or self.runs
        self.broken.append(forced)

    def add(self, other: Placed) -> None:
        self.singles, self.pairs = self.singles + other.singles, self.pairs + other.pairs
        self.runs, self.equal = self.runs + other.runs, self.equal + other.equal
        self.broken += other.broken


@cache
def given(base: int) -> Mapping[str, tuple[str, ...]]:
    """What this base is about."""
    drawn = random.Random(f"base {base}")
    ways: dict[str, tuple[str, ...]] = {
        "customer": (drawn.choice(CUSTOMERS),),
        "wallet": (drawn.choice(WALLETS),),
    }
    back = drawn.choice(RETURNS)
    if back:
        ways["weather"] = ("",) * (RETURN_AT - 1) + ("somebody at terminalctl",)
        ways["terminalctl"] = (back,)
    return {what: way for what, way in ways.items() if any(way)}


def perform(
    base: int,
    *forced: Deviation,
    keep_story: bool = False,
    new: IsNew | None = None,
    offers: bool = True,
) -> Ending:
    script = Script(base, {it.number: it.way for it in forced}, given(base), offers=offers)
    return play(base, script=script, wall_steps=False, keep_story=keep_story, new=new)


class Seen:
    """Digests of scenes, and how many placements follow from each."""

    def __init__(self) -> None:
        self.follow: dict[bytes, int] = {}
        self._path: list[tuple[bytes, int]] = []  # of the story that is being played

    def new(self, digest: bytes, offered: int) -> bool:
        self._path.append((digest, offered))
        return digest not in self.follow

    def learn(self, offered: Sequence[Place]) -> int:
        """The story is over: what it offered follows from its scenes, and if it ended in a known one, what follows
        from that. How many placements follow from its first scene."""
        faults = [not by_people(place.it) for place in offered]
        rest = self.follow.get(self._path[-1][0], 0) if self._path else 0
        for digest, before in self._path:
            self.follow.setdefault(digest, sum(faults[before:]) + rest)
        self._path.clear()
        return sum(faults) + rest


def distinct(offered: Iterable[Place]) -> list[tuple[Place, int]]:
    """The first of each that are alike, and how many those are."""
    times = Counter(place.alike for place in offered if place.alike)
    return [
        (place, times.pop(place.alike, 1))
        for place in offered
        if place.alike is None or place.alike in times
    ]


def edges(places: Iterable[Place]) -> set[Place]:
    """Of those that differ by nothing but the time, the first and the last."""
    groups: dict[tuple[str, ...], list[Place]] = {}
    for place in places:
        groups.setdefault((*place.it[1:], place.moment), []).append(place)
    return {place for alike in groups.values() for place in (alike[0], alike[-1])}


def place(base: int, *, kinds: Kinds) -> Placed:
    """All single misfortunes of this base, and unless that is all, second faults after first ones."""
    placed, ones = Placed(base), Seen()
    smooth = perform(base, new=ones.new)
    ones.learn(smooth.offered)
    placed.runs += 1
    if smooth.broken:
        placed.breaks()
    firsts = distinct(smooth.offered)
    go_on = _of_pairs(firsts, kinds)  # these come first: where two end alike, it goes on from there
    for first, alike in sorted(firsts, key=lambda it: it[0] not in go_on):
        ending = perform(base, first.it, new=ones.new)
        follow = ones.learn(ending.offered)
        placed.runs, placed.singles = placed.runs + 1, placed.singles + alike
        placed.equal += ending.same
        if kinds is not Kinds.SINGLES and not by_people(first.it):
            placed.pairs += alike * follow
        if ending.broken:
            placed.breaks(first.it)
        elif first in go_on:
            _seconds(placed, first.it, distinct(ending.offered), kinds)
    return placed


def _of_pairs(places: Sequence[tuple[Place, int]], kinds: Kinds) -> set[Place]:
    """Where a fault of a pair is placed."""
    faults = [place for place, _ in places if not by_people(place.it)]
    return {Kinds.SINGLES: set(), Kinds.PAIRS: edges(faults), Kinds.WHOLE: set(faults)}[kinds]


def _seconds(
    placed: Placed,
    first: Deviation,
    offered: Sequence[tuple[Place, int]],
    kinds: Kinds,
) -> None:
    for second in sorted(_of_pairs(offered, kinds), key=lambda place: place.it):
        placed.runs += 1
        if perform(placed.base, first, second.it, offers=False).broken:
            placed.breaks(first, second.it)
