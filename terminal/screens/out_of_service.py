"""No sale can start: why, and what mends it. Also while the clock is not set (gateways.md 1.3)."""

from __future__ import annotations

from terminal.core.views import ClockNotSet, OutOfService
from terminal.screens import scene, words
from terminal.screens.canvas import Canvas, Tone


def draw(canvas: Canvas, view: OutOfService) -> None:
    box = canvas.begin(Tone.BAD)
    body = scene.lay(canvas, box, "stop", words.OUT_OF_SERVICE, body=60)
    scene.pair(canvas, body, view.why, view.remedy)


def draw_clock(canvas: Canvas, _: ClockNotSet) -> None:
    box = canvas.begin(Tone.WARN)
    body = scene.lay(canvas, box, "clock", words.CLOCK_NOT_SET, body=48)
    canvas.text(words.CLOCK_NEXT, body)
