"""A key matrix: from snapshots of its closed contacts to keys, each press once. Pure; the clock is the caller's.

A *snapshot* is the set of the places (row, column) that read closed. Metal bounces, and without diodes it also
lies: three keys at the corners of a rectangle close the fourth corner as well. So two classes:

`Contacts` believes places. A change counts when `agree` snapshots in a row show it (F76). An open place is open;
a closed one may be such a *ghost*, so while a place that is not believed yet completes a rectangle, nothing
new is believed (F78). Two keys at a time are always certain, more when they make no rectangle.

`Meanings` makes keys of believed places. Most keys count when they go down. Two kinds wait:
- CANCEL counts when it comes up or another key goes down, and becomes CLEAR when it is held (counter.md).
- On a pad with one column fewer than the layout, a key of `shift` counts when it comes up; when it is *held*, any
  key of a row means what stands in that row's last column of the layout.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from terminal.core.events import Key

AGREE = 2
HOLD_MS = 800  # CANCEL becomes CLEAR (counter.md)
SHIFT_MS = 300  # shorter is fast typing, where one key goes down before the last is up
STUCK_MS = 60_000  # F77

Place = tuple[int, int]  # row, column


class Change(NamedTuple):
    """What one snapshot changed."""

    ups: list[Place]
    downs: list[Place]
    stuck: list[Place]


class Contacts:
    """Debounce, ghosts and stuck keys. `agree` snapshots must span more time than a contact bounces."""

    def __init__(self, agree: int = AGREE) -> None:
        self.stuck: frozenset[Place] = frozenset()
        self._agree = agree
        self._lately: deque[frozenset[Place]] = deque(maxlen=agree)
        self._down: set[Place] | None = None
        self._against: dict[
            Place, int
        ] = {}  # how many snapshots in a row contradict what is believed
        self._since_ms: dict[Place, int] = {}  # when the place began to read closed

    def see(self, closed: Collection[Place], now_ms: int) -> Change:
        seen = frozenset(closed)
        if self._down is None:
            self._down = set(seen)  # what is down at the start was not pressed now
        turned = self._turned(seen, self._down)
        ups, downs = sorted(turned & self._down), sorted(turned - self._down)
        self._down ^= turned
        return Change(ups, downs, sorted(self._newly_stuck(seen, self._down, now_ms)))

    def _turned(self, seen: frozenset[Place], down: set[Place]) -> set[Place]:
        contrary = seen ^ down
        self._lately.append(seen)
        # A scan that a bounce tears shows the ghost without its rectangle: the corners come one scan later. So all
        # that was closed lately counts, and their count starts again afterwards.
        if ghosts(frozenset().union(*self._lately), seen - down):
            contrary -= seen
        self._against = {place: self._against.get(place, 0) + 1 for place in contrary}
        turned = {place for place, times in self._against.items() if times >= self._agree}
        for place in turned:
            del self._against[place]  # the next change is counted from its first snapshot
        return turned

    def _newly_stuck(
        self, seen: frozenset[Place], down: set[Place], now_ms: int
    ) -> frozenset[Place]:
        self._since_ms = {place: self._since_ms.get(place, now_ms) for place in seen | down}
        stuck = frozenset(
            place for place, since_ms in self._since_ms.items() if now_ms - since_ms >= STUCK_MS
        )
        down |= stuck  # a ghost that stays is believed too, silently, so that the others work again
        new, self.stuck = stuck - self.stuck, stuck
        return new


def ghosts(closed: Collection[Place], fresh: Iterable[Place]) -> bool:
    """Whether one of the `fresh` places may be closed only by way of three others."""
    return any(
        (row, other_column) in closed and (other_row, column) in closed
        for row, column in fresh
        for other_row, other_column in closed
        if other_row != row and other_column != column
    )


class Meanings:
    """What the places mean, in the order in which people meant it."""

    def __init__(
        self, layout: Sequence[Sequence[Key]], columns: int, shift: Collection[Key] = ()
    ) -> None:
        self._layout = layout
        self._shifts = frozenset(shift if len(layout[0]) > columns else ())
        self._cancel: Place | None = None
        self._cancel_ms = 0
        self._shift: Place | None = None
        self._shift_ms = 0
        self._shift_used = False

    def key(self, place: Place) -> Key:
        """What is printed there."""
        row, column = place
        return self._layout[row][column]

    def down(self, place: Place, now_ms: int) -> list[Key]:
        key, shifted = self.key(place), self._shifting(now_ms)
        if shifted:
            key = self._layout[place[0]][-1]
            self._shift_used = True
        if key is Key.OK and self._cancel is not None:
            return []  # F79: of the two CANCEL is meant
        keys = self._taps()
        if key is Key.CANCEL:
            self._cancel, self._cancel_ms = place, now_ms
        elif key in self._shifts and not shifted:
            self._shift, self._shift_ms, self._shift_used = place, now_ms, False
        else:
            keys.append(key)
        return keys

    def up(self, place: Place) -> list[Key]:
        if place == self._cancel:
            self._cancel = None
            return [Key.CANCEL]
        if place == self._shift:
            self._shift = None
            return [] if self._shift_used else [self.key(place)]
        return []

    def held(self, now_ms: int) -> list[Key]:
        if self._cancel is None or now_ms - self._cancel_ms < HOLD_MS:
            return []
        self._cancel = None
        return [Key.CLEAR]

    def forget(self, place: Place) -> None:
        """The key there is stuck: nobody holds it."""
        if place == self._shift:
            self._shift = None

    def _shifting(self, now_ms: int) -> bool:
        if self._shift is None:
            return False
        return self._shift_used or now_ms - self._shift_ms >= SHIFT_MS

    def _taps(self) -> list[Key]:
        """Another key goes down: what waits was not held, and came first."""
        keys = []
        if self._shift is not None and not self._shift_used:
            keys.append(self.key(self._shift))
            self._shift = None
        if self._cancel is not None:
            keys.append(Key.CANCEL)
            self._cancel = None
        return keys


class Matrix:
    """Rows of Key values as printed, at most one column more than the pad has (see `shift`)."""

    def __init__(
        self,
        layout: Sequence[Sequence[Key]],
        columns: int,
        shift: Collection[Key] = (),
        agree: int = AGREE,
    ) -> None:
        self._contacts = Contacts(agree)
        self._meanings = Meanings(layout, columns, shift)

    def scan(self, closed: Collection[Place], at_ms: int) -> list[Key]:
        """The keys that this snapshot completes. `at_ms`: boot time; each scan later than the last."""
        change = self._contacts.see(closed, at_ms)
        keys = [key for place in change.ups for key in self._meanings.up(place)]
        # F79: of two keys in one snapshot CANCEL goes first, so that it can hold off OK.
        for place in sorted(
            change.downs, key=lambda each: self._meanings.key(each) is not Key.CANCEL
        ):
            keys += self._meanings.down(place, at_ms)
        for place in change.stuck:
            self._meanings.forget(place)
        return keys + self._meanings.held(at_ms)

    @property
    def stuck(self) -> tuple[Key, ...]:
        """The keys that have been down for STUCK_MS. They are ignored until they come up."""
        return tuple(self._meanings.key(place) for place in sorted(self._contacts.stuck))
