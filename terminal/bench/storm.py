"""A storm: thousands of random sales while the gateway misbehaves, then books against journal, order by order.

The production dispatcher, journal, codec and line against the sandbox process over loopback HTTP with real
signatures; only the counter's devices are left out, so that many orders can be under way at once. Customers
pay, pay late, decline, walk away, or hold up codes of every kind; some paid sales are given back.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter as Tally
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terminal.bench.doors import Doors
from terminal.bench.reckoning import Odd, odds
from terminal.bench.settings import ACCOUNTS, Tables, changed, tables, toml
from terminal.clock import SystemClock
from terminal.codes.scanned import PaymentCode
from terminal.config import load
from terminal.core.effects import Beep, OpenCpm, OpenMpm
from terminal.core.events import CancelPressed
from terminal.core.sale import RETURNS, Order, Phase
from terminal.core.stand import Shop
from terminal.core.terms import Mode, Money, Refusal
from terminal.core.views import Glass
from terminal.devices.keypad.none import Device as NoKeypad
from terminal.devices.keypad.none import Settings as NoSettings
from terminal.dispatcher import Dispatcher, Parts
from terminal.journal.journal import Journal
from terminal.wire.line import Line
from terminal.wiring import make_gateway

if TYPE_CHECKING:
    from terminal.gateways import Gateway

AT_ONCE = 150  # orders under way
WORKERS = 24
MISCHIEF = 0.2  # of all requests
KINDS = (
    *("drop_before", "drop_after", "late", "delay", "truncated", "5xx_before", "5xx_after", "html"),
    *("empty", "huge", "wrong_signature", "unsigned", "other_order", "unknown_code", "duplicate"),
    *("clock_refusal", "slow_bytes"),
)
# A gateway's life in fast motion: what takes seconds at a counter takes a tenth here.
FAST = {
    "first_query_s": 0.3,
    "query_step_s": 0.2,
    "create_s": 4,
    "doubt_s": 4,
    "earliest_undo_s": 0.5,
    "life_s": 6,
    "verify_s": 6,
    "grace_s": 1,
}
HASTY: Tables = {
    "gateway.paycloud": {"read_timeout_ms": 1_500, "too_early_codes": ["SBX201"]},
    "gateway.antom": {"read_timeout_ms": 1_500},
}
BENCH = Path(__file__).parents[2] / "hardware" / "bench.toml"
HURRY_MS = 500
END_TIMEOUT_S = 300.0
BEHAVIOURS = ("pays", "pays", "confirms", "declines", "insufficient", "expired")


class Dark:
    """A face that nobody looks at."""

    lost: str | None = None
    hangs = False

    def show(self, glass: Glass) -> None:
        """Dark."""

    def unfit(self, _payload: str) -> str | None:
        return None


class Silent:
    def beep(self, beep: Beep) -> None:
        """Silent."""

    def close(self) -> None:
        """Nothing to give back."""


class Storm:
    """One run. `seed` decides what customers and operators do; the network decides the rest."""

    def __init__(
        self, state: Path, sales: int, seed: int, stack: ExitStack, gateway: str = "paycloud"
    ) -> None:
        self.sales, self.chance = sales, random.Random(seed)
        self.sandbox = Doors(state / "sandbox", stack, gateway)
        self.misbehave()
        self.journal = stack.enter_context(
            Journal.open(state / "journal.db", terminal="STRM01", chance=lambda: seed)
        )
        codec = self.codec(state)
        self.line = Line(
            self.sandbox.said["address"], self._answered, connect_timeout_ms=1_000, workers=WORKERS
        )
        stack.callback(self.line.close)
        parts = Parts(
            time=SystemClock("system"),
            journal=self.journal,
            gateway=codec,
            line=self.line,
            face=Dark(),
            buzzer=Silent(),
            keypad=NoKeypad(NoSettings()),
            scanners=(),
            chance=lambda: self.chance.getrandbits(64),
            code_key=bytes(32),
        )
        shop = Shop(currency="EUR", max_minor=10**9, test=True)
        self.ring = Dispatcher(parts, shop, "STRM01", "storm")
        self.opened = 0
        self.returns = 0
        self.paid: list[Order] = []
        self.seen: dict[str, Phase] = {}

    def codec(self, state: Path) -> Gateway:
        """As the daemon makes it, of a terminal.toml."""
        settings = tables(self.sandbox.said, state, BENCH, FAST)
        own = f"gateway.{settings['gateway']['driver']}"
        settings = changed(settings, {own: HASTY[own]})
        file = state / "terminal.toml"
        file.write_text(toml(settings), encoding="utf-8")
        return make_gateway(load(file))

    def _answered(self, exchange: int, answer: Any) -> None:
        self.ring.inbox.answered(exchange, answer)

    def misbehave(self) -> None:
        rules = [
            {
                "kind": kind,
                "probability": MISCHIEF / len(KINDS),
                "count": None,
                "delay_ms": 20 if kind == "slow_bytes" else 700,
            }
            for kind in KINDS
        ]
        self.sandbox.tell("settings", earliest_revoke_ms=0, order_life_ms=6_000, late_payment=True)
        self.sandbox.tell("misbehave", rules=rules)

    # -- the run -----------------------------------------------------------------------------------

    def run(self) -> dict[str, object]:
        begun = time.monotonic()
        self.ring.recover()
        while self.opened < self.sales or self.under_way():
            while self.opened < self.sales and len(self.ring.orders) < AT_ONCE:
                self.open_one()
            self.ring.take()
            self.customers()
            self.hurry_returns()
            if time.monotonic() - begun > END_TIMEOUT_S + self.sales / 5:
                break
        self.sandbox.behave()
        taken_s = time.monotonic() - begun
        return {"seconds": round(taken_s, 1), "sales_per_s": round(self.sales / taken_s, 1)}

    def under_way(self) -> bool:
        """What waits for a human does not end by itself."""
        return any(order.phase is not Phase.ATTENTION for order in self.ring.orders.values())

    def open_one(self) -> None:
        self.opened += 1
        amount = Money(self.chance.randint(1, 50_000), "EUR")
        at_ms = self.ring.parts.time.boot_ms()
        if self.chance.random() < 0.5:
            self.ring.open_mpm(OpenMpm(amount), at_ms)
            return
        behaviour = self.chance.choice(BEHAVIOURS)
        code = PaymentCode(self.sandbox.code(behaviour))
        self.ring.open_cpm(OpenCpm(amount, "alipay-cn", code, code.digest(bytes(32))), at_ms)

    def customers(self) -> None:
        """What people do about orders that took a step."""
        for number, order in tuple(self.ring.orders.items()):
            if self.seen.get(number) is order.phase:
                continue
            self.seen[number] = order.phase
            if order.phase is Phase.PRESENTING:
                self.somebody_scans(order)
            elif order.phase is Phase.IN_DOUBT and self.chance.random() < 0.6:
                self.sandbox.soon(self.chance.uniform(0, 3), "wallet/confirm", order_no=number)
        self.somebody_returns()

    def somebody_scans(self, order: Order) -> None:
        what, number = self.chance.random(), order.order_no
        if what < 0.65:
            self.sandbox.soon(self.chance.uniform(0, 8), "wallet/pay", order_no=number)
        elif what < 0.75:
            self.sandbox.soon(self.chance.uniform(0, 3), "wallet/decline", order_no=number)
        elif what < 0.85:
            self.ring.turn(number, CancelPressed(at_ms=self.ring.parts.time.boot_ms()))

    def somebody_returns(self) -> None:
        """About one paid sale in ten, once or twice, in part or whole."""
        if self.opened >= self.sales or self.chance.random() > 0.02:
            return
        rows = [row.order for row in self.journal.tail(40) if row.order.phase is Phase.PAID]
        if not rows:
            return
        original = self.chance.choice(rows)
        mode = self.chance.choice((Mode.REFUND, Mode.VOID))
        part = Money(self.chance.randint(1, original.amount.minor), "EUR")
        amount = original.amount if mode is Mode.VOID else part
        try:
            self.ring.open_return(original, amount, mode)
            self.returns += 1
        except Refusal:
            pass  # that much is not there any more: refused, as it should be

    def hurry_returns(self) -> None:
        """What a gateway takes seconds to hours for is asked about every half second here."""
        now_ms = self.ring.parts.time.boot_ms()
        for number, order in tuple(self.ring.orders.items()):
            soon_ms = now_ms + HURRY_MS
            if order.mode in RETURNS and (order.pace.ask_at_ms or 0) > soon_ms:
                self.ring.hasten(soon_ms, number)

    # -- the reckoning -----------------------------------------------------------------------------

    def disagreements(self) -> list[Odd]:
        return odds((row.order for row in self.journal.tail(10**7)), self.sandbox.books())

    def outcomes(self) -> dict[str, int]:
        return dict(Tally(row.order.phase.value for row in self.journal.tail(10**7)))


def main(argv: list[str]) -> int:
    """`scripts/storm N [--seed S] [--gateway G]`: last line JSON. Exit code 1 when one order disagrees."""
    parser = argparse.ArgumentParser(prog="scripts/storm", description=__doc__)
    parser.add_argument("sales", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gateway", choices=ACCOUNTS, default="paycloud", help="(paycloud)")
    wanted = parser.parse_args(argv)
    logging.getLogger("terminal").setLevel(logging.CRITICAL)  # every refusal here is asked for
    with tempfile.TemporaryDirectory(prefix="storm-") as place, ExitStack() as stack:
        storm = Storm(Path(place), wanted.sales, wanted.seed, stack, wanted.gateway)
        figures = storm.run()
        wrong = storm.disagreements()
        for line in wrong[:20]:
            print(line, file=sys.stderr)
        told = {
            "gateway": wanted.gateway,
            "sales": wanted.sales,
            "seed": wanted.seed,
            "returns": storm.returns,
            "disagreements": len(wrong),
            "ends": storm.outcomes(),
            **figures,
        }
        print(json.dumps(told), flush=True)
    return 1 if wrong else 0
