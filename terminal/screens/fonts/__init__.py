"""Letters: sets a text in the largest size at which it fits, wrapped at words, never cut.

All measures are those of the ink, in pixels, so a line may use its box to the last row. Kerning and shaping
are off (Layout.BASIC): the same pixels on every machine, whether or not libraqm is there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from PIL import ImageFont

SMALLEST_PX = 8  # the least that is read with ease, if the pixels are not smaller than usual
SMALLEST_UM = 1300  # and the least height of a letter's body on the glass: 8 px on a 0.96 inch OLED
FLOOR_PX = 7  # the least at which letters still differ; below nothing is drawn
BOLD_FROM_PX = 9  # smaller bold letters close up
TEXT_MAX = 400  # characters; what is longer is not for a display
FACES_MAX = 64  # 35 KB each; a sale on one panel uses about sixty
SETTINGS_MAX = 256

Found = TypeVar("Found")
_FOLDER = Path(__file__).parent


class Line(NamedTuple):
    """One line. `left`: from the origin to the ink; `top`, `baseline`: from the top of the whole setting."""

    text: str
    left: int
    width_px: int
    top: int
    baseline: int


class Setting(NamedTuple):
    """A text set in lines of one size. Width and height are those of the ink."""

    lines: tuple[Line, ...]
    size_px: int
    bold: bool
    width_px: int
    height_px: int
    row_px: int


class Style(NamedTuple):
    """The room for a text and how it is set. `mode`: "1" crisp, "L" smooth. Below `smallest_px` a text
    does not count as fitting."""

    width_px: int
    height_px: int
    smallest_px: int
    mode: str
    bold: bool = False
    wrap: bool = True


def smallest_px(pitch_um: int) -> int:
    """The smallest size that is read at an arm's length on a glass of that pitch."""
    return max(SMALLEST_PX, -(-SMALLEST_UM // pitch_um))


@lru_cache(maxsize=FACES_MAX)
def face(size_px: int, bold: bool) -> ImageFont.FreeTypeFont:
    """The face in one size, loaded when first asked for (20 us)."""
    name = "DejaVuSans-Bold.ttf" if bold and size_px >= BOLD_FROM_PX else "DejaVuSans.ttf"
    return ImageFont.truetype(_FOLDER / name, size_px, layout_engine=ImageFont.Layout.BASIC)


def in_lines(lines: list[str], size_px: int, bold: bool, mode: str) -> Setting:
    """The lines as they are, in that size. `mode`: "1" crisp, "L" smooth."""
    font = face(size_px, bold)
    inks = [font.getbbox(line, mode=mode, anchor="ls") for line in lines]
    top = min((int(ink[1]) for ink in inks), default=0)
    row = max((int(ink[3]) for ink in inks), default=0) - top
    step = row + max(1, size_px // 6)
    widths = [int(ink[2] - ink[0]) for ink in inks]
    return Setting(
        lines=tuple(
            Line(line, int(ink[0]), width, number * step, number * step - top)
            for number, (line, ink, width) in enumerate(zip(lines, inks, widths, strict=True))
        ),
        size_px=size_px,
        bold=bold,
        width_px=max(widths, default=0),
        height_px=max(0, len(lines) * step - (step - row)),
        row_px=row,
    )


def largest(
    attempt: Callable[[int], Found | None], smallest_px: int, largest_px: int
) -> Found | None:
    """What `attempt` finds in the largest size for which it finds any; by halving, about six attempts."""
    best: Found | None = None
    low, high = smallest_px, largest_px
    while low <= high:
        size_px = (low + high) // 2
        if found := attempt(size_px):
            best, low = found, size_px + 1
        else:
            high = size_px - 1
    return best


def _words(text: str) -> list[str]:
    return (text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…").split()


def _ink_px(text: str, font: ImageFont.FreeTypeFont, mode: str) -> int:
    left, _, right, _ = font.getbbox(text, mode=mode, anchor="ls")
    return int(right - left)


def _wrapped(words: list[str], style: Style, font: ImageFont.FreeTypeFont) -> list[str]:
    """Greedy lines. A word wider than the box gets a line of its own and is found too wide later."""
    lines: list[str] = []
    for word in words:
        if lines and _ink_px(f"{lines[-1]} {word}", font, style.mode) <= style.width_px:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _balanced(lines: list[str], style: Style, font: ImageFont.FreeTypeFont) -> list[str]:
    """The same words in as many lines, the longest as short as can be: no word is left alone."""
    words = " ".join(lines).split()
    low, high = style.width_px // len(lines), style.width_px
    while low < high:
        middle = (low + high) // 2
        tighter = _wrapped(words, style._replace(width_px=middle), font)
        if len(tighter) <= len(lines):
            lines, high = tighter, middle
        else:
            low = middle + 1
    return lines


def _chopped(words: list[str], style: Style, font: ImageFont.FreeTypeFont) -> list[str]:
    """The words with those that are wider than the box broken into pieces; no letter is lost."""
    pieces: list[str] = []
    for word in words:
        piece = ""
        for letter in word:
            if piece and _ink_px(piece + letter, font, style.mode) > style.width_px:
                pieces.append(piece)
                piece = ""
            piece += letter
        pieces.append(piece)
    return pieces


def _attempt(words: list[str], style: Style, size_px: int, chop: bool) -> Setting | None:
    """The words in that size, if the box holds them."""
    font = face(size_px, style.bold)
    if chop and style.wrap:
        words = _chopped(words, style, font)
    lines = _wrapped(words, style, font) if style.wrap else [" ".join(words)]
    found = in_lines(lines, size_px, style.bold, style.mode)
    fits = found.width_px <= style.width_px and found.height_px <= style.height_px
    return found if fits else None


@lru_cache(maxsize=SETTINGS_MAX)
def fitted(text: str, style: Style, largest_px: int) -> Setting | None:
    """The text in the largest size that fits, no word broken; None when even the smallest does not.
    `largest_px` below the smallest is taken as it is: what bounds it is small already."""
    words = _words(text)
    least_px = max(FLOOR_PX, min(style.smallest_px, largest_px))
    found = largest(
        lambda px: _attempt(words, style, px, False), least_px, max(least_px, largest_px)
    )
    if not found or len(found.lines) < 2:
        return found
    lines = [line.text for line in found.lines]
    lines = _balanced(lines, style, face(found.size_px, style.bold))
    balanced = in_lines(lines, found.size_px, style.bold, style.mode)
    fits = balanced.width_px <= style.width_px and balanced.height_px <= style.height_px
    return balanced if fits else found


@lru_cache(maxsize=SETTINGS_MAX)
def squeezed(text: str, style: Style, largest_px: int) -> Setting:
    """The text in a box that is too small for it: a little smaller, then with long words broken, then
    smaller still, and at last shortened."""
    words = _words(text)
    most_px = max(FLOOR_PX, min(style.smallest_px, largest_px))
    little_px = max(FLOOR_PX, most_px * 3 // 4)
    return (
        largest(lambda px: _attempt(words, style, px, False), little_px, most_px)
        or largest(lambda px: _attempt(words, style, px, True), FLOOR_PX, most_px)
        or _shortened(" ".join(words), style)
    )


def _shortened(text: str, style: Style) -> Setting:
    """The last resort: as many letters as fit, and an ellipsis that says that there were more."""
    best = Setting((), FLOOR_PX, False, 0, 0, 0)
    low, high = 0, len(text)
    while low <= high:
        middle = (low + high) // 2
        words = f"{text[:middle].rstrip()}…".split()
        if found := _attempt(words, style, FLOOR_PX, True):
            best, low = found, middle + 1
        else:
            high = middle - 1
    return best
