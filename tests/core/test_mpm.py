"""The merchant-presented sale, row by row of table 3.1 (reliability.md)."""

from __future__ import annotations

from typing import Any

import pytest

from terminal.core.doubt import LATE_NEWS_MS
from terminal.core.effects import CloseOrder, CreateOrder, QueryOrder, ReverseOrder
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    CodeIssued,
    CodePresented,
    CodeUnfit,
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
from terminal.core.timing import Timing, backoff_ms, spread_ms
from tests.core.script import (
    CAREFUL,
    CLOSE_ONLY,
    CREATE_AGAIN,
    EUR_4,
    EUR_5,
    TOMBSTONE,
    Sale,
    requesting,
    shown,
)

UNCLEAR: list[tuple[type[OrderEvent], dict[str, Any]]] = [
    (AnswerUnclear, {}),
    (LineFailed, {"left": True}),
]


def closing(timing: Timing = CAREFUL) -> Sale:
    """C was pressed while the code was shown, and the close has left."""
    return shown(timing).hears(CancelPressed).until(CloseOrder, PaymentPending)


# -- CREATING (REQUESTING) ---------------------------------------------------------------------------------


def test_enter_amount_asks_for_a_code_and_for_nothing_else() -> None:
    sale = requesting()
    assert (sale.phase, sale.asks, len(sale.sent)) == (Phase.REQUESTING, CreateOrder, 1)


def test_requesting_code_in_the_answer_is_presented_and_polled() -> None:
    sale = requesting().hears(CodeIssued, 500, code="https://pay/1", gateway_ref="g1")
    assert (sale.phase, sale.order.qr, sale.order.gateway_ref) == (
        Phase.PRESENTING,
        "https://pay/1",
        "g1",
    )
    assert sale.asks is None
    assert sale.wakes().asks is QueryOrder
    assert sale.now_ms == 1_500 + sale.timing.first_query_ms


def test_requesting_definite_fail_is_not_paid() -> None:
    sale = requesting().hears(PaymentDeclined, reason=Reason.SETUP, detail="E04001")
    assert (sale.phase, sale.order.reason, sale.order.detail) == (
        Phase.DECLINED,
        Reason.SETUP,
        "E04001",
    )


@pytest.mark.parametrize(("event", "words"), UNCLEAR)
def test_requesting_unknown_is_queried_never_failed(
    event: type[OrderEvent], words: dict[str, Any]
) -> None:
    sale = requesting().hears(event, 10_000, **words)
    assert sale.phase is Phase.REQUESTING
    assert sale.wakes().asks is QueryOrder


def test_requesting_not_found_creates_again_once_under_the_same_number() -> None:
    sale = requesting().hears(LineFailed, 10_000, left=True).wakes().hears(OrderNotFound)
    assert sale.asks is CreateOrder
    assert sale.last[0] == sale.sent[0]
    sale.hears(LineFailed, 5_000, left=True).wakes().hears(OrderNotFound)
    assert sale.asks is None
    assert sale.count(CreateOrder) == 2


def test_requesting_creates_again_once_also_after_a_hint() -> None:
    sale = requesting().hears(PaymentHinted).hears(OrderNotFound)
    assert sale.asks is CreateOrder
    sale.hears(PaymentHinted).wakes().hears(OrderNotFound)
    assert (sale.asks, sale.count(CreateOrder)) == (None, 2)


def test_requesting_repeats_the_create_where_that_is_idempotent() -> None:
    sale = requesting(CREATE_AGAIN).hears(LineFailed, 5_000, left=True).wakes()
    assert (sale.asks, sale.last[0]) == (CreateOrder, sale.sent[0])
    assert sale.hears(CodeIssued, code="https://pay/1").phase is Phase.PRESENTING


def test_requesting_open_without_a_code_repeats_the_create_with_a_pause() -> None:
    sale = requesting(CREATE_AGAIN).hears(PaymentPending)
    assert sale.asks is None
    assert sale.wakes().asks is CreateOrder
    assert sale.now_ms >= 1_000 + sale.timing.query_step_ms


def test_requesting_open_without_a_code_is_given_up_where_a_create_is_not_repeated() -> None:
    sale = requesting().hears(LineFailed, 5_000, left=True).wakes().hears(PaymentPending)
    assert (sale.phase, sale.order.reason) == (Phase.CLOSING, Reason.NO_CODE)


def test_requesting_life_over_closes() -> None:
    sale = requesting().until(CloseOrder, AnswerUnclear)
    assert (sale.phase, sale.order.reason) == (Phase.CLOSING, Reason.NO_CODE)
    assert sale.now_ms >= 1_000 + sale.timing.create_ms


def test_requesting_cancel_waits_for_the_create_then_looks_then_closes() -> None:
    sale = requesting().hears(CancelPressed, 200)
    assert (sale.phase, sale.asks) == (Phase.CLOSING, None)
    sale.hears(CodeIssued, code="https://pay/1")
    assert (sale.phase, sale.asks, sale.order.qr) == (Phase.CLOSING, QueryOrder, None)
    sale.until(CloseOrder, PaymentPending).hears(UndoAccepted).hears(OrderClosed)
    assert (sale.phase, sale.order.reason) == (Phase.CLOSED, Reason.OPERATOR)


def test_requesting_close_says_not_found_and_nobody_saw_the_code_ends_at_once() -> None:
    sale = requesting().hears(CancelPressed).hears(LineFailed, 10_000, left=True)
    sale.until(CloseOrder, OrderNotFound).hears(OrderNotFound)
    assert sale.phase is Phase.CLOSED


def test_requesting_restart_asks_then_closes() -> None:
    sale = requesting().restarts()
    assert sale.phase is Phase.REQUESTING
    sale.until(CloseOrder, PaymentPending)
    assert (sale.phase, sale.order.reason) == (Phase.CLOSING, Reason.RESTARTED)
    assert sale.count(CreateOrder) == 1


def test_requesting_restart_never_creates_again() -> None:
    sale = requesting(CREATE_AGAIN).restarts().until(CloseOrder, OrderNotFound)
    assert sale.count(CreateOrder) == 1


def test_requesting_unfit_code_is_never_shown() -> None:
    sale = requesting().hears(CodeUnfit, detail="53 modules on 64 pixels")
    assert (sale.phase, sale.order.reason, sale.order.qr) == (Phase.CLOSING, Reason.UNFIT, None)


@pytest.mark.parametrize("paid", [EUR_4, Money(501, "EUR"), Money(500, "USD")])
@pytest.mark.parametrize("sale_of", [requesting, shown])
def test_paid_but_mismatch_calls_staff(sale_of: Any, paid: Money) -> None:
    sale = sale_of().hears(PaymentApproved, paid=paid)
    assert (sale.phase, sale.order.reason) == (Phase.ATTENTION, Reason.MISMATCH)
    assert sale.order.paid == paid
    assert sale.asks is None, "no automatic refund"


@pytest.mark.parametrize("sale_of", [requesting, shown])
def test_paid_and_fields_match_is_paid(sale_of: Any) -> None:
    sale = sale_of().hears(PaymentApproved, paid=EUR_5, gateway_ref="g7", wallet="alipay-cn")
    assert (sale.phase, sale.order.paid, sale.order.gateway_ref, sale.order.wallet) == (
        Phase.PAID,
        EUR_5,
        "g7",
        "alipay-cn",
    )
    assert sale.asks is None


# -- never connected ---------------------------------------------------------------------------------------


def test_requesting_never_connected_is_not_paid_at_once() -> None:
    sale = requesting().hears(LineFailed, 3_000, left=False)
    assert (sale.phase, sale.order.reason) == (Phase.DECLINED, Reason.NO_CONNECTION)


def test_requesting_never_connected_after_cancel_ends_at_once() -> None:
    sale = requesting().hears(CancelPressed).hears(LineFailed, 3_000, left=False)
    assert (sale.phase, sale.order.reason) == (Phase.DECLINED, Reason.OPERATOR)


@pytest.mark.parametrize("cancelled", [False, True])
def test_never_connected_the_second_time_says_nothing_about_the_first(cancelled: bool) -> None:
    sale = requesting(CREATE_AGAIN).hears(LineFailed, 5_000, left=True).wakes()
    if cancelled:
        sale.hears(CancelPressed)
    sale.hears(LineFailed, 3_000, left=False)
    assert not sale.order.final


def test_never_connected_after_the_order_was_seen_open_says_nothing() -> None:
    sale = requesting(CREATE_AGAIN).hears(PaymentPending).wakes()
    assert sale.asks is CreateOrder
    assert not sale.hears(LineFailed, left=False).order.final


# -- AWAIT_PAY (PRESENTING) --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "words"), [*UNCLEAR, (PaymentPending, {"payer_acting": True}), (OrderNotFound, {})]
)
def test_presenting_open_or_unknown_polls_on(
    event: type[OrderEvent], words: dict[str, Any]
) -> None:
    sale = shown().wakes().hears(event, **words)
    assert sale.phase is Phase.PRESENTING
    assert sale.order.pace.payer_acting is (event is PaymentPending)
    assert sale.wakes().asks is QueryOrder


def test_presenting_counts_unclear_answers_in_a_row() -> None:
    sale = shown()
    for tries in (1, 2, 3):
        assert sale.wakes().hears(AnswerUnclear).order.pace.tries == tries
    assert sale.wakes().hears(PaymentPending).order.pace.tries == 0


def test_presenting_closed_at_the_gateway_is_closed() -> None:
    sale = shown().wakes().hears(OrderClosed, detail="3")
    assert (sale.phase, sale.order.reason) == (Phase.CLOSED, Reason.AT_GATEWAY)


def test_presenting_life_over_queries_once_more_and_closes_without_a_gap() -> None:
    sale = shown(life_ms=60_000)
    while sale.phase is Phase.PRESENTING:
        sale.wakes()
        if sale.phase is Phase.PRESENTING:
            sale.hears(PaymentPending)
    assert (sale.phase, sale.asks, sale.now_ms) == (Phase.CLOSING, QueryOrder, 61_500)
    sale.hears(PaymentPending)
    assert (sale.asks, sale.order.reason) == (CloseOrder, Reason.EXPIRED)


def test_presenting_life_over_while_a_query_is_under_way_waits_for_its_answer() -> None:
    sale = shown(life_ms=6_000).wakes()
    assert sale.asks is QueryOrder
    assert (sale.wakes().phase, sale.asks) == (Phase.CLOSING, None)
    assert sale.hears(PaymentApproved, paid=EUR_5).phase is Phase.PAID


def test_presenting_the_gateways_word_about_the_life_wins() -> None:
    assert shown(life_ms=42_000).order.until_ms == 1_500 + 42_000
    assert shown().order.until_ms == 1_500 + Timing().life_ms


def test_presenting_cancel_looks_once_more_then_closes() -> None:
    """Table 3.1 says REVERSING; a last query and CLOSING come to the same for money and tell the truth."""
    sale = shown().hears(CancelPressed, 1_000)
    assert (sale.phase, sale.asks, sale.order.reason) == (
        Phase.CLOSING,
        QueryOrder,
        Reason.OPERATOR,
    )
    sale.until(CloseOrder, PaymentPending).hears(UndoAccepted)
    assert (sale.asks, sale.hears(OrderClosed).phase) == (QueryOrder, Phase.CLOSED)


def test_presenting_cancel_tells_the_truth_when_it_was_paid_after_all() -> None:
    assert shown().hears(CancelPressed).hears(PaymentApproved, paid=EUR_5).phase is Phase.PAID


def test_presenting_customers_code_closes_first() -> None:
    sale = shown().hears(CodePresented, 4_000)
    assert (sale.phase, sale.asks, sale.order.reason) == (
        Phase.CLOSING,
        QueryOrder,
        Reason.CUSTOMER_CODE,
    )


# -- CLOSING -----------------------------------------------------------------------------------------------


def test_closing_ok_is_closed_when_a_query_agrees() -> None:
    assert closing().hears(UndoAccepted).hears(OrderClosed).phase is Phase.CLOSED


def test_closing_already_paid_is_paid_where_a_close_returns_nothing() -> None:
    sale = closing(CLOSE_ONLY).hears(UndoRefused, why=UndoRefusal.ALREADY_PAID)
    assert sale.asks is QueryOrder
    assert sale.hears(PaymentApproved, paid=EUR_5).phase is Phase.PAID


def test_closing_already_paid_goes_back_where_a_close_may_have_returned_it() -> None:
    sale = closing().hears(UndoRefused, why=UndoRefusal.ALREADY_PAID)
    sale.hears(PaymentApproved, paid=EUR_5)
    assert (sale.phase, sale.asks) == (Phase.REVERSING, ReverseOrder)


def test_closing_not_found_is_watched_because_the_code_was_seen() -> None:
    sale = closing().hears(OrderNotFound)
    assert sale.phase is Phase.VERIFYING
    assert sale.order.until_ms is not None
    assert sale.order.until_ms >= sale.now_ms + sale.timing.verify_ms


def test_closing_not_found_is_watched_until_the_seen_code_dies() -> None:
    """A customer may have scanned it and pay minutes later; some gateways know no order before that."""
    sale = shown(life_ms=900_000).hears(CancelPressed).until(CloseOrder, OrderNotFound)
    assert sale.hears(OrderNotFound).order.until_ms == 1_500 + 900_000 + LATE_NEWS_MS


def test_closing_not_found_leaves_a_tombstone_where_the_gateway_says_so() -> None:
    assert closing(TOMBSTONE).hears(OrderNotFound).phase is Phase.CLOSED


def test_closing_not_before_the_gateways_time_but_polling() -> None:
    sale = closing()
    assert sale.now_ms == 1_000 + sale.timing.earliest_undo_ms
    assert sale.count(QueryOrder) > 5


def test_closing_too_early_waits_and_tries_again() -> None:
    sale = closing().hears(UndoRefused, why=UndoRefusal.TOO_EARLY)
    assert (sale.phase, sale.asks) == (Phase.CLOSING, None)
    assert sale.until(CloseOrder, PaymentPending).count(CloseOrder) == 2


@pytest.mark.parametrize(("event", "words"), UNCLEAR)
def test_closing_unknown_queries_and_repeats_more_slowly_each_time(
    event: type[OrderEvent], words: dict[str, Any]
) -> None:
    sale, pauses = closing(), []
    for _ in range(8):
        before_ms = sale.hears(event, **words).now_ms
        pauses.append(sale.wakes().now_ms - before_ms)
        assert sale.asks is QueryOrder
        sale.hears(PaymentPending)
        assert sale.asks is CloseOrder
    steps = [backoff_ms(tries) for tries in range(1, 9)]
    spread = [spread_ms(step, sale.order.order_no, tries) for tries, step in enumerate(steps, 1)]
    assert pauses == [max(sale.timing.query_step_ms, pause_ms) for pause_ms in spread]


def test_closing_window_over_needs_a_human() -> None:
    late = {"why": UndoRefusal.WINDOW_OVER, "detail": "E9"}
    sale = closing().hears(UndoRefused, **late).hears(PaymentPending).hears(UndoRefused, **late)
    assert (sale.phase, sale.order.detail) == (Phase.ATTENTION, "E9")


def test_a_second_cancel_changes_nothing() -> None:
    sale = closing()
    before = sale.order
    assert sale.hears(CancelPressed).order is before


# -- VERIFY, late payments, PAID ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "words"), [(PaymentApproved, {"paid": EUR_5}), (PaymentPending, {})]
)
def test_verifying_seen_paid_or_open_is_reversed(
    event: type[OrderEvent], words: dict[str, Any]
) -> None:
    sale = closing().hears(OrderNotFound).wakes().hears(event, **words)
    assert (sale.phase, sale.asks) == (Phase.REVERSING, ReverseOrder)


def test_verifying_closed_is_closed() -> None:
    assert closing().hears(OrderNotFound).wakes().hears(OrderClosed).phase is Phase.CLOSED


def test_verifying_over_with_an_authentic_not_found_is_closed() -> None:
    sale = closing().hears(OrderNotFound)
    until_ms = sale.order.until_ms
    assert until_ms is not None
    while not sale.order.final:
        assert sale.wakes().asks is QueryOrder
        sale.hears(OrderNotFound)
    assert sale.phase is Phase.CLOSED
    assert sale.now_ms >= until_ms


@pytest.mark.parametrize("ended_by", [OrderClosed, PaymentDeclined])
def test_a_late_payment_on_closed_and_declined_goes_back(ended_by: type[OrderEvent]) -> None:
    sale = shown().hears(ended_by).hears(PaymentApproved, 20_000, paid=EUR_5)
    assert (sale.phase, sale.asks, sale.order.reason) == (
        Phase.REVERSING,
        ReverseOrder,
        Reason.LATE,
    )
    assert sale.hears(UndoAccepted).phase is Phase.REVERSED


def test_paid_absorbs_everything() -> None:
    sale = shown().hears(PaymentApproved, paid=EUR_5)
    paid = sale.order
    for event in (PaymentPending, OrderClosed, PaymentDeclined, CancelPressed, OrderNotFound):
        assert sale.hears(event).order is paid
    assert sale.hears(PaymentApproved, paid=EUR_4).order is paid
    assert sale.hears(PaymentHinted, answer=False).asks is None


def test_expired_there_is_closed_by_us() -> None:
    """features.md a.3 rule 13: a screenshot of an expired code may still be paid, so expiry alone ends nothing."""
    sale = shown().wakes().hears(PaymentDeclined, reason=Reason.EXPIRED)
    assert sale.phase is Phase.CLOSING
    assert sale.asks is QueryOrder
    sale.hears(PaymentDeclined, CAREFUL.earliest_undo_ms, reason=Reason.EXPIRED)
    assert sale.asks is CloseOrder
    sale.hears(UndoAccepted).hears(PaymentDeclined, reason=Reason.EXPIRED)
    assert sale.phase is Phase.DECLINED
    assert sale.order.reason is Reason.EXPIRED


def test_an_expired_code_that_was_paid_meanwhile_is_paid() -> None:
    sale = shown().wakes().hears(PaymentDeclined, reason=Reason.EXPIRED)
    assert sale.hears(PaymentApproved, paid=EUR_5).phase is Phase.PAID
