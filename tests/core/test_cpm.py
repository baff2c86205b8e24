"""The consumer-presented sale, row by row of table 3.2 (reliability.md)."""

from __future__ import annotations

from typing import Any

import pytest

from terminal.core.doubt import LATE_NEWS_MS
from terminal.core.effects import QueryOrder, ReverseOrder, SubmitPayment
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    CodePresented,
    LineFailed,
    OrderClosed,
    OrderEvent,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentHinted,
    PaymentPending,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
)
from terminal.core.sale import Phase, Reason
from terminal.core.terms import Money
from terminal.core.timing import Timing
from tests.core.script import CAREFUL, DIGEST, EUR_4, EUR_5, TOMBSTONE, Sale, in_doubt, submitting


def reversing(timing: Timing = CAREFUL) -> Sale:
    """No answer, patience over, and the reversal has left."""
    return in_doubt(timing).until(ReverseOrder, PaymentPending)


# -- PAYING (SUBMITTING) -----------------------------------------------------------------------------------


def test_scanned_submits_once_and_keeps_no_code() -> None:
    sale = submitting()
    (request,) = sale.last
    assert isinstance(request, SubmitPayment)
    assert (request.code_digest, request.code, request.wallet) == (DIGEST, None, "alipay-cn")
    assert (sale.phase, sale.order.code_digest) == (Phase.SUBMITTING, DIGEST)


def test_paying_success_with_a_match_is_paid() -> None:
    sale = submitting().hears(PaymentApproved, 800, paid=EUR_5, approval="A1")
    assert (sale.phase, sale.order.approval, sale.asks) == (Phase.PAID, "A1", None)


@pytest.mark.parametrize("paid", [EUR_4, Money(500, "USD")])
def test_paying_success_with_a_mismatch_calls_staff(paid: Money) -> None:
    sale = submitting().hears(PaymentApproved, paid=paid)
    assert (sale.phase, sale.order.reason, sale.asks) == (Phase.ATTENTION, Reason.MISMATCH, None)


def test_paying_definite_fail_is_not_paid() -> None:
    sale = submitting().hears(PaymentDeclined, reason=Reason.CODE_EXPIRED)
    assert (sale.phase, sale.order.reason, sale.asks) == (
        Phase.DECLINED,
        Reason.CODE_EXPIRED,
        None,
    )


@pytest.mark.parametrize(
    ("event", "words", "pause_ms"),
    [
        (PaymentPending, {"payer_acting": True}, 2_000),
        (LineFailed, {"left": True}, 5_000),
        (AnswerUnclear, {"detail": "502"}, 5_000),
        (OrderNotFound, {}, 5_000),
    ],
)
def test_paying_without_a_clear_result_is_in_doubt_and_queried(
    event: type[OrderEvent], words: dict[str, Any], pause_ms: int
) -> None:
    sale = submitting().hears(event, 1_000, **words)
    assert (sale.phase, sale.asks) == (Phase.IN_DOUBT, None)
    assert sale.wakes().asks is QueryOrder
    assert sale.now_ms == 2_000 + pause_ms


def test_paying_never_connected_is_not_paid_at_once() -> None:
    sale = submitting().hears(LineFailed, 3_000, left=False)
    assert (sale.phase, sale.order.reason) == (Phase.DECLINED, Reason.NO_CONNECTION)


def test_paying_never_connected_after_cancel_ends_at_once() -> None:
    sale = submitting().hears(CancelPressed).hears(LineFailed, 3_000, left=False)
    assert (sale.phase, sale.order.reason) == (Phase.DECLINED, Reason.OPERATOR)


def test_paying_hinted_by_the_answer_asks_at_once() -> None:
    sale = submitting().hears(PaymentHinted)
    assert (sale.phase, sale.asks) == (Phase.IN_DOUBT, QueryOrder)


def test_paying_hinted_by_a_notice_waits_for_the_answer() -> None:
    sale = submitting().hears(PaymentHinted, answer=False)
    assert (sale.phase, sale.asks) == (Phase.IN_DOUBT, None)
    assert sale.hears(PaymentApproved, paid=EUR_5).phase is Phase.PAID


def test_paying_a_second_scan_is_not_this_orders_business() -> None:
    sale = submitting()
    before = sale.order
    assert sale.hears(CodePresented).order is before


# -- UNKNOWN (IN_DOUBT) ------------------------------------------------------------------------------------


def test_unknown_paid_with_a_match_is_paid() -> None:
    assert in_doubt().wakes().hears(PaymentApproved, paid=EUR_5).phase is Phase.PAID


def test_unknown_not_found_polls_on_and_the_code_is_never_resent() -> None:
    """Table 3.2 may resend within 30 s; this house never does (cpm.py, gateways.md 1.9)."""
    sale = in_doubt()
    for _ in range(5):
        assert sale.wakes().asks is QueryOrder
        assert sale.hears(OrderNotFound).phase is Phase.IN_DOUBT
    sale.until(ReverseOrder, OrderNotFound)
    assert sale.count(SubmitPayment) == 1


@pytest.mark.parametrize(
    ("event", "phase"), [(PaymentDeclined, Phase.DECLINED), (OrderClosed, Phase.CLOSED)]
)
def test_unknown_definite_fail_or_closed_is_not_paid(event: type[OrderEvent], phase: Phase) -> None:
    assert in_doubt().wakes().hears(event).phase is phase


def test_unknown_patience_over_queries_once_more_and_reverses_without_a_gap() -> None:
    sale = in_doubt()
    while sale.phase is Phase.IN_DOUBT:
        sale.wakes()
        if sale.phase is Phase.IN_DOUBT:
            sale.hears(PaymentPending)
    assert (sale.now_ms, sale.asks) == (1_000 + sale.timing.doubt_ms, QueryOrder)
    sale.hears(PaymentPending)
    assert (sale.phase, sale.asks, sale.order.reason) == (
        Phase.REVERSING,
        ReverseOrder,
        Reason.EXPIRED,
    )


def test_unknown_paid_at_the_last_query_is_paid() -> None:
    sale = in_doubt()
    while sale.phase is Phase.IN_DOUBT:
        sale.wakes() if not sale.order.pace.asked else sale.hears(PaymentPending)
    assert sale.hears(PaymentApproved, paid=EUR_5).phase is Phase.PAID


def test_unknown_cancel_reverses_but_not_before_the_gateways_time() -> None:
    sale = submitting().hears(PaymentPending, 500, payer_acting=True).hears(CancelPressed)
    assert (sale.phase, sale.asks, sale.order.reason) == (
        Phase.REVERSING,
        QueryOrder,
        Reason.OPERATOR,
    )
    sale.until(ReverseOrder, PaymentPending)
    assert sale.now_ms == 1_000 + sale.timing.earliest_undo_ms


def test_unknown_cancel_tells_the_truth_when_it_was_paid_after_all() -> None:
    sale = in_doubt().hears(CancelPressed).hears(PaymentApproved, paid=EUR_5)
    assert sale.phase is Phase.PAID


@pytest.mark.parametrize("rebooted", [False, True])
@pytest.mark.parametrize("sale_of", [submitting, in_doubt])
def test_restart_queries_for_the_grace_then_reverses_and_never_resends(
    sale_of: Any, rebooted: bool
) -> None:
    sale = sale_of().restarts(rebooted=rebooted)
    assert (sale.phase, sale.asks) == (Phase.IN_DOUBT, None)
    back_ms = sale.now_ms
    assert sale.wakes().asks is QueryOrder
    assert sale.now_ms == back_ms, "asked at once"
    sale.until(ReverseOrder, OrderNotFound)
    assert sale.now_ms >= back_ms + sale.timing.grace_ms
    assert (sale.order.reason, sale.count(SubmitPayment)) == (Reason.RESTARTED, 1)


# -- REVERSING ---------------------------------------------------------------------------------------------


def test_reversing_ok_is_reversed_when_a_query_agrees() -> None:
    sale = reversing().hears(UndoAccepted)
    assert (sale.asks, sale.hears(OrderClosed).phase) == (QueryOrder, Phase.REVERSED)


def test_reversing_ok_but_still_paid_is_reversed_again_and_then_settled() -> None:
    sale = reversing().hears(UndoAccepted).hears(PaymentApproved, paid=EUR_5)
    assert (sale.phase, sale.asks, sale.order.paid) == (Phase.REVERSING, ReverseOrder, EUR_5)
    assert sale.hears(UndoAccepted).phase is Phase.REVERSED


def test_reversing_ok_but_the_order_was_unknown_there_is_watched() -> None:
    assert reversing().hears(UndoAccepted).hears(OrderNotFound).phase is Phase.VERIFYING
    assert reversing().hears(OrderNotFound).phase is Phase.VERIFYING


def test_reversing_unknown_order_is_settled_where_a_tombstone_is_left() -> None:
    assert reversing(TOMBSTONE).hears(OrderNotFound).phase is Phase.REVERSED


@pytest.mark.parametrize(
    ("event", "words"),
    [(AnswerUnclear, {}), (LineFailed, {"left": True}), (LineFailed, {"left": False})],
)
def test_reversing_without_acknowledgement_is_repeated_until_acknowledged(
    event: type[OrderEvent], words: dict[str, Any]
) -> None:
    sale = reversing()
    first = sale.last[0]
    for _ in range(20):
        assert sale.hears(event, **words).phase is Phase.REVERSING
        sale.until(ReverseOrder, PaymentPending)
        assert sale.last[0] == first, "the same reversal"
    assert sale.hears(UndoAccepted).hears(OrderClosed).phase is Phase.REVERSED


def test_reversing_paid_after_the_reversal_left_goes_back() -> None:
    """The choice of table 3.2: NOT PAID may have been told already."""
    sale = reversing().hears(LineFailed, left=True).wakes().hears(PaymentApproved, paid=EUR_5)
    assert (sale.phase, sale.asks) == (Phase.REVERSING, ReverseOrder)


def test_reversing_window_over_and_nothing_known_to_be_paid_needs_a_human() -> None:
    """Asked first; an order that is open and cannot be undone is nobody's to guess about."""
    sale = reversing().hears(UndoRefused, why=UndoRefusal.WINDOW_OVER)
    assert sale.asks is QueryOrder
    sale.hears(PaymentPending).hears(UndoRefused, why=UndoRefusal.WINDOW_OVER)
    assert sale.phase is Phase.ATTENTION


# -- VERIFY and late payments ------------------------------------------------------------------------------


def test_verifying_ends_when_the_code_cannot_arrive_any_more() -> None:
    sale = reversing().hears(OrderNotFound)
    assert sale.order.until_ms == 1_000 + sale.timing.verify_ms + LATE_NEWS_MS
    while not sale.order.final:
        sale.wakes().hears(OrderNotFound)
    assert (sale.phase, sale.now_ms >= 141_000) == (Phase.REVERSED, True)


def test_verifying_arrived_after_all_is_reversed() -> None:
    sale = reversing().hears(OrderNotFound).wakes().hears(PaymentApproved, paid=EUR_5)
    assert (sale.phase, sale.asks, sale.order.paid) == (Phase.REVERSING, ReverseOrder, EUR_5)
    assert sale.hears(UndoAccepted).phase is Phase.REVERSED


def test_a_late_payment_on_reversed_is_reversed_again() -> None:
    sale = reversing().hears(UndoAccepted).hears(OrderClosed)
    sale.hears(PaymentApproved, 60_000, paid=EUR_5)
    assert (sale.phase, sale.asks, sale.order.undone) == (Phase.REVERSING, ReverseOrder, False)
