"""Every gateway that we ship: its codec, and the sandbox's wire as the vendor who signs its notices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from terminal.bench.sandbox.keys import Keys
from terminal.bench.sandbox.server import WIRES
from terminal.bench.sandbox.wire import Wire
from terminal.core.timing import Timing
from terminal.gateways import Gateway, antom, paycloud
from terminal.wire.signing import Signer, Verifier

NAMES = tuple(WIRES)
ADDRESS = "http://x/notify"
_MERCHANT = {"merchant_id": "M1", "merchant_name": "Kiosk", "merchant_mcc": "5814"}
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "paycloud": {"notify_url": ADDRESS},
    "codepay": {"notify_url": ADDRESS, "profile": "codepay"},
    "antom": {
        "payment_notify_url": ADDRESS,
        "refund_notify_url": ADDRESS,
        "store_id": "S1",
        "store_name": "Kiosk",
        **_MERCHANT,
    },
}


def codec(wire: Wire, keys: Keys, timing: Timing | None = None) -> Gateway:
    """The shipped codec of that wire; `timing`: other times than the gateway's own."""
    module: Any = antom if wire.name == "antom" else paycloud
    gateway: Gateway = module.Gateway(
        module.Settings(**wire.credentials, **_SETTINGS[wire.name]),
        Signer.from_pem(keys.private_key_file.read_bytes()),
        Verifier.from_pem(keys.gateway_key_file.read_bytes()),
        timing=timing or module.TIMING,
    )
    return gateway
