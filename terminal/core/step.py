"""The face of the order tables: one function steps any order."""

from __future__ import annotations

from terminal.core import cpm, mpm, refund
from terminal.core.events import OrderEvent
from terminal.core.sale import Order
from terminal.core.table import Step, Table, walk
from terminal.core.terms import Mode
from terminal.core.timing import Timing

TABLES: dict[Mode, Table] = {
    Mode.MPM: mpm.TABLE,
    Mode.CPM: cpm.TABLE,
    Mode.REFUND: refund.TABLE,
    Mode.VOID: refund.TABLE,
}


def step(order: Order, event: OrderEvent, timing: Timing) -> Step:
    """(order, event) -> (order, requests). Pure; HouseFault only when this house is wrong."""
    return walk(TABLES[order.mode], order, event, timing)
