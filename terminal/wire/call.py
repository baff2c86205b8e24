"""One call: one request, one whole answer. Only the line's workers import this file.

requests and urllib3 speak HTTP. Ours is what they leave open:
- the line hears when the connection stands and is asked before the first byte leaves (`Tap`);
- a connection is kept for the next request only where one that died unnoticed can do no harm (`Door`);
- the TLS context is ours alone: requests would add certifi's authorities to a private one;
- heads and bodies have limits (F26), counted as bytes come in, before anybody buffers or unpacks them;
- what went wrong is said in words for a technician.

No redirect is followed (F40), nothing is tried twice, and neither proxies nor passwords are taken from the
environment: the adapter is used without a session.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import SplitResult

from requests import Request
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import IncompleteRead as UrllibIncompleteRead

from terminal.wire.http import HttpAnswer, HttpRequest

HEAD_BYTES_MAX = 32 * 1024
BODY_BYTES_MAX = 256 * 1024
DETAIL_CHARACTERS_MAX = 120
_PIECE_BYTES = 16 * 1024
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "counter-terminal"}
KNOCK_S = 1.5  # a probe's TCP: long enough for a second SYN, short enough to be back within 3 s
KEPT_S = 4.0  # an idle connection; the shortest-lived servers hang up after five seconds

CALL_ERRORS = (OSError, ValueError, HTTPError, http.client.HTTPException)
"""All that `Door.ask` and `knock` raise; requests' own are OSErrors. `words` says what they mean."""


class Tap(Protocol):
    """The line, listening in. Both raise when it has given the call up."""

    def connected(self, sock: socket.socket) -> None:
        """There is a connection: a new one (TLS to come), or a kept one."""
        ...

    def claim(self) -> None:
        """The first byte of the request is about to leave."""
        ...


class Unusable(OSError):
    """An answer of which no more is wanted. Its text says why."""


class Door:
    """One worker's way to the gateway: a connection that is kept, for a while, between two calls.

    A kept connection breaks without telling whether the request arrived. So a request that moves money always
    has a new one, and a question has a kept one at most `KEPT_S` old on which nothing has come in since: what
    the far end sent unasked would be read as the answer (F45). Nothing is ever sent twice here."""

    def __init__(self, gateway: SplitResult, context: ssl.SSLContext, connect_s: float) -> None:
        self._gateway, self._context, self._connect_s = gateway, context, connect_s
        self._adapter: _Adapter | None = None
        self._kept_since_s = 0.0
        self._tap: Tap | None = None
        self._told = False  # the tap knows the connection

    def ask(self, request: HttpRequest, tap: Tap) -> HttpAnswer:
        """Send it and read the answer to its end. One of CALL_ERRORS when there is none."""
        if request.moves_money or time.monotonic() - self._kept_since_s > KEPT_S:
            self.close()
        if self._adapter is None:
            self._adapter = _Adapter(_pool(self._gateway, self._context, self))
        self._tap, self._told = tap, False
        try:
            answer = self._exchange(self._adapter, request)
        except BaseException:
            self.close()
            raise
        self._kept_since_s = time.monotonic()
        return answer

    def _exchange(self, adapter: _Adapter, request: HttpRequest) -> HttpAnswer:
        asked = Request(
            "POST",
            self._gateway.geturl().rstrip("/") + request.path,
            data=request.body,
            headers={**_HEADERS, **request.headers},
        ).prepare()
        timeout = (
            self._connect_s,
            request.read_timeout_ms / 1000,
        )  # per recv; the line has the whole
        with adapter.send(asked, stream=True, timeout=timeout) as answer:
            body = _body(answer.raw)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status_code, body, headers)

    def connected(self, sock: socket.socket) -> None:
        """TCP stands, TLS not yet."""
        assert self._tap is not None
        self._tap.connected(sock)
        self._told = True

    def leaving(self, sock: socket.socket) -> None:
        """Bytes of the request are about to leave."""
        assert self._tap is not None
        if not self._told:
            self.connected(sock)
        self._tap.claim()

    @property
    def is_open(self) -> bool:
        return self._adapter is not None

    def close(self) -> None:
        if self._adapter is not None:
            self._adapter.close()
            self._adapter = None


def knock(gateway: SplitResult, context: ssl.SSLContext, tap: Tap, connect_s: float) -> None:
    """Connect, TLS included, and hang up. One of CALL_ERRORS when that fails."""
    host, port = _host(gateway)
    with socket.create_connection((host, port), min(connect_s, KNOCK_S)) as sock:
        tap.connected(sock)
        sock.settimeout(connect_s)
        if gateway.scheme == "https":
            context.wrap_socket(sock, server_hostname=host).close()


def _host(gateway: SplitResult) -> tuple[str, int]:
    return gateway.hostname or "", gateway.port or (443 if gateway.scheme == "https" else 80)


# -- the parts of requests and urllib3 that are ours -----------------------------------------------------


class _Adapter(HTTPAdapter):
    """requests over one pool of ours."""

    def __init__(self, pool: HTTPConnectionPool) -> None:
        super().__init__(max_retries=0)
        self._pool = pool

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """The pool's context demands a certificate and checks the host; nobody is to add authorities."""

    def close(self) -> None:
        super().close()
        self._pool.close()


class _MeteredResponse(http.client.HTTPResponse):
    """http.client's, reading through a meter: it alone sees every byte that comes in."""

    def __init__(self, sock: socket.socket, *args: Any, **how: Any) -> None:
        super().__init__(sock, *args, **how)
        self._meter = _Meter(self.fp.detach())
        self.fp = io.BufferedReader(self._meter)

    def begin(self) -> None:
        super().begin()
        if self._meter.ended:  # http.client takes an end for an empty line
            raise Unusable("the head of the answer is cut short")
        self._meter.allowed += BODY_BYTES_MAX


class _Meter(io.RawIOBase):
    """Stops a stream that brings more than `allowed` bytes. `ended`: it brings no more."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.allowed = HEAD_BYTES_MAX
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._raw.readinto(buffer)
        self.ended = count == 0
        self.allowed -= count or 0
        if self.allowed < 0:
            raise Unusable("the answer is too large")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Plain(HTTPConnection):
    """A connection that the line listens in on. `door` is set by the pool."""

    door: Door
    response_class = _MeteredResponse

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        try:
            self.door.connected(sock)
        except OSError:
            sock.close()
            raise
        return sock

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        assert self.sock is not None
        self.door.leaving(self.sock)
        super().send(data)


class _Secure(_Plain, HTTPSConnection):
    """The same over TLS: `connect` returns when the handshake is done."""


def _pool(gateway: SplitResult, context: ssl.SSLContext, door: Door) -> HTTPConnectionPool:
    """A pool for one connection. It looks before each use whether the far end has hung up or said something."""
    host, port = _host(gateway)
    kind = _Secure if gateway.scheme == "https" else _Plain

    def connection(**how: Any) -> HTTPConnection:
        made = kind(**how)
        made.door = door
        return made

    if kind is _Plain:
        pool = HTTPConnectionPool(host, port)
    else:
        pool = HTTPSConnectionPool(host, port, ssl_context=context, cert_reqs=ssl.CERT_REQUIRED)
    pool.ConnectionCls = connection  # type: ignore[assignment]
    return pool


def _body(raw: Any) -> bytes:
    """The whole body, decoded. We ask for it as it is; some servers pack it all the same."""
    pieces = iter(lambda: raw.read(_PIECE_BYTES, decode_content=False), b"")
    body = b"".join(pieces)
    if len(body) > BODY_BYTES_MAX:
        raise Unusable("the answer is too large")
    encoding = raw.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Unusable(f"the answer is encoded as {encoding[:20]!r}, which nobody asked for")
    return _unpacked(body)


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = unpacker.decompress(packed, BODY_BYTES_MAX + 1)
    except zlib.error:
        raise Unusable("the answer is packed, and damaged") from None
    if len(body) > BODY_BYTES_MAX:
        raise Unusable("the answer is too large when unpacked")
    if not unpacker.eof:
        raise Unusable("the answer is packed, and cut short")
    return body


# -- what went wrong, in words ---------------------------------------------------------------------------

_CERTIFICATE = {  # X509_V_ERR_* of OpenSSL
    9: "its certificate is not valid yet: is the clock right?",
    10: "its certificate has expired: is the clock right?",
    18: "its certificate is signed by itself and not known here: see ca_file",
    19: "its certificate comes from an authority not known here: see ca_file",
    20: "its certificate comes from an authority not known here: see ca_file",
    21: "its certificate comes from an authority not known here: see ca_file",
    62: "its certificate is for another host",
    64: "its certificate is for another address",
}
_OLD_TLS = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS", "WRONG_SSL_VERSION")
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")


def words(error: BaseException, host: str) -> str:
    """The cause of a failed call, for the technician: at most DETAIL_CHARACTERS_MAX characters."""
    said = _cause(tuple(_causes(error)))
    return f"{host}: {said}"[:DETAIL_CHARACTERS_MAX]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that it wraps: requests and urllib3 wrap in four different ways."""
    seen: list[BaseException] = []
    queue: list[object] = [error]
    while queue:
        each = queue.pop(0)
        if isinstance(each, BaseException) and each not in seen:
            seen.append(each)
            yield each
            queue += [each.__cause__, each.__context__, *each.args]


def _cause(causes: tuple[BaseException, ...]) -> str:
    for each in causes:
        if isinstance(each, Unusable):
            return str(each)
        if isinstance(each, ssl.SSLCertVerificationError):
            other = f"its certificate is refused ({each.verify_message})"
            return _CERTIFICATE.get(each.verify_code, other)
    for each in causes:
        if isinstance(each, ssl.SSLError):
            return _tls(each)
    for kinds, said in _SAID:
        if any(isinstance(each, kinds) for each in causes):
            return said
    numbered = [each for each in causes if isinstance(each, OSError) and each.errno]
    return str(numbered[0].strerror) if numbered else type(causes[-1]).__name__


def _tls(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if any(word in reason for word in _OLD_TLS):
        return "it speaks only an old TLS; 1.2 or newer is needed"
    if any(word in reason for word in _NO_TLS):
        return "it does not speak TLS: is the port right?"
    # Pythons differ in what they call it: bookworm's 3.11.2 says "zero return".
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or "EOF" in reason:
        return "it hung up during TLS"
    return f"TLS failed ({reason or error.__class__.__name__})"


_SAID: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((socket.gaierror,), "the name is not known: is there a network?"),
    ((ConnectionRefusedError,), "it refuses connections"),
    ((TimeoutError,), "it does not answer in time"),
    ((http.client.IncompleteRead, UrllibIncompleteRead), "the answer is cut short"),
    ((http.client.LineTooLong,), "the head of the answer is too large"),
    ((http.client.BadStatusLine,), "it hung up without an answer, or does not speak HTTP"),
    ((ConnectionError, BrokenPipeError), "the connection was cut"),
    ((UnicodeError,), "the host's name cannot be a name"),
)
