"""Antom's own SDK as a till: runs in .venv-antom and speaks JSON lines with test_antom_sdk.py.

First line in: address, client_id, private_key (PKCS#1, the only form it takes), gateway_key. Then one question per
line, one answer per line: what the SDK's own classes made of the gateway's answer, or {"refused": its words}.
"""

from __future__ import annotations

import functools
import http.client
import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import urlsplit

from com.alipay.ams.api import default_alipay_client
from com.alipay.ams.api.exception.exception import AlipayApiException
from com.alipay.ams.api.model.amount import Amount
from com.alipay.ams.api.model.env import Env
from com.alipay.ams.api.model.merchant import Merchant
from com.alipay.ams.api.model.order import Order
from com.alipay.ams.api.model.store import Store
from com.alipay.ams.api.net import default_http_rpc
from com.alipay.ams.api.request.pay.alipay_inquiry_refund_request import AlipayInquiryRefundRequest
from com.alipay.ams.api.request.pay.alipay_pay_cancel_request import AlipayPayCancelRequest
from com.alipay.ams.api.request.pay.alipay_pay_query_request import AlipayPayQueryRequest
from com.alipay.ams.api.request.pay.alipay_refund_request import AlipayRefundRequest
from com.alipay.ams.api.request.pay.order_code_payment_request import OrderCodePaymentRequest
from com.alipay.ams.api.request.pay.user_presented_code_payment_request import (
    UserPresentedCodePaymentRequest,
)
from com.alipay.ams.api.response.pay.alipay_inquiry_refund_response import (
    AlipayInquiryRefundResponse,
)
from com.alipay.ams.api.response.pay.alipay_pay_cancel_response import AlipayPayCancelResponse
from com.alipay.ams.api.response.pay.alipay_pay_query_response import AlipayPayQueryResponse
from com.alipay.ams.api.response.pay.alipay_pay_response import AlipayPayResponse
from com.alipay.ams.api.response.pay.alipay_refund_response import AlipayRefundResponse
from com.alipay.ams.api.tools import signature_tool, webhook_tool
from cryptography.hazmat.primitives import serialization

HOST = "https://gateway.example"  # what the SDK believes to speak to; its HTTPS:443 is hard-wired
_post = default_http_rpc.do_post


def main() -> None:
    said = json.loads(sys.stdin.readline())
    netloc = urlsplit(said["address"]).netloc

    def door(_url, timeout=60):
        return http.client.HTTPConnection(netloc, timeout=timeout)

    setattr(default_http_rpc, "__get_http_connection", door)
    # It reads and proves its private key anew for every request, 25 ms each: once is enough for a test.
    signature_tool.serialization = SimpleNamespace(
        load_pem_private_key=functools.cache(serialization.load_pem_private_key)
    )
    keys = (said["client_id"], said["private_key"], said["gateway_key"])
    client = default_alipay_client.DefaultAlipayClient(HOST, *keys)
    for line in sys.stdin:
        print(json.dumps(answered(client, said["gateway_key"], json.loads(line))), flush=True)


def answered(client, gateway_key, asked):
    try:
        if asked["do"] == "check":
            signed = (asked[name] for name in ("path", "client_id", "time", "body", "signature"))
            return {"true": webhook_tool.check_signature("POST", *signed, gateway_key)}
        default_alipay_client.do_post = _tampering if asked.get("tamper") else _post
        request, kind = _REQUESTS[asked["do"]](asked)
        return shown(kind(client.execute(request)))
    except AlipayApiException as wrong:
        return {"refused": str(wrong)}
    except Exception as wrong:
        if (
            type(wrong).__name__ != "VerificationError"
        ):  # of the package rsa, not wrapped everywhere
            raise
        return {"refused": str(wrong)}


def _tampering(url, headers, body):
    """The answer with other money in it than what was signed."""
    headers, said = _post(url, headers, body)
    return headers, said.replace(b'"value":"1', b'"value":"9')


def _order(asked):
    order = Order()
    order.reference_order_id, order.order_description = asked["number"], "Coffee 二维码"
    order.order_amount = Amount(asked["currency"], asked["minor"])
    order.merchant, order.env = Merchant(), Env()
    order.merchant.reference_merchant_id, order.merchant.merchant_mcc = "M1", "5814"
    order.merchant.merchant_name, order.merchant.store = "Cafe", Store()
    order.merchant.store.reference_store_id, order.merchant.store.store_name = "S1", "Kiosk"
    order.merchant.store.store_mcc = "5814"
    order.env.store_terminal_id = "T1"
    order.env.store_terminal_request_time = datetime.now(UTC).isoformat(timespec="seconds")
    return order


def pay_code(asked):
    what = (asked["number"], _order(asked), asked["currency"], asked["minor"], asked["code"])
    return UserPresentedCodePaymentRequest(*what, asked.get("notify_url")), AlipayPayResponse


def pay_order(asked):
    what = (asked["number"], _order(asked), asked["currency"], asked["minor"])
    return OrderCodePaymentRequest(*what, asked.get("notify_url")), AlipayPayResponse


def inquiry(asked):
    request = AlipayPayQueryRequest()
    request.payment_request_id = asked["number"]
    return request, AlipayPayQueryResponse


def cancel(asked):
    request = AlipayPayCancelRequest()
    request.payment_request_id = asked["number"]
    return request, AlipayPayCancelResponse


def refund(asked):
    request = AlipayRefundRequest()
    request.refund_request_id, request.payment_id = asked["number"], asked["payment_id"]
    request.refund_amount = Amount(asked["currency"], asked["minor"])
    request.refund_notify_url = asked.get("notify_url")
    return request, AlipayRefundResponse


def inquiry_refund(asked):
    request = AlipayInquiryRefundRequest()
    request.refund_request_id = asked["number"]
    return request, AlipayInquiryRefundResponse


_REQUESTS = {
    do.__name__: do for do in (pay_code, pay_order, inquiry, cancel, refund, inquiry_refund)
}
_NAMES = (
    *("payment_request_id", "payment_id", "payment_status", "payment_amount"),
    *("refund_request_id", "refund_id", "refund_status", "refund_amount"),
)


def shown(response):
    """What a till would read off the SDK's object."""
    said = {name: _plain(getattr(response, name, None)) for name in _NAMES}
    said["status"] = response.result.result_status.value
    said["code"] = response.result.result_code
    form = getattr(response, "order_code_form", None)
    texts = [one for one in form.code_details if one.display_type.value == "TEXT"] if form else []
    said["qr"] = texts[0].code_value if texts else None
    return said


def _plain(value):
    if isinstance(value, Amount):
        return [value.currency, int(value.value)]
    return getattr(value, "value", value)


if __name__ == "__main__":
    main()
