"""`doctor --interactive` over a real pty: a person who looks, presses, scans and listens at the bench's devices."""

from __future__ import annotations

import os
import pty
import re
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from terminal.bench.stall import Stall
from terminal.control import Control
from terminal.core.events import Key
from terminal.core.views import Panel
from terminal.doctor import hands
from tests.doctor.test_doctor import Unit

WAIT_S = 120.0
SILENCE_S = 1.5
PANEL = Panel(320, 240, "RGB", 128, "bench 320x240")
KEYS = [key.value for key in Key if key is not Key.CLEAR]
CAMERA = re.compile(r'\[\[scanner\]\]\ndriver = "camera"\n')


class Person:
    """At one end of the pty; at the counter, the bench's stall."""

    def __init__(self, unit: Unit) -> None:
        profile = unit.folder / "hardware.toml"
        profile.write_text(CAMERA.sub("", profile.read_text("utf-8")), "utf-8")
        self.stall = Stall(unit.state)
        self.master, slave = pty.openpty()
        terminalctl = str(Path(sys.executable).with_name("terminalctl"))
        words = [
            "--socket",
            str(unit.socket),
            "doctor",
            "--interactive",
            "--config",
            str(unit.config),
        ]
        self.process = subprocess.Popen(
            [terminalctl, *words], stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)
        self.said = self.screen = ""  # since the last look; all of it

    def sees(self, wanted: str) -> str:
        """Waits for this on the technician's screen; what stood there since the last look, up to it."""
        until_s = time.monotonic() + WAIT_S
        while not (found := re.search(wanted, self.said)):
            assert time.monotonic() < until_s, f"{wanted!r} never came: {self.said}"
            if select.select([self.master], [], [], 0.2)[0]:
                self._hear()
        before, self.said = self.said[: found.end()], self.said[found.end() :]
        return before

    def _hear(self) -> None:
        heard = os.read(self.master, 65_536).decode(errors="replace")
        self.said += heard
        self.screen += heard

    def types(self, text: str) -> None:
        os.write(self.master, f"{text}\n".encode())

    def number_on_the_glass(self) -> str:
        self.stall.wait(lambda: self.number() is not None, "the pattern", WAIT_S)
        return str(self.number())

    def number(self) -> int | None:
        frame = self.stall.frame
        seen = frame.tobytes() if frame else b""
        return next((n for n in hands.NUMBERS if hands.pattern(n, PANEL).tobytes() == seen), None)

    def sounds(self) -> str:
        """How many there were, once none comes any more."""
        heard = -1
        while heard != self.stall.beeps_heard:
            heard = self.stall.beeps_heard
            time.sleep(SILENCE_S)
        return str(heard)

    def presses(self, *keys: str) -> None:
        for key in keys:
            self.stall.press(key)
            self.sees(rf"  {re.escape(key)}: seen")

    def ends(self) -> int:
        with suppress(OSError):  # the other end is closed
            while True:
                self._hear()
        return self.process.wait(WAIT_S)

    def leaves(self) -> None:
        self.process.kill()
        self.process.wait()
        self.stall.stop()
        os.close(self.master)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    made = Person(Unit(tmp_path))
    made.sees("Opening the devices")
    made.stall.plug_in()  # the scanner's pty; the displays' and buzzers' far ends
    yield made
    made.leaves()


def test_all_is_well(person: Person) -> None:
    person.sees("which number")
    person.types(person.number_on_the_glass())
    person.sees("press every key")
    person.presses(*KEYS)
    person.sees("let it read this code")
    code = person.sees(r"  DOCTOR-\d{6}").split()[-1]
    person.stall.scan_serial("289012345678901234")  # of a customer who waits: never shown
    person.stall.scan_serial(code)
    person.sees("how often did it sound")
    person.types(person.sounds())
    assert person.ends() == 0, person.screen
    assert "289012345678901234" not in person.screen
    for what in ("display", "keypad", "scanner", "buzzer"):
        assert re.search(rf"good\s+\S*\s*{what}", person.screen), (what, person.screen)


def test_the_findings_name_the_part_and_the_remedy(person: Person) -> None:
    person.sees("which number")
    number = person.number_on_the_glass()
    person.types("7")
    person.sees(rf"It shows {number}; seen was: 7\..*\n.*Try: Look at its wires")
    person.sees("press every key")
    person.presses(*(key for key in KEYS if key not in ("5", "ok")))
    person.types("")
    person.sees(r"Not seen: 5 ok\..*\n.*Try: Look at the wires of its rows")
    person.sees("let it read this code")
    person.types("")
    person.sees(r"It read nothing\..*\n.*Try: ")
    person.sees("how often did it sound")
    person.types("0")
    assert person.ends() == 1
    assert re.search(r"It sounded \d times; heard was: 0\.", person.screen)


def test_another_code_is_counted_and_never_told(person: Person) -> None:
    person.sees("which number")
    person.types("")
    person.sees("press every key")
    person.types("")
    person.sees("let it read this code")
    for _ in range(2):
        person.stall.scan_serial(f"28901234567890{secrets.randbelow(10**4):04}")
        person.sees("another code was read")
    person.types("")
    person.sees("how often did it sound")
    assert "It read 2 times, and never that code" in person.screen
    assert "28901234567890" not in person.screen


def test_it_is_refused_while_the_daemon_runs(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    control = Control(unit.socket, lambda _request: {"ok": True, "verdict": "ready"})
    try:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("terminalctl"), "--socket", unit.socket, "doctor",
                "--interactive", "--config", unit.config,
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        control.close()
    assert done.returncode == 1
    assert "systemctl stop terminald" in done.stderr


@pytest.mark.parametrize(
    ("width", "height", "mode"), [(128, 64, "1"), (240, 240, "RGB"), (256, 64, "L")]
)
def test_the_pattern_reaches_every_edge(width: int, height: int, mode: str) -> None:
    panel = Panel(width, height, mode, 100, "")
    picture = hands.pattern(42, panel).convert("L")
    box = Image.Image.getbbox(picture)
    assert box == (0, 0, width, height)
    assert hands.pattern(42, panel) != hands.pattern(43, panel)
