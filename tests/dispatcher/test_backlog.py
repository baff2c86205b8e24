"""Store and forward: what leaves when, how much at a time, and what the sale in front notices of it."""

from __future__ import annotations

from collections import Counter as Tally
from pathlib import Path
from typing import Any

from terminal.codes.scanned import PaymentCode
from terminal.core.effects import (
    MOVES_MONEY,
    CreateOrder,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    ReverseOrder,
    SubmitPayment,
    VoidOrder,
    give_back_no,
)
from terminal.core.events import (
    CodeScanned,
    OrderClosed,
    OrderNotFound,
    PaymentHinted,
    PaymentPending,
    RefundAccepted,
    RefundDone,
    SaleAsked,
)
from terminal.core.sale import Order, Phase
from terminal.core.terms import Mode
from terminal.core.views import Idle, Paid
from terminal.dispatcher import Noticed
from terminal.dispatcher.contact import LOST_AFTER, PROBE_PAUSE_MS
from terminal.dispatcher.glass import BADGE_MS
from terminal.dispatcher.outbox import PLACES
from terminal.gateways import Notice
from terminal.reception import Reception
from terminal.web import Verdict
from terminal.wire.call import KNOCK_S
from terminal.wire.http import HttpAnswer
from tests.dispatcher.world import EUR_5, QUEUED, SILENT, World, a_world, order

UP = HttpAnswer(0, b"")


def refund(number: int) -> Order:
    return order(number, Phase.REFUNDING, mode=Mode.REFUND, of="T1", code_digest=None)


# -- places ------------------------------------------------------------------------------------------------


def test_the_background_has_eight_places(tmp_path: Path) -> None:
    """However many are open: each has one request under way at a time, and all have their turn."""
    with a_world(tmp_path, *[order(number) for number in range(40)]) as world:
        world.starts()
        asked = Tally[str]()
        while world.flying:
            assert len(world.ring.outbox.exchanges) == len(world.flying) <= PLACES
            under_way = Tally(request.order_no for request in world.flying.values())
            assert max(under_way.values()) == 1
            exchange, request = next(iter(world.flying.items()))
            asked[request.order_no] += 1
            world.hears(exchange, OrderClosed)
        assert len(asked) == 40
        assert set(asked.values()) == {1}
        assert not world.ring.orders


def test_undos_go_first_then_returns(tmp_path: Path) -> None:
    """They stop money; what waits for a human waits longest (reliability.md 4)."""
    orders = [order(1, Phase.ATTENTION), *[order(number) for number in range(2, 12)]]
    orders += [refund(12), order(13, Phase.REVERSING), order(14, Phase.CLOSING)]
    with a_world(tmp_path, *orders) as world:
        world.starts()
        while world.flying:
            exchange, request = next(iter(world.flying.items()))
            world.hears(
                exchange, RefundAccepted if type(request) is QueryRefund else PaymentPending
            )
            if len({it.order_no for it in world.sent}) == len(orders):
                break
        first_sent = list(dict.fromkeys(int(it.order_no[11:19]) for it in world.sent))
    assert first_sent[:3] == [13, 14, 12]
    assert first_sent[-1] == 1


def test_an_order_keeps_its_place_for_what_follows(tmp_path: Path) -> None:
    """The undo follows the last query without a gap, however many others wait."""
    with a_world(tmp_path, *[order(number, Phase.REVERSING) for number in range(30)]) as world:
        world.starts()
        world.now_ms += 60_000
        exchange, request = next(iter(world.flying.items()))
        world.hears(exchange, PaymentPending)
        assert type(world.sent[-1]).__name__ == "ReverseOrder"
        assert world.sent[-1].order_no == request.order_no


def test_notices_share_the_places(tmp_path: Path) -> None:
    """A flood of notices asks about every order at once, and still eight at a time."""
    with a_world(tmp_path, *[order(number) for number in range(30)]) as world:
        world.starts()
        for number in list(world.ring.orders):
            world.ring.turn(number, PaymentHinted(at_ms=world.now_ms, answer=False))
        assert len(world.flying) == PLACES
        while world.flying:
            assert len(world.flying) <= PLACES
            world.hears(next(iter(world.flying)), OrderClosed)
        assert not world.ring.orders


def test_the_sale_in_front_waits_for_nobody(tmp_path: Path) -> None:
    with a_world(tmp_path, *[order(number) for number in range(30)]) as world:
        world.starts()
        world.press("ok 5 ok")
        assert isinstance(world.sent[-1], CreateOrder)
        assert len(world.background) == PLACES
        assert len(world.urgent) == 1


def test_a_drain_is_not_a_picture_per_order(tmp_path: Path) -> None:
    """The sale in front would wait for each of them; the count is right again within a second."""
    with a_world(tmp_path, *[order(number) for number in range(40)]) as world:
        world.starts()
        counts = [world.face.glass.resolving] if world.face.glass else []
        while world.flying:
            world.now_ms += 10
            world.hears(next(iter(world.flying)), OrderClosed)
            assert world.face.glass is not None
            counts.append(world.face.glass.resolving)
        assert counts[0] == 40
        assert len(set(counts)) == 1
        world.turns(BADGE_MS)
        assert world.face.glass.resolving == 0


def test_a_charge_is_never_queued(tmp_path: Path) -> None:
    """The code would be dead, or another's, when its turn came (reliability.md 4)."""
    with a_world(tmp_path, *[order(number) for number in range(30)]) as world:
        world.starts()
        world.press("ok")
        world.ring.turn_counter(SaleAsked(at_ms=world.now_ms, amount=EUR_5, mode=Mode.CPM))
        code = PaymentCode("2834567890123456789")
        digest = code.digest(b"k" * 32)
        world.ring.handle(CodeScanned(at_ms=world.now_ms, code=code, digest=digest))
        world.press("1")
        assert isinstance(world.sent[-1], SubmitPayment)
        assert not world.ring.outbox.vault


def test_all_that_moves_money_wants_an_unused_connection(tmp_path: Path) -> None:
    orders = [order(1, Phase.REVERSING), order(2, Phase.VOIDING, mode=Mode.VOID, of="T1")]
    with a_world(tmp_path, *orders, refund(3)) as world:
        world.starts()
        world.now_ms += 60_000
        world.press("ok 5 ok")
        for exchange, request in list(world.flying.items()):
            if isinstance(request, QueryOrder):
                world.hears(exchange, PaymentPending)
            elif isinstance(request, QueryRefund):
                world.hears(exchange, OrderNotFound)
        assert set(world.fresh) >= {CreateOrder, ReverseOrder, VoidOrder, RefundOrder, QueryOrder}
        for kind, is_fresh in world.fresh.items():
            assert is_fresh is (kind in MOVES_MONEY), kind


# -- the breaker -------------------------------------------------------------------------------------------


def test_a_silence_is_probed_at_once_and_one_is_nothing(tmp_path: Path) -> None:
    with a_world(tmp_path, order(1)) as world:
        world.starts()
        world.fails(next(iter(world.flying)), SILENT)
        assert len(world.probes) == 1
        assert world.ring.contact.online
        world.probed(UP)
        assert world.ring.contact.online
        assert world.ring.contact.silences == 0


def test_three_silences_open_the_breaker(tmp_path: Path) -> None:
    with a_world(tmp_path, *[order(number) for number in range(30)]) as world:
        world.starts()
        world.fails(next(iter(world.flying)))
        for _ in range(LOST_AFTER - 1):
            assert world.ring.contact.online
            world.probed()
        assert not world.ring.contact.online
        world.press("ok")
        assert world.face.glass is not None
        assert isinstance(world.face.glass.view, Idle)
        assert world.face.glass.view.contact


def test_while_the_line_is_down_only_probes_go_out(tmp_path: Path) -> None:
    with a_world(tmp_path, *[order(number) for number in range(30)]) as world:
        world.starts()
        world.goes_down()
        for exchange in list(world.flying):
            world.fails(exchange)
        before = len(world.sent)
        for _ in range(60):
            world.turns(PROBE_PAUSE_MS)
            assert len(world.probes) <= 1
            if world.probes:
                world.probed()
        assert not world.ring.outbox.exchanges
        for number in list(world.ring.orders)[:PLACES]:
            world.ring.turn(number, PaymentHinted(at_ms=world.now_ms, answer=False))
        world.turns()
        assert len(world.sent) == before
        world.turns(PROBE_PAUSE_MS)
        world.probed(UP)
        assert len(world.flying) == PLACES


def test_when_the_line_is_back_nobody_waits_out_a_pause(tmp_path: Path) -> None:
    with a_world(tmp_path, order(1, Phase.ATTENTION), order(2)) as world:
        world.starts()
        asked_hourly, asked_soon = world.flying
        world.hears(asked_hourly)
        assert list(world.flying) == [asked_soon]
        world.goes_down()
        world.turns(PROBE_PAUSE_MS)
        world.probed(UP)
        assert len(world.flying) == 2


def test_probes_come_often_enough_to_be_back_within_three_seconds(tmp_path: Path) -> None:
    """The longest wait: a probe's last SYN is just lost, it gives up, the pause, the next one's first SYN."""
    second_syn_ms = 1_000
    assert KNOCK_S * 1000 - second_syn_ms + PROBE_PAUSE_MS < 3_000
    assert second_syn_ms < KNOCK_S * 1000, "a second SYN has time to be answered"
    with a_world(tmp_path, order(1)) as world:
        world.starts()
        world.goes_down()
        if world.probes:
            world.probed()
        world.turns(PROBE_PAUSE_MS)
        assert len(world.probes) == 1


def test_a_queue_that_stands_still_is_no_silence(tmp_path: Path) -> None:
    with a_world(tmp_path, *[order(number) for number in range(PLACES)]) as world:
        world.starts()
        for exchange in list(world.flying):
            world.fails(exchange, QUEUED)
        assert world.ring.contact.online
        assert not world.probes


def test_a_probe_without_a_worker_is_repeated(tmp_path: Path) -> None:
    with a_world(tmp_path, order(1)) as world:
        world.starts()
        world.goes_down()
        world.passes(PROBE_PAUSE_MS)
        world.probed(QUEUED)
        world.passes(2 * PROBE_PAUSE_MS)
        assert world.probes


# -- what people are told ----------------------------------------------------------------------------------


def told(world: World, **request: object) -> dict[str, Any]:
    return Reception(world.ring, "toy").reply({"word": "backlog", **request})


def test_backlog_tells_what_is_open_and_what_happens_next(tmp_path: Path) -> None:
    orders = [order(number) for number in range(PLACES + 2)]
    with a_world(tmp_path, *orders, order(50, Phase.ATTENTION)) as world:
        world.starts()
        said = told(world)
        assert (said["open"], said["in_flight"], said["places"]) == (PLACES + 3, PLACES, PLACES)
        steps = [item["next"] for item in said["items"]]
        assert steps[0] == "Asking the gateway: no answer yet"
        assert steps[PLACES] == "Asking the gateway: waits for its turn"
        assert all(item["since"] for item in said["items"])
        world.hears(next(iter(world.flying)), PaymentPending)
        first = told(world)["items"][0]
        assert (first["next"], first["next_in_s"]) == ("Asking the gateway", 2)
        world.goes_down()
        assert told(world)["items"][0]["next"].endswith("when the line is back")
        assert len(told(world, limit=3)["items"]) == 3


def test_send_now_wakes_everything_through_the_same_places(tmp_path: Path) -> None:
    orders = [order(number, Phase.ATTENTION) for number in range(20)]
    with a_world(tmp_path, *orders) as world:
        world.starts()
        while world.flying:
            world.hears(next(iter(world.flying)), PaymentPending)
        assert told(world)["items"][0]["next_in_s"] > 3_000
        before = len(world.sent)
        told(world, op="send")
        world.turns()
        assert len(world.flying) == PLACES
        while world.flying:
            assert len(world.flying) <= PLACES
            world.hears(next(iter(world.flying)), PaymentPending)
        assert len(world.sent) == before + 20


def test_send_now_without_a_line_looks_for_one(tmp_path: Path) -> None:
    with a_world(tmp_path, order(1)) as world:
        world.starts()
        world.goes_down()
        told(world, op="send")
        world.turns()
        assert world.probes
        world.probed(UP)
        assert world.flying


def test_the_idle_screen_tells_how_many_and_how_old(tmp_path: Path) -> None:
    with a_world(tmp_path, order(1), order(2)) as world:
        world.starts()
        world.press("ok")
        assert world.face.glass is not None
        assert isinstance(world.face.glass.view, Idle)
        assert world.face.glass.view.contact == ""
        world.now_ms += 3 * 60_000
        world.turns()
        assert world.face.glass.view.contact == "2 open, oldest 3 min"
        assert world.face.glass.resolving == 2


def test_while_offline_nothing_is_ever_called_paid(tmp_path: Path) -> None:
    with a_world(tmp_path, *[order(number) for number in range(5)]) as world:
        world.starts()
        world.press("ok 5 ok")
        world.goes_down()
        for exchange in list(world.flying):
            world.fails(exchange, SILENT)
        for _ in range(300):
            world.turns(1_000)
            if world.probes:
                world.probed()
            for exchange in list(world.flying):
                world.fails(exchange)
            assert world.face.glass is not None
            assert not isinstance(world.face.glass.view, Paid) or world.ring.counter.again


# -- at the start ------------------------------------------------------------------------------------------


def test_the_counter_is_ready_before_the_backlog_is_written(tmp_path: Path) -> None:
    """Each order's row is written when its turn comes, not before the first sale."""
    with a_world(tmp_path, *[order(number) for number in range(50)]) as world:
        rows = world.ring.parts.journal._seq
        world.ring.recover()
        assert world.ring.parts.journal._seq == rows
        world.turns()
        assert world.ring.parts.journal._seq == rows + PLACES


def test_whatever_comes_first_an_order_is_resumed_before_it(tmp_path: Path) -> None:
    """A notice about an order of the last boot: its times mean nothing until it is resumed."""
    with a_world(tmp_path, *[order(number) for number in range(50)]) as world:
        world.starts()
        number, start_ms = list(world.ring.unresumed)[-1], world.now_ms
        world.now_ms += 30_000
        world.ring.turn(number, PaymentHinted(at_ms=world.now_ms, answer=False))
        assert world.ring.orders[number].restarted
        assert world.ring.orders[number].opened_ms == start_ms, "nothing has left since"
        events = [type(row.event).__name__ for row in world.ring.parts.journal.history(number)]
        assert events == ["SaleOpened", "Restarted"]
        assert isinstance(world.ring.outbox.exchanges[max(world.ring.outbox.exchanges)], QueryOrder)


def test_a_refund_that_gives_an_order_back_belongs_to_that_order(tmp_path: Path) -> None:
    """Its number is another one: answers and notices find the order all the same."""
    owed = order(1, Phase.REFUNDING, paid=EUR_5, undo_left=True, until_ms=None)
    with a_world(tmp_path, owed) as world:
        world.starts()
        ((exchange, asked),) = world.flying.items()
        assert (type(asked), asked.order_no) == (QueryRefund, give_back_no(owed.order_no))
        world.hears(exchange, RefundAccepted)
        verdicts: list[Verdict] = []
        told = Notice(
            order_no=asked.order_no,
            kind="refund",
            amount=EUR_5,
            merchant_ok=True,
            gateway_ref=None,
            event_key="1",
        )
        world.ring.handle(Noticed(told, verdicts.append))
        ((exchange, again),) = world.flying.items()
        assert again == asked
        world.hears(exchange, RefundDone, amount=EUR_5)
        row = world.ring.parts.journal.order(owed.order_no)
        assert row is not None
        assert row.order.phase is Phase.REVERSED
        assert Verdict.NOT_OURS not in verdicts
