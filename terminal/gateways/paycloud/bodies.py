"""What is asked: our requests as PayCloud's flat fields (gateways.md 1.2 to 1.5)."""

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
from terminal.core.terms import HouseFault, Money
from terminal.gateways.paycloud.settings import Settings
from terminal.wire.http import Stamp


def fields_of(
    request: Request, settings: Settings, wallets: Mapping[str, str], life_ms: int, stamp: Stamp
) -> dict[str, str]:
    """Every field but the signature. `life_ms`: of a code of ours. HouseFault for what cannot be said."""
    fields = {
        "app_id": settings.app_id,
        "format": "JSON",
        "charset": "UTF-8",
        "sign_type": "RSA2",
        "version": "1.0",
        "timestamp": f"{stamp.utc_ms:013}",
        "merchant_no": settings.merchant_no,
        "merchant_order_no": request.order_no,
    }
    match request:
        case CreateOrder():
            fields |= {"method": "cscanb.pay.getqrcode", **_order(request, settings, wallets)}
            fields["expires"] = str(life_ms // 1000)
        case SubmitPayment():
            if request.code is None:
                raise HouseFault("a payment without its code cannot be submitted")
            fields |= {"method": "bscanc.pay.submit", **_order(request, settings, wallets)}
            fields |= {"auth_code": request.code.reveal()}
            fields["expires"] = str(settings.submit_expires_s)
        case QueryOrder():
            fields["method"] = "order.query"
        case CloseOrder() | ReverseOrder():
            fields["method"] = "order.revoker"  # closes what is unpaid, returns what is paid
        case VoidOrder():
            fields |= {"method": "order.revoker", "merchant_order_no": request.of}
        case RefundOrder():
            fields |= {"method": "order.refund.submit", **_refund(request, settings)}
        case QueryRefund():
            fields["method"] = "order.refund.query"
    return fields


def _refund(request: RefundOrder, settings: Settings) -> dict[str, str]:
    """One of the original's two numbers is enough (1.4): ours, which is always known."""
    return {
        "orig_merchant_order_no": request.of,
        "price_currency": request.amount.currency,
        "order_amount": _major(request.amount, settings),
        "notify_url": settings.notify_url,
    }


def _order(
    request: CreateOrder | SubmitPayment, settings: Settings, wallets: Mapping[str, str]
) -> dict[str, str]:
    wallet = request.wallet
    if wallet is None and isinstance(request, CreateOrder):
        wallet = settings.mpm_wallet
    if wallet is None or wallet not in wallets:
        raise HouseFault(
            f"{settings.profile} has no name for wallet {wallet}: add it to its wallets"
        )
    return {
        "store_no": settings.store_no,
        "terminal_sn": settings.terminal_sn,
        "pay_method_id": wallets[wallet],
        "price_currency": request.amount.currency,
        "order_amount": _major(request.amount, settings),
        "description": settings.description,
        "notify_url": settings.notify_url,
    }


def _major(amount: Money, settings: Settings) -> str:
    """Major units with exactly the currency's decimals, or as many as the settings say (1.5)."""
    digits = settings.decimals.get(amount.currency, amount.exponent)
    whole, _, decimals = amount.major.partition(".")
    if decimals[digits:].strip("0"):
        raise HouseFault(f"{amount} cannot be written with {digits} decimals")
    return f"{whole}.{decimals[:digits].ljust(digits, '0')}" if digits else whole
