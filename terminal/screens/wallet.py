"""Whose wallet is it? Up to three names, and 0 to ask the customer; before each its key, dark on lit."""

from __future__ import annotations

from terminal.core.views import Choosing
from terminal.screens import words
from terminal.screens.canvas import Box, Canvas

WALLETS_MAX = 3
Row = tuple[Box, Box]  # of the key, and of the name


def draw(canvas: Canvas, view: Choosing) -> None:
    box = canvas.begin()
    top, box = box.cut_top(box.height * 34 // 100, 2 * canvas.unit)
    canvas.amount(view.amount, top)
    names = view.wallets[:WALLETS_MAX]
    columns = (2, 1) if canvas.panel.is_wide and len(names) > 1 else (1, 2)
    arranged = [_rows(canvas, box, len(names) + 1, number) for number in columns]
    rows = max(arranged, key=lambda rows: _size(canvas, names, rows))
    size_px = _size(canvas, names, rows) or None
    for key, name, row in zip(range(1, len(rows)), names, rows[:-1], strict=True):
        _key(canvas, key, row[0])
        canvas.text(name, row[1], largest=size_px, align=0.0)
    _key(canvas, 0, rows[-1][0])
    canvas.first(words.ASK, rows[-1][1], largest=size_px, align=0.0, wrap=True)


def _key(canvas: Canvas, key: int, cap: Box) -> None:
    canvas.fill(cap, canvas.look.ink)
    canvas.text(str(key), cap.inset(canvas.unit), bold=True, colour=canvas.look.paper)


def _rows(canvas: Canvas, box: Box, count: int, columns: int) -> list[Row]:
    """The key as on the pad and the room for its name, `columns` of them beside each other."""
    gap = canvas.unit
    rows = -(-count // columns)
    height = (box.height - gap * (rows - 1)) // rows
    width = (box.width - 2 * gap * (columns - 1)) // columns
    places = (
        Box(
            box.x + (number % columns) * (width + 2 * gap),
            box.y + (number // columns) * (height + gap),
            width,
            height,
        )
        for number in range(count)
    )
    return [place.cut_left(min(height, width // 4), 2 * gap) for place in places]


def _size(canvas: Canvas, names: tuple[str, ...], rows: list[Row]) -> int:
    """The size in which all names can be written alike; 0 when one of them would have to be broken."""
    places = [place for _, place in rows]
    if not all(map(canvas.holds, names, places)):
        return 0
    sizes = (
        canvas.size_of(name, place, largest=place.height * 3 // 4)
        for name, place in zip(names, places[:-1], strict=True)
    )
    return min(sizes, default=0)
