"""Antom: what is sent, and that a repeat is the same to the byte (I10)."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, get_args

import pytest

from terminal.core.effects import CreateOrder, RefundOrder, Request, SubmitPayment
from terminal.core.terms import HouseFault, Money, Refusal
from terminal.gateways.antom import TIMING, Gateway
from terminal.gateways.antom.bodies import OPERATIONS
from terminal.wire.http import Stamp
from terminal.wire.signing import from_signature_header, headed
from tests.gateways.vendor import (
    AMOUNT,
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
    STAMP,
    SUBMIT,
    TRANS_NO,
    VOID,
    keys,
    name_of,
    verifier,
)
from tests.gateways.vendor_antom import CLIENT, FOLDER, OWN, codec, money

LATER = Stamp(utc_ms=STAMP.utc_ms + 86_400_000)


def sent(gateway: Gateway, request: Request) -> dict[str, Any]:
    """What goes out, checked as Antom checks it."""
    http = gateway.build(request, STAMP)
    time, client = http.headers["request-time"], http.headers["client-id"]
    signature = from_signature_header(http.headers["signature"])
    assert verifier(keys()[0]).verify(headed(http.path, client, time, http.body), signature)
    tree = json.loads(http.body)
    assert isinstance(tree, dict)
    return tree


MERCHANT = {
    "referenceMerchantId": "M1",
    "merchantMCC": "5814",
    "merchantName": "Café",
    "store": {"referenceStoreId": "S1", "storeName": "Kiosk", "storeMCC": "5814"},
}
ORDER = {
    "referenceOrderId": ORDER_NO,
    "orderDescription": "Purchase",
    "orderAmount": money(AMOUNT),
}
IN_STORE: dict[str, Any] = {
    "productCode": "IN_STORE_PAYMENT",
    "paymentRequestId": ORDER_NO,
    "order": ORDER | {"merchant": MERCHANT},
    "paymentAmount": money(AMOUNT),
}
SENT: list[tuple[Request, str, dict[str, Any]]] = [
    (
        CREATE,
        "pay",
        IN_STORE
        | {
            "paymentMethod": {"paymentMethodType": "CONNECT_WALLET"},
            "paymentFactor": {"inStorePaymentScenario": "OrderCode"},
        },
    ),
    (
        SUBMIT,
        "pay",
        IN_STORE
        | {
            "paymentMethod": {"paymentMethodType": "CONNECT_WALLET", "paymentMethodId": CODE},
            "paymentFactor": {"inStorePaymentScenario": "PaymentCode"},
        },
    ),
    (QUERY, "inquiryPayment", {"paymentRequestId": ORDER_NO}),
    (CLOSE, "cancel", {"paymentRequestId": ORDER_NO}),
    (REVERSE, "cancel", {"paymentRequestId": ORDER_NO}),
    (VOID, "cancel", {"paymentRequestId": ORDER_NO}),
    (
        REFUND,
        "refund",
        {"refundRequestId": REFUND_NO, "paymentId": TRANS_NO, "refundAmount": money(PART)},
    ),
    (QUERY_REFUND, "inquiryRefund", {"refundRequestId": REFUND_NO}),
]


@pytest.mark.parametrize(("request_", "operation", "tree"), SENT, ids=lambda each: name_of(each))
def test_what_is_sent(request_: Request, operation: str, tree: dict[str, Any]) -> None:
    assert sent(codec(), request_) == tree
    assert codec().build(request_, STAMP).path == f"{FOLDER}/{operation}"


def test_every_request_of_the_core_can_be_said() -> None:
    assert set(OPERATIONS) == set(get_args(Request)) == {type(each) for each in REQUESTS}


@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
@pytest.mark.parametrize("product", ["order_code", "cashier"])
def test_a_repeat_has_the_same_body_and_a_fresh_signature(request_: Request, product: str) -> None:
    """I10, gateways.md 3.9."""
    gateway = codec(product=product, redirect_url="https://pos.example/back")
    first, again = gateway.build(request_, STAMP), gateway.build(request_, LATER)
    assert first.body == again.body
    assert first.headers["request-time"] != again.headers["request-time"]
    assert first.headers["signature"] != again.headers["signature"]


def test_a_cashier_code() -> None:
    gateway = codec(
        product="cashier",
        payment_method_type="GCASH",
        redirect_url="https://pos.example/back",
        settlement_currency="USD",
        payment_notify_url="https://pos.example/n",
    )
    assert sent(gateway, CREATE) == {
        "productCode": "CASHIER_PAYMENT",
        "paymentRequestId": ORDER_NO,
        "order": ORDER,
        "paymentAmount": money(AMOUNT),
        "paymentMethod": {"paymentMethodType": "GCASH"},
        "paymentRedirectUrl": "https://pos.example/back",
        "paymentNotifyUrl": "https://pos.example/n",
        "settlementStrategy": {"settlementCurrency": "USD"},
        "env": {"terminalType": "WEB"},
    }
    assert sent(gateway, SUBMIT)["productCode"] == "IN_STORE_PAYMENT"


def test_headers() -> None:
    headers = codec(key_version="7", agent_token="tok").build(QUERY, STAMP).headers
    assert headers["Content-Type"] == "application/json; charset=UTF-8"
    assert (headers["client-id"], headers["request-time"]) == (CLIENT, str(STAMP.utc_ms))
    assert headers["signature"].startswith("algorithm=RSA256,keyVersion=7,signature=")
    assert headers["agent-token"] == "tok"
    iso = codec(request_time_format="iso").build(QUERY, STAMP).headers["request-time"]
    assert iso == "2026-11-21T01:17:44+00:00"


@pytest.mark.parametrize(
    ("own", "path"),
    [
        ({}, "/ams/sandbox/api/v1/payments/cancel"),
        ({"client_id": "5Y0000000000"}, "/ams/api/v1/payments/cancel"),
        ({"path": "/x/y/"}, "/x/y/cancel"),
    ],
)
def test_paths(own: dict[str, str], path: str) -> None:
    assert codec(**own).build(CLOSE, STAMP).path == path


def test_the_case_of_the_scenario_is_a_setting() -> None:
    gateway = codec(scenario_case="upper")
    for request, scenario in ((CREATE, "ORDERCODE"), (SUBMIT, "PAYMENTCODE")):
        assert sent(gateway, request)["paymentFactor"] == {"inStorePaymentScenario": scenario}


def test_the_terminal_may_be_named_and_its_time_sent_with_a_submit_only() -> None:
    gateway = codec(store_terminal_id="RPI1", send_terminal_time=True)
    assert sent(gateway, CREATE)["order"]["env"] == {"storeTerminalId": "RPI1"}
    env = {"storeTerminalId": "RPI1", "storeTerminalRequestTime": "2026-11-21T01:17:44+00:00"}
    assert sent(gateway, SUBMIT)["order"]["env"] == env


def test_antom_finds_the_wallet_by_the_code() -> None:
    for wallet in (None, "alipay-hk", "somebody"):
        request = dataclasses.replace(SUBMIT, wallet=wallet)
        assert sent(codec(), request)["paymentMethod"]["paymentMethodType"] == "CONNECT_WALLET"
    method = sent(codec({"alipay+": "ALIPAY_CN"}), SUBMIT)["paymentMethod"]
    assert method["paymentMethodType"] == "ALIPAY_CN"


@pytest.mark.parametrize(
    ("money_", "value"),
    [(Money(1231, "USD"), "1231"), (Money(1, "JPY"), "1"), (Money(500_00, "IDR"), "50000")],
)
def test_amounts_are_minor_units_as_text(money_: Money, value: str) -> None:
    tree = sent(codec(), CreateOrder(ORDER_NO, money_))
    amount = {"currency": money_.currency, "value": value}
    assert tree["paymentAmount"] == tree["order"]["orderAmount"] == amount


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (SubmitPayment(ORDER_NO, AMOUNT, None, "d"), "without its code"),
        (CreateOrder(ORDER_NO, Money(12345, "IDR")), "whole rupiahs"),
        (RefundOrder(REFUND_NO, Money(12345, "IDR"), ORDER_NO, "1"), "whole rupiahs"),
        (RefundOrder(REFUND_NO, PART, ORDER_NO), "paymentId"),
    ],
)
def test_what_cannot_be_said(request_: Request, words: str) -> None:
    with pytest.raises(HouseFault, match=words):
        codec().build(request_, STAMP)


def test_the_code_is_not_printed() -> None:
    assert CODE not in repr(codec().build(SUBMIT, STAMP))


def test_a_body_is_ascii_whatever_is_in_it() -> None:
    assert codec(merchant_name="Café \N{PARTY POPPER}").build(CREATE, STAMP).body.isascii()


@pytest.mark.parametrize(
    ("own", "words"),
    [
        *(({name: ""}, f"{name} is empty") for name in OWN),
        ({"description": "Café"}, "ASCII"),
        ({"store_name": "a\nb"}, "printed"),
        ({"merchant_name": "\ud800"}, "printed"),
        ({"client_id": "a.b"}, "client_id"),
        ({"path": "ams"}, "no path"),
        ({"key_version": "1,x"}, "key_version"),
        ({"product": "cashier"}, "redirect_url"),
    ],
)
def test_settings_that_cannot_work(own: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        codec(**own)


def test_the_timing_is_the_vendors() -> None:
    assert (TIMING.first_query_ms, TIMING.query_step_ms, TIMING.doubt_ms) == (3_000, 3_000, 60_000)
    assert (TIMING.undo_returns, TIMING.create_again, TIMING.tombstone) == (True, True, False)
