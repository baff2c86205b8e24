"""Antom, cell by cell: what every authentic answer means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from terminal.core.effects import QueryOrder, Request
from terminal.core.events import (
    AnswerUnclear,
    CodeIssued,
    OrderClosed,
    OrderEvent,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentHinted,
    PaymentPending,
    RefundAccepted,
    RefundDone,
    RefundFailed,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
)
from terminal.core.sale import Reason
from terminal.core.terms import Money
from terminal.gateways import QR_CHARACTERS_MAX
from terminal.gateways.antom.answers import DECLINES, DOUBTFUL, NOT_OFFERED, REFUND_FAILS, SETUP
from tests.gateways.vendor import (
    AMOUNT,
    ASKING,
    AT_MS,
    CLOSE,
    CODE,
    CREATE,
    ORDER_NO,
    PART,
    QUERY,
    QUERY_REFUND,
    REFUND,
    REFUND_NO,
    REQUESTS,
    REVERSE,
    SUBMIT,
    UNDOING,
    VOID,
    name_of,
)
from tests.gateways.vendor_antom import (
    APPROVED,
    CODE_TEXT,
    CREATED,
    DONE,
    FORM,
    PAID,
    PAYMENT_ID,
    RETURNED,
    amount_of,
    answered,
    codec,
    parsed,
)

UNLISTED = ("REPEAT_REQ_INCONSISTENT", "ORDER_NOT_EXIST", "SOMETHING_NEW", "", "SUCCESS", "２")


def without(tree: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if key != name}


# -- the code to show (gateways.md 3.4) --------------------------------------------------------------------


@pytest.mark.parametrize("result", [("S", "SUCCESS"), ("U", "PAYMENT_IN_PROCESS")])
def test_a_code_is_a_code_and_never_a_payment(result: tuple[str, str]) -> None:
    assert parsed(CREATE, CREATED, *result) == CodeIssued(
        at_ms=AT_MS, code=CODE_TEXT, gateway_ref=PAYMENT_ID, life_ms=839_795
    )


def entry(value: Any, display: Any, kind: Any = "QRCODE") -> dict[str, Any]:
    return {"codeValue": value, "displayType": display, "codeValueType": kind}


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ([entry("a", "BIGIMAGE"), entry("b", "TEXT")], "b"),
        ([entry("a", None), entry("b", "TEXT")], "b"),
        ([entry("a", "IMAGE"), entry("b", None)], "b"),
        ([entry("a", "TEXT", "BARCODE")], "https://x/checkout"),
        ([entry("a", "SMALLIMAGE"), entry("b", "IMAGE")], "https://x/checkout"),
        ([entry("", "TEXT"), "x", None, [entry("a", "TEXT")]], "https://x/checkout"),
        ([entry("a", "TEXT", None)], "a"),
        ({"codeValue": "a"}, "https://x/checkout"),
        (None, "https://x/checkout"),
    ],
)
def test_which_text_is_drawn(details: Any, code: str) -> None:
    event = parsed(CREATE, CREATED | {"orderCodeForm": {"codeDetails": details}})
    assert isinstance(event, CodeIssued)
    assert event.code == code


@pytest.mark.parametrize("qr", ["", "a\nb", "\x00", "a\u200bb", "x" * (QR_CHARACTERS_MAX + 1), 1.5])
def test_a_code_that_cannot_be_shown(qr: Any) -> None:
    """F46."""
    tree = without(CREATED, "orderCodeForm") | {"normalUrl": qr if isinstance(qr, str) else [qr]}
    assert isinstance(parsed(CREATE, tree), AnswerUnclear)


@pytest.mark.parametrize(
    ("time", "expires", "life_ms"),
    [
        ("1795223864205", "2026-11-21T01:18:44+00:00", 59_795),
        ("2026-11-21T01:17:44Z", "2026-11-21T09:18:44+08:00", 60_000),
        ("2026-11-21T01:17:44Z", "2026-11-21T01:17:44Z", None),  # over already
        ("2026-11-21T01:17:44Z", "2026-11-23T01:17:44Z", None),
        ("2026-11-21T01:17:44Z", "2026-11-21T01:18:44", None),  # no zone
        ("2026-11-21T01:17:44Z", "2106-02-30T00:00:00Z", None),  # F50
        ("2026-11-21T01:17:44Z", "1970-01-01T00:00:00Z", None),
        ("2026-11-21T01:17:44Z", "0001-01-01T00:00:00+23:59", None),
        ("yesterday", "2026-11-21T01:18:44Z", None),
        ("2026-11-21T01:17:44Z", "", None),
    ],
)
def test_how_long_it_lives_by_the_gateways_own_clock(
    time: str, expires: str, life_ms: int | None
) -> None:
    result = {"resultStatus": "S", "resultCode": "SUCCESS"}
    tree = {"result": result, **CREATED, "orderCodeForm": FORM | {"expireTime": expires}}
    http = answered(CREATE, json.dumps(tree).encode(), time=time)
    event = codec().parse(CREATE, http, AT_MS)
    assert isinstance(event, CodeIssued)
    assert event.life_ms == life_ms


def test_a_code_for_another_amount_is_not_shown() -> None:
    for amount in (amount_of("3451"), amount_of("3450", "EUR"), amount_of("34.50")):
        assert isinstance(parsed(CREATE, CREATED | {"paymentAmount": amount}), AnswerUnclear)


# -- paid: what must be in the same answer (I3) ------------------------------------------------------------


@pytest.mark.parametrize("request_", ASKING, ids=name_of)
def test_paid(request_: Request) -> None:
    assert parsed(request_, PAID) == APPROVED


@pytest.mark.parametrize("request_", ASKING, ids=name_of)
@pytest.mark.parametrize("missing", ["paymentRequestId", "paymentAmount"])
def test_paid_that_lacks_something_is_a_hint(request_: Request, missing: str) -> None:
    for tree in (without(PAID, missing), PAID | {missing: None}, PAID | {missing: [PAID[missing]]}):
        assert parsed(request_, tree) == PaymentHinted(at_ms=AT_MS)
    for amount in ({"currency": "USD"}, {"value": "3450"}, amount_of("3450", "")):
        assert parsed(request_, PAID | {"paymentAmount": amount}) == PaymentHinted(at_ms=AT_MS)


@pytest.mark.parametrize("value", ["3450", 3450, "03450"])
def test_amounts_as_text_or_number(value: Any) -> None:
    """gateways.md 3.2: the vendor's own SDK writes numbers."""
    assert parsed(QUERY, PAID | {"paymentAmount": amount_of(value)}) == APPROVED


@pytest.mark.parametrize(
    "value", ["34.50", "3,450", "3450 ", "-3450", "+1", "1e3", 34.5, "NaN", "9" * 19, "３４", "0x1"]
)
def test_illegible_amounts_are_in_doubt(value: Any) -> None:
    """F29, F30, F31."""
    event = parsed(QUERY, PAID | {"paymentAmount": amount_of(value)})
    assert isinstance(event, AnswerUnclear)


@pytest.mark.parametrize("currency", ["usd", "USDT", "840", "XXX", "$"])
def test_currencies_that_cannot_be(currency: str) -> None:
    """F32."""
    event = parsed(QUERY, PAID | {"paymentAmount": amount_of("1", currency)})
    assert isinstance(event, AnswerUnclear)


@pytest.mark.parametrize(
    ("amount", "paid"),
    [
        (amount_of("3451"), Money(3451, "USD")),
        (amount_of("3450", "EUR"), Money(3450, "EUR")),
        (amount_of("3450", "JPY"), Money(3450, "JPY")),
        (amount_of("0"), Money(0, "USD")),
    ],
)
def test_another_amount_is_told_as_it_is(amount: dict[str, str], paid: Money) -> None:
    event = parsed(SUBMIT, PAID | {"paymentAmount": amount})
    assert isinstance(event, PaymentApproved)
    assert event.paid == paid


# -- what became of it -------------------------------------------------------------------------------------


def test_a_submit_that_waits_for_the_payer() -> None:
    expected = PaymentPending(at_ms=AT_MS, payer_acting=True, gateway_ref=PAYMENT_ID)
    assert parsed(SUBMIT, PAID, "U", "PAYMENT_IN_PROCESS") == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("PROCESSING", PaymentPending(at_ms=AT_MS, gateway_ref=PAYMENT_ID)),
        ("PENDING", PaymentPending(at_ms=AT_MS, payer_acting=True, gateway_ref=PAYMENT_ID)),
        ("CANCELLED", OrderClosed(at_ms=AT_MS, detail="cancelled")),
        ("FAIL", PaymentDeclined(at_ms=AT_MS, reason=Reason.REFUSED, detail="(none)")),
    ],
)
def test_payment_status(status: str, expected: OrderEvent) -> None:
    assert parsed(QUERY, PAID | {"paymentStatus": status}) == expected
    unnamed = without(PAID, "paymentRequestId") | {"paymentStatus": status}
    assert isinstance(parsed(QUERY, unnamed), AnswerUnclear)


@pytest.mark.parametrize("status", ["", "success", "PAID", "AUTH_SUCCESS", 2, None, ["SUCCESS"]])
def test_an_unlisted_status_is_in_doubt(status: Any) -> None:
    """F33."""
    assert isinstance(parsed(QUERY, PAID | {"paymentStatus": status}), AnswerUnclear)


def test_the_result_of_an_inquiry_is_about_the_inquiry() -> None:
    """gateways.md 3.5: S says nothing about the payment, and paymentStatus nothing without S (F36)."""
    for result in (
        ("F", "SUCCESS"),
        ("U", "PAYMENT_IN_PROCESS"),
        ("U", "SUCCESS"),
        ("", "SUCCESS"),
    ):
        assert isinstance(parsed(QUERY, PAID, *result), AnswerUnclear)
    assert isinstance(parsed(QUERY, PAID, "F", "PROCESS_FAIL"), AnswerUnclear)
    assert isinstance(parsed(QUERY, PAID, "S", "PROCESS_FAIL"), AnswerUnclear)


@pytest.mark.parametrize("code", [*sorted(DECLINES), "SOMETHING_NEW"])
def test_a_payment_that_failed(code: str) -> None:
    tree = PAID | {"paymentStatus": "FAIL", "paymentResultCode": code}
    reason = DECLINES.get(code, Reason.REFUSED)
    assert parsed(QUERY, tree) == PaymentDeclined(at_ms=AT_MS, reason=reason, detail=code)


def test_a_payment_that_failed_because_it_was_closed() -> None:
    tree = PAID | {"paymentStatus": "FAIL", "paymentResultCode": "ORDER_IS_CLOSED"}
    expired = PaymentDeclined(at_ms=AT_MS, reason=Reason.EXPIRED, detail="ORDER_IS_CLOSED")
    assert parsed(QUERY, tree) == expired  # no cancel of ours: it shall be cancelled all the same


@pytest.mark.parametrize("code", sorted(DOUBTFUL))
def test_failed_with_a_reason_that_contradicts_it(code: str) -> None:
    tree = PAID | {"paymentStatus": "FAIL", "paymentResultCode": code}
    assert isinstance(parsed(QUERY, tree), AnswerUnclear)


@pytest.mark.parametrize("request_", [CREATE, SUBMIT], ids=name_of)
@pytest.mark.parametrize("code", sorted(DECLINES))
def test_refused(request_: Request, code: str) -> None:
    expected = PaymentDeclined(at_ms=AT_MS, reason=DECLINES[code], detail=code)
    assert parsed(request_, {}, "F", code) == expected
    for status in ("S", "U", "", "f"):  # F36
        assert isinstance(parsed(request_, PAID, status, code), AnswerUnclear)


@pytest.mark.parametrize("request_", [CREATE, SUBMIT], ids=name_of)
def test_refused_because_it_is_closed(request_: Request) -> None:
    expected = OrderClosed(at_ms=AT_MS, detail="ORDER_IS_CLOSED")
    assert parsed(request_, {}, "F", "ORDER_IS_CLOSED") == expected


@pytest.mark.parametrize("request_", [CREATE, SUBMIT], ids=name_of)
@pytest.mark.parametrize("code", UNLISTED)
def test_an_unlisted_code_is_never_a_decline(request_: Request, code: str) -> None:
    """gateways.md 3.8: behind REPEAT_REQ_INCONSISTENT a charge may stand."""
    for status in ("F", "U", "X"):
        assert isinstance(parsed(request_, PAID, status, code), AnswerUnclear)


@pytest.mark.parametrize("code", ["REQUEST_TRAFFIC_EXCEED_LIMIT", "UNKNOWN_EXCEPTION"])
@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
def test_unknown_there_is_unknown_here(request_: Request, code: str) -> None:
    assert isinstance(parsed(request_, PAID | RETURNED, "U", code), AnswerUnclear)


def test_the_lists_do_not_overlap() -> None:
    assert not DOUBTFUL & DECLINES.keys()
    assert "REPEAT_REQ_INCONSISTENT" not in REFUND_FAILS


# -- no such order -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [QUERY, CLOSE, REVERSE, VOID, QUERY_REFUND], ids=name_of)
def test_not_found(request_: Request) -> None:
    expected = OrderNotFound(at_ms=AT_MS, detail="ORDER_NOT_EXIST")
    assert parsed(request_, {}, "F", "ORDER_NOT_EXIST") == expected
    assert isinstance(parsed(request_, {}, "U", "ORDER_NOT_EXIST"), AnswerUnclear)


# -- undoing and returning ---------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", UNDOING, ids=name_of)
def test_undone(request_: Request) -> None:
    named = {"paymentRequestId": ORDER_NO, "paymentId": PAYMENT_ID}
    assert parsed(request_, named) == UndoAccepted(at_ms=AT_MS)
    over = UndoRefused(at_ms=AT_MS, why=UndoRefusal.WINDOW_OVER, detail="CANCEL_WINDOW_EXCEED")
    assert parsed(request_, {}, "F", "CANCEL_WINDOW_EXCEED") == over
    for result in (("U", "PAYMENT_IN_PROCESS"), ("U", "SUCCESS"), ("F", "SUCCESS"), ("S", "X")):
        assert isinstance(parsed(request_, named, *result), AnswerUnclear)


@pytest.mark.parametrize("code", sorted(SETUP))
def test_only_a_void_that_is_not_offered_becomes_a_refund(code: str) -> None:
    for request in (CLOSE, REVERSE):
        assert isinstance(parsed(request, {}, "F", code), AnswerUnclear)
    event = parsed(VOID, {}, "F", code)
    if code in NOT_OFFERED:
        assert event == UndoRefused(at_ms=AT_MS, why=UndoRefusal.WINDOW_OVER, detail=code)
    else:
        assert isinstance(event, AnswerUnclear)


@pytest.mark.parametrize("request_", [REFUND, QUERY_REFUND], ids=name_of)
def test_returned(request_: Request) -> None:
    assert parsed(request_, RETURNED) == DONE
    accepted = RefundAccepted(at_ms=AT_MS, gateway_ref=RETURNED["refundId"])
    for missing in ("refundRequestId", "refundAmount"):
        assert parsed(request_, without(RETURNED, missing)) == accepted
    other = parsed(request_, RETURNED | {"refundAmount": amount_of("999")})
    assert isinstance(other, RefundDone)
    assert other.amount == Money(999, "USD") != PART


@pytest.mark.parametrize(
    "code", [*sorted(REFUND_FAILS), *UNLISTED[:1], *UNLISTED[2:], "PAYMENT_IN_PROCESS"]
)
def test_a_refund_that_was_refused(code: str) -> None:
    event = parsed(REFUND, RETURNED, "F", code)
    if code in REFUND_FAILS:
        assert event == RefundFailed(at_ms=AT_MS, reason=REFUND_FAILS[code], detail=code)
    else:
        assert isinstance(event, AnswerUnclear)
    assert isinstance(parsed(REFUND, RETURNED, "U", code), AnswerUnclear)


def test_refund_status() -> None:
    under_way = RefundAccepted(at_ms=AT_MS, gateway_ref=RETURNED["refundId"])
    assert parsed(QUERY_REFUND, RETURNED | {"refundStatus": "PROCESSING"}) == under_way
    failed = RETURNED | {"refundStatus": "FAIL"}
    assert parsed(QUERY_REFUND, failed) == RefundFailed(at_ms=AT_MS, detail="FAIL")
    assert isinstance(parsed(QUERY_REFUND, without(failed, "refundRequestId")), AnswerUnclear)
    for status in (None, "", "success", "DONE", 1):
        event = parsed(QUERY_REFUND, RETURNED | {"refundStatus": status})
        assert isinstance(event, AnswerUnclear)
    assert isinstance(parsed(QUERY_REFUND, RETURNED, "U", "SUCCESS"), AnswerUnclear)


# -- about somebody else, or about the customer's code ------------------------------------------------------


@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
def test_another_order_or_refund(request_: Request) -> None:
    """F34, F45."""
    whole = CREATED | RETURNED
    assert not isinstance(parsed(request_, whole), AnswerUnclear)
    name = "refundRequestId" if request_ in (REFUND, QUERY_REFUND) else "paymentRequestId"
    for other in ("TOTHER", REFUND_NO + "0", ORDER_NO.lower()):
        assert isinstance(parsed(request_, whole | {name: other}), AnswerUnclear)


@pytest.mark.parametrize("field", ["paymentId", "paymentStatus", "x"])
def test_an_echo_of_the_code_is_dropped(field: str) -> None:
    for result in (("S", "SUCCESS"), ("U", "PAYMENT_IN_PROCESS"), ("F", CODE), (CODE, "X")):
        assert CODE not in repr(parsed(SUBMIT, PAID | {field: f"x{CODE}"}, *result))


def test_a_query_in_another_currency_is_told_as_it_is() -> None:
    event = parsed(QueryOrder(ORDER_NO, Money(3450, "EUR")), PAID)
    assert event == APPROVED
    assert AMOUNT.currency == "USD"
