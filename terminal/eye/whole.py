"""The stages that need zxing-cpp alone: they look at the frame as it lies in memory."""

from __future__ import annotations

from terminal.eye.look import Look
from terminal.eye.readers import Reading, zxing
from terminal.eye.seen import Seen, View


def seen(view: View, readings: list[Reading]) -> list[Seen]:
    return [Seen(reading, view) for reading in readings]


def fast(look: Look) -> list[Seen]:
    return seen(look.whole, zxing(look.frame))


def tries(look: Look) -> list[Seen]:
    """Turned by a right angle, smaller, light on dark."""
    return seen(look.whole, zxing(look.frame, rotated=True, smaller=True, inverted=True))


def histogram(look: Look) -> list[Seen]:
    """Black is below one threshold for the whole frame."""
    view = look.whole.changed("histogram", look.frame)
    return seen(view, zxing(look.frame, rotated=True, inverted=True, histogram=True))
