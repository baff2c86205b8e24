"""Where a code may be, and the views of that place which the readers get: cut out, enlarged, set upright.

A code is a patch of dense edges. It is looked for in the frame at half its size: a Sobel filter, its strength
in blocks, and the patches that stand out; 1.5 ms for 1280 x 720. Bars have one direction, which is measured
(structure tensor) together with the slope of the whole band, for under perspective the bars do not stand at
right angles to the code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.eye.pictures import LARGE_PX, SMALL_PX, affine, cut
from terminal.eye.seen import View

Field: TypeAlias = Any  # NDArray[float32]
Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in px."""

PLACES = 3
MAP_PX = 320  # the frame's longer side in the map of edges
NEAR = 15  # blocks of that map over which edges are dense
LEVELS = (0.55, 0.75)  # of the densest place: a patch may stand on a lesser one
SAME = 0.6  # boxes that share so much of their area are one
BAND_MAP_PX = 400  # the longer side of the picture in which bars are measured
BAND_ROWS_MAX = 200
BAND_PX = 40  # bars over less are none
COHERENCE_MIN = 0.35  # of the edges' direction: below it the patch has no bars
BAND_LEVEL = 0.3  # of the strongest edges along the bars
BAND_NEAR = 0.12  # of the box: over so much are they averaged


@dataclass(frozen=True, slots=True)
class Band:
    """Bars, upright. `width`: how many px the code is across, about."""

    view: View
    width: float


@dataclass(frozen=True, slots=True)
class Shape:
    """A band in a piece: its upper left end, the ways along the code and along the bars, and px of each."""

    origin: Field
    right: Field
    along: Field
    width: float
    height: float
    edge: float  # more at either end


# -- where ----------------------------------------------------------------------------------------------


def locate(view: View) -> list[Box]:
    """The densest patches of edges in a view of the whole frame, best first, in px of the frame."""
    picture, scale = np.asarray(view.picture), int(view.to_frame[0])
    rows, cols = picture.shape
    block = max(1, round(max(rows, cols) / MAP_PX))
    if rows < 8 or cols < 8:
        return []
    across = cv2.convertScaleAbs(cv2.Sobel(picture, cv2.CV_16S, 1, 0), alpha=0.25)
    down = cv2.convertScaleAbs(cv2.Sobel(picture, cv2.CV_16S, 0, 1), alpha=0.25)
    size = (max(1, cols // block), max(1, rows // block))
    edges = cv2.resize(cv2.add(across, down), size, interpolation=cv2.INTER_AREA)
    dense = cv2.blur(edges, (NEAR, NEAR))
    dense = cv2.subtract(dense, np.full_like(dense, int(np.median(dense)) // 2))
    px = block * scale
    found = sorted(_patches(dense), reverse=True)
    boxes = [(box[0] * px, box[1] * px, box[2] * px, box[3] * px) for _, box in found]
    return _apart(boxes)[:PLACES]


def _apart(boxes: list[Box]) -> list[Box]:
    """What lies elsewhere comes before a part of a better box: a long receipt must not hide the phone."""
    apart: list[Box] = []
    parts: list[Box] = []
    for box in boxes:
        if all(_shared(box, other) < SAME for other in apart + parts):
            (parts if any(_inside(box, other) for other in apart) else apart).append(box)
    return apart + parts


def _patches(dense: Field) -> Iterator[tuple[float, Box]]:
    """Every patch above a level, with how much speaks for it: large, dense, filling its box."""
    peak = float(dense.max())
    for level in LEVELS:
        over = (dense > max(4.0, level * peak)).astype(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(over)
        for number, (left, top, wide, high, area) in enumerate(stats.tolist()[1:], 1):
            if wide < 6 or high < 5:
                continue
            box = slice(top, top + high), slice(left, left + wide)
            mean = cv2.mean(dense[box], (labels[box] == number).astype(np.uint8))[0]
            yield area * mean * area / (wide * high), (left, top, left + wide, top + high)


def _shared(one: Box, other: Box) -> float:
    """The area of both, as a share of the area of either."""
    both = _common(one, other)
    return both / max(1, _area(one) + _area(other) - both)


def _inside(box: Box, other: Box) -> bool:
    return _common(box, other) >= SAME * _area(box)


def _common(one: Box, other: Box) -> int:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, wide) * max(0, high)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


# -- bars set upright -----------------------------------------------------------------------------------


def upright(frame: memoryview, box: Box) -> Band | None:
    """The bars in the box: their direction, the slope of the band they form, and the band alone."""
    piece, left, top = cut(frame, box)
    shrink = -(-max(piece.shape) // BAND_MAP_PX)
    small = piece if shrink == 1 else _reduced(piece, shrink)
    if min(small.shape) < 16:
        return None
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0).astype(np.float32)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    inner = [side // shrink for side in (box[0] - left, box[1] - top, box[2] - left, box[3] - top)]
    core = (slice(inner[1], inner[3]), slice(inner[0], inner[2]))
    angle, _ = _direction(across[core].ravel(), down[core].ravel())
    near = max(9, int(max(inner[2] - inner[0], inner[3] - inner[1]) * BAND_NEAR) | 1)
    for _ in range(2):  # the direction of the band's own edges is better than that of all
        band = _band(across, down, angle, near)
        angle, coherence = _direction(across[band], down[band])
    if coherence < COHERENCE_MIN:
        return None
    shape = _shape(band, angle, near)
    return _cut_upright(piece, shape, shrink, (left, top)) if shape else None


def _reduced(piece: Field, shrink: int) -> Field:
    size = max(1, piece.shape[1] // shrink), max(1, piece.shape[0] // shrink)
    return cv2.resize(piece, size, interpolation=cv2.INTER_AREA)


def _direction(across: Field, down: Field) -> tuple[float, float]:
    """The angle of the edges' gradients in radians, and 0..1 how much they agree."""
    xx, yy, xy = (float(np.vdot(a, b)) for a, b in ((across, across), (down, down), (across, down)))
    coherence = float(np.hypot(xx - yy, 2 * xy)) / (xx + yy + 1e-6)
    return float(np.arctan2(2 * xy, xx - yy)) / 2, coherence


def _band(across: Field, down: Field, angle: float, near: int) -> NDArray[np.bool_]:
    """The largest patch where edges lie along the bars and not across them."""
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    along, other = np.abs(across * cos + down * sin), np.abs(down * cos - across * sin)
    strength = cv2.blur(
        np.maximum(cv2.blur(along, (5, 5)) - cv2.blur(other, (5, 5)), 0), (near, near)
    )
    over = (strength > BAND_LEVEL * float(strength.max())).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(over)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()) if count > 1 else 0
    band: NDArray[np.bool_] = labels == largest
    return band


def _shape(band: NDArray[np.bool_], angle: float, near: int) -> Shape | None:
    """Where the band lies: its x runs along the code, its y along the bars."""
    y, x = np.nonzero(band)
    across = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-np.sin(angle), np.cos(angle)])
    place, height = x * across[0] + y * across[1], x * along[0] + y * along[1]
    middle = place.mean(), height.mean()
    place, height = place - middle[0], height - middle[1]
    slope = float((place * height).sum() / ((place**2).sum() + 1e-6))
    first, last = np.percentile(place, (0.5, 99.5))
    low, high = np.percentile(height - slope * place, (4, 96))
    if last - first < BAND_PX or abs(slope) > 1.5:
        return None
    right = across + slope * along
    edge = (last - first) * 0.12 + near / 2
    origin = middle[0] * across + middle[1] * along + right * (first - edge) + along * low
    return Shape(origin, right, along, float(last - first), float(high - low), float(edge))


def _cut_upright(piece: Field, shape: Shape, shrink: int, corner: tuple[int, int]) -> Band:
    """The band with one affine step. `shape` was measured on a picture `shrink` times smaller."""
    width = shape.width * shrink
    scale = 1 if width > LARGE_PX else 2 if width > SMALL_PX else 3
    wide = int((shape.width + 2 * shape.edge) * shrink * scale)
    high = int(np.clip(shape.height * shrink * scale, 8, BAND_ROWS_MAX))
    row = shape.along * (shape.height * shrink / high)
    to_piece = np.column_stack([shape.right / scale, row, shape.origin * shrink])
    picture = cv2.warpAffine(
        piece,
        to_piece,
        (wide, high),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    to_frame = to_piece + np.array([[0, 0, corner[0]], [0, 0, corner[1]]])
    return Band(View("band", picture, affine(to_frame), scale), width * scale)
