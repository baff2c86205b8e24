"""The vendor's side of the PayCloud tests: its key, its answers, and one order."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

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
    OrderEvent,
    PaymentApproved,
    RefundDone,
)
from terminal.core.terms import Money
from terminal.gateways.paycloud import Gateway, Settings
from terminal.wire.http import HttpAnswer, Stamp
from terminal.wire.signing import Signer, Verifier, canonical

ORDER_NO = "TABC123000100000001XYZ123"
AMOUNT = Money(3450, "USD")
CODE = "281006020000000000000042"
STAMP = Stamp(utc_ms=1_795_223_864_205)
AT_MS = 77

CREATE = CreateOrder(ORDER_NO, AMOUNT)
SUBMIT = SubmitPayment(ORDER_NO, AMOUNT, "alipay+", "digest", PaymentCode(CODE))
QUERY = QueryOrder(ORDER_NO, AMOUNT)
CLOSE = CloseOrder(ORDER_NO, AMOUNT)
REVERSE = ReverseOrder(ORDER_NO, AMOUNT)
REFUND_NO = "TABC123000100000002XYZ123"
PART = Money(1000, "USD")
TRANS_NO = "51230000092403110000001"
REFUND = RefundOrder(REFUND_NO, PART, ORDER_NO, TRANS_NO)
QUERY_REFUND = QueryRefund(REFUND_NO, PART, ORDER_NO)
VOID = VoidOrder(REFUND_NO, AMOUNT, ORDER_NO, TRANS_NO)
ORDERING: tuple[Request, ...] = (CREATE, SUBMIT, QUERY, CLOSE, REVERSE)
RETURNING: tuple[Request, ...] = (REFUND, QUERY_REFUND, VOID)
REQUESTS: tuple[Request, ...] = (*ORDERING, *RETURNING)
ASKING: tuple[Request, ...] = (SUBMIT, QUERY)
UNDOING: tuple[Request, ...] = (CLOSE, REVERSE, VOID)


def name_of(request: Request) -> str:
    return type(request).__name__


@functools.cache
def keys() -> tuple[Signer, Signer]:
    """Ours and the gateway's."""
    ours, theirs = (Signer(rsa.generate_private_key(65537, 2048)) for _ in range(2))
    return ours, theirs


def verifier(signer: Signer) -> Verifier:
    return Verifier.from_pem(base64.b64encode(signer.public))


def codec(wallets: Mapping[str, str] | None = None, **own: Any) -> Gateway:
    ours, theirs = keys()
    chosen = Settings(**({"app_id": "wz00test", "merchant_no": "312100007235"} | own))
    return Gateway(chosen, ours, verifier(theirs), wallets)


def signed(fields: Mapping[str, Any], signer: Signer | None = None) -> bytes:
    """An answer as the gateway sends it. Numbers are signed as they are written."""
    texts = {name: str(value) for name, value in fields.items() if value is not None}
    signature = (signer or keys()[1]).sign(canonical(texts).encode())
    sealed = {**fields, "sign": base64.b64encode(signature).decode()}
    return json.dumps(sealed, ensure_ascii=False).encode()


def answer(data: Mapping[str, Any] | str | None, code: str = "0") -> HttpAnswer:
    fields: dict[str, Any] = {"code": code, "msg": "words", "psn": "11210114000012345678"}
    if data is not None:
        fields["data"] = data if isinstance(data, str) else json.dumps(data)
    return HttpAnswer(200, signed(fields))


PAID: dict[str, Any] = {
    "trans_no": TRANS_NO,
    "merchant_no": "312100007235",
    "merchant_order_no": ORDER_NO,
    "trans_type": 1,
    "trans_status": 2,
    "order_amount": "34.50",
    "trans_amount": "34.5",
    "price_currency": "USD",
    "pay_method_id": "Alipay+",
    "pay_channel_trans_no": "2026112122001400001",
}


RETURNED: dict[str, Any] = {
    "trans_no": "51230000092403110000009",
    "merchant_order_no": REFUND_NO,
    "orig_trans_no": TRANS_NO,
    "trans_type": 3,
    "trans_status": 2,
    "order_amount": "10.00",
    "price_currency": "USD",
}
DONE = RefundDone(at_ms=AT_MS, amount=PART, gateway_ref=RETURNED["trans_no"])


def parsed(request: Request, data: Mapping[str, Any] | str | None, code: str = "0") -> OrderEvent:
    return codec().parse(request, answer(data, code), AT_MS)


GOOD = signed({"code": "0", "msg": "Success", "psn": "1", "data": json.dumps(PAID)})
SPREAD = json.loads(GOOD)

APPROVED = PaymentApproved(
    at_ms=AT_MS,
    paid=AMOUNT,
    gateway_ref="51230000092403110000001",
    approval="2026112122001400001",
    wallet="Alipay+",
)
