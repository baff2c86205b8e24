"""Reed-Solomon with holes: a codeword that is known to be doubtful costs half of one that is wrong unnoticed.

GF(256) over x^8 + x^4 + x^3 + x^2 + 1, as QR codes have it (ISO/IEC 18004 7.5.2). A polynomial is a list, its
lowest power first; a block is one with its highest power first.
"""

from __future__ import annotations

from typing import TypeAlias

Polynomial: TypeAlias = list[int]


def _tables() -> tuple[list[int], list[int]]:
    """The powers of 2, twice over, and their logarithms."""
    powers, logs, value = [0] * 510, [0] * 256, 1
    for power in range(255):
        powers[power] = powers[power + 255] = value
        logs[value] = power
        value = value << 1 ^ (0x11D if value > 127 else 0)
    return powers, logs


_POWER, _LOG = _tables()


def syndromes(block: list[int], checks: int) -> Polynomial:
    """All zero when the block, whose last `checks` are check codewords, is without an error."""
    return [_value(block, power) for power in range(checks)]


def corrected(block: list[int], said: Polynomial, holes: list[int]) -> list[int] | None:
    """The code's block that differs least outside of the holes; None when none is near enough.

    `said`: the block's syndromes; `holes`: places in it.
    """
    if not any(said):
        return list(block)
    size = len(block)
    locator: Polynomial = [1]
    for at in holes:
        locator = _times(locator, [1, _POWER[size - 1 - at]])
    locator = _locator(said, locator)
    places = [at for at in range(size) if not _at(locator, _POWER[255 - (size - 1 - at)])]
    if len(places) != len(locator) - 1:
        return None
    evaluator = _times(said, locator)[: len(said)]
    slope = [0 if power % 2 else value for power, value in enumerate(locator[1:])]
    whole = list(block)
    for at in places:  # Forney's formula; the first root is 2 ** 0
        back = _POWER[255 - (size - 1 - at)]
        below = _at(slope, back)
        if not below:
            return None
        whole[at] ^= _product(_POWER[size - 1 - at], _divided(_at(evaluator, back), below))
    return None if any(syndromes(whole, len(said))) else whole


def _locator(said: Polynomial, locator: Polynomial) -> Polynomial:
    """The shortest polynomial that explains the syndromes and has the holes among its roots (Berlekamp, Massey)."""
    degree = holes = len(locator) - 1
    before = list(locator)
    for step in range(holes, len(said)):
        odd = 0
        for power, value in enumerate(locator[: step + 1]):
            odd ^= _product(value, said[step - power])
        before = [0, *before]
        if odd:
            longer = _plus(locator, [_product(odd, value) for value in before])
            if 2 * degree <= step + holes:
                before = [_divided(value, odd) for value in locator]
                degree = step + 1 + holes - degree
            locator = longer
    while not locator[-1]:
        locator.pop()
    return locator


def _product(one: int, other: int) -> int:
    return _POWER[_LOG[one] + _LOG[other]] if one and other else 0


def _divided(one: int, other: int) -> int:
    return _POWER[_LOG[one] + 255 - _LOG[other]] if one else 0


def _plus(one: Polynomial, other: Polynomial) -> Polynomial:
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    return [a ^ b for a, b in zip(longer, shorter, strict=False)] + longer[len(shorter) :]


def _times(one: Polynomial, other: Polynomial) -> Polynomial:
    product = [0] * (len(one) + len(other) - 1)
    for at, value in enumerate(one):
        for by, factor in enumerate(other):
            product[at + by] ^= _product(value, factor)
    return product


def _at(polynomial: Polynomial, value: int) -> int:
    total = 0
    for factor in reversed(polynomial):
        total = _product(total, value) ^ factor
    return total


def _value(block: list[int], power: int) -> int:
    """At 2 ** power."""
    total = 0
    for value in block:
        total = (_POWER[_LOG[total] + power] if total else 0) ^ value
    return total
