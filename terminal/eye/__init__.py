"""Sees. Pictures to codes: `read_codes(gray)`.

What is accepted and why (decoding.md 6; money is at stake):

1. QR and Code 128 only, for these are what wallets show.
2. A QR code is believed at once: its Reed-Solomon check leaves no misreads. Code 128 has one check character
   and does misread, so it needs CODE_128_MIN characters and a second reading that agrees.
3. Two readings that differ in one frame are none: a guess about whose money it is would be worse.

zxing-cpp looks at the whole frame, zbar gives the second opinion on the piece that matters. Both are loaded
at the first frame; a daemon without a camera never loads them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Gray: TypeAlias = memoryview | NDArray[np.uint8]
    """One frame: unsigned bytes in (rows, cols), 0 black .. 255 white."""

QR = "QR"
CODE_128 = "CODE128"
CODE_128_MIN = 12
QUIET_PX = 32  # left round a code that is cut out for the second opinion


@dataclass(frozen=True, slots=True)
class Code:
    """A code that was read. `box`: left, top, right, bottom in px of the frame."""

    text: str
    symbology: str
    box: tuple[int, int, int, int]


def read_codes(gray: Gray, budget_ms: int | None = None) -> list[Code]:
    """The code in a frame: a list of one, or empty. TypeError when `gray` is no frame of bytes.

    `budget_ms`: no further stage begins after that time; None: all stages.
    """
    began_s = time.monotonic()
    view = _view(gray)
    if not view.nbytes:
        return []
    readings = [code for code in _zxing(view) if _long_enough(code)]
    if len({code.text for code in readings}) != 1:
        return []
    for code in readings:
        if code.symbology == QR:
            return [code]
    if budget_ms is not None and time.monotonic() - began_s > budget_ms / 1000:
        return []
    return [code for code in readings[:1] if _seconded(view, code)]


def _view(gray: Gray) -> memoryview:
    """`gray` as a contiguous view; copied only when it is a window into a wider picture."""
    view = memoryview(
        cast("memoryview", gray)
    )  # a numpy array is a buffer; 3.11's types do not say so
    shape = view.shape or ()
    if len(shape) != 2 or view.format != "B":
        raise TypeError(f"a frame is uint8 in (rows, cols), not {view.format!r} in {shape}")
    if not view.c_contiguous:
        view = memoryview(view.tobytes()).cast("B", shape)
    return view


def _long_enough(code: Code) -> bool:
    return len(code.text) >= (CODE_128_MIN if code.symbology == CODE_128 else 1)


def _zxing(view: memoryview, *, histogram: bool = False) -> list[Code]:
    """What zxing-cpp reads. `histogram`: black is below one threshold for all, not darker than around it."""
    import zxingcpp

    kinds, binarizers = zxingcpp.BarcodeFormat, zxingcpp.Binarizer
    found = zxingcpp.read_barcodes(
        view,
        formats=zxingcpp.BarcodeFormats([kinds.QRCodeModel2, kinds.Code128]),  # no Micro QR
        text_mode=zxingcpp.TextMode.Plain,
        binarizer=binarizers.GlobalHistogram if histogram else binarizers.LocalAverage,
    )
    return [
        Code(
            text=barcode.text,
            symbology=CODE_128 if barcode.format == kinds.Code128 else QR,
            box=_box(barcode.position),
        )
        for barcode in found
    ]


def _box(position: Any) -> tuple[int, int, int, int]:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _seconded(view: memoryview, code: Code) -> bool:
    """Whether a second reader finds the same text there and nothing else: zbar, which has another method, or
    where noise blinds zbar, zxing-cpp on a picture made black and white in another way.

    Only the code's surroundings are looked at: zbar on the whole frame costs more than all the rest.
    """
    piece = _piece(view, code.box)
    texts = _zbar_texts(piece) or {second.text for second in _zxing(piece, histogram=True)}
    return texts == {code.text}


def _zbar_texts(view: memoryview) -> set[str]:
    from pyzbar.pyzbar import ZBarSymbol, decode

    rows, cols = view.shape or (0, 0)
    found = decode((view.tobytes(), cols, rows), symbols=[ZBarSymbol.CODE128])
    return {symbol.data.decode("utf-8", "replace") for symbol in found}


def _piece(view: memoryview, box: tuple[int, int, int, int]) -> memoryview:
    """The box with QUIET_PX round it, as a frame of its own."""
    rows, cols = view.shape or (0, 0)
    left, top = max(0, box[0] - QUIET_PX), max(0, box[1] - QUIET_PX)
    right, bottom = min(cols, box[2] + 1 + QUIET_PX), min(rows, box[3] + 1 + QUIET_PX)
    pixels = view.cast("B")
    lines = [pixels[row * cols + left : row * cols + right] for row in range(top, bottom)]
    return memoryview(b"".join(lines)).cast("B", (bottom - top, right - left))
