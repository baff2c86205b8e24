"""A human must look. A short word for the phone, and the order's number in fives to read out."""

from __future__ import annotations

from terminal.core.views import Attention
from terminal.screens import scene, words
from terminal.screens.canvas import Canvas


def draw(canvas: Canvas, view: Attention) -> None:
    box = canvas.begin()
    body = scene.lay(canvas, box, "exclamation", words.CALL_HELPER, view.amount, body=50)
    word, number = body.cut_top(body.height * 42 // 100, canvas.unit)
    canvas.label(view.word, word, largest=word.height)
    canvas.text(words.spelt(view.order_no), number, largest=number.height * 3 // 5)
