"""Every row of a truthful journal holds, whatever happened; and whatever is changed is named."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from terminal.bench.simulator.dice import Dice
from terminal.bench.simulator.scene import Scene
from terminal.bench.simulator.story import quiet
from terminal.core import doubt, mpm
from terminal.core.events import CancelPressed, CodeIssued, SaleOpened
from terminal.core.sale import Phase, Reason
from terminal.core.step import step
from terminal.core.table import attention, rule
from terminal.core.terms import HouseFault, Money
from terminal.core.timing import Timing
from terminal.journal import Row, When, chain, rows
from terminal.journal.audit import Audit, Difference, Kind, Raw

INSTALL = (1, "SIM001", 7, "")
STORIES = 200


class Book:
    """A journal of these rows."""

    def __init__(self, written: list[Row], timing: Timing) -> None:
        self.timing = timing
        self.raws: list[Raw] = []
        link, opened = chain.link(bytes(32), INSTALL), 0
        for row in written:
            opened += isinstance(row.event, SaleOpened)
            columns = rows.columns_of(row, opened)
            link = chain.link(link, columns)
            self.raws.append([*columns, link])

    def differences(self) -> list[Difference]:
        audit = Audit(INSTALL, self.timing, self._history)
        return [found for raw in self.raws for found in audit.take(raw)]

    def _history(self, order_no: str) -> list[Raw]:
        return [raw for raw in self.raws if raw[1] == order_no]


def told(seed: int) -> tuple[list[Row], Timing]:
    """What a simulated day leaves in the journal: faults, cuts, refunds, late payments and all."""
    scene = Scene(Dice(seed), seed, wall_steps=True, keep_story=False)
    with quiet():
        scene.play()
    return scene.card.rows, scene.ways.timing()


@pytest.fixture(scope="module")
def stories() -> list[tuple[list[Row], Timing]]:
    return [told(seed) for seed in range(STORIES)]


Stories = list[tuple[list[Row], Timing]]


def test_every_row_of_a_truthful_journal_holds(stories: Stories) -> None:
    for written, timing in stories:
        assert Book(written, timing).differences() == []
    phases = {row.order.phase for written, _ in stories for row in written}
    assert phases == set(Phase)  # nothing was left out


def test_a_row_that_the_rules_do_not_lead_to_is_named(stories: Stories) -> None:
    """An outcome turned round, an amount changed, and a chain that was made to fit: only the rules can tell."""
    dice = random.Random(3)
    for written, timing in stories:
        finals = [n for n, row in enumerate(written) if row.order.final]
        if not finals:
            continue
        at = dice.choice(finals)
        row = written[at]
        wrong = Phase.CLOSED if row.order.phase is Phase.PAID else Phase.PAID
        forged = [*written]
        forged[at] = replace(row, order=replace(row.order, phase=wrong))
        found = Book(forged, timing).differences()
        assert (row.seq, Kind.STEP) in {(each.seq, each.kind) for each in found}
        assert ("phase", wrong.value) in {(name, was) for name, was, _ in found[0].told}


def test_an_amount_that_was_changed_on_the_way_is_named(stories: Stories) -> None:
    for written, timing in stories[:30]:
        more = [n for n, row in enumerate(written) if n and not isinstance(row.event, SaleOpened)]
        if more:
            row = written[more[0]]
            forged = [*written]
            richer = Money(row.order.amount.minor + 1, row.order.amount.currency)
            forged[more[0]] = replace(row, order=replace(row.order, amount=richer))
            found = Book(forged, timing).differences()
            assert found[0].seq == row.seq and "amount" in {name for name, _, _ in found[0].told}


def test_a_changed_rule_is_named(stories: Stories, monkeypatch: pytest.MonkeyPatch) -> None:
    """Today's program calls a cancelled sale declined at once, and the code is still out there."""

    def declined(order: Any, event: Any, timing: Timing) -> Any:
        return doubt.end(order, Phase.DECLINED, Reason.OPERATOR)

    cells = {
        event: rule(declined, Phase.DECLINED) if event is CancelPressed else cell
        for event, cell in mpm.TABLE[Phase.PRESENTING].items()
    }
    monkeypatch.setitem(mpm.TABLE, Phase.PRESENTING, cells)  # type: ignore[arg-type]
    found = [each for written, timing in stories for each in Book(written, timing).differences()]
    assert found and {(each.kind, each.event) for each in found} == {(Kind.STEP, "CancelPressed")}
    assert ("phase", "closing", "declined") in found[0].told


def test_a_fault_of_ours_that_is_still_ours_is_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The dispatcher stops such an order at attention; so does the check."""

    def odd(order: Any, event: Any, timing: Timing) -> Any:
        raise HouseFault("odd")

    cells = {**mpm.TABLE[Phase.PRESENTING], CancelPressed: rule(odd, Phase.CLOSING)}
    monkeypatch.setitem(mpm.TABLE, Phase.PRESENTING, cells)  # type: ignore[arg-type]
    timing, event = Timing(), CancelPressed(at_ms=9_000)
    order, _ = mpm.open_order("T1", "T1", Money(1, "EUR"), at_ms=0, timing=timing)
    code = CodeIssued(at_ms=400, code="qr")
    shown, _ = step(order, code, timing)
    stopped, _ = attention(shown, event, Reason.FAULT, "odd")
    steps = ((order, SaleOpened(at_ms=0)), (shown, code), (stopped, event))
    written = [Row(n, *each, When("boot", 0, "")) for n, each in enumerate(steps, 1)]
    assert Book(written, timing).differences() == []


def test_other_waiting_times_are_only_that(stories: Stories) -> None:
    written, timing = stories[0]
    patient = replace(timing, create_ms=timing.create_ms + 1, doubt_ms=timing.doubt_ms + 1)
    found = Book(written, patient).differences()
    assert found and {each.kind for each in found} == {Kind.WAITS}


def _changed(raw: Raw, column: int, value: object) -> Raw:
    return [*raw[:column], value, *raw[column + 1 :]]


def _broken(raws: list[Raw]) -> Iterator[tuple[list[Raw], int, Kind]]:
    yield [*raws[:3], _changed(raws[3], 4, "never"), *raws[4:]], 4, Kind.CHAIN
    yield [*raws[:3], *raws[4:]], 5, Kind.CHAIN
    yield [*raws[:3], _changed(raws[3], 9, "{"), *raws[4:]], 4, Kind.CHAIN


def test_a_row_that_was_changed_or_lost_is_named(stories: Stories) -> None:
    book = Book(*max(stories, key=lambda story: len(story[0])))
    for raws, seq, kind in list(_broken(book.raws)):
        book.raws = raws
        found = [(each.seq, each.kind) for each in book.differences()]
        assert found[0] == (seq, kind)
        assert not [each for each in found if each[1] is Kind.CHAIN and each[0] > seq + 1]


def test_a_record_that_cannot_be_read_is_named(stories: Stories) -> None:
    book = Book(*max(stories, key=lambda story: len(story[0])))
    columns = [*book.raws[0][:9], "{}"]
    book.raws = [[*columns, chain.link(chain.link(bytes(32), INSTALL), columns)]]
    assert [each.kind for each in book.differences()] == [Kind.UNREAD]
