"""The one door to the network: carries a request out and its answer back. Knows nothing of payments.

`send` returns at once. A thread of this file does the work and calls `deliver(exchange, answer)`, exactly once
for each exchange and in bounded time, whatever the network does. What it delivers is

- `HttpAnswer`: complete, read to its end and unpacked, whatever its status; status 0 when only probed;
- `Failure`: anything else. `left` is False only while not one byte of the request can have left: the right
  to send the first byte is taken under the lock, and an exchange that was given up does not get it.

Each worker keeps its connection a few seconds for the next question; what moves money has one of its own
(wire/call.py: `Door`).

A time-out per recv never ends at one byte a second (F43), and a name server that says nothing cannot be timed
out at all. So a watch thread gives up what is late and cuts its connection.

Two lanes, each with its own workers: a live sale never waits behind the backlog. Threads start when they are
first needed, and with the first of them `requests` is imported.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from terminal.core.terms import HouseFault, Refusal
from terminal.wire.http import HttpAnswer, HttpRequest

if TYPE_CHECKING:
    import ssl

    from terminal.wire.call import Door

WAITING_MAX = 64  # exchanges waiting for a worker, per lane: whoever has more keeps them
URGENT_WORKERS = 3  # one sale can have its own order, the one it replaces, and a probe
BACKLOG_WORKERS = 8  # as many as the dispatcher sends at a time
WAIT_S = 10
CLOSE_WAIT_S = 1
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer. `left`: a byte of the request may have left this machine. `detail`: for the technician.
    `queued`: it never got as far as the network, so it says nothing about the gateway."""

    left: bool
    detail: str
    queued: bool = False


Deliver = Callable[[int, HttpAnswer | Failure], None]


class GivenUp(OSError):
    """Inside a worker: the watch has delivered already, nothing may leave any more."""


class _Call:
    """One exchange. Everything but the first two is touched under the line's lock only."""

    def __init__(self, exchange: int, request: HttpRequest | None, give_up_at: float) -> None:
        self.exchange = exchange
        self.request = request  # None: a probe
        self.give_up_at = give_up_at  # monotonic seconds
        self.late = "no worker was free in time"  # what to say then
        self.queued = True
        self.left = False
        self.over = False  # its answer is delivered, or about to be
        self.handle: socket.socket | None = None  # a second one on its connection, to cut it

    def cut(self) -> None:
        """End its connection, whatever the worker is waiting for there."""
        if self.handle is not None:
            with contextlib.suppress(OSError):  # it ended by itself
                self.handle.shutdown(socket.SHUT_RDWR)


class _Lane:
    """Calls of one kind, first come first served."""

    def __init__(self, name: str, workers_max: int) -> None:
        self.name = name
        self.workers_max = workers_max
        self.wait_s: float = WAIT_S
        self.waiting: deque[_Call] = deque()
        self.workers = 0
        self.idle = 0


class Line:
    """To one gateway. `base_url`: https (http for a sandbox on this machine), with an optional path.
    `ca_file`: the only authorities trusted, None: the system's. `workers`: exchanges at a time that are not
    urgent. Refusal when address or authorities cannot be used."""

    def __init__(
        self,
        base_url: str,
        deliver: Deliver,
        *,
        ca_file: Path | None = None,
        connect_timeout_ms: int = 3_000,
        workers: int = BACKLOG_WORKERS,
    ) -> None:
        self._gateway = _checked(base_url)
        self._context = tls_context(ca_file) if ca_file else None  # the system's: when first needed
        self._deliver = deliver
        self._connect_s = connect_timeout_ms / 1000
        self._changed = threading.Condition()  # and the lock of all that follows
        self._urgent = _Lane("urgent", URGENT_WORKERS)
        self._backlog = _Lane("backlog", workers)
        self._running: set[_Call] = set()
        self._turned_away: list[_Call] = []
        self._watcher: threading.Thread | None = None
        self._closed = False

    def send(self, exchange: int, request: HttpRequest, *, urgent: bool = False) -> None:
        """Carry it out. HouseFault after `close`."""
        self._take(self._urgent if urgent else self._backlog, exchange, request)

    def probe(self, exchange: int) -> None:
        """Does the gateway's host answer? Connects, TLS included, and asks nothing."""
        self._take(self._urgent, exchange, None)

    def close(self) -> None:
        """Give up everything. What is still open is delivered as a Failure, as far as anybody takes it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._watcher and self._watcher is not threading.current_thread():
            self._watcher.join(CLOSE_WAIT_S)

    def _take(self, lane: _Lane, exchange: int, request: HttpRequest | None) -> None:
        with self._changed:
            if self._closed:
                raise HouseFault("the line is closed")
            call = _Call(exchange, request, time.monotonic() + lane.wait_s)
            if len(lane.waiting) < WAITING_MAX:
                lane.waiting.append(call)
            else:
                call.late = "too many exchanges are waiting"
                self._turned_away.append(call)
            self._hire(lane)
            self._changed.notify_all()

    def _hire(self, lane: _Lane) -> None:
        """Threads are started when there is work that nobody waits for."""
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="line-watch", daemon=True)
            self._watcher.start()
        if len(lane.waiting) > lane.idle and lane.workers < lane.workers_max:
            lane.workers += 1
            name = f"line-{lane.name}-{lane.workers}"
            threading.Thread(target=self._work, args=(lane,), name=name, daemon=True).start()

    # -- a worker ------------------------------------------------------------------------------------------

    def _work(self, lane: _Lane) -> None:
        from terminal.wire.call import Door  # slow the first time: a second or more on a Pi

        door = Door(self._gateway, self._tls(), self._connect_s)
        try:
            while call := self._next(lane, door):
                answer: HttpAnswer | Failure | None = None  # stays so only for a fault of ours
                try:
                    answer = self._carry(call, door)
                finally:
                    self._finish(call, answer)
        finally:
            door.close()
            with self._changed:
                lane.workers -= 1

    def _next(self, lane: _Lane, door: Door) -> _Call | None:
        """The next call of the lane, from now on connecting; None: the line was closed."""
        from terminal.wire.call import KEPT_S

        with self._changed:
            lane.idle += 1
            while not self._changed.wait_for(
                lambda: lane.waiting or self._closed, KEPT_S if door.is_open else None
            ):
                door.close()
            lane.idle -= 1
            if self._closed:
                return None
            call = lane.waiting.popleft()
            call.queued = False
            call.give_up_at = time.monotonic() + self._connect_s
            call.late = f"no connection within {self._connect_s:g} s"
            self._running.add(call)
            self._changed.notify_all()
            return call

    def _carry(self, call: _Call, door: Door) -> HttpAnswer | Failure:
        from terminal.wire.call import CALL_ERRORS, knock, words

        tap = _Tap(self._changed, call)
        try:
            if call.request is not None:
                return door.ask(call.request, tap)
            knock(self._gateway, self._tls(), tap, self._connect_s)
        except CALL_ERRORS as error:
            return Failure(call.left, words(error, self._gateway.hostname or ""))
        return HttpAnswer(0, b"")

    def _finish(self, call: _Call, answer: HttpAnswer | Failure | None) -> None:
        with self._changed:
            self._running.discard(call)
            if call.handle is not None:
                call.handle.close()
            if call.over:
                return
            call.over = True
        self._deliver(
            call.exchange, answer or Failure(call.left, "a fault of this terminal: see the log")
        )

    def _tls(self) -> ssl.SSLContext:
        with self._changed:
            if self._context is None:
                self._context = tls_context(None)
            return self._context

    # -- the watch -----------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            with self._changed:
                while not (late := self._late()):
                    if self._closed:
                        return
                    self._changed.wait(self._pause_s())
            for call in late:
                self._deliver(call.exchange, Failure(call.left, call.late, call.queued))

    def _late(self) -> list[_Call]:
        """Every call that is given up now; its connection is cut."""
        now = time.monotonic()
        late, self._turned_away = self._turned_away, []
        for lane in (self._urgent, self._backlog):
            while lane.waiting and (self._closed or lane.waiting[0].give_up_at <= now):
                late.append(lane.waiting.popleft())
        late += [call for call in self._running if self._closed or call.give_up_at <= now]
        for call in late:
            self._running.discard(call)
            call.over = True
            call.late = "the line was closed" if self._closed else call.late
            call.cut()
        return late

    def _pause_s(self) -> float | None:
        heads = [lane.waiting[0] for lane in (self._urgent, self._backlog) if lane.waiting]
        times = [call.give_up_at for call in (*heads, *self._running)]
        return max(0.0, min(times) - time.monotonic()) if times else None


class _Tap:
    """What a call tells the line, and asks it (wire/call.py)."""

    def __init__(self, changed: threading.Condition, call: _Call) -> None:
        self._changed = changed
        self._call = call

    def connected(self, sock: socket.socket) -> None:
        with self._changed:
            if self._call.over:
                raise GivenUp
            # Not sock.dup(): a kept one has its TLS on already.
            self._call.handle = socket.fromfd(sock.fileno(), sock.family, sock.type)

    def claim(self) -> None:
        """From here on the request counts as left, and the answer's own time runs."""
        call = self._call
        with self._changed:
            if call.over:
                raise GivenUp
            if call.request is not None and not call.left:
                answer_s = call.request.read_timeout_ms / 1000
                call.left = True
                call.give_up_at = time.monotonic() + answer_s
                call.late = f"no complete answer within {answer_s:g} s"
                self._changed.notify_all()


def _checked(base_url: str) -> SplitResult:
    """Payments go over https. The settings have said so already (F69); this is the last door."""
    try:
        url = urlsplit(base_url)
        known = bool(url.hostname) and url.port != 0
    except ValueError:
        known = False
    if not known or url.query or url.fragment or url.username or url.password:
        raise Refusal("The gateway's address is no address. Write it like https://pay.example.")
    if url.scheme != "https" and not (url.scheme == "http" and url.hostname in _LOOPBACK):
        raise Refusal("The gateway's address must begin with https://.")
    return url


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and host name always checked. Made by hand: the usual way would write
    every session's keys to a file that the environment names."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise Refusal(f"ca_file {ca_file} holds no certificate in PEM form.") from None
    except OSError as error:
        raise Refusal(f"ca_file {ca_file} cannot be read: {error.strerror}.") from None
    return context
