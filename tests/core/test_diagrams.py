"""The diagrams say what the tables do, and tables.md shows the diagrams of today."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from terminal.core import counter as people
from terminal.core import diagrams
from terminal.core.events import (
    CodeIssued,
    CounterEvent,
    Event,
    LineFailed,
    OrderClosed,
    PaymentApproved,
    PaymentDeclined,
    PaymentPending,
    SaleAsked,
    ServiceChanged,
    UndoAccepted,
    WakeDue,
)
from terminal.core.sale import Phase
from terminal.core.stand import Counter, CounterStep, Offer, Shop, Stand
from terminal.core.step import TABLES
from terminal.core.table import Rule
from terminal.core.terms import Mode
from tests.core.desk import ALIPAY, EITHER, SHOP, SPELT, Desk
from tests.core.script import EUR_5

MODES = [None, Mode.MPM, Mode.CPM]
PAGE = Path(diagrams.__file__).with_name("tables.md")


def test_the_page_shows_the_diagrams_of_today() -> None:
    """If this fails: scripts/diagrams."""
    assert PAGE.read_text("utf-8") == diagrams.text()


def test_every_way_of_the_order_tables_is_drawn_and_nothing_else() -> None:
    ways = {
        (phase.value, to.value, event.__name__)
        for table in TABLES.values()
        for phase, row in table.items()
        for event, cell in row.items()
        if isinstance(cell, Rule)
        for to in cell.leads_to - {phase}
    }
    phases = {phase.value for phase in Phase}
    assert {way for way in drawn() if way[0] in phases} == ways


def drawn() -> set[tuple[str, str, str]]:
    """(from, to, event) of every line that has events, but for the two that begin a sale."""
    ways = set()
    for line in diagrams.text().splitlines():
        edge, colon, events = line.strip().partition(": ")
        if colon and " --> " in edge and "[*]" not in edge:
            here, there = edge.split(" --> ")
            ways |= {(here, there, event) for event in events.split(", ")}
    return ways


def test_every_edge_is_one_line() -> None:
    for block in diagrams.text().split("```mermaid")[1:]:
        edges = [line.partition(": ")[0] for line in block.splitlines() if " --> " in line]
        assert len(edges) == len(set(edges))


# -- the counter's diagram is held to the counter ----------------------------------------------------------------

OFFERS = [replace(SHOP, offer=offer, held_ms=5_000) for offer in Offer]
HEARD = [
    (CodeIssued, {"code": "QR"}),
    (PaymentApproved, {"paid": EUR_5}),
    (PaymentPending, {}),
    (OrderClosed, {}),
    (PaymentDeclined, {}),
    (LineFailed, {"left": True}),
    (UndoAccepted, {}),
    (WakeDue, {}),
]


def test_the_counters_diagram_says_where_its_cells_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand busy days at the counter, always the same ones."""
    ways: dict[Stand, dict[type[Event], set[Stand]]] = defaultdict(lambda: defaultdict(set))
    step = people.step

    def watched(counter: Counter, event: CounterEvent, shop: Shop) -> CounterStep:
        after, effects = step(counter, event, shop)
        if after.stand is not counter.stand:
            ways[counter.stand][type(event)].add(after.stand)
        return after, effects

    monkeypatch.setattr(people, "step", watched)
    for day in range(2_000):
        _work(random.Random(day))
    said = {
        stand: {event: set(leads_to) for event, leads_to in cells.items()}
        for stand, cells in diagrams.COUNTER.items()
    }
    assert ways == said


def _work(chance: random.Random) -> None:
    desk = Desk(chance.choice(OFFERS))
    for _ in range(30):
        match chance.randrange(8):
            case 0 | 1:
                desk.press(chance.choice(["5 00 ok", "ok", "ok", "cancel", "1", *SPELT]))
            case 2:
                desk.scan(chance.choice([ALIPAY, EITHER]))
            case 3 if people.next_wake(desk.counter, desk.shop) is not None:
                desk.wakes()
            case 4:
                desk.happens(SaleAsked(at_ms=desk.now_ms, amount=EUR_5, mode=chance.choice(MODES)))
            case 5:
                why = chance.choice([None, None, "Dark."])
                desk.happens(ServiceChanged(at_ms=desk.now_ms, why=why))
            case _ if desk.orders:
                event, words = chance.choice(HEARD)
                desk.hears(event, order_no=chance.choice(list(desk.orders)), **words)
        desk.now_ms += chance.choice([0, 3_000, 20_000])
