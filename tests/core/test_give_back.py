"""Table 3.2, "cancel window closed": what should not have been paid and cannot be undone goes back as a refund."""

from __future__ import annotations

from typing import Any

import pytest

from terminal.core.effects import (
    CloseOrder,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    ReverseOrder,
    asker,
    give_back_no,
)
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    LineFailed,
    OrderClosed,
    OrderEvent,
    OrderNotFound,
    PaymentApproved,
    PaymentHinted,
    PaymentPending,
    RefundAccepted,
    RefundDone,
    RefundFailed,
    UndoRefusal,
    UndoRefused,
)
from terminal.core.sale import Phase, Reason
from terminal.core.terms import mint_order_no
from terminal.core.timing import GIVE_UP_MS, Timing
from tests.core.script import CAREFUL, CLOSE_ONLY, EUR_4, EUR_5, Sale, in_doubt, refunding, shown

OVER = {"why": UndoRefusal.WINDOW_OVER}
PAID_ALREADY = {"why": UndoRefusal.ALREADY_PAID}


def late(timing: Timing = CAREFUL, **why: Any) -> Sale:
    """Closed, paid all the same, and the gateway will not undo it."""
    sale = (
        shown(timing)
        .hears(OrderClosed)
        .hears(PaymentApproved, 20_000, paid=EUR_5, gateway_ref="g1")
    )
    return sale.hears(UndoRefused, **(why or OVER))


@pytest.mark.parametrize("timing", [CAREFUL, CLOSE_ONLY])
@pytest.mark.parametrize("why", [OVER, PAID_ALREADY])
def test_a_late_payment_that_cannot_be_undone_is_refunded(timing: Timing, why: Any) -> None:
    sale = late(timing, **why)
    assert (sale.phase, sale.asks) == (Phase.REFUNDING, RefundOrder)
    (request,) = sale.last
    assert request == RefundOrder(
        give_back_no(sale.order.order_no), EUR_5, sale.order.order_no, "g1"
    )
    sale.hears(RefundDone, amount=EUR_5)
    assert (sale.phase, sale.order.reason, sale.order.paid) == (Phase.REVERSED, Reason.LATE, EUR_5)


def test_a_reversal_that_meets_money_too_late_is_refunded() -> None:
    """Nothing was known to be paid when the window was over: asked first, and the truth goes back."""
    sale = in_doubt().until(ReverseOrder, PaymentPending).hears(UndoRefused, **OVER)
    assert sale.asks is QueryOrder
    sale.hears(PaymentApproved, paid=EUR_5).hears(UndoRefused, **OVER)
    assert (sale.phase, sale.asks) == (Phase.REFUNDING, RefundOrder)


def test_a_close_that_came_too_late_where_closes_return_nothing_was_paid() -> None:
    sale = shown(CLOSE_ONLY).hears(CancelPressed).until(CloseOrder, PaymentPending)
    sale.hears(UndoRefused, **OVER).hears(PaymentApproved, paid=EUR_5)
    assert sale.phase is Phase.PAID


def test_what_came_in_goes_back_not_what_was_asked() -> None:
    sale = shown().hears(OrderClosed).hears(PaymentApproved, 20_000, paid=EUR_4)
    (request,) = sale.hears(UndoRefused, **OVER).last
    assert request.amount == EUR_4
    assert sale.hears(RefundDone, amount=EUR_4).phase is Phase.REVERSED


@pytest.mark.parametrize("rebooted", [None, False, True])
@pytest.mark.parametrize("answer", [LineFailed, AnswerUnclear, RefundAccepted])
def test_it_is_asked_about_and_sent_again_under_the_same_number_only_when_unknown(
    answer: type[OrderEvent], rebooted: bool | None
) -> None:
    """The seeded bug refund_new_id, of a refund that nobody asked for (reliability.md 5.3)."""
    sale = late()
    first = sale.last
    words: dict[str, Any] = {"left": True} if answer is LineFailed else {}
    sale.hears(answer, **words)
    if rebooted is not None:
        sale.restarts(rebooted=rebooted)
    assert sale.wakes().asks is QueryRefund
    assert asker(sale.last[0]) == sale.order.order_no
    assert sale.hears(OrderNotFound).last == first
    assert sale.hears(PaymentHinted).asks is None
    assert sale.wakes().hears(RefundDone, amount=EUR_5).phase is Phase.REVERSED


def test_a_refund_that_never_left_is_tried_again() -> None:
    """Not given up as a person's would be: nobody is there to ask once more."""
    sale = late().hears(LineFailed, left=False)
    assert sale.phase is Phase.REFUNDING
    assert sale.wakes().asks is QueryRefund


def test_refused_unclear_for_a_day_or_of_another_amount_needs_a_human() -> None:
    refused = late().hears(RefundFailed, detail="E7")
    assert (refused.phase, refused.order.reason) == (Phase.ATTENTION, Reason.LATE)
    assert "E7" in (refused.order.detail or "")
    waiting = late().hears(RefundAccepted, GIVE_UP_MS)
    assert waiting.wakes().phase is Phase.ATTENTION
    assert late().hears(RefundDone, amount=EUR_4).order.reason is Reason.MISMATCH


def test_its_number_is_nobody_elses() -> None:
    number = mint_order_no("BENCH1", 7, 1, 30)
    assert give_back_no(number) == give_back_no(number)
    assert give_back_no(number) not in {mint_order_no("BENCH1", 7, n, 30) for n in range(64)}
    assert asker(refunding().last[0]) == "R1"


@pytest.mark.parametrize("timing", [CAREFUL, CLOSE_ONLY])
def test_a_gateway_that_goes_on_to_call_it_paid_tells_no_news(timing: Timing) -> None:
    """Its notice of the refund is looked into, and that is all."""
    sale = late(timing).hears(RefundDone, amount=EUR_5)
    before = sale.order
    assert sale.hears(PaymentHinted, answer=False).asks is QueryOrder
    sale.hears(PaymentApproved, paid=EUR_5)
    assert (sale.order, sale.asks) == (before, None)
