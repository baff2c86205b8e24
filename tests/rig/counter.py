"""A stall whose daemon touches real drivers: inside a guest, with the far ends of the wires in our hands.

What hangs where is read off the hardware profile, the same file that the daemon reads. Keys are contacts closed
between two pins of its header, the picture is what a model of the display's chip makes of the bytes on the bus,
sounds are what was measured on the buzzer's pin, a scan comes out of a USB device.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terminal.bench.stall import Pace, Stall
from terminal.config import Part, Profile, load_profile
from terminal.core.terms import Fault
from terminal.core.views import Glass, Panel, View
from terminal.devices.buzzer.gpio import PATTERNS
from terminal.devices.keypad.gpio import LAYOUT
from terminal.screens import draw
from tests.devices.chips import MODELS, Chip
from tests.rig import report, sounds
from tests.rig.glasses import I2cWire, Screen, SpiWire, Wire, alike
from tests.rig.wires import Edge, Header, Keyboard, Serial

if TYPE_CHECKING:
    from PIL.Image import Image

RULES = Path("/run/udev/rules.d/70-counter-terminal.rules")
PROFILES = Path(__file__).parent / "profiles"
HARDWARE = Path(__file__).parents[2] / "hardware"
SCANS = 4  # so often a closed contact is looked at: more than any debounce asks for
RELEASE_S = 0.1  # ten looks at an open one, which leave no trace
WAIT_S = 30.0  # guests share this machine with others
LOOK_S = 0.05
WARM_MAX = 3
NEAR_PX = 512  # a small glass is looked at from so near that it is as wide
USB_KEYS = {"00": "KPDOT", "ok": "KPENTER", "cancel": "KPMINUS", "+": "KPPLUS", "back": "\b"}
KEY_TIMEOUT_S = 20.0
LIKE = 0.4  # lengths and pitches are off by a factor of 1.5 in the mean, at most
PATTERN = {beep.value: pattern for beep, pattern in PATTERNS.items()}


class Counter(Stall):
    """`press`, `scan_serial`, `frame`, `bright` as at any stall; `hears` instead of `beeps`."""

    def __init__(self, state: Path, profile: Path, pace: Pace | None = None, **more: Any) -> None:
        super().__init__(state, profile=profile.absolute(), pace=pace, **more)
        self.edges: list[Edge] = []
        self.scans: dict[int, list[int]] = {}  # column pin -> when it was driven low
        self.chip: Chip | Screen | None = None
        self.parts: Profile = load_profile(profile)
        self.glass: Wire | None = None
        self._read: tuple[Image | None, str | None] = (None, None)  # a picture, and the code on it
        self.header: Header | None = None
        self.keypad: Keyboard | None = None
        self.scanner: Serial | Keyboard | None = None

    def name_devices(self) -> None:
        """What stands in /dev gets the names that a unit knows it by."""
        RULES.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HARDWARE / "udev.rules", RULES)
        subprocess.run(["/usr/lib/systemd/systemd-udevd", "--daemon"], check=True)

    def plug_in(self) -> None:
        """USB devices are plugged in by whoever has them."""
        self.header = Header(self._switched)
        self.forget_glass()
        self.glass = self._glass()

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
        for key in keys:
            if self.keypad is None:
                self._close_contact(key)
            else:
                self.keypad.press(USB_KEYS.get(key, f"KP{key}"))

    def _close_contact(self, key: str) -> None:
        """Held until the daemon has looked at it, and let go until it has seen that too."""
        pad = self.option("keypad")
        layout = pad.get("layout", LAYOUT)
        row = next(row for row, words in enumerate(layout) if key in words)
        pins = pad["rows"][row], pad["columns"][layout[row].index(key)]
        assert self.header is not None
        pressed_ns = time.monotonic_ns()
        self.header.join(*pins)
        self._scanned(pins[1], pressed_ns, SCANS)
        let_go_ns = time.monotonic_ns()
        self.header.cut(*pins)
        self._scanned(pins[1], let_go_ns, 1)  # no key is down: the columns come to rest
        time.sleep(RELEASE_S)

    def _scanned(self, column_pin: int, since_ns: int, times: int) -> None:
        self.wait(
            lambda: sum(at_ns > since_ns for at_ns in self.scans.get(column_pin, ())) >= times,
            f"a scan of the keypad's column GPIO{column_pin}",
            KEY_TIMEOUT_S,
        )

    # -- buzzer --------------------------------------------------------------------------------------

    def _switched(self, edges: list[Edge]) -> None:
        columns = self.option("keypad").get("columns", ())
        with self.changed:
            for edge in edges:
                if edge.pin in columns:
                    self.scans.setdefault(edge.pin, []).extend([] if edge.level else [edge.at_ns])
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

    def lit(self, pin: int, since_ns: int) -> bool:
        """Whether a light on this pin came on."""
        with self.changed:
            return any(
                edge.pin == pin and edge.level and edge.at_ns >= since_ns for edge in self.edges
            )

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

    def _glass(self) -> Wire:
        """What the daemon's display hangs on."""
        display = self.option("display")
        if isinstance(self.chip, Screen):
            return self.chip
        if display.get("bus", "spi") == "spi":
            return SpiWire(display.get("dc_pin", 24), self._sent, self._quiet)
        return I2cWire(display.get("address", 0x3C), self._sent, self._quiet)

    def forget_glass(self) -> None:
        """The display has lost its power: nothing stands on it."""
        display = self.option("display")
        with self.changed:
            if isinstance(self.chip, Screen):
                self.chip.wipe()
            else:
                self.chip = model(display) if "chip" in display else Screen(self._quiet)
            self.frame, self.bright = None, False

    def _sent(self, is_data: bool, message: bytes) -> None:
        assert isinstance(self.chip, Chip)
        self.chip.take([(is_data, message)])

    def _quiet(self) -> None:
        with self.changed:
            assert self.chip
            self.frame = self.chip.image()
            self.bright = self.chip.on and self._contrast >= self.option("display").get(
                "bright", 255
            )
            self.frames_seen += 1
            self.changed.notify_all()

    @property
    def _contrast(self) -> int:
        """An LCD's is the light behind it, which its chip knows nothing of."""
        assert self.chip
        return 255 if "light_pin" in self.option("display") else self.chip.contrast

    def picture(self, view: View) -> Image:
        """What the daemon draws of it."""
        part = self.parts.display
        assert part is not None
        return draw(Glass(view, test=True), panel(part))

    def shows(self, wanted: Image) -> bool:
        """Whether just this picture stands on the glass, as exactly as its pixels can say it."""
        frame = self.frame
        return frame is not None and frame.size == wanted.size and alike(frame, wanted)

    def code(self) -> str | None:
        """The text of the QR on the glass while it is lit for one, as zxing-cpp reads it."""
        import numpy as np
        import zxingcpp

        frame = self.frame
        if frame is None or not self.bright:
            return None
        if self._read[0] is not frame:
            times = max(1, NEAR_PX // frame.width)
            near = frame.convert("L").resize((frame.width * times, frame.height * times))
            codes = zxingcpp.read_barcodes(np.asarray(near))
            self._read = (frame, next((code.text for code in codes), None))
        return self._read[1]

    # -- scanner -------------------------------------------------------------------------------------

    def scan_serial(self, text: str) -> None:
        assert self.scanner is not None
        self.scanner.read(text)


def model(display: dict[str, Any]) -> Chip:
    """The chip that the profile names, its RAM empty."""
    from terminal.devices.display.luma import CHIPS

    width, height = CHIPS[display["chip"]].sizes[0]
    return MODELS[display["chip"]](display.get("width_px", width), display.get("height_px", height))


def panel(part: Part) -> Panel:
    """What the daemon draws for."""
    settings = import_module(f"terminal.devices.display.{part.driver}").Settings
    found: Panel = settings(**part.options.data).panel
    return found


@contextmanager
def open_counter(
    profile: Path,
    *,
    keypad: Keyboard | None = None,
    scanner: Serial | Keyboard | None = None,
    of: type[Counter] = Counter,
    **more: Any,
) -> Iterator[Counter]:
    """A whole counter with this hardware profile, its USB devices plugged in. Tells the report that the guest came
    through; what the daemon logged follows."""
    in_use = shutil.copy(profile, "/run")  # wherever the daemon lives, /run is there
    counter = of(Path("/run/stall"), Path(in_use), **more)
    counter.keypad, counter.scanner = keypad, scanner
    try:
        counter.name_devices()
        for device in (keypad, scanner):
            if device is not None:
                device.plug()
                counter.wait(device.path.exists, str(device.path))
        counter.start()
        warm(counter)
        yield counter
        report.done()
    finally:
        counter.stop()
        for log in sorted(counter.state.glob("*.log")):
            print(f"-- {log.name}\n{log.read_text()}", flush=True)


def warm(counter: Counter) -> None:
    """A sale that is cancelled again. With its first request the daemon imports its HTTP client, which on a busy
    host can take a guest longer than the daemon waits; people would simply try again."""
    for _ in range(WARM_MAX):
        order_no = counter.ask("sale", amount="1.00", mode="mpm")["order_no"]
        counter.wait(
            lambda number=order_no: (
                counter.code() or counter.ask("order", order_no=number)["order"]["final"]
            ),
            "a first sale",
        )
        shown = counter.code()
        counter.dismiss()
        counter.wait(lambda: not counter.ask("status")["open"], "the first sale's end")
        if shown:
            return
    raise Fault("the daemon does not reach its gateway")
