"""Whether anything is there: a small picture of the frame beside that of the empty counter, 0.1 ms.

The empty counter is learned: what stood still while a whole round of stages read nothing in it. Then only the
part that differs is looked at, so a tiled counter or a receipt on it costs nothing and misleads nobody. Slow
changes of the light are followed.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np

Small: TypeAlias = Any  # NDArray[uint8]
Box: TypeAlias = tuple[int, int, int, int]

BLOCK_PX = 16
EVERY_ROW = 2  # of the frame's rows, so many are looked at
CHANGED = 12  # gray levels between two blocks that are not the same
BLOCKS_MIN = 3  # so many changed blocks are something
MARGIN_PX = 64  # round what changed: a code's border may look like the counter
STILL_FRAMES = 90  # so long nothing moves before a scene is learned: six rounds of stages
FOLLOW = 0.05  # of the new light in each frame


class Gate:
    def __init__(self) -> None:
        self._empty: Small | None = None
        self._before: Small | None = None
        self._now: Small | None = None
        self._still = 0

    def area(self, frame: memoryview) -> Box | None:
        """The part of the frame that is not the empty counter; None when there is none."""
        rows, cols = frame.shape or (0, 0)
        size = max(1, cols // BLOCK_PX), max(1, rows // BLOCK_PX)
        thin = np.asarray(frame)[::EVERY_ROW]
        self._before, self._now = self._now, cv2.resize(thin, size, interpolation=cv2.INTER_AREA)
        self._still = self._still + 1 if _box(self._before, self._now) is None else 0
        whole = (0, 0, cols, rows)
        if self._empty is None or self._empty.shape != self._now.shape:
            return whole
        box = _box(self._empty, self._now)
        if box is None:
            cv2.addWeighted(self._empty, 1 - FOLLOW, self._now, FOLLOW, 0, dst=self._empty)
            return None
        left, top, right, bottom = (side * BLOCK_PX for side in box)
        return (
            max(0, left - MARGIN_PX),
            max(0, top - MARGIN_PX),
            min(cols, right + MARGIN_PX),
            min(rows, bottom + MARGIN_PX),
        )

    def learn(self) -> None:
        """A whole round read nothing: what stands still is the empty counter."""
        if self._still >= STILL_FRAMES and self._now is not None:
            self._empty = self._now.copy()


def _box(one: Small | None, other: Small) -> Box | None:
    """Where two small pictures differ, in blocks; None when they are the same but for noise."""
    rows, cols = other.shape
    if one is None or one.shape != other.shape:
        return 0, 0, cols, rows
    changed = cv2.threshold(cv2.absdiff(one, other), CHANGED, 255, cv2.THRESH_BINARY)[1]
    if cv2.countNonZero(changed) < BLOCKS_MIN:
        return None
    left, top, wide, high = cv2.boundingRect(changed)
    return left, top, left + wide, top + high
