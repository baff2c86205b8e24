"""TLS: what is refused, that nothing left, and that the message names the cause (F42)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as files

from terminal.core.terms import Refusal
from terminal.wire.http import HttpAnswer
from terminal.wire.line import Failure, Line, tls_context
from tests.wire.host import (
    OK,
    PATIENCE_S,
    REQUEST,
    Authority,
    Host,
    Inbox,
    answering,
    ask,
    hosted,
    line_to,
)

Context = Callable[[Authority], ssl.SSLContext]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def ours(authority: Authority) -> ssl.SSLContext:
    return authority.context()


def strangers(authority: Authority) -> ssl.SSLContext:
    return Authority(authority.folder, "somebody else").context()


def self_signed(authority: Authority) -> ssl.SSLContext:
    stranger = Authority(authority.folder, "somebody else")
    context = stranger.context()
    key = authority.folder / "self.pem"
    key.write_bytes(
        stranger.file.read_bytes()
        + stranger.key.private_bytes(
            files.Encoding.PEM, files.PrivateFormat.PKCS8, files.NoEncryption()
        )
    )
    context.load_cert_chain(key)
    return context


def old(version: ssl.TLSVersion) -> Context:
    def make(authority: Authority) -> ssl.SSLContext:
        context = authority.context()
        context.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL itself refuses to be this old
        context.minimum_version = version
        context.maximum_version = version
        return context

    return make


REFUSED: dict[str, tuple[Context, str]] = {
    "expired": (lambda ca: ca.context(days=(-9, -1)), "has expired: is the clock right?"),
    "not yet valid": (lambda ca: ca.context(days=(1, 9)), "not valid yet: is the clock right?"),
    "another address": (lambda ca: ca.context(("10.0.0.1",)), "is for another address"),
    "another host": (lambda ca: ca.context(("pay.example",)), "is for another address"),
    "unknown authority": (strangers, "authority not known here: see ca_file"),
    "signed by itself": (self_signed, "signed by itself and not known here: see ca_file"),
    "TLS 1.0": (old(ssl.TLSVersion.TLSv1), "only an old TLS; 1.2 or newer is needed"),
    "TLS 1.1": (old(ssl.TLSVersion.TLSv1_1), "only an old TLS; 1.2 or newer is needed"),
}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("probe", [False, True])
@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str, probe: bool, authority: Authority) -> None:
    make, words = REFUSED[what]
    with hosted(answering(OK), context=make(authority)) as host:
        failure = asked(host, authority, probe=probe)
        host.gone.get(timeout=PATIENCE_S)
        assert host.requests.empty()
    assert isinstance(failure, Failure)
    assert not failure.left
    assert words in failure.detail


def asked(host: Host, authority: Authority, *, probe: bool) -> HttpAnswer | Failure:
    if not probe:
        return ask(host.url, ca_file=authority.file)[0]
    with line_to(host.url, ca_file=authority.file) as (line, inbox):
        line.probe(1)
        return inbox.next()[1]


@pytest.mark.parametrize("probe", [False, True])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_accepted(version: ssl.TLSVersion, probe: bool, authority: Authority) -> None:
    context = authority.context()
    context.minimum_version = context.maximum_version = version
    with hosted(answering(OK), context=context) as host:
        answer = asked(host, authority, probe=probe)
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.body) == ((0, b"") if probe else (200, b"ok"))


def test_a_host_name_that_fits_no_certificate(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hosted(answering(OK), context=authority.context(("pay.example",))) as host:
        here = socket.getaddrinfo("127.0.0.1", host.port, type=socket.SOCK_STREAM)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: here)
        right, _ = ask(f"https://pay.example:{host.port}", ca_file=authority.file)
        assert isinstance(right, HttpAnswer)
        wrong, _ = ask(f"https://evil.example:{host.port}", ca_file=authority.file)
    assert wrong == Failure(False, "evil.example: its certificate is for another host")


def test_a_private_authority_is_the_only_one(authority: Authority) -> None:
    """requests would add its own bundle; ours stays as it was made."""
    with hosted(answering(OK), context=authority.context()) as host:
        answer, line = ask(host.url, ca_file=authority.file)
    assert isinstance(answer, HttpAnswer)
    context = line._context
    assert context is not None
    assert context.cert_store_stats()["x509_ca"] == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_without_ca_file_a_private_authority_is_refused(authority: Authority) -> None:
    with hosted(answering(OK), context=authority.context()) as host:
        failure, _ = ask(host.url)
        assert host.requests.empty()
    assert isinstance(failure, Failure)
    assert "not known here: see ca_file" in failure.detail
    assert not failure.left


def test_no_tls_at_all(authority: Authority) -> None:
    def plain(_host: Host, conn: socket.socket) -> None:
        conn.recv(1024)
        conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with hosted(plain) as host:
        url = host.url.replace("http:", "https:")
        failure, _ = ask(url, ca_file=authority.file)
    assert failure == Failure(False, "127.0.0.1: it does not speak TLS: is the port right?")


def hang_up(_host: Host, conn: socket.socket) -> None:
    conn.recv(1024)


def test_hung_up_during_tls(authority: Authority) -> None:
    with hosted(hang_up) as host:
        url = host.url.replace("http:", "https:")
        failure, _ = ask(url, ca_file=authority.file)
    assert isinstance(failure, Failure)
    assert not failure.left
    assert "hung up" in failure.detail or "cut" in failure.detail


def slow_hello(_host: Host, conn: socket.socket) -> None:
    """The beginning of a long TLS record, byte by byte (F43)."""
    conn.sendall(b"\x16\x03\x03\x3f\xff")
    pace = threading.Event()
    while True:
        conn.sendall(b"\x02")
        pace.wait(0.05)


@pytest.mark.parametrize("probe", [False, True])
def test_a_handshake_without_end(authority: Authority, probe: bool) -> None:
    with hosted(slow_hello) as host:
        url = host.url.replace("http:", "https:")
        with line_to(url, ca_file=authority.file, connect_timeout_ms=200) as (line, inbox):
            if probe:
                line.probe(1)
            else:
                line.send(1, REQUEST)
            exchange, failure = inbox.next()
            assert exchange == 1
            assert isinstance(failure, Failure)
            assert not failure.left
            assert failure.detail in (
                "no connection within 0.2 s",
                "127.0.0.1: it does not answer in time",  # a slow machine: a pause in the drip
            )
            host.gone.get(timeout=PATIENCE_S)  # the connection is cut, no thread hangs on it


def test_cut_after_tls_counts_as_left(authority: Authority) -> None:
    with hosted(answering(b""), context=authority.context()) as host:
        failure, _ = ask(host.url, ca_file=authority.file)
    assert isinstance(failure, Failure)
    assert failure.left


# -- ca_file -----------------------------------------------------------------------------------------------


def test_a_ca_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"none\.pem cannot be read: No such file"):
        Line("https://pay.example", Inbox(), ca_file=tmp_path / "none.pem")


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\n!!\n", b"\xff\xfe"])
def test_a_ca_file_without_a_certificate(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(Refusal, match="holds no certificate"):
        Line("https://pay.example", Inbox(), ca_file=tmp_path / "ca.pem")


def test_no_session_keys_are_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert tls_context(None).keylog_filename is None
