"""An SPI bus, written to through the kernel's /dev/spidev. It looks like the package spidev to luma, which
needs no more than this of it; that package has no wheels."""

from __future__ import annotations

import fcntl
import os
import struct

WR_MODE = 0x40016B01  # linux/spi/spidev.h: _IOW('k', 1, __u8)
WR_MAX_SPEED_HZ = 0x40046B04  # _IOW('k', 4, __u32)


def path(port: int, device: int) -> str:
    return f"/dev/spidev{port}.{device}"


class Wire:
    """Raises OSError: the bus is not there, not ours, or gone."""

    def __init__(self) -> None:
        self._file: int | None = None

    def open(self, port: int, device: int) -> None:
        self._file = os.open(path(port, device), os.O_RDWR | os.O_CLOEXEC)

    @property
    def mode(self) -> int:
        raise NotImplementedError("only written, as luma does")

    @mode.setter
    def mode(self, mode: int) -> None:
        fcntl.ioctl(self._opened, WR_MODE, struct.pack("=B", mode))

    @property
    def max_speed_hz(self) -> int:
        raise NotImplementedError("only written, as luma does")

    @max_speed_hz.setter
    def max_speed_hz(self, speed_hz: int) -> None:
        fcntl.ioctl(self._opened, WR_MAX_SPEED_HZ, struct.pack("=I", speed_hz))

    def writebytes(self, data: bytes | list[int]) -> None:
        """At most 4096 bytes, the kernel's own limit for one transfer."""
        os.write(self._opened, bytes(data))

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def _opened(self) -> int:
        if self._file is None:
            raise OSError("the SPI bus is closed")
        return self._file
