"""A stall whose devices are the real drivers on things that can be pulled out and plugged in again.

Each driver does what it does on a Pi; where the kernel's device would be stands something that takes the same
calls: a file for the framebuffer, a FIFO with the kernel's input events for the keypad, a pty for the serial
scanner, a FIFO with moving JPEG for the USB camera.
"""

from __future__ import annotations

import io
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from terminal.bench.phone import picture_of
from terminal.bench.stall import HandScanner, Stall
from terminal.core.events import Key
from terminal.devices.keyboard import CODES, EV_KEY, EV_SYN, EVENT
from terminal.devices.keypad.evdev import LAYOUT

WIDTH_PX, HEIGHT_PX, PITCH_UM = 320, 240, 128
NAME = "bench 320x240"
LOOK_S = 0.05  # how often the glass is looked at
FRAME_S = 1 / 30  # what profiles ask for

PROFILE = f"""
[display]
driver = "framebuffer"
path = "{{run}}/fb"
width_px = {WIDTH_PX}
height_px = {HEIGHT_PX}
pitch_um = {PITCH_UM}
name = "{NAME}"
[keypad]
driver = "evdev"
path = "{{run}}/keypad"
[buzzer]
driver = "emulated"
socket = "{{run}}/buzzer.sock"
"""
SERIAL = """
[[scanner]]
driver = "serial"
port = "{run}/scanner.tty"
"""
CAMERA = """
[[scanner]]
driver = "camera"
[camera]
driver = "v4l2"
path = "{run}/film.mjpeg"
"""
USUAL = {Key(meaning): name for name, meaning in LAYOUT.items()}


class Film:
    """A USB camera: one picture after another, at the pace of a camera, while it is plugged in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        os.mkfifo(path)
        self._file = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._pulled = threading.Event()
        self.show(None)
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)
        self._thread.start()

    def show(self, code: str | None) -> None:
        """What it sees from now on: a phone that shows this code, or the empty counter."""
        from PIL import Image

        seen = picture_of(code, seed=1) if code else Image.new("L", (640, 480), 90)
        buffer = io.BytesIO()
        seen.convert("RGB").save(buffer, "jpeg", quality=90)
        self._jpeg = buffer.getvalue()

    def pull(self) -> None:
        self._pulled.set()
        self._thread.join()
        self._path.unlink()
        os.close(self._file)

    def _run(self) -> None:
        rest = b""
        while not self._pulled.wait(FRAME_S):
            rest = rest or self._jpeg
            with suppress(BlockingIOError):  # nobody looks at the camera
                while rest:
                    rest = rest[os.write(self._file, rest) :]


class Plugs(Stall):
    """`pull` and `put_back` take "display", "keypad", "scanner" or "camera"."""

    def __init__(self, state: Path, scanner: str = SERIAL, **how: Any) -> None:
        super().__init__(state, **how)
        # A real camera says what it sends; of a FIFO FFmpeg would look at six seconds first.
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "analyzeduration;0|probesize;32"
        self.state.mkdir(parents=True, exist_ok=True)
        self.profile = self.state / "profile.toml"
        self.profile.write_text(PROFILE + scanner)
        self.camera: Film | None = None
        self._fb = self.state / "fb"
        self._fb.write_bytes(bytes(WIDTH_PX * HEIGHT_PX * 4))
        self._keys: int | None = None
        self.put_back("keypad")
        if CAMERA in scanner:
            self.put_back("camera")

    def press(self, *keys: str) -> None:
        assert self._keys is not None
        for key in keys:
            code = CODES[USUAL[Key(key)]]
            for value in (1, 0):
                os.write(self._keys, EVENT.pack(0, 0, EV_KEY, code, value))
                os.write(self._keys, EVENT.pack(0, 0, EV_SYN, 0, 0))

    def pull(self, what: str) -> None:
        if what == "keypad":
            assert self._keys is not None
            (self.state / "keypad").unlink()
            os.close(self._keys)
            self._keys = None
        elif what == "scanner":
            assert self._scanner is not None
            (self.state / "scanner.tty").unlink()
            self._scanner.close()
            self._scanner = None
        elif what == "camera":
            assert self.camera is not None
            self.camera.pull()
            self.camera = None
        else:
            self._fb.rename(self._fb.with_suffix(".away"))

    def put_back(self, what: str) -> None:
        if what == "keypad":
            os.mkfifo(self.state / "keypad")
            self._keys = os.open(self.state / "keypad", os.O_RDWR)
        elif what == "scanner":
            self._scanner = HandScanner(self.state / "scanner.tty")
        elif what == "camera":
            self.camera = Film(self.state / "film.mjpeg")
        else:
            self._fb.with_suffix(".away").rename(self._fb)

    def scan_half(self, code: str) -> None:
        """The scanner is pulled out while it sends."""
        assert self._scanner is not None
        self._scanner.send(code[: len(code) // 2].encode())

    def lost(self) -> dict[str, str]:
        """What terminalctl says is lost, and why."""
        said: dict[str, str] = self.ask("status")["lost"]
        return said

    def _watch_display(self) -> None:
        before = b""
        while not self.stopping.wait(LOOK_S):
            with suppress(FileNotFoundError):
                raw = self._fb.read_bytes()
                if raw != before and any(raw):
                    before = raw
                    self._saw(raw)

    def _saw(self, raw: bytes) -> None:
        from PIL import Image

        size = (WIDTH_PX, HEIGHT_PX)
        with self.changed:
            self.frame = Image.frombytes("RGB", size, raw, "raw", "BGRX")
            self.bright = True  # the file has no light to be seen
            self.frames_seen += 1
            self.changed.notify_all()

    def stop(self) -> None:
        super().stop()
        if self.camera is not None:
            self.camera.pull()
        if self._keys is not None:
            os.close(self._keys)
