"""The counter is closed from "nothing is open" to the restart, and while a release is on probation."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminal.core.sale import Phase
from terminal.core.sight import UPDATING
from terminal.core.stand import Counter, Stand
from terminal.core.views import Idle
from terminal.journal import Journal
from terminal.reception import HOLD_MS, Reception
from terminal.releases import Releases
from tests.dispatcher.world import TERMINAL, World, a_world, order, write


def ask(world: World, word: str, **more: object) -> dict[str, object]:
    return Reception(world.ring, "toy").reply({"word": word, **more})


def idle(world: World) -> None:
    world.starts()
    world.press("cancel")
    assert world.ring.counter.stand is Stand.IDLE


def test_no_sale_starts_between_the_question_and_the_restart(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        idle(world)
        assert ask(world, "hold")["ok"] is True
        world.press("1 ok")
        refused = ask(world, "sale", amount="1.00", mode="mpm")
        assert (refused["ok"], world.sent, len(world.ring.orders)) == (False, [], 0)
        assert ask(world, "status")["why"] == UPDATING


def test_a_hold_ends_by_itself(tmp_path: Path) -> None:
    """Whoever asked for it may be dead."""
    with a_world(tmp_path) as world:
        idle(world)
        ask(world, "hold")
        world.passes(HOLD_MS)
        assert ask(world, "status")["why"] == ""
        assert ask(world, "sale", amount="1.00", mode="mpm")["ok"] is True


@pytest.mark.parametrize("what", ["a sale", "typing", "an old one"])
def test_no_hold_while_something_is_open(tmp_path: Path, what: str) -> None:
    with a_world(tmp_path, *([order(1)] if what == "an old one" else [])) as world:
        world.starts() if what == "an old one" else idle(world)
        if what == "typing":
            world.press("1")
        if what == "a sale":
            ask(world, "sale", amount="1.00", mode="mpm")
        refused = ask(world, "hold")
        assert (refused["ok"], world.ring.is_held) == (False, False)


def test_an_order_that_waits_for_a_person_does_not_keep_a_unit_from_its_update(
    tmp_path: Path,
) -> None:
    with a_world(tmp_path, order(1, Phase.ATTENTION)) as world:
        world.starts()
        assert [each.phase for each in world.ring.orders.values()] == [Phase.ATTENTION]
        assert ask(world, "hold")["ok"] is True


def test_a_release_on_probation_takes_no_sale_and_begins_no_new_journal_file(
    tmp_path: Path,
) -> None:
    """The release before must be able to read what this one leaves."""
    path = tmp_path / "journal.db"
    with Journal.open(path, terminal=TERMINAL, chance=lambda: 1, file_rows=2) as journal:
        write(journal, order(1), order(2), order(3))
        world = World(journal)
        world.ring.on_probation = lambda: True
        world.starts()
        world.ring.counter = Counter()
        world.turns()
        world.ring.tidy()
        assert ask(world, "sale", amount="1.00", mode="mpm")["ok"] is False
        assert list(tmp_path.glob("journal.db-0*")) == []
        world.ring.on_probation = lambda: False
        world.ring.outbox.exchanges.clear()
        world.ring.settle()
        world.ring.tidy()
        assert len(list(tmp_path.glob("journal.db-0*"))) == 1
        assert ask(world, "sale", amount="1.00", mode="mpm")["ok"] is True


def test_F77_glass_and_status_name_a_stuck_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_world(tmp_path) as world:
        world.starts()
        world.ring.counter = Counter()
        for stuck, words in (
            ((), ""),
            (("7",), "Key 7 is stuck: free it"),
            (("7", "ok"), "2 keys stuck: free them"),
        ):
            monkeypatch.setattr(world.ring.parts.keypad, "stuck", stuck)
            world.ring.settle()
            assert world.face.glass is not None
            assert isinstance(world.face.glass.view, Idle)
            assert world.face.glass.view.contact == words
            assert ask(world, "status")["stuck"] == list(stuck)


def test_the_status_tells_of_an_update_that_did_not_pass(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.starts()
        reception = Reception(world.ring, "toy", releases=Releases(tmp_path))
        (tmp_path / "current").symlink_to("releases/1")
        (tmp_path / "returned").symlink_to("releases/2")
        assert reception.reply({"word": "status"})["returned"] == "2"
        (tmp_path / "returned").unlink()
        assert reception.reply({"word": "status"})["returned"] is None
