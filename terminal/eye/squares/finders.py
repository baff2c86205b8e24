"""QR codes by their finder patterns, each seen as a whole.

zxing-cpp follows a line through a finder, and knows none that a reflection touches or that has grown pale. Here
a picture of one is laid over every place, in several sizes and at all angles at once. Two that are found say
where the third must be.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.eye.readers import Square
from terminal.eye.squares import grid
from terminal.eye.squares.layout import VERSIONS, layout, level_and_mask

Field: TypeAlias = Any  # NDArray[float32]
Peak: TypeAlias = tuple[float, Field, float]
"""How like a finder (below 0: light on dark), its middle, and px for a module."""

MODULES_PX = (3.0, 4.0, 5.0, 6.3, 8.0, 10.0, 12.5)  # that are looked for
PX = 3  # for a module, in the picture of a finder
PEAKS = 5
LIKE_MIN = 0.42
APART = 4  # modules between the middles of two finders, at least
LEGS_MAX = 1.6  # the longer by the shorter, from the corner's finder to the others
COS_MAX = 0.55  # of the angle between them
GUESSES = 3  # that are looked at closely
FIT_MIN = 0.55


def squares_by_finders(picture: Field) -> Iterator[Square]:
    """Codes that may be there, the likeliest first."""
    guesses = []
    for corner, right, below, module in _threes(_peaks(picture)):
        legs = np.linalg.norm(right - corner), np.linalg.norm(below - corner)
        about = round((float(max(legs)) / module + 7 - 17) / 4)
        for version in range(max(1, about - 1), min(VERSIONS, about + 1) + 1):
            fixed = layout(version, "M").fixed
            corners = _corners(corner, right, below, len(fixed))
            guesses.append((grid.fit(picture, corners, fixed), version, corners))
    guesses.sort(key=lambda guess: -guess[0])
    for _, version, corners in guesses[:GUESSES]:
        fixed = layout(version, "M").fixed
        corners, fit = grid.fitted(picture, corners, fixed)
        if fit > FIT_MIN:
            dark, _ = grid.modules(grid.grays(picture, corners, len(fixed)), fixed, 0.5)
            level, mask = level_and_mask(dark)
            yield Square(tuple((float(x), float(y)) for x, y in corners), version, level, mask)


def _peaks(picture: Field) -> list[Peak]:
    """The places that are most like a finder, all of one kind."""
    found: list[Peak] = []
    for module in MODULES_PX:
        share = PX / module
        small = cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        if min(small.shape) < len(_FINDER):
            break
        like = cv2.matchTemplate(small.astype(np.float32), _FINDER, cv2.TM_CCOEFF_NORMED)
        strength = np.abs(like)
        highest = strength == cv2.dilate(strength, np.ones((PX, PX), np.uint8))
        rows, cols = np.nonzero(highest & (strength > LIKE_MIN))
        middles = (np.column_stack([cols, rows]) + len(_FINDER) / 2) / share
        found += zip(like[rows, cols].tolist(), middles, [module] * len(rows), strict=True)
    found.sort(key=lambda peak: -abs(peak[0]))
    kept: list[Peak] = []
    for peak in found:
        far = all(np.linalg.norm(peak[1] - other[1]) > APART * peak[2] for other in kept)
        if far and peak[0] * found[0][0] > 0 and len(kept) < PEAKS:
            kept.append(peak)
    return kept


def _threes(peaks: list[Peak]) -> Iterator[tuple[Field, Field, Field, float]]:
    """Corner, right and below of it, px for a module: three that were found, or two and where the third would be."""
    for (_, a, size), (_, b, other) in permutations(peaks, 2):
        module, way = (size + other) / 2, b - a
        turned = np.array([-way[1], way[0]])
        yield a, b, a + turned, module
        yield a, a - turned, b, module
        yield (a + b + turned) / 2, a, b, module
    for (_, a, first), (_, b, second), (_, c, third) in permutations(peaks, 3):
        right, below = b - a, c - a
        legs = float(np.linalg.norm(right)), float(np.linalg.norm(below))
        clockwise = right[0] * below[1] - right[1] * below[0] > 0
        square = abs(float(right @ below)) < COS_MAX * legs[0] * legs[1]
        if clockwise and square and max(legs) < LEGS_MAX * min(legs):
            yield a, b, c, (first + second + third) / 3


def _corners(corner: Field, right: Field, below: Field, side: int) -> Field:
    """Of the code, from the middles of its finders."""
    across, down = (right - corner) / (side - 7), (below - corner) / (side - 7)
    start = corner - 3.5 * (across + down)
    ends = start, start + side * across, start + side * (across + down), start + side * down
    return np.array(ends, np.float32)


def _finder() -> NDArray[np.float32]:
    """What finders at all angles have in common, with the light border."""
    line = np.arange(-4.5 * PX + 0.5, 4.5 * PX)
    x, y = np.meshgrid(line, line)
    pictures = []
    for angle in np.radians(np.arange(0, 90, 7.5)):
        across, down = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        away = np.maximum(np.abs(across), np.abs(down)) / PX
        pictures.append(np.where((away < 1.5) | ((away > 2.5) & (away < 3.5)), -1.0, 1.0))
    mean = np.mean(pictures, axis=0)
    return np.where(np.hypot(x, y) < 4.5 * PX, mean, 0).astype(np.float32)


_FINDER = _finder()
