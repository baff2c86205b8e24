"""Journal against the sandbox's books, order by order and both ways. Every cent must be where the journal says.

What disagrees is `lost` (the merchant's, or the record of it), `doubled` (the customer's), or `open`: no end.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from terminal.core.sale import RETURNS, Order, Phase

NOTHING: Mapping[str, Any] = {"captured_minor": 0, "returned_minor": 0}


@dataclass(frozen=True, slots=True)
class Odd:
    """One order that does not add up. `kind`: lost, doubled or open."""

    kind: str
    order_no: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.order_no}: {self.why}"


def odds(orders: Iterable[Order], books: Mapping[str, Mapping[str, Any]]) -> list[Odd]:
    """`orders`: the last record of each order of the journal. `books`: what the gateway keeps of the same
    terminals, by order number."""
    rows = {order.order_no: order for order in orders}
    given = _given_back(rows.values())
    found = [
        Odd("lost", number, "in the books, not in the journal")
        for number in books
        if number not in rows
    ]
    for order in rows.values():
        if not order.final:
            found.append(Odd("open", order.order_no, order.phase.value))
        elif order.mode not in RETURNS:
            found += _against(order, books.get(order.order_no, NOTHING), given[order.order_no])
    return found + _charged_twice(rows.values())


def _given_back(orders: Iterable[Order]) -> Tally[str]:
    """Minor units by the order that they were paid with."""
    given: Tally[str] = Tally()
    for order in orders:
        if order.phase is Phase.RETURNED and order.of:
            given[order.of] += order.amount.minor
    return given


def _against(order: Order, kept: Mapping[str, Any], given_minor: int) -> list[Odd]:
    is_minor = kept["captured_minor"] - kept["returned_minor"]
    should_minor = order.amount.minor - given_minor if order.phase is Phase.PAID else 0
    if is_minor == should_minor:
        return []
    kind = "doubled" if is_minor > should_minor else "lost"
    why = f"{order.phase.value}, so {should_minor} kept, and the books have {is_minor}"
    return [Odd(kind, order.order_no, why)]


def _charged_twice(orders: Iterable[Order]) -> list[Odd]:
    """A sale may have had several orders; one of them may be paid (I2)."""
    paid = Tally(order.sale_no for order in orders if order.phase is Phase.PAID)
    return [
        Odd("doubled", sale_no, f"{count} orders of this sale are paid")
        for sale_no, count in paid.items()
        if count > 1
    ]
