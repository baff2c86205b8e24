"""Two RSA key pairs on disk: the terminal's and the gateway's, made on the first start.

Like the real thing, each side gets the other's public half; only that the sandbox also makes the terminal's
private half, which nobody but a sandbox may do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

RSA_BITS = 2048  # what these gateways use (gateways.md 1.6)


@dataclass(frozen=True, slots=True)
class Keys:
    """PEM bytes, and the two files that a terminal is given."""

    terminal_public: bytes
    gateway_private: bytes
    private_key_file: Path
    gateway_key_file: Path


def keys_in(directory: Path) -> Keys:
    """The keys that live in `directory`; missing ones are made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    terminal = _private_key(directory / "terminal_private.pem")
    gateway = _private_key(directory / "gateway_private.pem")
    terminal_public = _public_half(terminal)
    gateway_public_file = directory / "gateway_public.pem"
    _write(directory / "terminal_public.pem", terminal_public, 0o644)
    _write(gateway_public_file, _public_half(gateway), 0o644)
    return Keys(terminal_public, gateway, directory / "terminal_private.pem", gateway_public_file)


def _private_key(path: Path) -> bytes:
    if path.exists():
        return path.read_bytes()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(path, pem, 0o600)
    return pem


def _public_half(pem: bytes) -> bytes:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(pem, password=None)
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """All of it or none: a sandbox killed here must start again (hence the rename)."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)
