"""Pictures that no camera delivers, to break the eye with (F20): noise, stripes, torn and glued codes, odd sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from terminal.bench.scenes import Gray, Scene
from terminal.bench.scenes.phone import card

SIDES = (1, 240)
CODES = 24  # different ones in a run
MUTATIONS_MAX = 4

Mutation = Callable[[Gray, np.random.Generator], Gray]


def damaged(seed: int, count: int, first: int = 0) -> Iterator[Gray]:
    """`count` pictures from number `first` on; each depends on the seed and its number alone."""
    codes = [_code(np.random.default_rng((seed, number)), number) for number in range(CODES)]
    for number in range(first, first + count):
        dice = np.random.default_rng((seed, 1, number))
        picture = codes[int(dice.integers(CODES))] if dice.random() < 0.7 else _random(dice)
        for _ in range(int(dice.integers(0, MUTATIONS_MAX + 1))):
            picture = MUTATIONS[int(dice.integers(len(MUTATIONS)))](picture, dice)
        yield np.ascontiguousarray(picture)


def _code(dice: np.random.Generator, number: int) -> Gray:
    kind = "qr" if number % 2 else "code128"
    text = "".join(str(digit) for digit in dice.integers(0, 10, int(dice.integers(1, 60))))
    scene = Scene(seed=0, kind=kind, text=text, inverted=bool(dice.random() < 0.3))
    drawn, _, _ = card(scene, int(dice.integers(1, 4)))
    return (drawn * 255).astype(np.uint8)


def _size(dice: np.random.Generator) -> tuple[int, int]:
    low, high = np.log(SIDES)
    rows, cols = np.exp(dice.uniform(low, high, 2)).astype(int)
    return int(rows), int(cols)


def _random(dice: np.random.Generator) -> Gray:
    """Noise, two tones, stripes, a ramp, or one gray."""
    rows, cols = _size(dice)
    noise: Gray = dice.integers(0, 256, (rows, cols), np.uint8)
    match int(dice.integers(5)):
        case 0:
            return noise
        case 1:
            return (noise > dice.integers(1, 255)).astype(np.uint8) * 255
        case 2:
            return np.repeat(noise[:1], rows, axis=0)
        case 3:
            return np.linspace(0, 255, rows * cols).astype(np.uint8).reshape(rows, cols)
        case _:
            return np.full((rows, cols), noise.flat[0])


def _torn(picture: Gray, dice: np.random.Generator) -> Gray:
    rows, cols = picture.shape
    top, left = int(dice.integers(rows)), int(dice.integers(cols))
    return picture[top : top + _size(dice)[0], left : left + _size(dice)[1]]


def _bent(picture: Gray, dice: np.random.Generator) -> Gray:
    rows, cols = picture.shape
    corners = np.array([[0, 0], [cols, 0], [cols, rows]], np.float32)
    moved = corners + dice.normal(0, 0.3, (3, 2)).astype(np.float32) * max(rows, cols)
    bend = cv2.getAffineTransform(corners, moved.astype(np.float32))
    return np.asarray(cv2.warpAffine(picture, bend, _size(dice)), np.uint8)


def _noisy(picture: Gray, dice: np.random.Generator) -> Gray:
    grain = dice.normal(0, dice.uniform(1, 90), picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def _blurred(picture: Gray, dice: np.random.Generator) -> Gray:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), dice.uniform(0.3, 6)), np.uint8)


def _resized(picture: Gray, dice: np.random.Generator) -> Gray:
    return np.asarray(cv2.resize(picture, _size(dice)), np.uint8)


def _scrambled(picture: Gray, dice: np.random.Generator) -> Gray:
    """Bytes changed here and there."""
    changed = picture.copy()
    places = dice.integers(0, changed.size, max(1, changed.size // 50))
    changed.flat[places] = dice.integers(0, 256, len(places), np.uint8)
    return changed


def _glued(picture: Gray, dice: np.random.Generator) -> Gray:
    """Two of itself, side by side or turned; to a frame's size now and then."""
    pair = np.hstack([picture, picture[::-1] if dice.random() < 0.5 else 255 - picture])
    return pair if dice.random() < 0.9 else np.tile(pair, (2, 2))[:720, :1280]


def _turned(picture: Gray, dice: np.random.Generator) -> Gray:
    return np.rot90(picture, int(dice.integers(4)))


MUTATIONS: tuple[Mutation, ...] = (
    _torn,
    _bent,
    _noisy,
    _blurred,
    _resized,
    _scrambled,
    _glued,
    _turned,
)
