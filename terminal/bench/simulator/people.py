"""Operators and customers. They look at the glass now and then, and do what people do.

The smooth day: the operator keys an amount, the customer pays our code within seconds. Everything else is a
deviation: late, twice, both ways, not at all, with a code of their own, and keys at any moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from terminal.bench.simulator.dice import Dice, Odds
from terminal.core.events import Key
from terminal.core.views import (
    Attention,
    Checking,
    Choosing,
    Idle,
    NotPaid,
    Paid,
    Presenting,
    Scanning,
    Typing,
    View,
    Waiting,
)

if TYPE_CHECKING:
    from terminal.bench.simulator.clock import Clock
    from terminal.bench.simulator.ledger import Ledger

LOOK_MS = (1_500, 7_000)
RESTING_MS = (5_000, 20_000)  # when nobody buys and nothing is on the glass
KEY_MS = 150
CUSTOMER: Odds = (
    ("walks away", 0.05),
    ("pays late", 0.05),
    ("pays at the last moment", 0.03),
    ("pays twice", 0.03),
    ("needs the PIN", 0.04),
    ("declines, then pays", 0.03),
    ("shows a code", 0.15),
    ("shows a code and pays ours too", 0.06),
    ("pays less", 0.02),
    ("is refused", 0.02),
)
SHOWN: Odds = (
    ("one of many wallets", 0.2),
    ("a web link", 0.05),
    ("the last code again", 0.08),
    ("twice", 0.08),
)
AT_RESULT: Odds = (("C", 0.3), ("OK", 0.35), ("a digit", 0.1))
AT_WAIT: Odds = (("C", 0.04), ("OK", 0.04), ("anything", 0.03), ("C and OK", 0.02))
AT_CHOICE: Odds = (("second", 0.2), ("back", 0.15), ("waits", 0.1))
KEYS = tuple(Key)
_NUMBERS = {"1": Key.D1, "2": Key.D2, "3": Key.D3, "4": Key.D4, "5": Key.D5}


class Counter(Protocol):
    """What people can see and touch. Nothing happens while the daemon is down."""

    clock: Clock
    dice: Dice
    ledger: Ledger

    @property
    def view(self) -> View | None: ...

    def press(self, key: Key) -> None: ...

    def hold_up(self, raw: bytes) -> None: ...

    def pay(self, order_no: str, short: bool) -> None: ...

    def fail(self, order_no: str) -> None: ...


class People:
    """`purchases`: how many the operator still wants to begin."""

    def __init__(self, counter: Counter, purchases: int) -> None:
        self.counter = counter
        self.clock, self.dice = counter.clock, counter.dice
        self.purchases = purchases
        self.codes = 0
        self.last_code = b""

    # -- the operator --------------------------------------------------------------------------------------

    def look(self) -> None:
        """Every few seconds, until the world is calm."""
        if self.dice.calm:
            return
        view = self.counter.view
        self._act(view)
        resting = isinstance(view, Idle) and not self.purchases
        self.clock.later(self.dice.span(*(RESTING_MS if resting else LOOK_MS)), self.look)

    def _act(self, view: View | None) -> None:
        match view:
            case Idle() if self.purchases:
                self.purchases -= 1
                self.keys(_NUMBERS[str(self.dice.span(2, 5))], Key.DOUBLE_ZERO, Key.OK)
            case Typing():
                odd = self.dice.pick("operator at an amount", (("C", 0.1),))
                self.keys(Key.CANCEL if odd else Key.OK)
            case Choosing():
                self._choose(self.dice.pick("operator at a choice", AT_CHOICE))
            case Presenting() | Waiting() | Checking() | Scanning():
                self._wait(self.dice.pick("operator waiting", AT_WAIT))
            case Paid(again=True) | NotPaid(again=True) | Attention():
                self.keys(Key.CANCEL)
            case Paid() | NotPaid():
                self._result(self.dice.pick("operator at a result", AT_RESULT))
        if isinstance(view, Scanning):
            self.show_code()

    def _choose(self, odd: str) -> None:
        if odd != "waits":
            self.keys({"second": Key.D2, "back": Key.D0, "": Key.D1}[odd])

    def _wait(self, odd: str) -> None:
        if odd == "C and OK":
            self.keys(Key.CANCEL, Key.OK)
        elif odd:
            keys = {"C": Key.CANCEL, "OK": Key.OK}
            self.keys(keys.get(odd) or KEYS[self.dice.span(0, len(KEYS) - 1)])

    def _result(self, odd: str) -> None:
        if odd == "OK" and self.purchases:
            self.purchases -= 1  # after NOT PAID it begins the same sale again
        if odd:
            self.keys({"C": Key.CANCEL, "OK": Key.OK, "a digit": Key.D3}[odd])

    def keys(self, *keys: Key) -> None:
        for number, key in enumerate(keys):
            self.clock.later(KEY_MS * number, self.counter.press, key)

    # -- the customer ----------------------------------------------------------------------------------------

    def sees(self, order_no: str, life_ms: int) -> None:
        """Our code is on the glass for the first time."""
        way = self.dice.pick("customer", CUSTOMER)
        soon_ms = self.dice.span(2_000, 12_000)
        late_ms = self.dice.span(15_000, life_ms + 5_000)
        if way == "walks away":
            return
        if way == "is refused":
            self.clock.later(soon_ms, self.counter.fail, order_no)
        elif way == "shows a code":
            self.clock.later(soon_ms, self.show_code)
        elif way == "shows a code and pays ours too":
            self.clock.later(soon_ms, self.show_code)
            self.pays(order_no, soon_ms + self.dice.span(0, 30_000))
        elif way in ("pays late", "needs the PIN", "declines, then pays"):
            self.pays(order_no, late_ms, scans_ms=late_ms if way == "pays late" else soon_ms)
        elif way == "pays at the last moment":
            self.pays(order_no, life_ms - self.dice.span(0, 3_000))
        elif way == "pays twice":
            self.pays(order_no, soon_ms)
            self.pays(order_no, late_ms)
        else:
            self.pays(order_no, soon_ms, short=way == "pays less")

    def pays(
        self, order_no: str, wait_ms: int, *, scans_ms: int | None = None, short: bool = False
    ) -> None:
        scans_ms = max(0, wait_ms - 1_500) if scans_ms is None else scans_ms
        self.clock.later(scans_ms, self.counter.ledger.scan, order_no)
        self.clock.later(max(wait_ms, 0), self.counter.pay, order_no, short)

    def confirms(self, order_no: str) -> None:
        """The customer's wallet asks for the PIN after their code was charged."""
        way = self.dice.pick("customer at the PIN", (("late", 0.2), ("never", 0.2)))
        if way != "never":
            wait_ms = self.dice.span(30_000, 100_000) if way else self.dice.span(3_000, 15_000)
            self.clock.later(wait_ms, self.counter.pay, order_no, False)

    def show_code(self) -> None:
        """A code of their own, freshly opened, to the scanner."""
        way = self.dice.pick("code", SHOWN)
        self.codes += 1
        raw = (b"28%016d" if way == "one of many wallets" else b"25%020d") % (self.codes * 7919)
        if way == "the last code again":
            raw = self.last_code or raw
        self.last_code = raw
        self.counter.hold_up(b"https://example.org/pay" if way == "a web link" else raw)
        if way == "twice":
            self.clock.later(self.dice.span(50, 3_000), self.counter.hold_up, raw)
