"""The vendors' sides of our own gateways, for the contract test (tests/house/test_gateway_contract.py).

A third party's gateway brings its `Counterpart` in its own file; ours stand here, out of the shipped codecs.
"""

# ruff: noqa: ARG002  (a Protocol's arguments are not all needed everywhere)
from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlsplit

from terminal.core.effects import Request
from terminal.core.terms import Money
from terminal.gateways import antom, paycloud
from terminal.gateways.antom.bodies import OPERATIONS
from terminal.wire.envelope import opened
from terminal.wire.http import HttpAnswer, HttpRequest
from terminal.wire.signing import (
    Signer,
    Verifier,
    canonical,
    from_signature_header,
    headed,
    signature_header,
)


class PayCloud:
    """One signature over sorted fields; it covers no path."""

    path_is_signed = False

    def __init__(
        self, settings: paycloud.Settings, signer: Signer | None, verifier: Verifier
    ) -> None:
        self._settings = settings
        self._signer = signer
        self._verifier = verifier

    def verifies(self, asked: HttpRequest) -> bool:
        return bool(opened(asked.body, self._verifier))

    def paid(self, request: Request, order_no: str, amount: Money) -> HttpAnswer:
        return self._answer(self._said(order_no, amount, 1))

    def returned(self, request: Request, order_no: str, amount: Money) -> HttpAnswer | None:
        return self._answer(self._said(order_no, amount, 3))

    def notice(self, order_no: str, amount: Money) -> tuple[str, dict[str, str], bytes]:
        said = self._said(order_no, amount, 1) | {"method": paycloud.NOTIFY}
        return "/notify", {}, self._sealed(said)

    def _said(self, order_no: str, amount: Money, kind: int) -> dict[str, Any]:
        return {
            "app_id": self._settings.app_id,
            "merchant_no": self._settings.merchant_no,
            "merchant_order_no": order_no,
            "trans_type": kind,
            "trans_status": 2,
            "order_amount": amount.major,
            "price_currency": amount.currency,
        }

    def _answer(self, data: dict[str, Any]) -> HttpAnswer:
        return HttpAnswer(200, self._sealed({"code": "0", "data": json.dumps(data)}))

    def _sealed(self, fields: dict[str, Any]) -> bytes:
        if self._signer is None:
            return json.dumps(fields).encode()
        text = canonical({name: str(value) for name, value in fields.items()})
        signature = base64.b64encode(self._signer.sign(text.encode())).decode()
        return json.dumps({**fields, "sign": signature}).encode()


class Antom:
    """A signature over path, client, time and raw body."""

    path_is_signed = True

    def __init__(self, settings: antom.Settings, signer: Signer | None, verifier: Verifier) -> None:
        self._settings = settings
        self._signer = signer
        self._verifier = verifier

    def verifies(self, asked: HttpRequest) -> bool:
        head = asked.headers
        path = urlsplit(asked.path).path
        message = headed(path, head["client-id"], head["request-time"], asked.body)
        return self._verifier.verify(message, from_signature_header(head["signature"]))

    def paid(self, request: Request, order_no: str, amount: Money) -> HttpAnswer:
        said = {"paymentStatus": "SUCCESS", "paymentRequestId": order_no}
        return self._answer(request, {**said, "paymentAmount": _amount(amount)})

    def returned(self, request: Request, order_no: str, amount: Money) -> HttpAnswer | None:
        said = {"refundStatus": "SUCCESS", "refundRequestId": order_no}
        return self._answer(request, {**said, "refundAmount": _amount(amount)})

    def notice(self, order_no: str, amount: Money) -> tuple[str, dict[str, str], bytes]:
        said = {"notifyType": "PAYMENT_RESULT", "paymentRequestId": order_no}
        body = json.dumps({**said, "result": RESULT, "paymentAmount": _amount(amount)}).encode()
        return "/notify", self._headers("/notify", "request-time", body), body

    def _answer(self, request: Request, said: dict[str, Any]) -> HttpAnswer:
        path = f"{self._settings.folder}/{OPERATIONS[type(request)][0]}"
        body = json.dumps({"result": RESULT, **said}).encode()
        return HttpAnswer(200, body, self._headers(path, "response-time", body))

    def _headers(self, path: str, clock: str, body: bytes) -> dict[str, str]:
        client, time = self._settings.client_id, "1795223864205"
        headers = {"client-id": client, clock: time}
        if self._signer is not None:
            signature = self._signer.sign(headed(path, client, time, body))
            headers["signature"] = signature_header(signature, "1")
        return headers


RESULT = {"resultStatus": "S", "resultCode": "SUCCESS"}


def _amount(amount: Money) -> dict[str, str]:
    return {"currency": amount.currency, "value": str(amount.minor)}


COUNTERPARTS = {"paycloud": PayCloud, "antom": Antom}
