"""Antom's side of its tests: its answers and notices, signed over path, client, time and raw body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from terminal.core.effects import Request
from terminal.core.events import OrderEvent, PaymentApproved, RefundDone
from terminal.core.terms import Money
from terminal.gateways.antom import Gateway, Settings
from terminal.gateways.antom.bodies import OPERATIONS
from terminal.wire.http import HttpAnswer
from terminal.wire.signing import Signer, headed, signature_header
from tests.gateways.vendor import AMOUNT, AT_MS, ORDER_NO, PART, REFUND_NO, keys, verifier

CLIENT = "SANDBOX_5Y0000000000"
FOLDER = "/ams/sandbox/api/v1/payments"
TIME = "1795223864205"  # 2026-11-21T01:17:44.205Z
NOTICE_PATH = "/notify/antom"
PAYMENT_ID = "202611211940108001001880000001"
OWN: dict[str, Any] = {
    "client_id": CLIENT,
    "merchant_id": "M1",
    "merchant_name": "Café",
    "merchant_mcc": "5814",
    "store_id": "S1",
    "store_name": "Kiosk",
}


def codec(wallets: Mapping[str, str] | None = None, **own: Any) -> Gateway:
    ours, theirs = keys()
    return Gateway(Settings(**(OWN | own)), ours, verifier(theirs), wallets)


def path_of(request: Request) -> str:
    return f"{FOLDER}/{OPERATIONS[type(request)][0]}"


def headers_of(
    path: str,
    body: bytes,
    *,
    clock: str,
    client: str = CLIENT,
    time: str = TIME,
    key: Signer | None,
) -> dict[str, str]:
    """`clock`: response-time or request-time. As Antom writes it: a space behind each comma."""
    signature = (key or keys()[1]).sign(headed(path, client, time, body))
    text = signature_header(signature, "2").replace(",", ", ")
    return {"signature": text, clock: time, "client-id": client}


def answered(
    request: Request, body: bytes, *, key: Signer | None = None, time: str = TIME
) -> HttpAnswer:
    headers = headers_of(path_of(request), body, clock="response-time", time=time, key=key)
    return HttpAnswer(200, body, headers)


def answer(
    request: Request, tree: Mapping[str, Any], status: str = "S", code: str = "SUCCESS"
) -> HttpAnswer:
    result = {"resultStatus": status, "resultCode": code, "resultMessage": "words"}
    return answered(request, json.dumps({"result": result, **tree}).encode())


def parsed(
    request: Request, tree: Mapping[str, Any], status: str = "S", code: str = "SUCCESS"
) -> OrderEvent:
    return codec().parse(request, answer(request, tree, status, code), AT_MS)


def money(amount: Money) -> dict[str, str]:
    return {"currency": amount.currency, "value": str(amount.minor)}


def amount_of(value: Any, currency: Any = "USD") -> dict[str, Any]:
    return {"currency": currency, "value": value}


PAID: dict[str, Any] = {
    "paymentStatus": "SUCCESS",
    "paymentRequestId": ORDER_NO,
    "paymentId": PAYMENT_ID,
    "paymentAmount": money(AMOUNT),
    "paymentTime": "2026-11-21T01:03:00+00:00",
}
RETURNED: dict[str, Any] = {
    "refundStatus": "SUCCESS",
    "refundRequestId": REFUND_NO,
    "refundId": "402611211940108001001880000002",
    "refundAmount": money(PART),
}
APPROVED = PaymentApproved(at_ms=AT_MS, paid=AMOUNT, gateway_ref=PAYMENT_ID)
DONE = RefundDone(at_ms=AT_MS, amount=PART, gateway_ref=RETURNED["refundId"])
CODE_TEXT = "https://global.alipay.com/281002040090bbmmzTC4BzSex92tUglv31de"
FORM: dict[str, Any] = {
    "expireTime": "2026-11-21T01:31:44+00:00",
    "codeDetails": [
        {"codeValueType": "QRCODE", "codeValue": "https://x/pic.png", "displayType": "BIGIMAGE"},
        {"codeValueType": "QRCODE", "codeValue": CODE_TEXT, "displayType": "TEXT"},
    ],
}
CREATED: dict[str, Any] = {**PAID, "orderCodeForm": FORM, "normalUrl": "https://x/checkout"}


def noticed(
    tree: Mapping[str, Any],
    *,
    path: str = NOTICE_PATH,
    client: str = CLIENT,
    key: Signer | None = None,
) -> tuple[str, dict[str, str], bytes]:
    """Path, headers and body of a notice; `path` is what was signed."""
    body = json.dumps(tree).encode()
    return path, headers_of(path, body, clock="request-time", client=client, key=key), body


RESULT = {"resultCode": "SUCCESS", "resultStatus": "S", "resultMessage": "success"}
PAID_NOTICE = {"notifyType": "PAYMENT_RESULT", "result": RESULT, **PAID}
BACK_NOTICE = {"notifyType": "REFUND_RESULT", "result": RESULT, **RETURNED}
