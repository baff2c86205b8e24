"""A stall: one whole counter on this machine. The sandbox gateway, the line to it, the daemon, and the far ends
of the daemon's cables, started and stopped together.

Nothing is stood in for: the sandbox and the daemon are processes of their own, the line is TCP through a proxy
that can be cut, the serial scanner reads a pty, the camera looks at frames.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import tty
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from terminal.bench.proxy import Proxy, bound
from terminal.bench.settings import Tables, changed, noticed, tables, toml
from terminal.control import Unanswered, call
from terminal.core.events import Key
from terminal.core.terms import Fault
from terminal.devices.cable import Plug, Unplugged, plug
from terminal.devices.display.emulated import unpack

if TYPE_CHECKING:
    from PIL.Image import Image

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0
ASK_TIMEOUT_S = 60.0  # the daemon's own are shorter, and say so
REPLUG_S = 0.1
BEEPS_KEPT = 100
CAMERA_FRAMES = 6  # how often a shown picture passes before the camera
CAMERA_FRAME_S = 0.1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast life goes at this stall, in seconds; the real numbers are the codec's. A little faster than at
    a real gateway, so that nobody at the bench has to wait."""

    first_query_s: float = 1
    query_step_s: float = 1
    earliest_undo_s: float = 2
    life_s: float = 120
    doubt_s: float = 30
    grace_s: float = 5
    verify_s: float = 20


class HandScanner:
    """What a serial scanner is plugged into: a pty, found under the name that the bench profile says."""

    def __init__(self, link: Path) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self._slave))

    def read(self, text: str) -> None:
        """It has read `text`: its bytes and a CR come out."""
        self.send(text.encode() + b"\r")

    def send(self, data: bytes) -> None:
        os.write(self._master, data)

    def let_go(self) -> None:
        """Whoever had the port to itself is gone. A real one would know; a pty remembers as long as we hold it."""
        fcntl.ioctl(self._slave, termios.TIOCNXCL)

    def close(self) -> None:
        os.close(self._master)
        os.close(self._slave)


@dataclass(frozen=True, slots=True)
class Heard:
    """One sound: its number at this stall and what it was."""

    number: int
    beep: str


class Tls(NamedTuple):
    """Files: the sandbox's certificate with its key, and the authority that vouches for it."""

    certificate: Path
    authority: Path


class Stall:
    """`start()`, then press, look, scan, cut; `stop()` ends everything. Methods may be called by any thread."""

    def __init__(
        self,
        state: Path,
        gateway: str = "paycloud",
        *,
        profile: Path | None = None,
        pace: Pace | None = None,
        tls: Tls | None = None,
        notices: bool = False,
        changes: Tables | None = None,
    ) -> None:
        """`gateway`: one of `settings.ACCOUNTS`. `notices`: the daemon takes them. `changes`: what the settings
        say otherwise."""
        self.state = state.absolute()
        self.name = gateway
        self.tls = tls
        self.notices = notices
        self.changes = changes or {}
        self.profile = profile or ROOT / "hardware" / "bench.toml"
        self.pace = pace or Pace()
        self.sandbox: subprocess.Popen[str] | None = None
        self.daemon: subprocess.Popen[str] | None = None
        self.gateway: dict[str, str] = {}
        self.proxy: Proxy | None = None
        self.changed = threading.Condition()
        self.frame: Image | None = None
        self.bright = False
        self.frames_seen = 0
        self.beeps: deque[Heard] = deque(maxlen=BEEPS_KEPT)
        self.beeps_heard = 0
        self.line_cut = False
        self.stopping = threading.Event()
        self._scanner: HandScanner | None = None
        self._place: socket.socket | None = None

    # -- start and stop ----------------------------------------------------------------------------

    def start(self) -> None:
        """Everything up, the idle screen on the glass. Fault when something does not come."""
        self.state.mkdir(parents=True, exist_ok=True)
        secured = ("--cert", str(self.tls.certificate)) if self.tls else ()
        self.sandbox = self._spawn(
            "sandbox", "--gateway", self.name, "--state", "sandbox", *secured
        )
        self.gateway = self._first_line(self.sandbox)
        scheme, host, port = self.gateway["address"].replace("//", "").rsplit(":", 2)
        self.proxy = Proxy((host, int(port)))
        self._write_settings(f"{scheme}://{host}:{self.proxy.start()}")
        self.tell_sandbox(
            "settings", earliest_revoke_ms=round(1000 * max(0, self.pace.earliest_undo_s - 1))
        )
        self.plug_in()
        self.start_daemon()

    def plug_in(self) -> None:
        """The far ends of what the profile names: here the bench's cables and the scanner's pty."""
        self._scanner = HandScanner(self.state / "scanner.tty")
        for watch in (self._watch_display, self._watch_buzzer):
            threading.Thread(target=watch, name=watch.__name__, daemon=True).start()

    def start_daemon(self) -> None:
        """The daemon, up to its first picture. A picture alone does not prove it: it may be the last one of a
        daemon that was killed, still on its way, or the bytes that only wake a chip. Who is up answers."""
        seen = self.frames_seen
        if self._scanner is not None:
            self._scanner.let_go()
        self.daemon = self._spawn("run", "--config", str(self.state / "terminal.toml"))
        self.wait(lambda: self.frames_seen > seen and self._answers(), "the daemon's first picture")

    def _answers(self) -> bool:
        try:
            return bool(self.ask("status").get("screen"))  # none: it has no time yet
        except Unanswered:
            return False

    def kill_daemon(self) -> None:
        """kill -9: no goodbye."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()

    def stop(self) -> None:
        self.stopping.set()
        for process in (self.daemon, self.sandbox):
            if process is not None and process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_TIMEOUT_S)
                process.kill()
        if self.proxy is not None:
            self.proxy.stop()
        if self._scanner is not None:
            self._scanner.close()
        if self._place is not None:
            self._place.close()

    def _spawn(self, *words: str) -> subprocess.Popen[str]:
        log_file = (self.state / f"{words[0]}.log").open("a", encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, "-m", "terminal", *words],
            cwd=self.state,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE if words[0] == "sandbox" else log_file,
            stderr=log_file,
            text=True,
        )

    def _first_line(self, process: subprocess.Popen[str]) -> dict[str, str]:
        stdout: IO[str] | None = process.stdout
        line = stdout.readline() if stdout else ""
        if not line:
            raise Fault(f"the sandbox did not start; see {self.state / 'sandbox.log'}")
        said: dict[str, str] = json.loads(line)
        return said

    def _write_settings(self, url: str) -> None:
        """The terminal's line to the gateway leads through the proxy that can be cut."""
        known = tables(self.gateway, self.state, self.profile, asdict(self.pace))
        line = {"url": url, "ca_file": str(self.tls.authority) if self.tls else None}
        taking = noticed(self.name, self._kept_port()) if self.notices else {}
        settings = changed(known, {"gateway": line})
        settings = changed(changed(settings, taking), self.changes)
        (self.state / "terminal.toml").write_text(toml(settings), encoding="utf-8")

    def _kept_port(self) -> int:
        """For notices. The daemon is still to come, and may be killed: nobody else is given it meanwhile."""
        self._place = bound()
        return int(self._place.getsockname()[1])

    # -- waiting -----------------------------------------------------------------------------------

    def wait(self, holds: Any, what: str, timeout_s: float = START_TIMEOUT_S) -> None:
        """Until `holds()`; Fault naming `what` when it does not come in time or the daemon dies."""
        deadline_s = time.monotonic() + timeout_s
        with self.changed:
            while not holds():
                if self.daemon is not None and self.daemon.poll() not in (None, -signal.SIGKILL):
                    raise Fault(f"the daemon ended; see {self.state / 'run.log'}")
                if time.monotonic() > deadline_s:
                    raise Fault(f"{what} did not come in {timeout_s:.0f} s")
                self.changed.wait(0.05)

    # -- hands, eyes and ears ----------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Keys by their names: press("1", "2", "00", "ok")."""
        with plug(self.state / "keypad.sock") as keypad:
            for key in keys:
                keypad.send(Key(key).value.encode())

    def dismiss(self) -> None:
        """C until the idle screen is there: a result that has just come is not dismissed at once."""

        def idle() -> bool:
            if self.ask("status")["screen"] == "Idle":
                return True
            self.press("cancel")
            return False

        self.wait(idle, "the idle screen")

    def scan_serial(self, text: str) -> None:
        """The hand scanner reads `text`."""
        assert self._scanner is not None
        self._scanner.read(text)

    def show_to_camera(self, picture: Image) -> None:
        """Hold a gray picture before the camera for a moment."""
        from terminal.devices.camera.emulated import pack

        gray = picture.convert("L")
        message = pack(gray.height, gray.width, gray.tobytes())
        with plug(self.state / "camera.sock") as camera:
            for _ in range(CAMERA_FRAMES):
                camera.send(message)
                time.sleep(CAMERA_FRAME_S)

    def cut_line(self) -> None:
        assert self.proxy is not None
        self.proxy.cut()
        self.line_cut = True

    def restore_line(self) -> None:
        assert self.proxy is not None
        self.proxy.restore()
        self.line_cut = False

    def ask(self, word: str, **more: object) -> dict[str, Any]:
        """What terminalctl would be told."""
        return call(self.state / "control.sock", {"word": word, **more}, timeout_s=ASK_TIMEOUT_S)

    def tell_sandbox(self, door: str, **asked: object) -> dict[str, Any]:
        """The customer's and the bench's doors of the sandbox; not through the line that can be cut."""
        return self._at_the_sandbox("POST", door, asked)

    def books(self) -> list[dict[str, Any]]:
        """The orders in the sandbox's ledger, oldest first."""
        orders: list[dict[str, Any]] = self._at_the_sandbox("GET", "orders")["orders"]
        return orders

    def booked(self, order_no: str) -> dict[str, Any]:
        """One order of the books, with its refunds and its history."""
        return self._at_the_sandbox("GET", f"orders/{order_no}")

    def _at_the_sandbox(
        self, method: str, door: str, asked: dict[str, object] | None = None
    ) -> dict[str, Any]:
        import requests

        answer = requests.request(
            method,
            f"{self.gateway['address']}/sandbox/{door}",
            json=asked,
            timeout=STOP_TIMEOUT_S,
            verify=str(self.tls.authority) if self.tls else True,
        )
        said: dict[str, Any] = answer.json()
        if answer.status_code != 200:
            raise Fault(said.get("error", f"the sandbox answered {answer.status_code}"))
        return said

    # -- the cables' far ends ----------------------------------------------------------------------

    def _watch_display(self) -> None:
        for message in self._messages("display.sock"):
            frame, bright = unpack(message)
            with self.changed:
                self.frame, self.bright = frame, bright
                self.frames_seen += 1
                self.changed.notify_all()

    def _watch_buzzer(self) -> None:
        for message in self._messages("buzzer.sock"):
            with self.changed:
                self.beeps_heard += 1
                self.beeps.append(Heard(self.beeps_heard, message.decode()))
                self.changed.notify_all()

    def _messages(self, name: str) -> Any:
        """What comes over a cable, plugging in again whenever the daemon comes back."""
        while not self.stopping.is_set():
            try:
                with plug(self.state / name) as cable:
                    yield from self._received(cable)
            except (OSError, Unplugged):
                self.stopping.wait(REPLUG_S)

    def _received(self, cable: Plug) -> Any:
        while not self.stopping.is_set():
            message = cable.receive(1.0)
            if message is not None:
                yield message
