"""Draws. A pure function from what should be seen to a picture: `draw(glass, panel) -> PIL.Image`.

The rules of this room:

1. No clock, no device, no journal. Equal input, equal pixels: golden PNGs are the tests.
2. One screen, one file; `canvas.py` has boxes and text that fits. The amount is the largest thing on every
   screen of a sale. PAID, NOT PAID and UNKNOWN differ in shape and words, never in colour alone.
3. A code is drawn readably or not at all: `qr.fit(payload, panel)` refuses with words that name the panel.
4. What people read stands in `words.py`. No text is ever cut: it shrinks, then wraps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from terminal.core.views import Panel

if TYPE_CHECKING:
    from PIL.Image import Image

    from terminal.core.views import Glass

__all__ = ["Panel", "draw"]


def draw(glass: Glass, panel: Panel) -> Image:
    """The picture of `glass`: a new image of the panel's size and mode.

    Refusal when a code does not fit the panel readably; ask `qr.fit` before presenting one.
    """
    from terminal.screens import frame  # PIL costs 45 ms: only for who draws

    return frame.paint(glass, panel).image
