"""Typing an amount: minor units first, as money is read (`1250` shows 12.50), with a running sum.

An `Entry` is whole minor units throughout, for any exponent. What cannot be is refused with the reason,
and nothing changes (F74, F75).
"""

from __future__ import annotations

from dataclasses import dataclass

from terminal.core.record import replace
from terminal.core.terms import Refusal

ITEMS_MAX = 99


@dataclass(frozen=True, slots=True)
class Entry:
    """`item_minor` is being typed; `sum_minor` are the `items` items that `+` has put away."""

    item_minor: int = 0
    sum_minor: int = 0
    items: int = 0

    @property
    def total_minor(self) -> int:
        return self.sum_minor + self.item_minor

    @property
    def empty(self) -> bool:
        return self == Entry()

    def digits(self, digits: str, max_minor: int) -> Entry:
        """Type "5" or "00". Refusal when the total would pass the shop's maximum."""
        grown = replace(self, item_minor=self.item_minor * 10 ** len(digits) + int(digits))
        if grown.total_minor > max_minor:
            raise Refusal("More than this counter may take.")
        return grown

    def plus(self) -> Entry:
        """Put the item away and start the next."""
        if not self.item_minor:
            raise Refusal("Type an amount before +.")
        if self.items >= ITEMS_MAX:
            raise Refusal(f"{ITEMS_MAX} items are the most. Press OK.")
        return Entry(0, self.total_minor, self.items + 1)

    def back(self) -> Entry:
        """Take the last digit away; with no digit left, take the last `+` back as one item."""
        if self.item_minor:
            return replace(self, item_minor=self.item_minor // 10)
        return Entry(item_minor=self.sum_minor)

    def clear(self) -> Entry:
        """Clear the item being typed; with none, everything."""
        return replace(self, item_minor=0) if self.item_minor else Entry()
