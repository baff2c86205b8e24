"""Takes result notices: a small HTTP listener that verifies, hands over, and acknowledges what was taken.

The server is waitress. Measured against what must be bounded here (reliability.md 6.1 S11):

- its parser takes limits for header and body and refuses two different lengths, bare line feeds and folded
  tricks (F61); the standard library's http.server reads up to 100 header lines of 64 KiB each, believes the
  first of two Content-Length, and leaves body, chunks and deadlines to whoever uses it, so that those would be
  a server of our own;
- it has a limit of connections and a fixed number of threads, where http.server has a thread for each;
- what it has not is a deadline for a whole request: its own counts silence only, by the wall clock, so one byte
  a second holds a place for ever (F55). `_Server.readable` cuts by age on a clock that does not jump (I12).

One request for each connection. Chunked bodies count against the same limit. What is refused before it is a
request (too long, malformed) is answered by waitress and counted here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, WSGITask

from terminal.core.terms import Refusal, WireFault
from terminal.web import Hint, Verdict
from terminal.wire.http import HttpAnswer

BODY_BYTES_MAX = 65_536
HEADER_BYTES_MAX = 16_384
WHOLE_REQUEST_S = 5.0  # header and body
CONNECTIONS_MAX = 8
WAITING_MAX = 8  # connections that the kernel holds beyond those
THREADS = 4
PER_SECOND, BURST = 5, 10
KEYS_MAX = 1_024  # events that are done with
LOOK_EVERY_S = 0.5  # how late a slow connection may be cut
STOP_WAIT_S = 2.0

log = logging.getLogger("terminal")

Read = Callable[[str, str, Mapping[str, str], bytes], Hint]
HandOver = Callable[[Any], Verdict]  # the very object that Read gave


def _said(status: int, word: str, **headers: str) -> HttpAnswer:
    return HttpAnswer(status, word.encode() + b"\n", {"content-type": "text/plain", **headers})


NO_SUCH_PATH = _said(404, "no such path")
POST_ONLY = _said(405, "post only", allow="POST")
TOO_MANY = _said(429, "too many requests", **{"retry-after": "1"})
NOT_AUTHENTIC = _said(401, "not authentic", **{"www-authenticate": "Signature"})
NOT_OURS = _said(404, "not ours")
LATER = _said(503, "later", **{"retry-after": "5"})


class Bucket:
    """At most `burst` at once and `per_second` in the long run. `now_s`: a clock that never goes back."""

    def __init__(self, per_second: int, burst: int, now_s: Callable[[], float]) -> None:
        self._per_second, self._burst, self._now_s = per_second, burst, now_s
        self._left, self._at_s = float(burst), now_s()

    def take(self) -> bool:
        now_s = self._now_s()
        grown = self._left + (now_s - self._at_s) * self._per_second
        self._left, self._at_s = min(grown, self._burst), now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Desk:
    """Judges one request at a time, from any thread. Knows no socket and no order.

    `read`: the codec's, WireFault for what is not authentic. `hand_over`: blocks until it is taken or not, in
    bounded time. `acknowledgement`: what the gateway wants to hear."""

    def __init__(
        self,
        path: str,
        read: Read,
        hand_over: HandOver,
        acknowledgement: HttpAnswer,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._read, self._hand_over = path, read, hand_over
        self._acknowledgement = acknowledgement
        self._lock = threading.Lock()
        self._bucket = Bucket(PER_SECOND, BURST, now_s)
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._counts: Counter[str] = Counter()

    def counts(self) -> dict[str, object]:
        """`taken`: acknowledged, repetitions too. `refused`: all others. Then each answer by its reason."""
        with self._lock:
            counts = dict(self._counts)
        taken = counts.pop("taken", 0)
        return {"taken": taken, "refused": sum(counts.values()), "why": counts}

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Cheap refusals first: a forged signature costs a place in the bucket, and never a query."""
        if path.partition("?")[0] != self._path:
            return self._no("path", NO_SUCH_PATH)
        if method != "POST":
            return self._no("method", POST_ONLY)
        with self._lock:
            free = self._bucket.take()
        if not free:
            return self._no("rate", TOO_MANY)
        try:
            hint = self._read(method, path, headers, body)
        except WireFault as fault:
            log.warning("a notice was refused: %s", fault)
            return self._no("not_authentic", NOT_AUTHENTIC)
        return self._judged(hint)

    def _judged(self, hint: Hint) -> HttpAnswer:
        """An authentic notice: is it for us, is it new, is it taken?"""
        if not hint.merchant_ok:
            return self._no("not_ours", NOT_OURS)
        if hint.kind == "other" or self._is_known(hint.event_key):
            return self._yes()
        match self._hand_over(hint):
            case Verdict.TAKEN:
                self._keep(hint.event_key)
                return self._yes()
            case Verdict.ASKED:
                return self._yes()
            case Verdict.NOT_OURS:
                return self._no("not_ours", NOT_OURS)
            case Verdict.LATER:
                return self._no("later", LATER)

    def _is_known(self, event_key: str) -> bool:
        with self._lock:
            return event_key in self._taken

    def _keep(self, event_key: str) -> None:
        with self._lock:
            self._taken[event_key] = None
            while len(self._taken) > KEYS_MAX:
                self._taken.popitem(last=False)

    def _yes(self) -> HttpAnswer:
        self.count("taken")
        return self._acknowledgement

    def _no(self, why: str, answer: HttpAnswer) -> HttpAnswer:
        self.count(why)
        return answer

    def count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


# -- the server ------------------------------------------------------------------------------------------


class Listener:
    """Listens from its making until `close`. `port` 0: any free one; `address` says which it became.
    Refusal when the place is taken."""

    def __init__(self, listen: str, port: int, desk: Desk) -> None:
        self.desk = desk
        self._map: dict[int, Any] = {}
        try:
            self._server = _Server(desk, self._map, listen, port)
        except OSError as error:
            raise Refusal(
                f"Notices cannot be taken at {listen} port {port}: {error.strerror}. "
                "Change listen or port in [notices]."
            ) from None
        self.address = (self._server.effective_host, int(self._server.effective_port))
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing:
            wasyncore.loop(timeout=LOOK_EVERY_S, use_poll=True, map=self._map, count=1)

    def close(self) -> None:
        """No more requests. Those not answered yet lose their connection, and are sent again."""
        if self._closing:
            return
        self._closing = True
        self._server.pull_trigger()
        self._thread.join(STOP_WAIT_S)
        self._server.task_dispatcher.shutdown(timeout=STOP_WAIT_S)
        wasyncore.close_all(self._map, ignore_all=True)


class _Once(WSGITask):  # type: ignore[misc]
    """One request for each connection."""

    def execute(self) -> None:
        self.set_close_on_finish()
        super().execute()


class _Malformed(ErrorTask):  # type: ignore[misc]
    """Waitress refused it; no application has seen it."""

    def execute(self) -> None:
        self.channel.server.desk.count("malformed")
        super().execute()


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that knows its age."""

    task_class = _Once
    error_task_class = _Malformed

    def __init__(self, *args: Any, **more: Any) -> None:
        self.born_s = time.monotonic()
        super().__init__(*args, **more)


class _Server(TcpWSGIServer):  # type: ignore[misc]
    channel_class = _Channel

    def __init__(self, desk: Desk, map: dict[int, Any], listen: str, port: int) -> None:  # noqa: A002
        self.desk = desk
        limits = Adjustments(
            host=listen,
            port=port,
            threads=THREADS,
            backlog=WAITING_MAX,
            connection_limit=CONNECTIONS_MAX + 2,  # the listening socket and the trigger count too
            max_request_header_size=HEADER_BYTES_MAX + 1,  # waitress refuses the limit itself
            max_request_body_size=BODY_BYTES_MAX + 1,
            inbuf_overflow=2 * BODY_BYTES_MAX,  # never to a file
            ident=None,
            clear_untrusted_proxy_headers=False,  # nothing here believes a header
        )
        super().__init__(_application(desk), map=map, adj=limits)

    def readable(self) -> bool:
        """Asked before every wait of the loop: cut whoever has had time enough (F55)."""
        oldest_s = time.monotonic() - WHOLE_REQUEST_S
        for channel in tuple(self.active_channels.values()):
            if channel.born_s < oldest_s and not channel.requests and not channel.will_close:
                channel.will_close = True
                self.desk.count("slow")
        return bool(super().readable())


Start = Callable[[str, list[tuple[str, str]]], object]


def _application(desk: Desk) -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        said = desk.answer(
            environ["REQUEST_METHOD"],
            environ["REQUEST_URI"],
            _headers(environ),
            environ["wsgi.input"].read(BODY_BYTES_MAX),
        )
        headers = [*said.headers.items(), ("content-length", str(len(said.body)))]
        start(f"{said.status} {'OK' if said.status == 200 else 'Refused'}", headers)
        return [said.body]

    return answer


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """With lower-case names, as the codecs read them."""
    own = {name: environ[name] for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if name in environ}
    sent = {name[5:]: value for name, value in environ.items() if name.startswith("HTTP_")}
    return {name.lower().replace("_", "-"): value for name, value in (own | sent).items()}
