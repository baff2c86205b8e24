"""Nobody is paying: the shop's name, and whether the line is up, before anyone types."""

from __future__ import annotations

from terminal.core.views import Idle
from terminal.screens import scene, words
from terminal.screens.canvas import Box, Canvas


def draw(canvas: Canvas, view: Idle) -> None:
    box = canvas.begin()
    if not view.online:
        _offline(canvas, view, box)
        return
    if view.contact:
        contact, box = box.cut_bottom(box.height // 5, canvas.unit)
        canvas.text(view.contact, contact, largest=contact.height * 3 // 4, colour=canvas.look.soft)
    canvas.text(view.title, box, largest=box.height // 2, bold=True)


def _offline(canvas: Canvas, view: Idle, box: Box) -> None:
    body = scene.lay(canvas, box, "broken", words.NO_CONNECTION, body=60)
    scene.pair(canvas, body, view.title, view.contact)
