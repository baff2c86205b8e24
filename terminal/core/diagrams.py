"""The tables as Mermaid diagrams, for people. Pure text; `scripts/diagrams` writes them into tables.md beside this.

Drawn is what leads from one phase to another. What stays where it is, what comes late and what cannot happen
(it leads to *attention*) stands in the tables alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from terminal.core import doubt, give_back
from terminal.core.events import (
    CodeScanned,
    Event,
    KeyPressed,
    OrderMoved,
    SaleAsked,
    ServiceChanged,
    WakeDue,
)
from terminal.core.sale import FINAL, Phase
from terminal.core.stand import Stand
from terminal.core.step import TABLES
from terminal.core.table import EVENTS, Rule, Table
from terminal.core.terms import Mode

HEAD = """# The tables of the core, drawn

Written by `scripts/diagrams` from the tables that the core runs on. Not drawn: what stays in its phase, what
comes late, and what cannot happen.
"""
Edge = tuple[str, str]  # from, to
SHARED: Table = {**doubt.ROWS, Phase.REFUNDING: give_back.ROW}

# Where the counter's cells lead; tests/core/test_diagrams.py holds it to what the counter does.
COUNTER: Mapping[Stand, Mapping[type[Event], tuple[Stand, ...]]] = {
    Stand.IDLE: {
        KeyPressed: (Stand.TYPING,),
        SaleAsked: (Stand.SELLING, Stand.SCANNING),
        WakeDue: (Stand.RESULT,),
    },
    Stand.TYPING: {
        KeyPressed: (Stand.IDLE, Stand.SELLING, Stand.SCANNING),
        WakeDue: (Stand.IDLE,),
    },
    Stand.SCANNING: {
        KeyPressed: (Stand.IDLE,),
        CodeScanned: (Stand.CHOOSING, Stand.SELLING),
        WakeDue: (Stand.IDLE,),
        ServiceChanged: (Stand.IDLE,),
    },
    Stand.CHOOSING: {
        KeyPressed: (Stand.SELLING, Stand.SCANNING),
        OrderMoved: (Stand.RESULT,),
        WakeDue: (Stand.SELLING, Stand.SCANNING),
        ServiceChanged: (Stand.IDLE,),
    },
    Stand.SELLING: {
        KeyPressed: (Stand.IDLE,),
        CodeScanned: (Stand.CHOOSING,),
        OrderMoved: (Stand.RESULT, Stand.SCANNING),
    },
    Stand.RESULT: {
        KeyPressed: (Stand.IDLE, Stand.TYPING, Stand.SELLING, Stand.SCANNING),
        SaleAsked: (Stand.SELLING, Stand.SCANNING),
        WakeDue: (Stand.IDLE,),
    },
}


def text() -> str:
    """All diagrams as one page of Markdown, ending with a line feed."""
    blocks = [
        ("The merchant-presented sale, until its end is decided", _sale(Mode.MPM)),
        ("The consumer-presented sale, until its end is decided", _sale(Mode.CPM)),
        ("The way out of doubt, the same for both", _doubt()),
        ("Money back: refund and void", _returns()),
        ("The counter", _counter()),
    ]
    drawn = (f"## {title}\n\n```mermaid\n{_diagram(lines)}\n```\n" for title, lines in blocks)
    return "\n".join([HEAD, *drawn])


def _diagram(lines: Iterable[str]) -> str:
    return "\n".join(["stateDiagram-v2", *(f"    {line}" for line in lines)])


def _sale(mode: Mode) -> Iterator[str]:
    """The phases that only this kind of sale has."""
    own: Table = {phase: row for phase, row in TABLES[mode].items() if row is not SHARED.get(phase)}
    yield f"[*] --> {next(iter(own)).value}: SaleOpened"
    yield from _edges(_of_table(own))


def _doubt() -> Iterator[str]:
    yield from _edges(_of_table(SHARED))
    yield from (f"{phase.value} --> [*]" for phase in SHARED if phase in FINAL)


def _returns() -> Iterator[str]:
    for phase in (Phase.REFUNDING, Phase.VOIDING):
        yield f"[*] --> {phase.value}: SaleOpened"
    yield from _edges(_of_table(TABLES[Mode.REFUND]))
    yield from (f"{phase.value} --> [*]" for phase in (Phase.RETURNED, Phase.NOT_RETURNED))


def _counter() -> Iterator[str]:
    yield f"[*] --> {Stand.IDLE.value}"
    yield from _edges(
        ((stand.value, to.value), event)
        for stand, cells in COUNTER.items()
        for event, leads_to in cells.items()
        for to in leads_to
    )


def _of_table(table: Table) -> Iterator[tuple[Edge, type[Event]]]:
    """Every way from one phase to another, in the order of the phases and of the events."""
    for phase, row in table.items():
        for to in Phase:
            for event in EVENTS:
                cell = row[event]
                if isinstance(cell, Rule) and to in cell.leads_to and to is not phase:
                    yield (phase.value, to.value), event


def _edges(moves: Iterable[tuple[Edge, type[Event]]]) -> Iterator[str]:
    """One line per edge, its events together."""
    events_of: dict[Edge, list[str]] = {}
    for edge, event in moves:
        events_of.setdefault(edge, []).append(event.__name__)
    for (here, there), events in events_of.items():
        yield f"{here} --> {there}: {', '.join(events)}"
