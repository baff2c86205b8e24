"""From a `Glass` to its canvas: takes the marks, finds the screen of the view, lets it draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from terminal.core import views
from terminal.core.views import Glass, Panel
from terminal.screens import (
    attention,
    checking,
    idle,
    out_of_service,
    present,
    result,
    scan,
    typed,
    wait,
    wallet,
)
from terminal.screens.canvas import Canvas, Marks

SCREENS: dict[type, Callable[[Canvas, Any], None]] = {
    views.Idle: idle.draw,
    views.Typing: typed.draw,
    views.Choosing: wallet.draw,
    views.Presenting: present.draw,
    views.Scanning: scan.draw,
    views.Waiting: wait.draw,
    views.Checking: checking.draw,
    views.Paid: result.draw_paid,
    views.NotPaid: result.draw_not_paid,
    views.Attention: attention.draw,
    views.OutOfService: out_of_service.draw,
    views.ClockNotSet: out_of_service.draw_clock,
}


def paint(glass: Glass, panel: Panel) -> Canvas:
    """The finished canvas. Refusal when a code does not fit the panel."""
    canvas = Canvas(panel, Marks(glass.test, glass.resolving))
    SCREENS[type(glass.view)](canvas, glass.view)
    return canvas
