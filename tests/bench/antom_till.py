"""A till that speaks Antom to the sandbox over real HTTP. For the tests of this room and of the peers."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from tests.bench.sandbox_till import Till, now_ms

Body = dict[str, Any]


def iso(after_s: int = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=after_s)).isoformat(timespec="seconds")


def amount(minor: int, currency: str = "EUR") -> Body:
    return {"currency": currency, "value": str(minor)}


class AntomTill(Till):
    """`ask` gives the verified answer; `post` the raw one."""

    def ask(self, verb: str, misbehave: str = "", /, **body: Any) -> Body:
        path = self.said["path"] + verb
        _, answer, headers = self.call(path, json.dumps(body).encode(), misbehave=misbehave)
        assert self.verifies(path, headers, "response-time", answer), "not the gateway's"
        return dict(json.loads(answer))

    def call(
        self, path: str, body: bytes, misbehave: str = "", **changed: str
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """`changed`: headers (with _ for -) that replace the right ones, "" leaves one out."""
        client_id = changed.get("client_id", self.said["client_id"])
        at = changed.get("request_time", str(now_ms()))
        headers = {
            "content-type": "application/json; charset=UTF-8",
            "client-id": client_id,
            "request-time": at,
            "signature": self.signature(path, client_id, at, body),
        }
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        if misbehave:
            headers["sandbox-misbehave"] = misbehave
        return self.send("POST", path, body, {k: v for k, v in headers.items() if v})

    def signature(self, path: str, client_id: str, at: str, body: bytes) -> str:
        signature = self.signer.sign(f"POST {path}\n{client_id}.{at}.".encode() + body)
        return "algorithm=RSA256,keyVersion=1,signature=" + quote(
            base64.b64encode(signature).decode(), safe=""
        )

    def verifies(self, path: str, headers: Mapping[str, str], time_name: str, body: bytes) -> bool:
        value = headers.get("signature", "").partition("signature=")[2]
        text = f"POST {path}\n{headers['client-id']}.{headers[time_name]}.".encode() + body
        return self.verifier.verify(text, base64.b64decode(unquote(value)))

    # -- what is asked -------------------------------------------------------------------------------

    def in_store(self, number: str, minor: int, scenario: str, **more: Any) -> Body:
        currency = more.pop("currency", "EUR")
        code = {"paymentMethodId": more.pop("code")} if "code" in more else {}
        return {
            "productCode": "IN_STORE_PAYMENT",
            "paymentRequestId": number,
            "order": {
                "referenceOrderId": number,
                "orderDescription": "Coffee",
                "orderAmount": amount(minor, currency),
            },
            "paymentAmount": amount(minor, currency),
            "paymentMethod": {"paymentMethodType": "CONNECT_WALLET", **code},
            "paymentFactor": {"inStorePaymentScenario": scenario},
            **more,
        }

    def present(self, number: str, code: str, minor: int = 1250, **more: Any) -> Body:
        return self.ask("pay", **self.in_store(number, minor, "PaymentCode", code=code, **more))

    def show(self, number: str, minor: int = 1250, **more: Any) -> Body:
        return self.ask("pay", **self.in_store(number, minor, "OrderCode", **more))

    def cashier(self, number: str, minor: int = 1250, **more: Any) -> Body:
        body = self.in_store(number, minor, "", **more)
        del body["paymentFactor"]
        return self.ask(
            "pay",
            **body
            | {
                "productCode": "CASHIER_PAYMENT",
                "paymentMethod": {"paymentMethodType": more.get("method", "ALIPAY_HK")},
                "env": {"terminalType": "WEB"},
                "paymentRedirectUrl": "https://pos.example/back",
            },
        )

    def inquire(self, number: str) -> Body:
        return self.ask("inquiryPayment", paymentRequestId=number)

    def cancel(self, number: str) -> Body:
        return self.ask("cancel", paymentRequestId=number)

    def give_back(self, number: str, payment_id: str, minor: int, **more: Any) -> Body:
        currency = more.pop("currency", "EUR")
        what = {"paymentId": payment_id, "refundAmount": amount(minor, currency), **more}
        return self.ask("refund", refundRequestId=number, **what)

    def inquire_refund(self, number: str) -> Body:
        return self.ask("inquiryRefund", refundRequestId=number)

    def raw_headers(self, path: str, body: bytes) -> list[tuple[str, str]]:
        """The answer's headers as they were written."""
        at, client_id = str(now_ms()), self.said["client_id"]
        line = http.client.HTTPConnection(self.netloc, timeout=self.timeout_s)
        try:
            headers = {
                "content-type": "application/json",
                "client-id": client_id,
                "request-time": at,
                "signature": self.signature(path, client_id, at, body),
            }
            line.request("POST", f"https://gateway.example{path}", body, headers)
            return line.getresponse().getheaders()
        finally:
            line.close()


def outcome(answer: Body) -> tuple[str, str]:
    return answer["result"]["resultStatus"], answer["result"]["resultCode"]
