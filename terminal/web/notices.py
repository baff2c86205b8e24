"""Takes result notices: a small HTTP listener that verifies, hands over, and acknowledges what was taken.

What is refused before it is a request (too long, malformed, too slow) is counted here by its reason.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from terminal.core.terms import WireFault
from terminal.web import Hint, Verdict
from terminal.web.listener import BODY_BYTES_MAX, Listener, Start
from terminal.wire.http import HttpAnswer

PER_SECOND, BURST = 5, 10
KEYS_MAX = 1_024  # events that are done with

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


# -- on the web ------------------------------------------------------------------------------------------


def listen(place: tuple[str, int], desk: Desk) -> Listener:
    """Refusal when the place is taken."""
    return Listener(place, _application(desk), desk.count, ("Notices", "[notices]"))


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
