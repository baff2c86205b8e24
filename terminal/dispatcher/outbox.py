"""Requests that wait for a place, and those that left and are not answered yet.

The sale in front never waits. All others share a few places, and while the line is down they get none: a
request is stamped and signed when it leaves, and a queue that stands still is not the gateway's silence.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from terminal.core.effects import (
    MOVES_MONEY,
    CloseOrder,
    QueryRefund,
    RefundOrder,
    Request,
    ReverseOrder,
    SubmitPayment,
    VoidOrder,
)
from terminal.core.record import replace
from terminal.core.terms import HouseFault
from terminal.wire.http import Stamp

if TYPE_CHECKING:
    from terminal.codes.scanned import PaymentCode
    from terminal.dispatcher.parts import Parts

PLACES = 8  # exchanges in flight for all but the sale in front (G10)
RANKS: dict[type[Request], int] = {
    CloseOrder: 0,
    ReverseOrder: 0,
    VoidOrder: 0,
    RefundOrder: 1,
    QueryRefund: 1,
}
OTHERS_RANK = 2


class Outbox:
    """`exchanges`: every request that was asked for and is not answered, by its number. `vault`: the codes of
    customers, from scan to submit, in RAM only. `unsaid`: what the codec could not say, and why."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.exchanges: dict[int, Request] = {}
        self.vault: dict[str, PaymentCode] = {}
        self.unsaid: deque[tuple[Request, str]] = deque()
        self.open = True
        self._number = 0
        self._in_places: set[int] = set()
        self._waiting: list[tuple[int, int]] = []  # heap: rank, number

    def number(self) -> int:
        """The next exchange's."""
        self._number += 1
        return self._number

    @property
    def has_room(self) -> bool:
        """A request for the background would leave now."""
        return self.open and len(self._in_places) + len(self._waiting) < PLACES

    @property
    def in_flight(self) -> int:
        """Exchanges that have left and are not answered, but for those of the sale in front."""
        return len(self._in_places)

    def put(self, request: Request, *, urgent: bool) -> int:
        """The number of its exchange."""
        number = self.number()
        self.exchanges[number] = request
        if urgent:
            self._leave(number, urgent=True)
        else:
            heappush(self._waiting, (RANKS.get(type(request), OTHERS_RANK), number))
            self.release()
        return number

    def release(self) -> None:
        """Whoever waits takes the places that are free."""
        while self.open and self._waiting and len(self._in_places) < PLACES:
            _, number = heappop(self._waiting)
            self._in_places.add(number)
            self._leave(number, urgent=False)

    def take(self, number: int) -> Request:
        """Exchange `number` is over; its place is free."""
        self._in_places.discard(number)
        return self.exchanges.pop(number)

    def _leave(self, number: int, *, urgent: bool) -> None:
        """Stamp when it is sent, not when it is journalled (DESIGN 2)."""
        request = self.exchanges[number]
        if isinstance(request, SubmitPayment):
            request = replace(request, code=self.vault.pop(request.code_digest))
        stamp = Stamp(utc_ms=self._parts.time.utc_ms())
        try:
            http = replace(
                self._parts.gateway.build(request, stamp),
                moves_money=isinstance(request, MOVES_MONEY),
            )
        except HouseFault as fault:
            self.unsaid.append((self.take(number), str(fault)))
            return
        self._parts.line.send(number, http, urgent=urgent)
