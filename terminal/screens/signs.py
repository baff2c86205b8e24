"""Signs that are told apart by their shape, at an arm's length and without colour (counter.md).

Each is drawn four times too large and made smaller, so that one drawing serves every panel: smooth on a
grey or coloured glass, crisp on a one-bit one. A sign is a mask: the canvas pours the ink through it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from PIL import Image, ImageDraw

from terminal.screens import fonts

OVERSIZE = 4
SIGNS_MAX = 32


@lru_cache(maxsize=SIGNS_MAX)
def mask(name: str, size_px: int, crisp: bool) -> Image.Image:
    """The sign as a mask of `size_px` squared: mode "1" when `crisp`, else "L"."""
    large = Image.new("L", (size_px * OVERSIZE, size_px * OVERSIZE))
    _SIGNS[name](_Pen(large))
    small = large.resize((size_px, size_px), Image.Resampling.BOX)
    return small.point(lambda grey: 255 * (grey >= 128), "1") if crisp else small


class _Pen:
    """Draws in thousandths of the sign's side."""

    def __init__(self, image: Image.Image) -> None:
        self.draw = ImageDraw.Draw(image)
        self.side = image.width

    def px(self, thousandths: int) -> int:
        return thousandths * self.side // 1000

    def points(self, *flat: int) -> list[tuple[int, int]]:
        pairs = zip(flat[::2], flat[1::2], strict=True)
        return [(self.px(x), self.px(y)) for x, y in pairs]

    def stroke(self, width: int, *flat: int) -> None:
        """A line through the points with round ends."""
        points, radius = self.points(*flat), self.px(width) // 2
        self.draw.line(points, fill=255, width=2 * radius, joint="curve")
        for x, y in points:
            self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)

    def disc(self, x: int, y: int, radius: int, fill: int = 255) -> None:
        box = self.points(x - radius, y - radius, x + radius, y + radius)
        self.draw.ellipse([*box[0], *box[1]], fill=fill)

    def ring(self, radius: int = 490, width: int = 90) -> None:
        self.disc(500, 500, radius)
        self.disc(500, 500, radius - width, fill=0)

    def area(self, *flat: int, fill: int = 255) -> None:
        self.draw.polygon(self.points(*flat), fill=fill)

    def block(
        self, x: int, y: int, right: int, bottom: int, radius: int = 0, fill: int = 255
    ) -> None:
        (left_px, top_px), (right_px, bottom_px) = self.points(x, y, right, bottom)
        box = (left_px, top_px, right_px - 1, bottom_px - 1)
        self.draw.rounded_rectangle(box, radius=self.px(radius), fill=fill)

    def letter(self, text: str, x: int, y: int, height: int, fill: int = 255) -> None:
        """A letter with its middle at x, y and capitals of about `height`."""
        face = fonts.face(self.px(height * 4 // 3), bold=True)
        left, top, right, bottom = face.getbbox(text)
        at = (self.px(x) - (left + right) // 2, self.px(y) - (top + bottom) // 2)
        self.draw.text(at, text, fill=fill, font=face)


def _tick(pen: _Pen) -> None:
    pen.stroke(190, 120, 560, 390, 820, 880, 200)


def _cross(pen: _Pen) -> None:
    pen.stroke(190, 150, 150, 850, 850)
    pen.stroke(190, 850, 150, 150, 850)


def _question(pen: _Pen) -> None:
    pen.ring()
    pen.letter("?", 500, 500, 580)


def _exclamation(pen: _Pen) -> None:
    pen.area(500, 30, 1000, 960, 0, 960)
    pen.letter("!", 500, 630, 480, fill=0)


def _stop(pen: _Pen) -> None:
    pen.disc(500, 500, 490)
    pen.block(180, 410, 820, 590, fill=0)


def _clock(pen: _Pen) -> None:
    pen.ring()
    pen.stroke(90, 500, 220, 500, 520, 710, 640)


def _hourglass(pen: _Pen) -> None:
    pen.block(130, 30, 870, 130)
    pen.block(130, 870, 870, 970)
    pen.area(200, 130, 800, 130, 500, 530)
    pen.area(200, 870, 800, 870, 500, 470)
    pen.area(310, 190, 690, 190, 600, 310, 400, 310, fill=0)


def _phone(pen: _Pen) -> None:
    """A phone that shows a code."""
    pen.block(200, 0, 800, 1000, radius=110)
    pen.block(270, 130, 730, 850, fill=0)
    for x, y in ((330, 250), (540, 250), (330, 460)):
        pen.block(x, y, x + 140, y + 140)
    pen.block(540, 460, 610, 530)
    pen.block(610, 530, 680, 600)


def _broken(pen: _Pen) -> None:
    """Bars of a signal, struck through."""
    for number in range(4):
        x = 60 + 240 * number
        pen.block(x, 720 - 200 * number, x + 160, 950)
    pen.draw.line(pen.points(60, 120, 940, 940), fill=0, width=pen.px(260))
    pen.stroke(110, 90, 90, 920, 920)


_SIGNS: dict[str, Callable[[_Pen], None]] = {
    "tick": _tick,
    "cross": _cross,
    "question": _question,
    "exclamation": _exclamation,
    "stop": _stop,
    "clock": _clock,
    "hourglass": _hourglass,
    "phone": _phone,
    "broken": _broken,
}
