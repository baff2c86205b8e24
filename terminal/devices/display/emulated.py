"""A display on a cable: what is shown goes to whoever is plugged in (the bench page, a test).

From the display (sticky: the picture on the glass is sent at once to whoever plugs in):

    2 bytes   width in px, unsigned, big endian
    2 bytes   height in px, likewise
    4 bytes   mode in ASCII, filled up with NUL: "1", "L" or "RGB"
    1 byte    1: bright (a code is shown), 0: normal
    n bytes   the pixels as PIL's `tobytes` gives them; mode "1" has 8 px per byte, rows filled up to bytes

To the display: b"unplugged" and b"plugged", the bench's way to play a display that died (F85).
"""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from terminal.core.views import Panel
from terminal.devices.cable import Cable

if TYPE_CHECKING:
    from PIL.Image import Image

HEADER = struct.Struct("!HH4s?")
SIDE_MAX_PX = 800  # 800 x 800 in RGB still fits the cable's message

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`pitch_um`: distance of two pixels, which decides how far away a code can be read."""

    socket: str
    width_px: int
    height_px: int
    mode: Literal["1", "L", "RGB"]
    pitch_um: int
    name: str = "emulated"

    def __post_init__(self) -> None:
        for side_px in (self.width_px, self.height_px):
            if not 1 <= side_px <= SIDE_MAX_PX:
                raise ValueError(f"a side of the panel is 1 to {SIDE_MAX_PX} px, not {side_px}")
        if self.pitch_um <= 0:
            raise ValueError("pitch_um is the distance of two pixels in micrometres, such as 128")


class Device:
    hangs = False

    def __init__(self, settings: Settings) -> None:
        self.panel = Panel(
            width_px=settings.width_px,
            height_px=settings.height_px,
            mode=settings.mode,
            pitch_um=settings.pitch_um,
            name=settings.name,
        )
        self._plugged = True
        self._cable = Cable(settings.socket, self._told, sticky=True)

    def show(self, image: Image, *, bright: bool = False) -> None:
        assert image.size == (self.panel.width_px, self.panel.height_px), image.size
        assert image.mode == self.panel.mode, image.mode
        self._cable.send(pack(image, bright=bright))

    @property
    def lost(self) -> str | None:
        if not self._plugged:
            return "The emulated display is unplugged. Plug it in on the bench page."
        return self._cable.lost

    def close(self) -> None:
        self._cable.close()

    def _told(self, message: bytes) -> None:
        if message in (b"plugged", b"unplugged"):
            self._plugged = message == b"plugged"
        else:
            log.warning("a display takes b'plugged' and b'unplugged', not %r", message[:16])


def pack(image: Image, *, bright: bool) -> bytes:
    """A picture as one message."""
    return HEADER.pack(*image.size, image.mode.encode(), bright) + image.tobytes()


def unpack(message: bytes) -> tuple[Image, bool]:
    """The picture in a message, and whether it is bright. ValueError when it is no picture."""
    from PIL import Image

    if len(message) <= HEADER.size:
        raise ValueError(f"{len(message)} bytes are no picture")
    width_px, height_px, mode, bright = HEADER.unpack_from(message)
    pixels = message[HEADER.size :]
    return Image.frombytes(mode.rstrip(b"\0").decode(), (width_px, height_px), pixels), bright
