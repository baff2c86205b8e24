"""Whose turn it is: the heaps against a plain reading of every record."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.core.sale import Ask, Order, Pace, Phase
from terminal.core.timing import next_wake
from terminal.dispatcher.orders import OTHERS_RANK, RANKS, STALE_PER_ORDER, Orders
from tests.dispatcher.world import order

PHASES = (Phase.IN_DOUBT, Phase.CLOSING, Phase.REFUNDING, Phase.ATTENTION)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(("set", "set", "asked", "gone", "later", "line is back")),
        st.integers(0, 5),
        st.integers(0, 40),
        st.sampled_from(PHASES),
    ),
    max_size=60,
)


def resting(number: int, phase: Phase, ask_at_ms: int | None) -> Order:
    return order(number, phase, until_ms=None, pace=Pace(ask_at_ms=ask_at_ms))


def rank(each: Order) -> int:
    return RANKS.get(each.phase, OTHERS_RANK)


@settings(max_examples=300, deadline=None)
@given(MOVES)
def test_every_ripe_order_has_its_turn_and_no_other(
    moves: list[tuple[str, int, int, Phase]],
) -> None:
    orders, plain, now_ms, hastened = Orders(), dict[str, Order](), 0, set[str]()
    for what, number, time_ms, phase in moves:
        each = resting(number, phase, time_ms)
        if what == "asked":
            each = replace(each, pace=Pace(asked=Ask.QUERY))
        if what in ("set", "asked"):
            orders[each.order_no] = plain[each.order_no] = each
            hastened.discard(each.order_no)
        elif what == "gone" and each.order_no in plain:
            del orders[each.order_no], plain[each.order_no]
        elif what == "later":
            now_ms += time_ms
        elif what == "line is back":
            orders.ripen_all()
            hastened = {it.order_no for it in plain.values() if not it.pace.asked}
    assert dict(orders) == plain
    orders.ripen(now_ms)
    due = {it.order_no for it in plain.values() if (next_wake(it) or now_ms + 1) <= now_ms}
    due |= {it.order_no for it in plain.values() if next_wake(it) == 0}
    picked = []
    while (order_no := orders.pick()) is not None:
        picked.append(order_no)
    assert set(picked) == due | (hastened & set(plain))
    assert len(picked) == len(set(picked))
    ranks = [rank(plain[order_no]) for order_no in picked]
    assert ranks == sorted(ranks)


def test_the_next_time_is_that_of_the_earliest() -> None:
    orders = Orders()
    for number, at_ms in ((1, 30), (2, 20), (3, None)):
        each = resting(number, Phase.IN_DOUBT, at_ms)
        orders[each.order_no] = each
    assert orders.due_ms() == 20
    del orders[order(2).order_no]
    assert orders.due_ms() == 30


def test_what_an_order_has_outlived_is_swept_out() -> None:
    """A year of polls leaves nothing behind."""
    orders = Orders()
    for at_ms in range(5_000):
        each = resting(at_ms % 10, Phase.IN_DOUBT, 10**9 + at_ms)
        orders[each.order_no] = each
    assert len(orders._timed) <= STALE_PER_ORDER * (10 + STALE_PER_ORDER)
