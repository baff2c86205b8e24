"""A scanner that is a camera and the eye: it looks only while a code is awaited.

Nothing of the eye is imported before the scanner is armed for the first time. One text is delivered once in
`repeat_ms`, although it is seen in every frame (F14). What is a code and what is none, the eye decides
(`terminal.eye.judge`); the bytes go on unjudged, as those of a serial scanner do (`codes.scanned`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from terminal.devices.keeper import Keeper
from terminal.devices.repeats import Repeats
from terminal.devices.scanner import Scanned

if TYPE_CHECKING:
    from terminal.devices.camera import Camera
    from terminal.eye import Gray
    from terminal.eye.watch import Watch

FRAME_TIMEOUT_S = 0.2  # how late a disarming is noticed when the camera sends nothing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`budget_ms`: how long a single stage of the eye may take; one that needs more gets its turn less often."""

    budget_ms: int = 100
    repeat_ms: int = 2000

    def __post_init__(self) -> None:
        if self.budget_ms <= 0 or self.repeat_ms < 0:
            raise ValueError("budget_ms must be above 0 and repeat_ms not below 0")


class Device:
    def __init__(self, settings: Settings, camera: Camera) -> None:
        self._settings = settings
        self._camera = camera
        self._scanned: Scanned | None = None
        self._repeats = Repeats(settings.repeat_ms / 1000)
        self.looked: Callable[[float], None] | None = None  # seconds; whoever measures sets it
        self._armed = threading.Event()
        self._keeper = Keeper("camera that scans", self._serve, lambda: (ImportError,), explain)

    def listen(self, scanned: Scanned) -> None:
        self._scanned = scanned
        self._keeper.start()

    def arm(self, armed: bool) -> None:
        if armed:
            self._armed.set()
        elif not self._keeper.closing.is_set():
            self._armed.clear()

    @property
    def lost(self) -> str | None:
        return self._keeper.lost or self._camera.lost

    def close(self) -> None:
        """Ends the thread. The camera stays the caller's to close."""
        self._keeper.closing.set()
        self._armed.set()
        self._keeper.close()

    # -- the scanner's thread -----------------------------------------------------------------------

    def _serve(self) -> None:
        self._armed.wait()
        if self._keeper.closing.is_set():
            return
        eye = self._eye()
        while not self._keeper.closing.is_set():
            self._watch(eye)
            self._armed.wait()

    def _eye(self) -> Watch:
        import_module("zxingcpp")
        import_module("pyzbar.pyzbar")  # fails when the system's libzbar is missing
        from terminal.eye.watch import Watch

        self._keeper.works()
        return Watch(self._settings.budget_ms)

    def _watch(self, eye: Watch) -> None:
        eye.begin()
        self._camera.start()
        try:
            while self._awaited():
                frame = self._camera.next_frame(FRAME_TIMEOUT_S)
                if frame is not None:
                    self._look(eye, frame)
        finally:
            self._camera.stop()

    def _look(self, eye: Watch, frame: Gray) -> None:
        began_s = time.monotonic()
        codes = eye.look(frame)
        if self.looked:
            self.looked(time.monotonic() - began_s)
        for code in codes:
            reading = code.text.encode()
            if (
                self._awaited()
                and self._scanned
                and self._repeats.is_new(reading, time.monotonic())
            ):
                self._scanned(reading)

    def _awaited(self) -> bool:
        return self._armed.is_set() and not self._keeper.closing.is_set()


def explain(fault: Exception) -> str:
    return (
        f"The camera cannot read codes: {fault}. "
        "Install counter-terminal[camera] and the system's libzbar0."
    )
