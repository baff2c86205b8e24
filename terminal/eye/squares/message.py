"""What the data codewords of a QR code say (ISO/IEC 18004 7.4)."""

from __future__ import annotations

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
NUMERIC, ALPHANUMERIC, BYTES, END = 0b0001, 0b0010, 0b0100, 0b0000
SIZE_BITS = {NUMERIC: (10, 12), ALPHANUMERIC: (9, 11), BYTES: (8, 16)}
"""Of a segment's length: up to version 9, and up to 26."""
FILLING = (0xEC, 0x11)


class _Bits:
    def __init__(self, data: list[int]) -> None:
        self._all = int.from_bytes(bytes(data), "big")
        self.left = 8 * len(data)

    def take(self, count: int) -> int:
        """ValueError when there are not so many."""
        if count > self.left:
            raise ValueError("the message is longer than the code")
        self.left -= count
        return self._all >> self.left & (1 << count) - 1


def message(data: list[int], version: int) -> tuple[str, int] | None:
    """The text, and how many codewords after it are nothing but the prescribed filling.

    None when it is no message, or one that no payment code needs: kanji, other character sets, parts of a series.
    """
    bits, text = _Bits(data), ""
    try:
        while (mode := bits.take(min(4, bits.left))) != END:
            size = bits.take(SIZE_BITS[mode][version > 9])
            text += _segment(bits, mode, size)
    except (ValueError, LookupError):
        return None
    filling = data[len(data) - bits.left // 8 :]
    expected = [FILLING[number % 2] for number in range(len(filling))]
    if bits.take(bits.left % 8) or filling not in (expected, [0, *expected[:-1]]):
        return None  # a zero more is what some encoders leave when the end is at a codeword's end
    return text, len(filling)


def _segment(bits: _Bits, mode: int, size: int) -> str:
    if mode == BYTES:
        return bytes(bits.take(8) for _ in range(size)).decode("ascii")
    if mode == ALPHANUMERIC:
        pairs = "".join(_pair(bits.take(11)) for _ in range(size // 2))
        return pairs + (LETTERS[bits.take(6)] if size % 2 else "")
    threes = "".join(_digits(bits.take(10), 3) for _ in range(size // 3))
    return threes + (_digits(bits.take((0, 4, 7)[size % 3]), size % 3) if size % 3 else "")


def _pair(value: int) -> str:
    return LETTERS[value // 45] + LETTERS[value % 45]


def _digits(value: int, count: int) -> str:
    if value >= 10**count:
        raise ValueError(f"{value} has more than {count} digits")
    return f"{value:0{count}d}"
