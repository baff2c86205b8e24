"""The gateway's codec, without a wire: a request travels as it is, and an event comes back as it will be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from terminal.core.effects import Request
from terminal.core.events import OrderEvent
from terminal.core.terms import WireFault
from terminal.core.timing import Timing
from terminal.gateways import Notice
from terminal.wire.http import HttpAnswer, HttpRequest, Stamp

TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking(HttpRequest):
    """A request on its way."""

    said: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying(HttpAnswer):
    """An answer on its way: the event that it will be, but for the time of its arrival."""

    kind: type[OrderEvent]
    words: Mapping[str, Any] = field(default_factory=dict)


def saying(kind: type[OrderEvent], **words: object) -> Saying:
    return Saying(200, b"", kind=kind, words=words)


class Codec:
    """`terminal.gateways.Gateway`."""

    name = "toy"
    acknowledgement = HttpAnswer(200, b"")

    def __init__(self, timing: Timing) -> None:
        self.timing = timing

    def build(self, request: Request, stamp: Stamp) -> HttpRequest:  # noqa: ARG002
        return Asking("/", b"", said=request, read_timeout_ms=TIMEOUT_MS)

    def parse(self, request: Request, answer: HttpAnswer, at_ms: int) -> OrderEvent:  # noqa: ARG002
        assert isinstance(answer, Saying)
        return answer.kind(at_ms=at_ms, **answer.words)

    def notice(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Notice:  # noqa: ARG002
        raise WireFault("the toy gateway posts nothing")
