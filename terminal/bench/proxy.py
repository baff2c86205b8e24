"""A line that can be cut: a TCP proxy on loopback between the daemon and the sandbox. It reads no byte.

One thread, one loop; everything that changes the line is done by that loop, so that nothing is ever blocked
in the middle of a reset. Not fast, and not meant to be: it carries a counter's traffic.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from urllib.parse import urlsplit

CONNECTIONS_MAX = 64
QUEUE_BYTES_MAX = 256 * 1024  # under way in one direction of one connection; then the sender waits
CHUNK_BYTES = 16 * 1024
CONNECT_S = 2
ERRAND_S = 0.1
BUSY_MS = 5  # how soon a receiver that was full is tried again
_NO_GOODBYE = struct.pack("ii", 1, 0)  # SO_LINGER: close means reset


@dataclass(frozen=True, slots=True)
class Weather:
    """How the line is. Up: towards the gateway (requests); down: towards the terminal (answers).

    `latency_ms`: each piece arrives so much later.
    `slice_bytes`: pieces are that small, and with a latency come one after the other; 0: as they come.
    `reset_up_after`, `reset_down_after`: a connection is reset when so many of its bytes went that way.
    `half_open`: connections are accepted and nothing moves until it is over; then all of it does, as after
        an outage that TCP outlived.
    """

    latency_ms: int = 0
    slice_bytes: int = 0
    reset_up_after: int | None = None
    reset_down_after: int | None = None
    half_open: bool = False


FAIR = Weather()
Passing = Callable[[bool], None]


def _nobody_looks(_up: bool) -> None:
    """What the loop does with a piece is nobody's business."""


class Proxy:
    """`Proxy(("127.0.0.1", port)).start() -> port to connect to`. Threads may call everything.

    `passing`: called by the loop when there is a piece to carry, or the end of all pieces; True: upwards."""

    def __init__(
        self,
        target: tuple[str, int],
        port: int = 0,
        passing: Passing = _nobody_looks,
    ) -> None:
        self._target = target
        self._passing = passing
        self._weather = FAIR
        self._listener = bound(port)
        self.port: int = self._listener.getsockname()[1]
        self._links: list[_Link] = []
        self._is_cut = False
        self._over = False
        self._errands: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._bell, self._ear = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    @classmethod
    def to(cls, address: str, port: int = 0, passing: Passing = _nobody_looks) -> Proxy:
        """To "http://127.0.0.1:8443"."""
        parts = urlsplit(address)
        return cls((parts.hostname or "127.0.0.1", parts.port or 80), port, passing)

    def start(self) -> int:
        self._listener.setblocking(False)
        self._listener.listen(CONNECTIONS_MAX)
        self._thread.start()
        return self.port

    def stop(self) -> None:
        """End everything; the port is free again."""
        self._ask(self._end)
        self._thread.join()

    def cut(self) -> None:
        """New connections are refused, living ones are reset, from the moment this returns."""
        self._ask(self._cut)

    def restore(self) -> None:
        """The line is there again. The weather stays what it was."""
        self._ask(self._restore)

    @property
    def weather(self) -> Weather:
        return self._weather

    @weather.setter
    def weather(self, weather: Weather) -> None:
        def change() -> None:
            self._weather = weather

        self._ask(change)

    @property
    def connections(self) -> int:
        """How many are alive."""
        return len(self._links)

    def __enter__(self) -> Proxy:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- errands: run by the loop ----------------------------------------------------------------

    def _ask(self, errand: Callable[[], None]) -> None:
        """Have the loop do it, and wait until it did. Nothing, when the line has ended."""
        if not self._thread.is_alive():
            return
        done = threading.Event()

        def run() -> None:
            errand()
            done.set()

        self._errands.put(run)
        with suppress(OSError):  # somebody else has just stopped it
            self._bell.send(b"!")
        while not done.wait(ERRAND_S) and self._thread.is_alive():
            continue

    def _cut(self) -> None:
        if not self._is_cut:
            self._is_cut = True
            # Linux: no longer listening, still bound, so nobody else can take the port meanwhile.
            self._listener.shutdown(socket.SHUT_RDWR)
        for link in self._links:
            link.reset()

    def _restore(self) -> None:
        if self._is_cut:
            self._is_cut = False
            self._listener.listen(CONNECTIONS_MAX)

    def _end(self) -> None:
        self._over = True
        for link in self._links:
            link.reset()
        self._listener.close()

    # -- the loop --------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._over:
            ready = self._wait()
            if self._ear.fileno() in ready:
                self._ear.recv(64)
            while not self._errands.empty():
                self._errands.get()()
            if self._over:
                break
            if not self._is_cut and self._listener.fileno() in ready:
                self._accept()
            if not self._weather.half_open:
                self._carry(ready)
            self._links = [link for link in self._links if not link.over]
        self._bell.close()
        self._ear.close()

    def _wait(self) -> set[int]:
        """Descriptors with something to read, as soon as there is one or a queued piece is due."""
        poll = select.poll()
        poll.register(self._ear, select.POLLIN)
        if not self._is_cut and len(self._links) < CONNECTIONS_MAX:
            poll.register(self._listener, select.POLLIN)
        due_ms: list[int] = []
        if not self._weather.half_open:
            for flow in self._flows():
                if flow.has_room:
                    poll.register(flow.source, select.POLLIN)
                if flow.queue:
                    due_ms.append(max(flow.queue[0][0] - _now_ms(), BUSY_MS))
        return {descriptor for descriptor, _ in poll.poll(min(due_ms, default=None))}

    def _flows(self) -> list[_Flow]:
        return [flow for link in self._links for flow in (link.up, link.down)]

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # gave up while it waited
        try:
            gateway = socket.create_connection(self._target, timeout=CONNECT_S)
        except OSError:
            _close_hard(client)  # nobody behind the line
            return
        for end in (client, gateway):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._links.append(_Link(client, gateway))

    def _carry(self, ready: set[int]) -> None:
        weather = self._weather
        for link in self._links:
            try:
                for flow, limit in (
                    (link.up, weather.reset_up_after),
                    (link.down, weather.reset_down_after),
                ):
                    if flow.has_room and flow.source.fileno() in ready:
                        self._passing(flow is link.up)
                        flow.take(weather)
                    flow.give(limit)
            except _Reset:
                link.reset()
            except OSError:
                link.reset()  # one end is gone: so is the other


class _Reset(Exception):
    """So many bytes were wanted, and no more."""


@dataclass(slots=True)
class _Flow:
    """One direction of a connection. `queue`: pieces and when they are due."""

    source: socket.socket
    sink: socket.socket
    queue: deque[tuple[int, bytes]] = field(default_factory=deque)
    queued: int = 0
    carried: int = 0
    last_due_ms: int = 0
    ended: bool = False  # the source has said all
    closed: bool = False  # and the sink knows

    @property
    def has_room(self) -> bool:
        return not self.ended and self.queued < QUEUE_BYTES_MAX

    def take(self, weather: Weather) -> None:
        """From the source into the queue."""
        try:
            data = self.source.recv(CHUNK_BYTES)
        except BlockingIOError:
            return  # the descriptor was somebody else's a moment ago
        self.ended = not data
        step = weather.slice_bytes or CHUNK_BYTES
        for at in range(0, len(data), step):
            start_ms = max(_now_ms(), self.last_due_ms) if weather.slice_bytes else _now_ms()
            self.last_due_ms = start_ms + weather.latency_ms
            self.queue.append((self.last_due_ms, data[at : at + step]))
        self.queued += len(data)

    def give(self, limit: int | None) -> None:
        """What is due, from the queue to the sink."""
        while self.queue and self.queue[0][0] <= _now_ms():
            due_ms, piece = self.queue.popleft()
            wanted = piece if limit is None else piece[: max(limit - self.carried, 0)]
            try:
                sent = self.sink.send(wanted) if wanted else 0
            except BlockingIOError:
                sent = 0
            self.carried += sent
            self.queued -= sent
            if limit is not None and self.carried >= limit:
                raise _Reset
            if sent < len(piece):
                self.queue.appendleft((due_ms, piece[sent:]))
                return
        if self.ended and not self.queue and not self.closed:
            self.closed = True
            self.sink.shutdown(socket.SHUT_WR)


@dataclass(slots=True, init=False)
class _Link:
    """A connection through the line: two sockets, two directions."""

    up: _Flow
    down: _Flow

    def __init__(self, client: socket.socket, gateway: socket.socket) -> None:
        self.up = _Flow(client, gateway)
        self.down = _Flow(gateway, client)

    @property
    def over(self) -> bool:
        if self.up.closed and self.down.closed:
            self.up.source.close()
            self.down.source.close()
        return self.up.source.fileno() < 0

    def reset(self) -> None:
        _close_hard(self.up.source)
        _close_hard(self.down.source)


def _close_hard(end: socket.socket) -> None:
    with suppress(OSError):  # already closed
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_GOODBYE)
    end.close()


def bound(port: int = 0) -> socket.socket:
    """A socket bound to `port` of loopback, named explicitly: Linux keeps only such a port bound through `_cut`.
    Whoever sets SO_REUSEADDR may listen there, and the kernel gives it to nobody."""
    wanted, scout = _socket(), _socket()
    scout.bind(("127.0.0.1", port))
    wanted.bind(("127.0.0.1", scout.getsockname()[1]))
    scout.close()
    return wanted


def _socket() -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return bound


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
