"""Our own reader of QR codes of which a reflection or a thumb hides a part, or that noise has eaten into.

zxing-cpp and zbar take every module for black or white. This one knows which modules it doubts. A correction
that is told so mends up to twice as many codewords, for it need not find out where they are. How many are to be
left out is not known: a few more in each turn, the worst first, until the rest agrees (generalised minimum
distance decoding, Forney 1966).

What agrees may do so by accident, the likelier the fewer checks are left over. A block is believed when that
chance is below 2 ** -PROOF_BITS; the standard's own correction of version 1-M stops at 2 ** -34, and this is
after corners, format and message have been right as well.
"""

from __future__ import annotations

from math import comb, log2
from typing import Any, TypeAlias

import numpy as np

from terminal.eye.readers import Square
from terminal.eye.squares import correction, grid
from terminal.eye.squares.layout import VERSIONS, Layout, layout, turned
from terminal.eye.squares.message import message

Picture: TypeAlias = Any  # NDArray[uint8] (rows, cols)

PROOF_BITS = 32
SHARPER = (0.0, 0.5, 1.0)  # by so much is each module set off against those around it
CORNERS_FIT_MIN = 0.5


def read_square(picture: Picture, square: Square) -> str | None:
    """The text of a code whose corners, version, level and mask are known; None when it cannot be mended.

    Only ASCII, and only versions that wallets show.
    """
    if not 1 <= square.version <= VERSIONS:
        return None
    picture, parts = np.asarray(picture), layout(square.version, square.level)
    corners, fit = grid.fitted(picture, square.corners, parts.fixed)
    if fit < CORNERS_FIT_MIN:
        return None
    grays = grid.grays(picture, corners, parts.side)
    mask = turned(square.mask, parts.side)
    for sharper in SHARPER:
        dark, doubts = grid.modules(grays, parts.fixed, sharper)
        bits = (dark ^ mask)[parts.path].reshape(-1, 8)
        codewords = np.packbits(bits, axis=1).ravel().tolist()
        text = _text(codewords, doubts[parts.path].reshape(-1, 8).sum(axis=1).tolist(), parts)
        if text:
            return text
    return None


def _text(codewords: list[int], doubts: list[float], parts: Layout) -> str | None:
    data: list[int] = []
    for places in parts.blocks:
        worst = sorted(range(len(places)), key=lambda at: -doubts[places[at]])
        block = _mended([codewords[at] for at in places], worst, parts)
        if block is None:
            return None
        data += block[: -parts.checks]
    said = message(data, parts.version)
    return said[0] if said else None


def _mended(block: list[int], worst: list[int], parts: Layout) -> list[int] | None:
    said = correction.syndromes(block, parts.checks)
    for count in range(parts.checks + 1):
        found = correction.corrected(block, said, worst[:count])
        if found and _proof_bits(block, found, worst[:count], parts) >= PROOF_BITS:
            return found
    return None


def _proof_bits(block: list[int], found: list[int], holes: list[int], parts: Layout) -> float:
    """How unlikely it is that so much agrees by accident: the checks not used up, and the filling."""
    errors = sum(block[at] != found[at] for at in range(len(block)) if at not in holes)
    agree = parts.checks - len(holes) - errors
    if len(parts.blocks) == 1 and (said := message(found[: -parts.checks], parts.version)):
        agree += said[1]
    return 8 * agree - log2(comb(len(block) - len(holes), errors))
