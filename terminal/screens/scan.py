"""The scanner alone is armed: the customer shows their code."""

from __future__ import annotations

from terminal.core.views import Scanning
from terminal.screens import scene, words
from terminal.screens.canvas import Canvas

BAR_S = 60  # the longest time that the bar shows; a customer's code lives about that long


def draw(canvas: Canvas, view: Scanning) -> None:
    box = canvas.begin()
    bar, box = box.cut_bottom(canvas.bar_px, 2 * canvas.unit)
    canvas.bar(bar, view.remaining_s, BAR_S)
    body = scene.lay(
        canvas, box, "phone", words.SHOW_CODE, view.amount, body=30 if view.note else 0
    )
    if view.note:
        canvas.label(view.note, body)
