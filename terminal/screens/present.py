"""Our code on the glass, the amount beside or under it, and the time that is left as a shrinking bar.

The code comes first: what else is shown takes the room that `qr.fit` left. When that is only a few rows, the
amount alone stands there, and the bar stands upright beside the card. Marks never touch the quiet zone.
"""

from __future__ import annotations

from terminal.core.views import Presenting
from terminal.screens import qr, wait, words
from terminal.screens.canvas import Box, Canvas

HINT_SHARES = (33, 50, 65)  # of the caption's height, in percent: a long note may take more


def draw(canvas: Canvas, view: Presenting) -> None:
    """Refusal when the code does not fit the panel."""
    if view.payer_acting:
        wait.draw_paying(canvas, view)
        return
    fit = qr.fit(view.qr, canvas.panel)
    arrange = _beside if canvas.panel.is_wide else _above
    card, bar, caption = arrange(canvas, fit.card_px)
    canvas.stencil(qr.card(view.qr, fit), (card.x, card.y))
    canvas.bar(bar, view.remaining_s, view.life_s)
    _caption(canvas, view, caption)


def _beside(canvas: Canvas, card_px: int) -> tuple[Box, Box, Box]:
    """Landscape: the card on the left, all else in the column right of it, the bar at its foot."""
    top = (canvas.box.height - card_px) // 2
    left = min(top, 2 * canvas.unit)
    card = Box(left, top, card_px, card_px)
    column = canvas.box.cut_left(card.right, canvas.unit)[1].inset(canvas.unit)
    bar, rest = canvas.draw_marks(column).cut_bottom(canvas.bar_px, 2 * canvas.unit)
    return card, bar, rest


def _above(canvas: Canvas, card_px: int) -> tuple[Box, Box, Box]:
    """Square: the card at the top with the bar upright beside it, the amount below.

    The marks go into the column beside them, or, when that is too narrow, into the line of the amount."""
    glass, gap = canvas.box, canvas.unit
    bar_px = min(canvas.bar_px, glass.width - card_px - gap)
    top = min(2 * gap, (glass.height - card_px) // 8)
    spare = glass.width - card_px - 3 * gap - bar_px
    in_column = bool(canvas.marks) and canvas.takes_marks(spare)
    card = Box(0 if in_column else (spare + 2 * gap) // 2, top, card_px, card_px)
    bar = Box(card.right + gap, top, bar_px, card_px)
    row = glass.cut_top(card.bottom, 1)[1]
    if in_column:
        canvas.draw_marks(Box(bar.right + 2 * gap, top, spare, card_px))
    elif canvas.marks:
        row = _mark_row(canvas, row)
    return card, bar, row


def _mark_row(canvas: Canvas, row: Box) -> Box:
    """TEST at the left, the counter at the right of the only line there is; what is between them."""
    if canvas.marks.test:
        mark, row = row.cut_left(row.width // 5, 2 * canvas.unit)
        canvas.text(words.TEST, mark, bold=True, wrap=False)
    if canvas.marks.resolving:
        mark, row = row.cut_right(row.width // 5, 2 * canvas.unit)
        canvas.text(words.resolving(canvas.marks.resolving)[1], mark, wrap=False)
    return row


def _caption(canvas: Canvas, view: Presenting, box: Box) -> None:
    """The amount, and under it a word for the customer, if both can be read."""
    hint = view.note or (words.OR_SHOW_CODE if view.scan_too else "")
    enough_px = min(canvas.smallest_px * 3 // 2, canvas.amount_px(view.amount, box))
    for share in HINT_SHARES if hint else ():
        place, rest = box.cut_bottom(box.height * share // 100, canvas.unit)
        amount_px = canvas.amount_px(view.amount, rest)
        if amount_px >= enough_px and canvas.holds(hint, place.inset(canvas.unit)):
            canvas.amount(view.amount, rest)
            draw_hint = canvas.label if view.note else canvas.text
            draw_hint(hint, place, largest=amount_px * 4 // 5)
            return
    canvas.amount(view.amount, box)
