"""What a serial scanner sends, cut into codes: no port, no clock."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.devices.scanner.serial import CODE_BYTES_MAX, Lines

CODE = b"134567890123456789"


@given(
    sent=st.lists(st.binary(max_size=60).filter(lambda code: not set(code) & set(b"\r\n"))),
    cuts=st.lists(st.integers(1, 9), min_size=1),
)
def test_codes_are_the_same_however_they_are_cut(sent: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(code + b"\r" for code in sent)
    lines, got, turn = Lines("\r\n"), [], 0
    while stream:
        size = cuts[turn % len(cuts)]
        got += lines.feed(stream[:size])
        stream, turn = stream[size:], turn + 1
    assert got == [code for code in sent if code]
    assert lines.silence() == 0


@pytest.mark.parametrize("size", [CODE_BYTES_MAX, CODE_BYTES_MAX + 1])
@pytest.mark.parametrize("chunk", [1, 1000, 10_000])
def test_the_longest_code_and_one_byte_more(size: int, chunk: int) -> None:
    lines, got = Lines("\r"), []
    stream = b"x" * size + b"\r" + b"next\r"
    for start in range(0, len(stream), chunk):
        got += lines.feed(stream[start : start + chunk])
    assert got == ([b"x" * size] if size == CODE_BYTES_MAX else []) + [b"next"]


def test_an_endless_stream_takes_no_memory() -> None:
    lines, chunk = Lines("\r"), b"x" * 4096
    tracemalloc.start()
    for _ in range(1000):
        assert lines.feed(chunk) == []
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 100_000


def test_silence_ends_what_was_spoilt() -> None:
    lines = Lines("\r")
    lines.feed(b"half")
    lines.spoil()
    assert lines.silence() == 0
    assert lines.feed(b"whole\r") == [b"whole"]


def test_spoiling_without_a_code_under_way_spoils_nothing() -> None:
    lines = Lines("\r")
    lines.spoil()
    assert lines.feed(b"whole\r") == [b"whole"]
