"""Boot time counts, wall time is believed only when something has set it (I12, F96)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal import clock
from terminal.clock import BUILD_FLOOR_MS, SystemClock, Time, label


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class At(SystemClock):
    """The machine's clock with another wall time."""

    utc = BUILD_FLOOR_MS

    def utc_ms(self) -> int:
        return self.utc


def test_the_clock_is_a_time() -> None:
    times: Time = SystemClock()
    assert times.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert len(times.boot_id) == 36


def test_boot_time_is_the_kernel_s_and_goes_on() -> None:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    first, second = SystemClock().boot_ms(), SystemClock().boot_ms()
    after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert before // 1_000_000 <= first <= second <= after // 1_000_000


def test_boot_time_counts_suspend(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {time.CLOCK_BOOTTIME: 81_234_567_890}
    monkeypatch.setattr(time, "clock_gettime_ns", clocks.__getitem__)
    assert SystemClock().boot_ms() == 81_234


def test_wall_time_is_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= SystemClock().utc_ms() <= time.time_ns() // 1_000_000


@pytest.mark.parametrize(("utc_ms", "trusted"), [(0, False), (BUILD_FLOOR_MS - 1, False)])
@pytest.mark.parametrize("trust", ["system", "timesync"])
def test_a_clock_from_before_the_build_is_not_set(
    tmp_path: Path, trust: clock.Trust, utc_ms: int, trusted: bool
) -> None:
    (tmp_path / "synchronized").touch()
    machine = At(trust, synchronized_file=tmp_path / "synchronized")
    machine.utc = utc_ms
    assert machine.is_trusted() is trusted


def test_system_believes_the_machine(tmp_path: Path) -> None:
    assert At("system", synchronized_file=tmp_path / "none").is_trusted()


def test_timesync_needs_the_file_or_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "synchronized"
    machine = At("timesync", synchronized_file=file)
    monkeypatch.setattr(clock, "kernel_synchronized", lambda: False)
    assert not machine.is_trusted()
    file.touch()
    assert machine.is_trusted()
    file.unlink()
    monkeypatch.setattr(clock, "kernel_synchronized", lambda: True)
    assert machine.is_trusted()


@pytest.mark.parametrize(
    ("state", "synchronized"), [(0, True), (1, True), (4, True), (5, False), (-1, False)]
)
def test_the_kernel_s_word(monkeypatch: pytest.MonkeyPatch, state: int, synchronized: bool) -> None:
    import ctypes

    class Libc:
        @staticmethod
        def adjtimex(timex: object) -> int:
            assert bytes(timex)[:4] == b"\0\0\0\0"  # type: ignore[call-overload]
            return state

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Libc)
    assert clock.kernel_synchronized() is synchronized


def test_a_kernel_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    assert clock.kernel_synchronized() is False


def test_the_real_kernel_answers() -> None:
    assert clock.kernel_synchronized() in (True, False)


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("utc_ms", "said"),
    [
        (0, "1970-01-01 01:00:00 CET"),
        (1_772_370_309_999, "2026-03-01 14:05:09 CET"),
        (1_783_000_000_000, "2026-07-02 15:46:40 CEST"),
        (2**31 * 1000, "2038-01-19 04:14:08 CET"),
        (2**63, "unknown time"),
        (-(2**63), "unknown time"),
    ],
)
def test_label(utc_ms: int, said: str) -> None:
    assert label(utc_ms) == said
    assert SystemClock().label(utc_ms) == said
