"""The arrangement that most screens share: a sign, a heading, the amount, and below them what to do.

On landscape glass the sign stands left of heading and amount; on square glass everything is stacked. The
heading is never larger than the amount.
"""

from __future__ import annotations

from terminal.core.terms import Money
from terminal.screens.canvas import Box, Canvas


def lay(
    canvas: Canvas, box: Box, sign: str, heading: str, money: Money | None = None, *, body: int = 40
) -> Box:
    """Draw the upper part; returns the box below it, about `body` percent of the height."""
    if canvas.panel.is_wide:
        return _beside(canvas, box, sign, heading, money, body)
    return _stacked(canvas, box, sign, heading, money, body)


def _beside(
    canvas: Canvas, box: Box, sign: str, heading: str, money: Money | None, body: int
) -> Box:
    gap = 2 * canvas.unit
    side = box.height * (100 - body) // 100
    if box.width >= 3 * box.height:  # very wide: the sign may have all of the height
        place, box = box.cut_left(box.height, 2 * gap)
        top, rest = box.cut_top(side, gap)
    else:
        top, rest = box.cut_top(side, gap)
        place, top = top.cut_left(min(side, box.width * 3 // 10), gap)
    canvas.sign(sign, place)
    _head(canvas, top, heading, money)
    return rest


def _stacked(
    canvas: Canvas, box: Box, sign: str, heading: str, money: Money | None, body: int
) -> Box:
    gap = 2 * canvas.unit
    top, rest = box.cut_top(box.height * (100 - body) // 100, gap)
    place, top = top.cut_top(top.height * (40 if money else 60) // 100, gap)
    canvas.sign(sign, place)
    _head(canvas, top, heading, money)
    return rest


def _head(canvas: Canvas, box: Box, heading: str, money: Money | None) -> None:
    """The heading over the amount; the amount goes first, because it bounds all other sizes."""
    if money is None:
        canvas.text(heading, box, bold=True)
        return
    title, below = box.cut_top(box.height * 36 // 100, 2 * canvas.unit)
    canvas.amount(money, below)
    canvas.text(heading, title, bold=True)


def pair(canvas: Canvas, box: Box, first: str, second: str) -> None:
    """Two messages below each other, the first bold; as one text when one of them needs more room."""
    upper, lower = box.cut_top(box.height // 2, 2 * canvas.unit)
    if canvas.holds(first, upper, bold=True) and canvas.holds(second, lower):
        largest = max(canvas.smallest_px + 3, upper.height * 2 // 5)  # two lines, and air
        canvas.text(first, upper, bold=True, largest=largest)
        canvas.text(second, lower, largest=largest)
    else:
        canvas.text(f"{first} {second}", box)
