"""A stall whose daemon touches real drivers: inside a guest, with the far ends of the wires in our hands.

What hangs where is read off the hardware profile, the same file that the daemon reads. Keys are contacts closed
between two pins of its header, the picture is what a model of the display's chip makes of the bytes on the bus,
sounds are what was measured on the buzzer's pin, a scan comes out of a USB device.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import tty
from pathlib import Path
from typing import Any

from terminal.bench.stall import Pace, Stall
from terminal.config import Profile, load_profile
from terminal.control import NotRunning
from terminal.core.terms import Fault
from terminal.core.views import Panel
from terminal.devices.buzzer.gpio import PATTERNS
from terminal.devices.keypad.gpio import LAYOUT
from tests.devices.chips import MODELS, Chip
from tests.rig import sounds
from tests.rig.wires import Edge, Gadget, Header, I2cWire

SCANS = 4  # so often a closed contact is looked at: more than any debounce asks for
RELEASE_S = 0.1  # ten looks at an open one, which leave no trace
WAIT_S = 30.0  # guests share this machine with others
LOOK_S = 0.05
NEAR = 4  # times nearer than one pixel of the glass to one of the camera
KEY_TIMEOUT_S = 20.0
PORT_TIMEOUT_S = 10.0
LIKE = 0.4  # lengths and pitches are off by a factor of 1.5 in the mean, at most
PATTERN = {beep.value: pattern for beep, pattern in PATTERNS.items()}


class Counter(Stall):
    """`press`, `scan_serial`, `frame`, `bright` as at any stall; `hears` instead of `beeps`."""

    def __init__(self, state: Path, profile: Path, pace: Pace | None = None, **more: Any) -> None:
        super().__init__(state, profile=profile.absolute(), pace=pace, **more)
        self.edges: list[Edge] = []
        self.scans: dict[int, int] = {}  # column pin -> how often it was driven low
        self.parts: Profile = load_profile(profile)
        self.glass: I2cWire | None = None
        self.header: Header | None = None
        self.scanner: UsbScanner | None = None

    def plug_in(self) -> None:
        self.header = Header(self._switched)
        display = self.option("display")
        if display.get("bus") == "i2c":
            self.forget_glass()
            self.glass = I2cWire(display.get("address", 0x3C), self._sent, self._quiet)

    def start_daemon(self) -> None:
        """The first bytes on a real bus only wake the chip: up is who answers and shows a screen."""
        super().start_daemon()
        self.wait(self._answers, "the daemon's first screen")

    def _answers(self) -> bool:
        try:
            return bool(self.ask("status")["screen"])
        except NotRunning:
            return False

    def stop(self) -> None:
        super().stop()
        for wire in (self.header, self.glass):
            if wire is not None:
                wire.close()

    def option(self, kind: str) -> dict[str, Any]:
        """What the profile says of a device."""
        part = getattr(self.parts, kind)
        return dict(part.options.data) if part else {}

    def wait(self, holds: Any, what: str, timeout_s: float = WAIT_S) -> None:
        """As at any stall, but without its lock while it looks: the wires go on meanwhile."""
        deadline_s = time.monotonic() + timeout_s
        while not holds():
            if self.daemon is not None and self.daemon.poll() not in (None, -signal.SIGKILL):
                raise Fault(f"the daemon ended; see {self.state / 'run.log'}")
            if time.monotonic() > deadline_s:
                raise Fault(f"{what} did not come in {timeout_s:.0f} s")
            with self.changed:
                self.changed.wait(LOOK_S)

    # -- keypad --------------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Each key is held until the daemon has looked at it, and let go until it has seen that too."""
        pad = self.option("keypad")
        layout = pad.get("layout", LAYOUT)
        places = {
            word: (row, column)
            for row, words in enumerate(layout)
            for column, word in enumerate(words)
        }
        assert self.header is not None
        for key in keys:
            row, column = places[key]
            pins = pad["rows"][row], pad["columns"][column]
            seen = self.scans.get(pins[1], 0)
            self.header.join(*pins)
            self._scanned(pins[1], seen + SCANS)
            self.header.cut(*pins)
            self._scanned(
                pins[1], self.scans[pins[1]] + 1
            )  # no key is down: the columns come to rest
            time.sleep(RELEASE_S)

    def _scanned(self, column_pin: int, times: int) -> None:
        self.wait(
            lambda: self.scans.get(column_pin, 0) >= times,
            f"a scan of the keypad's column GPIO{column_pin}",
            KEY_TIMEOUT_S,
        )

    # -- buzzer --------------------------------------------------------------------------------------

    def _switched(self, edges: list[Edge]) -> None:
        columns = self.option("keypad").get("columns", ())
        with self.changed:
            for edge in edges:
                if edge.pin in columns:
                    self.scans[edge.pin] = self.scans.get(edge.pin, 0) + (not edge.level)
                else:
                    self.edges.append(edge)
            self.changed.notify_all()

    def since(self) -> int:
        """Now, for `heard`: the kernel's own clock."""
        return time.monotonic_ns()

    def tones(self, since_ns: int = 0) -> list[sounds.Tone]:
        pin = self.option("buzzer")["pin"]
        with self.changed:
            edges = [edge for edge in self.edges if edge.pin == pin and edge.at_ns >= since_ns]
        return sounds.tones(edges, time.monotonic_ns())

    def heard(self, beep: str, since_ns: int) -> list[sounds.Tone] | None:
        """The tones that were this sound, once it has been played."""
        return sounds.found(self.tones(since_ns), beep, PATTERN, LIKE)

    def hears(self, beep: str, since_ns: int) -> list[sounds.Tone]:
        """The tones that were this sound. Fault that says what was heard instead."""
        try:
            self.wait(lambda: self.heard(beep, since_ns), f"the sound {beep}")
        except Fault as fault:
            lengths = [f"{tone.length_ms:.0f}" for tone in self.tones(since_ns)]
            raise Fault(f"{fault}; heard, in ms: {' '.join(lengths)}") from fault
        return self.heard(beep, since_ns) or []

    # -- display -------------------------------------------------------------------------------------

    def forget_glass(self) -> None:
        """The chip has lost its power: nothing stands in its RAM."""
        with self.changed:
            self.chip = model(self.option("display"))
            self.frame, self.bright = None, False

    def _sent(self, message: bytes) -> None:
        control, rest = message[0], message[1:]
        self.chip.take([(control == 0x40, rest)])

    def _quiet(self) -> None:
        try:
            frame = self.chip.image()
        except KeyError:
            return  # not every pixel was written yet
        with self.changed:
            self.frame = frame
            self.bright = self.chip.on and self.chip.contrast >= self.option("display").get(
                "bright", 255
            )
            self.frames_seen += 1
            self.changed.notify_all()

    def code(self) -> str | None:
        """The text of the QR on the glass while it is lit for one, as zxing-cpp reads it."""
        import numpy as np
        import zxingcpp

        frame = self.frame
        if frame is None or not self.bright:
            return None
        near = frame.resize((frame.width * NEAR, frame.height * NEAR))
        return next((found.text for found in zxingcpp.read_barcodes(np.asarray(near))), None)

    # -- scanner -------------------------------------------------------------------------------------

    def scan_serial(self, text: str) -> None:
        assert self.scanner is not None
        self.scanner.read(text)


def model(display: dict[str, Any]) -> Chip:
    """The chip that the profile names, its RAM empty."""
    from terminal.devices.display.luma import CHIPS

    width, height = CHIPS[display["chip"]].sizes[0]
    return MODELS[display["chip"]](display.get("width_px", width), display.get("height_px", height))


def panel(display: dict[str, Any]) -> Panel:
    """What the daemon draws for."""
    from terminal.devices.display.luma import Settings

    return Settings(**{key: value for key, value in display.items() if key != "driver"}).panel


class UsbScanner:
    """A hand scanner in USB-serial mode, in the first port."""

    def __init__(self, product: str = "Scanner") -> None:
        self._gadget = Gadget("scanner", "acm.0", 0, product)
        self._file: int | None = None

    def plug(self) -> None:
        self._gadget.plug()
        self._file = os.open("/dev/ttyGS0", os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._file)

    def unplug(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._gadget.unplug()

    def read(self, text: str) -> None:
        """It has read `text`: its bytes and a CR come out."""
        if self._file is None:
            raise Fault("the scanner is not plugged in")
        os.write(self._file, text.encode() + b"\r")


def start_udev() -> None:
    """The names below /dev/serial and /dev/input are udev's work."""
    subprocess.run(["/usr/lib/systemd/systemd-udevd", "--daemon"], check=True)


def settled(path: Path) -> float:
    """Until udev has made `path`; how long that took, in seconds."""
    begun_s = time.monotonic()
    while not path.exists():
        if time.monotonic() - begun_s > PORT_TIMEOUT_S:
            raise Fault(f"{path} did not come in {PORT_TIMEOUT_S:.0f} s")
        threading.Event().wait(0.01)
    return time.monotonic() - begun_s
