"""Is this terminal's account at its gateway in order? Asked at provisioning time, with or without a daemon.

It reads the same terminal.toml and speaks through the same codec and the same line. The questions move nothing:
they are about an order number that was never used. Each finding names the setting that is wrong. What rests on
something that is wrong is not asked: the first wrong line is the one to mend.
"""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from terminal.core.effects import (
    CloseOrder,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    Request,
)
from terminal.core.events import AnswerUnclear, OrderEvent
from terminal.core.terms import HouseFault, Money, Refusal
from terminal.wire.http import HttpAnswer, Stamp
from terminal.wire.line import Failure, Line
from terminal.wiring import make_gateway
from terminal.wiring.words import find

if TYPE_CHECKING:
    from terminal.config import Settings

CLOCK_OFF_MAX_S = 60  # gateways refuse at 15 minutes (gateways.md 1.3); this leaves room to drift
PATIENCE_S = 45.0
CLOCK_REMEDY = "timedatectl status"
PORTAL_REMEDY = "compare it with the gateway's merchant portal"
_ACCOUNT = ("app_id", "client_id", "merchant_no", "merchant_id", "path")
_OPERATIONS: dict[str, Callable[[str, Money], Request]] = {
    "query": QueryOrder,
    "query refund": lambda number, amount: QueryRefund(number, amount, number),
    "refund": lambda number, amount: RefundOrder(number, amount, number, of_ref=number),
    "cancel": CloseOrder,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `settings`: as they stand in the file, "[gateway] url"."""

    what: str
    ok: bool
    says: str
    settings: tuple[str, ...] = ()
    remedy: str = ""


class Checkup:
    """`findings()` of these settings. `utc_ms`: this machine's clock."""

    def __init__(self, settings: Settings, utc_ms: Callable[[], int]) -> None:
        chosen = settings.gateway
        self._settings, self._utc_ms = settings, utc_ms
        self._module = find("gateways", chosen.driver, settings.root.sub("gateway"))
        self._heard: queue.SimpleQueue[HttpAnswer | Failure] = queue.SimpleQueue()
        self._number = f"T{settings.terminal.id}CHECK{utc_ms() // 1000}"
        self._amount = Money(1, settings.shop.currency)

    def findings(self) -> Iterator[Finding]:
        """One by one, as they come in; the last one is the first that is wrong."""
        try:
            self._gateway = make_gateway(self._settings)
        except Refusal as refusal:
            yield self._wrong("settings", str(refusal), "gateway_key_file", "private_key_file")
            return
        yield Finding("settings", True, "complete, keys readable")
        line = Line(
            self._settings.gateway.url,
            lambda _exchange, answer: self._heard.put(answer),
            ca_file=self._settings.gateway.ca_file,
            connect_timeout_ms=self._settings.gateway.connect_timeout_ms,
        )
        try:
            yield from _until_wrong(self._asked(line))
        finally:
            line.close()

    def _asked(self, line: Line) -> Iterator[Finding]:
        line.probe(0)
        knocked = self._heard.get(timeout=PATIENCE_S)
        yield self._reached(knocked)
        answer = self._answer(line, QueryOrder(self._number, self._amount))
        if isinstance(answer, Failure):
            yield self._silent(answer)
            return
        yield self._clock(answer)
        yield self._who_answers(answer)
        for name, make in _OPERATIONS.items():
            if name == "cancel" and not self._gateway.timing.undo:
                continue
            yield self._operation(line, name, make(self._number, self._amount))

    def _answer(self, line: Line, request: Request) -> HttpAnswer | Failure:
        line.send(1, self._gateway.build(request, Stamp(utc_ms=self._utc_ms())))
        return self._heard.get(timeout=PATIENCE_S)

    # -- judging -----------------------------------------------------------------------------------

    def _reached(self, knocked: HttpAnswer | Failure) -> Finding:
        if isinstance(knocked, Failure):
            return self._silent(knocked)
        secure = self._settings.gateway.url.startswith("https:")
        return Finding("line", True, "reached, certificate good" if secure else "reached, no TLS")

    def _silent(self, failure: Failure) -> Finding:
        detail = failure.detail
        if "ca_file" in detail:
            return self._wrong("line", detail, "ca_file")
        if "clock" in detail:
            return Finding("line", False, detail, ("[clock] trust",), CLOCK_REMEDY)
        return self._wrong("line", detail, "url")

    def _clock(self, answer: HttpAnswer) -> Finding:
        """By the answer's Date, which every HTTP server has to send."""
        try:
            theirs_s = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
        except ValueError:
            return Finding("clock", True, "not compared: the gateway tells no time")
        off_s = round(self._utc_ms() / 1000 - theirs_s)
        if abs(off_s) <= CLOCK_OFF_MAX_S:
            return Finding("clock", True, f"{abs(off_s)} s from the gateway's")
        how = f"{_span(abs(off_s))} {'ahead of' if off_s > 0 else 'behind'} the gateway's"
        return Finding("clock", False, how, ("[clock] trust",), CLOCK_REMEDY)

    def _who_answers(self, answer: HttpAnswer) -> Finding:
        """Their signature: is it the gateway, and do we have its key?"""
        if answer.body.lstrip()[:1] == b"<" or "html" in answer.headers.get("content-type", ""):
            page = f"a web page answers (HTTP {answer.status}): a login portal, or another host"
            return self._wrong("their signature", page, "url", *self._known("path"))
        event = self._meaning(QueryOrder(self._number, self._amount), answer)
        detail = _detail(event)
        if detail.startswith("HTTP status"):
            return self._wrong("their signature", detail, "url", *self._known("path"))
        if "signature" in detail and not self._blamed(detail):
            return self._wrong("their signature", detail, "gateway_key_file")
        if detail.startswith("the answer is"):  # ... for another client, about another merchant
            return self._wrong("account", detail, *self._known(*_ACCOUNT))
        return Finding("their signature", True, "verified with gateway_key_file")

    def _operation(self, line: Line, name: str, request: Request) -> Finding:
        """Whether the gateway took the question for ours. "No such order" is the best answer there is."""
        try:
            answer = self._answer(line, request)
        except HouseFault as fault:
            return Finding(name, False, str(fault), (), PORTAL_REMEDY)
        if isinstance(answer, Failure):
            return self._silent(answer)
        event = self._meaning(request, answer)
        if blamed := self._blamed(_detail(event)):
            return self._wrong(name, f"the gateway says {_detail(event)}", *blamed)
        if isinstance(event, AnswerUnclear):
            return Finding(name, True, f"answered, in words of its own: {_detail(event)}")
        return Finding(name, True, "answered")

    def _meaning(self, request: Request, answer: HttpAnswer) -> OrderEvent:
        return self._gateway.parse(request, answer, 0)

    def _blamed(self, detail: str) -> tuple[str, ...]:
        """The settings that a result code of this gateway speaks of, by the codec's own list."""
        blame: dict[str, tuple[str, ...]] = getattr(self._module, "BLAME", {})
        return next((blame[each] for each in re.findall(r"\w+", detail) if each in blame), ())

    def _wrong(self, what: str, says: str, *keys: str) -> Finding:
        return Finding(what, False, says, tuple(self._placed(key) for key in keys), PORTAL_REMEDY)

    def _known(self, *keys: str) -> tuple[str, ...]:
        return tuple(key for key in keys if key in self._own)

    def _placed(self, key: str) -> str:
        table = f"gateway.{self._settings.gateway.driver}" if key in self._own else "gateway"
        return f"[{table}] {key}"

    @property
    def _own(self) -> set[str]:
        settings: Any = self._module.Settings
        return {each.name for each in fields(settings)}


def _until_wrong(findings: Iterator[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        if not finding.ok:
            return


def _detail(event: OrderEvent) -> str:
    return str(getattr(event, "detail", ""))


def _span(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def wall_ms() -> int:
    return time.time_ns() // 1_000_000
