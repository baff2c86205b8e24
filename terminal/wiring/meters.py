"""The taps of the metrics: a journal and a line that say how long they took, and an eye on the devices.

The ring knows nothing of them. This file is imported only when metrics are on, so that the others cost nothing.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terminal import __version__
from terminal.core.events import Event, SaleOpened
from terminal.core.sale import Order
from terminal.core.sight import outcome
from terminal.core.terms import WireFault
from terminal.dispatcher import Asked, Dispatcher
from terminal.journal.journal import Journal, When
from terminal.reception import devices
from terminal.web.metrics import Meters, listen
from terminal.wire.http import HttpAnswer, HttpRequest
from terminal.wire.line import Failure, Line

if TYPE_CHECKING:
    from terminal.config import Settings

ANSWER_S = 3.0  # Prometheus waits ten


class TimedJournal(Journal):
    """`written` hears of each row how long it took, when metrics are connected."""

    written: Callable[[Order, Event, float], None] | None = None

    def append(self, order: Order, event: Event, when: When) -> int:
        began_s = time.perf_counter()
        seq = super().append(order, event, when)
        if self.written:
            self.written(order, event, time.perf_counter() - began_s)
        return seq


class TimedLine(Line):
    """`sent` names the operation of an exchange; `heard` hears how long its answer took, None: there was none."""

    sent: Callable[[int], str] | None = None
    heard: Callable[[str, float | None], None] | None = None

    def __init__(
        self,
        base_url: str,
        deliver: Callable[[int, HttpAnswer | Failure], None],
        *,
        ca_file: Path | None = None,
        connect_timeout_ms: int = 3_000,
    ) -> None:
        self._under_way: dict[int, tuple[str, float]] = {}

        def passed_on(exchange: int, answer: HttpAnswer | Failure) -> None:
            self._tell(exchange, answer)
            deliver(exchange, answer)

        super().__init__(
            base_url, passed_on, ca_file=ca_file, connect_timeout_ms=connect_timeout_ms
        )

    def send(self, exchange: int, request: HttpRequest, *, urgent: bool = False) -> None:
        if self.sent:
            self._under_way[exchange] = (self.sent(exchange), time.perf_counter())
        super().send(exchange, request, urgent=urgent)

    def _tell(self, exchange: int, answer: HttpAnswer | Failure) -> None:
        operation, began_s = self._under_way.pop(exchange, ("", 0.0))
        if operation and self.heard:
            came = isinstance(answer, HttpAnswer)
            self.heard(operation, time.perf_counter() - began_s if came else None)


def connect(settings: Settings, dispatcher: Dispatcher, stack: ExitStack) -> None:
    """Every tap of this daemon to its meters, and the meters to their place. Refusal when that is taken."""
    meters = Meters(lambda: _facts(dispatcher), __version__, settings.gateway.driver)
    journal, line = dispatcher.parts.journal, dispatcher.parts.line
    assert isinstance(line, TimedLine)
    if isinstance(journal, TimedJournal):  # else it did not open, and nothing will be written
        journal.written = lambda order, event, took_s: _written(
            meters, dispatcher, order, event, took_s
        )
    line.sent = lambda exchange: _operation(type(dispatcher.outbox.exchanges[exchange]))
    line.heard = lambda operation, took_s: (
        meters.unanswered(operation) if took_s is None else meters.answered(operation, took_s)
    )
    for scanner in dispatcher.parts.scanners:
        if hasattr(scanner, "looked"):
            scanner.looked = meters.looked
    dispatcher.beat = _Eye(dispatcher, meters, dispatcher.beat).beat
    stack.callback(listen(settings.metrics.place, meters).close)


def _written(
    meters: Meters, dispatcher: Dispatcher, order: Order, event: Event, took_s: float
) -> None:
    """The row is durable; in the dispatcher the order still stands as it did before."""
    meters.appended(took_s)
    was_open = order.order_no in dispatcher.orders or isinstance(event, SaleOpened)
    if order.final and was_open:
        meters.ended(order.mode, outcome(order))
    elif not (order.final or was_open):
        meters.reopened(order.mode)


def _operation(request: type[Any]) -> str:
    """QueryOrder: query_order."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in request.__name__).lstrip("_")


def _facts(dispatcher: Dispatcher) -> dict[str, Any]:
    """From the listener's thread. WireFault when the loop has no time: then there is nothing to tell."""
    box: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()
    try:
        dispatcher.inbox.put(Asked({"word": "gauges"}, box.put), timeout=ANSWER_S)
        return box.get(timeout=ANSWER_S)
    except (queue.Full, queue.Empty):
        raise WireFault("the loop does not answer") from None


class _Eye:
    """Looks at the devices at each turn of the loop: one that was lost and is back was restarted. None comes
    back within a turn, because a driver waits half a second before it tries again."""

    def __init__(self, dispatcher: Dispatcher, meters: Meters, beat: Callable[[], None]) -> None:
        self._dispatcher, self._meters, self._then = dispatcher, meters, beat
        self._worked: dict[str, bool] = {}

    def beat(self) -> None:
        for name, lost in devices(self._dispatcher).items():
            works = lost is None
            before = self._worked.get(name)
            if before is None:  # not opened yet, or it is there
                if works:
                    self._worked[name] = True
                    self._meters.knows(name)
            elif works is not before:
                self._worked[name] = works
                if works:
                    self._meters.came_back(name)
        self._then()
