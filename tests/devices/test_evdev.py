"""USB keypads and keyboard scanners: real input events through a FIFO in the place of /dev/input/event0.

A FIFO takes the same open, poll and read; only the grab needs a character device.
"""

from __future__ import annotations

import errno
import os
import queue
import random
import select
from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from terminal.core.events import Key
from terminal.devices import keeper, keyboard, matrix
from terminal.devices.keyboard import CODES, EV_KEY, EV_SYN, EVENT, SYN_DROPPED, Keyboard, explain
from terminal.devices.keypad import evdev as pad
from terminal.devices.scanner import evdev as scanner

PATIENCE_S = 30.0
Until = Callable[[Callable[[], object]], None]


class Cord:
    """A USB device: its events are written at one end, read by the driver at the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self.plug_in()

    def plug_in(self) -> None:
        os.mkfifo(self.path)
        self._file = os.open(self.path, os.O_RDWR)  # so that it opens before the driver does

    def pull_out(self) -> None:
        """The reader sees the end of the file, as ENODEV a moment earlier."""
        if self._file is not None:
            self.path.unlink()
            os.close(self._file)
            self._file = None

    def send(self, *events: tuple[int, int, int]) -> None:
        """All in one piece: a busy machine cannot make a silence between them."""
        assert self._file is not None
        os.write(self._file, b"".join(EVENT.pack(1, 2, *event) for event in events))

    def down(self, name: str) -> None:
        self.send(*going(name, down=True))

    def up(self, name: str) -> None:
        self.send(*going(name, down=False))

    def type(self, *names: str) -> None:
        for name in names:
            self.send(*going(name, down=True), *going(name, down=False))


def going(name: str, *, down: bool) -> list[tuple[int, int, int]]:
    """MSC_SCAN comes first."""
    return [(4, 4, 458835)] * down + [(EV_KEY, CODES[name], int(down)), (EV_SYN, 0, 0)]


@pytest.fixture
def cord(run: Path) -> Iterator[Cord]:
    cord = Cord(run / "event0")
    yield cord
    cord.pull_out()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BACKOFF_FIRST_S", "BACKOFF_MAX_S"):
        monkeypatch.setattr(keeper, name, 0.01)
    monkeypatch.setattr(keyboard, "WAIT_S", 0.05)
    monkeypatch.setattr(scanner, "REPEAT_S", 60)


# -- the keypad ------------------------------------------------------------------------------------------

Keys = queue.Queue[Key]


@pytest.fixture
def keys() -> Keys:
    return queue.Queue()


@pytest.fixture
def plugged(cord: Cord, keys: Keys) -> Iterator[Callable[..., pad.Device]]:
    devices = []

    def make(**options: object) -> pad.Device:
        settings = msgspec.convert({"path": str(cord.path), **options}, pad.Settings)
        devices.append(pad.Device(settings))
        devices[-1].listen(keys.put)
        return devices[-1]

    yield make
    for device in devices:
        device.close()


def got(keys: Keys, count: int) -> list[Key]:
    return [keys.get(timeout=PATIENCE_S) for _ in range(count)]


def test_the_usual_pad_types_an_amount(
    plugged: Callable[..., pad.Device], cord: Cord, keys: Keys
) -> None:
    assert plugged().lost is None
    cord.type("KP1", "KP2", "5", "KP0", "KPDOT", "KPPLUS", "BACKSPACE", "KPENTER", "KPSLASH", "ESC")
    wanted = ["1", "2", "5", "0", "00", "+", "back", "ok", "menu", "cancel"]
    assert got(keys, 10) == [Key(word) for word in wanted]


def test_the_profile_says_what_keys_mean(
    plugged: Callable[..., pad.Device], cord: Cord, keys: Keys
) -> None:
    plugged(keys={"F1": "ok", "KPENTER": "", "KPDOT": "back"})
    cord.type("KPENTER", "F2", "NUMLOCK", "KPDOT", "F1")
    assert got(keys, 2) == [Key.BACK, Key.OK]


def test_a_held_key_counts_once_and_cancel_held_is_clear(
    plugged: Callable[..., pad.Device], cord: Cord, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "HOLD_MS", 20)
    plugged()
    cord.down("KP7")
    cord.send(*[(EV_KEY, CODES["KP7"], 2)] * 20)
    cord.up("KP7")
    assert got(keys, 1) == [Key.D7]
    cord.down("ESC")
    assert got(keys, 1) == [Key.CLEAR], "without another event: the silence is noticed"
    cord.up("ESC")
    cord.type("KP1")
    assert got(keys, 1) == [Key.D1]


def test_F77_a_stuck_key_is_named_until_it_comes_up(
    plugged: Callable[..., pad.Device],
    cord: Cord,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
) -> None:
    device = plugged()
    cord.down("KP7")
    assert got(keys, 1) == [Key.D7]
    assert device.stuck == ()
    monkeypatch.setattr(pad, "STUCK_MS", 0)
    assert device.stuck == ("7",)
    cord.type("KP8")
    assert got(keys, 1) == [Key.D8], "the others work"
    cord.up("KP7")
    until(lambda: device.stuck == ())


def test_ten_thousand_strokes_with_rollover_are_the_keys_pressed(
    plugged: Callable[..., pad.Device], cord: Cord, keys: Keys
) -> None:
    plugged()
    dice, digits = random.Random(1), [f"KP{digit}" for digit in range(10)]
    typed, down = [], []
    for _ in range(10_000):
        name = dice.choice([each for each in digits if each not in down])
        cord.down(name)
        typed.append(Key(name[2:]))
        down.append(name)
        if len(down) > dice.randint(0, 3):
            cord.up(down.pop(0))
    assert got(keys, 10_000) == typed
    assert keys.empty()


def test_pulled_out_with_a_key_down_and_plugged_in_again(
    plugged: Callable[..., pad.Device], cord: Cord, keys: Keys, until: Until
) -> None:
    device = plugged()
    cord.down("ESC")
    cord.down("KP3")
    assert got(keys, 2) == [Key.CANCEL, Key.D3]
    cord.down("ESC")
    cord.pull_out()
    until(lambda: device.lost is not None)
    assert "There is no keypad at" in str(device.lost) and "/dev/input/by-id" in str(device.lost)
    cord.plug_in()
    until(lambda: device.lost is None)
    cord.type("KP4")
    assert got(keys, 1) == [Key.D4], "the cancel that was down is forgotten"


def test_strokes_that_the_kernel_dropped_are_not_guessed(
    plugged: Callable[..., pad.Device], cord: Cord, keys: Keys
) -> None:
    plugged()
    cord.down("ESC")
    cord.send((EV_SYN, SYN_DROPPED, 0), (EV_KEY, CODES["KP8"], 1), (EV_SYN, 0, 0))
    cord.type("KP9")
    assert got(keys, 1) == [Key.D9]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"path": "event0"}, "ls /dev/input/by-id"),
        ({"path": "/dev/x", "keys": {"KP10": "1"}}, '"KP10", which is no key'),
        ({"path": "/dev/x", "keys": {"KP1": "11"}}, 'KP1 = "11"; it can mean 0, 1'),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(wrong, pad.Settings)


# -- the scanner -----------------------------------------------------------------------------------------

Codes = queue.Queue[bytes]
SHIFTED = dict(zip('!@#$%^&*()_+{}:"~|<>?', "1234567890-=[];'`\\,./", strict=True))
NAMED = {v: k for k, v in scanner._PLAIN.items() if not k.startswith("KP")}


def strokes(text: str) -> Iterator[tuple[str, bool]]:
    """How a scanner types: shift down, key, shift up."""
    for character in text:
        plain = SHIFTED.get(character, character.lower())
        shift = plain != character
        name = NAMED.get(plain) or plain.upper()
        yield from [("LEFTSHIFT", True)] * shift
        yield from [(name, True), (name, False)]
        yield from [("LEFTSHIFT", False)] * shift


def scan(cord: Cord, text: str, *, end: bool = True) -> None:
    ending = [("ENTER", True), ("ENTER", False)] * end
    typed = [going(name, down=is_down) for name, is_down in [*strokes(text), *ending]]
    cord.send(*chain.from_iterable(typed))


@pytest.fixture
def codes() -> Codes:
    return queue.Queue()


@pytest.fixture
def gun(cord: Cord, codes: Codes) -> Iterator[scanner.Device]:
    device = scanner.Device(scanner.Settings(str(cord.path)))
    device.listen(codes.put)
    device.arm(True)
    yield device
    device.close()


ANY = "https://qr.example/A?b=1&c=%20_~;'\"[]{}\\|<>!@#$^*()+-:`"


@pytest.mark.usefixtures("gun")
def test_a_code_comes_as_it_was_typed(cord: Cord, codes: Codes) -> None:
    scan(cord, ANY)
    scan(cord, "281234567890123456")
    assert codes.get(timeout=PATIENCE_S) == ANY.encode()
    assert codes.get(timeout=PATIENCE_S) == b"281234567890123456"


@pytest.mark.usefixtures("gun")
def test_half_a_code_is_dropped_at_silence(
    cord: Cord, codes: Codes, caplog: pytest.LogCaptureFixture, until: Until
) -> None:
    scan(cord, "28123", end=False)
    until(lambda: "5 characters without ENTER dropped" in caplog.text)
    scan(cord, "456")
    assert codes.get(timeout=PATIENCE_S) == b"456"
    assert "28123" not in caplog.text


@pytest.mark.usefixtures("gun")
def test_a_pause_of_our_own_is_no_silence(
    cord: Cord, codes: Codes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon is so busy that a second passes wherever it looks at the clock. The second half of a code would be
    a code of somebody else's."""
    monkeypatch.setattr(keyboard, "READ_EVENTS", 8)
    monkeypatch.setattr(keyboard, "time", SimpleNamespace(monotonic=count().__next__))
    scan(cord, "281234567890123456")
    assert codes.get(timeout=PATIENCE_S) == b"281234567890123456"


def test_what_was_typed_before_arming_is_dropped_to_its_end(
    gun: scanner.Device, cord: Cord, codes: Codes, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyboard, "WAIT_S", PATIENCE_S)  # no silence meanwhile
    gun.arm(False)
    scan(cord, "111", end=False)
    until(lambda: gun._typist.held == "111")
    gun.arm(True)
    scan(cord, "222")
    scan(cord, "333")
    assert codes.get(timeout=PATIENCE_S) == b"333"
    cord.pull_out()  # ends the wait


def test_unplugged_in_the_middle_and_plugged_in_again(
    gun: scanner.Device, cord: Cord, codes: Codes, until: Until
) -> None:
    scan(cord, "28123", end=False)
    cord.pull_out()
    until(lambda: gun.lost is not None)
    cord.plug_in()
    until(lambda: gun.lost is None)
    scan(cord, "456")
    assert codes.get(timeout=PATIENCE_S) == b"456"


def test_the_same_code_twice_at_once_is_one(gun: scanner.Device, cord: Cord, codes: Codes) -> None:
    scan(cord, "1")
    scan(cord, "1")
    scan(cord, "2")
    assert [codes.get(timeout=PATIENCE_S) for _ in range(2)] == [b"1", b"2"]


@pytest.mark.usefixtures("gun")
def test_an_endless_typist_takes_no_memory(cord: Cord, codes: Codes) -> None:
    scan(cord, "9" * (scanner.CODE_CHARS_MAX + 1))
    scan(cord, "1")
    assert codes.get(timeout=PATIENCE_S) == b"1"


# -- the device ------------------------------------------------------------------------------------------


def test_an_event_is_as_long_as_the_kernel_says() -> None:
    assert EVENT.size == 24, "on a 64-bit machine"
    assert (CODES["KPDOT"], CODES["KP7"], CODES["ENTER"], CODES["F10"]) == (83, 71, 28, 68)


def test_events_cut_anywhere_are_put_together(cord: Cord) -> None:
    board = Keyboard(str(cord.path))
    raw = b"".join(EVENT.pack(0, 0, EV_KEY, CODES[name], 1) for name in ("KP1", "KP2"))
    found = []
    for piece in (raw[:10], raw[10:30], raw[30:]):
        os.write(cord._file or 0, piece)
        found += [stroke.key for stroke in board.strokes(1)]
    assert found == ["KP1", "KP2"]
    assert not select.select([board._file], [], [], 0)[0]
    board.close()


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (PermissionError(errno.EACCES, "no"), "group input"),
        (OSError(errno.EBUSY, "busy"), "grabbed by another program"),
        (OSError(errno.ENODEV, "gone"), "Plug it in"),
        (OSError(errno.ENOTTY, "what"), "is no input device"),
        (OSError(errno.EIO, "broken"), "Unplug it and plug it in again"),
    ],
)
def test_every_fault_has_its_remedy(cord: Cord, fault: OSError, word: str) -> None:
    assert word in explain("keypad", str(cord.path), fault)


def test_what_is_no_input_device_is_said(until: Until) -> None:
    device = pad.Device(pad.Settings("/dev/null"))
    device.listen(print)
    until(lambda: "is no input device" in str(device.lost))
    device.close()
