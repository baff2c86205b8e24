"""What is answered: authentic JSON of Antom as our events. Every code stands in a closed list (3.8)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

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
from terminal.core.terms import Money, WireFault
from terminal.gateways import code_of, drawable
from terminal.gateways.antom.bodies import EPOCH, Tree
from terminal.wire.envelope import echoes, minor_money, note, word

LIFE_MAX_MS = 24 * 3_600_000  # an `expireTime` further away is no time of ours (F50)

# -- the closed lists --------------------------------------------------------------------------------------

Result = tuple[str, str]  # resultStatus, resultCode
DONE, UNDER_WAY = ("S", "SUCCESS"), ("U", "PAYMENT_IN_PROCESS")
CLOSED = "ORDER_IS_CLOSED"
_REFUSED = (
    *("PROCESS_FAIL", "RISK_REJECT", "REGULATION_RESTRICTION", "UNAVAILABLE_PAYMENT_METHOD"),
    *("USER_KYC_NOT_QUALIFIED", "USER_NOT_EXIST", "USER_STATUS_ABNORMAL"),
    "USER_PAYMENT_VERIFICATION_FAILED",
)
_LIMIT = ("PAYMENT_AMOUNT_EXCEED_LIMIT", "PAYMENT_COUNT_EXCEED_LIMIT", "USER_AMOUNT_EXCEED_LIMIT")
NOT_OFFERED = frozenset({"BUSINESS_NOT_SUPPORT", "METHOD_NOT_SUPPORTED", "NO_INTERFACE_DEF"})
SETUP = NOT_OFFERED | {
    *("ACCESS_DENIED", "CURRENCY_NOT_SUPPORT", "INVALID_CLIENT", "CLIENT_INVALID", "PARAM_ILLEGAL"),
    *("INVALID_CONTRACT", "INVALID_SIGNATURE", "INVALID_TOKEN", "KEY_NOT_FOUND"),
    *("MEDIA_TYPE_NOT_ACCEPTABLE", "MERCHANT_NOT_REGISTERED"),
}
DECLINES: Mapping[str, Reason] = {
    "USER_BALANCE_NOT_ENOUGH": Reason.INSUFFICIENT_FUNDS,
    "EXPIRED_CODE": Reason.CODE_EXPIRED,
    "INVALID_CODE": Reason.CODE_INVALID,
    **dict.fromkeys(_LIMIT, Reason.LIMIT),
    **dict.fromkeys(_REFUSED, Reason.REFUSED),
    **dict.fromkeys(SETUP, Reason.SETUP),
}
REFUND_FAILS: Mapping[str, Reason] = {
    **dict.fromkeys(("REFUND_AMOUNT_EXCEED", "REFUND_WINDOW_EXCEED"), Reason.REFUSED),
    **dict.fromkeys(("ORDER_NOT_EXIST", "PROCESS_FAIL"), Reason.REFUSED),
    **dict.fromkeys(SETUP, Reason.SETUP),
}
# REPEAT_REQ_INCONSISTENT and, in answer to a payment, ORDER_NOT_EXIST are in no list on purpose: the first
# request of that number may have been charged (3.8). Beside a FAIL these contradict it:
DOUBTFUL = frozenset(
    {
        *("SUCCESS", "PAYMENT_IN_PROCESS", "REQUEST_TRAFFIC_EXCEED_LIMIT", "UNKNOWN_EXCEPTION"),
        *("REPEAT_REQ_INCONSISTENT", "ORDER_NOT_EXIST"),
    }
)


def meaning(
    request: Request, tree: Tree, not_found: Collection[str], time: str, at_ms: int
) -> OrderEvent:
    """The event that an authentic answer to this request is. `time`: the gateway's own of this answer.

    WireFault when it is in doubt: not in the lists of this operation, or it contradicts itself.
    """
    result = text(tree, "result", "resultStatus"), text(tree, "result", "resultCode")
    absent = result[0] == "F" and result[1] in not_found
    event: OrderEvent | None
    match request:
        case CreateOrder():
            event = _created(request, result, tree, time, at_ms)
        case SubmitPayment():
            event = _submitted(request, result, tree, at_ms)
        case RefundOrder():
            event = _refunded(result, tree, at_ms)
        case _ if absent:
            event = OrderNotFound(at_ms=at_ms, detail=word(result[1]))
        case QueryOrder():
            event = _queried(request, tree, at_ms) if result == DONE else None
        case QueryRefund():
            event = _refund_queried(tree, at_ms) if result == DONE else None
        case CloseOrder() | ReverseOrder() | VoidOrder():
            event = _undone(request, result, at_ms)
    if event is None:
        status, code = (word(each, code_of(request)) for each in result)
        raise WireFault(f"result {status} {code}")
    return event


# -- payments ----------------------------------------------------------------------------------------------


def _created(
    request: CreateOrder, result: Result, tree: Tree, time: str, at_ms: int
) -> OrderEvent | None:
    """S with an order code, U with a cashier code: there is a code. Neither is paid (0.6)."""
    if result not in (DONE, UNDER_WAY):
        return _declined(request, result, at_ms)
    if money(tree, "paymentAmount") not in (None, request.amount):
        raise WireFault("the code is for another amount")
    code = drawable(next(_codes(tree), ""))
    ref = _ref(tree, request)
    return CodeIssued(at_ms=at_ms, code=code, gateway_ref=ref, life_ms=_life_ms(tree, time))


def _codes(tree: Tree) -> Iterator[str]:
    """The texts that may be drawn, best first (3.4): the code as text, then any other that is no link to
    somebody's picture of it, then the address of the page that shows it."""
    form = tree.get("orderCodeForm")
    details = form.get("codeDetails") if isinstance(form, dict) else None
    entries = details if isinstance(details, list) else []
    qr = [each for each in entries if isinstance(each, dict)]
    qr = [each for each in qr if text(each, "codeValueType") in ("", "QRCODE")]
    plain = [each for each in qr if text(each, "displayType") == "TEXT"]
    others = [each for each in qr if not text(each, "displayType").endswith(("TEXT", "IMAGE"))]
    found = [text(each, "codeValue") for each in plain + others]
    return (code for code in [*found, text(tree, "normalUrl")] if code)


def _life_ms(tree: Tree, time: str) -> int | None:
    """How long it can be paid, from two times of the gateway's own clock; None when they say nothing."""
    ends = _moment(text(tree, "orderCodeForm", "expireTime") or text(tree, "paymentExpiryTime"))
    said = _moment(time)
    if ends is None or said is None:
        return None
    life_ms = (ends - said) // timedelta(milliseconds=1)
    return life_ms if 0 < life_ms <= LIFE_MAX_MS else None


def _submitted(request: SubmitPayment, result: Result, tree: Tree, at_ms: int) -> OrderEvent | None:
    if result == DONE:
        return _approved(request, tree, at_ms)
    if result == UNDER_WAY:  # the payer types a PIN, usually
        return PaymentPending(at_ms=at_ms, payer_acting=True, gateway_ref=_ref(tree, request))
    return _declined(request, result, at_ms)


def _queried(request: QueryOrder, tree: Tree, at_ms: int) -> OrderEvent:
    """The result was about the inquiry only; the payment is `paymentStatus` (3.5)."""
    status = text(tree, "paymentStatus")
    if status == "SUCCESS":
        return _approved(request, tree, at_ms)
    if not text(tree, "paymentRequestId"):
        raise WireFault("the answer to an inquiry names no order")
    if status in ("PROCESSING", "PENDING"):  # PENDING: the payer is done, the result is not there
        ref = _ref(tree, request)
        return PaymentPending(at_ms=at_ms, payer_acting=status == "PENDING", gateway_ref=ref)
    if status == "CANCELLED":
        return OrderClosed(at_ms=at_ms, detail="cancelled")
    if status == "FAIL":
        return _failed(text(tree, "paymentResultCode"), at_ms)
    raise WireFault(f"paymentStatus {word(status)}")


def _approved(request: SubmitPayment | QueryOrder, tree: Tree, at_ms: int) -> OrderEvent:
    """PAID only when number, amount and currency are all in it (I3); what is missing makes it a hint."""
    paid = money(tree, "paymentAmount")
    if not text(tree, "paymentRequestId") or paid is None:
        return PaymentHinted(at_ms=at_ms)
    return PaymentApproved(at_ms=at_ms, paid=paid, gateway_ref=_ref(tree, request))


def _declined(request: Request, result: Result, at_ms: int) -> OrderEvent | None:
    status, code = result
    if status != "F":
        return None
    if code == CLOSED:
        return OrderClosed(at_ms=at_ms, detail=code)
    if code in DECLINES:
        detail = word(code, code_of(request))
        return PaymentDeclined(at_ms=at_ms, reason=DECLINES[code], detail=detail)
    return None


def _failed(code: str, at_ms: int) -> OrderEvent:
    """paymentStatus FAIL is definite; the code only says why, unless it contradicts. Closed without a cancel
    (that has a status of its own) is expired: we cancel it, so that no late payment can come."""
    if code in DOUBTFUL:
        raise WireFault(f"failed, but paymentResultCode {code}")
    if code == CLOSED:
        return PaymentDeclined(at_ms=at_ms, reason=Reason.EXPIRED, detail=code)
    return PaymentDeclined(
        at_ms=at_ms, reason=DECLINES.get(code, Reason.REFUSED), detail=word(code)
    )


# -- undoing and returning ---------------------------------------------------------------------------------


def _undone(request: Request, result: Result, at_ms: int) -> OrderEvent | None:
    """3.6. A setup fault is no answer to a void: voids are repeated, and an earlier one may be done."""
    if result == DONE:
        return UndoAccepted(at_ms=at_ms)
    status, code = result
    not_offered = isinstance(request, VoidOrder) and code in NOT_OFFERED
    if status == "F" and (not_offered or code == "CANCEL_WINDOW_EXCEED"):
        return UndoRefused(at_ms=at_ms, why=UndoRefusal.WINDOW_OVER, detail=code)
    return None


def _refunded(result: Result, tree: Tree, at_ms: int) -> OrderEvent | None:
    """S is done. U says nothing, perhaps even that the payment itself is under way (3.8): ask."""
    if result == DONE:
        return _back(tree, at_ms)
    status, code = result
    if status == "F" and code in REFUND_FAILS:
        return RefundFailed(at_ms=at_ms, reason=REFUND_FAILS[code], detail=code)
    return None


def _refund_queried(tree: Tree, at_ms: int) -> OrderEvent:
    """`refundStatus` (3.7). Done or failed only when the answer names our refund."""
    status = text(tree, "refundStatus")
    if status == "SUCCESS":
        return _back(tree, at_ms)
    if status == "PROCESSING":
        return RefundAccepted(at_ms=at_ms, gateway_ref=note(text(tree, "refundId")))
    if status == "FAIL" and text(tree, "refundRequestId"):
        return RefundFailed(at_ms=at_ms, detail="FAIL")
    raise WireFault(f"refundStatus {word(status)}")


def _back(tree: Tree, at_ms: int) -> OrderEvent:
    ref, amount = note(text(tree, "refundId")), money(tree, "refundAmount")
    if amount is None or not text(tree, "refundRequestId"):
        return RefundAccepted(at_ms=at_ms, gateway_ref=ref)
    return RefundDone(at_ms=at_ms, amount=amount, gateway_ref=ref)


# -- single values -----------------------------------------------------------------------------------------


def text(tree: Mapping[str, object], *names: str) -> str:
    """The text or number at that place, "" when there is none."""
    part: object = tree
    for name in names:
        part = part.get(name) if isinstance(part, dict) else None
    return part if isinstance(part, str) else ""


def money(tree: Tree, name: str) -> Money | None:
    """None when amount or currency is missing; WireFault when they are illegible."""
    value, currency = text(tree, name, "value"), text(tree, name, "currency")
    return minor_money(value, currency) if value and currency else None


def _ref(tree: Tree, request: Request) -> str | None:
    said = text(tree, "paymentId")
    return None if echoes(said, code_of(request)) else note(said)


def _moment(said: str) -> datetime | None:
    """ISO 8601 with its zone, or epoch milliseconds; None when it is neither (F50)."""
    if re.fullmatch(r"[0-9]{13}", said):
        return EPOCH + timedelta(milliseconds=int(said))
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
