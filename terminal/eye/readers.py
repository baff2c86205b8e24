"""The two libraries that read, asked for QR and Code 128 only: what wallets show.

Neither needs OpenCV or numpy. zxing-cpp is fast and looks at a frame as it lies in memory; zbar has another
method, and costs more on a whole frame than all the rest together, so it gives the second opinion on pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import zxingcpp

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Gray: TypeAlias = memoryview | NDArray[np.uint8]

QR = "QR"
CODE_128 = "CODE128"
QUIET_PX = 32  # left round a code that is cut out for a second opinion

Point: TypeAlias = tuple[float, float]

_KINDS = zxingcpp.BarcodeFormat
_FORMATS = zxingcpp.BarcodeFormats(  # no Micro QR
    [_KINDS.QRCodeModel1, _KINDS.QRCodeModel2, _KINDS.Code128]
)
_HISTOGRAM, _LOCAL = zxingcpp.Binarizer.GlobalHistogram, zxingcpp.Binarizer.LocalAverage


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader says. `corners`: of the code in px of the picture it was read in, in reading order."""

    text: str
    symbology: str
    corners: tuple[Point, ...]
    reader: str
    witnesses: int = 1
    """How many looks at the code stand behind it."""


@dataclass(frozen=True, slots=True)
class Square:
    """A QR code that was found and not read. `version` 0: not even what kind it is."""

    corners: tuple[Point, ...]
    version: int = 0
    level: str = ""
    mask: int = 0


def zxing(
    picture: Gray,
    *,
    rotated: bool = False,
    smaller: bool = False,
    inverted: bool = False,
    histogram: bool = False,
) -> list[Reading]:
    """What zxing-cpp reads. `histogram`: black is below one threshold for all, not darker than around it."""
    found = _zxing(picture, rotated, smaller, inverted, histogram)
    return [_reading(barcode) for barcode in found if barcode.valid]


def zxing_or_squares(picture: Gray, *, smaller: bool = False) -> tuple[list[Reading], list[Square]]:
    """What zxing-cpp reads, turned and light on dark too, and the QR codes that it found only."""
    found = _zxing(picture, rotated=True, smaller=smaller, inverted=True, histogram=False)
    read = [_reading(barcode) for barcode in found if barcode.valid]
    broken = [code for code in found if not code.valid and code.format != _KINDS.Code128]
    return read, [_square(code) for code in broken]


def _zxing(
    picture: Gray, rotated: bool, smaller: bool, inverted: bool, histogram: bool
) -> list[Any]:
    found: list[Any] = zxingcpp.read_barcodes(
        picture,
        formats=_FORMATS,
        try_rotate=rotated,
        try_downscale=smaller,
        try_invert=inverted,
        text_mode=zxingcpp.TextMode.Plain,
        binarizer=_HISTOGRAM if histogram else _LOCAL,
        return_errors=True,
    )
    return found


def _square(code: Any) -> Square:
    corners = _corners(code.position)
    kind = code.extra or {}
    if not {"Version", "ECLevel", "DataMask"} <= kind.keys():
        return Square(corners)
    return Square(corners, int(kind["Version"]), kind["ECLevel"], int(kind["DataMask"]))


def _reading(barcode: Any) -> Reading:
    symbology = CODE_128 if barcode.format == _KINDS.Code128 else QR
    return Reading(barcode.text, symbology, _corners(barcode.position), "zxing")


def _corners(position: Any) -> tuple[Point, ...]:
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return tuple((float(corner.x), float(corner.y)) for corner in corners)


def zbar(picture: Gray) -> list[Reading]:
    """What zbar reads. It guesses at character sets, so a QR code of other letters than ASCII's is left out."""
    from pyzbar.pyzbar import ZBarSymbol, decode

    view = memoryview(picture)  # type: ignore[arg-type]  # numpy's arrays are buffers
    rows, cols = view.shape or (0, 0)
    found = decode((view.tobytes(), cols, rows), symbols=[ZBarSymbol.QRCODE, ZBarSymbol.CODE128])
    return [
        Reading(
            symbol.data.decode("utf-8", "replace"),
            CODE_128 if symbol.type == "CODE128" else QR,
            tuple((float(point.x), float(point.y)) for point in symbol.polygon),
            "zbar",
        )
        for symbol in found
        if symbol.type == "CODE128" or symbol.data.isascii()
    ]


def second_opinions(picture: Gray, corners: tuple[Point, ...]) -> list[Reading]:
    """What is said about the surroundings of a reading by zbar, which has another method, and by zxing-cpp
    when it makes the picture black and white in another way."""
    piece = _piece(memoryview(picture), corners)  # type: ignore[arg-type]
    return [
        *zbar(piece),
        *(replace(said, reader="histogram") for said in zxing(piece, histogram=True)),
    ]


def _piece(view: memoryview, corners: tuple[Point, ...]) -> memoryview:
    """What lies round the corners, as a picture of its own."""
    rows, cols = view.shape or (0, 0)
    xs, ys = [int(x) for x, _ in corners], [int(y) for _, y in corners]
    left, top = max(0, min(xs) - QUIET_PX), max(0, min(ys) - QUIET_PX)
    right, bottom = min(cols, max(xs) + 1 + QUIET_PX), min(rows, max(ys) + 1 + QUIET_PX)
    lines = [view[row : row + 1].tobytes()[left:right] for row in range(top, bottom)]
    return memoryview(b"".join(lines)).cast("B", (bottom - top, right - left))
