"""The stages by which a frame is read: each takes a `Look` and says what it read, and in which view.

Adding one is one function and one line in the table it belongs to: FIRST and LAST look at the frame, PLACE
at one place in it. The order is that of a single picture: what reads most for the least time comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np

from terminal.eye import pictures
from terminal.eye.bars import read_bars
from terminal.eye.look import HALF_FROM_PX, Look, See
from terminal.eye.pictures import Picture
from terminal.eye.places import PLACES
from terminal.eye.readers import CODE_128, QR, Reading, Square, zbar, zxing, zxing_or_squares
from terminal.eye.seen import Seen, View
from terminal.eye.squares import read_square
from terminal.eye.squares.finders import squares_by_finders
from terminal.eye.whole import fast, seen, tries

SQUARES_MAX = 3
SQUARE_AREA_PX = 400

SeePlace: TypeAlias = Callable[[Look, int], list[Seen]]


# -- the whole frame ------------------------------------------------------------------------------------


def half(look: Look) -> list[Seen]:
    """A near code does not need all its px: a quarter of the time."""
    return seen(look.half, zxing(look.half.picture)) if look.size_px > HALF_FROM_PX else []


def quads(look: Look) -> list[Seen]:
    """QR codes that zxing-cpp found and could not read: mended, or set straight."""
    _, squares = zxing_or_squares(look.frame, smaller=True)
    for square in squares[:SQUARES_MAX]:
        if mended := _mended(look.whole, square):
            return mended
        quad = np.array(square.corners, np.float32)
        if cv2.contourArea(quad) < SQUARE_AREA_PX:
            continue
        view = pictures.rectified(look.frame, quad)
        plain = view.picture
        for picture in (plain, pictures.sharp(plain, 3, 2), pictures.smooth(plain, 2.5)):
            found = zxing(picture, inverted=True, smaller=True) or zbar(picture)
            if found:
                return seen(view, found)
    return []


def zbar_whole(look: Look) -> list[Seen]:
    return seen(look.whole, zbar(look.frame))


# -- one place ------------------------------------------------------------------------------------------


def crop(look: Look, place: int) -> list[Seen]:
    return _changed(look, place, "", lambda view: view.picture)


def sharp(look: Look, place: int) -> list[Seen]:
    """In amounts of light, for those are what blur mixed."""
    return _changed(look, place, "sharp", _sharp)


def soft_sharp(look: Look, place: int) -> list[Seen]:
    """Noise off, then sharpened over a wider neighbourhood: for motion and defocus."""
    return _changed(look, place, "soft sharp", _soft_sharp)


def threshold(look: Look, place: int) -> list[Seen]:
    """For dark bands, reflections and a screen lit from one side."""
    return _changed(
        look, place, "threshold", lambda view: pictures.near_threshold(view.picture, view.scale)
    )


def bars(look: Look, place: int) -> list[Seen]:
    """Code 128 at any angle, set upright."""
    band = look.band(place)
    return seen(band.view, zxing(band.view.picture, inverted=True)) if band else []


def gray_bars(look: Look, place: int) -> list[Seen]:
    """Code 128 that is blurred, noisy, spotted or without its quiet zone: our own reader."""
    band = look.band(place)
    text = band and read_bars(band.view.picture, band.width)
    if not band or not text:
        return []
    rows, cols = band.view.picture.shape
    left, right = (cols - band.width) / 2, (cols + band.width) / 2
    corners = ((left, 0.0), (right, 0.0), (right, float(rows)), (left, float(rows)))
    return seen(band.view, [Reading(text, CODE_128, corners, "bars", witnesses=2)])


def finders(look: Look, place: int) -> list[Seen]:
    """A QR code of which zxing-cpp does not even see that it is one."""
    view = look.piece(place)
    found = squares_by_finders(view.picture) if view else ()
    mended = (_mended(view, square) for square in found if view)
    return next(filter(None, mended), [])


def zbar_place(look: Look, place: int) -> list[Seen]:
    """zbar on the piece in black and white, then as it is."""
    view = look.piece(place)
    if not view:
        return []
    plain = view.changed("black and white", pictures.black_and_white(view.picture))
    return seen(plain, zbar(plain.picture)) or seen(view, zbar(view.picture))


def _changed(look: Look, place: int, name: str, change: Callable[[View], Picture]) -> list[Seen]:
    """zxing-cpp on the place in another picture. What it finds there and cannot read is mended."""
    plain = look.piece(place)
    if not plain:
        return []
    view = plain.changed(name, change(plain))
    readings, squares = zxing_or_squares(view.picture)
    if readings:
        return seen(view, readings)
    mended = (_mended(plain, square) for square in squares[:SQUARES_MAX])
    return next(filter(None, mended), [])


def _mended(view: View, square: Square) -> list[Seen]:
    quad = np.array(square.corners, np.float32)
    if cv2.contourArea(quad) < SQUARE_AREA_PX:
        return []
    text = read_square(view.picture, square)
    return seen(view, [Reading(text, QR, square.corners, "squares")] if text else [])


def _sharp(view: View) -> Picture:
    return pictures.sharp(pictures.in_light(view.picture), 1.2 * view.scale, 1.8)


def _soft_sharp(view: View) -> Picture:
    soft = pictures.smooth(view.picture, 0.7 * view.scale)
    return pictures.sharp(soft, 2.2 * view.scale, 3.5)


# -- the tables -----------------------------------------------------------------------------------------

FIRST: dict[str, See] = {"half": half, "fast": fast, "tries": tries}
PLACE: dict[str, SeePlace] = {
    "crop": crop,
    "bars": bars,
    "gray bars": gray_bars,
    "threshold": threshold,
    "sharp": sharp,
    "soft sharp": soft_sharp,
    "finders": finders,
    "zbar": zbar_place,
}
LAST: dict[str, See] = {"quads": quads, "zbar whole": zbar_whole}


def _at(see: SeePlace, place: int) -> See:
    return lambda look: see(look, place)


def _at_every_place() -> dict[str, See]:
    return {
        f"{name} {place + 1}": _at(see, place)
        for name, see in PLACE.items()
        for place in range(PLACES)
    }


STAGES: dict[str, See] = {**FIRST, **_at_every_place(), **LAST}
