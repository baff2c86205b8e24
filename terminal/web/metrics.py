"""How this terminal does, in numbers, for Prometheus: `GET /metrics`. Off by default.

What people did is counted by committed rows alone, since the daemon started; `terminal_orders_opened_total` is the
journal's own count, since the terminal's first day. The books are the journal, never these numbers.

No label says anything about a sale: a label is one of a few words of ours. metrics-alerts.yml and
metrics-dashboard.json beside this file name what is exported here; tests/web/test_metrics.py holds them to it.

prometheus_client is imported with this file, and this file only when it is switched on: 10 MiB.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    make_wsgi_app,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from terminal.core.terms import Mode, WireFault
from terminal.web.listener import Application, Listener, Place, Start

PATH = "/metrics"
ANSWER_BUCKETS_S = (0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20)
APPEND_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5)
FRAME_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2)
OUTCOMES = {
    Mode.MPM: ("paid", "not_paid", "cancelled", "returned"),
    Mode.CPM: ("paid", "not_paid", "cancelled", "returned"),
    Mode.REFUND: ("returned", "not_returned"),
    Mode.VOID: ("returned", "not_returned"),
}

log = logging.getLogger("terminal")

Facts = dict[str, Any]
Read = Callable[[], Facts]
"""What `Reception.gauges` answers; WireFault when the loop does not."""


class Meters:
    """What happens is said to it, from any thread; what stands is read when somebody asks."""

    def __init__(self, read: Read, version: str, gateway: str) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Standing(read, version, gateway))
        ProcessCollector(registry=self.registry)
        self._ended = self._counter(
            "orders_ended", "Orders that came to their end.", "mode", "outcome"
        )
        self._reopened = self._counter(
            "orders_reopened", "Ended orders that were paid late: they end again.", "mode"
        )
        self._answers = self._histogram(
            "gateway_answer_seconds", "From sending to the whole answer.", ANSWER_BUCKETS_S
        )
        self._silences = self._counter(
            "gateway_unanswered", "Requests that nothing came back for.", "operation"
        )
        self._appends = Histogram(
            "terminal_journal_append_seconds",
            "One row, durable.",
            buckets=APPEND_BUCKETS_S,
            registry=self.registry,
        )
        self._frames = Histogram(
            "terminal_eye_frame_seconds",
            "One look at one picture of the camera.",
            buckets=FRAME_BUCKETS_S,
            registry=self.registry,
        )
        self._returns = self._counter(
            "device_restarts", "How often a device that was lost came back.", "device"
        )
        for mode, outcomes in OUTCOMES.items():
            for outcome in outcomes:
                self._ended.labels(mode.value, outcome)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"terminal_{name}", says, labels, registry=self.registry)

    def _histogram(self, name: str, says: str, buckets_s: tuple[float, ...]) -> Histogram:
        return Histogram(
            f"terminal_{name}", says, ["operation"], buckets=buckets_s, registry=self.registry
        )

    def appended(self, took_s: float) -> None:
        self._appends.observe(took_s)

    def ended(self, mode: Mode, outcome: str) -> None:
        self._ended.labels(mode.value, outcome.replace(" ", "_")).inc()

    def reopened(self, mode: Mode) -> None:
        self._reopened.labels(mode.value).inc()

    def answered(self, operation: str, took_s: float) -> None:
        self._answers.labels(operation).observe(took_s)

    def unanswered(self, operation: str) -> None:
        self._silences.labels(operation).inc()

    def looked(self, took_s: float) -> None:
        self._frames.observe(took_s)

    def knows(self, device: str) -> None:
        self._returns.labels(device)

    def came_back(self, device: str) -> None:
        self._returns.labels(device).inc()


class _Standing(Collector):
    """What is true at this moment."""

    def __init__(self, read: Read, version: str, gateway: str) -> None:
        self._read = read
        self._labels = {"version": version, "gateway": gateway, "python": platform.python_version()}

    def describe(self) -> Iterable[Metric]:
        return ()  # nothing is asked of the loop while the endpoint is being made

    def collect(self) -> Iterator[Metric]:
        facts = self._read()
        yield _gauge("build_info", "What runs here.", 1, self._labels)
        yield _gauge("backlog_orders", "Orders without a result.", facts["backlog"])
        yield _gauge("backlog_oldest_seconds", "How long the oldest is open.", facts["oldest_s"])
        yield _gauge("attention_orders", "Orders that a person must look at.", facts["attention"])
        yield _gauge("out_of_service", "1: no new sale can start.", facts["out_of_service"])
        yield _gauge("clock_trusted", "1: the network set the clock.", facts["clock_trusted"])
        yield _gauge("online", "1: the gateway answers.", facts["online"])
        if facts["last_contact_s"] is not None:
            yield _gauge("last_contact_seconds", "Since it last did.", facts["last_contact_s"])
        working = GaugeMetricFamily("terminal_device_up", "1: it works.", labels=["device"])
        for name, up in facts["devices"].items():
            working.add_metric([name], up)
        yield working
        yield CounterMetricFamily(
            "terminal_orders_opened", "Orders in the journal, ever.", value=facts["opened"]
        )


def _gauge(name: str, says: str, value: float, labels: dict[str, str] | None = None) -> Metric:
    family = GaugeMetricFamily(f"terminal_{name}", says, labels=list(labels or ()))
    family.add_metric(list((labels or {}).values()), value)
    return family


# -- on the web ------------------------------------------------------------------------------------------


def listen(place: Place, meters: Meters) -> Listener:
    """Refusal when the place is taken."""
    return Listener(place, _application(meters), _refused, ("Metrics", "[metrics]"), threads=1)


def _refused(why: str) -> None:
    log.warning("a question at the metrics' place was no request: %s", why)


def _application(meters: Meters) -> Application:
    told = make_wsgi_app(meters.registry)

    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return _said(start, "404 Not Found", f"It is at {PATH}.\n")
        try:
            said: Iterable[bytes] = told(environ, start)
        except WireFault as fault:
            return _said(start, "503 Service Unavailable", f"{fault}\n")
        return said

    return answer


def _said(start: Start, status: str, text: str) -> list[bytes]:
    body = text.encode()
    start(status, [("content-type", "text/plain"), ("content-length", str(len(body)))])
    return [body]
