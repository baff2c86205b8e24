"""Every single misfortune and every pair of them, at every decision point of base sales (reliability.md 0.5).

A base is one sale, smooth but for what it is about: who pays how, at which gateway, and whether the money goes
back. A misfortune is each way that the dice could have come out otherwise. After the last one the scene is
looked at: if it is as one was before (state.py), the rest is the same, and with it all that could follow.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from terminal.bench.simulator.dice import Deviation, Place, Script
from terminal.bench.simulator.story import Ending, play

CUSTOMERS = ("",) * 4 + ("shows a code",) * 3 + ("is refused", "pays less")
WALLETS = ("", "", "", "declines", "asks for the PIN")
RETURNS = ("", "", "", "refund", "void")
RETURN_AT = 4  # at this look of the weather somebody sits down at terminalctl


# What people do is part of the bases and of the single misfortunes; a pair is two faults of things.
PEOPLE = ("operator", "customer", "code", "wallet", "terminalctl")


@dataclass
class Placed:
    """`singles`, `pairs`: placements of which it is shown that no rule breaks. `runs`: stories played for that,
    `equal` of them only to where they were as one before; the other placements are alike by `Place.alike`."""

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
    new: Callable[[bytes], bool] | None = None,
) -> Ending:
    script = Script(base, {it.number: it.way for it in forced}, given(base))
    return play(base, script=script, wall_steps=False, keep_story=keep_story, new=new)


class Seen:
    """Digests of scenes, and how many placements follow from each."""

    def __init__(self) -> None:
        self.follow: dict[bytes, int] = {}
        self.last = b""

    def new(self, digest: bytes) -> bool:
        self.last, known = digest, digest in self.follow
        self.follow.setdefault(digest, 0)
        return not known


def distinct(offered: Sequence[Place]) -> Iterator[tuple[Deviation, int]]:
    """One of each that are alike, and how many those are."""
    times = Counter(place.alike for place in offered if place.alike)
    for place in offered:
        if place.alike is None or place.alike in times:
            yield place.it, times.pop(place.alike, 1)


def place(base: int, *, pairs: bool) -> Placed:
    """All single misfortunes of this base, and with `pairs` each second one after each first."""
    placed, ones, twos = Placed(base), Seen(), Seen()
    smooth = perform(base)
    placed.runs += 1
    if smooth.broken:
        placed.breaks()
    for first, alike in distinct(smooth.offered):
        ending = perform(base, first, new=ones.new)
        placed.runs, placed.singles = placed.runs + 1, placed.singles + alike
        if ending.broken:
            placed.breaks(first)
        elif ending.same:
            placed.equal += 1
        elif pairs and not first.what.startswith(PEOPLE):
            ending_faults = [it for it in ending.offered if not it.it.what.startswith(PEOPLE)]
            ones.follow[ones.last] = len(ending_faults)
            _seconds(placed, first, ending_faults, twos)
        if not first.what.startswith(PEOPLE):
            placed.pairs += alike * ones.follow[ones.last]
    return placed


def _seconds(placed: Placed, first: Deviation, offered: list[Place], seen: Seen) -> None:
    for second, _ in distinct(offered):
        ended = perform(placed.base, first, second, new=seen.new)
        placed.runs, placed.equal = placed.runs + 1, placed.equal + ended.same
        if ended.broken:
            placed.breaks(first, second)
