"""A look at one frame: the views that the stages ask for. No OpenCV before the first that is not the frame."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from terminal.eye.seen import Seen, View

if TYPE_CHECKING:
    from terminal.eye.places import Band, Box

HALF_FROM_PX = 640  # a frame not longer than this has no px to spare


class Look:
    """Each view is made once, and only when a stage asks for it."""

    def __init__(self, frame: memoryview) -> None:
        self.whole = View("whole", frame)
        self._pieces: dict[int, View | None] = {}
        self._bands: dict[int, Band | None] = {}

    @property
    def frame(self) -> memoryview:
        return self.whole.picture  # type: ignore[no-any-return]

    @cached_property
    def size_px(self) -> int:
        """The longer side."""
        return max(self.frame.shape or (0,))

    @cached_property
    def half(self) -> View:
        from terminal.eye import pictures

        return pictures.half(self.frame)

    @cached_property
    def boxes(self) -> list[Box]:
        """The most likely places of a code, best first."""
        from terminal.eye import places

        large = self.size_px > 2 * places.MAP_PX
        return places.locate(self.half if large else self.whole)

    def piece(self, place: int) -> View | None:
        """The place cut out with a margin and enlarged; None where there is none."""
        from terminal.eye import pictures

        if place not in self._pieces:
            box = self.boxes[place] if place < len(self.boxes) else None
            self._pieces[place] = box and pictures.enlarged(self.frame, box)
        return self._pieces[place]

    def band(self, place: int) -> Band | None:
        """The bars in the place, upright; None where there are none."""
        from terminal.eye import places

        if place not in self._bands:
            box = self.boxes[place] if place < len(self.boxes) else None
            self._bands[place] = box and places.upright(self.frame, box)
        return self._bands[place]


See: TypeAlias = Callable[[Look], list[Seen]]
"""A stage."""
