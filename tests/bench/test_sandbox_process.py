"""The sandbox as a program: its first line, its files, its end, and what a kill -9 leaves."""

from __future__ import annotations

import datetime
import http.client
import json
import os
import signal
import sqlite3
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from terminal.bench.sandbox import Sandbox, main
from terminal.bench.sandbox.keys import keys_in
from terminal.core.terms import Refusal
from tests.bench.sandbox_till import Till

START = "import sys; from terminal.bench.sandbox import main; sys.exit(main(sys.argv[1:]))"


@contextmanager
def running(state: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], Till]]:
    command = [sys.executable, "-c", START, "--state", str(state), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, Till(json.loads(process.stdout.readline()))
        finally:
            process.kill()


def test_the_first_line_says_all_a_terminal_needs_and_sigterm_ends_it(tmp_path: Path) -> None:
    with running(tmp_path / "new" / "state", "--gateway", "codepay") as (process, till):
        assert set(till.said) == {
            *("address", "gateway", "private_key_file", "gateway_key_file"),
            *("app_id", "merchant_no"),
        }
        assert till.said["gateway"] == "codepay"
        assert till.submit("T1", till.code("Alipay"), pay_method_id="Alipay")["code"] == "0"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_several_gateways_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START, "--state", str(tmp_path), "--gateway"]
    for words, names in (
        (["all"], ["antom", "codepay", "paycloud"]),
        (["antom", "--gateway", "paycloud"], ["antom", "paycloud"]),
    ):
        with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            process.kill()
        assert sorted(said["gateways"]) == names
        assert set(said["gateways"]["antom"]) == {
            *("address", "gateway", "private_key_file", "gateway_key_file"),
            *("client_id", "path"),
        }


def test_books_of_another_version_are_not_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = sqlite3.connect(tmp_path / "ledger.sqlite")
    books.execute("CREATE TABLE orders (order_no TEXT)")
    books.close()
    assert main(["--state", str(tmp_path)]) == 2
    assert "another version" in capsys.readouterr().err


def test_keys_are_private_and_stay_the_same(tmp_path: Path) -> None:
    old_umask = os.umask(0)
    try:
        first = keys_in(tmp_path)
    finally:
        os.umask(old_umask)
    for name in ("terminal_private.pem", "gateway_private.pem"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert keys_in(tmp_path) == first
    assert first.terminal_public != first.gateway_key_file.read_bytes()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".pem"] * 4


def test_the_books_survive_kill_9_under_traffic(tmp_path: Path) -> None:
    """Whatever was answered is still true after the sandbox was killed in the middle of things."""
    answered: dict[str, str] = {}
    with running(tmp_path) as (process, till):
        qr = till.create("T0")["data"]["qrcode_url"]
        till.do("settings", tombstones=True)

        def traffic() -> None:
            try:
                for number in (f"T{at}" for at in range(1, 10_000)):
                    answered[number] = till.submit(number, till.code())["data"]["trans_no"]
                    if len(answered) == 20:
                        enough.set()
            except (OSError, http.client.HTTPException):
                enough.set()  # it was killed

        enough = threading.Event()
        thread = threading.Thread(target=traffic)
        thread.start()
        assert enough.wait(60)
        process.kill()
        thread.join()
    assert len(answered) >= 20
    with running(tmp_path) as (_, till):
        for number, trans_no in answered.items():
            data = till.query(number)["data"]
            assert (data["trans_status"], data["trans_no"]) == (2, trans_no)
        assert till.revoke("T404")["code"] == "0"  # the settings survived too
        till.do("wallet/pay", qr=qr)
        paid = till.desk("GET", "orders")[1]["orders"]
        assert sum(order["captured_minor"] for order in paid) == 1250 * len(paid)
        assert len(answered) + 1 <= len(paid) <= len(answered) + 2  # one may have lost its answer


def test_only_loopback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::", "example.com"):
        with pytest.raises(Refusal):
            Sandbox(tmp_path, host=host)
    assert main(["--state", str(tmp_path), "--host", "0.0.0.0"]) == 2
    assert "loopback" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_taken_port_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Sandbox(tmp_path) as sandbox:
        port = sandbox.address.rsplit(":", 1)[1]
        assert main(["--state", str(tmp_path), "--port", port]) == 2
    assert capsys.readouterr().err.startswith("The sandbox cannot start: ")


def test_time_factor_comes_from_the_command_line(tmp_path: Path) -> None:
    with running(tmp_path, "--time-factor", "60") as (_, till):
        assert till.do("wallet/code", wallet="Alipay+")["expires_s"] == 1
    with running(tmp_path) as (_, till):
        assert till.desk("GET", "settings")[1]["time_factor"] == 60  # kept


def test_https(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with Sandbox(tmp_path / "state", tls=(certificate, None)) as sandbox:
        assert sandbox.address.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(certificate))
        till = Till(sandbox.announcement)
        line = http.client.HTTPSConnection(till.netloc, timeout=60, context=trusted)
        body = json.dumps(till.fields("order.query", merchant_order_no="T404"))
        line.request("POST", "/api/entry", body, {"content-type": "application/json"})
        assert till.opened(line.getresponse().read())["code"] == "E04111"
        line.close()


def self_signed(directory: Path) -> Path:
    """Key and certificate for 127.0.0.1 in one file."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sandbox")])
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = directory / "tls.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    return path
