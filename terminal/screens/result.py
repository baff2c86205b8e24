"""PAID and NOT PAID. The one is a tick on a glass that is all lit, the other a cross and the reason in words.

Shown again after a restart, neither looks like a new result: "Last sale" stands in the band above,
and PAID is not lit.
"""

from __future__ import annotations

from terminal.core.views import NotPaid, Paid
from terminal.screens import scene, words
from terminal.screens.canvas import Canvas, Tone


def draw_paid(canvas: Canvas, view: Paid) -> None:
    box = canvas.begin(Tone.PLAIN if view.again else Tone.GOOD, view.again)
    reference = words.reference(view.reference, view.wallet)
    body = scene.lay(canvas, box, "tick", words.PAID, view.amount, body=20 if reference else 0)
    canvas.text(reference, body, largest=body.height * 4 // 5)


def draw_not_paid(canvas: Canvas, view: NotPaid) -> None:
    box = canvas.begin(Tone.PLAIN if view.again else Tone.BAD, view.again)
    body = scene.lay(canvas, box, "cross", words.NOT_PAID, view.amount, body=42)
    canvas.text(words.REASONS[view.reason], body)
