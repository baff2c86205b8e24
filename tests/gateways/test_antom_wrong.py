"""Antom: answers and notices that are not to be believed, and anything at all."""

from __future__ import annotations

import contextlib
import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.core.effects import Request
from terminal.core.events import AnswerUnclear, OrderEvent, PaymentApproved, RefundDone
from terminal.core.terms import Money, WireFault
from terminal.gateways import DETAIL_CHARACTERS_MAX, Notice
from terminal.gateways.antom import Gateway
from terminal.wire.envelope import MESSAGE_BYTES_MAX
from terminal.wire.http import HttpAnswer
from terminal.wire.signing import from_signature_header, headed, signature_header
from tests.gateways.vendor import (
    AMOUNT,
    AT_MS,
    CODE,
    ORDER_NO,
    PART,
    QUERY,
    REFUND_NO,
    REQUESTS,
    SUBMIT,
    keys,
    name_of,
)
from tests.gateways.vendor_antom import (
    APPROVED,
    BACK_NOTICE,
    CLIENT,
    CREATED,
    NOTICE_PATH,
    PAID,
    PAID_NOTICE,
    PAYMENT_ID,
    RESULT,
    RETURNED,
    TIME,
    answer,
    answered,
    codec,
    headers_of,
    noticed,
    parsed,
    path_of,
)

EVENTS = get_args(OrderEvent)
WHOLE = json.dumps({"result": RESULT, **CREATED, **RETURNED}).encode()


# -- the signature header ----------------------------------------------------------------------------------


def test_the_header_and_back() -> None:
    for signature in (b"\xfb\xff\xfe" * 86, b"", b"\x00"):
        text = signature_header(signature, "1")
        assert from_signature_header(text) == signature
        assert from_signature_header(text.replace(",", " ,  ")) == signature


def test_a_plus_that_nobody_encoded_survives() -> None:
    assert from_signature_header("algorithm=RSA256,keyVersion=1,signature=+/+/") == b"\xfb\xff\xbf"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "signature=AAAA",
        "algorithm=RSA512,keyVersion=1,signature=AAAA",
        "algorithm=RSA256,signature=AAAA,signature=AAAA",
        "algorithm=RSA256,signature=A",
        "algorithm=RSA256,signature=%ff%",
        "algorithm=RSA256,signature=-_-_",
        "algorithm=RSA256,signature=ÄÖÜß",
        "RSA256,1,AAAA",
    ],
)
def test_headers_that_are_none(text: str) -> None:
    with pytest.raises(WireFault):
        from_signature_header(text)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_header(text: str) -> None:
    with contextlib.suppress(WireFault):
        assert isinstance(from_signature_header(text), bytes)


def test_a_head_that_is_no_text() -> None:
    with pytest.raises(WireFault):
        headed("/p", CLIENT, "\ud800", b"")


# -- not authentic, not legible ----------------------------------------------------------------------------

BODIES = {
    "empty (F23)": b"",
    "a captive portal (F24)": b"<!doctype html><title>Log in</title>",
    "half (F25)": WHOLE[: len(WHOLE) // 2],
    "a key twice (F27)": WHOLE[:-1] + b', "paymentStatus": "FAIL"}',
    "an array": b"[" + WHOLE + b"]",
    "null": b"null",
    "NaN (F29)": WHOLE[:-1] + b', "x": NaN}',
    "UTF-16": WHOLE.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + WHOLE,
    "Latin-1": WHOLE[:-1] + b', "x": "\xe9"}',
    "deep (F28)": b'{"x":' * 10_000 + b"1" + b"}" * 10_000,
    "deep lists (F28)": b"[" * 60_000,
    "large": WHOLE + b" " * MESSAGE_BYTES_MAX,
    "a number of many digits": b'{"x":' + b"9" * 60_000 + b"}",
    "no result": json.dumps(PAID).encode(),
    "a result that is a text": json.dumps({**PAID, "result": "S"}).encode(),
}


@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
@pytest.mark.parametrize("what", BODIES)
def test_signed_nonsense(what: str, request_: Request) -> None:
    event = codec().parse(request_, answered(request_, BODIES[what]), AT_MS)
    assert isinstance(event, AnswerUnclear)
    assert 0 < len(event.detail) <= DETAIL_CHARACTERS_MAX


@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
def test_good_is_good(request_: Request) -> None:
    """So that the cases below are wrong for their own reason only."""
    event = codec().parse(request_, answered(request_, WHOLE), AT_MS)
    assert not isinstance(event, AnswerUnclear)


def wrong_heads(request: Request) -> dict[str, dict[str, str]]:
    path, clock = path_of(request), "response-time"
    good = headers_of(path, WHOLE, clock=clock, key=None)
    return {
        "no signature (F37)": {name: good[name] for name in good if name != "signature"},
        "an empty signature": good | {"signature": ""},
        "our own key (F37)": headers_of(path, WHOLE, clock=clock, key=keys()[0]),
        "another path": headers_of(path + "x", WHOLE, clock=clock, key=None),
        "production's path": headers_of(path.replace("/sandbox", ""), WHOLE, clock=clock, key=None),
        "another body (F38)": headers_of(path, WHOLE + b" ", clock=clock, key=None),
        "another time": good | {"response-time": "1795223864206"},
        "no time": {name: good[name] for name in good if name != "response-time"},
        "another client (F35)": headers_of(path, WHOLE, clock=clock, client="X", key=None),
        "signed for another client": good
        | {
            "signature": headers_of(path, WHOLE, clock=clock, client="X", key=None)["signature"],
        },
        "addressed to another client": good | {"client-id": "X"},
        "signed without a time": headers_of(path, WHOLE, clock=clock, time="", key=None),
        "a notice's clock": headers_of(path, WHOLE, clock="request-time", key=None),
    }


@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
def test_not_to_be_believed(request_: Request) -> None:
    for what, headers in wrong_heads(request_).items():
        event = codec().parse(request_, HttpAnswer(200, WHOLE, headers), AT_MS)
        assert isinstance(event, AnswerUnclear), what


def test_a_client_id_need_not_be_repeated() -> None:
    http = answer(QUERY, PAID)
    headers = {name: text for name, text in http.headers.items() if name != "client-id"}
    assert codec().parse(QUERY, HttpAnswer(200, http.body, headers), AT_MS) == APPROVED


@pytest.mark.parametrize("status", [0, 100, 204, 301, 302, 400, 401, 404, 429, 500, 502, 503])
def test_only_200_is_an_answer(status: int) -> None:
    """F40, F41."""
    http = answer(QUERY, PAID)
    event = codec().parse(QUERY, HttpAnswer(status, http.body, http.headers), AT_MS)
    assert event == AnswerUnclear(at_ms=AT_MS, detail=f"HTTP status {status}")


def test_unknown_fields_are_no_trouble() -> None:
    """F39, F50."""
    more = {"new": {"a": [1]}, "paymentTime": "2026-02-30T25:61:61", "flag": True, "n": None}
    assert parsed(QUERY, PAID | more) == APPROVED


# -- anything at all --------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(REQUESTS), st.text(max_size=60))
def test_any_bytes(body: bytes, request: Request, header: str) -> None:
    headers = {"signature": header, "response-time": header, "client-id": CLIENT}
    event = codec().parse(request, HttpAnswer(200, body, headers), AT_MS)
    assert isinstance(event, AnswerUnclear)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5000),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.sampled_from(["S", "F", "U", "SUCCESS", "3450", "USD", ORDER_NO, REFUND_NO, CODE, "T0", ""]),
)
NAMES = [*CREATED, *RETURNED, "result", "resultStatus", "resultCode", "currency", "value"]
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=5),
    st.booleans(),
    st.sampled_from(REQUESTS),
)
def test_signed_oddities(changed: dict[str, Any], whole: bool, request: Request) -> None:
    """An authentic gateway gone mad: an event, no exception, no leak, and paid only for this order."""
    base: dict[str, Any] = {"result": RESULT, **CREATED, **RETURNED} if whole else {}
    tree = base | changed
    event = codec().parse(request, answered(request, json.dumps(tree).encode()), AT_MS)
    assert isinstance(event, EVENTS)
    assert CODE not in repr(event) if request is SUBMIT else True
    if isinstance(event, PaymentApproved):
        assert tree["paymentRequestId"] == ORDER_NO
    if isinstance(event, RefundDone):
        assert tree["refundRequestId"] == REFUND_NO
    if isinstance(event, (PaymentApproved, RefundDone)):
        assert tree["result"]["resultStatus"] == "S"


# -- notices (gateways.md 3.11) ----------------------------------------------------------------------------


def read(tree: dict[str, Any], client: str = CLIENT) -> Notice:
    return codec().notice("POST", *noticed(tree, client=client))


def test_paid() -> None:
    assert read(PAID_NOTICE) == Notice(
        order_no=ORDER_NO,
        kind="payment",
        amount=AMOUNT,
        merchant_ok=True,
        gateway_ref=PAYMENT_ID,
        event_key=f"{ORDER_NO}/{PAYMENT_ID}/PAYMENT_RESULT/S/SUCCESS/(none)",
    )


def test_returned() -> None:
    notice = read(BACK_NOTICE)
    assert (notice.order_no, notice.kind, notice.amount) == (REFUND_NO, "refund", PART)
    assert notice.gateway_ref == RETURNED["refundId"]
    assert notice.event_key.endswith("/REFUND_RESULT/S/SUCCESS/SUCCESS")


@pytest.mark.parametrize(
    "changed",
    [
        {"notifyType": "PAYMENT_PENDING"},
        {"result": RESULT | {"resultStatus": "F"}},
        {"result": RESULT | {"resultCode": "PROCESS_FAIL"}},
        {"result": None},
    ],
    ids=str,
)
def test_what_does_not_say_that_money_moved(changed: dict[str, Any]) -> None:
    notice = read(PAID_NOTICE | changed)
    assert (notice.order_no, notice.kind, notice.amount) == (ORDER_NO, "payment", None)
    assert not notice.illegible


@pytest.mark.parametrize("currency, value", [("USD", "34.50"), ("usd", "3450"), ("USD", "")])
def test_what_says_that_money_moved_but_not_how_much(currency: str, value: str) -> None:
    for notice in (
        read(PAID_NOTICE | {"paymentAmount": {"currency": currency, "value": value}}),
        read(BACK_NOTICE | {"refundAmount": {"currency": currency, "value": value}}),
    ):
        assert (notice.amount, notice.illegible) == (None, True)


@pytest.mark.parametrize("changed", [{"refundStatus": "FAIL"}, {"result": {"resultStatus": "F"}}])
def test_what_does_not_say_that_money_went_back(changed: dict[str, Any]) -> None:
    notice = read(BACK_NOTICE | changed)
    assert (notice.amount, notice.illegible) == (None, False)


def test_another_amount_is_told_as_it_is() -> None:
    """F58."""
    amount = {"currency": "USD", "value": "3451"}
    assert read(PAID_NOTICE | {"paymentAmount": amount}).amount == Money(3451, "USD")


def test_another_client() -> None:
    """F57: signed, but not about us."""
    assert not read(PAID_NOTICE, client="5Y1").merchant_ok


def test_an_unknown_kind_is_for_acknowledging_only() -> None:
    notice = read({"notifyType": "CHARGEBACK", "x": 1})
    assert (notice.order_no, notice.kind, notice.amount) == ("", "other", None)


def test_the_same_event_has_the_same_key() -> None:
    assert read(PAID_NOTICE | {"paymentTime": "later"}) == read(PAID_NOTICE)
    failed = {"result": RESULT | {"resultStatus": "F"}}
    assert read(PAID_NOTICE | failed).event_key != read(PAID_NOTICE).event_key


def test_notices_not_to_be_believed() -> None:
    """F51, F52, F54, F58, F61, F62."""
    path, headers, body = noticed(PAID_NOTICE)
    other_key = headers_of(path, body, clock="request-time", key=keys()[0])
    as_answer = headers_of(path, body, clock="response-time", key=None)
    wrong: dict[str, tuple[str, str, dict[str, str], bytes]] = {
        "GET": ("GET", path, headers, body),
        "another path": ("POST", path + "/x", headers, body),
        "a traversal": ("POST", "/x/.." + path, headers, body),
        "no head": ("POST", path, {}, body),
        "another amount": ("POST", path, headers, body.replace(b"3450", b"3451")),
        "another key": ("POST", path, other_key, body),
        "another time": ("POST", path, headers | {"request-time": TIME + "0"}, body),
        "an answer's clock": ("POST", path, as_answer, body),
        "another client": ("POST", path, headers | {"client-id": "X"}, body),
        "empty": ("POST", *noticed({})),
        "no kind": ("POST", *noticed({"result": RESULT, **PAID})),
        "no order": ("POST", *noticed({"notifyType": "PAYMENT_RESULT"})),
        "an odd order": ("POST", *noticed(PAID_NOTICE | {"paymentRequestId": "T\x1b[2J"})),
        "large": ("POST", path, headers, body + b" " * MESSAGE_BYTES_MAX),
    }
    for what, asked in wrong.items():
        with pytest.raises(WireFault):
            raise AssertionError(what, codec().notice(*asked))


@settings(deadline=None)
@given(st.binary(max_size=200), st.text(max_size=40))
def test_any_notice(body: bytes, header: str) -> None:
    headers = {"signature": header, "request-time": header, "client-id": header}
    with pytest.raises(WireFault):
        codec().notice("POST", NOTICE_PATH, headers, body)


def test_the_acknowledgement() -> None:
    assert Gateway.acknowledgement.status == 200
    assert json.loads(Gateway.acknowledgement.body) == {"result": RESULT}
