"""One counter under torture: a real daemon with the bench profile, the line to its gateway, its hand scanner, and
the people who keep it busy while it lives.

Everything that the daemon tells anybody is kept as a promise (`told`): at the end each of these rows must
stand in the journal exactly so.
"""

from __future__ import annotations

import os
import random
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from terminal.bench.doors import Doors
from terminal.bench.proxy import Passing, Proxy
from terminal.bench.settings import Table, Tables, changed, tables, toml
from terminal.bench.stall import ROOT, HandScanner
from terminal.bench.torture.nursery import Nursery
from terminal.control import Unanswered, call
from terminal.core.events import Key
from terminal.core.sale import Order
from terminal.core.terms import Fault
from terminal.devices.cable import plug
from terminal.journal import Journal

PROFILE = ROOT / "hardware" / "bench.toml"
# A gateway's life in fast motion.
TIMING = {
    "first_query_s": 0.1,
    "query_step_s": 0.1,
    "earliest_undo_s": 0.05,
    "create_s": 3,
    "life_s": 8,
    "doubt_s": 3,
    "grace_s": 0.5,
    "verify_s": 10,  # outlasts a request that is still on its way on a busy machine
}
READ_TIMEOUT_MS = 1_500
KEY_BYTES = 32  # of the digests' key
ASK_S = 20.0
SETTLE_S = 180.0
BEHAVIOURS = ("pays", "pays", "pays", "confirms", "declines", "insufficient")


class Life:
    """A daemon from its start to its end. Threads may kill it."""

    def __init__(self, nursery: Nursery, config: Path, log: Path, *, cold: bool) -> None:
        self._nursery = nursery
        self.number = nursery.start(config, log, cold=cold)
        self._descriptor = os.pidfd_open(self.number)
        self._buried = False
        self._lock = threading.Lock()

    def end(self, how: int = signal.SIGKILL) -> None:
        """kill -9, or another signal. Harmless when it is dead already."""
        with self._lock:
            if not self._buried:
                os.kill(self.number, how)

    def over(self, wait_s: float = 0) -> bool:
        """Whether it is dead, or dies within that time."""
        return bool(select.select((self._descriptor,), (), (), wait_s)[0])

    def bury(self) -> int:
        """Wait for its end; its exit code, -9 when it was killed."""
        self.over(ASK_S)
        with self._lock:
            self._buried = True
        os.close(self._descriptor)
        return self._nursery.bury()


class Till:
    """`terminal`: six characters, another for each till of one gateway."""

    profile: Path = PROFILE
    timing: Table = TIMING
    account: Table = MappingProxyType({"read_timeout_ms": READ_TIMEOUT_MS})

    def __init__(
        self,
        state: Path,
        terminal: str,
        doors: Doors,
        nursery: Nursery,
        dice: random.Random,
        stack: ExitStack,
    ) -> None:
        self.state, self.terminal = state, terminal
        self.doors, self.nursery, self.dice = doors, nursery, dice
        self.state.mkdir(mode=0o700)
        self.passing: Passing = lambda _up: None
        gateway = urlsplit(doors.said["address"])
        target = (str(gateway.hostname), int(gateway.port or 0))
        self.line = Proxy(target, passing=lambda up: self.passing(up))
        url = f"http://{gateway.hostname}:{self.line.start()}"
        stack.callback(self.line.stop)
        self.scanner = HandScanner(state / "scanner.tty")
        stack.callback(self.scanner.close)
        ours: Tables = {
            "terminal": {"id": terminal},
            "gateway": {"url": url, "connect_timeout_s": 0.5},
            f"gateway.{doors.said['gateway']}": self.account,
        }
        settings = changed(tables(doors.said, state, self.profile, self.timing), ours)
        self.config = state / "terminal.toml"
        self.config.write_text(toml(settings), encoding="utf-8")
        self.told: dict[int, tuple[str, str]] = {}  # row -> its order and phase
        self.opened: set[str] = set()
        self.paid: list[str] = []
        self.handled: set[str] = set()
        self.errands: list[tuple[float, Callable[[], object]]] = []

    # -- lives ---------------------------------------------------------------------------------------

    @contextmanager
    def alive(self, *, cold: bool = False) -> Iterator[Life]:
        """A daemon for this block; killed at its end if it still lives. Fault when it ended by itself."""
        life = Life(self.nursery, self.config, self.state / "run.log", cold=cold)
        try:
            yield life
        finally:
            life.end()
            code = life.bury()
        if code not in (0, -signal.SIGKILL):
            raise Fault(f"the daemon of {self.terminal} ended with {code}:\n{self.last_words()}")

    def last_words(self) -> str:
        return (self.state / "run.log").read_text(errors="replace")[-3000:]

    # -- people --------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Somebody does something; False: nobody was there to listen."""
        self.run_errands()
        try:
            said = self.ask("status")
            if not said["ok"]:
                return False  # it had no time to answer, on a busy machine
            self.note(said)
            self.react(str(said["screen"]), said["open"])
        except Unanswered:
            return False  # not up yet, or dead
        return True

    def ask(self, word: str, **more: object) -> dict[str, Any]:
        return call(self.state / "control.sock", {"word": word, **more}, timeout_s=ASK_S)

    def note(self, said: dict[str, Any]) -> None:
        """What the daemon just told about its newest order is a promise."""
        last = said["last"]
        if last is None:
            return
        self.told[last["seq"]] = (last["order_no"], last["phase"])
        self.opened.add(last["order_no"])
        if last["phase"] == "paid" and last["order_no"] not in self.paid[-5:]:
            self.paid.append(last["order_no"])

    def react(self, screen: str, under_way: list[dict[str, Any]]) -> None:
        shown = [order["order_no"] for order in under_way if order["phase"] == "presenting"]
        if screen == "Presenting" and shown and shown[-1] not in self.handled:
            self.handled.add(shown[-1])
            self.somebody_sees(shown[-1])
        elif screen == "Scanning":
            self.somebody_is_scanned()
        elif screen in ("Idle", "Paid", "NotPaid"):
            self.somebody_comes()
        elif screen == "Checking":
            # It goes on in the background, once it is being ended: the next customer is waiting.
            self.press(self.dice.choice((Key.OK, Key.CANCEL)))
        elif self.dice.random() < 0.1:
            self.press(Key.CANCEL)

    def press(self, key: Key) -> None:
        with suppress(OSError), plug(self.state / "keypad.sock") as keypad:
            keypad.send(key.value.encode())

    def somebody_sees(self, order_no: str) -> None:
        """Our code is on the glass."""
        what = self.dice.random()
        if what < 0.6:
            self.later(0.3, lambda: self.doors.tell("wallet/pay", order_no=order_no))
        elif what < 0.7:
            self.later(0.3, lambda: self.doors.tell("wallet/decline", order_no=order_no))
        elif what < 0.85:
            self.somebody_is_scanned()
        elif what < 0.95:
            self.press(Key.CANCEL)

    def somebody_is_scanned(self) -> None:
        behaviour = self.dice.choice(BEHAVIOURS)
        code = self.doors.code(behaviour)
        self.scanner.read(code)
        if behaviour == "confirms" and self.dice.random() < 0.8:
            self.later(1.0, lambda: self.doors.tell("wallet/confirm", code=code))

    def somebody_comes(self) -> None:
        """A sale of either kind, or money back."""
        amount = f"{self.dice.randint(1, 50_000) / 100:.2f}"
        what = self.dice.random()
        if what < 0.4:
            self.promised(self.ask("sale", amount=amount, mode="mpm"))
        elif what < 0.8 or not self.paid:
            self.promised(self.ask("sale", amount=amount, mode="cpm"))
        elif what < 0.9:
            part = f"{self.dice.randint(1, 500) / 100:.2f}"
            self.promised(self.ask("refund", order_no=self.dice.choice(self.paid), amount=part))
        else:
            self.promised(self.ask("void", order_no=self.dice.choice(self.paid)))

    def promised(self, said: dict[str, Any]) -> None:
        """An order number that was told is an order in the journal."""
        number = said.get("order_no") or said.get("order", {}).get("order_no")
        if said["ok"] and number:
            self.opened.add(number)

    def later(self, within_s: float, what: Callable[[], object]) -> None:
        self.errands.append((time.monotonic() + self.dice.uniform(0, within_s), what))

    def run_errands(self) -> None:
        now_s = time.monotonic()
        due = [what for at_s, what in self.errands if at_s <= now_s]
        self.errands = [errand for errand in self.errands if errand[0] > now_s]
        for what in due:
            what()

    # -- the end -------------------------------------------------------------------------------------

    def settle(self) -> bool:
        """A quiet time, until every order has come to its end or waits for a human; then a proper stop. False: some
        never do, and it is killed."""
        deadline_s = time.monotonic() + SETTLE_S
        with self.alive(cold=True) as life:
            while not self._settled() and not life.over(0.1):
                self.run_errands()
                if time.monotonic() > deadline_s:
                    return False
            life.end(signal.SIGTERM)
            life.over(ASK_S)
        return True

    def _settled(self) -> bool:
        try:
            said = self.ask("status")
        except Unanswered:
            return False
        if not said["ok"]:
            return False
        self.note(said)
        return not self.errands and all(order["phase"] == "attention" for order in said["open"])

    def broken_promises(self, journal: Journal) -> list[str]:
        """What was told and is not in the journal, or not so."""
        found = []
        rows = {
            row.seq: (row.order.order_no, row.order.phase.value)
            for order in journal.tail(10**7)
            for row in journal.history(order.order.order_no)
        }
        for seq, told in self.told.items():
            if rows.get(seq) != told:
                found.append(f"row {seq} was told as {told} and is {rows.get(seq)}")
        known = {number for number, _ in rows.values()}
        found += [f"order {number} was told and is gone" for number in self.opened - known]
        if len((self.state / "code.key").read_bytes()) != KEY_BYTES:
            found.append("the key of the codes' digests is cut short")
        if broken := journal.verify():
            found.append(f"row {broken} does not fit the chain")
        return found

    def orders(self, journal: Journal) -> list[Order]:
        return [row.order for row in journal.tail(10**7)]
