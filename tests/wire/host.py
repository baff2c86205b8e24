"""The other end of the line: real sockets on this machine, and a certificate authority of our own."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as files
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from terminal.wire.http import HttpAnswer, HttpRequest
from terminal.wire.line import Failure, Line

PATIENCE_S = 60  # when a test hangs it fails; nothing is measured by it
Serve = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Host:
    """Accepts connections and hands each to `serve`, after TLS when there is a context."""

    def __init__(self, serve: Serve, context: ssl.SSLContext | None = None) -> None:
        self.serve = serve
        self.context = context
        self.connections = 0
        self.requests: queue.Queue[bytes] = queue.Queue()
        self.gone: queue.Queue[None] = queue.Queue()  # one for each connection that ended
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._attend, args=(conn,), daemon=True).start()

    def _attend(self, conn: socket.socket) -> None:
        with contextlib.suppress(OSError), conn:
            if self.context is None:
                self.serve(conn)
            else:
                with self.context.wrap_socket(conn, server_side=True) as secure:
                    self.serve(secure)
        self.gone.put(None)

    def read(self, conn: socket.socket) -> bytes:
        """One request, head and body."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (piece := conn.recv(65_536)):
                raise ConnectionError
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        [length] = [
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        while len(body) < length:
            body += conn.recv(65_536)
        self.requests.put(head + b"\r\n\r\n" + body)
        return head + b"\r\n\r\n" + body


class Inbox:
    """Where the line delivers."""

    def __init__(self) -> None:
        self.items: queue.Queue[tuple[int, HttpAnswer | Failure]] = queue.Queue()

    def __call__(self, exchange: int, answer: HttpAnswer | Failure) -> None:
        self.items.put((exchange, answer))

    def next(self) -> tuple[int, HttpAnswer | Failure]:
        return self.items.get(timeout=PATIENCE_S)


@contextlib.contextmanager
def hosted(serve: Callable[[Host, socket.socket], None], **how: Any) -> Iterator[Host]:
    host: Host
    host = Host(lambda conn: serve(host, conn), **how)
    try:
        yield host
    finally:
        host.close()


def answering(data: bytes) -> Callable[[Host, socket.socket], None]:
    """Read a request, send these bytes, hang up."""

    def serve(host: Host, conn: socket.socket) -> None:
        host.read(conn)
        conn.sendall(data)

    return serve


def silent(host: Host, conn: socket.socket) -> None:
    """Read a request and say nothing until the other side hangs up."""
    host.read(conn)
    conn.recv(1)


def mute(_host: Host, conn: socket.socket) -> None:
    """Not even read, until the other side hangs up."""
    while conn.recv(65_536):
        pass


@contextlib.contextmanager
def line_to(url: str, **how: Any) -> Iterator[tuple[Line, Inbox]]:
    inbox = Inbox()
    line = Line(url, inbox, **how)
    try:
        yield line, inbox
    finally:
        line.close()


REQUEST = HttpRequest("/api/entry", b'{"a":1}', {"Content-Type": "application/json"}, 5_000)
HASTY = HttpRequest("/api/entry", b"{}", {}, 200)


def ask(url: str, request: HttpRequest = REQUEST, **how: Any) -> tuple[HttpAnswer | Failure, Line]:
    """One exchange over a line of its own."""
    with line_to(url, **how) as (line, inbox):
        line.send(7, request)
        exchange, answer = inbox.next()
        assert exchange == 7
        return answer, line


# -- certificates ------------------------------------------------------------------------------------------


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


class Authority:
    """A certificate authority that lives for one test run."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        self.folder = folder
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(self.name, self.key.public_key(), (), -1, 1, ca=True)
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(self.certificate.public_bytes(files.Encoding.PEM))

    def context(
        self, names: tuple[str, ...] = ("127.0.0.1",), days: tuple[int, int] = (-1, 1)
    ) -> ssl.SSLContext:
        """A server's context, its certificate valid between these days from now."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_file(names, days))
        return context

    def server_file(
        self, names: tuple[str, ...] = ("127.0.0.1",), days: tuple[int, int] = (-1, 1)
    ) -> Path:
        """A server's certificate with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
        certificate = self._sign(subject, key.public_key(), names, *days, ca=False)
        file = self.folder / "server.pem"
        file.write_bytes(
            certificate.public_bytes(files.Encoding.PEM)
            + key.private_bytes(files.Encoding.PEM, files.PrivateFormat.PKCS8, files.NoEncryption())
        )
        return file

    def _sign(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        names: tuple[str, ...],
        first_day: int,
        last_day: int,
        *,
        ca: bool,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (  # with all that RFC 5280 asks for: Python 3.13 looks
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=first_day))
            .add_extension(_usage(ca=ca), critical=True)
            .not_valid_after(now + timedelta(days=last_day))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_name(name) for name in names]), critical=False
            )
        return builder.sign(self.key, hashes.SHA256())


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)
