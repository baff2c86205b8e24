"""PayCloud: refunds and voids. Accepted is not refunded, and only our own refund by name is done."""

from __future__ import annotations

from typing import Any

import pytest

from terminal.core.effects import QueryRefund, Request
from terminal.core.events import (
    AnswerUnclear,
    OrderEvent,
    OrderNotFound,
    RefundAccepted,
    RefundDone,
    RefundFailed,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
)
from terminal.core.sale import Reason
from terminal.core.terms import Money
from terminal.gateways.paycloud.answers import DOUBTFUL
from tests.gateways.vendor import (
    AT_MS,
    DONE,
    ORDER_NO,
    PAID,
    QUERY_REFUND,
    REFUND,
    REFUND_NO,
    RETURNED,
    VOID,
    answer,
    codec,
    name_of,
    parsed,
)

REF = RETURNED["trans_no"]
UNDER_WAY = RefundAccepted(at_ms=AT_MS, gateway_ref=REF)


@pytest.mark.parametrize("status", [None, 0, 1, 2, 3, "?"])
def test_a_refund_that_was_submitted_is_only_accepted(status: Any) -> None:
    """gateways.md 1.12: accepted is not refunded. The query says more."""
    assert parsed(REFUND, RETURNED | {"trans_status": status}) == UNDER_WAY
    assert parsed(REFUND, None) == RefundAccepted(at_ms=AT_MS)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (2, DONE),
        ("2", DONE),
        (0, UNDER_WAY),
        (9, UNDER_WAY),
        (1, RefundFailed(at_ms=AT_MS, detail="(none)")),
    ],
)
def test_what_became_of_a_refund(status: Any, expected: OrderEvent) -> None:
    assert parsed(QUERY_REFUND, RETURNED | {"trans_status": status}) == expected


@pytest.mark.parametrize("status", [3, 4, "", None, "SUCCESS", "２", [2]])
def test_an_unlisted_status_of_a_refund(status: Any) -> None:
    data = RETURNED | {"trans_status": status}
    assert isinstance(parsed(QUERY_REFUND, data), AnswerUnclear)


@pytest.mark.parametrize("missing", ["merchant_order_no", "trans_type", "order_amount"])
def test_done_needs_our_number_the_kind_and_the_amount(missing: str) -> None:
    data = {name: value for name, value in RETURNED.items() if name != missing}
    assert parsed(QUERY_REFUND, data) == UNDER_WAY


@pytest.mark.parametrize("missing", ["merchant_order_no", "trans_type"])
def test_failed_needs_our_number_and_the_kind(missing: str) -> None:
    data = {name: value for name, value in RETURNED.items() if name != missing}
    assert isinstance(parsed(QUERY_REFUND, data | {"trans_status": 1}), AnswerUnclear)


def test_a_sale_that_succeeded_is_no_refund() -> None:
    for kind in (1, 2, 4, "SALE"):
        event = parsed(QUERY_REFUND, RETURNED | {"trans_type": kind})
        assert isinstance(event, AnswerUnclear)


def test_the_currency_is_ours_when_the_answer_names_our_refund() -> None:
    data = {name: value for name, value in RETURNED.items() if name != "price_currency"}
    assert parsed(QUERY_REFUND, data) == DONE


@pytest.mark.parametrize(
    ("changed", "amount"),
    [
        ({"order_amount": "10.01"}, Money(1001, "USD")),
        ({"trans_amount": "9.99"}, Money(999, "USD")),
        ({"price_currency": "EUR"}, Money(1000, "EUR")),
    ],
)
def test_another_amount_is_told_as_it_is(changed: dict[str, str], amount: Money) -> None:
    event = parsed(QUERY_REFUND, RETURNED | changed)
    assert event == RefundDone(at_ms=AT_MS, amount=amount, gateway_ref=REF)


@pytest.mark.parametrize("code", sorted(DOUBTFUL))
def test_failed_with_a_reason_that_contradicts_it(code: str) -> None:
    data = RETURNED | {"trans_status": 1, "trans_error_code": code}
    assert isinstance(parsed(QUERY_REFUND, data), AnswerUnclear)


def test_a_zero_decimal_currency() -> None:
    request = QueryRefund(REFUND_NO, Money(20, "JPY"), ORDER_NO)
    data = RETURNED | {"price_currency": "JPY", "order_amount": "20"}
    event = parsed(request, data)
    assert isinstance(event, RefundDone)
    assert event.amount == request.amount


@pytest.mark.parametrize("request_", [REFUND, QUERY_REFUND, VOID], ids=name_of)
@pytest.mark.parametrize(
    "changed",
    [
        {"merchant_order_no": "TOTHER"},
        {"merchant_no": "1"},
        {"app_id": "wz00other"},
        {"orig_merchant_order_no": "TOTHER"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_refund_or_merchant(request_: Request, changed: dict[str, str]) -> None:
    own = {"merchant_order_no": ORDER_NO} if request_ is VOID else {}
    assert not isinstance(parsed(request_, RETURNED | own), AnswerUnclear)
    assert isinstance(parsed(request_, RETURNED | own | changed), AnswerUnclear)


def test_a_void_is_answered_for_the_original() -> None:
    assert parsed(VOID, None) == UndoAccepted(at_ms=AT_MS)
    assert parsed(VOID, PAID) == UndoAccepted(at_ms=AT_MS)
    assert isinstance(parsed(VOID, PAID | {"merchant_order_no": REFUND_NO}), AnswerUnclear)


# -- the call itself ---------------------------------------------------------------------------------------


def failed(reason: Reason, detail: str) -> RefundFailed:
    return RefundFailed(at_ms=AT_MS, reason=reason, detail=detail)


def too_late(detail: str) -> UndoRefused:
    return UndoRefused(at_ms=AT_MS, why=UndoRefusal.WINDOW_OVER, detail=detail)


REFUSED: list[tuple[Request, str, OrderEvent | None]] = [
    (REFUND, "SYS002", failed(Reason.SETUP, "SYS002")),
    (REFUND, "E07303", failed(Reason.SETUP, "E07303")),
    (REFUND, "M010", failed(Reason.REFUSED, "M010")),
    (REFUND, "E04111", None),
    (REFUND, "SYS500", None),
    (REFUND, "EARLY", None),
    (QUERY_REFUND, "E04111", OrderNotFound(at_ms=AT_MS, detail="E04111")),
    (QUERY_REFUND, "M010", None),
    (QUERY_REFUND, "SYS002", None),
    (QUERY_REFUND, "E07303", None),
    (VOID, "E04111", OrderNotFound(at_ms=AT_MS, detail="E04111")),
    (VOID, "E07303", too_late("E07303")),
    (VOID, "OVER", too_late("OVER")),
    (VOID, "EARLY", UndoRefused(at_ms=AT_MS, why=UndoRefusal.TOO_EARLY, detail="EARLY")),
    (VOID, "SYS002", None),  # repeated: an earlier one may have been done
    (VOID, "M010", None),
]


@pytest.mark.parametrize(("request_", "code", "expected"), REFUSED)
def test_code(request_: Request, code: str, expected: OrderEvent | None) -> None:
    gateway = codec(too_early_codes=("EARLY",), window_over_codes=("OVER",))
    event = gateway.parse(request_, answer(None, code), AT_MS)
    assert event == expected if expected else isinstance(event, AnswerUnclear)
