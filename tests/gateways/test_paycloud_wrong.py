"""PayCloud: answers that are not to be believed, and anything at all."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.codes.scanned import PaymentCode
from terminal.core.effects import (
    Request,
    SubmitPayment,
)
from terminal.core.events import (
    AnswerUnclear,
    OrderEvent,
    PaymentApproved,
)
from terminal.gateways import DETAIL_CHARACTERS_MAX
from terminal.wire.envelope import MESSAGE_BYTES_MAX
from terminal.wire.http import HttpAnswer
from terminal.wire.signing import canonical
from tests.gateways.vendor import (
    AMOUNT,
    APPROVED,
    AT_MS,
    CODE,
    GOOD,
    ORDER_NO,
    PAID,
    QUERY,
    REQUESTS,
    SPREAD,
    SUBMIT,
    answer,
    codec,
    keys,
    name_of,
    parsed,
    signed,
)

# -- not authentic, not legible ----------------------------------------------------------------------------

WRONG = {
    "empty (F23)": b"",
    "a captive portal (F24)": b"<!doctype html><title>Log in to the Wi-Fi</title>",
    "half (F25)": GOOD[: len(GOOD) // 2],
    "all but the last byte (F25)": GOOD[:-1],
    "no signature (F37)": json.dumps({k: v for k, v in SPREAD.items() if k != "sign"}).encode(),
    "an empty signature": json.dumps(SPREAD | {"sign": ""}).encode(),
    "a signature of null": json.dumps(SPREAD | {"sign": None}).encode(),
    "no base64": json.dumps(SPREAD | {"sign": "?" * 344}).encode(),
    "base64url": json.dumps(SPREAD | {"sign": "-_" * 172}).encode(),
    "our own key (F37)": signed(
        {name: value for name, value in SPREAD.items() if name != "sign"}, keys()[0]
    ),
    "data is an object (F38)": signed({"code": "0", "data": PAID}),
    "data reformatted (F38)": json.dumps(
        SPREAD | {"data": json.dumps(PAID, separators=(",", ":"))}
    ).encode(),
    "a key twice (F27)": GOOD[:-1] + b', "code": "0"}',
    "a field added": GOOD[:-1] + b', "trans_status": "2"}',
    "an empty field added twice": GOOD[:-1] + b', "x": "", "x": ""}',
    "an array": b"[" + GOOD + b"]",
    "text": b'"paid"',
    "null": b"null",
    "NaN (F29)": GOOD[:-1] + b', "x": NaN}',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "Latin-1": GOOD[:-1] + b', "x": "\xe9"}',
    "a lone surrogate": GOOD[:-1] + b', "x": "\\ud800"}',
    "deep (F28)": b'{"x":' * 10_000 + b"1" + b"}" * 10_000,
    "deep lists (F28)": b"[" * 60_000,
    "large": GOOD + b" " * MESSAGE_BYTES_MAX,
    "a number of many digits": b'{"x":' + b"9" * 60_000 + b"}",
}


@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
@pytest.mark.parametrize("what", WRONG)
def test_not_to_be_believed(what: str, request_: Request) -> None:
    event = codec().parse(request_, HttpAnswer(200, WRONG[what]), AT_MS)
    assert isinstance(event, AnswerUnclear)
    assert 0 < len(event.detail) <= DETAIL_CHARACTERS_MAX


def test_good_is_good() -> None:
    """So that the cases above are wrong for their own reason only."""
    assert codec().parse(QUERY, HttpAnswer(200, GOOD), AT_MS) == APPROVED
    spaced = json.dumps(SPREAD, indent=3).encode()
    assert codec().parse(QUERY, HttpAnswer(200, spaced), AT_MS) == APPROVED
    empty_added = GOOD[:-1] + b', "x": "", "y": null}'
    assert codec().parse(QUERY, HttpAnswer(200, empty_added), AT_MS) == APPROVED


@pytest.mark.parametrize(
    "data",
    [
        *("{", "[]", "null", "2", '{"trans_status":2,"trans_status":3}', '{"a":NaN}'),
        *('{"a":' * 9_000 + "1" + "}" * 9_000, "[" * 50_000, "\ufeff{}", "trans_status=2"),
    ],
    ids=range(10),
)
@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
def test_signed_nonsense_inside(request_: Request, data: str) -> None:
    assert isinstance(parsed(request_, data), AnswerUnclear)


@pytest.mark.parametrize("status", [0, 100, 201, 204, 301, 302, 400, 401, 404, 429, 500, 502, 503])
@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
def test_only_200_is_an_answer(request_: Request, status: int) -> None:
    """F40, F41: even a signed body under another status is in doubt."""
    event = codec().parse(request_, HttpAnswer(status, GOOD), AT_MS)
    assert event == AnswerUnclear(at_ms=AT_MS, detail=f"HTTP status {status}")


def test_unknown_fields_are_no_trouble() -> None:
    """F39; F50: no time field is read at all."""
    more = {"new": {"a": [1]}, "trans_end_time": "2026-02-30 25:61:61", "flag": True, "n": None}
    assert parsed(QUERY, PAID | more) == APPROVED


def test_references_that_are_no_references() -> None:
    event = parsed(QUERY, PAID | {"trans_no": "x" * 65, "pay_channel_trans_no": "\x1b[2J"})
    assert isinstance(event, PaymentApproved)
    assert (event.gateway_ref, event.approval) == (None, None)


# -- the customer's code goes nowhere (I11) ----------------------------------------------------------------


@pytest.mark.parametrize("field", ["trans_error_code", "trans_no", "pay_method_id", "trans_status"])
@pytest.mark.parametrize("status", [0, 1, 2, 3, 4])
def test_an_echo_of_the_code_is_dropped(field: str, status: int) -> None:
    data = PAID | {"trans_status": status} | {field: CODE}
    assert CODE not in repr(parsed(SUBMIT, data))
    assert CODE not in repr(parsed(SUBMIT, data | {field: f"x{CODE}"}))


def test_an_echo_in_the_envelope_is_dropped() -> None:
    for fields in ({"code": CODE, "psn": "1"}, {"code": "X", "psn": CODE}, {"code": CODE[:9]}):
        event = codec().parse(SUBMIT, HttpAnswer(200, signed(fields)), AT_MS)
        assert CODE not in repr(event)


def test_a_forgotten_code_is_no_trouble() -> None:
    code = PaymentCode(CODE)
    code.forget()
    request = SubmitPayment(ORDER_NO, AMOUNT, "alipay+", "d", code)
    for data in (PAID, PAID | {"trans_status": 1, "trans_error_code": "X"}):
        assert CODE not in repr(codec().parse(request, answer(data), AT_MS))


# -- anything at all --------------------------------------------------------------------------------------

EVENTS = get_args(OrderEvent)


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(REQUESTS), st.integers(0, 999))
def test_any_bytes(body: bytes, request: Request, status: int) -> None:
    event = codec().parse(request, HttpAnswer(status, body), AT_MS)
    assert isinstance(event, AnswerUnclear)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good answer with a few places cut out, replaced or doubled."""
    body = GOOD
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        stop = draw(st.integers(start, min(len(body), start + 40)))
        filling = draw(st.one_of(st.binary(max_size=8), st.just(body[start:stop] * 2)))
        body = body[:start] + filling + body[stop:]
    return body


@settings(max_examples=300, deadline=None)
@given(damaged(), st.sampled_from(REQUESTS))
def test_damaged_answers(body: bytes, request: Request) -> None:
    """Nothing but what the gateway signed, literally, is ever believed."""
    event = codec().parse(request, HttpAnswer(200, body), AT_MS)
    assert isinstance(event, EVENTS)
    if not isinstance(event, AnswerUnclear):
        believed = json.loads(body)
        assert canonical({k: v for k, v in believed.items() if v}) == canonical(SPREAD)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.sampled_from(["2", "34.50", "34.5", "USD", ORDER_NO, CODE, "T0", "", "1e400", "E04111"]),
)


def names(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from([*PAID, "qrcode_url", "trans_error_code", "x"]), inner)


ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | names(inner), max_leaves=6
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from([*PAID, "qrcode_url", "trans_error_code"]), ANYTHING),
    st.booleans(),
    st.sampled_from(["0", "0", "0", "E04111", "SYS002", "?"]),
    st.sampled_from(REQUESTS),
)
def test_signed_oddities(changed: dict[str, Any], whole: bool, code: str, request: Request) -> None:
    """An authentic gateway gone mad: an event, no exception, no leak, and paid only for this order."""
    data = (PAID if whole else {}) | changed
    event = parsed(request, data, code)
    assert isinstance(event, EVENTS)
    assert CODE not in repr(event) if request is SUBMIT else True
    if isinstance(event, PaymentApproved):
        assert code == "0"
        assert data["merchant_order_no"] == ORDER_NO
        assert str(data["trans_status"]) == "2"
        assert data["price_currency"] == event.paid.currency
    if isinstance(event, AnswerUnclear):
        assert 0 < len(event.detail) <= DETAIL_CHARACTERS_MAX
