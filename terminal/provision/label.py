"""What is stuck on the unit: whose it is, and by what the gateway knows it."""

from __future__ import annotations

import base64
from hashlib import sha256

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from terminal.provision.order import Order

GROUPS = 4  # of four letters: enough to compare two by eye


def label(order: Order) -> str:
    rows = [
        f"TERMINAL  {order.terminal}",
        f"SHOP      {order.settings.shop.title or '-'}",
        f"GATEWAY   {order.settings.gateway.driver}{' (sandbox)' if order.settings.gateway.sandbox else ''}",
        f"KEY       {fingerprint(order.secret)}",
    ]
    width = max(map(len, rows))
    edge = f"+{'-' * (width + 2)}+"
    return "\n".join([edge, *(f"| {row:<{width}} |" for row in rows), edge])


def fingerprint(private_key: bytes) -> str:
    """Of the public key: the first 80 bits of SHA-256 over its DER, like K7QX-..."""
    public = load_pem_private_key(private_key, None).public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = base64.b32encode(sha256(der).digest()).decode()
    return "-".join(text[4 * each : 4 * each + 4] for each in range(GROUPS))
