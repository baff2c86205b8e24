"""The GPIO keypad on gpiozero's mock pins, which here are joined by wires as the contacts of a pad join them."""

from __future__ import annotations

import errno
import logging
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import msgspec
import pytest
from gpiozero import Device as Pins
from gpiozero import GPIOPinInUse, InputDevice
from gpiozero.exc import BadPinFactory
from gpiozero.pins.mock import MockFactory, MockPin

from terminal.config import checked
from terminal.config.document import BadSettings, Section, Where
from terminal.core.events import Key
from terminal.devices import pins
from terminal.devices.keypad.gpio import LAYOUT, Device, Pad, Settings
from terminal.devices.matrix import Place

ROWS, COLUMNS = (5, 6, 13, 19), (12, 16, 20, 21)
PATIENCE_S = 120.0
Until = Callable[[Callable[[], object]], None]
Keys = queue.Queue[Key]
Seen = Callable[[], None]


class Wire(MockPin):
    """A pin whose level is that of its net: low when an output of the net is low, else pulled up."""

    def _set_function(self, value: str) -> None:
        board = self.board
        board.fail(self._number)
        self._function = value
        board.turned += 1
        if value == "output":
            self._state = False  # lgpio claims an output as low
        board.check()

    def _set_state(self, value: float) -> None:
        self._state = bool(value)
        self.board.check()

    def _get_state(self) -> bool:
        self.board.reads += 1
        self.board.fail(self._number)
        return self.board.level(self._number)

    def _set_pull(self, value: str) -> None:
        self._pull = value

    @property
    def board(self) -> Board:
        assert isinstance(self.factory, Board)
        return self.factory


class Board(MockFactory):
    """A Pi with a pad on it. `pressed` joins pins; `shorts` counts outputs that fight."""

    def __init__(self) -> None:
        self.pressed: frozenset[Place] = frozenset()
        self.broken: set[int] = set()
        self.shorts = 0
        self.driven_high = 0
        self.reads = self.turned = 0
        super().__init__(pin_class=Wire)

    def fail(self, number: int) -> None:
        if number in self.broken:
            raise OSError(errno.EIO, "Input/output error")

    def net(self, number: int) -> set[int]:
        net, wires = {number}, {(ROWS[row], COLUMNS[column]) for row, column in self.pressed}
        while more := {pin for wire in wires if net & set(wire) for pin in wire} - net:
            net |= more
        return net

    def outputs(self) -> dict[int, bool]:
        found = [pin for pin in list(self.pins.values()) if pin._function == "output"]
        return {pin._number: pin._state for pin in found}

    def level(self, number: int) -> bool:
        outputs = self.outputs()
        return all(outputs.get(pin, True) for pin in self.net(number))

    def check(self) -> None:
        outputs = self.outputs()
        self.driven_high += sum(outputs.values())
        self.shorts += sum(
            outputs[a] != outputs[b] and b in self.net(a) for a, b in combinations(outputs, 2)
        )


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board()
    before, Pins.pin_factory = Pins.pin_factory, board
    yield board
    Pins.pin_factory = before


@pytest.fixture
def keys() -> Keys:
    return queue.Queue()


@pytest.fixture
def seen(board: Board, until: Until) -> Callable[[], None]:
    """Wait until the pad as it is now has been scanned more often than a press needs."""

    def wait() -> None:
        enough = board.reads + 6 * len(ROWS) * (1 + len(COLUMNS))
        until(lambda: board.reads >= enough)

    return wait


@pytest.fixture
def keypad(board: Board, keys: Keys, until: Until) -> Iterator[Device]:
    device = Device(Settings(ROWS, COLUMNS, scan_ms=5))
    device.listen(keys.put)
    until(lambda: device.lost is None)
    yield device
    device.close()


def options(**more: object) -> Settings:
    return msgspec.convert({"rows": ROWS, "columns": COLUMNS, **more}, type=Settings)


# -- keys -------------------------------------------------------------------------------------------------


def test_every_key_of_the_pad(
    board: Board, keypad: Device, keys: Keys, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminal.devices.matrix.HOLD_MS", 60_000)  # a slow hand holds no key here
    for row, words in enumerate(LAYOUT):
        for column, word in enumerate(words):
            board.pressed = frozenset({(row, column)})
            seen()
            board.pressed = frozenset()
            assert keys.get(timeout=PATIENCE_S) is Key(word)
    seen()
    assert keys.empty()


def test_a_held_c_clears(board: Board, keypad: Device, keys: Keys, seen: Seen) -> None:
    board.pressed = frozenset({(2, 3)})
    assert keys.get(timeout=PATIENCE_S) is Key.CLEAR
    board.pressed = frozenset()
    seen()
    assert keys.empty()


def test_F78_a_ghost_of_real_wires_is_no_key(
    board: Board, keypad: Device, keys: Keys, seen: Seen
) -> None:
    for place, key in (((0, 0), Key.D1), ((0, 1), Key.D2)):
        board.pressed |= {place}
        assert keys.get(timeout=PATIENCE_S) is key
    board.pressed |= {(1, 0)}  # 4, with 5 as its ghost
    seen()
    assert keys.empty()
    board.pressed -= {(0, 1)}
    assert keys.get(timeout=PATIENCE_S) is Key.D4
    seen()
    assert keys.empty()


def test_a_snapshot_shows_the_ghost_that_the_matrix_removes(board: Board) -> None:
    board.pressed = frozenset({(0, 0), (0, 1), (1, 0)})
    with Pad(Settings(ROWS, COLUMNS)) as pad:
        assert pad.closed() == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_no_two_outputs_ever_fight(board: Board) -> None:
    """hardware.md: a push-pull scan shorts two outputs through two keys of a line."""
    everything = frozenset((row, column) for row in range(4) for column in range(4))
    with Pad(Settings(ROWS, COLUMNS)) as pad:
        for pair in combinations(sorted(everything), 2):
            board.pressed = frozenset(pair)
            assert pad.closed() == set(pair)
        board.pressed = everything
        assert pad.closed() == everything
    assert (board.shorts, board.driven_high) == (0, 0)


def test_a_pad_that_nobody_touches_is_only_read(board: Board) -> None:
    """Turning a pin round is a claim of its line, forty times as dear as a look at it."""
    with Pad(Settings(ROWS, COLUMNS)) as pad:
        assert pad.closed() == set()
        before = board.reads, board.turned
        for _ in range(10):
            assert pad.closed() == set()
        assert (board.reads, board.turned) == (before[0] + 10 * len(ROWS), before[1])


def test_the_board_notices_outputs_that_fight(board: Board) -> None:
    """Else the test above proves nothing."""
    board.pressed = frozenset({(0, 0), (0, 1)})
    board.pin(COLUMNS[0]).output_with_state(0)
    board.pin(COLUMNS[1]).output_with_state(1)
    assert board.shorts and board.driven_high


def test_a_pad_that_is_there_is_never_called_lost(board: Board) -> None:
    """Else every start of the daemon would sound the alarm."""
    device = Device(Settings(ROWS, COLUMNS))
    device.listen(print)
    assert device.lost is None
    device.close()


def test_F77_a_stuck_key_is_told_and_the_keypad_is_not_lost(
    board: Board,
    keypad: Device,
    keys: Keys,
    until: Until,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("terminal.devices.matrix.STUCK_MS", 100)
    board.pressed = frozenset({(1, 1)})
    until(lambda: keypad.stuck == ("5",))
    until(lambda: "stuck and ignored: 5" in caplog.text)
    assert keypad.lost is None
    board.pressed = frozenset()
    until(lambda: keypad.stuck == ())


# -- faults -----------------------------------------------------------------------------------------------


def test_a_pin_in_use_is_named_and_taken_when_free(
    board: Board, keys: Keys, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    other = InputDevice(COLUMNS[1])
    device = Device(Settings(ROWS, COLUMNS))
    with caplog.at_level(logging.WARNING):
        device.listen(keys.put)
        until(lambda: device.lost and "GPIO16" in device.lost)
    assert "Two devices of the hardware profile share a pin" in str(device.lost)
    assert caplog.text.count("share a pin") == 1
    other.close()
    until(lambda: device.lost is None)
    device.close()


def test_a_fault_in_service_is_said_and_mended(
    board: Board, keypad: Device, keys: Keys, until: Until, seen: Seen
) -> None:
    board.broken = {ROWS[0]}
    until(lambda: keypad.lost and "Input/output error" in keypad.lost)
    board.pressed = frozenset({(0, 0)})
    board.broken = set()
    until(lambda: keypad.lost is None)
    seen()
    assert keys.empty()  # it was down already when the keypad came back
    board.pressed = frozenset({(1, 1)})
    assert keys.get(timeout=PATIENCE_S) is Key.D5


def test_the_pins_are_given_back(board: Board, keypad: Device) -> None:
    keypad.close()
    for pin in (*ROWS, *COLUMNS):
        InputDevice(pin).close()
    assert board.outputs() == {}
    assert keypad.lost is None


def test_a_dead_thread_is_told(board: Board, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _: None)

    def refuse(key: Key) -> None:
        raise RuntimeError(key)

    device = Device(Settings(ROWS, COLUMNS))
    device.listen(refuse)
    until(lambda: device.lost is None)
    board.pressed = frozenset({(0, 0)})
    until(lambda: device.lost)
    assert "has ended" in str(device.lost)


def test_gpiozero_is_imported_by_no_one_before_the_device_runs() -> None:
    program = (
        "import sys, terminal.devices.keypad.gpio as k, terminal.devices.buzzer.gpio\n"
        "k.Device(k.Settings((5,), (6,), layout=(('ok',),))).close()\n"
        "sys.exit('gpiozero' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE_S)


def test_mock_pins_can_be_chosen_from_outside(keys: Keys, until: Until) -> None:
    program = (
        "import threading, terminal.devices.keypad.gpio as k\n"
        "device = k.Device(k.Settings((5,), (6,), layout=(('ok',),)))\n"
        "device.listen(print)\n"
        "while device.lost: threading.Event().wait(0.01)\n"
        "device.close()\n"
    )
    mock = {**os.environ, "GPIOZERO_PIN_FACTORY": "mock"}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE_S, env=mock)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (GPIOPinInUse("pin GPIO5 is already in use"), "move one of them"),
        (OSError("GPIO busy"), "dtoverlay"),
        (PermissionError(errno.EACCES, "Permission denied"), "group gpio"),
        (BadPinFactory("Unable to load any default pin factory!"), "remove the last dtoverlay"),
        (OSError("can not open gpiochip"), "Is it a Raspberry Pi"),
        (ImportError("No module named 'gpiozero'"), "Is it a Raspberry Pi"),
        (OSError(errno.EIO, "Input/output error"), "Check the wiring"),
    ],
)
def test_every_fault_has_a_remedy(fault: Exception, words: str, tmp_path: Path) -> None:
    assert words in pins.explain("The keypad", fault, tmp_path)


def test_a_chip_that_may_not_be_opened(tmp_path: Path) -> None:
    (tmp_path / "gpiochip0").symlink_to(tmp_path / "nowhere")  # of no use to root either
    assert "group gpio" in pins.explain("The keypad", BadPinFactory("none"), tmp_path)


def test_a_chip_without_a_driver(tmp_path: Path) -> None:
    (tmp_path / "gpiochip0").touch()
    assert "apt install" in pins.explain("The keypad", BadPinFactory("none"), tmp_path)


# -- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rows": ()}, "at least one pin"),
        ({"rows": (5, 6, 13, 12)}, "GPIO12 is used twice"),
        ({"rows": (5, 6, 13, 28)}, "no GPIO28"),
        ({"rows": (5, 6, 13)}, "layout has 4 rows, but rows names 3 pins"),
        ({"columns": (12, 16)}, "layout has 4 columns, but columns names 2 pins"),
        ({"layout": (*LAYOUT[:3], ("0",))}, "not equally long"),
        ({"layout": (*LAYOUT[:3], ("00", "0", "okay", "menu"))}, 'did you mean "ok"'),
        ({"layout": (*LAYOUT[:3], ("*", "0", "ok", "menu"))}, 'did you mean "00"'),
        ({"layout": (*LAYOUT[:3], ("00", "0", "ok", "zzz"))}, "there are 0, 1"),
        ({"layout": (*LAYOUT[:3], ("00", "0", "ok", "7"))}, '"7" twice'),
        ({"columns": (12, 16, 20), "shift": ()}, "name in shift"),
        ({"columns": (12, 16, 20), "shift": ("#",)}, 'did you mean "ok"'),
        ({"columns": (12, 16, 20), "shift": ("menu",)}, "no key of the pad"),
        ({"scan_ms": 4}, "scan_ms is 5 to 10"),
        ({"scan_ms": 11}, "scan_ms is 5 to 10"),
        ({"agree": 1}, "agree is 2 to 5"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        options(**wrong)


def test_a_profile_is_told_the_nearest_right_word() -> None:
    layout = [["1", "2", "3"], ["4", "5", "cancle"]]
    data = {"rows": [5, 6], "columns": [12, 16, 20], "layout": layout}
    with pytest.raises(BadSettings, match='did you mean "cancel"'):
        checked(Section(data, Where(Path("pi.toml"))), Settings)


def test_a_narrow_pad_takes_the_wide_layout(
    board: Board, keys: Keys, until: Until, seen: Seen
) -> None:
    device = Device(options(columns=COLUMNS[:3]))
    device.listen(keys.put)
    until(lambda: device.lost is None)
    board.pressed = frozenset({(3, 0)})
    seen()
    assert keys.empty()  # * may become a shift: it counts when it comes up
    board.pressed = frozenset()
    assert keys.get(timeout=PATIENCE_S) is Key.DOUBLE_ZERO
    device.close()
