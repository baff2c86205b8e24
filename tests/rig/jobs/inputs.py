"""What is plugged in by USB, each on its real kernel interface: a numeric pad, a scanner that types, a camera."""

from __future__ import annotations

import fcntl
import os
import queue
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from terminal.core.events import Key
from terminal.devices.camera import v4l2
from terminal.devices.keyboard import CODES, EV_KEY, EV_SYN, EVENT, Keyboard, explain
from terminal.devices.keypad import evdev as pad
from terminal.devices.scanner import evdev as scanner
from tests.rig import report

# linux/uinput.h
UI_SET_EVBIT, UI_SET_KEYBIT, UI_DEV_SETUP = 0x40045564, 0x40045565, 0x405C5503
UI_DEV_CREATE, UI_DEV_DESTROY = 0x5501, 0x5502
LINK = Path("/run/pad")  # as /dev/input/by-id has one for each
PATIENCE_S = 20.0
RECOVERY_S = 5.0  # issue 5
VIVID = Path("/sys/bus/platform/drivers/vivid")
LOOK_S = 0.2
KEY_S = 0.004  # the guest has one processor, and the kernel keeps 64 events for who reads them


class Pad:
    """A keyboard that the kernel believes in."""

    def __init__(self) -> None:
        before = set(Path("/dev/input").glob("event*"))
        self._file = os.open("/dev/uinput", os.O_WRONLY)
        fcntl.ioctl(self._file, UI_SET_EVBIT, EV_KEY)
        for code in CODES.values():
            fcntl.ioctl(self._file, UI_SET_KEYBIT, code)
        setup = struct.pack("HHHH80sI", 3, 0x1234, 1, 1, b"Rig pad", 0)
        fcntl.ioctl(self._file, UI_DEV_SETUP, setup)
        fcntl.ioctl(self._file, UI_DEV_CREATE)
        until(lambda: set(Path("/dev/input").glob("event*")) - before)
        self.node = (set(Path("/dev/input").glob("event*")) - before).pop()
        LINK.symlink_to(self.node)

    def type(self, *names: str) -> None:
        for name in names:
            for value in (1, 0):
                os.write(self._file, EVENT.pack(0, 0, EV_KEY, CODES[name], value))
                os.write(self._file, EVENT.pack(0, 0, EV_SYN, 0, 0))
            time.sleep(KEY_S)

    def pull(self) -> None:
        fcntl.ioctl(self._file, UI_DEV_DESTROY)
        os.close(self._file)
        LINK.unlink()


def until(holds: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline_s:
            raise TimeoutError("it never came")
        time.sleep(0.01)


def main() -> None:
    keypad()
    typing_scanner()
    camera()
    report.done()


def keypad() -> None:
    keys: queue.Queue[Key] = queue.Queue()
    device = pad.Device(pad.Settings(str(LINK)))
    with report.row("USB keypad", "none: linux/input.h", "/dev/input (uinput)") as seen:
        usb = Pad()
        device.listen(keys.put)
        digits = [str(number % 10) for number in range(300)]
        usb.type("KP1", "KPDOT", "KPPLUS", "ESC", "KPENTER", *(f"KP{digit}" for digit in digits))
        wanted = ["1", "00", "+", "cancel", "ok", *digits]
        got = [keys.get(timeout=PATIENCE_S).value for _ in wanted]
        assert got == wanted, got
        seen += [f"{len(wanted)} keys as typed", grabbed(usb, keys)]
    with report.row("USB keypad, pulled out", "none: linux/input.h", "/dev/input (uinput)") as seen:
        usb.pull()
        until(lambda: "There is no keypad at" in str(device.lost))
        usb = Pad()
        begun_s = time.monotonic()
        until(lambda: device.lost is None)
        took_s = time.monotonic() - begun_s
        assert took_s < RECOVERY_S, took_s
        usb.type("KP9")
        assert keys.get(timeout=PATIENCE_S) is Key.D9
        seen += ["lost is said", f"works {took_s:.1f} s after it is back"]
        usb.pull()
    device.close()


def grabbed(usb: Pad, keys: queue.Queue[Key]) -> str:
    """Nobody else hears what is typed: no console, no SysRq."""
    try:
        Keyboard(str(usb.node)).close()
    except OSError as fault:
        assert "grabbed by another program" in explain("keypad", str(usb.node), fault), fault
    else:
        raise AssertionError("it could be grabbed twice")
    other = os.open(usb.node, os.O_RDONLY | os.O_NONBLOCK)
    usb.type("KP7")
    assert keys.get(timeout=PATIENCE_S) is Key.D7
    try:
        raise AssertionError(f"another reader got {len(os.read(other, 4096))} bytes")
    except BlockingIOError:
        return "another reader hears nothing"
    finally:
        os.close(other)


def typing_scanner() -> None:
    codes: queue.Queue[bytes] = queue.Queue()
    with report.row("USB scanner that types", "none: linux/input.h", "/dev/input (uinput)") as seen:
        usb = Pad()
        device = scanner.Device(scanner.Settings(str(LINK)))
        device.listen(codes.put)
        device.arm(True)
        usb.type(*"281234567890123456", "ENTER")
        assert codes.get(timeout=PATIENCE_S) == b"281234567890123456"
        usb.type(*"2812")
        usb.pull()
        until(lambda: device.lost is not None)
        usb = Pad()
        until(lambda: device.lost is None)
        usb.type(*"3456", "ENTER")
        assert codes.get(timeout=PATIENCE_S) == b"3456"
        seen += ["a code as typed", "half a code before the pull is none"]
        device.close()
        usb.pull()


def camera() -> None:
    with report.row("USB camera", "OpenCV", "/dev/video (vivid)") as seen:
        names = Path("/sys/class/video4linux").glob("video*/name")
        (node,) = [name.parent.name for name in names if "vid-cap" in name.read_text()]
        settings = v4l2.Settings(f"/dev/{node}", width_px=640, height_px=360, format="yuyv")
        device = v4l2.Device(settings)
        for _ in range(2):
            device.start()
            frame = device.next_frame(PATIENCE_S)
            assert isinstance(frame, np.ndarray) and frame.shape == (360, 640), device.lost
            assert frame.std() > 20, "the test picture has bars"
            device.stop()
        assert device.lost is None
        seen += ["gray 640 x 360 out of YUYV", "off and on again"]
    with report.row("USB camera, pulled out", "OpenCV", "/dev/video (vivid)") as seen:
        device.start()
        assert device.next_frame(PATIENCE_S) is not None
        (VIVID / "unbind").write_text("vivid.0")
        until(lambda: device.lost is not None)
        seen += [f"told: {device.lost}"]
        (VIVID / "bind").write_text("vivid.0")
        begun_s = time.monotonic()
        until(lambda: device.next_frame(LOOK_S) is not None)
        took_s = time.monotonic() - begun_s
        assert took_s < RECOVERY_S, took_s
        assert device.lost is None
        seen += [f"pictures again {took_s:.1f} s after it is back"]
        device.close()


if __name__ == "__main__":
    main()
