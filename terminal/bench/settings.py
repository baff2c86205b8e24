"""The terminal.toml of a counter at the sandbox: one account at each of its gateways, as a technician would
write it down, and whatever a test or the bench wants otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

Table = Mapping[str, object]
Tables = Mapping[str, Table]
"""Section -> key -> value: {"gateway.paycloud": {"app_id": "wz..."}}."""


class Account(NamedTuple):
    """`driver`: the codec's word. `wallets`: our wallet ids -> theirs. `own`: keys of the codec's section that
    the sandbox does not announce. `said`: those that it does. `notify`: where notices shall be sent."""

    driver: str
    wallets: Mapping[str, str]
    own: Table
    said: tuple[str, ...] = ("app_id", "merchant_no")
    notify: tuple[str, ...] = ("notify_url",)


_OTHERS = {"wechat": "WeChatPay", "unionpay": "UnionPay"}
_SHOP = {
    "merchant_id": "M-1",
    "merchant_name": "Corner Shop",
    "merchant_mcc": "5814",
    "store_id": "S-1",
    "store_name": "Corner Shop",
}
ACCOUNTS = {
    "paycloud": Account("paycloud", {"alipay+": "Alipay+", **_OTHERS}, {}),
    "codepay": Account("paycloud", {"alipay+": "Alipay", **_OTHERS}, {"profile": "codepay"}),
    "antom": Account(
        "antom",
        {"alipay+": "CONNECT_WALLET"},
        _SHOP,
        ("client_id", "path"),
        ("payment_notify_url", "refund_notify_url"),
    ),
}


def tables(said: Mapping[str, str], state: Path, profile: Path, timing: Table) -> Tables:
    """The settings for what the sandbox announced (`said`). Everything lies in `state`."""
    account = ACCOUNTS[said["gateway"]]
    return {
        "terminal": {"id": "BENCH1", "state_dir": str(state), "profile": str(profile)},
        "shop": {"title": "Corner Shop", "currency": "EUR", "max_amount": "2000.00"},
        "gateway": {
            "driver": account.driver,
            "url": said["address"],
            "sandbox": True,
            "private_key_file": said["private_key_file"],
            "gateway_key_file": said["gateway_key_file"],
        },
        "gateway.timing": timing,
        "gateway.wallets": account.wallets,
        f"gateway.{account.driver}": {name: said[name] for name in account.said}
        | dict(account.own),
        "clock": {"trust": "system"},
        "control": {"socket": str(state / "control.sock")},
    }


def noticed(gateway: str, port: int) -> Tables:
    """What makes the terminal take notices at this port of loopback, and the gateway send them there."""
    account = ACCOUNTS[gateway]
    return {
        "notices": {"enabled": True, "port": port},
        f"gateway.{account.driver}": dict.fromkeys(
            account.notify, f"http://127.0.0.1:{port}/notify"
        ),
    }


def changed(settings: Tables, changes: Tables) -> Tables:
    """With the keys of `changes` instead; None takes a key away."""
    made = {
        name: dict(settings.get(name, {})) | dict(changes.get(name, {}))
        for name in (*settings, *changes)
    }
    return {
        name: {key: value for key, value in table.items() if value is not None}
        for name, table in made.items()
    }


def toml(settings: Tables) -> str:
    """As a file. JSON's texts, numbers, truths and lists are TOML's too."""
    return "\n".join(
        "\n".join([f"[{name}]", *(f'"{key}" = {json.dumps(table[key])}' for key in table), ""])
        for name, table in settings.items()
    )
