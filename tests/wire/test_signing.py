"""Keys in every form that portals and tools write, and messages that say what is wrong with the others."""

from __future__ import annotations

import base64
import functools

import pytest
from cryptography.hazmat.primitives import serialization as files
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from terminal.core.terms import Refusal
from terminal.wire.signing import KEY_FILE_BYTES_MAX, Signer, Verifier, canonical

PKCS1, PKCS8 = files.PrivateFormat.TraditionalOpenSSL, files.PrivateFormat.PKCS8
PEM, DER = files.Encoding.PEM, files.Encoding.DER


@functools.cache
def key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def private(
    form: files.PrivateFormat = PKCS8, encoding: files.Encoding = PEM, bits: int = 2048
) -> bytes:
    return key(bits).private_bytes(encoding, form, files.NoEncryption())


def public(encoding: files.Encoding = PEM, bits: int = 2048) -> bytes:
    return key(bits).public_key().public_bytes(encoding, files.PublicFormat.SubjectPublicKeyInfo)


def wrapped(der: bytes) -> bytes:
    """Base64 in lines of 64 with Windows line ends, as a portal's page is copied."""
    text = base64.b64encode(der)
    return b"\r\n".join(text[at : at + 64] for at in range(0, len(text), 64)) + b"\r\n"


PRIVATE_FORMS = {
    "PKCS#8 PEM": private(),
    "PKCS#1 PEM": private(PKCS1),
    "PKCS#8 base64": base64.b64encode(private(encoding=DER)),
    "PKCS#1 base64 in lines": wrapped(private(PKCS1, DER)),
    "with a byte order mark": b"\xef\xbb\xbf" + private(),
    "with remarks before": b"Bag Attributes\n    friendlyName: till\n" + private(),
    "with Windows line ends": private().replace(b"\n", b"\r\n"),
}
PUBLIC_FORMS = {
    "PEM": public(),
    "base64": base64.b64encode(public(DER)),
    "base64 in lines": wrapped(public(DER)),
}


@pytest.mark.parametrize("private_form", PRIVATE_FORMS)
@pytest.mark.parametrize("public_form", PUBLIC_FORMS)
def test_what_one_signs_the_other_verifies(private_form: str, public_form: str) -> None:
    signer = Signer.from_pem(PRIVATE_FORMS[private_form])
    verifier = Verifier.from_pem(PUBLIC_FORMS[public_form])
    signature = signer.sign("Café 二维码".encode())
    assert verifier.verify("Café 二维码".encode(), signature)
    assert not verifier.verify("Cafe 二维码".encode(), signature)
    assert not verifier.verify("Café 二维码".encode(), signature[:-1])
    assert not verifier.verify("Café 二维码".encode(), b"")
    assert signer.public == verifier.public


def test_another_key_does_not_verify() -> None:
    other = rsa.generate_private_key(65537, 2048).public_key()
    signature = Signer.from_pem(private()).sign(b"text")
    assert not Verifier(other).verify(b"text", signature)


def locked() -> bytes:
    return key().private_bytes(PEM, PKCS8, files.BestAvailableEncryption(b"secret"))


def of_curve() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


CURVE_PRIVATE = of_curve().private_bytes(PEM, PKCS8, files.NoEncryption())
CURVE_PUBLIC = of_curve().public_key().public_bytes(PEM, files.PublicFormat.SubjectPublicKeyInfo)
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

NO_SIGNER = {
    "public PEM": (public(), "This is a public key."),
    "public base64": (base64.b64encode(public(DER)), "This is a public key."),
    "locked": (locked(), "locked by a password"),
    "curve": (CURVE_PRIVATE, "no RSA key"),
    "short": (private(bits=1024), "1024 bits"),
    "certificate": (CERTIFICATE, "This is a certificate"),
    "cut": (private()[:-200], "damaged or cut short"),
    "cut base64": (base64.b64encode(private(encoding=DER)[:-30]), "damaged or cut short"),
    "empty": (b" \r\n", "empty"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(99), "neither PEM nor base64"),
    "large": (b"A" * (KEY_FILE_BYTES_MAX + 1), "too large"),
}
NO_VERIFIER = {
    "private PEM": (private(), "This is a private key"),
    "private base64": (base64.b64encode(private(PKCS1, DER)), "This is a private key"),
    "curve": (CURVE_PUBLIC, "no RSA key"),
    "short": (public(bits=1024), "1024 bits"),
    "certificate": (CERTIFICATE, "This is a certificate"),
    "cut": (public()[:-60], "damaged or cut short"),
    "empty": (b"", "empty"),
    "html": (b"<html>Not Found</html>", "neither PEM nor base64"),
}


@pytest.mark.parametrize("name", NO_SIGNER)
def test_no_private_key(name: str) -> None:
    pem, words = NO_SIGNER[name]
    with pytest.raises(Refusal, match=words):
        Signer.from_pem(pem)


@pytest.mark.parametrize("name", NO_VERIFIER)
def test_no_public_key(name: str) -> None:
    pem, words = NO_VERIFIER[name]
    with pytest.raises(Refusal, match=words):
        Verifier.from_pem(pem)


@pytest.mark.parametrize("pem", [pem for pem, _ in (*NO_SIGNER.values(), *NO_VERIFIER.values())])
def test_a_message_never_shows_the_key(pem: bytes) -> None:
    for read in (Signer.from_pem, Verifier.from_pem):
        try:
            read(pem)
        except Refusal as refusal:
            shown = str(refusal)
            assert not any(
                pem[at : at + 20].decode("latin-1") in shown
                for at in (30, 64, 200)
                if pem[at : at + 20]
            )


@given(st.binary(max_size=400))
def test_any_bytes_are_a_key_or_refused(pem: bytes) -> None:
    for read in (Signer.from_pem, Verifier.from_pem):
        with pytest.raises(Refusal):
            read(pem)


def test_nothing_shows_a_key() -> None:
    signer = Signer.from_pem(private())
    assert "MII" not in repr(signer) + str(vars(signer))


# -- the canonical text (gateways.md 1.6) -----------------------------------------------------------------


def test_canonical_sorts_by_name_and_drops_what_is_not_signed() -> None:
    fields = {
        "b": "2",
        "sign": "x",
        "a": "1",
        "empty": "",
        "null": None,
        "B": "&=%20",
        "sign_type": "RSA2",
    }
    assert canonical(fields) == "B=&=%20&a=1&b=2&sign_type=RSA2"


def test_canonical_of_nothing() -> None:
    assert canonical({"sign": "x"}) == ""
