"""A scanner that types: USB-HID keyboard mode, as most scanners leave the factory. It is grabbed, so that no code
of a customer is typed into a console. Serial mode is better (`serial.py`): there the bytes come as they are.

The scanner must be set to the US keyboard layout and to end each code with ENTER. Half a code is dropped at
200 ms of silence, at an unplugging and at arming.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from terminal.devices.keyboard import Listener, Stroke, odd_path
from terminal.devices.repeats import Repeats
from terminal.devices.scanner import Scanned

CODE_CHARS_MAX = 4096
REPEAT_S = 0.5
ENDS = ("ENTER", "KPENTER")
SHIFTS = ("LEFTSHIFT", "RIGHTSHIFT")

_PLAIN = {
    "SPACE": " ",
    "MINUS": "-",
    "EQUAL": "=",
    "LEFTBRACE": "[",
    "RIGHTBRACE": "]",
    "SEMICOLON": ";",
    "APOSTROPHE": "'",
    "GRAVE": "`",
    "BACKSLASH": "\\",
    "COMMA": ",",
    "DOT": ".",
    "SLASH": "/",
    "KPPLUS": "+",
    "KPMINUS": "-",
    "KPASTERISK": "*",
    "KPSLASH": "/",
    "KPDOT": ".",
    **{f"KP{digit}": str(digit) for digit in range(10)},
}
_SHIFTED = str.maketrans("1234567890-=[];'`\\,./", '!@#$%^&*()_+{}:"~|<>?')

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`path`: best one of /dev/input/by-id, which survives replugging."""

    path: str

    def __post_init__(self) -> None:
        if fault := odd_path(self.path):
            raise ValueError(fault)


class Typist:
    """Makes codes of strokes. Has no clock: the caller says when nothing more was typed."""

    def __init__(self) -> None:
        self.held = ""
        self._shifts: set[str] = set()
        self._spoilt = False

    def take(self, stroke: Stroke) -> str | None:
        """The code that this stroke ends, None when it ends none."""
        if stroke.missed:
            self.spoil()
        elif stroke.key in SHIFTS:
            (self._shifts.add if stroke.is_down else self._shifts.discard)(stroke.key)
        elif stroke.is_down and stroke.key in ENDS:
            code, whole = self.held, not self._spoilt
            self.silence()
            return code if whole and code else None
        elif stroke.is_down:
            self._hold(self._character(stroke.key))
        return None

    def silence(self) -> None:
        self.held, self._spoilt = "", False

    def spoil(self) -> None:
        """What has begun is dropped up to its end."""
        self.held, self._spoilt = "", True

    def _character(self, key: str) -> str:
        plain = _PLAIN.get(key) or (key.lower() if len(key) == 1 else "")
        if not self._shifts:
            return plain
        return plain.upper() if plain.isalpha() else plain.translate(_SHIFTED)

    def _hold(self, character: str) -> None:
        if not self._spoilt:
            self.held += character
            if len(self.held) > CODE_CHARS_MAX:
                self.spoil()


class Device:
    def __init__(self, settings: Settings) -> None:
        self._scanned: Scanned | None = None
        self._armed = False
        self._armings = self._known = 0
        self._repeats = Repeats(REPEAT_S)
        self._opened()
        self._listener = Listener("scanner", settings.path, self._heard, self._opened, self._silent)

    def listen(self, scanned: Scanned) -> None:
        self._scanned = scanned
        self._listener.start()

    def arm(self, armed: bool) -> None:
        self._armings += armed
        self._armed = armed

    @property
    def lost(self) -> str | None:
        return self._listener.lost

    def close(self) -> None:
        self._listener.close()

    # -- the scanner's thread -----------------------------------------------------------------------

    def _opened(self) -> None:
        self._typist = Typist()

    def _silent(self) -> None:
        if self._typist.held:
            log.warning("the scanner: %d characters without ENTER dropped", len(self._typist.held))
        self._typist.silence()

    def _heard(self, stroke: Stroke) -> None:
        if self._known != self._armings:
            self._known = self._armings
            if self._typist.held:
                self._typist.spoil()  # it began before a code was awaited
        armed = self._armed
        code = self._typist.take(stroke)
        if code is None or not (armed and self._scanned):
            return
        if self._repeats.is_new(code.encode(), time.monotonic()):
            self._scanned(code.encode())
