"""Pictures made of pictures, for the readers: reduced, enlarged, sharpened, made black and white."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.eye.seen import Affine, View

Picture: TypeAlias = Any  # NDArray[uint8] (rows, cols), or what lies in memory like one

MARGIN = 0.18  # round a box, of its longer side
SMALL_PX, LARGE_PX = 250, 700  # a piece below is enlarged three times, above not at all
SQUARE_PX = 400
GAMMA = 2.2  # of what a camera delivers

cv2.setNumThreads(
    1
)  # the daemon's other threads need the cores; on small pictures threads only cost


def half(frame: Picture) -> View:
    """Four px averaged to one."""
    rows, cols = frame.shape
    size = max(1, cols // 2), max(1, rows // 2)
    picture = cv2.resize(np.asarray(frame), size, interpolation=cv2.INTER_AREA)
    return View("half", picture, (2, 0, 0, 0, 2, 0))


def cut(frame: Picture, box: tuple[int, int, int, int]) -> tuple[NDArray[np.uint8], int, int]:
    """The box with a margin, as a window into the frame, and its left and top."""
    left, top, right, bottom = box
    more = int(max(right - left, bottom - top) * MARGIN) + 8
    left, top = max(0, left - more), max(0, top - more)
    return np.asarray(frame)[top : bottom + more, left : right + more], left, top


def enlarged(frame: Picture, box: tuple[int, int, int, int]) -> View:
    """The box with a margin, two or three px for one when it is small, from black to white."""
    piece, left, top = cut(frame, box)
    size = max(piece.shape)
    scale = 1 if size > LARGE_PX else 2 if size > SMALL_PX else 3
    picture: Picture = piece
    if scale > 1:
        picture = cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return View("piece", stretched(picture), (1 / scale, 0, left, 0, 1 / scale, top), scale)


def stretched(picture: Picture) -> Picture:
    """From black to white, but for the last hundredth on either side."""
    dark, light = np.percentile(picture[::2, ::2], (1, 99))
    curve = (np.arange(256) - dark) * (255 / max(8, light - dark))
    return cv2.LUT(picture, np.clip(curve, 0, 255).astype(np.uint8))


def rectified(frame: Picture, corners: NDArray[np.float32]) -> View:
    """A square of the four corners, with a margin."""
    edge = SQUARE_PX * 0.12
    far = SQUARE_PX - edge
    square = np.array([[edge, edge], [far, edge], [far, far], [edge, far]], np.float32)
    flat = cv2.warpPerspective(
        np.asarray(frame),
        cv2.getPerspectiveTransform(corners, square),
        (SQUARE_PX, SQUARE_PX),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    back = cv2.getAffineTransform(square[:3], corners[:3])
    return View("square", stretched(flat), affine(back))


def affine(rows: NDArray[np.generic]) -> Affine:
    a, b, c, d, e, f = map(float, np.asarray(rows).ravel())
    return a, b, c, d, e, f


def smooth(picture: Picture, sigma: float) -> Picture:
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def sharp(picture: Picture, sigma: float, amount: float) -> Picture:
    return cv2.addWeighted(picture, 1 + amount, smooth(picture, sigma), -amount, 0)


def in_light(picture: Picture) -> Picture:
    """Gray values to amounts of light. Blur mixes light: half of black and white is gray 186, not 128."""
    return cv2.LUT(picture, _LIGHT)


def black_and_white(picture: Picture) -> Picture:
    return cv2.adaptiveThreshold(
        np.asarray(picture), 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 51, 5
    )


def near_threshold(picture: Picture, scale: int) -> Picture:
    """Black and white by the weighted neighbourhood of a few modules."""
    near = (20 * scale) | 1
    return cv2.adaptiveThreshold(
        picture, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, near, 4
    )


_LIGHT = (255 * np.linspace(0, 1, 256) ** GAMMA).round().astype(np.uint8)
