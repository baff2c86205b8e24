"""What a technician writes under [gateway.paycloud], and our wallets by the vendor's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from terminal.core.terms import Refusal
from terminal.wire.envelope import unsendable

# Result codes that speak of a setting (1.7): `terminalctl gateway check` names it.
BLAME: Mapping[str, tuple[str, ...]] = {
    "SYS002": (
        "app_id",
        "private_key_file",
    ),  # one code for an unknown app and for a wrong signature
    "SYS011": ("body",),
    "E07303": ("path", "paths"),  # or not enabled in the merchant portal, API tab
    "M009": ("merchant_no",),
}

# Our wallet ids -> pay_method_id (1.8).
_ALIPAY = ("alipay+", "alipay-cn", "alipay-hk")
_OTHERS = {"wechat": "WeChatPay", "unionpay": "UnionPay", "rakutenpay": "RakutenPay"}
_OTHERS |= {"paypay": "PayPay", "dbarai": "DPay", "merpay": "MerPay", "aupay": "AuPay"}
WALLETS: Mapping[str, Mapping[str, str]] = {
    "paycloud": {**dict.fromkeys(_ALIPAY, "Alipay+"), **_OTHERS},
    "codepay": {**dict.fromkeys(_ALIPAY, "Alipay"), **_OTHERS},  # 2
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the vendor issued, and whatever its pages do not tell (gateways.md 8): safe until confirmed.

    `paths`: method -> path, where an operation has its own. `decimals`: currency -> digits to write behind
    the point instead of ISO 4217's. `mpm_wallet`: our id of the wallet whose code we ask for.
    `implied_currency`: take the order's currency when an answer that says paid names none.
    """

    app_id: str
    merchant_no: str
    store_no: str = ""
    terminal_sn: str = ""  # must be bound in the merchant portal (1.4)
    profile: Literal["paycloud", "codepay"] = "paycloud"
    revoke: bool = (
        True  # CodePay's pages have no cancel, its SDK has (2): false where it is not offered
    )
    path: str = "/api/entry"
    paths: Mapping[str, str] = field(default_factory=dict)  # of a cancel: unconfirmed (8.3)
    body: Literal["json", "form"] = "json"  # the pages say json, the SDK sends a form (1.2)
    notify_url: str = ""
    mpm_wallet: str = "alipay+"
    description: str = "Purchase"  # whether it is mandatory: unconfirmed (8.7)
    submit_expires_s: int = 60  # the SDK's sample; least and most: unconfirmed (8.5)
    read_timeout_ms: int = 10_000  # reliability.md 3; the SDK waits 30 s
    decimals: Mapping[str, int] = field(default_factory=dict)  # unconfirmed for JPY, KWD (8.6)
    implied_currency: bool = False  # unconfirmed whether every answer has price_currency
    # Codes of the call (8.2). All of these lists are unconfirmed; what is in none of them is in doubt.
    not_found_codes: tuple[str, ...] = ("E04111",)
    fault_codes: tuple[str, ...] = ("SYS002", "SYS011", "E07303")  # nothing was carried out
    final_fail_codes: tuple[str, ...] = ()
    too_early_codes: tuple[str, ...] = ()
    window_over_codes: tuple[str, ...] = ()
    not_offered_codes: tuple[str, ...] = ("E07303",)  # of a void: then it becomes a refund (3.3)
    refund_fail_codes: tuple[str, ...] = ("M010", "M009")  # no such original; not this merchant's

    def __post_init__(self) -> None:
        for name in ("app_id", "merchant_no"):
            if not getattr(self, name):
                raise Refusal(f"{name} is empty. It stands in the gateway's merchant portal.")
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, str) and (trouble := unsendable(value)):
                raise Refusal(f"{name} {trouble}")
        for path in (self.path, *self.paths.values()):
            if not re.fullmatch(r"/[A-Za-z0-9._~/-]{0,200}", path):
                raise Refusal(f"{path[:40]!r} is no path. Write it like /api/entry.")
