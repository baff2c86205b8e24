"""Where a QR code keeps what (ISO/IEC 18004): its fixed patterns, the order of its codewords, their blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

VERSIONS = 10  # up to here: no wallet shows more

# Table 9: check codewords of a block, and blocks, for versions 1 .. 10.
_CHECKS = {
    "L": (7, 10, 15, 20, 26, 18, 20, 24, 30, 18),
    "M": (10, 16, 26, 18, 24, 16, 18, 22, 22, 26),
    "Q": (13, 22, 18, 26, 18, 24, 18, 22, 20, 24),
    "H": (17, 28, 22, 16, 22, 28, 26, 26, 24, 28),
}
_BLOCKS = {
    "L": (1, 1, 1, 1, 1, 2, 2, 2, 2, 4),
    "M": (1, 1, 1, 2, 2, 4, 4, 4, 5, 5),
    "Q": (1, 1, 2, 2, 4, 4, 6, 6, 8, 8),
    "H": (1, 1, 2, 4, 4, 4, 5, 6, 8, 8),
}
_LEVELS = "MLHQ"  # table 12, by their two bits
_FORMAT_MASK = 0b101010000010010
_ALIGNED = (
    (),
    (18,),
    (22,),
    (26,),
    (30,),
    (34,),
    (22, 38),
    (24, 42),
    (26, 46),
    (28, 50),
)  # annex E

# Table 10, by the number of the mask: whether the module in row y and column x is turned.
_MASKS = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, x: y % 2 + 0 * x == 0,
    lambda y, x: x % 3 + 0 * y == 0,
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
)


@dataclass(frozen=True, slots=True)
class Layout:
    version: int
    fixed: NDArray[np.int8]
    """(side, side): 1 dark, -1 light, 0 not the same in all codes of this version."""
    path: tuple[NDArray[np.intp], NDArray[np.intp]]
    """Rows and columns of the modules, eight for each codeword, its highest bit first."""
    blocks: list[list[int]]
    """Of each block the places of its codewords, checks last."""
    checks: int
    """Codewords of each block that are checks."""

    @property
    def side(self) -> int:
        return len(self.fixed)


@cache
def layout(version: int, level: str) -> Layout:
    """KeyError or IndexError when there is no such version or level."""
    side = 17 + 4 * version
    fixed, taken = _patterns(version, side)
    path = [
        (y, x)
        for column in range((side - 1) // 2)
        for y in (range(side - 1, -1, -1) if column % 2 == 0 else range(side))
        for x in _pair(side - 1 - 2 * column)
        if not taken[y, x]
    ]
    path = path[: len(path) // 8 * 8]
    rows, cols = np.array(path).T
    checks, count = _CHECKS[level][version - 1], _BLOCKS[level][version - 1]
    return Layout(version, fixed, (rows, cols), _interleaved(len(path) // 8, count, checks), checks)


def _pair(right: int) -> tuple[int, int]:
    """Two columns; the vertical timing pattern has one of its own."""
    right -= right <= 6
    return right, right - 1


def _interleaved(total: int, count: int, checks: int) -> list[list[int]]:
    """The last blocks are one longer when it does not come out even."""
    short, longer = divmod(total, count)
    data = short - checks
    blocks = [[number + count * at for at in range(data)] for number in range(count)]
    for number in range(longer):
        blocks[count - longer + number].append(data * count + number)
    first = total - checks * count
    for number, block in enumerate(blocks):
        block += [first + number + count * at for at in range(checks)]
    return blocks


def _patterns(version: int, side: int) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """What is always the same, and what holds no codeword."""
    fixed, taken = np.zeros((side, side), np.int8), np.zeros((side, side), bool)
    timing = 1 - 2 * (np.arange(side) % 2).astype(np.int8)
    fixed[6], fixed[:, 6] = timing, timing
    taken[6], taken[:, 6] = True, True
    taken[:9, :9] = taken[:9, -8:] = taken[-8:, :9] = True
    if version >= 7:
        taken[-11:-8, :6] = taken[:6, -11:-8] = True
    finder = np.pad(_rings(7), 1, constant_values=-1)
    fixed[:8, :8], fixed[:8, -8:], fixed[-8:, :8] = finder[1:, 1:], finder[1:, :-1], finder[:-1, 1:]
    fixed[-8, 8] = 1
    last = side - 7
    places = (6, *_ALIGNED[version - 1])
    for y, x in product(places, places):
        if (y, x) not in ((6, 6), (6, last), (last, 6)):
            area = slice(y - 2, y + 3), slice(x - 2, x + 3)
            fixed[area], taken[area] = _rings(5), True
    return fixed, taken


def _rings(side: int) -> NDArray[np.int8]:
    """Dark squares in light ones in dark ones, from the outside; the middle of a finder is three wide."""
    away = np.abs(np.arange(side) - side // 2)
    ring = np.maximum.outer(away, away)
    return np.where(ring == side // 2 - 1, -1, 1).astype(np.int8)


def turned(mask: int, side: int) -> NDArray[np.bool_]:
    """Whether the mask turns the module, (side, side)."""
    y, x = np.mgrid[:side, :side]
    turned: NDArray[np.bool_] = _MASKS[mask](y, x)
    return turned


def level_and_mask(dark: NDArray[np.bool_]) -> tuple[str, int]:
    """What the two copies of the format information say (7.9), or are nearest to."""
    said = [dark[rows, cols] for rows, cols in _format_places(len(dark))]
    level, mask = max(
        product(range(4), range(8)),
        key=lambda kind: sum(int((_format(*kind) == copy).sum()) for copy in said),
    )
    return _LEVELS[level], mask


def _format_places(side: int) -> tuple[tuple[list[int], list[int]], tuple[list[int], list[int]]]:
    """Rows and columns of both copies, the highest bit first."""
    near = [0, 1, 2, 3, 4, 5, 7, 8]
    corner = [8] * 8 + [7, *range(5, -1, -1)], [*near, *[8] * 7]
    edges = [*range(side - 1, side - 8, -1), *[8] * 8], [8] * 7 + list(range(side - 8, side))
    return corner, edges


@cache
def _format(level: int, mask: int) -> NDArray[np.bool_]:
    """Its 15 bits: five, their BCH checks, and a mask over all."""
    checks = value = level << 3 | mask
    checks <<= 10
    for bit in range(14, 9, -1):
        checks ^= 0b10100110111 << bit - 10 if checks >> bit & 1 else 0
    word = (value << 10 | checks) ^ _FORMAT_MASK
    return np.array([word >> bit & 1 for bit in range(14, -1, -1)], bool)
