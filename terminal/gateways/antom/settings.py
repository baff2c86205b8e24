"""What a technician writes under [gateway.antom], and our wallets by Antom's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from terminal.core.terms import Refusal

CONNECT_WALLET = "CONNECT_WALLET"
# Antom finds the wallet by the code itself (gateways.md 3.3). These are the ids of ours that it may be.
WALLETS: Mapping[str, str] = dict.fromkeys(("alipay+", "alipay-cn", "alipay-hk"), CONNECT_WALLET)

# inStorePaymentScenario of a submit and of an order code (8.11).
SCENARIOS = {"docs": ("PaymentCode", "OrderCode"), "upper": ("PAYMENTCODE", "ORDERCODE")}

# Result codes that speak of a setting (3.8): `terminalctl gateway check` names it.
BLAME: Mapping[str, tuple[str, ...]] = {
    "INVALID_SIGNATURE": ("private_key_file", "key_version"),
    "KEY_NOT_FOUND": ("key_version",),
    **dict.fromkeys(("INVALID_CLIENT", "CLIENT_INVALID"), ("client_id", "path")),
    "ACCESS_DENIED": ("client_id",),
    "NO_INTERFACE_DEF": ("path",),
    "MERCHANT_NOT_REGISTERED": ("merchant_id", "store_id"),
}

_NEEDED = ("client_id", "merchant_id", "merchant_name", "merchant_mcc", "store_id", "store_name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the portal shows, and whatever the pages leave open (gateways.md 8): safe until confirmed.

    `path`: "" is production, or the sandbox when the client id starts with SANDBOX_ (3.1). `product`: what
    kind of code we show. `payment_method_type`: the one wallet of a cashier code.
    """

    client_id: str
    merchant_id: str
    merchant_name: str
    merchant_mcc: str
    store_id: str
    store_name: str
    store_mcc: str = ""  # "" is the merchant's
    store_terminal_id: str = ""
    path: str = ""
    product: Literal["order_code", "cashier"] = "order_code"
    payment_method_type: str = "ALIPAY_CN"  # cashier only
    redirect_url: str = ""  # cashier only, where it must be
    payment_notify_url: str = (
        ""  # "required" in the pages; unconfirmed where nothing can be reached
    )
    refund_notify_url: str = ""
    description: str = "Purchase"
    settlement_currency: str = ""
    key_version: str = "1"  # of our own key in the portal
    agent_token: str = ""
    request_time_format: Literal["ms", "iso"] = "ms"  # unconfirmed: both are in use (8.10)
    scenario_case: Literal["docs", "upper"] = "docs"  # unconfirmed (8.11)
    send_terminal_time: bool = False  # unconfirmed whether a submit needs storeTerminalRequestTime
    read_timeout_ms: int = 10_000  # 3.4 b, 7.2
    not_found_codes: tuple[str, ...] = ("ORDER_NOT_EXIST",)  # of a refund inquiry: unconfirmed

    def __post_init__(self) -> None:
        for name in _NEEDED:
            if not getattr(self, name):
                raise Refusal(f"{name} is empty. It stands in Antom's portal or contract.")
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, str) and not value.isprintable():
                raise Refusal(f"{name} holds a character that cannot be printed.")
        if not self.description.isascii():
            raise Refusal("description: some wallets refuse letters beyond ASCII. Use plain ones.")
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", self.client_id):
            raise Refusal("client_id is letters, digits, _ and -, as the portal shows it.")
        if not re.fullmatch(r"(/[A-Za-z0-9._~/-]{0,200})?", self.path):
            raise Refusal(f"{self.path[:40]!r} is no path. Write it like /ams/api/v1/payments.")
        if not re.fullmatch(r"[0-9]{1,9}", self.key_version):
            raise Refusal("key_version is a number, as the portal shows it.")
        if self.product == "cashier" and not self.redirect_url:
            raise Refusal('redirect_url is empty. product = "cashier" needs one.')

    @property
    def folder(self) -> str:
        """Where the operations lie: the start of the path that is signed."""
        if self.path:
            return self.path.rstrip("/")
        sandbox = self.client_id.startswith("SANDBOX_")
        return f"/ams{'/sandbox' if sandbox else ''}/api/v1/payments"
