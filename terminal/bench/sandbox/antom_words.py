"""What Antom says about an order, in its own words: entries -> fields (gateways.md 3.3 to 3.8, 3.11).

Amounts are minor units as text. `result` says how the call went; what became of the payment stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from terminal.bench.sandbox.entries import OPEN, Decline, Order, Refund, State
from terminal.bench.sandbox.rules import Rules
from terminal.bench.sandbox.wallets import cashier_page
from terminal.core.terms import Mode, Money

Data = dict[str, object]
Result = tuple[str, str]

SUCCESS = ("SUCCESS", "S")
IN_PROCESS = ("PAYMENT_IN_PROCESS", "U")
CLOSED = ("ORDER_IS_CLOSED", "F")
FAILED = ("PROCESS_FAIL", "F")
_DECLINED: Mapping[Decline, Result] = {
    Decline.REFUSED: ("USER_PAYMENT_VERIFICATION_FAILED", "F"),
    Decline.INSUFFICIENT: ("USER_BALANCE_NOT_ENOUGH", "F"),
    Decline.CODE_EXPIRED: ("EXPIRED_CODE", "F"),
    Decline.CODE_USED: ("INVALID_CODE", "F"),
    Decline.CODE_UNKNOWN: ("INVALID_CODE", "F"),
    Decline.WRONG_WALLET: ("INVALID_CODE", "F"),
}
_STATUS = {
    State.WAITING: "PROCESSING",
    State.PAYING: "PROCESSING",
    State.PAID: "SUCCESS",
    State.FAILED: "FAIL",
    State.EXPIRED: "FAIL",
    State.CLOSED: "CANCELLED",
    State.RETURNED: "CANCELLED",
}


def said(result: Result, message: str = "") -> Data:
    """The `result` of an answer."""
    code, status = result
    words = message or code.lower().replace("_", " ")
    return {"resultCode": code, "resultStatus": status, "resultMessage": words}


def paid(order: Order, rules: Rules) -> Data:
    """The answer to pay. Of a shown code S (cashier: U) means that the code was made, not that it is paid;
    a repeat hears the same, until the order is over without money (gateways.md 3.4, 3.9)."""
    result = _of_shown(order) if order.mode is Mode.MPM else _of_code(order)
    if order.mode is Mode.MPM and result[1] != "F":
        return {"result": said(result), **_payment(order), **_shown(order, rules)}
    return {"result": said(result), **_payment(order)}


def inquired(order: Order, rules: Rules) -> Data:
    stays_paid = order.state is State.RETURNED and rules.void_stays_paid
    outcome = said(_outcome(order))
    return {
        "result": said(SUCCESS),
        "paymentStatus": "SUCCESS" if stays_paid else _STATUS[order.state],
        "paymentResultCode": outcome["resultCode"],
        "paymentResultMessage": outcome["resultMessage"],
        **_payment(order),
    }


def cancelled(word: Mapping[str, str], order: Order | None, now_ms: int) -> Data:
    """`order` None: the books do not know it and buried it (a tombstone)."""
    which = dict(word)
    if order:
        which = {"paymentRequestId": order.order_no, "paymentId": order.trans_no}
    return {"result": said(SUCCESS), **which, "cancelTime": _iso(now_ms)}


def refunded(refund: Refund, order: Order, now_ms: int) -> Data:
    if now_ms < refund.done_ms:
        return {"result": said(IN_PROCESS), **_refund(refund, order)}
    if refund.failed:
        return {"result": said(FAILED), **_refund(refund, order)}
    done = {"refundTime": _iso(refund.done_ms)}
    return {"result": said(SUCCESS), **_refund(refund, order), **done}


def refund_inquired(refund: Refund, order: Order, now_ms: int) -> Data:
    answer = refunded(refund, order, now_ms)
    status = "FAIL" if refund.failed else "SUCCESS"
    told = {"refundStatus": status if now_ms >= refund.done_ms else "PROCESSING"}
    return {**answer, "result": said(SUCCESS), **told}


def notice(order: Order) -> Data | None:
    """None for what Antom does not tell: in the store only success, nobody's own cancel (gateways.md 3.11)."""
    if order.state is State.PAID:
        return {"notifyType": "PAYMENT_RESULT", "result": said(SUCCESS), **_payment(order)}
    cashier = order.notes.get("product") == "CASHIER_PAYMENT"
    if not cashier or order.state not in (State.FAILED, State.EXPIRED):
        return None
    return {"notifyType": "PAYMENT_RESULT", "result": said(_outcome(order)), **_payment(order)}


def refund_notice(order: Order, refund: Refund) -> Data:
    answer = refund_inquired(refund, order, refund.done_ms)
    result = said(FAILED if refund.failed else SUCCESS)
    return {**answer, "notifyType": "REFUND_RESULT", "result": result}


def _of_code(order: Order) -> Result:
    """CPM: PAID is S, and nothing else is."""
    return CLOSED if order.state is State.RETURNED else _outcome(order)


def _of_shown(order: Order) -> Result:
    if order.state not in (*OPEN, State.PAID):
        return CLOSED
    return IN_PROCESS if order.notes.get("product") == "CASHIER_PAYMENT" else SUCCESS


def _outcome(order: Order) -> Result:
    if order.state in OPEN:
        return IN_PROCESS
    if order.reason:
        return _DECLINED[order.reason]
    return SUCCESS if order.state in (State.PAID, State.RETURNED) else CLOSED


def _payment(order: Order) -> Data:
    """What was really taken, where money was; else what was asked."""
    minor = order.captured_minor or order.amount.minor
    what: Data = {
        "paymentRequestId": order.order_no,
        "paymentId": order.trans_no,
        "paymentAmount": _amount(Money(minor, order.amount.currency)),
        "paymentCreateTime": _iso(order.created_ms),
    }
    return what | ({"paymentTime": _iso(order.ended_ms)} if order.captured_minor else {})


def _shown(order: Order, rules: Rules) -> Data:
    cashier = order.notes.get("product") == "CASHIER_PAYMENT"
    page: Data = {"normalUrl": cashier_page(order.qr)} if cashier else {}
    if rules.code_entries == "none":
        return page
    entries = [
        _entry(f"{order.qr}.png?picSize={size[0]}", size) for size in ("BIGIMAGE", "SMALLIMAGE")
    ]
    if rules.code_entries == "all":
        entries.insert(1, _entry(order.qr, "TEXT"))  # not the first: a terminal must look for it
    form = {
        "paymentMethodType": order.notes.get("method", "CONNECT_WALLET"),
        "expireTime": _iso(order.expires_ms),
        "codeDetails": entries,
    }
    return page | {"orderCodeForm": form}


def _entry(value: str, display: str) -> Data:
    return {"codeValueType": "QRCODE", "codeValue": value, "displayType": display}


def _refund(refund: Refund, order: Order) -> Data:
    return {
        "refundRequestId": refund.refund_no,
        "refundId": refund.trans_no,
        "paymentId": order.trans_no,
        "refundAmount": _amount(refund.amount),
    }


def _amount(money: Money) -> Data:
    return {"currency": money.currency, "value": str(money.minor)}


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).isoformat()
