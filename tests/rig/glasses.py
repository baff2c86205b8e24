"""The far ends of a display's wires, inside the guest: what a panel on I2C, on SPI, on HDMI is sent.

The near ends are the kernel's own /dev/i2c-1, /dev/spidev0.0 and /dev/fb0: the modules in linux/modules.
"""

from __future__ import annotations

import os
import select
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageChops

CHUNK_BYTES = 1 << 16
LOOK_S = 0.2  # how late a wire notices that it is to end
QUIET_S = 0.03  # so long after its last byte a transfer is over
FRAME_S = 0.1  # a picture of 800 x 480 is 1.5 MB, and the guest has one processor
GREYS = 17  # of 255: four bits of grey
I2C_RECORD = struct.Struct("=HHH")  # address, flags, length (i2c-bench.c)
I2C_READ, I2C_DATA = 1, 0x40
SPI_RECORD = struct.Struct("=BBH")  # level of D/C, device, length (spi-bench.c)
SPI_DC_PIN = Path("/sys/module/spi_bench/parameters/dc")
SPI_OVERRUNS = Path("/sys/module/spi_bench/parameters/overruns")
SCREEN = Path("/sys/module/screen_bench/parameters")

Sent = Callable[[bool, bytes], None]
Quiet = Callable[[], None]


class Wire(Protocol):
    def plug(self, there: bool) -> None: ...

    def close(self) -> None: ...


class _Bus(ABC):
    """`sent` gets (is data, bytes) as the terminal writes them; `quiet` is called when nothing follows."""

    def __init__(self, node: str, quiet: Quiet) -> None:
        self._file = os.open(node, os.O_RDWR | os.O_NONBLOCK)
        self._quiet = quiet
        self._over = threading.Event()
        with suppress(BlockingIOError):  # what a chip before us was sent
            while os.read(self._file, CHUNK_BYTES):
                pass
        self.plug(True)
        self._watcher = threading.Thread(target=self._watch, name=node, daemon=True)
        self._watcher.start()

    @abstractmethod
    def plug(self, there: bool) -> None: ...

    @abstractmethod
    def _taken(self, held: bytes) -> bytes:
        """Hand on the whole records of `held`; what is left over."""

    def close(self) -> None:
        """The next chip's bytes are not ours to read: the watch has ended when this returns."""
        self.plug(False)
        self._over.set()
        self._watcher.join()
        os.close(self._file)

    def _watch(self) -> None:
        held, told = b"", True
        while not self._over.is_set():
            if not select.select([self._file], [], [], LOOK_S if told else QUIET_S)[0]:
                if not told:
                    self._quiet()
                told = True
                continue
            held = self._taken(held + os.read(self._file, CHUNK_BYTES))
            told = False


class I2cWire(_Bus):
    """The I2C bus 1 with one chip on it, which tells commands from data by the control byte."""

    def __init__(self, address: int, sent: Sent, quiet: Quiet) -> None:
        self._address, self._sent = address, sent
        super().__init__("/dev/i2c-bench", quiet)

    def plug(self, there: bool) -> None:
        """Whether the chip acknowledges."""
        os.write(self._file, struct.pack("=HB", self._address, there))

    def _taken(self, held: bytes) -> bytes:
        while len(held) >= I2C_RECORD.size:
            address, flags, length = I2C_RECORD.unpack_from(held)
            end = I2C_RECORD.size + length
            if len(held) < end:
                break
            if address == self._address and not flags & I2C_READ and length:
                control, message = held[I2C_RECORD.size], held[I2C_RECORD.size + 1 : end]
                self._sent(control == I2C_DATA, message)
            held = held[end:]
        return held


class SpiWire(_Bus):
    """The SPI bus 0 with a panel at device 0, which tells commands from data by the level of its D/C pin."""

    def __init__(self, dc_pin: int, sent: Sent, quiet: Quiet) -> None:
        self._sent = sent
        SPI_DC_PIN.write_text(str(dc_pin))
        super().__init__("/dev/spi-bench", quiet)

    def plug(self, there: bool) -> None:
        """Nobody answers on SPI, so that nobody is missed."""

    def _taken(self, held: bytes) -> bytes:
        while len(held) >= SPI_RECORD.size:
            level, _, length = SPI_RECORD.unpack_from(held)
            end = SPI_RECORD.size + length
            if len(held) < end:
                break
            self._sent(bool(level), held[SPI_RECORD.size : end])
            held = held[end:]
        assert not int(SPI_OVERRUNS.read_text()), "bytes of the wire were lost"
        return held


class Screen:
    """A screen on HDMI: what stands in /dev/fb0 is on its glass. `quiet` is called when that has changed."""

    on, contrast = True, 255

    def __init__(self, quiet: Quiet = lambda: None) -> None:
        self._quiet = quiet
        self._size = tuple(int((SCREEN / side).read_text()) for side in ("width", "height"))
        self._pixels = b""
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="screen", daemon=True)
        self._watcher.start()

    def plug(self, there: bool) -> None:
        """Whether its cable is plugged in."""
        (SCREEN / "plugged").write_text("1" if there else "0")

    def wipe(self) -> None:
        """It is dark, until something is written again."""
        width, height = self._size
        Path("/dev/fb0").write_bytes(bytes(width * height * 4))

    def image(self) -> Image.Image:
        width, height = self._size
        return Image.frombytes("RGB", (width, height), self._pixels, "raw", "BGRX")

    def close(self) -> None:
        self._over.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._over.wait(FRAME_S):
            pixels = Path("/dev/fb0").read_bytes()
            if pixels != self._pixels:
                self._pixels = pixels
                self._quiet()


def alike(seen: Image.Image, wanted: Image.Image) -> bool:
    """In its own colours, as exactly as a chip can say them."""
    extremes = ImageChops.difference(seen, wanted.convert(seen.mode)).getextrema()
    return max(high for _, high in (extremes if seen.mode == "RGB" else [extremes])) <= GREYS
