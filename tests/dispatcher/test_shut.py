"""The journal cannot be written: out of service, questions go on, nothing is called paid, and it ends by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.bench.simulator.codec import saying
from terminal.core.effects import MOVES_MONEY, QueryOrder
from terminal.core.events import PaymentApproved
from terminal.core.sale import Phase
from terminal.core.terms import JournalFault
from terminal.core.views import OutOfService
from terminal.dispatcher import Answered, Asked, Noticed
from terminal.dispatcher.inbox import Stop
from terminal.dispatcher.shut import DOING, EX_IOERR, RETRY_MS, turn
from terminal.gateways import Notice
from terminal.journal import Journal
from terminal.journal.disk import FULL, IOERR_FSYNC, OK, READONLY, Disk, Kind, Operation
from terminal.journal.unreadable import look_back
from terminal.reception import Reception
from terminal.web import Verdict
from tests.dispatcher.world import EUR_5, TERMINAL, World, a_world, order, write

OPEN, PAID = order(1).order_no, order(99_999).order_no
FAULTS = {
    "ENOSPC": (Kind.WRITE, FULL),
    "EIO": (Kind.SYNC, IOERR_FSYNC),
    "EROFS": (Kind.WRITE, READONLY),
}


class Failing:
    """From `armed` on every operation of the kind is refused."""

    def __init__(self, kind: Kind, code: int) -> None:
        self.kind, self.code, self.armed = kind, code, False

    def __call__(self, operation: Operation) -> int:
        return self.code if self.armed and operation.kind is self.kind else OK


class Daemon:
    """The ring's own `run`; at each beat of its loop the next step of a script is taken, at the end Stop."""

    def __init__(self, world: World) -> None:
        self.world, self.ring = world, world.ring
        self.ring.reception = Reception(self.ring, "toy").reply
        self.said: list[dict[str, Any]] = []

    def runs(self, script: Iterator[None], fault: JournalFault | None = None) -> int:
        wrong: list[AssertionError] = []

        def beat() -> None:
            try:
                if next(script, self) is self:
                    self.ring.inbox.put(Stop())
            except AssertionError as found:
                wrong.append(found)
                self.ring.inbox.put(Stop())

        self.ring.beat = beat
        code = turn(self.ring, fault)
        assert not wrong, wrong[0]
        return code

    def ask(self, word: str, **words: object) -> None:
        self.ring.inbox.put(Asked({"word": word, **words}, self.said.append))

    def answers(self) -> None:
        """The gateway answers what was sent last: paid."""
        exchange = list(self.world.flying)[-1]
        self.ring.inbox.put(Answered(exchange, saying(PaymentApproved, paid=EUR_5)))


@pytest.fixture(params=FAULTS)
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Daemon, Failing]]:
    failing = Failing(*FAULTS[request.param])
    with Disk(failing), a_world(tmp_path, order(1), order(2, Phase.REVERSING)) as world:
        yield Daemon(world), failing
        failing.armed = False


def test_what_cannot_be_written_is_told_and_never_called_paid(
    broken: tuple[Daemon, Failing],
) -> None:
    daemon, failing = broken
    ring, world = daemon.ring, daemon.world

    def script() -> Iterator[None]:
        yield  # every open order is asked about
        failing.armed = True
        daemon.answers()
        yield
        assert ring.shut
        before = len(world.sent)
        daemon.ask("query", order_no=OPEN)
        yield
        assert isinstance(world.sent[-1], QueryOrder)
        daemon.answers()
        yield
        daemon.ask("order", order_no=OPEN)
        yield
        assert not any(isinstance(sent, MOVES_MONEY) for sent in world.sent[before:])

    assert daemon.runs(script()) == 0
    told = daemon.said[-1]
    assert told["order"]["outcome"] != "paid"
    assert (told["gateway"]["said"], told["gateway"]["written"]) == ("paid", False)
    assert world.face.glass is not None
    assert isinstance(world.face.glass.view, OutOfService)
    assert ring.orders[OPEN].phase is not Phase.PAID


def test_whoever_asks_is_answered_and_whoever_wants_something_is_told_why_not(
    broken: tuple[Daemon, Failing],
) -> None:
    daemon, failing = broken

    def script() -> Iterator[None]:
        yield  # every open order is asked about
        failing.armed = True
        daemon.answers()
        yield
        for word in ("status", "backlog"):
            daemon.ask(word)
            yield
        for op in ("list", "raw"):
            daemon.ask("journal", op=op)
            yield
        daemon.ask("order", order_no=PAID)
        yield
        for word in DOING:
            daemon.ask(word, order_no=OPEN, amount="1.00")
            yield
        daemon.ask("backlog", op="send")
        yield

    daemon.runs(script())
    read, refused = daemon.said[:5], daemon.said[5:]
    assert all(told["ok"] for told in read)
    assert read[0]["verdict"] == "out_of_service"
    assert read[0]["remedy"]
    assert read[1]["open"] == 2
    assert read[4]["order"]["outcome"] == "paid"
    assert len(refused) == len(DOING) + 1
    assert not any(told["ok"] for told in refused)
    assert all(told["remedy"] == read[0]["remedy"] for told in refused)


def test_it_ends_by_itself_once_the_disk_takes_files(
    broken: tuple[Daemon, Failing], tmp_path: Path
) -> None:
    """And not before, nor in a hot loop: systemd starts it again at most once in RETRY_MS."""
    daemon, failing = broken
    probe = tmp_path / "journal.db-probe"

    def script() -> Iterator[None]:
        yield  # every open order is asked about
        failing.armed = True
        daemon.answers()
        yield
        probe.mkdir()  # nobody can write this file now
        daemon.world.now_ms += RETRY_MS
        yield
        assert daemon.ring.shut
        probe.rmdir()
        daemon.world.now_ms += RETRY_MS - 1
        yield
        daemon.world.now_ms += 1
        yield
        raise AssertionError("it should have ended")

    assert daemon.runs(script()) == EX_IOERR
    assert not probe.exists()


def test_the_next_start_goes_on_from_the_last_row(tmp_path: Path) -> None:
    failing = Failing(*FAULTS["ENOSPC"])
    with Disk(failing), a_world(tmp_path, order(1)) as world:
        daemon = Daemon(world)

        def script() -> Iterator[None]:
            yield
            failing.armed = True
            daemon.answers()
            yield

        daemon.runs(script())
        failing.armed = False
    with Journal.open(tmp_path / "journal.db", terminal=TERMINAL, chance=lambda: 1) as journal:
        assert journal.verify() is None
        again = World(journal)
        again.starts()
        (exchange,) = again.flying
        again.hears(exchange, PaymentApproved, paid=EUR_5)
        row = journal.order(OPEN)
        assert row is not None
        assert row.order.phase is Phase.PAID


def test_a_notice_is_asked_for_again(broken: tuple[Daemon, Failing]) -> None:
    daemon, failing = broken
    verdicts: list[Verdict] = []
    notice = Notice(
        order_no=OPEN,
        kind="payment",
        amount=EUR_5,
        merchant_ok=True,
        gateway_ref=None,
        event_key="1",
    )

    def script() -> Iterator[None]:
        yield  # every open order is asked about
        failing.armed = True
        daemon.answers()
        yield
        daemon.ring.inbox.put(Noticed(notice, verdicts.append))
        yield

    daemon.runs(script())
    assert verdicts == [Verdict.LATER]


# -- at the start ------------------------------------------------------------------------------------------


def damaged_row(path: Path) -> None:
    """A row that is not what was written."""
    data = path.read_bytes()
    assert b"alipay" in data or b"d1" in data
    path.write_bytes(data.replace(b'"d1"', b'"d7"'))


def damaged_everywhere(path: Path) -> None:
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:100] + b"\xa5" * (size - 100))


@pytest.mark.parametrize(("damage", "read"), [(damaged_row, True), (damaged_everywhere, False)])
def test_a_journal_that_does_not_open_is_read_as_far_as_it_goes(
    tmp_path: Path, damage: Callable[[Path], None], read: bool
) -> None:
    path = tmp_path / "journal.db"
    with Journal.open(path, terminal=TERMINAL, chance=lambda: 1) as journal:
        write(journal, order(1))
    damage(path)
    with pytest.raises(JournalFault) as caught:
        Journal.open(path, terminal=TERMINAL, chance=lambda: 1)
    seen = look_back(path, caught.value)
    daemon = Daemon(World(seen))

    def script() -> Iterator[None]:
        for word in ("status", "backlog"):
            daemon.ask(word)
            yield
        daemon.ask("order", order_no=OPEN)
        yield

    daemon.runs(script(), caught.value)
    seen.close()
    status, backlog, found = daemon.said
    assert (status["verdict"], status["ok"]) == ("out_of_service", True)
    assert backlog["ok"]
    assert backlog["open"] == int(read)
    assert found["ok"] is read
    assert found.get("remedy") or read
    assert not daemon.world.sent
