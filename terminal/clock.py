"""Boot time, wall time, and whether the wall clock is to be believed.

A Pi has no clock battery: after a power cut the wall clock starts in the past and jumps when the network
answers. So every deadline runs on boot time, which goes on in suspend and never jumps, and nothing about
money asks the wall clock (I12). Gateways refuse requests whose time is wrong (gateways.md 1.3); `is_trusted`
says when requests may be made. The simulator brings its own `Time`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

Trust = Literal["timesync", "system"]

# No terminal can have been built earlier, so a clock that says so is not set.
BUILD_FLOOR_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronized
TIMEX_BYTES_MIN = 512  # struct timex has 208 bytes on 64-bit Linux


class Time(Protocol):
    """What the house asks of a clock. `boot_id` changes when boot time begins anew."""

    boot_id: str

    def boot_ms(self) -> int: ...

    def utc_ms(self) -> int: ...

    def is_trusted(self) -> bool: ...

    def label(self, utc_ms: int) -> str: ...


class SystemClock:
    """The machine's clock. `trust` "timesync": only what the network has set; "system": the machine's word,
    for one with a battery or a time service of its own."""

    def __init__(
        self,
        trust: Trust = "timesync",
        *,
        boot_id_file: Path = Path("/proc/sys/kernel/random/boot_id"),
        synchronized_file: Path = Path("/run/systemd/timesync/synchronized"),
    ) -> None:
        self.boot_id = boot_id_file.read_text().strip()
        self._trust = trust
        self._synchronized_file = synchronized_file

    def boot_ms(self) -> int:
        """CLOCK_BOOTTIME in ms. Never goes back while `boot_id` stays the same."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def utc_ms(self) -> int:
        """The wall clock: ms since 1970. May jump."""
        return time.time_ns() // 1_000_000

    def is_trusted(self) -> bool:
        if self.utc_ms() < BUILD_FLOOR_MS:
            return False
        return self._trust == "system" or self._synchronized_file.exists() or kernel_synchronized()

    def label(self, utc_ms: int) -> str:
        return label(utc_ms)


def kernel_synchronized() -> bool:
    """Whether a time service has told the kernel that its clock is right. False when it cannot be asked."""
    import ctypes

    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return False
    # `modes`, the first field, is 0: only read. The state is the result, so the other fields need no names.
    state = adjtimex(ctypes.create_string_buffer(TIMEX_BYTES_MIN))
    return isinstance(state, int) and 0 <= state < TIME_ERROR


def label(utc_ms: int) -> str:
    """Local time for people: "2026-03-01 14:05:09 CET"; "unknown time" for what no calendar holds (F96)."""
    try:
        utc = datetime.fromtimestamp(utc_ms // 1_000, tz=UTC)
        return utc.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    except (OverflowError, ValueError, OSError):
        return "unknown time"
