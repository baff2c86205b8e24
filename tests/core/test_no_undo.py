"""A gateway without a cancel (gateways.md 0, 2): its orders are outlasted, and no word is said too early."""

from __future__ import annotations

import pytest

from terminal.core.doubt import LATE_NEWS_MS
from terminal.core.effects import CloseOrder, QueryOrder, ReverseOrder
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    LineFailed,
    OrderClosed,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentPending,
)
from terminal.core.sale import NO_CANCEL, Phase, Reason
from terminal.core.sight import of_order
from terminal.core.views import Waiting
from tests.core.script import EUR_5, NO_UNDO, Sale, in_doubt, requesting, shown

LIFE_MS = 60_000


def cancelled() -> Sale:
    return shown(NO_UNDO, life_ms=LIFE_MS).hears(CancelPressed, 2_000).hears(PaymentPending)


def dead_ms(sale: Sale) -> int:
    assert sale.order.payable_until_ms is not None
    return sale.order.payable_until_ms + LATE_NEWS_MS


def test_a_cancelled_code_is_asked_about_while_it_can_be_paid() -> None:
    sale = cancelled()
    assert (sale.phase, sale.asks, sale.order.detail) == (Phase.CLOSING, None, NO_CANCEL)
    seen = of_order(sale.order, 1)
    assert isinstance(seen, Waiting)
    assert "can still be paid" in seen.text
    while sale.now_ms < dead_ms(sale):
        assert sale.phase is Phase.CLOSING
        sale.wakes().hears(PaymentPending)
    assert not any(isinstance(sent, CloseOrder | ReverseOrder) for sent in sale.sent)
    assert sale.count(QueryOrder) > 10


def test_paid_meanwhile_is_paid() -> None:
    assert cancelled().wakes().hears(PaymentApproved, paid=EUR_5).phase is Phase.PAID


def test_closed_there_is_closed() -> None:
    sale = cancelled().wakes().hears(OrderClosed)
    assert (sale.phase, sale.order.reason) == (Phase.CLOSED, Reason.OPERATOR)


@pytest.mark.parametrize(
    ("says", "words", "ends"),
    [
        (PaymentDeclined, {"reason": Reason.EXPIRED}, Phase.DECLINED),
        (OrderNotFound, {}, Phase.CLOSED),
        (PaymentPending, {}, Phase.ATTENTION),
    ],
)
def test_only_the_end_of_its_life_ends_it(
    says: type, words: dict[str, Reason], ends: Phase
) -> None:
    sale = cancelled()
    while sale.now_ms < dead_ms(sale):
        assert sale.phase is Phase.CLOSING, "said too early"
        sale.wakes().hears(says, **words)
    assert sale.phase is ends


@pytest.mark.parametrize("silence", [LineFailed, AnswerUnclear])
def test_silence_ends_nothing(silence: type) -> None:
    sale, words = cancelled(), {"left": True} if silence is LineFailed else {}
    for _ in range(60):
        assert sale.wakes().hears(silence, **words).phase is Phase.CLOSING
    assert sale.now_ms > dead_ms(sale)


def test_an_order_whose_code_never_came_simply_ends() -> None:
    sale = requesting(NO_UNDO).hears(CancelPressed).hears(AnswerUnclear)
    assert sale.hears(PaymentPending).phase is Phase.CLOSED


def test_a_customers_code_is_asked_about_until_nothing_can_come_of_it() -> None:
    sale = in_doubt(NO_UNDO)
    while not sale.order.final:
        assert sale.now_ms < sale.order.opened_ms + NO_UNDO.verify_ms + 2 * LATE_NEWS_MS
        sale.hears(OrderNotFound) if sale.order.pace.asked else sale.wakes()
    assert sale.now_ms >= sale.order.opened_ms + NO_UNDO.verify_ms + LATE_NEWS_MS
    assert (sale.phase, sale.count(ReverseOrder)) == (Phase.REVERSED, 0)


def test_money_that_comes_late_is_for_a_human() -> None:
    sale = shown(NO_UNDO).hears(OrderClosed).hears(PaymentApproved, 20_000, paid=EUR_5)
    assert (sale.phase, sale.order.reason) == (Phase.ATTENTION, Reason.LATE)
    assert (sale.order.detail, sale.asks) == (NO_CANCEL, None)
