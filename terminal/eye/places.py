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

from terminal.eye.pictures import SMALL_PX, affine, cut
from terminal.eye.seen import View

Field: TypeAlias = Any  # NDArray[float32]
Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in px."""

PLACES = 2
MAP_PX = 320  # the frame's longer side in the map of edges
NEAR = 15  # blocks of that map over which edges are dense
LEVELS = (0.55, 0.75)  # of the densest place: a patch may stand on a lesser one
SAME = 0.6  # boxes that share so much of their area are one
BAND_PX = 40  # bars over less are none
COHERENCE_MIN = 0.35  # of the edges' direction: below it the patch has no bars
BAND_LEVEL = 0.3  # of the strongest edges along the bars
BAND_NEAR = 0.12  # of the box: over so much are they averaged


@dataclass(frozen=True, slots=True)
class Band:
    """Bars, upright. `width`: how many px the code is across, about."""

    view: View
    width: float


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
    found = sorted(_patches(dense), reverse=True)
    boxes: list[Box] = []
    for _, (left, top, right, bottom) in found:
        px = block * scale
        box = (left * px, top * px, right * px, bottom * px)
        if all(_shared(box, other) < SAME for other in boxes):
            boxes.append(box)
        if len(boxes) == PLACES:
            break
    return boxes


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
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0, wide) * max(0, high)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / max(1, areas - both)


# -- bars set upright -----------------------------------------------------------------------------------


def upright(frame: memoryview, box: Box) -> Band | None:
    """The bars in the box: their direction, the slope of the band they form, and the band alone."""
    piece, left, top = cut(frame, box)
    if min(piece.shape) < 16:
        return None
    smooth = cv2.GaussianBlur(piece, (0, 0), 1.0).astype(np.float32)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    core = np.zeros(piece.shape, bool)
    core[box[1] - top : box[3] - top, box[0] - left : box[2] - left] = True
    angle, _ = _direction(across[core], down[core])
    near = max(9, int(max(box[2] - box[0], box[3] - box[1]) * BAND_NEAR) | 1)
    for _ in range(2):  # the direction of the band's own edges is better than that of all
        band = _band(across, down, angle, near)
        angle, coherence = _direction(across[band], down[band])
    if coherence < COHERENCE_MIN:
        return None
    return _cut_upright(piece, band, angle, near, (left, top))


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


def _cut_upright(
    piece: Field, band: NDArray[np.bool_], angle: float, near: int, corner: tuple[int, int]
) -> Band | None:
    """The band with one affine step. Its x runs along the code, its y along the bars."""
    y, x = np.nonzero(band)
    across, along = (
        np.array([np.cos(angle), np.sin(angle)]),
        np.array([-np.sin(angle), np.cos(angle)]),
    )
    place, height = x * across[0] + y * across[1], x * along[0] + y * along[1]
    middle = place.mean(), height.mean()
    place, height = place - middle[0], height - middle[1]
    slope = float((place * height).sum() / ((place**2).sum() + 1e-6))
    first, last = np.percentile(place, (0.5, 99.5))
    low, high = np.percentile(height - slope * place, (4, 96))
    width = float(last - first)
    if width < BAND_PX or abs(slope) > 1.5:
        return None
    scale = 2 if width > SMALL_PX else 3
    edge = width * 0.12 + near / 2
    right = across + slope * along
    origin = middle[0] * across + middle[1] * along + right * (first - edge) + along * low
    to_piece = np.column_stack([right / scale, along / scale, origin])
    size = int((width + 2 * edge) * scale), int(max(8, (high - low) * scale))
    picture = cv2.warpAffine(
        piece,
        to_piece,
        size,
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    to_frame = to_piece + np.array([[0, 0, corner[0]], [0, 0, corner[1]]])
    return Band(View("band", picture, affine(to_frame), scale), width * scale)
