"""A USB numeric pad, grabbed. What each of its keys means is in the profile:

[keypad]
driver = "evdev"
path = "/dev/input/by-id/usb-...-event-kbd"
[keypad.keys]          # the kernel's names (keyboard.py) -> values of Key; what is not said stays as it is
KPDOT = "00"
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from terminal.core.events import Key
from terminal.devices.keyboard import CODES, Listener, Stroke, odd_path
from terminal.devices.keypad import Pressed
from terminal.devices.matrix import STUCK_MS, Meanings, Place

LAYOUT = {
    **{f"KP{digit}": str(digit) for digit in range(10)},
    **{str(digit): str(digit) for digit in range(10)},
    "KPDOT": "00",
    "KPCOMMA": "00",
    "KPPLUS": "+",
    "KPMINUS": "cancel",
    "ESC": "cancel",
    "BACKSPACE": "back",
    "KPENTER": "ok",
    "ENTER": "ok",
    "KPSLASH": "menu",
    "KPASTERISK": "menu",
    "TAB": "menu",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`path`: best one of /dev/input/by-id, which survives replugging."""

    path: str
    keys: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if fault := odd_path(self.path):
            raise ValueError(fault)
        for name, meaning in self.keys.items():
            if name not in CODES:
                raise ValueError(
                    f'keys has "{name}", which is no key; names are such as KP1, ENTER'
                )
            if meaning and meaning not in {key.value for key in Key}:
                known = ", ".join(key.value for key in Key)
                raise ValueError(
                    f'keys has {name} = "{meaning}"; it can mean {known}, or "" for nothing'
                )

    @property
    def pad(self) -> list[Key]:
        """Every key that can be pressed here, whichever of its names the pad uses."""
        return list(dict.fromkeys(self.meanings().values()))

    def meanings(self) -> dict[str, Key]:
        """The kernel's name -> what it means."""
        said = {**LAYOUT, **self.keys}
        return {name: Key(meaning) for name, meaning in said.items() if meaning}


class Device:
    """One row of a pad without ghosts: the meanings of held and overlapping keys are the matrix pad's."""

    def __init__(self, settings: Settings) -> None:
        known = settings.meanings()
        self._places: dict[str, Place] = {name: (0, at) for at, name in enumerate(known)}
        self._row = tuple(known.values())
        self._pressed: Pressed | None = None
        self._opened()
        self._listener = Listener("keypad", settings.path, self._heard, self._opened, self._silent)

    def listen(self, pressed: Pressed) -> None:
        self._pressed = pressed
        self._listener.start()

    @property
    def lost(self) -> str | None:
        return self._listener.lost

    @property
    def stuck(self) -> tuple[str, ...]:
        """The names of the keys that have been down for 60 s (F77). Each counted once, when it went down."""
        now_ms = _boot_ms()
        names = [name for name, at_ms in self._down_ms.copy().items() if now_ms - at_ms >= STUCK_MS]
        return tuple(self._row[self._places[name][1]].value for name in names)

    def close(self) -> None:
        self._listener.close()

    # -- the keypad's thread ------------------------------------------------------------------------

    def _opened(self) -> None:
        """A key that was down when the cord was pulled out is not down any more."""
        self._meanings = Meanings((self._row,), len(self._row))
        self._down_ms: dict[str, int] = {}  # kernel's name -> since when

    def _heard(self, stroke: Stroke) -> None:
        if stroke.missed:
            log.warning("the keypad typed faster than it was read; keys were lost")
            self._opened()
            return
        place = self._places.get(stroke.key)
        if place is None:
            return
        now_ms = _boot_ms()
        if stroke.is_down:
            self._down_ms[stroke.key] = now_ms
        else:
            self._down_ms.pop(stroke.key, None)
        keys = self._meanings.held(now_ms)  # CANCEL held, and only now another key
        keys += self._meanings.down(place, now_ms) if stroke.is_down else self._meanings.up(place)
        self._press(keys)

    def _silent(self) -> None:
        self._press(self._meanings.held(_boot_ms()))

    def _press(self, keys: list[Key]) -> None:
        for key in keys:
            if self._pressed:
                self._pressed(key)


def _boot_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
