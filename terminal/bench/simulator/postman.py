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
POST: Odds = (("lost", 0.2), ("late", 0.2), ("twice", 0.15), ("another amount", 0.03))

Hand = Callable[[Notice, Callable[[Verdict], None]], bool]
"""Puts a notice into the daemon's inbox; False when no daemon is there."""


class Postman:
    def __init__(self, clock: Clock, dice: Dice, hand: Hand) -> None:
        self.clock, self.dice, self.hand = clock, dice, hand
        self.rate = 1.0

    def post(self, order_no: str, amount: Money) -> None:
        """Something became of this order. `amount`: what the notice says was paid."""
        way = self.dice.pick("notice", POST, self.rate)
        if way == "lost":
            return
        said = Money(amount.minor + 1, amount.currency) if way == "another amount" else amount
        notice = Notice(
            order_no=order_no, kind="payment", amount=said, merchant_ok=True, gateway_ref=None,
            event_key=f"{order_no} {self.clock.now_ms}",
        )  # fmt: skip
        wait_ms = self.dice.span(20_000, 200_000) if way == "late" else self.dice.span(*FIRST_MS)
        for _ in range(2 if way == "twice" else 1):
            self.clock.later(wait_ms, self._deliver, notice, DELIVERIES_MAX)

    def _deliver(self, notice: Notice, left: int) -> None:
        if not self.hand(notice, partial(self._answered, notice, left)):
            self._answered(notice, left, Verdict.LATER)

    def _answered(self, notice: Notice, left: int, verdict: Verdict) -> None:
        if verdict is not Verdict.TAKEN and left > 1:
            self.clock.later(AGAIN_MS, self._deliver, notice, left - 1)
