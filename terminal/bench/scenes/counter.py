"""What lies behind and below the phone."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from terminal.bench.scenes.phone import Picture, write

ROWS, COLS = 720, 1280


def counter(dice: np.random.Generator) -> Picture:
    """One of five counters, lit from one side; brightness 0.005..1."""
    base = float(dice.uniform(0.08, 0.5))
    picture = np.full((ROWS, COLS), base, np.float32)
    COUNTERS[int(dice.integers(0, len(COUNTERS)))](picture, dice, base)
    angle = dice.uniform(0, 2 * math.pi)
    across = np.linspace(-1, 1, COLS, dtype=np.float32)[None]
    down = np.linspace(-1, 1, ROWS, dtype=np.float32)[:, None]
    picture *= 1 + 0.35 * (math.cos(angle) * across + math.sin(angle) * down)
    return np.clip(picture, 0.005, 1)


def _grain(dice: np.random.Generator, wide: int, high: int) -> Picture:
    """Smooth noise with spots of that size."""
    coarse = dice.standard_normal((max(2, ROWS // high), max(2, COLS // wide))).astype(np.float32)
    grain: Picture = cv2.resize(coarse, (COLS, ROWS), interpolation=cv2.INTER_CUBIC)  # type: ignore[assignment]
    return grain


def _wood(picture: Picture, dice: np.random.Generator, _base: float) -> None:
    picture += 0.05 * _grain(dice, 160, 8) + 0.03 * _grain(dice, 80, 4)


def _clothes(picture: Picture, dice: np.random.Generator, _base: float) -> None:
    picture += 0.08 * _grain(dice, 200, 200) + 0.02 * _grain(dice, 6, 6)


def _shelves(picture: Picture, dice: np.random.Generator, _base: float) -> None:
    for _ in range(40):
        x, y = int(dice.integers(0, COLS)), int(dice.integers(0, ROWS))
        corner = x + int(dice.integers(20, 200)), y + int(dice.integers(15, 160))
        cv2.rectangle(picture, (x, y), corner, (float(dice.uniform(0.03, 0.8)),), -1)
    for _ in range(25):
        words = "".join(map(chr, dice.integers(48, 123, int(dice.integers(3, 14)))))
        at = dice.uniform(0, COLS), dice.uniform(0, ROWS)
        write(picture, words, *at, dice.uniform(8, 30), float(dice.choice([0.02, 0.8])))


def _tiles(picture: Picture, dice: np.random.Generator, base: float) -> None:
    """A keyboard, tiles, a striped cloth."""
    step = int(dice.integers(14, 60))
    for y in range(0, ROWS, step):
        for x in range(0, COLS, step):
            shade = (float(base * dice.uniform(0.3, 1.6)),)
            cv2.rectangle(picture, (x + 2, y + 2), (x + step - 3, y + step - 3), shade, -1)


def _receipt(picture: Picture, dice: np.random.Generator, _base: float) -> None:
    picture += 0.04 * _grain(dice, 160, 160)
    x, y = int(dice.integers(50, COLS - 400)), int(dice.integers(0, ROWS // 2))
    cv2.rectangle(picture, (x, y), (x + 330, ROWS), (0.75,), -1)
    for line in range(y + 25, ROWS, 22):
        prices = (f"{dice.integers(0, 99)}.{dice.integers(0, 99):02d}" for _ in range(4))
        write(picture, " ".join(prices), x + 12, line, 14, 0.08)


COUNTERS: tuple[Callable[[Picture, np.random.Generator, float], None], ...] = (
    _wood,
    _clothes,
    _shelves,
    _tiles,
    _receipt,
)
