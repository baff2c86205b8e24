"""The gateway's notices: posted when an order is paid or returned, again until they are taken, and never relied on.

Some counters cannot be reached (NAT is the normal case), so only some worlds have a postman (reliability.md 0.4).
A notice may be late, come twice, or say what is not so: to the daemon it is a hint and nothing more (I8).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from terminal.bench.simulator.clock import Clock
from terminal.bench.simulator.dice import Dice, Odds
from terminal.core.terms import Money
from terminal.gateways import Notice
from terminal.web import Verdict

FIRST_MS = (100, 3_000)
AGAIN_MS = 15_000
DELIVERIES_MAX = 4
SURE_DELIVERIES = 60
POST: Odds = (("lost", 0.2), ("late", 0.2), ("twice", 0.15), ("another amount", 0.03))

Hand = Callable[[Notice, Callable[[Verdict], None]], None]
"""Puts a notice into the daemon's inbox, if a daemon is there."""


class Postman:
    def __init__(self, clock: Clock, dice: Dice, hand: Hand) -> None:
        self.clock, self.dice, self.hand = clock, dice, hand
        self.rate = 1.0
        self.taken: set[str] = set()  # by event

    def post(self, order_no: str, amount: Money, *, surely: bool = False) -> None:
        """Something became of this order. `amount`: what the notice says was paid. `surely`: again until it is
        taken, because nobody would find out otherwise."""
        way = "" if surely else self.dice.pick("notice", POST, self.rate)
        if way == "lost":
            return
        said = Money(amount.minor + 1, amount.currency) if way == "another amount" else amount
        notice = Notice(
            order_no=order_no, kind="payment", amount=said, merchant_ok=True, gateway_ref=None,
            event_key=f"{order_no} {self.clock.now_ms}",
        )  # fmt: skip
        wait_ms = self.dice.span(20_000, 200_000) if way == "late" else self.dice.span(*FIRST_MS)
        for _ in range(2 if way == "twice" else 1):
            left = SURE_DELIVERIES if surely else DELIVERIES_MAX
            self.clock.later(wait_ms, self._deliver, notice, left)

    def _deliver(self, notice: Notice, left: int) -> None:
        """Once more after a while, unless it is acknowledged by then: a daemon that dies acknowledges nothing."""
        if notice.event_key in self.taken:
            return
        self.hand(notice, partial(self._answered, notice))
        if left > 1:
            self.clock.later(AGAIN_MS, self._deliver, notice, left - 1)

    def _answered(self, notice: Notice, verdict: Verdict) -> None:
        if verdict is Verdict.TAKEN:
            self.taken.add(notice.event_key)
