"""Delivers notifications: one thread, one delivery at a time, the documented schedule (gateways.md 1.11).

Only to this machine: a sandbox that posted wherever a request tells it to would be a tool for others.
"""

from __future__ import annotations

import http.client
import ipaddress
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from terminal.bench.sandbox.entries import Notice
from terminal.bench.sandbox.ledger import Ledger
from terminal.bench.sandbox.mischief import Kind, Mischief, Prank
from terminal.bench.sandbox.wire import Wire
from terminal.wire.http import HttpAnswer, HttpRequest

# Between the 15 deliveries: 5 s, 10 s, ... 3 h, of the gateway's time.
PAUSES_S = (5, 10, 15, 30, 60, 180, 600, 900, 1800, 1800, 1800, 10_800, 10_800, 10_800)
ANSWER_S = 10
ANSWER_MAX = 4_096
LOOK_S = 0.25  # how late an expiry or a repeat may be noticed; a new notice wakes the postman
_SENT_ANYWAY = (Kind.DELAY, Kind.DUPLICATE, Kind.WRONG_SIGNATURE, Kind.UNSIGNED, Kind.OTHER_ORDER)


class Postman(threading.Thread):
    """Runs until `stopping`. What was not acknowledged is delivered again, also after a restart."""

    def __init__(
        self,
        ledger: Ledger,
        wire: Wire,
        mischief: Mischief,
        stopping: threading.Event,
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(name="sandbox-postman", daemon=True)
        self._ledger = ledger
        self._wire = wire
        self._mischief = mischief
        self._stopping = stopping
        self._now_ms = now_ms

    def run(self) -> None:
        while not self._stopping.is_set():
            self._ledger.age(self._now_ms())
            if not self.deliver_next(self._now_ms()):
                self._ledger.store.wait(LOOK_S)

    def deliver_next(self, now_ms: int) -> bool:
        """Try the notice that is due; False when none is."""
        store = self._ledger.store
        with store.writing():
            notice = store.next_notice()
        if not notice or notice.due_ms > now_ms:
            return False
        over = self._delivered(notice, now_ms) or notice.tries >= len(PAUSES_S)
        with store.writing():
            if over:
                store.drop_notice(notice.number)
            else:
                pause_ms = self._ledger.rules.span_ms(PAUSES_S[notice.tries] * 1000)
                store.put_off(notice.number, now_ms + pause_ms)
        return True

    def _delivered(self, notice: Notice, now_ms: int) -> bool:
        order = self._ledger.order(notice.order_no, now_ms)
        refund = self._ledger.refund(notice.refund_no) if notice.refund_no else None
        prank = self._mischief.next("notice")
        if prank and prank.kind not in _SENT_ANYWAY:
            return False
        request = self._wire.notice(order, refund, now_ms, prank.kind if prank else None)
        if not _is_here(request.path):
            return True  # nobody to deliver to: given up
        return self._posted(request, prank)

    def _posted(self, request: HttpRequest, prank: Prank | None) -> bool:
        if prank and prank.kind is Kind.DELAY:
            self._stopping.wait(prank.delay_ms / 1000)
        if prank and prank.kind is Kind.DUPLICATE:
            _post(request)
        answer = _post(request)
        return answer is not None and self._wire.acknowledges(answer)


def _is_here(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
        return here and parts.scheme == "http" and parts.port != 0
    except ValueError:
        return False


def _post(request: HttpRequest) -> HttpAnswer | None:
    """None: the line failed."""
    parts = urlsplit(request.path)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    line = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=ANSWER_S)
    try:
        line.request("POST", path, request.body, dict(request.headers))
        answer = line.getresponse()
        return HttpAnswer(answer.status, answer.read(ANSWER_MAX))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        line.close()
