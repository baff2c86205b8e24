"""A till that speaks to the sandbox over real HTTP, and the hands of its customer. For the tests of this room."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from terminal.wire.signing import Signer, Verifier, canonical

Fields = dict[str, str]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Till:
    """`announcement`: the sandbox's first line. Every request has its own connection unless `keep` is asked."""

    def __init__(self, announcement: Mapping[str, str], timeout_s: float = 60) -> None:
        self.said = announcement
        self.netloc = urlsplit(announcement["address"]).netloc
        self.timeout_s = timeout_s
        self.signer = Signer.from_pem(Path(announcement["private_key_file"]).read_bytes())
        self.verifier = Verifier.from_pem(Path(announcement["gateway_key_file"]).read_bytes())
        self._numbers = itertools.count(1)

    def number(self) -> str:
        return f"T{next(self._numbers):06d}"

    # -- the gateway's side --------------------------------------------------------------------------

    def fields(self, method: str, /, **business: str) -> Fields:
        """A signed request."""
        fields = {
            "app_id": self.said["app_id"],
            "method": method,
            "format": "JSON",
            "charset": "UTF-8",
            "sign_type": "RSA2",
            "version": "1.0",
            "timestamp": str(now_ms()),
            "merchant_no": self.said["merchant_no"],
            **business,
        }
        return self.signed({name: value for name, value in fields.items() if value})

    def signed(self, fields: Fields) -> Fields:
        signature = self.signer.sign(canonical(fields).encode())
        return {**fields, "sign": base64.b64encode(signature).decode()}

    def post(
        self, fields: Fields, misbehave: str = "", form: bool = False
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers (lower-case names), as they came."""
        body = urlencode(fields) if form else json.dumps(fields, ensure_ascii=False)
        kind = "x-www-form-urlencoded; charset=UTF-8" if form else "json"
        headers = {"content-type": f"application/{kind}"}
        if misbehave:
            headers["Sandbox-Misbehave"] = misbehave
        return self.send("POST", "/api/entry", body.encode(), headers)

    def ask(self, method: str, misbehave: str = "", /, **business: str) -> dict[str, Any]:
        """The verified envelope, `data` parsed ({} when there is none)."""
        return self.opened(self.post(self.fields(method, **business), misbehave)[1])

    def opened(self, body: bytes) -> dict[str, Any]:
        envelope: dict[str, Any] = json.loads(body)
        signature = base64.b64decode(envelope["sign"], validate=True)
        assert self.verifier.verify(canonical(envelope).encode(), signature), "not the gateway's"
        assert isinstance(envelope.get("data", ""), str)
        return {**envelope, "data": json.loads(envelope["data"]) if "data" in envelope else {}}

    def create(self, number: str, amount: str = "12.50", **more: str) -> dict[str, Any]:
        business = {"merchant_order_no": number, "order_amount": amount, "price_currency": "EUR"}
        return self.ask("cscanb.pay.getqrcode", **{**business, "pay_method_id": "Alipay+", **more})

    def submit(self, number: str, code: str, amount: str = "12.50", **more: str) -> dict[str, Any]:
        business = {"merchant_order_no": number, "order_amount": amount, "price_currency": "EUR"}
        business |= {"pay_method_id": "Alipay+", "auth_code": code, **more}
        return self.ask("bscanc.pay.submit", **business)

    def query(self, number: str, **more: str) -> dict[str, Any]:
        return self.ask("order.query", merchant_order_no=number, **more)

    def revoke(self, number: str, **more: str) -> dict[str, Any]:
        return self.ask("order.revoker", merchant_order_no=number, **more)

    def refund(self, number: str, original: str, amount: str, **more: str) -> dict[str, Any]:
        business = {"merchant_order_no": number, "orig_merchant_order_no": original}
        business |= {"order_amount": amount, "price_currency": "EUR", **more}
        return self.ask("order.refund.submit", **business)

    # -- the customer's side, and the books --------------------------------------------------------------

    def desk(self, method: str, door: str, **asked: object) -> tuple[int, dict[str, Any]]:
        body = json.dumps(asked).encode() if method == "POST" else b""
        status, said, _ = self.send(method, f"/sandbox/{door}", body, {})
        return status, json.loads(said)

    def do(self, door: str, **asked: object) -> dict[str, Any]:
        status, said = self.desk("POST", door, **asked)
        assert status == 200, said
        return said

    def code(self, wallet: str = "Alipay+", behaviour: str = "pays") -> str:
        return str(self.do("wallet/code", wallet=wallet, behaviour=behaviour)["code"])

    def books(self, number: str) -> dict[str, Any]:
        return self.desk("GET", f"orders/{number}")[1]

    def send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        line = http.client.HTTPConnection(self.netloc, timeout=self.timeout_s)
        try:
            line.request(method, path, body, dict(headers))
            answer = line.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, answer.read(), got
        finally:
            line.close()
