"""The cable on which emulated devices hang: a unix stream socket inside the daemon.

The device is the server. Whoever plays the world (the bench page, a test, a script) plugs in at the other
end, several at once. Both directions carry messages:

    4 bytes   length of the message, unsigned, big endian, 0..limit_bytes
    n bytes   the message; each device's file says what it means

Nobody at the far end can hold the daemon up. `send` only hands a message over. A client that lags
BACKLOG_MESSAGES behind is dropped, not waited for; so is one that announces a message over the limit.

A *sticky* cable carries a state (the picture on the glass), the others carry happenings (a beep). On a
sticky cable a client gets the last message when it plugs in, and a slow one gets the newest and misses
those between.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from terminal.core.terms import Refusal

LIMIT_BYTES = 2 * 1024 * 1024  # a gray frame of 1920 x 1080 with its header fits
BACKLOG_MESSAGES = 64
CLIENTS_MAX = 8
CHUNK_BYTES = 64 * 1024
SEND_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 5.0

LENGTH = struct.Struct("!I")
Receive = Callable[[bytes], None]

log = logging.getLogger(__name__)


class TooLong(ValueError):
    """A message over the limit was announced: the stream cannot be followed any more."""


class Unplugged(ConnectionError):
    """The other end of the cable is gone."""


class Messages:
    """Cuts a stream of bytes into messages. Holds at most one unfinished message and one chunk."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held = bytearray()

    def put(self, chunk: bytes) -> None:
        self._held += chunk

    def take(self) -> bytes | None:
        """The next whole message, None when there is none yet. TooLong when it never will be."""
        if len(self._held) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._held)
        if length > self._limit_bytes:
            raise TooLong(
                f"a message of {length} bytes was announced, {self._limit_bytes} are allowed"
            )
        end = LENGTH.size + length
        if len(self._held) < end:
            return None
        message = bytes(self._held[LENGTH.size : end])
        del self._held[:end]
        return message


class _Client:
    """One plug, seen from the daemon. Touched by the cable's thread only."""

    def __init__(self, sock: socket.socket, limit_bytes: int) -> None:
        self.socket = sock
        self.inbound = Messages(limit_bytes)
        self._waiting: deque[bytes] = deque()
        self._sending = memoryview(b"")
        self._missed = 0

    def hand(self, framed: bytes, *, newest_wins: bool) -> bool:
        """Queue a message; False when the client lags too far behind."""
        if newest_wins:
            self._missed += len(self._waiting)
            self._waiting.clear()
        self._waiting.append(framed)
        return self._missed + len(self._waiting) <= BACKLOG_MESSAGES

    def push(self) -> bool:
        """Send what the socket takes now; True when nothing is left over."""
        while self._sending or self._waiting:
            if not self._sending:
                self._sending = memoryview(self._waiting.popleft())
                self._missed = 0
            try:
                sent = self.socket.send(self._sending)
            except BlockingIOError:
                return False
            self._sending = self._sending[sent:]
        return True


class Cable:
    """The daemon's end. `receive` is called from the cable's thread with each message that comes in."""

    def __init__(
        self,
        path: str,
        receive: Receive | None = None,
        *,
        sticky: bool = False,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        """Binds `path`, mode 0600. Refusal when that cannot be: the path comes from the hardware profile."""
        self._path = Path(path)
        self._receive = receive
        self._sticky = sticky
        self._limit_bytes = limit_bytes
        self._last: bytes | None = None
        # A deque so that `send` needs no lock; if the thread is held up, the oldest goes.
        self._outgoing: deque[bytes] = deque(maxlen=1 if sticky else BACKLOG_MESSAGES)
        self._clients: dict[socket.socket, _Client] = {}
        self._closing = False
        self._server = _listen(self._path)
        self._bell, self._bell_rope = socket.socketpair()
        self._bell_rope.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread = threading.Thread(
            target=self._run, name=f"cable {self._path.name}", daemon=True
        )
        self._thread.start()

    @property
    def clients(self) -> int:
        """How many are plugged in."""
        return len(self._clients)

    @property
    def lost(self) -> str | None:
        if self._thread.is_alive():
            return None
        return f"The cable {self._path} has ended. Restart the daemon; its log says why."

    def send(self, message: bytes) -> None:
        """Give `message` to everybody who is plugged in. Returns at once and never fails; ValueError over
        the limit."""
        if len(message) > self._limit_bytes:
            raise ValueError(f"{len(message)} bytes are over this cable's {self._limit_bytes}")
        self._outgoing.append(LENGTH.pack(len(message)) + message)
        self._ring()

    def close(self) -> None:
        """Unplug everybody and take the socket away. Call it from any thread but the cable's own."""
        self._closing = True
        self._ring()
        self._thread.join(CLOSE_TIMEOUT_S)

    def _ring(self) -> None:
        with suppress(OSError):  # full: it will wake anyway; closed: nobody is left to wake
            self._bell_rope.send(b"!")

    # -- the cable's thread -------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._closing:
                for key, mask in self._selector.select():
                    self._attend(key.fileobj, mask)
        finally:
            self._take_down()

    def _attend(self, ready: object, mask: int) -> None:
        if ready is self._server:
            self._accept()
        elif ready is self._bell:
            self._bell.recv(CHUNK_BYTES)
            self._hand_out()
        elif client := self._clients.get(ready):  # type: ignore[call-overload]
            self._serve(client, mask)

    def _accept(self) -> None:
        try:
            sock, _ = self._server.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        if len(self._clients) >= CLIENTS_MAX:
            log.warning(
                "%s: %d are plugged in already, one more is refused", self._path, CLIENTS_MAX
            )
            sock.close()
            return
        sock.setblocking(False)
        client = _Client(sock, self._limit_bytes)
        self._selector.register(sock, selectors.EVENT_READ)
        self._clients[sock] = client
        if self._sticky and self._last is not None:
            self._hand(client, self._last)

    def _hand_out(self) -> None:
        while self._outgoing:
            self._last = self._outgoing.popleft()
            for client in list(self._clients.values()):
                self._hand(client, self._last)

    def _hand(self, client: _Client, framed: bytes) -> None:
        if client.hand(framed, newest_wins=self._sticky):
            self._push(client)
        else:
            self._drop(client, "it is too slow")

    def _serve(self, client: _Client, mask: int) -> None:
        if mask & selectors.EVENT_READ:
            self._read(client)
        if mask & selectors.EVENT_WRITE and client.socket in self._clients:
            self._push(client)

    def _read(self, client: _Client) -> None:
        try:
            chunk = client.socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._drop(client, str(error))
            return
        client.inbound.put(chunk)
        try:
            while (message := client.inbound.take()) is not None:
                if self._receive:
                    self._receive(message)
        except TooLong as error:
            self._drop(client, str(error))
            return
        if not chunk:
            self._drop(client, "")

    def _push(self, client: _Client) -> None:
        try:
            done = client.push()
        except OSError as error:
            self._drop(client, str(error))
            return
        wanted = selectors.EVENT_READ if done else selectors.EVENT_READ | selectors.EVENT_WRITE
        self._selector.modify(client.socket, wanted)

    def _drop(self, client: _Client, why: str) -> None:
        if why:
            log.warning("%s: a client was dropped: %s", self._path, why)
        self._selector.unregister(client.socket)
        del self._clients[client.socket]
        client.socket.close()

    def _take_down(self) -> None:
        for client in list(self._clients.values()):
            self._drop(client, "")
        self._selector.close()
        for sock in (self._server, self._bell, self._bell_rope):
            sock.close()
        self._path.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket:
    """A listening socket at `path`; one left behind by a dead daemon is replaced."""
    server = socket.socket(socket.AF_UNIX)
    try:
        _clear(path)
        os.fchmod(
            server.fileno(), 0o600
        )  # before bind, so it is never open to others: it presses keys
        server.bind(str(path))
    except OSError as error:
        server.close()
        raise Refusal(
            f"The socket {path} cannot be made ({error}). Correct `socket` in the hardware profile: "
            "a path of at most 107 characters in a directory that the daemon may write to."
        ) from error
    server.listen(CLIENTS_MAX)
    server.setblocking(False)
    return server


def _clear(path: Path) -> None:
    """Remove a socket on which nobody listens. Refusal when somebody does, or when it is no socket."""
    if not path.exists():
        return
    if not path.is_socket():
        raise Refusal(f"{path} is in the way and is no socket. Remove it or correct `socket`.")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(SEND_TIMEOUT_S)  # whoever has no place free is alive
        if probe.connect_ex(os.fspath(path)) == errno.ECONNREFUSED:
            path.unlink(missing_ok=True)  # left behind by a power cut
            return
    raise Refusal(f"Another program serves {path}. Stop it first; is a second daemon running?")


class Plug:
    """The far end: what the bench page and the tests hold. One thread may receive while others send."""

    def __init__(self, sock: socket.socket, limit_bytes: int = LIMIT_BYTES) -> None:
        sock.settimeout(SEND_TIMEOUT_S)
        self._socket = sock
        self._inbound = Messages(limit_bytes)
        self._sending = threading.Lock()

    def send(self, message: bytes) -> None:
        """Unplugged when the daemon is gone; the plug is of no use then, make a new one."""
        with self._sending:
            try:
                self._socket.sendall(LENGTH.pack(len(message)) + message)
            except OSError as error:
                raise Unplugged(f"nothing can be sent: {error}") from error

    def receive(self, timeout_s: float) -> bytes | None:
        """The next message; None when none was whole in time; Unplugged when the daemon is gone."""
        deadline_s = time.monotonic() + timeout_s
        while (message := self._inbound.take()) is None:
            if not self._readable(deadline_s - time.monotonic()):
                return None
            self._inbound.put(self._chunk())
        return message

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _readable(self, within_s: float) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(max(0, round(within_s * 1000))))

    def _chunk(self) -> bytes:
        try:
            chunk = self._socket.recv(CHUNK_BYTES)
        except OSError as error:
            raise Unplugged(f"nothing can be received: {error}") from error
        if not chunk:
            raise Unplugged("the daemon closed the cable")
        return chunk


def plug(path: str | os.PathLike[str], limit_bytes: int = LIMIT_BYTES) -> Plug:
    """Plug in at `path`. OSError (FileNotFoundError, ConnectionRefusedError) when no daemon is there;
    trying again is the caller's."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        # The kernel's time-out: with Python's, a cable that has no place free yet is an error at once.
        wait = struct.pack("ll", round(SEND_TIMEOUT_S), 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)
        sock.connect(os.fspath(path))
    except OSError:
        sock.close()
        raise
    return Plug(sock, limit_bytes)
