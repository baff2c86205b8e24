"""Our code: what fits a panel readably, and the card that is pasted onto it.

The rule (decoding.md 4, measured on simulated photographs): a module is at least 0.34 mm, better 0.45 mm; at
least two pixels wide; two lit modules of quiet zone around it, four where they cost no pixel per module; dark
modules unlit on a lit card, never inverted. What breaks the rule is refused, not drawn.

EMVCo 4.12: byte mode only; ECI 26 when the text is not ASCII. Error level L, because nothing scratches a
screen and L buys a version; segno raises the level by itself where that is free. The mask is fixed: every
mask can be read, and trying all eight costs four times the encoding (0.2 s on a Zero 2 W).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from terminal.core.terms import Refusal
from terminal.core.views import Panel

BETTER_UM = 450  # read at 15-20 cm
GOOD_UM = 340  # read at 10-15 cm
CLOSE_UM = 290  # read at 6-10 cm: allowed, flagged
PX_MIN = 2  # one pixel per module: never read on a 0.96 inch OLED, hardly on a 1.5 inch one
QUIET_MIN, QUIET_BEST = 2, 4
LINE_PX = 6  # the least below and beside the card: digits five pixels tall, and the bar
MASK = 2
CODES_MAX = 4  # one sale has one code; the bar below it is redrawn every second

# Bytes that versions 1..40 hold at level L in byte mode (ISO/IEC 18004 table 7). An ECI header costs one.
_CAPACITY = """
17 32 53 78 106 134 154 192 230 271 321 367 425 458 520 586 644 718 792 858
929 1003 1091 1171 1273 1367 1465 1528 1628 1732 1840 1952 2068 2188 2303 2431 2563 2699 2809 2953
"""
CAPACITY = tuple(map(int, _CAPACITY.split()))


@dataclass(frozen=True, slots=True)
class Fit:
    """How a code goes onto a panel. `quiet`: lit modules on each side. `close_only`: under 0.34 mm."""

    version: int
    px_per_module: int
    quiet: int
    close_only: bool

    @property
    def modules(self) -> int:
        """Dark and lit modules along one side, without the quiet zone."""
        return 17 + 4 * self.version

    @property
    def card_px(self) -> int:
        """The side of the lit card: code and quiet zone."""
        return (self.modules + 2 * self.quiet) * self.px_per_module


def fit(payload: str, panel: Panel) -> Fit:
    """The best readable size of `payload` on `panel`. Refusal, for whoever sent the payload, when there is
    none: it says how much would fit."""
    length = len(_encoded(payload))
    if not length:
        raise Refusal("There is no code to show: the gateway sent an empty one. Ask for another.")
    version = next((v for v, most in enumerate(CAPACITY, 1) if length <= most), None)
    found = _placed(version, panel) if version else None
    if found:
        return found
    most = bytes_max(panel)
    if not most:
        raise Refusal(
            f"No code can be read from {panel}: it is too small. Let the customer show theirs."
        )
    raise Refusal(
        f"A code of {length} bytes cannot be read from {panel}; {most} bytes can. "
        "Ask the gateway for a short link, use a larger display, or let the customer show their code."
    )


def bytes_max(panel: Panel) -> int:
    """The longest payload that can be read from `panel`, in bytes of UTF-8 (one less when not ASCII)."""
    versions = range(len(CAPACITY), 0, -1)
    return next((CAPACITY[version - 1] for version in versions if _placed(version, panel)), 0)


@lru_cache(maxsize=CODES_MAX)
def card(payload: str, fitted: Fit) -> Image.Image:
    """The lit card with the code, mode "1", `card_px` squared. Do not write on it: it is kept."""
    import segno  # 69 ms: only when a code is shown

    code = segno.make(
        payload,
        error="L",
        version=fitted.version,
        mode="byte",
        mask=MASK,
        encoding="utf-8",
        eci=not payload.isascii(),
        micro=False,
    )
    side = fitted.modules + 2 * fitted.quiet
    lit = bytes(0 if dark else 255 for row in code.matrix_iter(border=fitted.quiet) for dark in row)
    small = Image.frombytes("L", (side, side), lit).convert("1", dither=Image.Dither.NONE)
    return small.resize((fitted.card_px, fitted.card_px), Image.Resampling.NEAREST)


def _encoded(payload: str) -> bytes:
    """The payload's bytes, and one more for the ECI header when it needs one."""
    try:
        return payload.encode() if payload.isascii() else b"\0" + payload.encode()
    except UnicodeEncodeError:
        raise Refusal(
            "The gateway's code is not text (a lone surrogate). Ask for another."
        ) from None


def _placed(version: int, panel: Panel) -> Fit | None:
    """The largest module that fits, giving way to the caption only while the module stays readable."""
    roomy, narrow = _captions(panel)
    for module_um, caption_px in (
        (BETTER_UM, roomy),
        (BETTER_UM, narrow),
        (GOOD_UM, narrow),
        (GOOD_UM, LINE_PX),
        (CLOSE_UM, narrow),
        (CLOSE_UM, LINE_PX),
    ):
        found = _in_square(version, panel, _square_px(panel, caption_px))
        if found and found.px_per_module * panel.pitch_um >= module_um:
            return found
    return None


def _in_square(version: int, panel: Panel, side_px: int) -> Fit | None:
    modules = 17 + 4 * version
    px = side_px // (modules + 2 * QUIET_MIN)
    if px < PX_MIN:
        return None
    quiet = min(QUIET_BEST, (side_px // px - modules) // 2)
    return Fit(version, px, quiet, close_only=px * panel.pitch_um < GOOD_UM)


def _captions(panel: Panel) -> tuple[int, int]:
    """What the amount would like of the longer side, and the least it is legible in (2.5 mm of digits)."""
    if panel.is_wide:
        return panel.width_px * 2 // 5, 10_000 // panel.pitch_um
    return panel.height_px * 28 // 100, max(12, 2_500 // panel.pitch_um)


def _square_px(panel: Panel, caption_px: int) -> int:
    if panel.is_wide:
        return min(panel.height_px, panel.width_px - caption_px)
    return min(panel.width_px - LINE_PX, panel.height_px - caption_px)
