"""The PayCloud wire, from the gateway's side: PayCloud and CodePay are one protocol (gateways.md 1, 2).

It verifies what was sent, byte for byte as it was sent, and answers in the signed envelope whose `data` is a
JSON *string*. It sends the documented fields and no more, so that a terminal cannot come to rely on others.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import parse_qsl

from terminal.bench.sandbox import paycloud_words as words
from terminal.bench.sandbox.entries import LedgerRefusal, Order, Refund, State, Why
from terminal.bench.sandbox.keys import Keys
from terminal.bench.sandbox.ledger import Ask, Ledger, RefundAsk
from terminal.bench.sandbox.mischief import Kind
from terminal.bench.sandbox.wallets import WALLETS
from terminal.core.terms import Money, Refusal
from terminal.wire.http import HttpAnswer, HttpRequest
from terminal.wire.signing import Signer, Verifier, canonical

CLOCK_WINDOW_MS = 15 * 60_000  # gateways.md 1.3
FIELD_MAX_CHARS = 1_024
FIELDS_MAX = 64
LIFE_MAX_S = 86_400

# Between the 15 deliveries of a notification: 5 s, 10 s, ... 3 h, of the gateway's time (gateways.md 1.11).
PAUSES_S = (5, 10, 15, 30, 60, 180, 600, 900, 1800, 1800, 1800, 10_800, 10_800, 10_800)
_MERCHANT_NO = {"paycloud": "312100007235", "codepay": "312100007243"}

OPERATIONS = {
    "cscanb.pay.getqrcode": "create",
    "bscanc.pay.submit": "submit",
    "order.query": "query",
    "order.revoker": "revoke",
    "order.refund.submit": "refund",
    "order.refund.query": "refund_query",
}
_PROTOCOL_FIELDS = ("app_id", "method", "format", "charset", "version", "timestamp", "sign")
_STRANGER_TRANS_NO = "5123" + "9" * 19
_NOTES = ("store_no", "terminal_sn", "attach", "notify_url", "description")

# Codes that real gateways were seen to send (gateways.md 1.7). Those that begin with SBX are ours, because
# nobody knows the real ones: they stand in no list on purpose, and a terminal has to treat them as unlisted.
BAD_SIGNATURE = "SYS002"
MISSING_FIELD = "SYS011"
NO_SUCH_METHOD = "E07303"
NO_SUCH_ORDER = "E04111"
NO_ORIGINAL = "M010"
NOT_YOURS = "M009"
BAD_CLOCK = "SBX122"
BAD_PARAMETER = "SBX202"
UNHEARD_OF = "SBX999"
_CODE_OF = {
    Why.UNKNOWN: NO_SUCH_ORDER,
    Why.REPEATED: "SBX113",
    Why.TOO_EARLY: "SBX201",
    Why.WINDOW: "SBX125",
    Why.NOT_PAID: "SBX119",
    Why.TOO_MUCH: "SBX120",
    Why.TOO_MANY: "SBX121",
    Why.CURRENCY: "SBX123",
    Why.BURIED: "SBX124",
}


class _No(Exception):
    """The request is answered with an error code and nothing was applied."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PayCloud:
    """One merchant's account at PayCloud, or at CodePay by that name."""

    pauses_s: tuple[int, ...] = PAUSES_S

    def __init__(self, name: str, ledger: Ledger, keys: Keys) -> None:
        self.name = name
        self.app_id = "wz" + hashlib.sha256(keys.terminal_public).hexdigest()[:16]
        self.merchant = _MERCHANT_NO[name]
        self._ledger = ledger
        self._verifier = Verifier.from_pem(keys.terminal_public)
        self._signer = Signer.from_pem(keys.gateway_private)
        self._do: Mapping[str, Callable[[Mapping[str, str], int], words.Data | None]] = {
            "create": self._create,
            "submit": self._submit,
            "query": self._query,
            "revoke": self._revoke,
            "refund": self._refund,
            "refund_query": self._refund_query,
        }

    @property
    def credentials(self) -> dict[str, str]:
        return {"app_id": self.app_id, "merchant_no": self.merchant}

    def takes(self, request: HttpRequest) -> bool:
        if not _is_door(request.path):
            return False
        try:
            return _fields(request).get("app_id") == self.app_id
        except _No:
            return False

    def operation(self, request: HttpRequest) -> str:
        try:
            return OPERATIONS.get(_fields(request).get("method", ""), "")
        except _No:
            return ""

    def answer(self, request: HttpRequest, now_ms: int, kind: Kind | None) -> HttpAnswer:
        if not _is_door(request.path):
            return HttpAnswer(404, b"<h1>404 Not Found</h1>", {"content-type": "text/html"})
        data: words.Data | None = None
        try:
            fields = self._admitted(_fields(request), now_ms, kind)
            data = self._applied(fields, now_ms, kind)
            code, message = "0", "Success"
        except _No as no:
            code, message = no.code, str(no)
        except LedgerRefusal as refusal:
            code, message = _CODE_OF.get(refusal.why, BAD_PARAMETER), str(refusal)
        if kind is Kind.UNKNOWN_CODE:
            code, message, data = UNHEARD_OF, "Processing exception", None
        return self._envelope(code, message, data, now_ms, kind)

    def notice(
        self, order: Order, refund: Refund | None, now_ms: int, kind: Kind | None
    ) -> HttpRequest:
        if kind is Kind.OTHER_ORDER:
            other = self._other(order.order_no, now_ms)
            order = replace(other, notes=order.notes)
        told = words.refund_notice(order, refund) if refund else words.notice(order)
        fields = {
            "app_id": self.app_id,
            "method": "payment.result.notify",
            "format": "JSON",
            "charset": "UTF-8",
            "sign_type": "RSA2",
            "version": "1.0",
            "timestamp": str(now_ms),
            "http_request_id": _psn(now_ms),
            "merchant_no": order.merchant,
            **told,
        }
        body = json.dumps(self._signed(fields, kind), ensure_ascii=False).encode()
        headers = {"content-type": "application/json;charset=UTF-8"}
        return HttpRequest(order.notes["notify_url"], body, headers)

    def acknowledges(self, answer: HttpAnswer) -> bool:
        """gateways.md 1.11: 200 and the plain word."""
        return answer.status == 200 and answer.body.strip() == b"success"

    # -- whether we listen -------------------------------------------------------------------------

    def _admitted(
        self, fields: Mapping[str, str], now_ms: int, kind: Kind | None
    ) -> Mapping[str, str]:
        """The fields, when they come from our terminal, now, and mean something."""
        for name in _PROTOCOL_FIELDS:
            if not fields.get(name):
                raise _No(MISSING_FIELD, f"missing protocol field: {name}")
        self._verify(fields)
        sent_ms = int(_matching(fields, "timestamp", r"[0-9]{13}"))
        if abs(sent_ms - now_ms) > CLOCK_WINDOW_MS or kind is Kind.CLOCK_REFUSAL:
            raise _No(BAD_CLOCK, "timestamp outside the permitted window")
        if fields["method"] not in OPERATIONS:
            raise _No(NO_SUCH_METHOD, "the API is not authorised or does not exist")
        if fields.get("merchant_no") != self.merchant:
            raise _No(NOT_YOURS, "invalid application invoke: not your merchant_no")
        return fields

    def _verify(self, fields: Mapping[str, str]) -> None:
        try:
            signature = base64.b64decode(fields["sign"], validate=True)
        except (binascii.Error, ValueError):
            signature = b""  # base64url is refused by the real one too
        known = fields["app_id"] == self.app_id and fields.get("sign_type") == "RSA2"
        if not known or not self._verifier.verify(canonical(fields).encode(), signature):
            raise _No(BAD_SIGNATURE, "signature verification failed")

    def _applied(
        self, fields: Mapping[str, str], now_ms: int, kind: Kind | None
    ) -> words.Data | None:
        said = self._do[OPERATIONS[fields["method"]]](fields, now_ms)
        if kind is Kind.OTHER_ORDER and said is not None:
            return self._about_another(fields, said, now_ms)
        return said

    def _about_another(
        self, fields: Mapping[str, str], said: words.Data, now_ms: int
    ) -> words.Data:
        """The right form, the wrong order."""
        if fields["method"].startswith("order.refund"):
            return {**said, "merchant_order_no": "R0OTHER", "trans_no": _STRANGER_TRANS_NO}
        other, rules = self._other(fields.get("merchant_order_no", ""), now_ms), self._ledger.rules
        if fields["method"] == "order.query":
            return words.queried(other, rules)
        return words.created(other, rules) if other.qr else words.submitted(other, rules)

    def _other(self, order_no: str, now_ms: int) -> Order:
        """Somebody else's order, paid if there is one; in empty books one that is made up."""
        if other := self._ledger.another(order_no):
            return other
        mine = self._order(order_no, now_ms)
        paid = replace(mine, state=State.PAID, captured_minor=mine.amount.minor)
        return replace(paid, order_no="T0OTHER", trans_no=_STRANGER_TRANS_NO)

    # -- what is asked -----------------------------------------------------------------------------

    def _create(self, fields: Mapping[str, str], now_ms: int) -> words.Data:
        ask = self._ask(fields)
        if not WALLETS[ask.wallet].scans:
            _bad(f"{ask.wallet} has customer-presented codes only")
        return words.created(self._ledger.create(ask, now_ms), self._ledger.rules)

    def _submit(self, fields: Mapping[str, str], now_ms: int) -> words.Data:
        ask, code = self._ask(fields), _text(fields, "auth_code")
        return words.submitted(self._ledger.submit(ask, code, now_ms), self._ledger.rules)

    def _query(self, fields: Mapping[str, str], now_ms: int) -> words.Data:
        return words.queried(self._order(_which(fields), now_ms), self._ledger.rules)

    def _revoke(self, fields: Mapping[str, str], now_ms: int) -> None:
        self._ledger.revoke(_which(fields), now_ms, self.merchant)

    def _refund(self, fields: Mapping[str, str], now_ms: int) -> words.Data:
        what = (_order_no(fields), _which(fields, "orig_"), _amount(fields), self.merchant)
        ask = RefundAsk(*what, reason=fields.get("description", ""))
        try:
            return words.refunded(self._ledger.give_back(ask, now_ms))
        except LedgerRefusal as refusal:
            if refusal.why is Why.UNKNOWN:
                raise _No(NO_ORIGINAL, "the original transaction was not found") from None
            raise

    def _refund_query(self, fields: Mapping[str, str], now_ms: int) -> words.Data:
        refund = self._ledger.refund(_which(fields), self.merchant)
        return words.refund_queried(refund, self._order(refund.order_no, now_ms), now_ms)

    def _order(self, word: str, now_ms: int) -> Order:
        return self._ledger.order(word, now_ms, self.merchant)

    def _ask(self, fields: Mapping[str, str]) -> Ask:
        wallet = _text(fields, "pay_method_id")
        if wallet not in WALLETS:
            _bad(f"pay_method_id is not one of {', '.join(WALLETS)}")
        life_ms = None
        if fields.get("expires"):
            seconds = int(_matching(fields, "expires", r"[0-9]{1,5}"))
            if not 1 <= seconds <= LIFE_MAX_S:
                _bad("expires is outside 1..86400 seconds")
            life_ms = seconds * 1000
        notes = {name: fields[name] for name in _NOTES if fields.get(name)}
        return Ask(_order_no(fields), self.merchant, _amount(fields), wallet, life_ms, notes)

    # -- how we speak ------------------------------------------------------------------------------

    def _envelope(
        self, code: str, message: str, data: words.Data | None, now_ms: int, kind: Kind | None
    ) -> HttpAnswer:
        fields: dict[str, object] = {"code": code, "msg": message, "psn": _psn(now_ms)}
        if data is not None:
            fields["data"] = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        body = json.dumps(self._signed(fields, kind), ensure_ascii=False).encode()
        return HttpAnswer(200, body, {"content-type": "application/json;charset=UTF-8"})

    def _signed(self, fields: Mapping[str, object], kind: Kind | None) -> dict[str, object]:
        if kind is Kind.UNSIGNED:
            return dict(fields)
        text = canonical({name: str(value) for name, value in fields.items()})
        if kind is Kind.WRONG_SIGNATURE:
            text += "&other=text"
        return {**fields, "sign": base64.b64encode(self._signer.sign(text.encode())).decode()}


# -- reading ---------------------------------------------------------------------------------------


def _fields(request: HttpRequest) -> dict[str, str]:
    """The top-level fields as they were written; _No when the body is not a form or a flat JSON object."""
    try:
        text = request.body.decode("utf-8")
        if "form" in request.headers.get("content-type", ""):
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
        else:
            pairs = json.loads(text, object_pairs_hook=list, parse_int=str, parse_float=str)
        fields = dict(pairs)
    except (ValueError, TypeError, RecursionError):
        raise _No(MISSING_FIELD, "the body is neither a form nor a JSON object") from None
    if len(fields) != len(pairs) or len(fields) > FIELDS_MAX:
        raise _No(BAD_PARAMETER, "a field stands twice, or there are too many")
    for name, value in fields.items():
        if not isinstance(value, str) or len(value) > FIELD_MAX_CHARS:
            raise _No(BAD_PARAMETER, f"{name[:40]} is not a text of at most {FIELD_MAX_CHARS}")
    return fields


def _is_door(path: str) -> bool:
    return re.fullmatch(r"/api/entry(/[a-z]+)?", path) is not None


def _bad(message: str) -> NoReturn:
    raise _No(BAD_PARAMETER, message)


def _text(fields: Mapping[str, str], name: str) -> str:
    return fields.get(name) or _bad(f"{name} is missing")


def _matching(fields: Mapping[str, str], name: str, pattern: str) -> str:
    text = _text(fields, name)
    return text if re.fullmatch(pattern, text) else _bad(f"{name} is malformed")


def _order_no(fields: Mapping[str, str]) -> str:
    return _matching(fields, "merchant_order_no", r"[0-9A-Za-z_\-|*@]{1,32}")


def _which(fields: Mapping[str, str], prefix: str = "") -> str:
    """The transaction that is meant: by the merchant's number or by ours."""
    number = fields.get(f"{prefix}merchant_order_no") or fields.get(f"{prefix}trans_no")
    return number or _bad(f"{prefix}merchant_order_no or {prefix}trans_no is missing")


def _amount(fields: Mapping[str, str]) -> Money:
    try:
        money = Money.of_major(_text(fields, "order_amount"), _text(fields, "price_currency"))
    except Refusal as refusal:
        _bad(str(refusal))
    return money if money.minor else _bad("order_amount is zero")


def _psn(now_ms: int) -> str:
    """20 digits that name an exchange in support cases."""
    at = datetime.fromtimestamp(now_ms // 1000, UTC)
    return f"{at:%m%d%H%M%S}{secrets.randbelow(10**10):010d}"
