"""The amount: digits as large as they get, the currency's code smaller beside or under them.

Whole thousands are set apart by a narrow gap (ISO 80000-1), because 1 250 000 VND is not read as 1250000.
A number that is too long for one line is wrapped at those gaps; no digit is ever left out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from terminal.core.terms import Money
from terminal.screens import fonts

GAP = "\N{NARROW NO-BREAK SPACE}"
GROUP_FROM = 5  # digits: 1250 stays whole, 12 500 does not
AMOUNTS_MAX = 128


class Piece(NamedTuple):
    """A setting and where it goes, from the amount's top left corner."""

    setting: fonts.Setting
    x: int
    y: int


class Amount(NamedTuple):
    """The pieces of an amount; `size_px` is that of the digits."""

    pieces: tuple[Piece, ...]
    size_px: int
    width_px: int
    height_px: int


Place = Callable[[str, str, int, str], Amount]


def figures(money: Money, gap: str = GAP) -> str:
    """ "1250.00", "12 500.00": the major units with the thousands set apart."""
    whole, point, decimals = money.major.partition(".")
    if len(whole) >= GROUP_FROM:
        whole = f"{int(whole):,}".replace(",", gap)
    return whole + point + decimals


@lru_cache(maxsize=AMOUNTS_MAX)
def compose(money: Money, style: fonts.Style, largest_px: int) -> Amount:
    """The arrangement with the largest digits that fits; in one line if that can be read at all."""
    found = [
        amount for place in (_beside, _under) if (amount := _grown(place, money, style, largest_px))
    ]
    if found:
        return max(found, key=lambda amount: amount.size_px)
    return _wrapped(money, style, largest_px)


def _grown(place: Place, money: Money, style: fonts.Style, largest_px: int) -> Amount | None:
    """One arrangement in its largest size; None when it does not fit at all."""
    number = figures(money)

    def attempt(size_px: int) -> Amount | None:
        amount = place(number, money.currency, size_px, style.mode)
        fits = amount.width_px <= style.width_px and amount.height_px <= style.height_px
        return amount if fits else None

    return fonts.largest(attempt, max(fonts.BOLD_FROM_PX, style.smallest_px), largest_px)


def _code_px(size_px: int) -> int:
    return max(fonts.FLOOR_PX, size_px // 2)


def _beside(number: str, currency: str, size_px: int, mode: str) -> Amount:
    """Digits, then the code on the same line of writing."""
    digits = fonts.in_lines([number], size_px, True, mode)
    code = fonts.in_lines([currency], _code_px(size_px), True, mode)
    x = digits.width_px + max(2, size_px // 6)
    y = digits.lines[0].baseline - code.lines[0].baseline
    height_px = max(digits.height_px, y + code.height_px)
    return Amount((Piece(digits, 0, 0), Piece(code, x, y)), size_px, x + code.width_px, height_px)


def _under(number: str, currency: str, size_px: int, mode: str) -> Amount:
    """Digits, and the code under their middle."""
    digits = fonts.in_lines([number], size_px, True, mode)
    code = fonts.in_lines([currency], _code_px(size_px), True, mode)
    width_px = max(digits.width_px, code.width_px)
    y = digits.height_px + max(2, size_px // 5)
    pieces = (
        Piece(digits, (width_px - digits.width_px) // 2, 0),
        Piece(code, (width_px - code.width_px) // 2, y),
    )
    return Amount(pieces, size_px, width_px, y + code.height_px)


def _wrapped(money: Money, style: fonts.Style, largest_px: int) -> Amount:
    """A number longer than its line: broken at the thousands. F31: up to 10^15 minor units."""
    text = f"{figures(money, ' ')} {money.currency}"
    found = fonts.fitted(text, style, largest_px) or fonts.squeezed(text, style, largest_px)
    return Amount((Piece(found, 0, 0),), found.size_px, found.width_px, found.height_px)
