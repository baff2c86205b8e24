"""OpenSSL and node check what our Signer signs, and our Verifier what they sign: both texts that gateways sign.

gateways.md 1.6 (PayCloud: sorted fields) and 3.2 (Antom: a head line and the raw body).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from terminal.bench.sandbox.keys import keys_in
from terminal.wire.signing import Signer, Verifier, canonical, headed

FIELDS = {
    "app_id": "wz0000000000000test",
    "attach": '{"key":"value & more=1"}',
    "description": "Café 二维码",
    "empty": "",
    "order_amount": "34.50",
    "sign": "not signed itself",
}
PAYCLOUD = canonical(FIELDS).encode()
ANTOM = headed(
    "/ams/sandbox/api/v1/payments/pay",
    "SANDBOX_5Y0000000000",
    "2026-11-21T01:18:59+00:00",
    b'{\n   "paymentRequestId": "PR-1",\r\n   "note": "Caf\xc3\xa9"\n}\n',
)
NODE_SIGN = """
const [key, text, out] = process.argv.slice(1), fs = require('fs');
fs.writeFileSync(out, require('crypto').sign('sha256', fs.readFileSync(text), fs.readFileSync(key)));
"""
NODE_VERIFY = """
const [key, text, signature] = process.argv.slice(1).map(name => require('fs').readFileSync(name));
process.exit(require('crypto').verify('sha256', text, key, signature) ? 0 : 1);
"""
Sign = Callable[[Path, Path, Path], None]
Verify = Callable[[Path, Path, Path], bool]


def ran(name: str, *words: str | Path) -> bool:
    """Whether the program ended well."""
    program = shutil.which(name)
    assert program, f"{name} is missing; scripts/install brings it"
    command = [program, *map(str, words)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def openssl_sign(key: Path, text: Path, out: Path) -> None:
    assert ran("openssl", "dgst", "-sha256", "-sign", key, "-out", out, text)


def openssl_verify(key: Path, text: Path, signature: Path) -> bool:
    return ran("openssl", "dgst", "-sha256", "-verify", key, "-signature", signature, text)


def node_sign(key: Path, text: Path, out: Path) -> None:
    assert ran("node", "-e", NODE_SIGN, key, text, out)


def node_verify(key: Path, text: Path, signature: Path) -> bool:
    return ran("node", "-e", NODE_VERIFY, key, text, signature)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with `terminal_private.pem` and `terminal_public.pem`, and the private one in PKCS#1."""
    directory = tmp_path_factory.mktemp("keys")
    private = keys_in(directory).private_key_file.read_bytes()
    key = serialization.load_pem_private_key(private, None)
    pkcs1 = serialization.PrivateFormat.TraditionalOpenSSL
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, pkcs1, plain)
    (directory / "pkcs1.pem").write_bytes(pem)
    return directory


@pytest.mark.parametrize("message", [PAYCLOUD, ANTOM], ids=["paycloud", "antom"])
@pytest.mark.parametrize("verify", [openssl_verify, node_verify])
def test_they_take_what_we_sign(tmp_path: Path, keys: Path, message: bytes, verify: Verify) -> None:
    text, signature = tmp_path / "text", tmp_path / "signature"
    text.write_bytes(message)
    for name in ("terminal_private.pem", "pkcs1.pem"):
        signature.write_bytes(Signer.from_pem((keys / name).read_bytes()).sign(message))
        assert verify(keys / "terminal_public.pem", text, signature)
    text.write_bytes(message.replace(b"e", b"f", 1))
    assert not verify(keys / "terminal_public.pem", text, signature)


@pytest.mark.parametrize("message", [PAYCLOUD, ANTOM], ids=["paycloud", "antom"])
@pytest.mark.parametrize("sign", [openssl_sign, node_sign])
def test_we_take_what_they_sign(tmp_path: Path, keys: Path, message: bytes, sign: Sign) -> None:
    text, signature = tmp_path / "text", tmp_path / "signature"
    text.write_bytes(message)
    sign(keys / "terminal_private.pem", text, signature)
    verifier = Verifier.from_pem((keys / "terminal_public.pem").read_bytes())
    other = Verifier.from_pem((keys / "gateway_public.pem").read_bytes())
    assert verifier.verify(message, signature.read_bytes())
    assert not verifier.verify(message + b" ", signature.read_bytes())
    assert not other.verify(message, signature.read_bytes())
