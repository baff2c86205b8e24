"""A keypad on a cable: whoever is plugged in presses keys.

To the keypad: the value of a `Key` in ASCII, such as b"7", b"00", b"+", b"ok", b"cancel"; one message, one
press. Anything else is ignored. From the keypad: nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from terminal.core.events import Key
from terminal.devices.cable import Cable
from terminal.devices.keypad import Pressed

KEY_BYTES_MAX = 32

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    socket: str


class Device:
    stuck: tuple[str, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self._pressed: Pressed | None = None
        self._cable = Cable(settings.socket, self._told, limit_bytes=KEY_BYTES_MAX)

    def listen(self, pressed: Pressed) -> None:
        self._pressed = pressed

    @property
    def lost(self) -> str | None:
        return self._cable.lost

    def close(self) -> None:
        self._cable.close()

    def _told(self, message: bytes) -> None:
        key = _KEYS.get(message)
        if key is None:
            log.warning("no key is called %r", message)
        elif self._pressed:
            self._pressed(key)


_KEYS = {key.value.encode(): key for key in Key}
