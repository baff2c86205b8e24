"""What is asked: our requests as Antom's JSON (gateways.md 3.3, 3.4, 3.7).

A repeat of a number must have the identical body (I10, 3.9), so nothing here comes from the clock. The one
exception is `send_terminal_time`, for a submit, which is never repeated (I11).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

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
from terminal.core.terms import HouseFault, Money
from terminal.gateways.antom.settings import CONNECT_WALLET, SCENARIOS, Settings
from terminal.wire.http import Stamp

Tree = dict[str, object]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# What is asked -> the end of its path, and the name of our number in it (gateways.md 0).
OPERATIONS: Mapping[type[Request], tuple[str, str]] = {
    CreateOrder: ("pay", "paymentRequestId"),
    SubmitPayment: ("pay", "paymentRequestId"),
    QueryOrder: ("inquiryPayment", "paymentRequestId"),
    CloseOrder: ("cancel", "paymentRequestId"),
    ReverseOrder: ("cancel", "paymentRequestId"),
    VoidOrder: ("cancel", "paymentRequestId"),
    RefundOrder: ("refund", "refundRequestId"),
    QueryRefund: ("inquiryRefund", "refundRequestId"),
}


def number(request: Request) -> tuple[str, str]:
    """The number that a request is about, by its name on this wire: what the answer must be about too."""
    ours = request.of if isinstance(request, VoidOrder) else request.order_no
    return OPERATIONS[type(request)][1], ours


def body_of(request: Request, settings: Settings, wallets: Mapping[str, str], stamp: Stamp) -> Tree:
    """The body. An inquiry or a cancel says nothing but the number. HouseFault for what cannot be said."""
    said: Tree = {}
    if isinstance(request, CreateOrder):
        said = (
            _cashier(request, settings)
            if settings.product == "cashier"
            else _code(request, settings)
        )
    elif isinstance(request, SubmitPayment):
        said = _submit(request, settings, wallets, stamp)
    elif isinstance(request, RefundOrder):
        said = _refund(request, settings)
    return _filled(dict([number(request)]) | said)


def _payment(request: CreateOrder | SubmitPayment, settings: Settings, order: Tree) -> Tree:
    """What every payment has. `order`: more about the order than its number and amount."""
    amount = _amount(request.amount)
    about: Tree = {
        "referenceOrderId": request.order_no,
        "orderDescription": settings.description,
        "orderAmount": amount,
    }
    return {
        "order": about | order,
        "paymentAmount": amount,
        "paymentNotifyUrl": settings.payment_notify_url,
        "settlementStrategy": {"settlementCurrency": settings.settlement_currency},
    }


def _cashier(request: CreateOrder, settings: Settings) -> Tree:
    return _payment(request, settings, {}) | {
        "productCode": "CASHIER_PAYMENT",
        "paymentMethod": {"paymentMethodType": settings.payment_method_type},
        "paymentRedirectUrl": settings.redirect_url,
        "env": {"terminalType": "WEB"},
    }


def _code(request: CreateOrder, settings: Settings) -> Tree:
    place: Tree = {"storeTerminalId": settings.store_terminal_id}
    return _payment(request, settings, {"merchant": _merchant(settings), "env": place}) | {
        "productCode": "IN_STORE_PAYMENT",
        "paymentMethod": {"paymentMethodType": CONNECT_WALLET},
        "paymentFactor": {"inStorePaymentScenario": SCENARIOS[settings.scenario_case][1]},
    }


def _submit(
    request: SubmitPayment, settings: Settings, wallets: Mapping[str, str], stamp: Stamp
) -> Tree:
    if request.code is None:
        raise HouseFault("a payment without its code cannot be submitted")
    place: Tree = {"storeTerminalId": settings.store_terminal_id}
    if settings.send_terminal_time:
        place["storeTerminalRequestTime"] = iso(stamp)
    method = wallets.get(request.wallet or "", CONNECT_WALLET)
    return _payment(request, settings, {"merchant": _merchant(settings), "env": place}) | {
        "productCode": "IN_STORE_PAYMENT",
        "paymentMethod": {"paymentMethodType": method, "paymentMethodId": request.code.reveal()},
        "paymentFactor": {"inStorePaymentScenario": SCENARIOS[settings.scenario_case][0]},
    }


def _merchant(settings: Settings) -> Tree:
    return {
        "referenceMerchantId": settings.merchant_id,
        "merchantMCC": settings.merchant_mcc,
        "merchantName": settings.merchant_name,
        "store": {
            "referenceStoreId": settings.store_id,
            "storeName": settings.store_name,
            "storeMCC": settings.store_mcc or settings.merchant_mcc,
        },
    }


def _refund(request: RefundOrder, settings: Settings) -> Tree:
    if not request.of_ref:
        raise HouseFault("antom refunds by its own paymentId, and this order has none on record")
    return {
        "paymentId": request.of_ref,
        "refundAmount": _amount(request.amount),
        "refundNotifyUrl": settings.refund_notify_url,
    }


def _amount(amount: Money) -> Tree:
    """Minor units as text (3.12)."""
    if amount.currency == "IDR" and amount.minor % 100:
        raise HouseFault(f"{amount}: Antom takes whole rupiahs only")
    return {"currency": amount.currency, "value": str(amount.minor)}


def _filled(tree: Tree) -> Tree:
    """Without what is empty: what we do not know is left out."""
    kept = {name: _filled(part) if isinstance(part, dict) else part for name, part in tree.items()}
    return {name: part for name, part in kept.items() if part not in ("", {})}


def iso(stamp: Stamp) -> str:
    return (EPOCH + timedelta(milliseconds=stamp.utc_ms)).isoformat(timespec="seconds")
