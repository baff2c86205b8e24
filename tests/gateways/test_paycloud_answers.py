"""PayCloud, cell by cell: what every authentic answer means."""

from __future__ import annotations

from typing import Any

import pytest

from terminal.core.effects import (
    CloseOrder,
    CreateOrder,
    QueryOrder,
    Request,
    ReverseOrder,
    SubmitPayment,
)
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
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
)
from terminal.core.sale import Reason
from terminal.core.terms import Money
from terminal.gateways import QR_CHARACTERS_MAX
from terminal.gateways.paycloud.answers import DOUBTFUL, REASONS
from tests.gateways.vendor import (
    APPROVED,
    ASKING,
    AT_MS,
    CREATE,
    ORDER_NO,
    ORDERING,
    PAID,
    QUERY,
    REQUESTS,
    SUBMIT,
    UNDOING,
    answer,
    codec,
    name_of,
    parsed,
)

# -- what became of the order (trans_status, gateways.md 1.8) ----------------------------------------------


@pytest.mark.parametrize("request_", ASKING, ids=name_of)
@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (9, PaymentPending(at_ms=AT_MS, gateway_ref=PAID["trans_no"])),
        (0, PaymentPending(at_ms=AT_MS, payer_acting=True, gateway_ref=PAID["trans_no"])),
        (2, APPROVED),
        (3, OrderClosed(at_ms=AT_MS, detail="cancelled")),
    ],
)
def test_status(request_: Request, as_text: bool, status: int, expected: OrderEvent) -> None:
    """F33: a number or a text, both are seen on the wire."""
    data = PAID | {"trans_status": str(status) if as_text else status}
    assert parsed(request_, data) == expected


@pytest.mark.parametrize("request_", ASKING, ids=name_of)
@pytest.mark.parametrize(
    "status", [4, 5, -1, 22, "", "02", "2 ", "SUCCESS", "success", "２", True, None, [2], {"a": 2}]
)
def test_an_unlisted_status_is_in_doubt(request_: Request, status: Any) -> None:
    assert isinstance(parsed(request_, PAID | {"trans_status": status}), AnswerUnclear)


@pytest.mark.parametrize("request_", ASKING, ids=name_of)
@pytest.mark.parametrize("code", [*REASONS, "Z999"])
def test_failed_with_a_reason(request_: Request, code: str) -> None:
    event = parsed(request_, PAID | {"trans_status": 1, "trans_error_code": code})
    reason = REASONS.get(code, Reason.REFUSED)
    assert event == PaymentDeclined(at_ms=AT_MS, reason=reason, detail=code)


@pytest.mark.parametrize("request_", [CREATE, SUBMIT, QUERY], ids=name_of)
@pytest.mark.parametrize("code", sorted(DOUBTFUL))
def test_failed_with_a_reason_that_contradicts_it(request_: Request, code: str) -> None:
    data = PAID | {"trans_status": 1, "trans_error_code": code}
    assert isinstance(parsed(request_, data), AnswerUnclear)


def test_the_lists_do_not_overlap() -> None:
    assert not DOUBTFUL & REASONS.keys()


def test_failed_without_a_reason() -> None:
    failed = PAID | {"trans_status": 1}
    assert parsed(QUERY, failed) == OrderClosed(at_ms=AT_MS, detail="closed")
    assert parsed(SUBMIT, failed) == PaymentDeclined(at_ms=AT_MS, detail="(none)")


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (1, 2, PaymentApproved),
        (None, 2, PaymentApproved),
        (2, 2, OrderClosed),  # 8.8: the void of a paid order may be told so
        (2, 0, AnswerUnclear),
        (2, 1, AnswerUnclear),
        (3, 2, AnswerUnclear),  # a refund says nothing about the sale
        (4, 2, AnswerUnclear),
        ("SALE", 2, AnswerUnclear),
    ],
)
def test_only_a_sale_can_be_paid(kind: Any, status: int, expected: type[OrderEvent]) -> None:
    data = PAID | {"trans_type": kind, "trans_status": status}
    assert type(parsed(QUERY, data)) is expected


def test_a_void_must_name_the_order() -> None:
    unnamed = {"trans_no": "5", "trans_type": 2, "trans_status": 2}
    assert isinstance(parsed(QUERY, unnamed), AnswerUnclear)


# -- paid: what must be in the same answer (I3) -----------------------------------------------------------


@pytest.mark.parametrize("request_", ASKING, ids=name_of)
@pytest.mark.parametrize(
    "missing",
    [
        ["merchant_order_no"],
        ["price_currency"],
        ["order_amount", "trans_amount"],
        ["merchant_order_no", "price_currency", "order_amount", "trans_amount"],
    ],
    ids="+".join,
)
@pytest.mark.parametrize("how", ["absent", "empty", "null", "nested"])
def test_paid_that_lacks_something_is_a_hint(
    request_: Request, missing: list[str], how: str
) -> None:
    data = dict(PAID)
    for name in missing:
        data[name] = {"absent": None, "empty": "", "null": None, "nested": [PAID[name]]}[how]
        if how == "absent":
            del data[name]
    assert parsed(request_, data) == PaymentHinted(at_ms=AT_MS)


def test_one_of_the_two_amounts_is_enough() -> None:
    for name in ("order_amount", "trans_amount"):
        assert parsed(QUERY, {key: PAID[key] for key in PAID if key != name}) == APPROVED


def test_the_currency_may_be_implied_where_the_settings_say_so() -> None:
    data = {name: value for name, value in PAID.items() if name != "price_currency"}
    assert codec(implied_currency=True).parse(QUERY, answer(data), AT_MS) == APPROVED
    other = PAID | {"price_currency": "EUR"}
    event = codec(implied_currency=True).parse(QUERY, answer(other), AT_MS)
    assert isinstance(event, PaymentApproved)
    assert event.paid == Money(3450, "EUR")


@pytest.mark.parametrize(
    ("changed", "paid"),
    [
        ({"order_amount": "34.51"}, Money(3451, "USD")),
        ({"trans_amount": "34.49"}, Money(3449, "USD")),
        ({"order_amount": "3450", "trans_amount": "3450"}, Money(345000, "USD")),
        ({"trans_amount": "0"}, Money(0, "USD")),
        ({"price_currency": "EUR"}, Money(3450, "EUR")),
        ({"price_currency": "JPY", "order_amount": "34", "trans_amount": "34"}, Money(34, "JPY")),
    ],
)
def test_another_amount_is_told_as_it_is(changed: dict[str, Any], paid: Money) -> None:
    """The core puts it before a human (I9)."""
    event = parsed(QUERY, PAID | changed)
    assert isinstance(event, PaymentApproved)
    assert event.paid == paid


@pytest.mark.parametrize("text", ["34.5", "34.50", "34.500", "034.50", 34.5, "34.5E0", "3.45e+1"])
def test_amounts_are_compared_as_numbers(text: Any) -> None:
    """F30."""
    assert parsed(QUERY, PAID | {"order_amount": text, "trans_amount": text}) == APPROVED


def test_a_double_of_java() -> None:
    request = QueryOrder(ORDER_NO, Money(10_000_000_00, "IDR"))
    data = PAID | {"price_currency": "IDR", "order_amount": "1.0E7", "trans_amount": "10000000"}
    event = parsed(request, data)
    assert isinstance(event, PaymentApproved)
    assert event.paid == request.amount


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1,234",
            "1234 ",
            " 1234",
            "+1",
            "-1",
            "-0",
            "0x10",
            "1_000",
            "12.345",
            "٣٤.٥٠",
            "３４.５０",
        ),
        *(
            "NaN",
            "Infinity",
            "1e400",
            "1E99",
            "1e-3",
            "3450e-2",
            "9" * 19,
            str(2**63),
            "1.",
            ".5",
            "1..2",
        ),
        *("1" * 5000, "34.50 USD", "34.50\n", "\x0034.50"),
    ],
)
def test_illegible_amounts_are_in_doubt(text: str) -> None:
    """F29, F30, F31."""
    for name in ("order_amount", "trans_amount"):
        assert isinstance(parsed(QUERY, PAID | {name: text}), AnswerUnclear)


@pytest.mark.parametrize("currency", ["usd", "US", "USDT", "840", "XXX", "$", "\ud800"])
def test_currencies_that_cannot_be(currency: str) -> None:
    """F32."""
    assert isinstance(parsed(QUERY, PAID | {"price_currency": currency}), AnswerUnclear)


@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
@pytest.mark.parametrize(
    "changed",
    [
        {"merchant_order_no": ORDER_NO[:-1] + "0"},
        {"merchant_order_no": ORDER_NO.lower()},
        {"merchant_no": "312100007236"},
        {"app_id": "wz00other"},
        {"store_no": "9"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_order_or_merchant(request_: Request, changed: dict[str, str]) -> None:
    """F34, F35, F45."""
    data = PAID | {"qrcode_url": "https://qr.example/x"} | changed
    event = codec(store_no="4122").parse(request_, answer(data), AT_MS)
    assert isinstance(event, AnswerUnclear)


@pytest.mark.parametrize("status", [9, 0, 1, 3, 4])
def test_a_query_must_be_answered_by_name(status: int) -> None:
    data = {"trans_no": "1", "trans_status": status, "trans_error_code": "TS-D2012"}
    assert isinstance(parsed(QUERY, data), AnswerUnclear)


def test_a_submit_is_answered_as_documented() -> None:
    """gateways.md 1.12: without the order's number. Paid is a hint, a decline is a decline."""
    paid = {"trans_no": "5", "trans_status": 2, "trans_amount": "34.5", "paid_amount": "34.5"}
    assert parsed(SUBMIT, paid) == PaymentHinted(at_ms=AT_MS)
    declined = {"trans_no": "5", "trans_status": 1, "trans_error_code": "TS-D2012"}
    assert parsed(SUBMIT, declined) == PaymentDeclined(
        at_ms=AT_MS, reason=Reason.INSUFFICIENT_FUNDS, detail="TS-D2012"
    )
    pin = {"trans_no": "5", "trans_status": 0}
    assert parsed(SUBMIT, pin) == PaymentPending(at_ms=AT_MS, payer_acting=True, gateway_ref="5")


# -- the code to show -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [None, 9, 0, 2])
def test_a_code_is_a_code_and_never_a_payment(status: int | None) -> None:
    data = {"trans_no": "5", "qrcode_url": "https://qr.example/abc?x=1&y=2", "trans_status": status}
    assert parsed(CREATE, data) == CodeIssued(
        at_ms=AT_MS, code="https://qr.example/abc?x=1&y=2", gateway_ref="5"
    )


@pytest.mark.parametrize(
    "qr", [None, "", "a\nb", "\x00", "a\u200bb", "x" * (QR_CHARACTERS_MAX + 1), ["x"], True]
)
def test_a_code_that_cannot_be_shown(qr: Any) -> None:
    """F46."""
    assert isinstance(parsed(CREATE, {"trans_no": "5", "qrcode_url": qr}), AnswerUnclear)


def test_the_longest_code() -> None:
    event = parsed(CREATE, {"qrcode_url": "x" * QR_CHARACTERS_MAX})
    assert isinstance(event, CodeIssued)
    assert event.gateway_ref is None


def test_an_order_that_failed_at_birth() -> None:
    data = {"trans_status": 1, "trans_error_code": "120", "qrcode_url": "https://qr.example/x"}
    assert parsed(CREATE, data) == PaymentDeclined(at_ms=AT_MS, reason=Reason.LIMIT, detail="120")
    assert isinstance(parsed(CREATE, {"trans_status": 3}), OrderClosed)


# -- undoing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", UNDOING, ids=name_of)
def test_undone(request_: Request) -> None:
    assert parsed(request_, None) == UndoAccepted(at_ms=AT_MS)
    assert parsed(request_, "") == UndoAccepted(at_ms=AT_MS)
    for status in (2, 3, 1):  # 8.8
        assert parsed(request_, PAID | {"trans_status": status}) == UndoAccepted(at_ms=AT_MS)


# -- the call itself (code, gateways.md 1.7) ---------------------------------------------------------------

CODES = {
    "SYS002": "setup",
    "SYS011": "setup",
    "E07303": "setup",
    "E04111": "absent",
    "F001": "final",
    "EARLY": "early",
    "OVER": "over",
    "SYS500": "",
    "M010": "",
    "M009": "",
    "000": "",
    "00": "",
    "-0": "",
    "0.0": "",
    "": "",
    "CLI003": "",
}


@pytest.mark.parametrize("request_", ORDERING, ids=name_of)
@pytest.mark.parametrize("code", CODES)
def test_code(request_: Request, code: str) -> None:
    gateway = codec(
        final_fail_codes=("F001",), too_early_codes=("EARLY",), window_over_codes=("OVER",)
    )
    event = gateway.parse(request_, answer(PAID, code), AT_MS)
    meaning = CODES[code]
    expected: OrderEvent | None = None
    if isinstance(request_, (CreateOrder, SubmitPayment)):
        if meaning == "setup":
            expected = PaymentDeclined(at_ms=AT_MS, reason=Reason.SETUP, detail=code)
        if meaning == "final":
            expected = PaymentDeclined(at_ms=AT_MS, reason=Reason.REFUSED, detail=code)
    elif meaning == "absent":
        expected = OrderNotFound(at_ms=AT_MS, detail=code)
    if isinstance(request_, (CloseOrder, ReverseOrder)) and meaning == "early":
        expected = UndoRefused(at_ms=AT_MS, why=UndoRefusal.TOO_EARLY, detail=code)
    if isinstance(request_, (CloseOrder, ReverseOrder)) and meaning == "over":
        expected = UndoRefused(at_ms=AT_MS, why=UndoRefusal.WINDOW_OVER, detail=code)
    if expected is None:
        assert isinstance(event, AnswerUnclear)
        assert (code or "(none)") in event.detail
        assert "11210114000012345678" in event.detail  # psn: what the vendor's support asks for
    else:
        assert event == expected


def test_a_code_without_our_settings_is_in_doubt() -> None:
    for request in REQUESTS:
        for code in ("F001", "EARLY", "OVER"):
            assert isinstance(parsed(request, None, code), AnswerUnclear)
