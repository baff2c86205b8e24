"""The serial scanner on a real pseudo terminal: half codes, noise, floods, unplugging."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import queue
import random
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import pytest
from serial import Serial, SerialException

from terminal.bench.flood import scan
from terminal.devices.dialect import model_named
from terminal.devices.scanner.serial import Device, Settings, explain

PATIENCE_S = 30.0
CODE = b"134567890123456789"
Until = Callable[[Callable[[], object]], None]
Codes = queue.Queue[bytes]


class Cord:
    """A scanner's cord: a pty whose near end appears under a fixed name, as in /dev/serial/by-id."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self.far: int | None = None
        self.plug_in()

    def plug_in(self) -> None:
        self.far, near = os.openpty()
        self.name.unlink(missing_ok=True)
        self.name.symlink_to(os.ttyname(near))
        self.near = near  # kept open until the device has it, else the far end sees a hang-up

    def send(self, data: bytes) -> None:
        assert self.far is not None
        while data:
            data = data[os.write(self.far, data[:4096]) :]

    def pull_out(self) -> None:
        if self.far is not None:
            os.close(self.far)
            os.close(self.near)
            self.far = None
        self.name.unlink(missing_ok=True)


@pytest.fixture
def cord(run: Path) -> Iterator[Cord]:
    cord = Cord(run / "scanner.tty")
    yield cord
    cord.pull_out()


@pytest.fixture
def codes() -> Codes:
    return queue.Queue()


Plugged = Callable[..., Device]


@pytest.fixture
def plugged(cord: Cord, codes: Codes, until: Until) -> Iterator[Plugged]:
    """Makes a device on the cord that is ready and armed."""
    devices: list[Device] = []

    def make(**options: object) -> Device:
        options = {"port": str(cord.name), "silence_ms": 50, **options}
        device = Device(msgspec.convert(options, type=Settings))
        devices.append(device)
        device.listen(codes.put)
        until(lambda: device.lost is None)
        device.arm(True)
        return device

    yield make
    for device in devices:
        device.close()


def dropped(caplog: pytest.LogCaptureFixture) -> int:
    return sum("without an end mark" in record.getMessage() for record in caplog.records)


def has_dropped(caplog: pytest.LogCaptureFixture, count: int) -> bool:
    return dropped(caplog) >= count


# -- codes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\r\n\n"])
def test_a_code_is_delivered_once_and_whole(
    plugged: Plugged, cord: Cord, codes: Codes, end: bytes
) -> None:
    plugged()
    cord.send(CODE + end + b"end" + end)
    assert codes.get(timeout=PATIENCE_S) == CODE
    assert codes.get(timeout=PATIENCE_S) == b"end"
    assert codes.empty()


def test_another_end_mark_can_be_set(plugged: Plugged, cord: Cord, codes: Codes) -> None:
    plugged(suffix="\t")
    cord.send(b"one\rtwo\t")
    assert codes.get(timeout=PATIENCE_S) == b"one\rtwo"


@pytest.mark.parametrize("seed", range(2))
def test_the_chunks_in_which_codes_come_do_not_matter(
    plugged: Plugged, cord: Cord, codes: Codes, seed: int
) -> None:
    plugged(silence_ms=500)  # so that a busy machine is not taken for a silent scanner
    dice = random.Random(seed)
    sent = [bytes(dice.choices(b"0123456789ABCDEF", k=dice.randint(1, 200))) for _ in range(30)]
    stream = b"".join(code + dice.choice([b"\r", b"\r\n"]) for code in sent)
    while stream:
        size = dice.randint(1, 40)
        cord.send(stream[:size])
        stream = stream[size:]
    assert [codes.get(timeout=PATIENCE_S) for _ in sent] == sent


def test_control_characters_and_any_bytes_are_handed_on_unjudged(
    plugged: Plugged, cord: Cord, codes: Codes
) -> None:
    """F5 to F7, F19: `codes.scanned` judges; the line discipline must not eat Ctrl-C or Ctrl-D."""
    plugged()
    odd = bytes(set(range(256)) - set(b"\r\n"))
    cord.send(odd + b"\r")
    assert codes.get(timeout=PATIENCE_S) == odd


def test_nothing_but_end_marks_is_nothing(plugged: Plugged, cord: Cord, codes: Codes) -> None:
    """F1, F2."""
    plugged()
    cord.send(b"\r\n\r\n\n\r" + CODE + b"\r")
    assert codes.get(timeout=PATIENCE_S) == CODE
    assert codes.empty()


def test_half_a_code_is_dropped_at_silence(
    plugged: Plugged, cord: Cord, codes: Codes, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    device = plugged()
    cord.send(CODE[:9])
    until(lambda: dropped(caplog) == 1)
    cord.send(CODE + b"\r")
    assert codes.get(timeout=PATIENCE_S) == CODE
    assert codes.empty()
    assert device.lost is None


def test_a_million_bytes_without_an_end_are_dropped(
    plugged: Plugged, cord: Cord, codes: Codes
) -> None:
    """F4: with what is glued to them, but the next code is read."""
    plugged(silence_ms=500)
    cord.send(b"A" * 1_000_000 + CODE + b"\r" + b"next\r")
    assert codes.get(timeout=PATIENCE_S) == b"next"
    assert codes.empty()


def test_the_same_code_twice_at_once_is_one(plugged: Plugged, cord: Cord, codes: Codes) -> None:
    """F14."""
    plugged()
    cord.send(CODE + b"\r" + CODE + b"\r" + b"other\r")
    assert codes.get(timeout=PATIENCE_S) == CODE
    assert codes.get(timeout=PATIENCE_S) == b"other"


def test_a_scanner_that_lost_its_end_mark_is_named_and_believed_again(
    plugged: Plugged, cord: Cord, codes: Codes, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    """F21."""
    device = plugged()
    for count in (1, 2, 3):
        cord.send(CODE)
        until(partial(has_dropped, caplog, count))
    until(lambda: device.lost is not None)
    assert "add CR suffix" in str(device.lost)
    cord.send(CODE + b"\r")
    assert codes.get(timeout=PATIENCE_S) == CODE
    assert device.lost is None


def test_noise_on_the_line_is_no_lost_end_mark(
    plugged: Plugged, cord: Cord, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    device = plugged()
    for count in (1, 2, 3, 4):
        cord.send(b"\x80\xff")
        until(partial(has_dropped, caplog, count))
    assert device.lost is None


def test_what_was_scanned_is_in_no_log(
    plugged: Plugged, cord: Cord, codes: Codes, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    """I11: the code is a bearer credential."""
    caplog.set_level(logging.DEBUG)
    plugged()
    cord.send(CODE + b"\r")
    assert codes.get(timeout=PATIENCE_S) == CODE
    cord.send(CODE)
    until(lambda: dropped(caplog) == 1)
    assert CODE.decode()[:6] not in caplog.text


# -- arming -------------------------------------------------------------------------------------------


def test_what_is_scanned_while_disarmed_is_gone(
    plugged: Plugged, cord: Cord, codes: Codes, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    device = plugged()
    device.arm(False)
    cord.send(b"early\r" + b"noise to be noticed")
    until(lambda: dropped(caplog) == 1)
    device.arm(True)
    cord.send(CODE + b"\r")
    assert codes.get(timeout=PATIENCE_S) == CODE
    assert codes.empty()


def test_a_code_that_began_before_arming_is_dropped_to_its_end(
    plugged: Plugged, cord: Cord, codes: Codes, until: Until, run: Path
) -> None:
    """The second half of a code is a wrong code, perhaps one that looks right."""
    spied = run / "spied"
    device = plugged(port=f"spy://{cord.name}?file={spied}", silence_ms=500)
    device.arm(False)
    cord.send(b"early\r" + b"Z")
    until(lambda: " 5A " in spied.read_text())
    device.arm(True)
    cord.send(CODE + b"\r" + b"next\r")
    assert codes.get(timeout=PATIENCE_S) == b"next"
    assert codes.empty()


# -- unplugging ---------------------------------------------------------------------------------------


def test_unplugged_in_the_middle_of_a_code_and_plugged_in_again(
    plugged: Plugged, cord: Cord, codes: Codes, until: Until
) -> None:
    """F13."""
    device = plugged()
    cord.send(CODE[:9])
    cord.pull_out()
    until(lambda: device.lost is not None)
    assert str(cord.name) in str(device.lost)
    assert "Plug it in" in str(device.lost)
    cord.plug_in()
    cord.send(CODE[9:] + b"\r")
    until(lambda: device.lost is None)
    cord.send(b"whole\r")
    assert codes.get(timeout=PATIENCE_S) == b"whole"
    assert codes.empty()


def test_again_and_again(plugged: Plugged, cord: Cord, codes: Codes, until: Until) -> None:
    device = plugged()
    for turn in range(3):
        cord.pull_out()
        until(lambda: device.lost is not None)
        cord.plug_in()
        until(lambda: device.lost is None)
        cord.send(b"turn %d\r" % turn)
        assert codes.get(timeout=PATIENCE_S) == b"turn %d" % turn


def test_a_port_that_is_not_there_at_start_is_waited_for(
    cord: Cord, codes: Codes, until: Until
) -> None:
    cord.pull_out()
    device = Device(Settings(port=str(cord.name)))
    assert "being opened" in str(device.lost)
    device.listen(codes.put)
    device.arm(True)
    until(lambda: "no scanner at" in str(device.lost))
    assert str(cord.name) in str(device.lost)
    cord.plug_in()
    until(lambda: device.lost is None)
    cord.send(CODE + b"\r")
    assert codes.get(timeout=PATIENCE_S) == CODE
    device.close()


def test_a_scanner_that_never_pauses_is_read_from_its_first_end_mark_on(
    cord: Cord, codes: Codes, until: Until
) -> None:
    """One that is held on a code sends it again and again: a silence may never come."""
    device = Device(Settings(port=str(cord.name), silence_ms=5000))
    device.listen(codes.put)
    device.arm(True)
    until(lambda: not termios.tcgetattr(cord.far or -1)[3] & termios.ICANON)  # it is open
    cord.send(CODE[9:] + b"\r")

    def read() -> bool:
        cord.send(CODE + b"\r")
        return not codes.empty()

    until(read)
    assert device.lost is None
    device.close()
    assert {codes.get() for _ in range(codes.qsize())} == {CODE}


def test_a_stream_without_end_marks_is_no_scanner(cord: Cord, codes: Codes, until: Until) -> None:
    device = Device(Settings(port=str(cord.name)))
    device.arm(True)
    os.set_blocking(cord.far or -1, False)
    device.listen(codes.put)

    def told() -> bool:
        with suppress(BlockingIOError):
            cord.send(b"12345678" * 400)
        return "without a pause" in str(device.lost)

    until(told)
    until(lambda: device.lost is None)
    os.set_blocking(cord.far or -1, True)
    cord.send(CODE + b"\r")
    assert codes.get(timeout=PATIENCE_S) == CODE
    assert codes.empty()
    device.close()


def test_a_port_in_use_is_said_and_taken_when_free(cord: Cord, codes: Codes, until: Until) -> None:
    other = Serial(str(cord.name), exclusive=True)
    device = Device(Settings(port=str(cord.name)))
    device.listen(codes.put)
    until(lambda: "in use by another program" in str(device.lost))
    other.close()
    until(lambda: device.lost is None)
    device.close()


def test_a_port_is_handed_to_pyserial_as_it_is_written(
    cord: Cord, codes: Codes, until: Until, run: Path
) -> None:
    spied = run / "spied"
    device = Device(Settings(port=f"spy://{cord.name}?file={spied}"))
    device.listen(codes.put)
    device.arm(True)
    until(lambda: device.lost is None)
    cord.send(CODE + b"\r")
    assert codes.get(timeout=PATIENCE_S) == CODE
    device.close()
    assert "RX" in spied.read_text()


@pytest.mark.parametrize("port", ["loop://", "loop://?logging=info"])
def test_a_loop_is_a_port_too(codes: Codes, until: Until, port: str) -> None:
    device = Device(Settings(port=port))
    device.listen(codes.put)
    until(lambda: device.lost is None)
    device.close()


@pytest.mark.parametrize("port", ["nonsense://x", "loop://?nonsense=1", "/dev/null", "/tmp"])
def test_a_port_that_can_never_be_is_said_and_harms_nobody(
    codes: Codes, until: Until, port: str
) -> None:
    device = Device(Settings(port=port))
    device.listen(codes.put)
    until(lambda: device.lost is not None and "being opened" not in device.lost)
    assert port in str(device.lost)
    device.close()


# -- words --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (SerialException(errno.EACCES, "could not open port"), "dialout"),
        (SerialException(errno.EBUSY, "could not open port"), "in use"),
        (
            SerialException(
                "device reports readiness to read but returned no data "
                "(device disconnected or multiple access on port?)"
            ),
            "another program reads it too",
        ),
        (OSError(errno.EIO, "Input/output error"), "plug it in again"),
        (termios.error(errno.EIO, "Input/output error"), "plug it in again"),
    ],
)
def test_every_fault_names_the_port_and_a_remedy(cord: Cord, fault: Exception, word: str) -> None:
    said = explain(str(cord.name), fault)
    assert str(cord.name) in said
    assert word in said


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": ""},
        {"baud": 1},
        {"baud": "9600"},
        {"suffix": "\r\n\t\0|"},
        {"silence_ms": 0},
        {"model": "gm56"},
        {"trigger": True},
        {"model": "honeywell", "sleep": True},
    ],
)
def test_a_wrong_setting_is_refused_with_the_profile(wrong: dict[str, object]) -> None:
    right = {"port": "/dev/ttyACM0"}
    assert msgspec.convert(right, type=Settings)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**right, **wrong}, type=Settings)


# -- a flood, commands, the port to itself ------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_every_whole_code_once_and_never_a_half(seed: int) -> None:
    """`scripts/flood scanner 100000` does more of it."""
    report = scan(2_000, seed)
    assert report["in_order"], report
    assert report["pulls"] and report["dropped_halves"], "else it was no flood"


def test_the_commands_go_out_of_the_port(plugged: Plugged, cord: Cord, codes: Codes) -> None:
    model = model_named("newland")
    device = plugged(model="newland", trigger=True)
    assert cord.far is not None
    assert os.read(cord.far, 100) == model.trigger
    cord.send(b"\x02\x010000#SCNTRG1\x06;\x03" + CODE + b"\r")
    assert codes.get(timeout=PATIENCE_S) == CODE
    assert os.read(cord.far, 100) == model.trigger
    device.arm(False)
    assert os.read(cord.far, 100) == model.stop


def is_reserved(cord: Cord) -> bool:
    """Root may open it all the same; so the flag itself is looked at."""
    held = bytearray(4)
    fcntl.ioctl(cord.near, 0x80045440, held)  # TIOCGEXCL, which termios does not name
    return int.from_bytes(held, sys.byteorder) == 1


def test_nobody_else_may_open_the_port_until_it_is_closed(plugged: Plugged, cord: Cord) -> None:
    device = plugged()
    assert is_reserved(cord)
    device.close()
    assert not is_reserved(cord)
    Serial(str(cord.name), exclusive=True).close()
