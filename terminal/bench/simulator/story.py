"""One seed, played; and when it fails: shortened, and told.

A story is shortened by dropping one deviation after the other while the same rule still breaks. What is left
is (nearly) the smallest set of misfortunes that the rule cannot bear.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from terminal.bench.simulator.checkers import Broken
from terminal.bench.simulator.dice import Deviation, Dice, Place, Script
from terminal.bench.simulator.ledger import Ways
from terminal.bench.simulator.scene import IsNew, Scene, Tally
from terminal.core.sale import Order

SHORTEN_TRIES_MAX = 1_000
TOLD_MAX = 400  # lines of a story

Dropped = frozenset[int]


@dataclass(frozen=True, slots=True)
class Ending:
    """`broken`: the rule and what broke it; None: all held. `journal`: what it says, less the labels of the wall
    clock, and `last_rows`, how its orders ended. Of a scripted one: `offered`, and `same` (it ended where it was
    known before)."""

    seed: int
    wire: str
    broken: str | None
    rule: str | None
    sales: int
    digest: str
    journal: tuple[str, ...]
    tally: Tally
    ways: Ways
    deviations: tuple[Deviation, ...]
    offered: tuple[Place, ...]
    same: bool
    last_rows: tuple[Order, ...]


@contextmanager
def quiet() -> Iterator[None]:
    """Without the daemon's log, which costs more than the daemon."""
    log = logging.getLogger("terminal")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def play(
    seed: int,
    dropped: Dropped = frozenset(),
    *,
    wall_steps: bool = True,
    keep_story: bool = False,
    script: Script | None = None,
    wire: str = "",
    new: IsNew | None = None,
) -> Ending:
    """One story; with a `script`, the one that it says. `new`: whether a scene is the first of its digest, asked
    after the last thing forced; if not, the story ends there (`same`).

    Only a rule that breaks is caught: any other exception is a fault of the house, or of this
    simulator, and comes out with its trace."""
    dice = script or Dice(seed, dropped)
    scene = Scene(dice, seed, wall_steps=wall_steps, keep_story=keep_story, wire=wire)
    scene.new = new or scene.new
    broken: Broken | None = None
    with quiet():
        try:
            scene.play()
        except Broken as found:
            broken = found
            scene.tell("!!", found)
    ending = Ending(
        seed=seed,
        wire=wire,
        broken=str(broken) if broken else None,
        rule=broken.rule if broken else None,
        sales=len(scene.checkers.sales),
        digest=scene.digest,
        journal=tuple(scene.card.texts),
        tally=scene.tally,
        ways=scene.ways,
        deviations=tuple(dice.deviations),
        offered=tuple(script.offered) if script else (),
        same=scene.same,
        last_rows=tuple(row.order for row in scene.card.tail(1 << 30)),
    )
    vars(scene).clear()  # a ring of references, cut here: what is never collected costs nothing
    return ending


def shorten(ending: Ending) -> Ending:
    """The same broken rule with as few deviations as dropping them can leave: first by halves, at last one by
    one."""
    dropped: Dropped = frozenset()
    best, size, tries = ending, len(ending.deviations) // 2, 0
    while size and tries < SHORTEN_TRIES_MAX:
        before, numbers = best, [it.number for it in best.deviations]
        for at in range(0, len(numbers), size):
            fewer = dropped.union(numbers[at : at + size])
            tried, tries = play(ending.seed, fewer, wire=ending.wire), tries + 1
            if tried.rule == ending.rule and len(tried.deviations) < len(best.deviations):
                dropped, best = fewer, tried
        if best is before:
            size //= 2
    return play(ending.seed, dropped, keep_story=True, wire=ending.wire)


def _words(ending: Ending) -> str:
    codec = f" --codec {ending.wire}" if ending.wire else ""
    return f"--replay {ending.seed}{codec}"


def told(ending: Ending, commit: str, again: str = "") -> str:
    """A failure, for people: seed, commit, the gateway's ways, what went wrong, and everything in order. `again`:
    the words that play it once more, when that is not its seed alone."""
    lines = [
        f"BROKEN {ending.broken}",
        f"seed {ending.seed}  commit {commit}",
        f"replay: scripts/simulate {again or _words(ending)}",
        f"{ending.ways}",
        "deviations:",
        *(f"  {it.number}: {it.what}: {it.way}" for it in ending.deviations),
        "story:",
    ]
    story = [f"  {at_ms / 1000:9.3f} s  {what}" for at_ms, what in ending.tally.story]
    if len(story) > TOLD_MAX:
        story = [f"  ... {len(story) - TOLD_MAX} lines before", *story[-TOLD_MAX:]]
    return "\n".join([*lines, *story])
