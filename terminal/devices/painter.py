"""The hand that paints a display: a thread of its own, so that a slow bus never holds the loop.

The newest picture wins; those between are never drawn. What the glass is spared is decided here too, for every
kind of display: full light while a code is shown, less otherwise, little when nothing has changed for a while,
and a picture that stands still walks round by a pixel, so that no letter burns itself into an OLED.

A display that fails is closed, opened anew with back-off, and gets the newest picture again. Between two
pictures it is looked at once in `CHECK_S`: a display that died while idle must be known before a sale starts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from terminal.devices.keeper import Faults, Keeper

if TYPE_CHECKING:
    from PIL.Image import Image

    from terminal.core.views import Panel

CHECK_S = 1.0
OPEN_TIMEOUT_S = 3.0
HANGS_S = 5.0  # the slowest panel of the house takes 0.4 s for a whole picture
ORBIT = ((0, 0), (1, 0), (1, 1), (0, 1))  # px

log = logging.getLogger(__name__)


class Surface(Protocol):
    """An open display. Everything may raise the painter's `faults`; then it is closed and opened anew."""

    def paint(self, image: Image) -> None:
        """Put the picture on the glass. Sends what differs from the last one."""
        ...

    def light(self, level: int) -> None:
        """0 dark, 255 as bright as it gets."""
        ...

    def check(self) -> None:
        """A cheap look whether it is still there."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """How a glass is treated; the part of a display's settings that all kinds share.

    Light levels are 0 to 255: `bright` while a code is shown, `normal` otherwise, `dim` when nothing changed for
    `dim_after_s`, dark after `blank_after_s`. While dim, the picture moves by a pixel every `shift_every_s`.
    0 seconds: never."""

    bright: int = 255
    normal: int = 180
    dim: int = 60
    dim_after_s: float = 60
    blank_after_s: float = 0
    shift_every_s: float = 60

    def __post_init__(self) -> None:
        for name in ("bright", "normal", "dim"):
            if not 1 <= getattr(self, name) <= 255:
                raise ValueError(f"{name} is a level of light from 1 to 255")
        for name in ("dim_after_s", "blank_after_s", "shift_every_s"):
            if not 0 <= getattr(self, name) <= 86_400:
                raise ValueError(f"{name} is 0 (never) to 86400 seconds")
        if 0 < self.blank_after_s < self.dim_after_s:
            raise ValueError(
                "blank_after_s comes before dim_after_s; write the larger number there"
            )


class Look(NamedTuple):
    """How a picture is to be shown now."""

    level: int
    shift_px: tuple[int, int] = (0, 0)


def look(care: Care, *, bright: bool, age_s: float) -> Look:
    """For a picture that came `age_s` ago. A code is never moved and never dimmed."""
    if bright:
        return Look(care.bright)
    if 0 < care.blank_after_s <= age_s:
        return Look(0)
    if 0 < care.dim_after_s <= age_s:
        steps = int((age_s - care.dim_after_s) / care.shift_every_s) if care.shift_every_s else 0
        return Look(care.dim, ORBIT[steps % len(ORBIT)])
    return Look(care.normal)


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    image: Image
    bright: bool
    came_s: float

    def shifted(self, by_px: tuple[int, int]) -> Image:
        if by_px == (0, 0):
            return self.image
        moved = self.image.copy()
        moved.paste(self.image, by_px)
        return moved


class Painter:
    """A display (devices.display) on a bus that may be slow or gone: a driver's `Device` says how it is opened."""

    def __init__(
        self,
        panel: Panel,
        care: Care,
        opening: Callable[[], Surface],
        faults: Callable[[], Faults],
        explain: Callable[[Exception], str],
    ) -> None:
        """Waits a moment for the display, and never raises: see `lost`."""
        self.panel = panel
        self._care = care
        self._opening = opening
        self._faults = faults
        self._newest: _Picture | None = None
        self._busy_since_s: float | None = None
        self._came = threading.Event()
        self._keeper = Keeper("display", self._serve, faults, explain)
        self._keeper.start(OPEN_TIMEOUT_S)

    def show(self, image: Image, *, bright: bool = False) -> None:
        assert image.size == (self.panel.width_px, self.panel.height_px), image.size
        assert image.mode == self.panel.mode, image.mode
        self._newest = _Picture(image, bright, time.monotonic())
        self._came.set()

    @property
    def hangs(self) -> bool:
        return self._keeper.ended or self._stuck

    @property
    def _stuck(self) -> bool:
        since_s = self._busy_since_s
        return since_s is not None and time.monotonic() - since_s > HANGS_S

    @property
    def lost(self) -> str | None:
        if self._stuck:
            return (
                "The display takes no picture any more. Check its wires, then restart the terminal."
            )
        return self._keeper.lost

    def close(self) -> None:
        self._keeper.closing.set()
        self._came.set()
        self._keeper.close()

    # -- the display's thread -----------------------------------------------------------------------

    def _serve(self) -> None:
        surface: Surface | None = None
        try:
            self._busy_since_s = time.monotonic()
            surface = self._opening()
            self._paint_on(surface)
        finally:
            self._shut(surface)
            self._busy_since_s = None

    def _paint_on(self, surface: Surface) -> None:
        shown: tuple[_Picture | None, Look] | None = None
        while not self._keeper.closing.is_set():
            self._came.clear()  # before the look at the newest: what comes now rings again
            newest, now_s = self._newest, time.monotonic()
            self._busy_since_s = now_s
            if newest is None:
                surface.check()
            else:
                shown = self._bring(surface, newest, now_s, shown)
            self._busy_since_s = None
            self._keeper.works()
            self._came.wait(CHECK_S)

    def _bring(
        self,
        surface: Surface,
        newest: _Picture,
        now_s: float,
        shown: tuple[_Picture | None, Look] | None,
    ) -> tuple[_Picture, Look]:
        """Picture first, then the light: a code is on the glass before the glass lights up."""
        wanted = look(self._care, bright=newest.bright, age_s=now_s - newest.came_s)
        picture, now = shown or (None, None)
        if picture is not newest or now is None or now.shift_px != wanted.shift_px:
            surface.paint(newest.shifted(wanted.shift_px))
        else:
            surface.check()
        if now is None or now.level != wanted.level:
            surface.light(wanted.level)
        return newest, wanted

    def _shut(self, surface: Surface | None) -> None:
        try:
            if surface is not None:
                surface.close()
        except self._faults() as fault:
            log.info("the display was not closed cleanly: %s", fault)
