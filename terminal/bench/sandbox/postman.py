"""Delivers notifications: one thread, one delivery at a time, on the schedule of the order's gateway.

Only to this machine: a sandbox that posted wherever a request tells it to would be a tool for others.
"""

from __future__ import annotations

import http.client
import ipaddress
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from terminal.bench.sandbox.entries import Notice, Order, Refund
from terminal.bench.sandbox.ledger import Ledger
from terminal.bench.sandbox.mischief import Kind, Mischief, Prank
from terminal.bench.sandbox.wire import Wire
from terminal.core.terms import MINOR_MAX, Money
from terminal.wire.http import HttpAnswer, HttpRequest

ANSWER_S = 10
ANSWER_MAX = 4_096
LOOK_S = 0.25  # how late an expiry or a repeat may be noticed; a new notice wakes the postman
YESTERDAY_MS = 86_400_000
_FORGED = (Kind.WRONG_SIGNATURE, Kind.UNSIGNED, Kind.OTHER_ORDER, Kind.WRONG_AMOUNT, Kind.STALE)
_SENT_ANYWAY = (Kind.DELAY, Kind.DUPLICATE, *_FORGED)


class Postman(threading.Thread):
    """Runs until `stopping`. What was not acknowledged is delivered again, also after a restart."""

    def __init__(
        self,
        ledger: Ledger,
        wires: Sequence[Wire],
        mischief: Mischief,
        stopping: threading.Event,
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(name="sandbox-postman", daemon=True)
        self._ledger = ledger
        self._wires = wires
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
        pauses_s = self._wire(notice.order).pauses_s
        last = notice.tries >= len(pauses_s)
        prank = self._mischief.next("notice")
        if prank and prank.kind is Kind.LATE and not last:
            pause_ms = prank.delay_ms
        elif self._delivered(notice, prank, now_ms) or last:
            with store.writing():
                store.drop_notice(notice.number)
            return True
        else:
            pause_ms = self._ledger.rules.span_ms(pauses_s[notice.tries] * 1000)
        with store.writing():
            store.put_off(notice.number, now_ms + pause_ms)
        return True

    def _wire(self, order: Order) -> Wire:
        mine = (wire for wire in self._wires if wire.merchant == order.merchant)
        return next(mine, self._wires[0])

    def _delivered(self, notice: Notice, prank: Prank | None, now_ms: int) -> bool:
        kind = prank.kind if prank else None
        if kind and kind not in _SENT_ANYWAY:
            return False
        wire, order = self._wire(notice.order), notice.order
        refund = self._ledger.refund(notice.refund_no) if notice.refund_no else None
        if kind is Kind.WRONG_AMOUNT:
            order, refund = _one_more(order), refund and _one_more_back(refund)
        said_ms = now_ms - YESTERDAY_MS if kind is Kind.STALE else now_ms
        request = wire.notice(order, refund, said_ms, kind)
        if not request or not _is_here(request.path):
            return True  # nothing to tell, or nobody to deliver to: given up
        return self._posted(wire, request, prank)

    def _posted(self, wire: Wire, request: HttpRequest, prank: Prank | None) -> bool:
        if prank and prank.kind is Kind.DELAY:
            self._stopping.wait(prank.delay_ms / 1000)
        if prank and prank.kind is Kind.DUPLICATE:
            _post(request)
        answer = _post(request)
        return answer is not None and wire.acknowledges(answer)


def _one_more(order: Order) -> Order:
    """The same order with one minor unit more in every amount."""
    return replace(order, amount=_more(order.amount), captured_minor=order.captured_minor + 1)


def _one_more_back(refund: Refund) -> Refund:
    return replace(refund, amount=_more(refund.amount))


def _more(money: Money) -> Money:
    return Money(min(money.minor + 1, MINOR_MAX), money.currency)


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
