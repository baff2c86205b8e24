"""The far ends of a guest's wires, inside the guest: what stands on a Pi's pins and in its USB ports.

The near ends are the kernel's own: /dev/gpiochip0 (linux/modules), and USB devices that the kernel's gadget side
plugs into its host side (dummy_hcd), with the drivers that a Pi has for them.
"""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

CHUNK_BYTES = 1 << 16
LOOK_S = 0.2  # how late a wire notices that it is to end
GATHER_S = 0.02  # edges come by the hundred while a tone sounds
GADGETS = Path("/sys/kernel/config/usb_gadget")


class Edge(NamedTuple):
    """An output of the terminal changed: the kernel's time, BCM number, level."""

    at_ns: int
    pin: int
    level: int


class Header:
    """The 40-pin header: pins are nets. `edges` hears of every change of the terminal's outputs."""

    def __init__(self, edges: Callable[[list[Edge]], None]) -> None:
        self._file = os.open("/dev/gpio-bench", os.O_RDWR | os.O_NONBLOCK)
        self._edges = edges
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="header", daemon=True)
        self._watcher.start()

    def join(self, one: int, other: int) -> None:
        """A contact closes between two pins."""
        self._write(f"join {one} {other}")

    def cut(self, one: int, other: int) -> None:
        self._write(f"cut {one} {other}")

    @property
    def shorts(self) -> int:
        """How often two outputs of the terminal have driven against each other."""
        return int(Path("/sys/module/gpio_bench/parameters/shorts").read_text())

    def close(self) -> None:
        self._over.set()
        self._watcher.join()
        os.close(self._file)

    def _write(self, text: str) -> None:
        os.write(self._file, text.encode())

    def _watch(self) -> None:
        held = b""
        while not self._over.is_set():
            if not select.select([self._file], [], [], LOOK_S)[0]:
                continue
            time.sleep(GATHER_S)
            *lines, held = (held + os.read(self._file, CHUNK_BYTES)).split(b"\n")
            self._edges([Edge(*map(int, line.split())) for line in lines])


VENDORS = {"Typist": "0x1eab"}  # a maker of scanners, which is how udev tells it from a keypad


class Gadget:
    """A USB device in one of this machine's ports. `function`: the kernel's word for what it is."""

    def __init__(self, name: str, function: str, port: int, product: str, **options: bytes) -> None:
        self._folder = GADGETS / name
        self._port = f"dummy_udc.{port}"
        for place, text in self._words(product):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        works = self._folder / "functions" / function
        works.mkdir(parents=True)
        for option, value in options.items():
            (works / option).write_bytes(value)
        configuration = self._folder / "configs" / "c.1"
        configuration.mkdir()
        (configuration / function).symlink_to(works)

    def _words(self, product: str) -> Iterator[tuple[Path, str]]:
        self._folder.mkdir()
        yield self._folder / "idVendor", VENDORS.get(product, "0x1a86")
        yield self._folder / "idProduct", "0x7523"
        english = self._folder / "strings" / "0x409"
        yield english / "manufacturer", "Rig"
        yield english / "product", product
        yield english / "serialnumber", "0001"

    def node(self, kind: str) -> Path:
        """The device file by which we are this device: /dev/hidg0."""
        major, minor = (next(self._folder.glob("functions/*/dev"))).read_text().split(":")
        return next(
            path for path in Path("/dev").glob(f"{kind}*") if _is(path, int(major), int(minor))
        )

    def plug(self) -> None:
        (self._folder / "UDC").write_text(self._port)

    def unplug(self) -> None:
        (self._folder / "UDC").write_text("\n")


class Serial:
    """A scanner in USB-serial mode."""

    def __init__(self, product: str, port: int) -> None:
        self._gadget = Gadget(product.lower(), "acm.0", port, product)
        self.path = Path("/dev/terminal/scanner")  # hardware/udev.rules
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
        assert self._file is not None, "it is not plugged in"
        os.write(self._file, text.encode() + b"\r")


class Uart(Serial):
    """A scanner module on the header's serial pins: the Pi calls that port /dev/serial0. It hears commands too."""

    def __init__(self) -> None:
        super().__init__("Module", 0)
        self.path = Path("/dev/serial0")

    def plug(self) -> None:
        super().plug()
        self.path.symlink_to("ttyACM0")

    def heard(self) -> bytes:
        """The commands that have come since it was last asked."""
        assert self._file is not None
        ready = select.select([self._file], [], [], 0)[0]
        return os.read(self._file, CHUNK_BYTES) if ready else b""


def _is(path: Path, major: int, minor: int) -> bool:
    number = path.stat().st_rdev
    return (os.major(number), os.minor(number)) == (major, minor)


class Keyboard:
    """What a keyboard's wires say: reports of eight bytes, one for each change of its keys (HID 1.11, appendix B)."""

    DESCRIPTOR = bytes.fromhex(
        "05010906a101050719e029e715002501750195088102950175088103950575010508190129059102"
        "95017503910395067508150025650507190029658100c0"
    )
    SHIFT = 0x02
    USAGES: Mapping[str, int] = {
        **{chr(ord("a") + at): 0x04 + at for at in range(26)},
        **{digit: 0x1E + at for at, digit in enumerate("1234567890")},
        **dict(
            zip(
                "\n\x1b\b\t -=[]\\",
                (0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F, 0x30, 0x31),
                strict=True,
            )
        ),
        **dict(zip(";'`,./", (0x33, 0x34, 0x35, 0x36, 0x37, 0x38), strict=True)),
        **{f"KP{digit}": 0x59 + at for at, digit in enumerate("1234567890")},
        "KPMINUS": 0x56,
        "KPPLUS": 0x57,
        "KPENTER": 0x58,
        "KPDOT": 0x63,
    }
    SHIFTED: Mapping[str, str] = dict(
        zip('!@#$%^&*()_+{}|:"~<>?', "1234567890-=[]\\;'`,./", strict=True)
    )

    def __init__(self, product: str, port: int) -> None:
        self._gadget = Gadget(
            product.lower(),
            "hid.0",
            port,
            product,
            protocol=b"1",
            subclass=b"1",
            report_length=b"8",
            report_desc=self.DESCRIPTOR,
        )
        self.path = Path("/dev/terminal") / product.lower()  # hardware/udev.rules
        self._file: int | None = None

    def plug(self) -> None:
        self._gadget.plug()
        self._file = os.open(self._gadget.node("hidg"), os.O_RDWR)

    def unplug(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._gadget.unplug()

    def press(self, name: str) -> None:
        """A key goes down and up; a capital or a sign with the shift key."""
        plain = self.SHIFTED.get(name, name.lower() if len(name) == 1 else name)
        assert self._file is not None
        os.write(
            self._file, bytes([self.SHIFT * (plain != name), 0, self.USAGES[plain], 0, 0, 0, 0, 0])
        )
        os.write(self._file, bytes(8))

    def read(self, text: str) -> None:
        """It is a scanner and has read `text`."""
        for character in f"{text}\n":
            self.press(character)
