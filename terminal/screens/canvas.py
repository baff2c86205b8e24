"""A picture in the making: boxes to cut it into, and text, amounts, signs and bars that fit their box.

Nothing here knows what a sale is. Every measure comes from the panel's size: `unit` is the gap between two
things, one pixel on a glass of 64 rows. What was written is remembered in `inks`, so a test can ask what
stands where without reading it off the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from PIL import Image, ImageDraw

from terminal.core.terms import Money
from terminal.core.views import Panel
from terminal.screens import fonts, signs, words
from terminal.screens.amount import Amount, compose

Colour = int | tuple[int, int, int]


class Box(NamedTuple):
    """A rectangle of pixels. Cutting gives the part that was asked for and what remains."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def inset(self, px: int) -> Box:
        return Box(
            self.x + px, self.y + px, max(0, self.width - 2 * px), max(0, self.height - 2 * px)
        )

    def cut_top(self, px: int, gap: int = 0) -> tuple[Box, Box]:
        px = max(0, min(px, self.height))
        rest = max(0, self.height - px - gap)
        return self._replace(height=px), self._replace(y=self.bottom - rest, height=rest)

    def cut_bottom(self, px: int, gap: int = 0) -> tuple[Box, Box]:
        rest, cut = self.cut_top(self.height - px - gap, gap)
        return cut, rest

    def cut_left(self, px: int, gap: int = 0) -> tuple[Box, Box]:
        px = max(0, min(px, self.width))
        rest = max(0, self.width - px - gap)
        return self._replace(width=px), self._replace(x=self.right - rest, width=rest)

    def cut_right(self, px: int, gap: int = 0) -> tuple[Box, Box]:
        rest, cut = self.cut_left(self.width - px - gap, gap)
        return cut, rest


class Tone(Enum):
    """What the whole screen says before anything is read. On mono glass only GOOD differs: all lit."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    WARN = "warn"


class Look(NamedTuple):
    """The colours of a tone: `paper` under all, `ink` for what matters, `soft` for what may be overlooked."""

    paper: Colour
    ink: Colour
    soft: Colour


_WHITE, _BLACK, _GREY = (255, 255, 255), (0, 0, 0), (176, 176, 176)
_COLOURS = {
    Tone.PLAIN: Look(_BLACK, _WHITE, _GREY),
    Tone.GOOD: Look((0, 112, 48), _WHITE, _WHITE),
    Tone.BAD: Look((160, 0, 24), _WHITE, _WHITE),
    Tone.WARN: Look((255, 184, 0), _BLACK, _BLACK),
}
_LIT, _DARK = Look(255, 0, 0), Look(0, 255, 255)


def _look(mode: str, tone: Tone) -> Look:
    if mode == "RGB":
        return _COLOURS[tone]
    return _LIT if tone is Tone.GOOD else _DARK


class Ink(NamedTuple):
    """A line of text that was drawn: where its ink is, in which size."""

    text: str
    box: Box
    size_px: int


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands on every screen: `test` money, and how many older sales are still unknown (`resolving`).
    `again`: what is shown is the last sale, not a new one."""

    test: bool = False
    resolving: int = 0
    again: bool = False

    def __bool__(self) -> bool:
        return self.has_label or self.resolving > 0

    @property
    def has_label(self) -> bool:
        return self.test or self.again


class Canvas:
    """One picture for one panel. `image` is done when the screen's function returns."""

    def __init__(self, panel: Panel, marks: Marks = Marks()) -> None:
        self.panel = panel
        self.marks = marks
        self.box = Box(0, 0, panel.width_px, panel.height_px)
        self.unit = max(1, min(panel.width_px, panel.height_px) // 64)
        self.margin = self.unit if self.unit == 1 else 2 * self.unit
        self.strip_px = max(11, panel.height_px // 11)  # the marks' band
        self.bar_px = 3 + 2 * self.unit
        self.smallest_px = fonts.smallest_px(panel.pitch_um)
        self.crisp = panel.mode == "1"
        self.look = _look(panel.mode, Tone.PLAIN)
        self.image = Image.new(panel.mode, self.box[2:], self.look.paper)
        self.pen = ImageDraw.Draw(self.image)
        self.pen.fontmode = "1" if self.crisp else "L"
        self.inks: list[Ink] = []
        self.ceiling_px: int | None = None  # the size of the amount's digits, once they are drawn

    def begin(self, tone: Tone = Tone.PLAIN, again: bool = False) -> Box:
        """Take the tone, draw the marks at the top, return what is free. `again`: the band says that
        this is the last sale."""
        self.look = _look(self.panel.mode, tone)
        self.fill(self.box, self.look.paper)
        if again:
            self.marks = replace(self.marks, again=True)
        return self.draw_marks(self.box).inset(self.margin)

    def takes_marks(self, width_px: int) -> bool:
        """Whether a column is wide enough for `draw_marks`."""
        return width_px >= 2 * self.strip_px

    def draw_marks(self, box: Box) -> Box:
        """TEST as a lit band and the counter in its right corner, at the top of `box`; what is below it.
        In a narrow column the counter has a band of its own."""
        if not self.marks:
            return box
        band, rest = box.cut_top(self.strip_px)
        if not self.marks.resolving:
            self._label_marks(band, band)
        elif not self.marks.has_label:
            self._count_marks(band, self.look.ink)
        elif band.width >= 4 * band.height:
            count, label = band.cut_right(band.width * 2 // 5)
            self._label_marks(band, label)
            self._count_marks(count, self.look.paper)
        else:
            self._label_marks(band, band)
            band, rest = rest.cut_top(self.strip_px)
            self._count_marks(band, self.look.ink)
        return rest

    def _label_marks(self, band: Box, label: Box) -> None:
        self.fill(band, self.look.ink)
        texts = words.marks(self.marks.test, self.marks.again)
        self.first(texts, label.inset(1), bold=True, colour=self.look.paper)

    def _count_marks(self, band: Box, colour: Colour) -> None:
        self.first(words.resolving(self.marks.resolving), band.inset(1), colour=colour, align=1.0)

    # -- things that fit their box

    def text(
        self,
        text: str,
        box: Box,
        *,
        largest: int | None = None,
        bold: bool = False,
        colour: Colour | None = None,
        align: float = 0.5,
        wrap: bool = True,
    ) -> int:
        """All of `text` in the largest size that fits; returns that size. `largest` bounds it, and so does
        an amount that was drawn before: that is the largest thing on every screen of a sale.
        A text that is too long at the smallest readable size has its long words broken, then shrinks, and
        only then ends in an ellipsis. `align`: 0 left, 0.5 middle, 1 right."""
        setting = self._set(text, box, largest, bold, wrap)
        self._write(setting, box, align, self.look.ink if colour is None else colour)
        return setting.size_px

    def size_of(self, text: str, box: Box, *, largest: int | None = None, wrap: bool = True) -> int:
        """The size in which `text` would draw it."""
        return self._set(text, box, largest, False, wrap).size_px

    def holds(self, text: str, box: Box, *, bold: bool = False, wrap: bool = True) -> bool:
        """Whether `text` fits the box in a size that can be read, without breaking a word."""
        largest = max(box.height, self.smallest_px)
        return fonts.fitted(text, self._style(box, bold, wrap), largest) is not None

    def first(
        self,
        texts: tuple[str, ...],
        box: Box,
        *,
        largest: int | None = None,
        bold: bool = False,
        colour: Colour | None = None,
        align: float = 0.5,
        wrap: bool = False,
    ) -> None:
        """The first of `texts` that the box holds, the last if it holds none; in one line."""
        text = next((t for t in texts if self.holds(t, box, bold=bold, wrap=wrap)), texts[-1])
        self.text(text, box, largest=largest, bold=bold, colour=colour, align=align, wrap=wrap)

    def amount(self, money: Money, box: Box) -> int:
        """The amount in the middle of the box, as large as it gets; returns the size of its digits."""
        found = self._compose(money, box)
        self.ceiling_px = found.size_px
        x = box.x + (box.width - found.width_px) // 2
        y = box.y + (box.height - found.height_px) // 2
        for setting, dx, dy in found.pieces:
            place = Box(x + dx, y + dy, setting.width_px, setting.height_px)
            self._write(setting, place, 0.5, self.look.ink)
        return found.size_px

    def amount_px(self, money: Money, box: Box) -> int:
        """The size of the digits that `amount` would draw."""
        return self._compose(money, box).size_px

    def sign(self, name: str, box: Box) -> None:
        """A sign in the middle of the box, as large as it gets."""
        size_px = min(box.width, box.height)
        at = (box.x + (box.width - size_px) // 2, box.y + (box.height - size_px) // 2)
        self.stencil(signs.mask(name, size_px, self.crisp), at)

    def stencil(self, mask: Image.Image, at: tuple[int, int]) -> None:
        """Ink where `mask` is lit, its top left corner at `at`."""
        self.image.paste(self.look.ink, at, mask)

    def bar(self, box: Box, part: int, whole: int) -> None:
        """A frame that is filled by `part` of `whole`: from the left, or from the bottom when upright."""
        self.pen.rectangle((box.x, box.y, box.right - 1, box.bottom - 1), outline=self.look.ink)
        inner = box.inset(1)
        share = max(0, min(part, whole))
        if not share:
            return
        if box.width >= box.height:
            self.fill(inner.cut_left(max(1, inner.width * share // whole))[0], self.look.ink)
        else:
            self.fill(inner.cut_bottom(max(1, inner.height * share // whole))[0], self.look.ink)

    def fill(self, box: Box, colour: Colour) -> None:
        """All of the box in one colour."""
        if box.width and box.height:
            self.pen.rectangle((box.x, box.y, box.right - 1, box.bottom - 1), fill=colour)

    def label(self, text: str, box: Box, *, largest: int | None = None) -> None:
        """Dark text on a lit band: a message that must not be overlooked."""
        self.fill(box, self.look.ink)
        self.text(text, box.inset(self.unit), largest=largest, colour=self.look.paper)

    def _style(self, box: Box, bold: bool, wrap: bool = True) -> fonts.Style:
        return fonts.Style(
            box.width, box.height, self.smallest_px, "1" if self.crisp else "L", bold, wrap
        )

    def _compose(self, money: Money, box: Box) -> Amount:
        # Digits have no descenders: at 3/2 of the box's height their ink still fits.
        return compose(money, self._style(box, bold=True), box.height * 3 // 2)

    def _set(
        self, text: str, box: Box, largest: int | None, bold: bool, wrap: bool
    ) -> fonts.Setting:
        bounds = (box.height, largest, self.ceiling_px)
        largest = min(bound for bound in bounds if bound is not None)
        style = self._style(box, bold, wrap)
        return fonts.fitted(text, style, largest) or fonts.squeezed(text, style, largest)

    def _write(self, setting: fonts.Setting, box: Box, align: float, colour: Colour) -> None:
        """The lines in the middle of the box's height, each with its ink exactly where it was measured."""
        font = fonts.face(setting.size_px, setting.bold)
        top = box.y + (box.height - setting.height_px) // 2
        for line in setting.lines:
            left = box.x + int((box.width - line.width_px) * align)
            at = (left - line.left, top + line.baseline)
            self.pen.text(at, line.text, fill=colour, font=font, anchor="ls")
            ink = Box(left, top + line.top, line.width_px, setting.row_px)
            self.inks.append(Ink(line.text, ink, setting.size_px))
