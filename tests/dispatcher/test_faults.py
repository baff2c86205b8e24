"""Faults of ours: they stop one order, or say on the glass that nothing goes on. Never silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminal.core.events import Event, PaymentPending
from terminal.core.sale import Order, Phase, Reason
from terminal.core.terms import HouseFault, JournalFault
from terminal.core.views import OutOfService
from terminal.dispatcher.inbox import Stop
from terminal.dispatcher.shut import turn
from terminal.journal import Journal, When
from tests.dispatcher.world import World, a_world, order


def refuses_rows_of(patch: pytest.MonkeyPatch, fault: Exception, *phases: Phase) -> None:
    append = Journal.append

    def refusing(self: Journal, order: Order, event: Event, when: When) -> int:
        if order.phase in phases:
            raise fault
        return append(self, order, event, when)

    patch.setattr(Journal, "append", refusing)


def test_a_row_that_makes_no_sense_stops_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_world(tmp_path, order(1, Phase.REVERSING), order(2)) as world:
        refuses_rows_of(monkeypatch, HouseFault("planted"), Phase.REVERSING)
        world.starts()
        stopped = world.ring.orders[order(1).order_no]
        assert (stopped.phase, stopped.reason) == (Phase.ATTENTION, Reason.FAULT)
        assert world.ring.parts.journal.order(stopped.order_no).order.phase is Phase.ATTENTION  # type: ignore[union-attr]
        world.hears(next(iter(world.flying)), PaymentPending)
        assert world.ring.orders[order(2).order_no].phase is Phase.IN_DOUBT


def runs(world: World) -> int:
    world.ring.inbox.put(Stop())
    return turn(world.ring)


@pytest.mark.parametrize(
    ("fault", "code", "why"),
    [
        (JournalFault("planted: the disk is full"), 0, "The journal cannot be written."),
        (HouseFault("planted"), 70, "The program has a fault."),
        (KeyError("planted"), 70, "The program has a fault."),
    ],
)
def test_what_ends_all_work_is_said_on_the_glass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, code: int, why: str
) -> None:
    with a_world(tmp_path, order(1)) as world:
        refuses_rows_of(monkeypatch, fault, *Phase)
        assert runs(world) == code
        assert world.face.glass is not None
        assert isinstance(world.face.glass.view, OutOfService)
        assert world.face.glass.view.why == why
