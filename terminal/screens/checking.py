"""RESULT UNKNOWN. The truth between PAID and NOT PAID: a question mark, and what not to do."""

from __future__ import annotations

from terminal.core.views import Checking
from terminal.screens import scene, words
from terminal.screens.canvas import Canvas, Tone


def draw(canvas: Canvas, view: Checking) -> None:
    box = canvas.begin(Tone.WARN)
    body = scene.lay(canvas, box, "question", words.CHECKING, view.amount, body=46)
    warning, status = body.cut_top(body.height * 60 // 100, canvas.unit)
    canvas.label(words.DO_NOT_HAND_OVER, warning)
    since = (words.since(view.since_s, view.doing), words.since(view.since_s, ""))
    canvas.first(since, status, largest=status.height * 3 // 4, wrap=True)
