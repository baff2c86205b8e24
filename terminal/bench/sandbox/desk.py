"""The doors below /sandbox/, in plain JSON: the customer's phone, the books, the settings, the mischief.

    POST   /sandbox/wallet/code     {"wallet": "Alipay+", "behaviour": "pays"}   -> code, expires_s
    POST   /sandbox/wallet/scan     {"qr": ...}        the phone shows what it would pay
    POST   /sandbox/wallet/pay      {"qr" | "order_no" | "code": ...}; a wrong amount: "amount_minor"
    POST   /sandbox/wallet/confirm  the same, for a payment that was submitted and waits for the payer
    POST   /sandbox/wallet/decline  {"qr" | "order_no" | "code": ...}
    POST   /sandbox/wallet/balance  {"wallet", "currency", "minor": to set it}
    GET    /sandbox/orders?since=0&wait_ms=0   orders with entries after number `since`; then since = "next"
    GET    /sandbox/bill            the same as CSV, for terminalctl reconcile --bill (bill.py)
    GET    /sandbox/orders/NO       one order with its refunds and every entry about it
    GET, POST, DELETE /sandbox/misbehave       see mischief.py
    GET, POST         /sandbox/settings        see rules.py

Errors: 400 (bad input), 404 (no such door or order), 409 (the books say no), each {"error": a sentence}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, get_args
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from terminal.bench.sandbox.bill import bill
from terminal.bench.sandbox.entries import LedgerRefusal, Order, Why
from terminal.bench.sandbox.ledger import PAGE_MAX, Ledger
from terminal.bench.sandbox.mischief import Mischief
from terminal.bench.sandbox.rules import Behaviour
from terminal.core.terms import Money, Refusal
from terminal.wire.http import HttpAnswer

WAIT_MAX_MS = 30_000
_WORDS = ("qr", "order_no", "code")  # by which a customer names what to pay


class Desk:
    """JSON in, JSON out, over one ledger and one mischief."""

    def __init__(self, ledger: Ledger, mischief: Mischief) -> None:
        self._ledger = ledger
        self._mischief = mischief
        self._doors: Mapping[tuple[str, str], Callable[[dict[str, Any], int], object]] = {
            ("POST", "wallet/code"): self._code,
            ("POST", "wallet/scan"): self._scan,
            ("POST", "wallet/pay"): self._pay,
            ("POST", "wallet/confirm"): self._pay,
            ("POST", "wallet/decline"): self._decline,
            ("POST", "wallet/balance"): self._balance,
            ("GET", "orders"): self._orders,
            ("GET", "misbehave"): self._standing,
            ("POST", "misbehave"): self._misbehave,
            ("DELETE", "misbehave"): self._behave,
            ("GET", "settings"): self._settings,
            ("POST", "settings"): self._settings,
        }

    def answer(self, method: str, path: str, body: bytes, now_ms: int) -> HttpAnswer:
        """Whatever was asked, answered in JSON."""
        parts = urlsplit(path)
        name = unquote(parts.path).removeprefix("/sandbox").strip("/")
        try:
            asked = _asked(body, parts.query)
            if method == "GET" and name.startswith("orders/"):
                return _json(200, self._order(name.removeprefix("orders/"), now_ms))
            if (method, name) == ("GET", "bill"):
                return HttpAnswer(
                    200, bill(self._ledger, now_ms).encode(), {"content-type": "text/csv"}
                )
            if door := self._doors.get((method, name)):
                return _json(200, door(asked, now_ms))
            doors = sorted(f"{verb} /sandbox/{door}" for verb, door in self._doors)
            return _json(404, {"error": f"no door {method} /sandbox/{name[:40]}", "doors": doors})
        except LedgerRefusal as refusal:
            status = 404 if refusal.why is Why.UNKNOWN else 409
            return _json(status, {"error": str(refusal), "why": refusal.why.value})
        except Refusal as refusal:
            return _json(400, {"error": str(refusal)})

    # -- the customer ------------------------------------------------------------------------------

    def _code(self, asked: dict[str, Any], now_ms: int) -> object:
        wallet = _text(asked, "wallet")
        behaviour: Behaviour = asked.get("behaviour", "pays")
        if behaviour not in get_args(Behaviour):
            raise Refusal(f"A customer {', '.join(get_args(Behaviour))}; nothing else.")
        code = self._ledger.issue_code(wallet, behaviour, now_ms)
        life_ms = code.expires_ms - now_ms
        expires_s = life_ms // 1000 if life_ms % 1000 == 0 else life_ms / 1000
        return {"code": code.code, "expires_s": expires_s, "wallet": wallet}

    def _scan(self, asked: dict[str, Any], now_ms: int) -> object:
        return _shown(self._ledger.scan(_word(asked), now_ms, asked.get("wallet")))

    def _pay(self, asked: dict[str, Any], now_ms: int) -> object:
        minor = asked.get("amount_minor")
        if minor is not None and type(minor) is not int:
            raise Refusal("amount_minor is a whole number of minor units.")
        return _shown(self._ledger.pay(_word(asked), now_ms, asked.get("wallet"), minor))

    def _decline(self, asked: dict[str, Any], now_ms: int) -> object:
        return _shown(self._ledger.decline(_word(asked), now_ms))

    def _balance(self, asked: dict[str, Any], _now_ms: int) -> object:
        wallet, currency = _text(asked, "wallet"), _text(asked, "currency")
        if "minor" in asked:
            if type(asked["minor"]) is not int or asked["minor"] < 0:
                raise Refusal("minor is a whole number of minor units, not below zero.")
            self._ledger.set_balance(wallet, Money(asked["minor"], currency))
        held = self._ledger.balance(wallet, currency)
        return {"wallet": wallet, "currency": currency, "minor": held.minor}

    # -- the books ---------------------------------------------------------------------------------

    def _orders(self, asked: dict[str, Any], now_ms: int) -> object:
        since = _count(asked, "since", 0, 2**62)
        wait_ms = _count(asked, "wait_ms", 0, WAIT_MAX_MS)
        page = self._ledger.orders(since, now_ms)
        if not page and wait_ms and self._ledger.wait_for_change(since, wait_ms / 1000):
            page = self._ledger.orders(since, now_ms)
        after = page[-1].changed if page else since
        return {"orders": [_shown(order) for order in page], "next": after, "page": PAGE_MAX}

    def _order(self, order_no: str, now_ms: int) -> object:
        order = self._ledger.order(order_no, now_ms)
        changes, refunds = self._ledger.history(order.order_no)
        history = [
            {
                "number": change.number,
                "at_ms": change.at_ms,
                "what": change.what,
                "before": change.before,
                "after": change.after,
                "delta_minor": change.delta_minor,
            }
            for change in changes
        ]
        given = [
            {
                "refund_no": refund.refund_no,
                "trans_no": refund.trans_no,
                "amount_minor": refund.amount.minor,
                "done_ms": refund.done_ms,
                "failed": refund.failed,
            }
            for refund in refunds
        ]
        return {**_shown(order), "refunds": given, "history": history}

    # -- how it behaves ----------------------------------------------------------------------------

    def _standing(self, _asked: dict[str, Any], _now_ms: int) -> object:
        return {"rules": msgspec.to_builtins(self._mischief.standing())}

    def _misbehave(self, asked: dict[str, Any], now_ms: int) -> object:
        self._mischief.ask_for(asked)
        return self._standing(asked, now_ms)

    def _behave(self, asked: dict[str, Any], now_ms: int) -> object:
        self._mischief.behave()
        return self._standing(asked, now_ms)

    def _settings(self, asked: dict[str, Any], _now_ms: int) -> object:
        if asked:
            self._ledger.set_rules(self._ledger.rules.changed(asked))
        return msgspec.to_builtins(self._ledger.rules)


def _asked(body: bytes, query: str) -> dict[str, Any]:
    """The words of the body's JSON object, or of the query; Refusal when it is no object."""
    if not body:
        return {name: values[-1] for name, values in parse_qs(query).items()}
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal("The body is not JSON.") from None
    if not isinstance(asked, dict):
        raise Refusal("The body is not a JSON object.")
    return asked


def _text(asked: Mapping[str, Any], name: str) -> str:
    if not isinstance(asked.get(name), str):
        raise Refusal(f"{name} is missing, or not a text.")
    return str(asked[name])


def _word(asked: Mapping[str, Any]) -> str:
    given = [asked[name] for name in _WORDS if name in asked]
    if len(given) != 1 or not isinstance(given[0], str):
        raise Refusal(f"Name the order by one of {', '.join(_WORDS)}.")
    return given[0]


def _count(asked: Mapping[str, Any], name: str, low: int, high: int) -> int:
    text = str(asked.get(name, low))
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise Refusal(f"{name} is a whole number from {low} to {high}.")
    return int(text)


def _shown(order: Order) -> dict[str, object]:
    return {
        "order_no": order.order_no,
        "trans_no": order.trans_no,
        "merchant": order.merchant,
        "mode": order.mode.value,
        "amount": order.amount.major,
        "amount_minor": order.amount.minor,
        "currency": order.amount.currency,
        "wallet": order.wallet,
        "state": order.state.value,
        "reason": order.reason.value if order.reason else "",
        "qr": order.qr,
        "created_ms": order.created_ms,
        "expires_ms": order.expires_ms,
        "ended_ms": order.ended_ms,
        "captured_minor": order.captured_minor,
        "returned_minor": order.returned_minor,
        "changed": order.changed,
    }


def _json(status: int, said: object) -> HttpAnswer:
    body = json.dumps(said, ensure_ascii=False).encode()
    return HttpAnswer(status, body, {"content-type": "application/json"})
