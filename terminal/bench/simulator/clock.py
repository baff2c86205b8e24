"""Virtual time: what comes next, boot time that starts anew, and a wall clock that nobody may believe (I12)."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count
from typing import Any

YEAR_MS = 31_557_600_000
START_UTC_MS = 1_790_000_000_000  # late 2026
BOOTED_MS = -50_000  # the terminal had been up for a while when the story begins
WALL_STEP_MS = 60_000  # how often the wall clock may jump


class Clock:
    """`terminal.clock.Time`, and the heap. `now_ms` is the world's own time, which only goes forward.

    `steps`: the wall clock jumps by up to 30 years, drawn from a source of its own, so that a story with and
    one without jumps are the same story (I12)."""

    def __init__(self, seed: int, *, steps: bool) -> None:
        self.now_ms = 0
        self.boot_id = "boot-1"
        self.untrusted_until_ms = 0
        self._booted_ms = BOOTED_MS
        self._boots = 1
        self._wall = random.Random(f"wall {seed}")
        self._off_ms = 0
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = count()
        if steps:
            self.later(WALL_STEP_MS, self.step_wall)

    # -- what comes next ---------------------------------------------------------------------------------

    def later(self, wait_ms: int, action: Callable[..., None], *words: Any) -> None:
        """`action(*words)` then. A method and plain words, no closure: what is to come can be compared."""
        heapq.heappush(self._heap, (self.now_ms + wait_ms, next(self._number), action, words))

    @property
    def next_ms(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    @property
    def to_come(self) -> list[tuple[int, int, Callable[..., None], tuple[Any, ...]]]:
        """When, in which order of saying so, what, with which words."""
        return self._heap

    def pass_to(self, at_ms: int) -> None:
        self.now_ms = max(self.now_ms, at_ms)

    def turn(self) -> None:
        """What comes next happens."""
        at_ms, _, action, words = heapq.heappop(self._heap)
        if at_ms > self.now_ms:
            self.now_ms = at_ms
        action(*words)

    # -- terminal.clock.Time -------------------------------------------------------------------------------

    def boot_ms(self) -> int:
        return self.now_ms - self._booted_ms

    def utc_ms(self) -> int:
        return START_UTC_MS + self.now_ms + self._off_ms

    def is_trusted(self) -> bool:
        return self.now_ms >= self.untrusted_until_ms

    def label(self, utc_ms: int) -> str:
        return str(utc_ms)

    # -- what happens to clocks ----------------------------------------------------------------------------

    def of_boot(self, boot_ms: int) -> int:
        """The world's time of a boot time."""
        return boot_ms + self._booted_ms

    def reboot(self) -> None:
        self._boots += 1
        self.boot_id = f"boot-{self._boots}"
        self._booted_ms = self.now_ms - 8_000

    def step_wall(self) -> None:
        self._off_ms = int(self._wall.uniform(-30, 30) * YEAR_MS)
        if self._heap:  # the world is still going
            self.later(WALL_STEP_MS, self.step_wall)
