"""Wires on which displays hang: they keep what the driver sends. They end where the kernel begins: the I2C bus
is smbus2's, the SPI bus a file in the place of /dev/spidev, the D/C line gpiozero's simulated pin."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import smbus2
from gpiozero.pins.mock import MockFactory, MockPWMPin

from tests.devices.chips import Part

DC_PIN = 24


class I2c:
    """The bus of smbus2, with one display at 0x3c. `plugged` False: nobody acknowledges."""

    stream: list[Part] = []  # noqa: RUF012 - one wire, whoever opens it
    plugged = True

    def __init__(self, port: int) -> None:
        assert port == 1

    def write_i2c_block_data(self, address: int, control: int, data: list[int]) -> None:
        assert len(data) <= 32
        self._take(address, bytes([control, *data]))

    def i2c_rdwr(self, message: smbus2.i2c_msg) -> None:
        self._take(message.addr, bytes(message))

    def _take(self, address: int, sent: bytes) -> None:
        if not I2c.plugged or address != 0x3C:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
        assert sent[0] in (0x00, 0x40)
        I2c.stream.append((sent[0] == 0x40, sent[1:]))

    def close(self) -> None:
        """Nothing to give back."""


class Spi(MockFactory):
    """Pins, one of which says what the bytes in `file` are: as many as were there when it changed."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.turns: list[tuple[int, bool]] = []
        file.write_bytes(b"")
        super().__init__(pin_class=DataCommand)

    @property
    def stream(self) -> list[Part]:
        sent = self.file.read_bytes()
        ends = [start for start, _ in self.turns[1:]] + [len(sent)]
        pieces = [(level, sent[at:end]) for (at, level), end in zip(self.turns, ends, strict=True)]
        return [piece for piece in pieces if piece[1]]


class DataCommand(MockPWMPin):
    def _set_state(self, value: float) -> None:
        super()._set_state(value)
        assert isinstance(self.factory, Spi)
        if self.info.name == f"GPIO{DC_PIN}":
            self.factory.turns.append((self.factory.file.stat().st_size, bool(value)))


def told(stream: list[Part]) -> str:
    """A stream as text, one transfer a line: C or D, bytes in hex, equal ones as 00*1024."""
    return "".join(f"{'D' if is_data else 'C'} {_runs(part)}\n" for is_data, part in stream)


def _runs(part: bytes) -> str:
    words: list[str] = []
    at = 0
    while at < len(part):
        end = at
        while end < len(part) and part[end] == part[at]:
            end += 1
        words += (
            [f"{part[at]:02x}*{end - at}"] if end - at > 3 else [f"{part[at]:02x}"] * (end - at)
        )
        at = end
    return " ".join(words)
