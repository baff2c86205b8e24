"""What is answered: authentic fields of PayCloud as our events. Every code stands in a closed list (1.7, 1.8)."""

from __future__ import annotations

from collections.abc import Mapping

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
from terminal.gateways.paycloud.settings import Settings
from terminal.wire.envelope import echoes, json_object, major_money, note, word

# -- the closed lists ------------------------------------------------------------------------------------

FAILED, SUCCESS, CANCELLED, WAITING, PAYING = "1", "2", "3", "9", "0"  # trans_status (1.8)
SALE, VOID, REFUND = "1", "2", "3"  # trans_type (1.8)
AMOUNTS = ("order_amount", "trans_amount")
UNDO = (CloseOrder, ReverseOrder, VoidOrder)

# trans_error_code beside trans_status 1: only why. The status alone says that no money moved.
REASONS: Mapping[str, Reason] = {
    "TS-D2012": Reason.INSUFFICIENT_FUNDS,  # 1.7, seen on the wire
    "110": Reason.REFUSED,  # operator cancelled, seen on the wire
    "102": Reason.REFUSED,  # cancelled; this and the next: the ECR family's list (1.7)
    "106": Reason.REFUSED,
    "112": Reason.EXPIRED,
    "115": Reason.REFUSED,
    "120": Reason.LIMIT,
    "NOTENOUGH": Reason.INSUFFICIENT_FUNDS,  # the wallets' own words (6), unconfirmed here
    "AUTHCODEEXPIRE": Reason.CODE_EXPIRED,
    "AUTH_CODE_INVALID": Reason.CODE_INVALID,
    "AUTH_CODE_USED": Reason.CODE_USED,
}
# These contradict trans_status 1: in progress, successful, refunded, time-out, unknown, network, duplicate,
# unknown (1.7). What contradicts itself is in doubt.
DOUBTFUL = frozenset({"101", "103", "105", "107", "108", "109", "113", "999"})


def meaning(
    request: Request, fields: Mapping[str, str], settings: Settings, at_ms: int
) -> OrderEvent:
    """The event that an authentic answer to this request is. WireFault when it is in doubt."""
    if (code := fields.get("code", "")) != "0":
        return _refused(request, code, fields.get("psn", ""), settings, at_ms)
    return _accepted(request, _data(request, fields, settings), settings, at_ms)


def _refused(request: Request, code: str, psn: str, settings: Settings, at_ms: int) -> OrderEvent:
    """The call was not processed (1.7). What that means for the order depends on what was asked."""
    detail = word(code, code_of(request))
    if isinstance(request, (CreateOrder, SubmitPayment)):
        if code in settings.fault_codes:
            return PaymentDeclined(at_ms=at_ms, reason=Reason.SETUP, detail=detail)
        if code in settings.final_fail_codes:
            reason = REASONS.get(code, Reason.REFUSED)
            return PaymentDeclined(at_ms=at_ms, reason=reason, detail=detail)
    elif isinstance(request, RefundOrder):
        if code in settings.fault_codes:
            return RefundFailed(at_ms=at_ms, reason=Reason.SETUP, detail=detail)
        if code in settings.refund_fail_codes:
            return RefundFailed(at_ms=at_ms, detail=detail)
    elif code in settings.not_found_codes:
        return OrderNotFound(at_ms=at_ms, detail=detail)
    if isinstance(request, UNDO) and (why := _undo_refused(request, code, settings)):
        return UndoRefused(at_ms=at_ms, why=why, detail=detail)
    raise WireFault(f"code {detail}, psn {word(psn, code_of(request))}")


def _undo_refused(request: Request, code: str, settings: Settings) -> UndoRefusal | None:
    """A fault code is no answer to a void: it is repeated, and an earlier one may have been done."""
    if code in settings.too_early_codes:
        return UndoRefusal.TOO_EARLY
    not_offered = isinstance(request, VoidOrder) and code in settings.not_offered_codes
    if not_offered or code in settings.window_over_codes:
        return UndoRefusal.WINDOW_OVER
    return None


def _accepted(
    request: Request, data: Mapping[str, str], settings: Settings, at_ms: int
) -> OrderEvent:
    if isinstance(request, UNDO):
        return UndoAccepted(at_ms=at_ms)
    status = data.get("trans_status", "")
    if isinstance(request, RefundOrder):  # accepted is not refunded (1.12): the query says more
        return RefundAccepted(at_ms=at_ms, gateway_ref=note(data.get("trans_no")))
    if isinstance(request, QueryRefund):
        return _returned(request, data, at_ms)
    if isinstance(request, CreateOrder) and status not in (FAILED, CANCELLED):
        return _issued(data, at_ms)
    return _became(request, data, settings, at_ms)


def _returned(request: QueryRefund, data: Mapping[str, str], at_ms: int) -> OrderEvent:
    """What became of the refund. Done or failed only when it names ours and says that it is one."""
    status = data.get("trans_status", "")
    ref = note(data.get("trans_no"))
    kind = data.get("trans_type")
    if kind not in (None, REFUND):
        raise WireFault(f"trans_type {word(kind or '')} in answer to a refund query")
    ours = kind == REFUND and "merchant_order_no" in data
    amount = _amount(data, request.amount, data.get("price_currency", request.amount.currency))
    if status == SUCCESS and ours and amount:
        return RefundDone(at_ms=at_ms, amount=amount, gateway_ref=ref)
    if status in (SUCCESS, WAITING, PAYING):
        return RefundAccepted(at_ms=at_ms, gateway_ref=ref)
    error = data.get("trans_error_code", "")
    if status == FAILED and ours and error not in DOUBTFUL:
        reason = REASONS.get(error, Reason.REFUSED)
        return RefundFailed(at_ms=at_ms, reason=reason, detail=word(error))
    raise WireFault(f"refund, trans_status {word(status)}, error {word(error)}")


def _became(
    request: Request, data: Mapping[str, str], settings: Settings, at_ms: int
) -> OrderEvent:
    """What became of the order, by trans_status (1.8)."""
    status = data.get("trans_status", "")
    kind = data.get("trans_type", SALE)
    named = "merchant_order_no" in data
    if isinstance(request, QueryOrder) and not named and status != SUCCESS:
        raise WireFault("the answer to a query names no order")
    if (kind, status) == (VOID, SUCCESS) and named:  # 8.8: CANCELLED or this, both are accepted
        return OrderClosed(at_ms=at_ms, detail="voided")
    if kind != SALE:
        raise WireFault(f"trans_type {word(kind, code_of(request))}")
    if status in (WAITING, PAYING):
        ref = note(data.get("trans_no"))
        return PaymentPending(at_ms=at_ms, payer_acting=status == PAYING, gateway_ref=ref)
    if status == SUCCESS:
        return _approved(request, data, settings, at_ms)
    if status == FAILED:
        return _failed(request, data.get("trans_error_code", ""), at_ms)
    if status == CANCELLED:
        return OrderClosed(at_ms=at_ms, detail="cancelled")
    raise WireFault(f"trans_status {word(status, code_of(request))}")


def _failed(request: Request, code: str, at_ms: int) -> OrderEvent:
    """Closed or failed. Without an error code a queried order was closed, not declined."""
    if code in DOUBTFUL:
        raise WireFault(f"failed, but trans_error_code {code}")
    if not code and isinstance(request, QueryOrder):
        return OrderClosed(at_ms=at_ms, detail="closed")
    reason = REASONS.get(code, Reason.REFUSED)
    return PaymentDeclined(at_ms=at_ms, reason=reason, detail=word(code, code_of(request)))


def _approved(
    request: Request, data: Mapping[str, str], settings: Settings, at_ms: int
) -> OrderEvent:
    """PAID only when order, amount and currency are all in it (I3); what is missing makes it a hint."""
    currency = data.get("price_currency")
    if currency is None and settings.implied_currency:
        currency = request.amount.currency
    if "merchant_order_no" not in data or currency is None:
        return PaymentHinted(at_ms=at_ms)
    if (paid := _amount(data, request.amount, currency)) is None:
        return PaymentHinted(at_ms=at_ms)
    return PaymentApproved(
        at_ms=at_ms,
        paid=paid,
        gateway_ref=note(data.get("trans_no")),
        approval=note(data.get("pay_channel_trans_no")),
        wallet=note(data.get("pay_method_id")),
    )


def _amount(data: Mapping[str, str], asked: Money, currency: str) -> Money | None:
    """What it says that went through: of two amounts the one that is not what was asked."""
    stated = [data[name] for name in AMOUNTS if name in data]
    amounts = [major_money(text, currency) for text in stated]
    return next((amount for amount in amounts if amount != asked), asked if amounts else None)


def _data(request: Request, fields: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The inner fields that say something. WireFault when they speak of another order (F34, F35)."""
    inner = json_object(fields["data"]) if "data" in fields else {}
    data = {
        name: value
        for name, value in inner.items()
        if isinstance(value, str) and value and not echoes(value, code_of(request))
    }
    of = getattr(request, "of", "")
    ours = {
        "merchant_order_no": of if isinstance(request, VoidOrder) else request.order_no,
        "orig_merchant_order_no": of,
        "merchant_no": settings.merchant_no,
        "store_no": settings.store_no,
        "app_id": settings.app_id,
    }
    for name, own in ours.items():
        if own and data.get(name, own) != own:
            raise WireFault(f"the answer is about another {name}")
    return data


def _issued(data: Mapping[str, str], at_ms: int) -> CodeIssued:
    code = drawable(data.get("qrcode_url", ""))
    return CodeIssued(at_ms=at_ms, code=code, gateway_ref=note(data.get("trans_no")))
