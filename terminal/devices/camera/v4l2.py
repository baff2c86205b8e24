"""A USB camera, or any other that the kernel shows as /dev/videoN, through OpenCV.

A thread of its own takes each frame as it comes and keeps the newest: OpenCV waits up to ten seconds for a camera
that has stalled, and the scanner must not. No colours are made of what the camera sends: of YUYV the luma is
taken, of MJPEG only the gray part is decoded.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from terminal.devices.keeper import Keeper

if TYPE_CHECKING:
    from terminal.eye import Gray

BUFFERS = 2  # OpenCV's own queue: what is older than this is not the counter any more
STALLS_S = 3.0
FORMATS = {"mjpeg": "MJPG", "yuyv": "YUYV", "gray": "GREY"}

log = logging.getLogger(__name__)


class Gone(OSError):
    """The camera is not there, or sends nothing; the text is the remedy."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`path`: best one of /dev/v4l/by-id, which survives replugging. `format`: what the camera sends; mjpeg is the
    only way to 30 large frames a second over USB 2, yuyv costs the least."""

    path: str
    width_px: int = 1280
    height_px: int = 720
    fps: int = 30
    format: Literal["mjpeg", "yuyv", "gray"] = "mjpeg"

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(
                f'path is a file such as "/dev/v4l/by-id/usb-...-video-index0", not "{self.path}"'
            )
        if not (160 <= self.width_px <= 4096 and 120 <= self.height_px <= 4096):
            raise ValueError("width_px is 160 to 4096, height_px 120 to 4096")
        if not 1 <= self.fps <= 120:
            raise ValueError(f"fps is 1 to 120, not {self.fps}")


class Device:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._came = threading.Condition()
        self._newest: Gray | None = None
        self._frame_s = 0.0
        self._wanted = threading.Event()
        self._keeper = Keeper(
            f"camera at {settings.path}",
            self._serve,
            lambda: (OSError, ImportError),
            lambda fault: explain(settings.path, fault),
        )
        self._keeper.start()

    def start(self) -> None:
        self._frame_s = time.monotonic()
        self._wanted.set()

    def stop(self) -> None:
        self._wanted.clear()
        self._keeper.forget()
        with self._came:
            self._newest = None

    def next_frame(self, timeout_s: float) -> Gray | None:
        with self._came:
            self._came.wait_for(lambda: self._newest is not None, timeout_s)
            frame, self._newest = self._newest, None
            return frame

    @property
    def lost(self) -> str | None:
        lost = self._keeper.lost
        if lost is None and self._wanted.is_set() and self._is_stalled():
            return f"The camera at {self._settings.path} sends no pictures. Unplug it and plug it in again."
        return lost

    def close(self) -> None:
        self._keeper.closing.set()
        self._wanted.set()
        self._keeper.close()

    def _is_stalled(self) -> bool:
        return time.monotonic() - self._frame_s > STALLS_S

    # -- the camera's thread -------------------------------------------------------------------------

    def _serve(self) -> None:
        self._wanted.wait()
        if not self._keeper.closing.is_set():
            self._film()

    def _film(self) -> None:
        """From opening to `stop`: a camera that is not wanted is closed, and its light goes out."""
        import cv2

        if not Path(self._settings.path).exists():
            raise FileNotFoundError(self._settings.path)
        camera = self._opened(cv2)
        try:
            while self._wanted.is_set() and not self._keeper.closing.is_set():
                came, picture = camera.read()
                if not came:
                    raise Gone(f"The camera at {self._settings.path} stopped. Plug it in again.")
                self._take(luma(cv2, picture))
        finally:
            camera.release()

    def _opened(self, cv2: Any) -> Any:
        chosen = self._settings
        is_device = Path(chosen.path).is_char_device()
        camera = cv2.VideoCapture(chosen.path, cv2.CAP_V4L2 if is_device else cv2.CAP_ANY)
        if not camera.isOpened():
            Path(chosen.path).open("rb").close()  # says why, better than OpenCV does
            raise Gone(f"{chosen.path} is no camera. Correct `path` in the hardware profile.")
        if is_device:
            for name, value in (
                (cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*FORMATS[chosen.format])),
                (cv2.CAP_PROP_FRAME_WIDTH, chosen.width_px),
                (cv2.CAP_PROP_FRAME_HEIGHT, chosen.height_px),
                (cv2.CAP_PROP_FPS, chosen.fps),
                (cv2.CAP_PROP_BUFFERSIZE, BUFFERS),
                (cv2.CAP_PROP_CONVERT_RGB, 0),
            ):
                camera.set(name, value)  # what a camera cannot, it leaves as it is
        return camera

    def _take(self, frame: Gray | None) -> None:
        if frame is None:
            return  # half a JPEG, as USB loses one now and then
        self._frame_s = time.monotonic()
        self._keeper.works()
        with self._came:
            if self._wanted.is_set():
                self._newest = frame
                self._came.notify_all()


def luma(cv2: Any, picture: Any) -> Any:
    """The gray picture in what a camera sent; None when it is broken."""
    if picture.ndim == 3 and picture.shape[2] == 2:  # YUYV
        return cv2.extractChannel(picture, 0)
    if picture.ndim == 3 and picture.shape[2] == 3:  # a backend that made colours of it
        return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    if picture.ndim == 2 and min(picture.shape) == 1:  # MJPEG
        return cv2.imdecode(picture, cv2.IMREAD_GRAYSCALE)
    return picture if picture.ndim == 2 else None


def explain(path: str, fault: Exception) -> str:
    """What is wrong with the camera, and the remedy, for the technician."""
    if isinstance(fault, Gone):
        return str(fault)
    if isinstance(fault, ImportError):
        return f"The camera's driver is missing ({fault}). Install counter-terminal[camera]."
    if isinstance(fault, PermissionError):
        return f"The daemon may not open {path}. Add its user to the group video."
    if isinstance(fault, FileNotFoundError):
        return (
            f"There is no camera at {path}. Plug it in, or correct `path` in the hardware profile; "
            "`ls /dev/v4l/by-id` lists what is plugged in."
        )
    return f"The camera at {path} does not work: {fault}. Unplug it and plug it in again."
