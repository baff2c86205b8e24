"""Every cell of every table: decided, counted, honest about where it leads (DESIGN 2.2)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.core import counter
from terminal.core.events import (
    CounterEvent,
    Event,
    OrderClosed,
    PaymentApproved,
    UndoAccepted,
    WakeDue,
)
from terminal.core.sale import FINAL, Order, Phase
from terminal.core.stand import Stand
from terminal.core.step import TABLES, step
from terminal.core.table import EVENTS, Mark, Rule, Step, Table, row, rule, walk
from terminal.core.terms import HouseFault, Mode
from terminal.core.timing import Timing, next_wake
from tests.core import laws
from tests.core.explore import TIMINGS, Move, every_event, every_kind, every_move
from tests.core.script import refunding, requesting, shown, submitting, voiding

SHARED = {
    Phase.CLOSING,
    Phase.REVERSING,
    Phase.VERIFYING,
    Phase.REFUNDING,
    Phase.ATTENTION,
    Phase.PAID,
    Phase.DECLINED,
    Phase.CLOSED,
    Phase.REVERSED,
}
OF_RETURNS = {
    Phase.REFUNDING,
    Phase.VOIDING,
    Phase.ATTENTION,
    Phase.RETURNED,
    Phase.NOT_RETURNED,
}


def cells() -> Iterator[tuple[Mode, Phase, type[Event], Rule | Mark]]:
    for mode, table in TABLES.items():
        for phase, cells_of_phase in table.items():
            for event, cell in cells_of_phase.items():
                yield mode, phase, event, cell


def name(mode: Mode, phase: Phase, event: type[Event]) -> str:
    return f"{mode.value} {phase.value} + {event.__name__}"


# -- decided and counted ---------------------------------------------------------------------------------


def test_608_cells_of_orders_are_decided() -> None:
    assert len(EVENTS) == 19
    assert set(TABLES[Mode.MPM]) == {Phase.REQUESTING, Phase.PRESENTING} | SHARED
    assert set(TABLES[Mode.CPM]) == {Phase.SUBMITTING, Phase.IN_DOUBT} | SHARED
    assert set(TABLES[Mode.REFUND]) == OF_RETURNS
    assert TABLES[Mode.VOID] is TABLES[Mode.REFUND]
    decided = list(cells())
    assert len(decided) == (2 * 11 + 2 * 5) * 19
    kinds = Counter(cell if isinstance(cell, Mark) else "rule" for *_, cell in decided)
    assert kinds == {"rule": 228, Mark.LATE: 270, Mark.CANNOT: 110}


def test_54_cells_of_the_counter_are_decided() -> None:
    assert set(counter.TABLE) == set(Stand)
    for stand, decided in counter.TABLE.items():
        assert set(decided) == set(get_args(CounterEvent)), stand
    assert sum(map(len, counter.TABLE.values())) == 6 * 9


def test_a_row_with_an_open_cell_is_refused() -> None:
    with pytest.raises(HouseFault, match=r"undecided: UndoAccepted"):
        row({}, late=[event for event in EVENTS if event is not UndoAccepted])


def test_a_row_with_a_cell_decided_twice_is_refused() -> None:
    with pytest.raises(HouseFault, match="UndoAccepted is decided twice"):
        row({}, late=EVENTS, cannot=(UndoAccepted,))


def test_every_rule_takes_the_event_of_its_cell() -> None:
    for mode, phase, event, cell in cells():
        if isinstance(cell, Rule):
            hints = get_type_hints(cell.do)
            accepted = get_args(hints["event"]) or (hints["event"],)
            assert issubclass(event, accepted), name(mode, phase, event)
            assert (hints["order"], hints["timing"]) == (Order, Timing)


# -- honest about where they lead ------------------------------------------------------------------------


def test_every_rule_leads_everywhere_it_says_and_nowhere_else() -> None:
    """The tables of both sales share rows, so a rule is held to what it did in either."""
    led: dict[int, set[Phase]] = defaultdict(set)
    for move in every_move():
        cell = TABLES[move.before.mode][move.before.phase][type(move.event)]
        led[id(cell)].add(move.after.phase)
    for mode, phase, event, cell in cells():
        if isinstance(cell, Rule):
            assert led[id(cell)] == cell.leads_to, name(mode, phase, event)


def test_every_step_that_can_be_taken_keeps_the_laws() -> None:
    for move in every_move():
        laws.keep(move)


@st.composite
def histories(draw: st.DrawFn) -> list[Move]:
    """A sale to which anything happens in any order, at any pace."""
    timing = draw(st.sampled_from(TIMINGS))
    sale = draw(st.sampled_from([requesting, submitting, refunding, voiding]))(timing)
    order, now_ms, moves = sale.order, sale.now_ms, []
    for wait_ms, choice in draw(
        st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 99)), max_size=30)
    ):
        events = list(every_event(order, now_ms + wait_ms))
        event = events[choice % len(events)]
        after, requests = step(order, event, timing)
        moves.append(Move(order, event, after, requests, timing))
        order, now_ms = after, event.at_ms
    return moves


@given(histories())
def test_any_history_keeps_the_laws(moves: list[Move]) -> None:
    for move in moves:
        laws.keep(move)


def stay(order: Order, event: Event, timing: Timing) -> Step:
    return order, ()


def rename(order: Order, event: Event, timing: Timing) -> Step:
    return replace(order, order_no="OTHER"), ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (rule(stay, Phase.CLOSED), r"presenting \+ OrderClosed led to presenting"),
        (rule(rename, Phase.PRESENTING), "lost its number"),
    ],
)
def test_a_rule_that_breaks_its_word_is_our_fault(wrong: Rule, said: str) -> None:
    sale = shown()
    table: Table = {Phase.PRESENTING: {OrderClosed: wrong}}
    with pytest.raises(HouseFault, match=said):
        walk(table, sale.order, OrderClosed(at_ms=sale.now_ms), sale.timing)


# -- finals and wakes --------------------------------------------------------------------------------------


def test_nothing_leads_out_of_paid() -> None:
    for mode in (Mode.MPM, Mode.CPM):
        assert set(TABLES[mode][Phase.PAID].values()) == {Mark.LATE}


def test_nothing_leads_out_of_a_return_that_has_ended() -> None:
    for phase in (Phase.RETURNED, Phase.NOT_RETURNED):
        assert set(TABLES[Mode.REFUND][phase].values()) == {Mark.LATE}


def test_only_a_payment_leads_out_of_the_other_finals() -> None:
    for _, phase, event, cell in cells():
        if phase in FINAL and isinstance(cell, Rule) and cell.leads_to != {phase}:
            assert event is PaymentApproved
            assert cell.leads_to - {phase} == {Phase.REVERSING, Phase.ATTENTION}


def test_waking_when_something_is_due_always_gets_on() -> None:
    """No busy loop: a wake that is due asks something, moves on, or is due later from then on."""
    for move in every_kind():
        order, due_ms = move.after, next_wake(move.after)
        if due_ms is None:
            continue
        at_ms = max(due_ms, move.event.at_ms)
        woken, requests = step(order, WakeDue(at_ms=at_ms), move.timing)
        assert requests or woken.phase is not order.phase
        again_ms = next_wake(woken)
        assert again_ms is None or again_ms > at_ms
