"""PayCloud and CodePay: what is sent, checked over the values on the wire."""

from __future__ import annotations

import base64
import json
from typing import Any, get_args
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.codes.scanned import PaymentCode
from terminal.core.effects import (
    CloseOrder,
    CreateOrder,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    Request,
    ReverseOrder,
    SubmitPayment,
    VoidOrder,
)
from terminal.core.events import (
    PaymentApproved,
)
from terminal.core.terms import HouseFault, Money, Refusal
from terminal.gateways.paycloud import TIMING, Gateway
from terminal.wire.signing import canonical
from tests.gateways.vendor import (
    AMOUNT,
    CODE,
    CREATE,
    ORDER_NO,
    PAID,
    QUERY,
    REFUND,
    REFUND_NO,
    REQUESTS,
    STAMP,
    SUBMIT,
    codec,
    keys,
    name_of,
    parsed,
    verifier,
)

# -- requests ----------------------------------------------------------------------------------------------


def sent(gateway: Gateway, request: Request) -> dict[str, str]:
    """What goes out, checked as the gateway checks it: over the values on the wire."""
    http = gateway.build(request, STAMP)
    if http.headers["Content-Type"] == "application/json":
        fields = json.loads(http.body)
    else:
        fields = dict(parse_qsl(http.body.decode(), keep_blank_values=True, strict_parsing=True))
    signature = base64.b64decode(fields["sign"], validate=True)
    assert verifier(keys()[0]).verify(canonical(fields).encode(), signature)
    assert all(isinstance(value, str) and value for value in fields.values())
    assert not any(value.startswith("@") for value in fields.values())
    return {name: value for name, value in fields.items() if name != "sign"}


COMMON = {
    "app_id": "wz00test",
    "format": "JSON",
    "charset": "UTF-8",
    "sign_type": "RSA2",
    "version": "1.0",
    "timestamp": "1795223864205",
    "merchant_no": "312100007235",
    "merchant_order_no": ORDER_NO,
}
ORDER = {
    "pay_method_id": "Alipay+",
    "price_currency": "USD",
    "order_amount": "34.50",
    "description": "Purchase",
}
SENT: dict[type[Request], dict[str, str]] = {
    CreateOrder: {"method": "cscanb.pay.getqrcode", "expires": "180", **ORDER},
    SubmitPayment: {"method": "bscanc.pay.submit", "expires": "60", "auth_code": CODE, **ORDER},
    QueryOrder: {"method": "order.query"},
    CloseOrder: {"method": "order.revoker"},
    ReverseOrder: {"method": "order.revoker"},
    RefundOrder: {
        "method": "order.refund.submit",
        "merchant_order_no": REFUND_NO,
        "orig_merchant_order_no": ORDER_NO,
        "price_currency": "USD",
        "order_amount": "10.00",
    },
    QueryRefund: {"method": "order.refund.query", "merchant_order_no": REFUND_NO},
    VoidOrder: {"method": "order.revoker", "merchant_order_no": ORDER_NO},
}


@pytest.mark.parametrize("body", ["json", "form"])
@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
def test_what_is_sent(request_: Request, body: str) -> None:
    assert sent(codec(body=body), request_) == COMMON | SENT[type(request_)]


def test_every_request_of_the_core_can_be_said() -> None:
    assert {type(request) for request in REQUESTS} == set(get_args(Request))


def test_the_body_is_compact_utf8_json() -> None:
    http = codec(description="Café 二维码").build(CREATE, STAMP)
    assert "Café 二维码".encode() in http.body
    assert b'": ' not in http.body
    assert (http.path, http.read_timeout_ms) == ("/api/entry", 10_000)


def test_what_the_technician_knows_goes_along() -> None:
    own: dict[str, Any] = {
        "store_no": "4122",
        "terminal_sn": "RPI1",
        "notify_url": "https://pos.example/n?a=1&b=2",
    }
    fields = sent(codec(**own), CREATE)
    assert own.items() <= fields.items()
    assert not own.keys() & sent(codec(**own), QUERY).keys()
    assert sent(codec(**own), REFUND)["notify_url"] == own["notify_url"]


def test_codepay_differs_in_the_wallet() -> None:
    gateway = codec(profile="codepay")
    assert gateway.name == "codepay"
    assert sent(gateway, SUBMIT)["pay_method_id"] == "Alipay"
    assert sent(gateway, CREATE)["pay_method_id"] == "Alipay"


def test_the_wallet_map_can_be_changed() -> None:
    gateway = codec({"blik": "BlikPay"}, mpm_wallet="blik")
    assert sent(gateway, CREATE)["pay_method_id"] == "BlikPay"
    assert sent(gateway, SUBMIT)["pay_method_id"] == "Alipay+"


def test_paths_can_differ() -> None:
    gateway = codec(path="/api/x", paths={"order.query": "/api/x/orderquery"})
    paths = [gateway.build(request, STAMP).path for request in REQUESTS]
    assert paths == ["/api/x", "/api/x", "/api/x/orderquery", *["/api/x"] * 5]


@pytest.mark.parametrize(
    ("money", "decimals", "text"),
    [
        (Money(1250, "JPY"), {}, "1250"),
        (Money(1250, "USD"), {}, "12.50"),
        (Money(1250, "KWD"), {}, "1.250"),
        (Money(5, "USD"), {}, "0.05"),
        (Money(1250, "JPY"), {"JPY": 1}, "1250.0"),
        (Money(1250, "KWD"), {"KWD": 2}, "1.25"),
        (Money(10**15 - 1, "IDR"), {}, "9999999999999.99"),
    ],
)
def test_amounts(money: Money, decimals: dict[str, int], text: str) -> None:
    fields = sent(codec(decimals=decimals), CreateOrder(ORDER_NO, money))
    assert (fields["order_amount"], fields["price_currency"]) == (text, money.currency)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10**15 - 1), st.sampled_from(["JPY", "EUR", "KWD"]))
def test_an_amount_comes_back_as_the_same_money(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    text = sent(codec(), CreateOrder(ORDER_NO, money))["order_amount"]
    data = PAID | {"order_amount": text, "price_currency": currency, "trans_amount": text}
    event = parsed(QueryOrder(ORDER_NO, money), data)
    assert isinstance(event, PaymentApproved)
    assert event.paid == money


@pytest.mark.parametrize(
    ("request_", "own", "words"),
    [
        (CreateOrder(ORDER_NO, Money(1251, "KWD")), {"decimals": {"KWD": 2}}, "2 decimals"),
        (SubmitPayment(ORDER_NO, AMOUNT, None, "d", PaymentCode(CODE)), {}, "wallet None"),
        (SubmitPayment(ORDER_NO, AMOUNT, "blik", "d", PaymentCode(CODE)), {}, "wallet blik"),
        (SubmitPayment(ORDER_NO, AMOUNT, "alipay+", "d"), {}, "without its code"),
        (SubmitPayment(ORDER_NO, AMOUNT, "alipay+", "d", PaymentCode("@12345")), {}, "with @"),
    ],
)
def test_what_cannot_be_said(request_: Request, own: dict[str, Any], words: str) -> None:
    with pytest.raises(HouseFault, match=words) as fault:
        codec(**own).build(request_, STAMP)
    assert "12345" not in str(fault.value)


def test_the_code_is_not_printed() -> None:
    assert CODE not in repr(codec().build(SUBMIT, STAMP))


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"app_id": ""}, "app_id is empty"),
        ({"merchant_no": ""}, "merchant_no is empty"),
        ({"description": "@home"}, "description starts with @"),
        ({"description": "Tea \N{HOT BEVERAGE}\N{PARTY POPPER}"}, "four bytes"),
        ({"description": "Tea \ud83c"}, "four bytes"),
        ({"path": "api/entry"}, "no path"),
        ({"paths": {"order.query": "/a b"}}, "no path"),
    ],
)
def test_settings_that_cannot_work(own: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        codec(**own)


def test_the_timing_is_the_vendors() -> None:
    assert (TIMING.first_query_ms, TIMING.query_step_ms, TIMING.doubt_ms) == (5_000, 5_000, 60_000)
    assert TIMING.earliest_undo_ms == 15_000
    assert (TIMING.undo_returns, TIMING.create_again, TIMING.tombstone) == (True, False, False)
