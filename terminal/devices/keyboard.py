"""A USB keyboard, numeric pad or keyboard-wedge scanner, read straight from the kernel's /dev/input.

It is grabbed (EVIOCGRAB): what is typed on it goes to nobody else, no console and no SysRq (threat S1 of
reliability.md). The events are read as linux/input.h has them, so no package is needed for it; evdev has no
wheels for the Pi.

Keys are named as the kernel names them (input-event-codes.h), without KEY_: "KP1", "ENTER", "BACKSPACE".
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import select
import stat
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from terminal.devices.keeper import Keeper

EVENT = struct.Struct("@llHHi")  # struct input_event: two longs of time, type, code, value
EVIOCGRAB = 0x40044590  # _IOW('E', 0x90, int)
EV_SYN, EV_KEY = 0, 1
SYN_DROPPED = 3  # the kernel's buffer ran over: what comes before the next report is not whole
UP, DOWN, REPEAT = 0, 1, 2
READ_EVENTS = 64
WAIT_S = 0.2
OPEN_TIMEOUT_S = 1.0

log = logging.getLogger(__name__)

_NAMES = (  # from code 1 on
    "ESC 1 2 3 4 5 6 7 8 9 0 MINUS EQUAL BACKSPACE TAB Q W E R T Y U I O P LEFTBRACE RIGHTBRACE ENTER LEFTCTRL "
    "A S D F G H J K L SEMICOLON APOSTROPHE GRAVE LEFTSHIFT BACKSLASH Z X C V B N M COMMA DOT SLASH RIGHTSHIFT "
    "KPASTERISK LEFTALT SPACE CAPSLOCK F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NUMLOCK SCROLLLOCK KP7 KP8 KP9 KPMINUS "
    "KP4 KP5 KP6 KPPLUS KP1 KP2 KP3 KP0 KPDOT"
)
_LATER = {
    96: "KPENTER",
    98: "KPSLASH",
    100: "RIGHTALT",
    102: "HOME",
    103: "UP",
    104: "PAGEUP",
    105: "LEFT",
}
_LATER |= {106: "RIGHT", 107: "END", 108: "DOWN", 109: "PAGEDOWN", 110: "INSERT", 111: "DELETE"}
_LATER |= {117: "KPEQUAL", 121: "KPCOMMA", 179: "KPLEFTPAREN", 180: "KPRIGHTPAREN"}
NAMES: dict[int, str] = dict(enumerate(_NAMES.split(), 1)) | _LATER
CODES = {name: code for code, name in NAMES.items()}


class Stroke(NamedTuple):
    """A key went down or came up. `missed`: before it, strokes were lost; `key` says nothing then."""

    key: str
    is_down: bool
    missed: bool = False


class Keyboard:
    """An open and grabbed device. OSError when it is gone."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._left = b""
        self._dropped = False
        try:
            if stat.S_ISCHR(
                os.fstat(self._file).st_mode
            ):  # a pipe, as tests have it, is nobody else's anyway
                fcntl.ioctl(self._file, EVIOCGRAB, 1)
        except OSError:
            os.close(self._file)
            raise

    def strokes(self, timeout_s: float) -> Iterator[Stroke]:
        """What was typed; nothing when nobody does for so long. Repeats of a held key are left out."""
        if not select.select([self._file], [], [], timeout_s)[0]:
            return
        raw = self._left + os.read(self._file, READ_EVENTS * EVENT.size)
        if len(raw) == len(self._left):
            raise OSError(errno.ENODEV, "the device was unplugged")
        whole = len(raw) // EVENT.size * EVENT.size
        self._left = raw[whole:]
        for _, _, kind, code, value in EVENT.iter_unpack(raw[:whole]):
            if kind == EV_SYN:
                self._dropped = code == SYN_DROPPED
                if self._dropped:
                    yield Stroke("", is_down=False, missed=True)
            elif kind == EV_KEY and value in (UP, DOWN) and not self._dropped:
                yield Stroke(NAMES.get(code, str(code)), value == DOWN)

    def close(self) -> None:
        os.close(self._file)  # which gives the grab back


class Listener:
    """A thread that opens the keyboard, and opens it again when it was unplugged. `opened` is called first
    each time; `heard` with each stroke; `silent` when nothing was typed for `WAIT_S`."""

    def __init__(
        self,
        what: str,
        path: str,
        heard: Callable[[Stroke], None],
        opened: Callable[[], None] = lambda: None,
        silent: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._heard, self._opened, self._silent = heard, opened, silent
        self._keeper = Keeper(
            f"{what} at {path}",
            self._serve,
            lambda: (OSError,),
            lambda fault: explain(what, path, fault),
        )

    def start(self) -> None:
        self._keeper.start(OPEN_TIMEOUT_S)

    @property
    def lost(self) -> str | None:
        return self._keeper.lost

    def close(self) -> None:
        self._keeper.close()

    def _serve(self) -> None:
        keyboard = Keyboard(self._path)
        try:
            self._listen(keyboard)
        finally:
            keyboard.close()

    def _listen(self, keyboard: Keyboard) -> None:
        self._opened()
        self._keeper.works()
        last_s = time.monotonic()
        while not self._keeper.closing.is_set():
            typed = False
            for stroke in keyboard.strokes(WAIT_S):
                self._heard(stroke)
                typed, last_s = True, time.monotonic()
            # Only a look that found nothing shows a silence: a pause of our own does not, there may be more to read.
            if not typed and time.monotonic() - last_s >= WAIT_S:
                self._silent()


def odd_path(path: str) -> str | None:
    """Why this cannot be the path of an input device, else None."""
    if path.startswith("/"):
        return None
    return (
        f'path is a file such as "/dev/input/by-id/usb-...-event-kbd", not "{path}"; '
        "`ls /dev/input/by-id` lists what is plugged in"
    )


def explain(what: str, path: str, fault: Exception) -> str:
    """What is wrong, and the remedy, for the technician."""
    number = fault.errno if isinstance(fault, OSError) else None
    if isinstance(fault, PermissionError):
        return f"The daemon may not open {path}. Add its user to the group input."
    if number == errno.EBUSY:
        return f"{path} is grabbed by another program. Stop that program."
    if not Path(path).exists() or number == errno.ENODEV:
        return (
            f"There is no {what} at {path}. Plug it in, or correct `path` in the hardware profile; "
            "`ls /dev/input/by-id` lists what is plugged in."
        )
    if number in (errno.ENOTTY, errno.EINVAL):
        return f"{path} is no input device. Correct `path` in the hardware profile."
    return f"{path} does not work: {fault}. Unplug it and plug it in again."
