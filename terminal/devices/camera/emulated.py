"""A camera on a cable: whoever is plugged in holds pictures before it.

To the camera, one frame per message; the newest wins, and frames that come while it is stopped are dropped:

    2 bytes   rows, unsigned, big endian
    2 bytes   cols, likewise
    n bytes   rows x cols gray values, 0 black .. 255 white

From the camera (sticky): b"on" while frames are wanted, b"off" while not.
"""

from __future__ import annotations

import logging
import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from terminal.devices.cable import Cable

if TYPE_CHECKING:
    from terminal.eye import Gray

HEADER = struct.Struct("!HH")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    socket: str


class Device:
    def __init__(self, settings: Settings) -> None:
        self._came = threading.Condition()
        self._on = False
        self._newest: Gray | None = None
        self._cable = Cable(settings.socket, self._shown, sticky=True)
        self._cable.send(b"off")

    def start(self) -> None:
        self._turn(on=True)

    def stop(self) -> None:
        self._turn(on=False)

    def next_frame(self, timeout_s: float) -> Gray | None:
        with self._came:
            self._came.wait_for(lambda: self._newest is not None, timeout_s)
            frame, self._newest = self._newest, None
            return frame

    @property
    def lost(self) -> str | None:
        return self._cable.lost

    def close(self) -> None:
        self._cable.close()

    def _turn(self, *, on: bool) -> None:
        with self._came:
            self._on = on
            self._newest = None
        self._cable.send(b"on" if on else b"off")

    def _shown(self, message: bytes) -> None:
        frame = unpack(message)
        if frame is None:
            log.warning("a message of %d bytes is no frame", len(message))
            return
        with self._came:
            if self._on:
                self._newest = frame
                self._came.notify_all()


def pack(rows: int, cols: int, pixels: bytes) -> bytes:
    """A gray frame as one message."""
    return HEADER.pack(rows, cols) + pixels


def unpack(message: bytes) -> memoryview | None:
    """The frame in a message as a view of (rows, cols), None when the message is no frame."""
    if len(message) <= HEADER.size:
        return None
    rows, cols = HEADER.unpack_from(message)
    if len(message) != HEADER.size + rows * cols:
        return None
    return memoryview(message)[HEADER.size :].cast("B", (rows, cols))
