"""The amount being keyed: the sum large; with more than one item also what is typed now."""

from __future__ import annotations

from terminal.core.views import Typing
from terminal.screens import amount, words
from terminal.screens.canvas import Box, Canvas


def draw(canvas: Canvas, view: Typing) -> None:
    box = canvas.begin()
    share = box.height // 4
    note, box = box.cut_bottom(share if view.note else 0, canvas.unit)
    line, box = box.cut_top(share if view.items > 1 else 0, canvas.unit)
    canvas.amount(view.total, box)
    if view.note:
        canvas.label(view.note, note, largest=share * 3 // 4)
    if view.items > 1:
        _items(canvas, view, line)


def _items(canvas: Canvas, view: Typing, line: Box) -> None:
    """ "3 items" on the left, "+ 2.50" on the right: the sum below has it already."""
    count, item = line.cut_left(line.width * 2 // 5, 2 * canvas.unit)
    largest = line.height * 4 // 5
    canvas.text(
        words.items(view.items),
        count,
        largest=largest,
        colour=canvas.look.soft,
        align=0.0,
        wrap=False,
    )
    figures = f"+ {amount.figures(view.item)}"
    wraps = not canvas.holds(figures, item, bold=True, wrap=False)
    canvas.text(figures, item, largest=largest, bold=True, align=1.0, wrap=wraps)
