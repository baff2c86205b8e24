"""The real wires: the toy gateway speaks PayCloud's or Antom's bytes, and the production codec says and reads them.

What the codec builds is read as the gateway would: its signature must verify, and it must say the number and the
amount of the request that was meant. What the ledger answers is written in the gateway's own form, signed, and
read by the codec. The codec may understand less than was meant (a doubt is asked about), never something else.
Only what these gateways document is said, so some answers of the toy gateway come out as in doubt.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Protocol

from terminal.bench.simulator.checkers import must
from terminal.bench.simulator.clock import START_UTC_MS
from terminal.bench.simulator.codec import Asking, Codec, Saying
from terminal.bench.simulator.ledger import Ways
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
from terminal.core.timing import Timing
from terminal.gateways import Gateway, antom, paycloud
from terminal.wire.http import HttpAnswer, HttpRequest, Stamp
from terminal.wire.signing import (
    Signer,
    Verifier,
    canonical,
    from_signature_header,
    headed,
    signature_header,
)

UNDO = (CloseOrder, ReverseOrder, VoidOrder)
AMOUNT_SAID = (CreateOrder, SubmitPayment, RefundOrder)
IN_DOUBT = (AnswerUnclear, PaymentHinted, RefundAccepted)
MEANT = ("paid", "amount", "code", "why")  # words that must arrive as they were meant
FOR_NOTHING = HttpAnswer(502, b"<html>Bad Gateway</html>")

Fields = dict[str, Any]


class Wire(Protocol):
    """One gateway's side. `read`: (the number, the amount in text or "") that the bytes of a request say, when
    they are signed by the terminal. `write`: the signed answer; None: this gateway has no words for it."""

    def codec(self, timing: Timing) -> Gateway: ...

    def read(self, request: HttpRequest) -> tuple[str, str]: ...

    def write(self, request: Request, said: Saying, now_ms: int) -> HttpAnswer | None: ...

    def amount(self, amount: Money) -> str: ...


class Wired(Codec):
    """`terminal.gateways.Gateway`: the production codec, with the gateway's side of the wire behind it."""

    def __init__(self, timing: Timing, wire: Wire) -> None:
        super().__init__(timing)
        self._wire, self._real = wire, wire.codec(timing)

    def build(self, request: Request, stamp: Stamp) -> HttpRequest:
        http = self._real.build(request, stamp)
        number, amount = self._wire.read(http)
        ours = request.of if isinstance(request, VoidOrder) else request.order_no
        must("codec", number == ours, "{} is sent as {}", ours, number)
        meant = self._wire.amount(request.amount) if isinstance(request, AMOUNT_SAID) else ""
        must("codec", amount == meant, "{}: {} is sent as {}", ours, meant, amount)
        return Asking(
            http.path, http.body, http.headers, said=request, read_timeout_ms=http.read_timeout_ms
        )

    def parse(self, request: Request, answer: HttpAnswer, at_ms: int) -> OrderEvent:
        assert isinstance(answer, Saying)
        written = self._wire.write(request, answer, START_UTC_MS + at_ms)
        event = self._real.parse(request, written or FOR_NOTHING, at_ms)
        if not isinstance(event, IN_DOUBT):
            kind = type(event)
            must(
                "codec",
                kind is answer.kind,
                "{.__name__} is read as {.__name__}",
                answer.kind,
                kind,
            )
            for name in MEANT:
                meant = answer.words.get(name)
                heard = getattr(event, name, None)
                must("codec", heard == meant, "{}: {} is read as {}", name, meant, heard)
        return event


@cache
def keys(whose: str) -> tuple[Signer, Verifier]:  # noqa: ARG001 - each has a pair
    """2048 bits, as these gateways have."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Signer(key), Verifier(key.public_key())


# -- PayCloud ------------------------------------------------------------------------------------------------

_PAYCLOUD_ERROR = {Reason.INSUFFICIENT_FUNDS: "TS-D2012", Reason.CODE_USED: "AUTH_CODE_USED"}
_PAYCLOUD_REFUSED = {UndoRefusal.TOO_EARLY: "TOO-EARLY", UndoRefusal.WINDOW_OVER: "TOO-LATE"}


class PayCloud:
    """gateways.md 1. Answers to a submit name no order: such a PAID is a hint, and is asked about."""

    settings = paycloud.Settings(
        app_id="wz0123456789", merchant_no="312100007235",
        too_early_codes=("TOO-EARLY",), window_over_codes=("TOO-LATE",),
    )  # fmt: skip

    def codec(self, timing: Timing) -> Gateway:
        return paycloud.Gateway(self.settings, keys("ours")[0], keys("theirs")[1], timing=timing)

    def read(self, request: HttpRequest) -> tuple[str, str]:
        fields = json.loads(request.body)
        signature = base64.b64decode(fields["sign"])
        signed = keys("ours")[1].verify(canonical(fields).encode(), signature)
        must("codec", signed, "a request is not signed by the terminal")
        return fields["merchant_order_no"], fields.get("order_amount", "")

    def amount(self, amount: Money) -> str:
        return amount.major

    def write(self, request: Request, said: Saying, now_ms: int) -> HttpAnswer | None:
        code, data = self._code(request, said), self._data(request, said)
        if code is None and data is None:
            return None
        fields: Fields = {"code": code or "0", "msg": "", "psn": f"{now_ms:020}"}
        if data:
            fields["data"] = json.dumps(data)
        signature = keys("theirs")[0].sign(canonical(fields).encode())
        signed = {**fields, "sign": base64.b64encode(signature).decode()}
        return HttpAnswer(200, json.dumps(signed).encode(), {"content-type": "application/json"})

    def _code(self, request: Request, said: Saying) -> str | None:
        """Of a call that was not processed; None: it was."""
        if said.kind is OrderNotFound:
            return "E04111"
        if said.kind is UndoRefused:
            return _PAYCLOUD_REFUSED.get(said.words["why"])
        if said.kind is RefundFailed and isinstance(request, RefundOrder):
            return "M010"
        return None

    def _data(self, request: Request, said: Saying) -> Fields | None:
        if isinstance(request, UNDO):
            return {} if said.kind is UndoAccepted else None
        if isinstance(request, RefundOrder):
            return {"trans_no": "1"} if said.kind in (RefundAccepted, RefundDone) else None
        if isinstance(request, QueryRefund):
            return self._refund(request, said)
        if said.kind is CodeIssued:
            return {"trans_no": "1", "qrcode_url": said.words["code"]}
        status = {
            PaymentPending: "0" if said.words.get("payer_acting") else "9",
            PaymentApproved: "2",
            PaymentHinted: "2",
            PaymentDeclined: "1",
            OrderClosed: "3",
        }.get(said.kind)
        if status is None:
            return None
        data: Fields = {"trans_no": "1", "trans_type": "1", "trans_status": status}
        if isinstance(request, QueryOrder):
            data |= {"merchant_order_no": request.order_no}
        if paid := said.words.get("paid"):
            data |= {"trans_amount": paid.major, "price_currency": paid.currency}
        if reason := said.words.get("reason"):
            data["trans_error_code"] = _PAYCLOUD_ERROR.get(reason, "115")
        return data

    def _refund(self, request: QueryRefund, said: Saying) -> Fields | None:
        status = {RefundDone: "2", RefundAccepted: "0", RefundFailed: "1"}.get(said.kind)
        if status is None:
            return None
        return {
            "trans_no": "1", "merchant_order_no": request.order_no, "trans_type": "3",
            "trans_status": status, "order_amount": request.amount.major,
            "price_currency": request.amount.currency,
        }  # fmt: skip


# -- Antom ---------------------------------------------------------------------------------------------------

_ANTOM_DECLINE = {
    Reason.INSUFFICIENT_FUNDS: "USER_BALANCE_NOT_ENOUGH",
    Reason.CODE_USED: "INVALID_CODE",
}
_DONE, _UNDER_WAY, _ABSENT = ("S", "SUCCESS"), ("U", "PAYMENT_IN_PROCESS"), ("F", "ORDER_NOT_EXIST")


class Antom:
    """gateways.md 3. An answer is signed over the path that was asked for and the time in its header."""

    settings = antom.Settings(
        client_id="SANDBOX_5X0000", merchant_id="M1", merchant_name="Shop", merchant_mcc="5411",
        store_id="S1", store_name="Shop",
    )  # fmt: skip

    def codec(self, timing: Timing) -> Gateway:
        return antom.Gateway(self.settings, keys("ours")[0], keys("theirs")[1], timing=timing)

    def read(self, request: HttpRequest) -> tuple[str, str]:
        headers = request.headers
        text = headed(request.path, headers["client-id"], headers["request-time"], request.body)
        signature = from_signature_header(headers["signature"])
        signed = keys("ours")[1].verify(text, signature)
        must("codec", signed, "a request is not signed by the terminal")
        said = json.loads(request.body)
        number = said.get("refundRequestId") or said["paymentRequestId"]
        amount = said.get("refundAmount") or said.get("paymentAmount") or {"value": ""}
        return number, amount["value"]

    def amount(self, amount: Money) -> str:
        return str(amount.minor)

    def write(self, request: Request, said: Saying, now_ms: int) -> HttpAnswer | None:
        result, tree = self._result(request, said), self._tree(request, said, now_ms)
        if result is None:
            return None
        about = {"resultStatus": result[0], "resultCode": result[1], "resultMessage": ""}
        body = json.dumps({"result": about, **tree}).encode()
        end, _ = antom.bodies.OPERATIONS[type(request)]
        text = headed(f"{self.settings.folder}/{end}", self.settings.client_id, str(now_ms), body)
        headers = {
            "client-id": self.settings.client_id,
            "response-time": str(now_ms),
            "signature": signature_header(keys("theirs")[0].sign(text), "1"),
        }
        return HttpAnswer(200, body, headers)

    def _result(self, request: Request, said: Saying) -> tuple[str, str] | None:
        asks = isinstance(request, QueryOrder | QueryRefund)
        if said.kind is OrderNotFound:
            return None if isinstance(request, CreateOrder | SubmitPayment) else _ABSENT
        if said.kind is AnswerUnclear:
            return "U", "UNKNOWN_EXCEPTION"
        if said.kind is UndoRefused:
            over = said.words["why"] is UndoRefusal.WINDOW_OVER
            return ("F", "CANCEL_WINDOW_EXCEED") if over else None
        if asks:
            return _DONE
        if said.kind is PaymentPending:
            return _UNDER_WAY
        if said.kind is OrderClosed:
            return "F", "ORDER_IS_CLOSED"
        if said.kind is PaymentDeclined:
            return "F", _ANTOM_DECLINE[said.words["reason"]]
        if said.kind is RefundFailed:
            return None if isinstance(request, VoidOrder) else ("F", "REFUND_AMOUNT_EXCEED")
        return ("U", "REFUND_IN_PROCESS") if said.kind is RefundAccepted else _DONE

    def _tree(self, request: Request, said: Saying, now_ms: int) -> Fields:
        name, number = antom.bodies.number(request)
        tree: Fields = {name: number, "paymentId": f"P{number}"}
        if isinstance(request, QueryOrder):
            tree["paymentStatus"] = {
                PaymentPending: "PENDING" if said.words.get("payer_acting") else "PROCESSING",
                PaymentApproved: "SUCCESS", PaymentHinted: "SUCCESS",
                PaymentDeclined: "FAIL", OrderClosed: "CANCELLED",
            }.get(said.kind, "")  # fmt: skip
        if isinstance(request, QueryRefund):
            words = {RefundDone: "SUCCESS", RefundAccepted: "PROCESSING", RefundFailed: "FAIL"}
            tree["refundStatus"] = words.get(said.kind, "")
        if said.kind is CodeIssued:
            tree["orderCodeForm"] = self._code(said.words, now_ms)
        if paid := said.words.get("paid"):
            tree["paymentAmount"] = {"value": str(paid.minor), "currency": paid.currency}
        if back := said.words.get("amount"):
            tree["refundAmount"] = {"value": str(back.minor), "currency": back.currency}
        return tree

    def _code(self, words: Mapping[str, Any], now_ms: int) -> Fields:
        shown = {"codeValue": words["code"], "codeValueType": "QRCODE", "displayType": "TEXT"}
        life_ms = words.get("life_ms")
        return {"codeDetails": [shown]} | ({"expireTime": str(now_ms + life_ms)} if life_ms else {})


WIRES: dict[str, type[Wire]] = {"paycloud": PayCloud, "antom": Antom}


def of_wire(ways: Ways, wire: str) -> Ways:
    """As these gateways are: a cancel of a paid order returns the money, and Antom has no "too early"."""
    return replace(ways, undo_returns=True, age_ms=0 if wire == "antom" else ways.age_ms)
