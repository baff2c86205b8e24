"""The Antom wire, from the gateway's side: in-store codes both ways round, and the cashier (gateways.md 3).

Signed is `POST <path>`, a line feed, and `<client-id>.<time>.<raw body>`: the bytes as they came, never parsed and
written again. The names of the answers' headers are lower case, because Antom's own SDK looks for those alone
(9.1). A paymentRequestId is an idempotency key: the same request hears the same, another one
REPEAT_REQ_INCONSISTENT.

Two client ids lead to the same account: the announced one (`SANDBOX_...`) on the sandbox path, and what remains
without that word on the production path.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NoReturn
from urllib.parse import quote, unquote, urlsplit

from terminal.bench.sandbox import antom_words as words
from terminal.bench.sandbox.entries import LedgerRefusal, Order, Refund, State, Why
from terminal.bench.sandbox.keys import Keys
from terminal.bench.sandbox.ledger import Ask, Ledger, RefundAsk
from terminal.bench.sandbox.mischief import Kind
from terminal.bench.sandbox.rules import DAY_MS
from terminal.core.terms import Money, Refusal, WireFault
from terminal.wire.envelope import json_object
from terminal.wire.http import HttpAnswer, HttpRequest
from terminal.wire.signing import Signer, Verifier

Body = Mapping[str, object]

SANDBOX = "SANDBOX_"
PATH = "/ams/api/v1/payments/"
SANDBOX_PATH = "/ams/sandbox/api/v1/payments/"
# Between the 8 deliveries of a notification, of the gateway's time (gateways.md 3.11).
PAUSES_S = (120, 600, 600, 3_600, 7_200, 21_600, 54_000)
TEXT_MAX_CHARS = 2_048

# What a pay that names no paymentExpiryTime gets (gateways.md 3.3, 3.4).
CPM_LIFE_MS = 180_000
MPM_LIFE_MS = 840_000
CASHIER_METHODS = ("ALIPAY_CN", "ALIPAY_HK", "DANA", "GCASH", "KAKAOPAY", "TNG", "TRUEMONEY")
_WALLET = "Alipay+"  # whose customers this gateway reaches; the code alone says which app it is
_SCENARIOS = {"PAYMENTCODE": "submit", "ORDERCODE": "create"}
_OPERATIONS = {
    "inquiryPayment": "query",
    "cancel": "revoke",
    "refund": "refund",
    "inquiryRefund": "refund_query",
}

# The words for what the ledger refuses (gateways.md 3.8).
_RESULT_OF: Mapping[Why, words.Result] = {
    Why.UNKNOWN: ("ORDER_NOT_EXIST", "F"),
    Why.REPEATED: ("REPEAT_REQ_INCONSISTENT", "F"),
    Why.BURIED: words.CLOSED,
    Why.WINDOW: ("CANCEL_WINDOW_EXCEED", "F"),
    Why.NOT_PAID: words.CLOSED,
    Why.TOO_MUCH: ("REFUND_AMOUNT_EXCEED", "F"),
    Why.TOO_MANY: ("BUSINESS_NOT_SUPPORT", "F"),  # nobody knows the real word
    Why.CURRENCY: ("CURRENCY_NOT_SUPPORT", "F"),
}
_STRANGER_ID = "2026" + "9" * 28


class _No(Exception):
    """The request is answered with a code and nothing was applied."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Antom:
    """One merchant's account."""

    pauses_s: tuple[int, ...] = PAUSES_S

    def __init__(self, name: str, ledger: Ledger, keys: Keys) -> None:
        digits = int(hashlib.sha256(keys.terminal_public).hexdigest()[:12], 16) % 10**12
        self.name = name
        self.merchant = f"5Y{digits:012d}"
        self._ledger = ledger
        self._verifier = Verifier.from_pem(keys.terminal_public)
        self._signer = Signer.from_pem(keys.gateway_private)
        self._do: Mapping[str, Callable[[Body, int], words.Data]] = {
            "pay": self._pay,
            "inquiryPayment": self._inquiry,
            "cancel": self._cancel,
            "refund": self._refund,
            "inquiryRefund": self._refund_inquiry,
        }

    @property
    def client_id(self) -> str:
        return SANDBOX + self.merchant

    @property
    def credentials(self) -> dict[str, str]:
        return {"client_id": self.client_id, "path": SANDBOX_PATH}

    def takes(self, request: HttpRequest) -> bool:
        return request.path.startswith("/ams/")

    def operation(self, request: HttpRequest) -> str:
        verb = _verb(request.path)
        if verb != "pay":
            return _OPERATIONS.get(verb, "")
        try:
            return "create" if _scenario(_body(request)) == "create" else "submit"
        except _No:
            return ""

    def answer(self, request: HttpRequest, now_ms: int, kind: Kind | None) -> HttpAnswer:
        try:
            body = self._admitted(request, kind)
            told = self._do[_verb(request.path)](body, now_ms)
            if kind is Kind.OTHER_ORDER:
                told = self._about_another(request, body, now_ms)
        except _No as no:
            told = {"result": words.said((no.code, "F"), str(no))}
        except LedgerRefusal as refusal:
            result = _RESULT_OF.get(refusal.why, ("PARAM_ILLEGAL", "F"))
            told = {"result": words.said(result, str(refusal))}
        if kind is Kind.UNKNOWN_CODE:
            told = {"result": words.said(("SBX_UNHEARD_OF", "U"))}
        return self._signed(request, told, now_ms, kind)

    def notice(
        self, order: Order, refund: Refund | None, now_ms: int, kind: Kind | None
    ) -> HttpRequest | None:
        url = order.notes["notify_url"]
        if kind is Kind.OTHER_ORDER:
            order = replace(self._other(order.order_no, now_ms), notes=order.notes)
        told = words.refund_notice(order, refund) if refund else words.notice(order)
        if told is None:
            return None
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        at = _millis(now_ms)
        headers = {
            "content-type": "application/json; charset=UTF-8",
            "client-id": self.client_id,
            "request-time": at,
        }
        signature = self._signature(urlsplit(url).path or "/", self.client_id, at, body, kind)
        return HttpRequest(url, body, headers | signature)

    def acknowledges(self, answer: HttpAnswer) -> bool:
        """gateways.md 3.11: 200 and a result of S; it is not signed."""
        try:
            result = json_object(answer.body.decode()).get("result")
        except (WireFault, ValueError):
            return False
        good = isinstance(result, dict) and result.get("resultStatus") == "S"
        return answer.status == 200 and good

    # -- whether we listen -------------------------------------------------------------------------

    def _admitted(self, request: HttpRequest, kind: Kind | None) -> Body:
        """What our terminal asks, as an object; _No for everybody and everything else."""
        if _verb(request.path) not in self._do:
            raise _No("NO_INTERFACE_DEF", "there is no such interface")
        if "json" not in request.headers.get("content-type", ""):
            raise _No("MEDIA_TYPE_NOT_ACCEPTABLE", "content-type is not application/json")
        self._verify(request)
        if kind is Kind.CLOCK_REFUSAL:
            raise _No("ACCESS_DENIED", "request-time outside the permitted window")
        return _body(request)

    def _verify(self, request: HttpRequest) -> None:
        client_id, at = (
            request.headers.get("client-id", ""),
            request.headers.get("request-time", ""),
        )
        sandboxed = request.path.startswith(SANDBOX_PATH)
        if client_id != (self.client_id if sandboxed else self.merchant):
            raise _No("INVALID_CLIENT", "this client id is not known on this path")
        if not _is_time(at):
            _bad("request-time is neither epoch milliseconds nor ISO 8601")
        signature = _signature_in(request.headers.get("signature", ""))
        if not self._verifier.verify(_text(request.path, client_id, at, request.body), signature):
            raise _No("INVALID_SIGNATURE", "the signature is invalid")

    # -- what is asked -----------------------------------------------------------------------------

    def _pay(self, body: Body, now_ms: int) -> words.Data:
        creates = _scenario(body) == "create"
        ask = self._ask(body, MPM_LIFE_MS if creates else CPM_LIFE_MS, now_ms)
        if creates:
            order = self._ledger.create(ask, now_ms)
        else:
            order = self._ledger.submit(ask, _field(body, "paymentMethod.paymentMethodId"), now_ms)
        return words.paid(order, self._ledger.rules)

    def _inquiry(self, body: Body, now_ms: int) -> words.Data:
        return words.inquired(self._order(_which(body, "payment"), now_ms), self._ledger.rules)

    def _cancel(self, body: Body, now_ms: int) -> words.Data:
        word = _which(body, "payment")
        order = self._ledger.revoke(word, now_ms, self.merchant, at_once=True)
        named = {
            name: str(body[name]) for name in ("paymentRequestId", "paymentId") if name in body
        }
        return words.cancelled(named, order, now_ms)

    def _refund(self, body: Body, now_ms: int) -> words.Data:
        order = self._order(_field(body, "paymentId"), now_ms)
        ask = RefundAsk(
            _number(body, "refundRequestId"),
            order.trans_no,
            _money(body, "refundAmount"),
            self.merchant,
            _optional(body, "refundReason"),
            _optional(body, "refundNotifyUrl"),
            repeats=True,
        )
        if order.state in (State.WAITING, State.PAYING):
            return {"result": words.said(words.IN_PROCESS, "this payment is not finished")}
        refund = self._ledger.give_back(ask, now_ms)
        return words.refunded(refund, self._order(refund.order_no, now_ms), now_ms)

    def _refund_inquiry(self, body: Body, now_ms: int) -> words.Data:
        refund = self._ledger.refund(_which(body, "refund"), self.merchant)
        return words.refund_inquired(refund, self._order(refund.order_no, now_ms), now_ms)

    def _order(self, word: str, now_ms: int) -> Order:
        return self._ledger.order(word, now_ms, self.merchant)

    def _ask(self, body: Body, usual_life_ms: int, now_ms: int) -> Ask:
        amount, number = _money(body, "paymentAmount"), _number(body, "paymentRequestId")
        _field(body, "order.orderDescription")
        if _money(body, "order.orderAmount") != amount:
            _bad("paymentAmount is not order.orderAmount")
        what = ("productCode", "order.referenceOrderId", "paymentMethod.paymentMethodType")
        product, reference, method = (_field(body, name) for name in what)
        if product == "CASHIER_PAYMENT":
            _cashier(body, method)
        code = _optional(body, "paymentMethod.paymentMethodId")
        parameters = json.dumps((product, _scenario(body), reference, method, code, str(amount)))
        notes = {"product": product}
        if product == "CASHIER_PAYMENT":
            notes["method"] = method
        if url := _optional(body, "paymentNotifyUrl"):
            notes["notify_url"] = url
        life_ms = self._life_ms(body, number, usual_life_ms, now_ms)
        key = hashlib.sha256(parameters.encode()).hexdigest()[:32]
        return Ask(number, self.merchant, amount, _WALLET, life_ms, notes, key)

    def _life_ms(self, body: Body, number: str, usual_ms: int, now_ms: int) -> int:
        text = _optional(body, "paymentExpiryTime")
        if not text:
            return self._ledger.rules.order_life_ms or usual_ms
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            _bad("paymentExpiryTime is not ISO 8601")
        if at.tzinfo is None:
            _bad("paymentExpiryTime has no offset from UTC")
        life_ms = int(at.timestamp() * 1000) - now_ms
        if not 0 < life_ms <= DAY_MS and not self._is_known(number, now_ms):
            _bad("paymentExpiryTime is past, or more than a day ahead")
        return max(life_ms, 0)

    def _is_known(self, number: str, now_ms: int) -> bool:
        """A repeat may come after its expiry; it hears what became of the first request."""
        try:
            self._order(number, now_ms)
        except LedgerRefusal:
            return False
        return True

    # -- how we speak ------------------------------------------------------------------------------

    def _about_another(self, request: HttpRequest, body: Body, now_ms: int) -> words.Data:
        """The right form, the wrong order."""
        other, verb = self._other(_optional(body, "paymentRequestId"), now_ms), _verb(request.path)
        if verb == "inquiryPayment":
            return words.inquired(other, self._ledger.rules)
        if verb == "cancel":
            return words.cancelled({}, other, now_ms)
        if verb == "pay":
            return words.paid(other, self._ledger.rules)
        refund = Refund("R0OTHER", _STRANGER_ID, other.order_no, other.amount, 0)
        told = words.refunded if verb == "refund" else words.refund_inquired
        return told(refund, other, now_ms)

    def _other(self, order_no: str, now_ms: int) -> Order:
        """Somebody else's order, paid if there is one; in empty books one that is made up."""
        if other := self._ledger.another(order_no):
            return other
        mine = self._order(order_no, now_ms)
        paid = replace(mine, state=State.PAID, captured_minor=mine.amount.minor)
        return replace(paid, order_no="T0OTHER", trans_no=_STRANGER_ID)

    def _signed(
        self, request: HttpRequest, told: words.Data, now_ms: int, kind: Kind | None
    ) -> HttpAnswer:
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        sandboxed = request.path.startswith(SANDBOX_PATH)
        client_id, at = self.client_id if sandboxed else self.merchant, _millis(now_ms)
        headers = {
            "content-type": "application/json; charset=UTF-8",
            "client-id": client_id,
            "response-time": at,
        }
        return HttpAnswer(
            200, body, headers | self._signature(request.path, client_id, at, body, kind)
        )

    def _signature(
        self, path: str, client_id: str, at: str, body: bytes, kind: Kind | None
    ) -> dict[str, str]:
        if kind is Kind.UNSIGNED:
            return {}
        if kind is Kind.WRONG_SIGNATURE:
            body += b" "
        signature = self._signer.sign(_text(path, client_id, at, body))
        value = quote(base64.b64encode(signature).decode(), safe="")
        return {"signature": f"algorithm=RSA256, keyVersion=1, signature={value}"}


def _text(path: str, client_id: str, at: str, body: bytes) -> bytes:
    """What is signed, both ways and for notifications (gateways.md 3.2)."""
    return f"POST {path}\n{client_id}.{at}.".encode() + body


def _millis(now_ms: int) -> str:
    return str(now_ms)


# -- reading ---------------------------------------------------------------------------------------


def _verb(path: str) -> str:
    for start in (SANDBOX_PATH, PATH):
        if path.startswith(start):
            return path.removeprefix(start)
    return ""


def _body(request: HttpRequest) -> Body:
    """Numbers as they were written: the SDK sends some amounts without quotes (gateways.md 3.2)."""
    try:
        return json_object(request.body.decode())
    except (WireFault, ValueError):
        _bad("the body is not a JSON object")


def _bad(message: str) -> NoReturn:
    raise _No("PARAM_ILLEGAL", message)


def _is_time(text: str) -> bool:
    if re.fullmatch(r"[0-9]{13}", text):
        return True
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _signature_in(header: str) -> bytes:
    """The bytes of `algorithm=RSA256, keyVersion=1, signature=...`; b"" when it is not that."""
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    if parts.get("algorithm") != "RSA256":
        return b""
    try:
        return base64.b64decode(unquote(parts.get("signature", "")), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _optional(body: Body, name: str) -> str:
    """The text at `order.orderAmount.value` and the like, "" when it is not there."""
    value: object = body
    for word in name.split("."):
        value = value.get(word) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > TEXT_MAX_CHARS:
        _bad(f"{name} is not a text of at most {TEXT_MAX_CHARS}")
    return value


def _field(body: Body, name: str) -> str:
    return _optional(body, name) or _bad(f"{name} is missing")


def _number(body: Body, name: str) -> str:
    text = _field(body, name)
    return text if re.fullmatch(r"[!-~]{1,64}", text) else _bad(f"{name} is malformed")


def _which(body: Body, what: str) -> str:
    """The payment or refund that is meant; ours wins (gateways.md 3.5)."""
    number = _optional(body, f"{what}Id") or _optional(body, f"{what}RequestId")
    return number or _bad(f"{what}Id or {what}RequestId is missing")


def _money(body: Body, name: str) -> Money:
    value, currency = _field(body, f"{name}.value"), _field(body, f"{name}.currency")
    if not re.fullmatch(r"[1-9][0-9]{0,14}", value):
        _bad(f"{name}.value is no whole number of minor units above zero")
    if currency == "IDR" and not value.endswith("00"):
        _bad(f"{name}.value of IDR must end in 00")
    try:
        return Money(int(value), currency)
    except Refusal:
        raise _No("CURRENCY_NOT_SUPPORT", f"{name}.currency is not supported") from None


def _scenario(body: Body) -> str:
    """ "create": we show a code; "submit": the customer does."""
    product = _field(body, "productCode")
    if product == "CASHIER_PAYMENT":
        return "create"
    if product != "IN_STORE_PAYMENT":
        _bad("productCode is neither IN_STORE_PAYMENT nor CASHIER_PAYMENT")
    scenario = _field(body, "paymentFactor.inStorePaymentScenario")
    return _SCENARIOS.get(scenario.upper()) or _bad("this inStorePaymentScenario is not supported")


def _cashier(body: Body, method: str) -> None:
    """What a payment on a page needs besides."""
    if method not in CASHIER_METHODS:
        raise _No("UNAVAILABLE_PAYMENT_METHOD", f"not one of {', '.join(CASHIER_METHODS)}")
    _field(body, "env.terminalType")
    _field(body, "paymentRedirectUrl")
