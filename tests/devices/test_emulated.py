"""The emulated display, keypad and buzzer, each on its cable."""

from __future__ import annotations

import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from terminal.core.effects import Beep
from terminal.core.events import Key
from terminal.devices.buzzer import emulated as buzzer
from terminal.devices.cable import plug
from terminal.devices.display import emulated as display
from terminal.devices.keypad import emulated as keypad

PATIENCE_S = 30.0
Until = Callable[[Callable[[], object]], None]


def glass(run: Path, mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> display.Settings:
    options = {"socket": str(run / "d.sock"), "mode": mode, "pitch_um": 128}
    return msgspec.convert(
        {**options, "width_px": size[0], "height_px": size[1]}, type=display.Settings
    )


# -- display ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
@pytest.mark.parametrize("bright", [True, False])
@pytest.mark.parametrize("size", [(40, 30), (13, 7), (1, 1)])
def test_the_picture_arrives_pixel_for_pixel(
    run: Path, mode: str, bright: bool, size: tuple[int, int]
) -> None:
    device = display.Device(glass(run, mode, size))
    picture = Image.linear_gradient("L").resize(size).convert(mode)
    device.show(picture, bright=bright)
    with plug(run / "d.sock") as page:
        message = page.receive(PATIENCE_S)
        assert message is not None
        shown, was_bright = display.unpack(message)
    device.close()
    assert (shown.mode, shown.size, was_bright) == (mode, size, bright)
    assert shown.tobytes() == picture.tobytes()


def test_a_picture_of_another_size_or_mode_is_our_fault(run: Path) -> None:
    device = display.Device(glass(run))
    with pytest.raises(AssertionError):
        device.show(Image.new("RGB", (41, 30)))
    with pytest.raises(AssertionError):
        device.show(Image.new("L", (40, 30)))
    device.close()


def test_the_panel_is_the_one_in_the_profile(run: Path) -> None:
    device = display.Device(glass(run, "1"))
    panel = device.panel
    device.close()
    assert (panel.width_px, panel.height_px, panel.mode, panel.pitch_um) == (40, 30, "1", 128)


def test_the_display_can_die_and_come_back(run: Path, until: Until) -> None:
    device = display.Device(glass(run))
    assert device.lost is None
    with plug(run / "d.sock") as page:
        page.send(b"unplugged")
        until(lambda: device.lost is not None)
        assert "Plug it in" in str(device.lost)
        device.show(Image.new("RGB", (40, 30)))  # a lost display never raises into the loop
        page.send(b"nonsense")
        page.send(b"plugged")
        until(lambda: device.lost is None)
    device.close()


@pytest.mark.parametrize(
    "wrong", [{"mode": "RGBA"}, {"width_px": 0}, {"height_px": 801}, {"pitch_um": 0}]
)
def test_a_wrong_display_is_refused_with_the_profile(wrong: dict[str, object]) -> None:
    right = {"socket": "d", "width_px": 40, "height_px": 30, "mode": "L", "pitch_um": 1}
    assert msgspec.convert(right, type=display.Settings)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**right, **wrong}, type=display.Settings)


@pytest.mark.parametrize("message", [b"", b"\0\1", b"\0\2\0\2L\0\0\0\0" + b"x" * 3])
def test_what_is_no_picture_is_a_value_error(message: bytes) -> None:
    with pytest.raises(ValueError):
        display.unpack(message)


# -- keypad -------------------------------------------------------------------------------------------


@pytest.fixture
def keys() -> queue.Queue[Key]:
    return queue.Queue()


@pytest.fixture
def pad(run: Path, keys: queue.Queue[Key]) -> Iterator[keypad.Device]:
    device = keypad.Device(keypad.Settings(socket=str(run / "k.sock")))
    device.listen(keys.put)
    yield device
    device.close()


def test_every_key_there_is_can_be_pressed_in_order(
    pad: keypad.Device, run: Path, keys: queue.Queue[Key]
) -> None:
    with plug(run / "k.sock") as page:
        for key in Key:
            page.send(key.value.encode())
        assert [keys.get(timeout=PATIENCE_S) for _ in Key] == list(Key)
    assert pad.lost is None


@pytest.mark.parametrize(
    "noise", [b"", b"OK", b"enter", b"\x1b[A", b"\xff\xfe", b"7 ", b"77", "７".encode()]
)
def test_what_is_no_key_is_ignored(
    pad: keypad.Device, run: Path, keys: queue.Queue[Key], noise: bytes
) -> None:
    with plug(run / "k.sock") as page:
        page.send(noise)
        page.send(b"ok")
        assert keys.get(timeout=PATIENCE_S) is Key.OK
    assert keys.empty()


def test_ok_and_cancel_together_arrive_one_after_the_other(
    pad: keypad.Device, run: Path, keys: queue.Queue[Key]
) -> None:
    """F79: the device judges nothing; the core sees two events in one order."""
    with plug(run / "k.sock") as left, plug(run / "k.sock") as right:
        left.send(b"ok")
        right.send(b"cancel")
        got = {keys.get(timeout=PATIENCE_S), keys.get(timeout=PATIENCE_S)}
    assert got == {Key.OK, Key.CANCEL}


def test_a_key_held_for_a_minute_is_many_presses_and_nothing_is_lost(
    pad: keypad.Device, run: Path, keys: queue.Queue[Key]
) -> None:
    """F77: what a page that repeats sends; the amount's limit is the counter's to hold."""
    with plug(run / "k.sock") as page:
        for _ in range(2000):
            page.send(b"9")
        assert {keys.get(timeout=PATIENCE_S) for _ in range(2000)} == {Key.D9}


def test_keys_arrive_while_the_display_is_gone(
    pad: keypad.Device, run: Path, keys: queue.Queue[Key], until: Until
) -> None:
    """F85."""
    screen = display.Device(glass(run))
    with plug(run / "d.sock") as page, plug(run / "k.sock") as hand:
        page.send(b"unplugged")
        until(lambda: screen.lost is not None)
        hand.send(b"cancel")
        assert keys.get(timeout=PATIENCE_S) is Key.CANCEL
    screen.close()


# -- buzzer -------------------------------------------------------------------------------------------


def test_every_beep_is_heard(run: Path, until: Until) -> None:
    device = buzzer.Device(buzzer.Settings(socket=str(run / "b.sock")))
    with plug(run / "b.sock") as page:
        page.send(b"hello")  # the buzzer takes nothing, and that is no harm
        heard: list[str] = []
        while not heard:
            device.beep(Beep.KEY)
            if page.receive(0.01) == b"key":
                heard.append("key")
        for beep in Beep:
            device.beep(beep)
        while heard[-1] != list(Beep)[-1].value:
            message = page.receive(PATIENCE_S)
            assert message is not None
            heard.append(message.decode())
    device.close()
    assert heard[-len(Beep) :] == [beep.value for beep in Beep]


# -- what a start costs -------------------------------------------------------------------------------


def test_the_devices_of_the_bench_load_no_heavy_library() -> None:
    """The camera's eye is loaded when it is first needed; no driver is loaded for another's sake."""
    program = (
        "import sys, terminal.devices.display.emulated, terminal.devices.keypad.emulated,"
        "terminal.devices.buzzer.emulated, terminal.devices.camera.emulated,"
        "terminal.devices.scanner.camera, terminal.eye\n"
        "heavy = {'numpy', 'cv2', 'zxingcpp', 'pyzbar', 'PIL', 'serial', 'gpiozero', 'luma'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
