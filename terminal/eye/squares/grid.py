"""The modules of a QR code between its four corners: which are dark, and how doubtful that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Field: TypeAlias = Any  # NDArray[float32]

STEPS = (0.5, 0.25, 0.12)  # modules by which a corner is moved
SOFTER = 0.6  # of a module: over so much is averaged to find the corners
PASSES = 2  # over all corners with each step
PARTS = (-0.25, 0.0, 0.25)  # of a module's side, from its middle: where it is looked at
CONTRAST_MIN = 16.0  # gray levels from dark to light
SURE = 3.0  # the doubt of a module falls with e to this
BLOB = 0.65  # of the modules around are of one colour: more is no pattern but a spot


def fitted(picture: Field, corners: Field, fixed: NDArray[np.int8]) -> tuple[Field, float]:
    """The corners moved to where the fixed patterns fit best, and how well."""
    best = np.array(corners, np.float32)
    module = _module(best, len(fixed))
    soft = softer(picture, module)
    look = _looking(soft, fixed)
    height = look(best)
    for step in np.repeat(STEPS, PASSES):
        for at, axis, way in np.ndindex(4, 2, 2):
            moved = best.copy()
            moved[at, axis] += (2 * way - 1) * step * module
            if (higher := look(moved)) > height:
                best, height = moved, higher
    return best, height


def fit(picture: Field, corners: Field, fixed: NDArray[np.int8]) -> float:
    """How well the fixed patterns fit there: 0..1, light on dark too."""
    return _looking(picture, fixed)(corners)


def _looking(picture: Field, fixed: NDArray[np.int8]) -> Callable[[Field], float]:
    rows, cols = np.nonzero(fixed)
    known = _unit(fixed[rows, cols].astype(np.float32))
    places = np.column_stack([cols, rows]).astype(np.float32) + 0.5
    return lambda corners: abs(float(_unit(_seen(picture, corners, places, len(fixed))) @ known))


def softer(picture: Field, module: float) -> Field:
    """So soft that a step aside makes a difference."""
    size = max(1, round(SOFTER * module))
    return cv2.blur(picture, (size, size))


def _module(corners: Field, side: int) -> float:
    return float(np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).mean()) / side


def grays(picture: Field, corners: Field, side: int) -> Field:
    """(side, side): the mean of each module's middle."""
    line = (np.arange(side)[:, None] + 0.5 + np.array(PARTS)).ravel().astype(np.float32)
    places = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    seen = _seen(picture, corners, places, side)
    mean: Field = seen.reshape(side, len(PARTS), side, len(PARTS)).mean(axis=(1, 3))
    return mean


def modules(
    grays: Field, fixed: NDArray[np.int8], sharper: float
) -> tuple[NDArray[np.bool_], Field]:
    """Which are dark, and the doubt of each: -log of the chance that it is right."""
    sharp = grays + sharper * (grays - _near(cv2.blur, grays, (3, 3)))
    ring = np.ones((5, 5), np.uint8)
    light = _soft(cv2.dilate(np.minimum(sharp, np.percentile(sharp, 90)), ring), 2)
    black = _soft(cv2.erode(sharp, ring), 2)
    shade = (sharp - (light + black) / 2) / np.maximum((light - black) / 2, CONTRAST_MIN / 2)
    is_light = shade > 0
    inverted = float(grays[fixed < 0].mean()) < float(grays[fixed > 0].mean())
    wrong = np.exp(-SURE * np.minimum(np.abs(shade), 1))
    alike = np.abs(_soft(np.where(is_light, 1, -1).astype(np.float32), 1.2))
    blob = np.where(fixed == 0, np.clip(4 * (alike - BLOB), 0, 0.9), 0)
    wrong = np.maximum(wrong, np.maximum(blob, _shining(grays, fixed)))
    return is_light == inverted, -np.log(1 - wrong / 2)


def _shining(grays: Field, fixed: NDArray[np.int8]) -> Field:
    """0..1: brighter than the code's own light; a reflection."""
    known = grays[fixed != 0]
    middle = known.mean()
    light, black = np.median(known[known > middle]), np.median(known[known <= middle])
    over: Field = np.clip((grays - light) / (light - black + 1) * 2 - 0.5, 0, 1)
    return over


def _soft(field: Field, sigma: float) -> Field:
    return _near(cv2.GaussianBlur, field, (0, 0), sigma)


def _near(change: Any, field: Field, *how: Any) -> Field:
    return change(field, *how, borderType=cv2.BORDER_REFLECT)


def _unit(values: Field) -> Field:
    values = values - values.mean()
    return values / (np.linalg.norm(values) + 1e-6)


def _seen(picture: Field, corners: Field, places: Field, side: int) -> Field:
    """Gray values at places that are given in modules."""
    square = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    turn = cv2.getPerspectiveTransform(square, corners)
    at = cv2.perspectiveTransform(places[None], turn)[0] - 0.5
    seen = cv2.remap(
        picture, at[:, :1], at[:, 1:], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return seen[:, 0].astype(np.float32)
