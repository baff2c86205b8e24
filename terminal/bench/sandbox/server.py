"""The sandbox as an HTTP server on loopback, and how it misbehaves at the socket.

The standard library's ThreadingHTTPServer and no web framework: a framework's server is made never to do what
this one must do on request - reset a connection, stop in the middle of an answer, send a byte at a time.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from terminal.bench.sandbox import mischief
from terminal.bench.sandbox.antom import Antom
from terminal.bench.sandbox.desk import Desk
from terminal.bench.sandbox.keys import Keys, keys_in
from terminal.bench.sandbox.ledger import Ledger
from terminal.bench.sandbox.mischief import Kind, Mischief, Prank
from terminal.bench.sandbox.paycloud import PayCloud
from terminal.bench.sandbox.postman import Postman
from terminal.bench.sandbox.wire import Wire
from terminal.core.terms import Refusal
from terminal.wire.http import HttpAnswer, HttpRequest

BODY_MAX = 64 * 1024
CONNECTIONS_MAX = 128
IDLE_S = 60  # a connection that says nothing for so long is closed
HUGE_BYTES = 8 * 1024 * 1024
SLOW_MAX_S = 120
STOP_LOOK_S = 0.1  # how soon `stop` is noticed

WIRES: Mapping[str, Callable[[str, Ledger, Keys], Wire]] = {
    "paycloud": PayCloud,
    "codepay": PayCloud,
    "antom": Antom,
}


def now_ms() -> int:
    """Epoch milliseconds. Here the wall clock may decide: a gateway has a good one."""
    return time.time_ns() // 1_000_000


class Sandbox:
    """A whole gateway. `with Sandbox(directory) as sandbox:` for tests; `command.main` for people.

    `gateway`: one name of `WIRES` or several, which then share the port and the books, each with keys of its
    own. `directory` keeps keys and books. `port` 0: any. `tls`: certificate file and key file (None: the same
    file) to speak HTTPS. `seed`: of the dice that mischief with a probability throws."""

    def __init__(
        self,
        directory: Path,
        gateway: str | Sequence[str] = "paycloud",
        host: str = "127.0.0.1",
        port: int = 0,
        tls: tuple[Path, Path | None] | None = None,
        seed: int | None = None,
    ) -> None:
        _loopback_or_refuse(host)
        names = _known([gateway] if isinstance(gateway, str) else gateway)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        alone = len(names) == 1
        self.keys: Final = {
            name: keys_in(directory if alone else directory / name) for name in names
        }
        self.ledger: Final = Ledger(directory / "ledger.sqlite")
        self.wires: Final = [WIRES[name](name, self.ledger, self.keys[name]) for name in names]
        self.mischief: Final = Mischief(seed)
        self.desk: Final = Desk(self.ledger, self.mischief)
        self.stopping: Final = threading.Event()
        self._postman = Postman(self.ledger, self.wires, self.mischief, self.stopping, now_ms)
        self._server = _Server((host, port), self, tls)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(STOP_LOOK_S,), name="sandbox", daemon=True
        )

    @property
    def address(self) -> str:
        host, port = self._server.server_address[:2]
        return f"{self._server.scheme}://{host!s}:{port}"

    @property
    def announcement(self) -> dict[str, Any]:
        """What a terminal, or whoever writes its settings, must know; of several gateways by their names."""
        said = {wire.name: self._credentials(wire) for wire in self.wires}
        if len(said) == 1:
            return said[self.wires[0].name]
        return {"address": self.address, "gateways": said}

    def _credentials(self, wire: Wire) -> dict[str, Any]:
        keys = self.keys[wire.name]
        return {
            "address": self.address,
            "gateway": wire.name,
            "private_key_file": str(keys.private_key_file.absolute()),
            "gateway_key_file": str(keys.gateway_key_file.absolute()),
            **wire.credentials,
        }

    def wire_for(self, request: HttpRequest) -> Wire:
        """The gateway that was meant; the first one says what is wrong with all others."""
        return next((wire for wire in self.wires if wire.takes(request)), self.wires[0])

    def start(self) -> str:
        """Serve; the address."""
        self._thread.start()
        self._postman.start()
        return self.address

    def stop(self) -> None:
        """Answers under way may end; delayed ones are given up."""
        self.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._postman.join()
        self._server.server_close()
        self._server.hang_up()
        self.ledger.close()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _known(names: Sequence[str]) -> Sequence[str]:
    strange = [name for name in names if name not in WIRES]
    if strange or not names or len(set(names)) != len(names):
        raise Refusal(f"No gateways {', '.join(names)!r} here. There are: {', '.join(WIRES)}.")
    return names


def _loopback_or_refuse(host: str) -> None:
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise Refusal(
            f"The sandbox listens on loopback only, not on {host!r}: it pays for anybody."
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS_MAX

    def __init__(
        self, address: tuple[str, int], sandbox: Sandbox, tls: tuple[Path, Path | None] | None
    ) -> None:
        self.sandbox = sandbox
        self.scheme = "https" if tls else "http"
        self._lock = threading.Lock()
        self._living: set[socket.socket] = set()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            # The handshake belongs to the connection's own thread: one that never shakes hands must not
            # keep the others waiting.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            room = len(self._living) < CONNECTIONS_MAX
            if room:
                self._living.add(request)
        if room:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def close_request(self, request: Any) -> None:
        with self._lock:
            self._living.discard(request)
        super().close_request(request)

    def hang_up(self) -> None:
        """End the living connections: to a waiting client a stopped sandbox looks like a dead one."""
        with self._lock:
            for connection in self._living:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news here, nor is the end; everything else is."""
        hung_up = isinstance(sys.exception(), (ConnectionError, TimeoutError, ssl.SSLError))
        if not hung_up and not self.sandbox.stopping.is_set():
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection. What is below /sandbox/ goes to the desk, everything else to the wire."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "sandbox", ""
    timeout = IDLE_S
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent: bodies and paths may name a payment code."""

    def _serve(self, method: str) -> None:
        body = self._body()
        if body is None:
            return
        sandbox, path = self.server.sandbox, _path(self.path)
        if path.startswith("/sandbox"):
            self._send(sandbox.desk.answer(method, path, body, now_ms()))
        elif method != "POST":
            self._send(HttpAnswer(405, b"POST only", {"content-type": "text/plain"}))
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._play(HttpRequest(path, body, headers))

    def _body(self) -> bytes | None:
        """The request's body; None when it was refused (and told so)."""
        length = self.headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length) <= BODY_MAX:
            return self.rfile.read(int(length))
        self.close_connection = True
        self._send(HttpAnswer(413, b"too large", {"content-type": "text/plain"}))
        return None

    def _play(self, request: HttpRequest) -> None:
        """Answer the terminal: rightly, or as the mischief wants it."""
        try:
            prank = self._prank(request)
        except Refusal as refusal:
            self._send(HttpAnswer(400, str(refusal).encode(), {"content-type": "text/plain"}))
            return
        if not prank:
            self._send(self._answer(request))
        elif before := _BEFORE.get(prank.kind):
            before(self, request, prank)
        else:
            if prank.kind is Kind.DUPLICATE:
                self._answer(request)
            answer = self._answer(request, prank.kind)
            _AFTER.get(prank.kind, _Handler._as_it_is)(self, answer, prank)

    def _prank(self, request: HttpRequest) -> Prank | None:
        if wanted := request.headers.get("sandbox-misbehave"):
            return mischief.of_header(wanted)
        sandbox = self.server.sandbox
        return sandbox.mischief.next(sandbox.wire_for(request).operation(request))

    def _answer(self, request: HttpRequest, kind: Kind | None = None) -> HttpAnswer:
        return self.server.sandbox.wire_for(request).answer(request, now_ms(), kind)

    def _wait(self, wait_ms: int) -> bool:
        """False when the sandbox stops meanwhile."""
        return not self.server.sandbox.stopping.wait(wait_ms / 1000)

    def _send(self, answer: HttpAnswer) -> None:
        self._head(answer, len(answer.body))
        self.wfile.write(answer.body)

    def _head(self, answer: HttpAnswer, length: int) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(length))
        self.end_headers()

    # -- before the request is applied -------------------------------------------------------------

    def _drop_before(self, _request: HttpRequest, _prank: Prank) -> None:
        self._reset()

    def _late(self, request: HttpRequest, prank: Prank) -> None:
        """The terminal loses the connection at once; its request arrives all the same, later."""
        self._reset()
        if self._wait(prank.delay_ms):
            self._answer(request)

    def _fail_before(self, _request: HttpRequest, _prank: Prank) -> None:
        self._send(_FAILED)

    def _html(self, _request: HttpRequest, _prank: Prank) -> None:
        self._send(_PORTAL)

    # -- after it was applied ----------------------------------------------------------------------

    def _as_it_is(self, answer: HttpAnswer, _prank: Prank) -> None:
        self._send(answer)

    def _drop_after(self, _answer: HttpAnswer, _prank: Prank) -> None:
        self._reset()

    def _delay(self, answer: HttpAnswer, prank: Prank) -> None:
        if self._wait(prank.delay_ms):
            self._send(answer)
        else:
            self._reset()

    def _notice_first(self, answer: HttpAnswer, prank: Prank) -> None:
        store = self.server.sandbox.ledger.store

        def told() -> bool:
            notice = None if store.closed else store.next_notice()
            return not notice or notice.due_ms > now_ms()

        store.wait(prank.delay_ms / 1000, until=told)
        self._send(answer)

    def _slow_bytes(self, answer: HttpAnswer, prank: Prank) -> None:
        self._head(answer, len(answer.body))
        until_ms = now_ms() + SLOW_MAX_S * 1000
        for byte in answer.body:
            if not self._wait(prank.delay_ms) or now_ms() > until_ms:
                self._reset()
                return
            self.wfile.write(bytes((byte,)))

    def _truncated(self, answer: HttpAnswer, _prank: Prank) -> None:
        self._head(answer, len(answer.body))
        self.wfile.write(answer.body[: len(answer.body) // 2])
        self.close_connection = True

    def _fail_after(self, _answer: HttpAnswer, _prank: Prank) -> None:
        self._send(_FAILED)

    def _empty(self, answer: HttpAnswer, _prank: Prank) -> None:
        self._send(HttpAnswer(200, b"", answer.headers))

    def _huge(self, answer: HttpAnswer, _prank: Prank) -> None:
        start, padding = b'{"code":"0","msg":"', b"x" * 65_536
        self._head(answer, len(start) + HUGE_BYTES)
        self.wfile.write(start)
        for _ in range(HUGE_BYTES // len(padding)):
            self.wfile.write(padding)

    def _reset(self) -> None:
        """The connection ends now, with a reset and without a goodbye."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.rfile.close()  # the last one that holds the socket
        self.connection.close()


def _path(target: str) -> str:
    """Path and query of a request line; some clients write the whole address there (gateways.md 9.1)."""
    if not target.startswith(("http://", "https://")):
        return target
    parts = urlsplit(target)
    return parts.path + (f"?{parts.query}" if parts.query else "")


_LINGER_NOT = struct.pack("ii", 1, 0)
_FAILED = HttpAnswer(500, b"<h1>500 Internal Server Error</h1>", {"content-type": "text/html"})
_PORTAL = HttpAnswer(
    200,
    b"<html><title>Free WiFi</title><form action=/login>Accept the terms</form></html>",
    {"content-type": "text/html"},
)
_BEFORE: Mapping[Kind, Callable[[_Handler, HttpRequest, Prank], None]] = {
    Kind.DROP_BEFORE: _Handler._drop_before,
    Kind.LATE: _Handler._late,
    Kind.FAIL_BEFORE: _Handler._fail_before,
    Kind.HTML: _Handler._html,
}
_AFTER: Mapping[Kind, Callable[[_Handler, HttpAnswer, Prank], None]] = {
    Kind.DROP_AFTER: _Handler._drop_after,
    Kind.DELAY: _Handler._delay,
    Kind.NOTICE_FIRST: _Handler._notice_first,
    Kind.SLOW_BYTES: _Handler._slow_bytes,
    Kind.TRUNCATED: _Handler._truncated,
    Kind.FAIL_AFTER: _Handler._fail_after,
    Kind.EMPTY: _Handler._empty,
    Kind.HUGE: _Handler._huge,
}
