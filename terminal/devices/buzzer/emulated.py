"""A buzzer on a cable: whoever is plugged in hears what is to be heard.

From the buzzer: the value of a `Beep` in ASCII, such as b"key" or b"paid". A newer one cuts off an older one,
which is for the far end to do. Not sticky: who plugs in later has not heard it. To the buzzer: nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from terminal.core.effects import Beep
from terminal.devices.cable import Cable

BEEP_BYTES_MAX = 32


@dataclass(frozen=True, slots=True)
class Settings:
    socket: str


class Device:
    def __init__(self, settings: Settings) -> None:
        self._cable = Cable(settings.socket, limit_bytes=BEEP_BYTES_MAX)

    def beep(self, beep: Beep) -> None:
        self._cable.send(beep.value.encode())

    def close(self) -> None:
        self._cable.close()
