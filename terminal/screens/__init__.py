"""Draws. A pure function from what should be seen to a picture: `draw(glass, panel) -> PIL.Image`.

The rules of this room:

1. No clock, no device, no journal. Equal input, equal pixels: golden PNGs are the tests.
2. One screen, one file; `canvas.py` has boxes and text that fits. The amount is the largest thing on every
   screen of a sale. PAID, NOT PAID and UNKNOWN differ in shape and words, never in colour alone.
3. A code is drawn readably or not at all: `qr.fit(payload, panel)` refuses with words that name the panel.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Panel:
    """A display's glass: size in pixels, `mode` "1" (mono) or "RGB", and the pixel pitch in micrometres,
    which decides how far away a code can be read (decoding.md 4)."""

    width_px: int
    height_px: int
    mode: str
    pitch_um: int
    name: str = ""
