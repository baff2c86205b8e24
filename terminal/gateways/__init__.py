"""Translates. One pure codec per protocol: our requests into their bytes, their bytes into our events.

The rules of this room:

1. `build(request, stamp) -> HttpRequest`, `parse(request, answer, at_ms) -> Event`. No clock, no network, no state.
2. Fail closed: an answer is worth something only when its signature verifies over the literal bytes and it
   names our order. Anything else is `AnswerUnclear`.
3. Result codes live in closed tables in the codec's file. What is not listed is in doubt, never a decline.
4. PaymentApproved needs order number, amount and currency in the same authentic answer; an answer that says
   paid but lacks one of them is `PaymentHinted`.
5. The word in the settings is the file: `driver = "paycloud"` loads `gateways/paycloud.py`, whose `Gateway`
   class takes its checked settings. A third party ships one through the entry point group
   `terminal.gateways`.
"""

from __future__ import annotations

from typing import Protocol

from terminal.core.effects import Request
from terminal.core.events import OrderEvent
from terminal.core.timing import Timing
from terminal.wire.http import HttpAnswer, HttpRequest, Stamp


class Gateway(Protocol):
    """What the dispatcher asks of a codec. `wallets`: our wallet ids (codes/wallets.toml) -> theirs."""

    name: str
    timing: Timing

    def build(self, request: Request, stamp: Stamp) -> HttpRequest:
        """The bytes of this request. HouseFault when it cannot be said on this wire."""
        ...

    def parse(self, request: Request, answer: HttpAnswer, at_ms: int) -> OrderEvent:
        """What the answer to that request means. Never raises on anything the other side may send."""
        ...
