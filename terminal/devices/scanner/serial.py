"""A scanner on a serial port or on USB in serial (CDC-ACM) mode, read with pyserial.

The scanner must send an end mark after each code; CR is what most do when they leave the factory. The port is
read all the time, also while disarmed, so that nothing old waits in a buffer when a code is awaited.

A code is delivered whole or not at all. Half a code is dropped at 200 ms of silence, at an unplugging and at
arming; what a port just opened says first may be the second half of one, and is dropped up to its end or to the
first silence (F13). A code that ends in the very moment of disarming may still be delivered.

`devices/dialects.toml` says what the common models want and can be told; others work as well.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import re
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import UnsupportedOperation
from pathlib import Path

from serial import Serial, SerialException, serial_for_url

from terminal.devices.dialect import Mouth, model_named
from terminal.devices.keeper import Keeper
from terminal.devices.repeats import Repeats
from terminal.devices.scanner import Scanned

CODE_BYTES_MAX = 4096  # the largest QR code has 2953 bytes (F3): refused later, in words
CHUNK_BYTES = 4096
STREAM_BYTES_MAX = 4 * CODE_BYTES_MAX  # without an end mark or a pause: no scanner
UNENDED_MAX, UNENDED_BYTES_MIN = 3, 12  # readings that look like codes, in a row; less is noise
REPEAT_S = 0.5
WRITE_TIMEOUT_S = 1.0
AIM = re.compile(rb"\][A-Za-z][0-9A-Za-z]")  # ISO/IEC 15424, which codes.scanned reads

# SerialException is an OSError; `in_waiting` raises plain OSError and flushing raises termios.error when the
# cable is out (hardware.md 5).
FAULTS = (OSError, termios.error)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`port`: best a /dev/serial/by-id path, which survives replugging; any pyserial URL works (loop://,
    spy://). `model`: a section of dialects.toml, for its `baud`, `suffix` and commands. `suffix`: each of these
    characters ends a code; without one CR, LF and CR LF do. `silence_ms`: a pause after which the code under way
    is given up. `aim`: the scanner was set to send the AIM prefix; then a reading without it is no whole one.

    `trigger`: the scanner was set to read on command, so it is told when a code is awaited. `sleep`: and it is
    put to sleep when none is."""

    port: str
    model: str = ""
    baud: int = 0
    suffix: str = ""
    silence_ms: int = 200
    aim: bool = False
    trigger: bool = False
    sleep: bool = False

    def __post_init__(self) -> None:
        if not self.port:
            raise ValueError(
                "port is empty; write the scanner's path, such as /dev/serial/by-id/..."
            )
        if self.baud and not 50 <= self.baud <= 4_000_000:
            raise ValueError(
                f"a scanner does not speak at {self.baud} baud; most do at 9600 or 115200"
            )
        if not (len(self.suffix) <= 4 and self.suffix.isascii()):
            raise ValueError(
                f"suffix is one to four ASCII characters such as '\\r', not {self.suffix!r}"
            )
        if not 20 <= self.silence_ms <= 5000:
            raise ValueError(f"silence_ms is 20 to 5000, not {self.silence_ms}")
        known = model_named(self.model)
        if (self.trigger and not known.trigger) or (self.sleep and not known.sleep):
            raise ValueError(
                f'a scanner of model "{self.model}" cannot be told that; see dialects.toml'
            )

    @property
    def used_pins(self) -> dict[str, int]:
        """A UART is on the header; what is plugged in by USB is not."""
        onboard = Path(self.port).name in ("serial0", "ttyAMA0", "ttyS0")
        return {"UART transmit": 14, "UART receive": 15} if onboard else {}


class Lines:
    """Cuts what a scanner sends into codes. Has no clock: the caller says when the line fell silent. `reply`: a
    pattern of what is an answer to a command and no part of a code. `aim`: only what begins with an AIM prefix is
    a whole code."""

    def __init__(self, ends: str, reply: bytes = b"", *, aim: bool = False) -> None:
        self._end = re.compile(b"[" + re.escape(ends.encode("ascii")) + b"]")
        self._reply = re.compile(b"(?:" + reply + b")+", re.DOTALL) if reply else None
        self._aim = aim
        self._held = bytearray()
        self._spoilt = False

    def feed(self, data: bytes) -> list[bytes]:
        """The codes that end in `data`. Empty ones (F1, F2) and over-long ones (F4) are left out."""
        *ended, begun = self._end.split(data)
        codes = [code for piece in ended if (code := self._finish(piece))]
        self._hold(begun)
        return codes

    def silence(self) -> int:
        """Nothing came for a while: drop what has no end, and say how many bytes that were."""
        dropped_bytes = len(self._without_reply(bytes(self._held)))
        self._held.clear()
        self._spoilt = False
        return dropped_bytes

    def spoil(self, *, begun: bool = False) -> None:
        """If a code has begun, drop it up to its end. `begun`: it has, as far as one can know."""
        self._spoilt = self._spoilt or begun or bool(self._held)
        self._held.clear()

    def _finish(self, piece: bytes) -> bytes:
        self._hold(piece)
        code = self._without_reply(bytes(self._held))
        self._held.clear()
        self._spoilt = False
        return code if AIM.match(code) or not self._aim else b""

    def _without_reply(self, held: bytes) -> bytes:
        answered = self._reply.match(held) if self._reply else None
        return held[answered.end() :] if answered else held

    def _hold(self, piece: bytes) -> None:
        if self._spoilt:
            return
        self._held += piece
        if len(self._held) > CODE_BYTES_MAX:
            self.spoil()


class Device:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model = model_named(settings.model, settings.baud, settings.suffix)
        self._scanned: Scanned | None = None
        self._armed = False
        self._armings = 0
        self._repeats = Repeats(REPEAT_S)
        self._unended = 0
        self._unsettled = True  # until a silence or a whole code
        self._stream_bytes = 0  # since then
        self._keeper = Keeper(
            f"scanner at {settings.port}",
            self._serve,
            lambda: FAULTS,
            lambda fault: explain(settings.port, fault),
            lost=f"The scanner at {settings.port} is being opened.",
        )

    def listen(self, scanned: Scanned) -> None:
        self._scanned = scanned
        self._keeper.start()

    def arm(self, armed: bool) -> None:
        self._armings += armed  # before `_armed`: the thread must not deliver what had begun
        self._armed = armed

    @property
    def lost(self) -> str | None:
        return self._keeper.lost

    def close(self) -> None:
        self._keeper.close()

    # -- the scanner's thread -----------------------------------------------------------------------

    def _serve(self) -> None:
        """Closed on a fault too: a stale handle would make the kernel give the scanner another name."""
        with self._open() as port, _alone(port):
            self._read(port)

    def _open(self) -> Serial:
        try:
            return serial_for_url(
                self._settings.port,
                baudrate=self._model.baud,
                timeout=self._settings.silence_ms / 1000,
                write_timeout=WRITE_TIMEOUT_S,
                exclusive=True,
            )
        except (ValueError, LookupError) as error:  # a URL or a speed that pyserial does not know
            raise SerialException(f"pyserial refuses it: {error}") from error

    def _read(self, port: Serial) -> None:
        lines = Lines(self._model.suffix, self._model.reply, aim=self._settings.aim)
        lines.spoil(begun=True)
        known = self._armings
        self._unsettled, self._stream_bytes = True, 0
        mouth = Mouth(self._model, trigger=self._settings.trigger, sleep=self._settings.sleep)
        while not self._keeper.closing.is_set():
            port.write(mouth.words(self._armed, time.monotonic()))
            data = port.read(1)
            # Looked at before the rest is taken: those bytes waited already, so they are not newer than this.
            armed, armings = self._armed, self._armings
            data += port.read(min(port.in_waiting, CHUNK_BYTES))
            if armings != known:
                known = armings
                lines.spoil()  # what has begun was not awaited yet
            if data:
                self._streams(len(data))
            else:
                self._fell_silent(lines)
            for code in lines.feed(data):
                mouth.read_one()
                self._ended(code, armed)

    def _streams(self, bytes_: int) -> None:
        self._stream_bytes += bytes_
        if self._stream_bytes > STREAM_BYTES_MAX:
            self._unsettled = True
            self._keeper.fails(
                f"{self._settings.port} sends without a pause, so it is no scanner or at another speed. "
                "Correct `port` or `baud` in the hardware profile."
            )

    def _fell_silent(self, lines: Lines) -> None:
        self._stream_bytes = 0
        if self._unsettled:
            self._unsettled = False
            self._keeper.works()
        dropped_bytes = lines.silence()
        if not dropped_bytes:
            return
        log.warning("%s: %d bytes without an end mark dropped", self._settings.port, dropped_bytes)
        self._unended += dropped_bytes >= UNENDED_BYTES_MIN
        if self._unended >= UNENDED_MAX:  # a programming barcode took the end mark away (F21)
            self._keeper.fails(
                f"The scanner at {self._settings.port} sends codes without an end mark. Scan the barcode "
                "'add CR suffix' of its manual, or set `suffix` in the hardware profile."
            )

    def _ended(self, code: bytes, armed: bool) -> None:
        self._unended = self._stream_bytes = 0
        self._unsettled = False
        self._keeper.works()
        if not (armed and self._armed and self._scanned):
            return
        if self._repeats.is_new(code, time.monotonic()):
            self._scanned(code)


@contextmanager
def _alone(port: Serial) -> Iterator[None]:
    """Nobody else may open it meanwhile. Given back, because a port remembers it while anybody holds it."""
    try:
        number = port.fileno()
    except (UnsupportedOperation, AttributeError):  # loop:// is no file
        yield
        return
    fcntl.ioctl(number, termios.TIOCEXCL)
    try:
        yield
    finally:
        with suppress(*FAULTS):  # pulled out
            fcntl.ioctl(number, termios.TIOCNXCL)


def explain(port: str, fault: Exception) -> str:
    """What is wrong with the port, and the remedy, for the technician."""
    number = fault.errno if isinstance(fault, OSError) else None
    if number in (errno.EACCES, errno.EPERM):
        return f"The daemon may not open {port}. Add its user to the group of that file (dialout)."
    if number in (errno.EAGAIN, errno.EBUSY):
        return f"{port} is in use by another program. Stop that program."
    if "://" not in port and not Path(port).exists():
        return (
            f"There is no scanner at {port}. Plug it in, or correct `port` in the hardware profile; "
            "`ls /dev/serial/by-id` lists what is plugged in."
        )
    if isinstance(fault, SerialException) and "multiple access" in str(fault):
        return (
            f"{port} was unplugged for a moment, or another program reads it too. "
            "Check the plug, and stop the other program (`fuser` names it)."
        )
    return f"{port} does not work: {fault}. Unplug the scanner and plug it in again."
