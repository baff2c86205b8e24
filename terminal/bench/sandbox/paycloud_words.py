"""What PayCloud says about an order, in its own words: entries -> fields (gateways.md 1.4, 1.8).

Amounts are major units with the currency's decimals; times are UTC. Nothing undocumented is said (CPM answers
have no currency, answers to create and submit no order number), unless rule `echo_order_no` asks for it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from terminal.bench.sandbox.entries import Decline, Order, Refund, State
from terminal.bench.sandbox.rules import Rules
from terminal.core.terms import Mode, Money

Data = dict[str, object]

# gateways.md 1.8: 9 waiting, 0 paying, 1 closed or failed, 2 success, 3 cancelled.
_STATUS = {
    State.WAITING: 9,
    State.PAYING: 0,
    State.PAID: 2,
    State.FAILED: 1,
    State.EXPIRED: 1,
    State.CLOSED: 3,
    State.RETURNED: 3,
}
_SALE, _VOID, _REFUND = 1, 2, 3

# Only TS-D2012 and 112 were seen on a real wire; trans_status alone decides, these are for people.
_ERROR = {
    Decline.INSUFFICIENT: ("TS-D2012", "Insufficient Funds"),
    Decline.REFUSED: ("115", "Rejected by the payer"),
    Decline.CODE_EXPIRED: ("AUTHCODEEXPIRE", "The payment code has expired"),
    Decline.CODE_USED: ("AUTH_CODE_USED", "The payment code was used before"),
    Decline.CODE_UNKNOWN: ("AUTH_CODE_INVALID", "The payment code is not valid"),
    Decline.WRONG_WALLET: ("AUTH_CODE_INVALID", "The payment code is of another payment method"),
}
_QR_TIMEOUT = ("112", "QR code timeout")


def created(order: Order, rules: Rules) -> Data:
    return {"trans_no": order.trans_no, "qrcode_url": order.qr, **_echo(order, rules)}


def submitted(order: Order, rules: Rules) -> Data:
    said: Data = {"trans_no": order.trans_no, **_echo(order, rules)}
    return said | {"trans_status": _status(order, rules), **_paid(order), **_error(order)}


def queried(order: Order, rules: Rules) -> Data:
    return {
        "trans_no": order.trans_no,
        "merchant_order_no": order.order_no,
        "trans_type": _SALE,
        "trans_status": _status(order, rules),
        "order_amount": order.amount.major,
        "trans_amount": order.amount.major,
        "price_currency": order.amount.currency,
        "pay_method_id": order.wallet,
        "pay_scenario": _scenario(order),
        **_notes(order),
        **_paid(order),
        **_error(order),
    }


def refunded(refund: Refund) -> Data:
    return {"trans_no": refund.trans_no, "trans_amount": refund.amount.major}


def refund_queried(refund: Refund, order: Order, now_ms: int) -> Data:
    settled = 1 if refund.failed else 2
    return {
        "trans_no": refund.trans_no,
        "merchant_order_no": refund.refund_no,
        "orig_trans_no": order.trans_no,
        "trans_type": _REFUND,
        "trans_status": settled if now_ms >= refund.done_ms else 0,
        "order_amount": refund.amount.major,
        "price_currency": refund.amount.currency,
    }


def notice(order: Order) -> Data:
    """The business fields of a notification about an order (gateways.md 1.11)."""
    said = queried(order, Rules())
    if order.state is State.RETURNED:
        said |= {"trans_type": _VOID, "trans_status": 2}
    return said | {"trans_end_time": _utc(order.ended_ms)}


def refund_notice(order: Order, refund: Refund) -> Data:
    said = refund_queried(refund, order, refund.done_ms)
    said |= {"trans_amount": refund.amount.major, "pay_method_id": order.wallet}
    return said | {"pay_scenario": _scenario(order), "trans_end_time": _utc(refund.done_ms)}


def _status(order: Order, rules: Rules) -> int:
    if order.state is State.RETURNED and rules.void_stays_paid:
        return _STATUS[State.PAID]
    return _STATUS[order.state]


def _echo(order: Order, rules: Rules) -> Data:
    return {"merchant_order_no": order.order_no} if rules.echo_order_no else {}


def _paid(order: Order) -> Data:
    if not order.captured_minor:
        return {}
    money = Money(order.captured_minor, order.amount.currency)
    return {
        "pay_channel_trans_no": f"2{order.trans_no[4:]}",
        "trans_amount": money.major,
        "paid_amount": money.major,
        "trans_end_time": _utc(order.ended_ms),
    }


def _error(order: Order) -> Data:
    if order.state is State.EXPIRED:
        code, message = _QR_TIMEOUT
    elif order.reason:
        code, message = _ERROR[order.reason]
    else:
        return {}
    return {"trans_error_code": code, "trans_error_msg": message}


def _notes(order: Order) -> Data:
    return {
        name: order.notes[name]
        for name in ("attach", "store_no", "terminal_sn")
        if name in order.notes
    }


def _scenario(order: Order) -> str:
    return "SCANQR_PAY" if order.mode is Mode.MPM else "BSCANQR_PAY"


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}"
