"""The Pi's own camera, through picamera2 and libcamera, which Raspberry Pi OS brings (python3-picamera2).

The stream is YUV420: its first plane is the gray picture that the eye wants, and it is handed on as it lies in
the camera's memory, without a copy and without a colour conversion. The newest frame is kept by its request; it
goes back to the camera when the next one is taken.
There is no second, smaller stream: the eye's gate makes its small picture of the frame in 0.1 ms (eye/gate.py).

A phone's screen is bright, close and moves: the focus is set, not searched for, and the exposure is short.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from terminal.devices import pins

if TYPE_CHECKING:
    from terminal.eye import Gray

BUFFERS = 4  # one is looked at, one is the newest, two are being filled
STALLS_S = 3.0  # the slowest sensor here sends its first picture after 0.9 s
HANGS_S = 10.0  # libcamera does not come back when a camera is pulled out (hardware.md, part II)
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.5, 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`number`: which camera. `focus_cm`: the distance of the phone; 0: of a lens that cannot be set.
    `exposure_ms` 0: automatic, but short. `turn`: the camera is mounted upside down. `lamp_pin`: a light over the
    counter, on while a code is awaited."""

    number: int = 0
    width_px: int = 1280
    height_px: int = 720
    fps: int = 30
    focus_cm: int = 12
    exposure_ms: int = 0
    gain: float = 0
    turn: bool = False
    lamp_pin: int | None = None

    def __post_init__(self) -> None:
        if not (320 <= self.width_px <= 4608 and 240 <= self.height_px <= 2592):
            raise ValueError("width_px is 320 to 4608, height_px 240 to 2592")
        if self.width_px % 64 or self.height_px % 2:
            raise ValueError("width_px is a multiple of 64, height_px of 2: else rows are padded")
        if not 1 <= self.fps <= 120:
            raise ValueError(f"fps is 1 to 120, not {self.fps}")
        if not 0 <= self.focus_cm <= 200 or not 0 <= self.exposure_ms <= 200 or self.gain < 0:
            raise ValueError("focus_cm and exposure_ms are 0 to 200, gain is not below 0")
        if fault := pins.odd_pins(self.used_pins.values()):
            raise ValueError(fault)

    @property
    def used_pins(self) -> dict[str, int]:
        return {} if self.lamp_pin is None else {"lamp_pin": self.lamp_pin}

    def controls(self) -> dict[str, Any]:
        """libcamera's names; those that a camera does not have are left out later."""
        frame_us = 1_000_000 // self.fps
        wanted: dict[str, Any] = {
            "FrameDurationLimits": (frame_us, frame_us),
            "AeExposureMode": 1,  # short
            "AeMeteringMode": 0,  # the centre, where the phone is
            "NoiseReductionMode": 1,  # fast
            "AwbEnable": False,  # nobody looks at the colours
        }
        if self.focus_cm:
            wanted |= {"AfMode": 0, "LensPosition": 100 / self.focus_cm}  # dioptres
        if self.exposure_ms:
            wanted |= {"AeEnable": False, "ExposureTime": self.exposure_ms * 1000}
        if self.gain:
            wanted |= {"AnalogueGain": self.gain}
        return wanted


class Device:
    """All but `lost` is called by one thread, the scanner's. The camera is opened by the first `start`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._came = threading.Condition()
        self._newest: Any = None  # requests: picamera2's name for a filled set of buffers
        self._looked_at: Any = None
        self._view: memoryview | None = None
        self._camera: Any = None
        self._lamp: Any = None
        self._wanted = False
        self._frame_s = 0.0
        self._retry_s = 0.0
        self._backoff_s = BACKOFF_FIRST_S
        self._busy_since_s: float | None = None
        self._lost: str | None = None

    def start(self) -> None:
        self._wanted = True
        self._retry_s = 0.0
        self._guarded(self._begin)

    def stop(self) -> None:
        self._wanted = False
        self._lost = None
        self._guarded(self._end)

    def next_frame(self, timeout_s: float) -> Gray | None:
        self._let_go()
        if self._camera is None or not self._wanted:
            self._try_again(timeout_s)
            return None
        with self._came:
            self._came.wait_for(lambda: self._newest is not None, timeout_s)
            self._looked_at, self._newest = self._newest, None
        now_s = time.monotonic()
        if self._looked_at is not None:
            self._frame_s, self._backoff_s, self._lost = now_s, BACKOFF_FIRST_S, None
            return self._luma()
        if now_s - self._frame_s > STALLS_S:
            self._fail(
                "The camera sends no pictures. Check its ribbon cable, then restart the terminal."
            )
        return None

    @property
    def lost(self) -> str | None:
        busy_since_s = self._busy_since_s
        if busy_since_s is not None and time.monotonic() - busy_since_s > HANGS_S:
            return "The camera does not answer any more. Check its ribbon cable, then restart the terminal."
        return self._lost

    def close(self) -> None:
        self._wanted = False
        self._guarded(self._shut)

    # -- the camera ----------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._camera is None:
            self._camera = self._opened()
        self._camera.start()
        self._frame_s = time.monotonic()
        if self._settings.lamp_pin is not None and self._lamp is None:
            self._lamp = _lamp(self._settings.lamp_pin)
        if self._lamp is not None:
            self._lamp.on()

    def _opened(self) -> Any:
        from libcamera import Transform
        from picamera2 import Picamera2

        chosen = self._settings
        camera = Picamera2(chosen.number)
        with ExitStack() as opened:
            opened.callback(camera.close)
            known = camera.camera_controls
            main = {"size": (chosen.width_px, chosen.height_px), "format": "YUV420"}
            turned = Transform(hflip=chosen.turn, vflip=chosen.turn)
            controls = {name: value for name, value in chosen.controls().items() if name in known}
            camera.configure(
                camera.create_video_configuration(
                    main=main, transform=turned, buffer_count=BUFFERS, controls=controls
                )
            )
            camera.post_callback = self._arrived
            opened.pop_all()
        return camera

    def _arrived(self, request: Any) -> None:
        """From picamera2's thread, with every frame."""
        request.acquire()
        with self._came:
            older, self._newest = self._newest, request
            self._came.notify_all()
        if older is not None:
            older.release()

    def _luma(self) -> memoryview:
        """The first plane of the frame that is looked at, where the camera put it."""
        from picamera2 import MappedArray

        rows, cols = self._settings.height_px, self._settings.width_px
        with MappedArray(self._looked_at, "main", write=False) as mapped:
            self._view = memoryview(mapped.array[:rows, :cols])
        return self._view

    def _let_go(self) -> None:
        """The frame goes back to the camera, so whoever still holds the view would see another one."""
        if self._view is not None:
            with suppress(BufferError):  # somebody made an array of it
                self._view.release()
            self._view = None
        if self._looked_at is not None:
            self._looked_at.release()
            self._looked_at = None

    def _end(self) -> None:
        if self._lamp is not None:
            self._lamp.off()
        if self._camera is not None:
            self._camera.stop()
        self._let_go()
        with self._came:
            newest, self._newest = self._newest, None
        if newest is not None:
            newest.release()

    def _shut(self) -> None:
        self._end()
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()
        lamp, self._lamp = self._lamp, None
        if lamp is not None:
            lamp.close()

    # -- faults --------------------------------------------------------------------------------------

    def _guarded(self, work: Any) -> None:
        """picamera2 raises what it likes: RuntimeError, IndexError, OSError, its own. A camera never ends the
        scanner's thread."""
        self._busy_since_s = time.monotonic()
        try:
            work()
        except Exception as fault:
            self._fail(explain(self._settings.number, fault))
        finally:
            self._busy_since_s = None

    def _fail(self, why: str) -> None:
        if why != self._lost:
            log.warning("%s", why)
        self._lost = why
        self._retry_s = time.monotonic() + self._backoff_s
        self._backoff_s = min(2 * self._backoff_s, BACKOFF_MAX_S)
        camera, self._camera = self._camera, None
        self._busy_since_s = time.monotonic()
        if camera is not None:
            with suppress(Exception):
                self._let_go()
                camera.close()
        self._busy_since_s = None

    def _try_again(self, timeout_s: float) -> None:
        """While there is no camera: wait as long as a frame would be waited for."""
        pause_s = max(0.0, min(timeout_s, self._retry_s - time.monotonic()))
        with self._came:
            self._came.wait(pause_s or timeout_s / 10)
        if self._wanted and time.monotonic() >= self._retry_s:
            self._guarded(self._begin)


def _lamp(pin: int) -> Any:
    from gpiozero import OutputDevice

    pins.prepare()
    return OutputDevice(pin)


def explain(number: int, fault: Exception) -> str:
    """What is wrong with the camera, and the remedy, for the technician."""
    text = f"{type(fault).__name__}: {fault}"
    if isinstance(fault, ImportError):
        return f"The camera's driver is missing ({fault}). apt install python3-picamera2."
    if type(fault).__name__.startswith("GPIO"):
        return pins.explain("The camera's lamp", fault)
    if "did not complete" in text or "busy" in text.lower():
        return "The camera is used by another program. Stop that program (`fuser /dev/media*` names it)."
    if isinstance(fault, IndexError) or "No camera" in text:
        return (
            f"There is no camera {number}. Check its ribbon cable; `rpicam-hello --list-cameras` lists them. "
            "For a camera that is not found by itself, put its dtoverlay into /boot/firmware/config.txt."
        )
    if isinstance(fault, PermissionError):
        return "The daemon may not open the camera. Add its user to the group video."
    return f"The camera does not work: {text}. Check its ribbon cable, then restart the terminal."
