"""Transitions as a table: phase x event -> rule, and every cell decided.

A cell is a `Rule` (do this; it may lead there), `LATE` (expected, and nothing to do: an answer that came
after the end, a key pressed twice) or `CANNOT` (if it happens, we are wrong: the order stops at attention).
`row` refuses to leave a cell open, so a new event does not compile until every phase has decided about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, get_args

from terminal.core.effects import OrderEffect
from terminal.core.events import (
    Event,
    OrderEvent,
    RefundAccepted,
    RefundDone,
    RefundFailed,
)
from terminal.core.record import replace
from terminal.core.sale import Order, Pace, Phase, Reason
from terminal.core.terms import HouseFault
from terminal.core.timing import ATTENTION_EVERY_MS, Timing

Step = tuple[Order, tuple[OrderEffect, ...]]
# The event a rule takes is the one of its cell; tests/core/test_cells.py holds each annotation to that.
Do = Callable[[Order, Any, Timing], Step]
EVENTS: tuple[type[Event], ...] = get_args(OrderEvent)
OF_RETURNS: tuple[type[Event], ...] = (RefundAccepted, RefundDone, RefundFailed)


@dataclass(frozen=True, slots=True)
class Rule:
    """`do(order, event, timing) -> (order, requests)`; where it may lead is checked at every step."""

    do: Do
    leads_to: frozenset[Phase]


class Mark(Enum):
    LATE = "late"
    CANNOT = "cannot"


Row = Mapping[type[Event], Rule | Mark]
Table = Mapping[Phase, Row]


def rule(do: Do, *leads_to: Phase) -> Rule:
    return Rule(do, frozenset(leads_to))


def row(
    rules: Mapping[type[Event], Rule],
    *,
    late: Iterable[type[Event]] = (),
    cannot: Iterable[type[Event]] = (),
) -> Row:
    """One phase's cells. HouseFault when a cell is decided twice or not at all."""
    cells: dict[type[Event], Rule | Mark] = dict(rules)
    for mark, events in ((Mark.LATE, late), (Mark.CANNOT, cannot)):
        for event in events:
            if event in cells:
                raise HouseFault(f"{event.__name__} is decided twice")
            cells[event] = mark
    if missing := [event.__name__ for event in EVENTS if event not in cells]:
        raise HouseFault(f"undecided: {', '.join(missing)}")
    return cells


def walk(table: Table, order: Order, event: OrderEvent, timing: Timing) -> Step:
    """One step of one order: look up, do, check what came out."""
    cell = table[order.phase][type(event)]
    if cell is Mark.LATE:
        return order, ()
    if cell is Mark.CANNOT:
        said = f"{type(event).__name__} in {order.phase.value}"
        return attention(order, event, Reason.FAULT, said)
    assert isinstance(cell, Rule)
    new, requests = cell.do(order, event, timing)
    if new.phase not in cell.leads_to:
        raise HouseFault(f"{order.phase.value} + {type(event).__name__} led to {new.phase.value}")
    if (new.order_no, new.amount) != (order.order_no, order.amount):
        raise HouseFault(f"order {order.order_no} lost its number or amount")
    return new, requests


def attention(order: Order, event: Event, reason: Reason, detail: str) -> Step:
    """A human must look. Nothing is sent but a question every hour (I13)."""
    pace = Pace(ask_at_ms=event.at_ms + ATTENTION_EVERY_MS)
    stopped = replace(
        order, phase=Phase.ATTENTION, reason=reason, detail=detail, until_ms=None, pace=pace
    )
    return stopped, ()
