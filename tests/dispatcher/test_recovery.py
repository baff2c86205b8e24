"""A journal that is lost and begun anew: no money goes back before a person has looked (I14)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from terminal.core.effects import RefundOrder, VoidOrder
from terminal.core.events import PaymentApproved, SaleOpened
from terminal.core.record import replace
from terminal.core.sale import Phase
from terminal.core.terms import Mode
from terminal.journal import Journal
from terminal.reception import RETURNS_BLOCKED_MS, Reception
from terminal.recovery import Recovery
from tests.dispatcher.world import EUR_5, TERMINAL, World, a_world, order, write

PAID = replace(order(7, Phase.SUBMITTING), until_ms=None)


def started(folder: Path, *, after_a_crash: bool = False) -> Recovery:
    """What a start does; a crash comes between the new journal's birth and everything else."""
    recovery = Recovery(folder)
    recovery.look()
    Journal.open(folder / "journal.db", terminal=TERMINAL, chance=lambda: 1).close()
    if not after_a_crash:
        (folder / "code.key").write_bytes(b"k")
    return recovery


def lose(folder: Path) -> None:
    """The journal is gone, and a technician has deleted the lock that told of it."""
    for file in folder.glob("journal.db*"):
        file.unlink()


def test_a_new_terminal_has_lost_nothing(tmp_path: Path) -> None:
    assert not started(tmp_path).begun
    assert not started(tmp_path).begun


def test_a_terminal_that_lived_and_has_no_journal_has_lost_its_past(tmp_path: Path) -> None:
    started(tmp_path)
    lose(tmp_path)
    assert started(tmp_path).begun
    assert started(tmp_path).begun, "a restart does not forget it"
    Recovery(tmp_path).end()
    assert not started(tmp_path).begun


def test_a_journal_that_is_put_back_was_not_lost(tmp_path: Path) -> None:
    """Its lock still tells of it, so nothing was begun anew meanwhile."""
    started(tmp_path)
    kept = tmp_path / "journal.db"
    kept.rename(tmp_path / "elsewhere")
    Recovery(tmp_path).look()
    (tmp_path / "elsewhere").rename(kept)
    assert not started(tmp_path).begun


def test_a_crash_at_the_new_birth_does_not_forget_it(tmp_path: Path) -> None:
    started(tmp_path)
    lose(tmp_path)
    started(tmp_path, after_a_crash=True)
    assert Recovery(tmp_path).begun


# -- what may go back --------------------------------------------------------------------------------------


def asks(world: World, recovery: Recovery, word: str, **more: Any) -> dict[str, Any]:
    reception = Reception(world.ring, "toy", recovery=recovery)
    return reception.reply({"word": word, "order_no": PAID.order_no, **more})


def sold(world: World) -> None:
    journal = world.ring.parts.journal
    write(journal, PAID, event=SaleOpened(at_ms=0))
    done = replace(PAID, phase=Phase.PAID, paid=EUR_5)
    write(journal, done, event=PaymentApproved(at_ms=0, paid=EUR_5))


@pytest.mark.parametrize("word", ["refund", "void"])
def test_nothing_goes_back_before_somebody_has_looked(tmp_path: Path, word: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    started(state)
    lose(state)
    recovery = started(state)
    with a_world(tmp_path) as world:
        sold(world)
        world.starts()
        assert "terminalctl reconcile" in asks(world, recovery, word)["error"]
        assert not world.sent
        assert asks(world, recovery, "status")["recovery"]
        assert asks(world, recovery, "recovered")["ok"]
        assert asks(world, recovery, word)["ok"]
        assert type(world.sent[-1]) is (RefundOrder if word == "refund" else VoidOrder)
        assert not asks(world, recovery, "recovered")["ok"]


def test_a_new_refund_is_never_buffered(tmp_path: Path) -> None:
    """reliability.md 4: refused without a line; a void waits for it."""
    with a_world(tmp_path, order(1)) as world:
        sold(world)
        world.starts()
        world.goes_down()
        recovery = Recovery(tmp_path)
        assert "No connection" in asks(world, recovery, "refund")["error"]
        assert asks(world, recovery, "void")["order"]["mode"] == Mode.VOID.value


def test_no_new_refund_while_an_order_is_a_day_old(tmp_path: Path) -> None:
    with a_world(tmp_path, order(1, Phase.CLOSING)) as world:
        sold(world)
        world.starts()
        world.now_ms += RETURNS_BLOCKED_MS + 1_000
        assert "terminalctl backlog" in asks(world, Recovery(tmp_path), "refund")["error"]


def test_what_waits_for_a_human_keeps_no_refund_back(tmp_path: Path) -> None:
    with a_world(tmp_path, order(1, Phase.ATTENTION)) as world:
        sold(world)
        world.starts()
        world.now_ms += RETURNS_BLOCKED_MS + 1_000
        assert asks(world, Recovery(tmp_path), "refund")["ok"]
