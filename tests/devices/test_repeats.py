"""One reading, seen many times."""

from __future__ import annotations

from terminal.devices.repeats import Repeats

CODE = b"134567890123456789"


def test_a_reading_counts_once_in_its_window() -> None:
    repeats = Repeats(2.0)
    assert repeats.is_new(CODE, 100.0)
    assert not repeats.is_new(CODE, 100.05)
    assert not repeats.is_new(CODE, 101.99)
    assert repeats.is_new(CODE, 102.0), "from the delivery on, not from the last sighting"


def test_another_reading_is_always_new() -> None:
    repeats = Repeats(2.0)
    assert [repeats.is_new(code, 1.0) for code in (b"a", b"b", b"a")] == [True, True, True]
