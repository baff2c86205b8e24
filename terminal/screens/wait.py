"""The gateway was asked, or the customer is paying. The seconds show that the terminal lives."""

from __future__ import annotations

from terminal.core.views import Presenting, Waiting
from terminal.screens import scene, words
from terminal.screens.canvas import Canvas


def draw(canvas: Canvas, view: Waiting) -> None:
    box = canvas.begin()
    body = scene.lay(canvas, box, "hourglass", view.text, view.amount, body=20)
    if view.elapsed_s > 0:
        canvas.text(
            words.span(view.elapsed_s), body, largest=body.height * 2 // 3, colour=canvas.look.soft
        )


def draw_paying(canvas: Canvas, view: Presenting) -> None:
    """The code was scanned: it is gone from the glass, so that nobody else scans it."""
    box = canvas.begin()
    bar, box = box.cut_bottom(canvas.bar_px, 2 * canvas.unit)
    canvas.bar(bar, view.remaining_s, view.life_s)
    scene.lay(canvas, box, "hourglass", words.CUSTOMER_PAYING, view.amount, body=0)
