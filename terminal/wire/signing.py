"""Signing and checking: RSA (PKCS#1 v1.5) with SHA-256 over bytes, and PayCloud's canonical text.

Pure: bytes in, bytes out; who reads the key files is not this file's business. What is signed differs per
gateway (PayCloud: `canonical`; Antom: a head line and the raw body), the arithmetic does not.

Two keys stand on each side: we sign with the terminal's private key and check with the *gateway's* public
key. Mixing up the gateway's with our own once cost an integrator fifteen paid orders (gateways.md 1.6 d), so
`Signer.public` and `Verifier.public` can be compared.

`cryptography` is imported when the first key is read, not when the daemon starts.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from terminal.core.terms import Refusal, WireFault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

RSA_BITS_MIN = 2048
RSA_BITS_MAX = 8192  # a longer key only makes every sale slow
KEY_FILE_BYTES_MAX = 32_768


def canonical(fields: Mapping[str, str | None]) -> str:
    """The text that PayCloud signs: `sign`, nulls and empty values dropped, sorted by name, k=v joined by &.

    Values exactly as they stand on the wire, nothing URL-encoded (gateways.md 1.6).
    """
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields) if _signed(name, fields))


def _signed(name: str, fields: Mapping[str, str | None]) -> bool:
    return name != "sign" and fields[name] not in (None, "")


# -- Antom: a head line before the raw body, and the signature in a header (gateways.md 3.2) ---------------


def headed(path: str, client_id: str, time: str, body: bytes) -> bytes:
    """The bytes that Antom signs: the path really asked for, who, when as it stands in the header, the body.

    WireFault for a head that is no text.
    """
    try:
        return f"POST {path}\n{client_id}.{time}.".encode() + body
    except UnicodeEncodeError:
        raise WireFault("the head of the message is no text") from None


def signature_header(signature: bytes, key_version: str) -> str:
    encoded = quote(base64.b64encode(signature).decode(), safe="")
    return f"algorithm=RSA256,keyVersion={key_version},signature={encoded}"


def from_signature_header(text: str) -> bytes:
    """The signature in such a header; spaces behind the commas are the vendor's own habit.

    `unquote` and not `unquote_plus`: a plus that nobody encoded stays one. WireFault for anything else.
    """
    parts = [part.strip().partition("=") for part in text.split(",")]
    fields = {name: value for name, _, value in parts}
    if len(fields) != len(parts) or fields.get("algorithm") != "RSA256":
        raise WireFault("the signature header is missing or odd")
    try:
        return base64.b64decode(unquote(fields.get("signature", "")), validate=True)
    except ValueError:
        raise WireFault("the signature is no base64") from None


class Signer:
    """Our private key. Shows nothing of itself."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    @classmethod
    def from_pem(cls, pem: bytes) -> Signer:
        """From a PKCS#8 or PKCS#1 private key: PEM, or the bare base64 that the portals show.

        Refusal, in words for the technician, when the file holds anything else.
        """
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

        key = _load(pem, _PRIVATE)
        if isinstance(key, RSAPublicKey):
            raise Refusal(f"This is a public key. Expected: {_PRIVATE}")
        if not isinstance(key, RSAPrivateKey):
            raise Refusal(f"This is no RSA key, and gateways want RSA. Expected: {_PRIVATE}")
        _check_size(key.key_size)
        return cls(key)

    @property
    def public(self) -> bytes:
        """The public half, SPKI DER: what the gateway must have on file."""
        return _spki(self._key.public_key())

    def sign(self, message: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return self._key.sign(message, PKCS1v15(), SHA256())


class Verifier:
    """Somebody's public key: the gateway's, or a terminal's when the sandbox checks."""

    def __init__(self, key: RSAPublicKey) -> None:
        self._key = key

    @classmethod
    def from_pem(cls, pem: bytes) -> Verifier:
        """From an SPKI public key: PEM, or the bare base64 that the portals show. Refusal as in `Signer`."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

        key = _load(pem, _PUBLIC)
        if isinstance(key, RSAPrivateKey):
            raise Refusal(f"This is a private key; keep it secret. Expected: {_PUBLIC}")
        if not isinstance(key, RSAPublicKey):
            raise Refusal(f"This is no RSA key, and gateways sign with RSA. Expected: {_PUBLIC}")
        _check_size(key.key_size)
        return cls(key)

    @property
    def public(self) -> bytes:
        """SPKI DER, to compare with `Signer.public`."""
        return _spki(self._key)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """True when this key's private half signed exactly these bytes."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            self._key.verify(signature, message, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


# -- what a key file may hold, and what to say when it holds something else -----------------------------

_PRIVATE = "the terminal's RSA private key, PEM (BEGIN PRIVATE KEY) or base64."
_PUBLIC = "the gateway's RSA public key, PEM (BEGIN PUBLIC KEY) or base64, from its portal."


def _load(pem: bytes, expected: str) -> object:
    """Whatever key is in the file, private or public, of any kind. Refusal when there is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as files

    text = pem.removeprefix(b"\xef\xbb\xbf").strip()  # an editor's byte order mark
    is_pem = b"-----BEGIN " in text  # some tools write remarks before it
    _check_kind(text, expected, is_pem=is_pem)
    data = text if is_pem else _unbase64(text, expected)
    private = files.load_pem_private_key if is_pem else files.load_der_private_key
    public = files.load_pem_public_key if is_pem else files.load_der_public_key
    try:
        return private(data, password=None)
    except TypeError:
        raise Refusal(
            f"The key is locked by a password, and nobody is here to type it. Expected: {expected}"
        ) from None
    except (ValueError, UnsupportedAlgorithm):  # not a private key: a public one?
        try:
            return public(data)
        except (ValueError, UnsupportedAlgorithm):
            raise Refusal(f"The key is damaged or cut short. Expected: {expected}") from None


def _check_kind(text: bytes, expected: str, *, is_pem: bool) -> None:
    if not text:
        raise Refusal(f"The key file is empty. Expected: {expected}")
    if len(text) > KEY_FILE_BYTES_MAX:
        raise Refusal(f"The file is too large to be a key. Expected: {expected}")
    kind = text.partition(b"-----BEGIN ")[2].partition(b"-----")[0]
    if is_pem and b"KEY" not in kind:
        word = kind[:40].decode("ascii", "replace").lower()
        raise Refusal(f"This is a {word}, not a key. Expected: {expected}")


def _unbase64(text: bytes, expected: str) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise Refusal(f"This is neither PEM nor base64. Expected: {expected}") from None


def _check_size(bits: int) -> None:
    if not RSA_BITS_MIN <= bits <= RSA_BITS_MAX:
        raise Refusal(
            f"The RSA key has {bits} bits; {RSA_BITS_MIN} to {RSA_BITS_MAX} are accepted. "
            "Make a new pair of 2048 bits."
        )


def _spki(key: RSAPublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
