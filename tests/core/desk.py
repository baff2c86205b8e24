"""A counter with its orders and without a daemon: keys in, effects carried out at once, in virtual time.

    desk = Desk()
    desk.press("1 2 5 0 ok").hears(CodeIssued, code="https://pay/1")
    desk.scan(ALIPAY)

Whatever is done with it, no sale ever has two live orders (I2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from terminal.codes.scanned import PaymentCode
from terminal.core import counter as people
from terminal.core import cpm, mpm
from terminal.core.effects import Beep, CounterEffect, OpenCpm, OpenMpm, Tell
from terminal.core.events import (
    CodeIssued,
    CodeScanned,
    CounterEvent,
    Key,
    KeyPressed,
    LineFailed,
    OrderClosed,
    OrderEvent,
    OrderMoved,
    PaymentApproved,
    PaymentPending,
    UndoAccepted,
    WakeDue,
)
from terminal.core.sale import Order, Phase, Reason
from terminal.core.sight import view
from terminal.core.stand import Counter, Offer, Shop, Stand, armed
from terminal.core.step import step
from terminal.core.table import Step
from terminal.core.timing import Timing
from terminal.core.views import Idle, View
from tests.core.script import EUR_5

ALIPAY = "2534567890123456"  # one wallet, likely
EITHER = "253456789012345678901234"  # two wallets
THREE = "2834567890123456789"
GUESSED = "6234567890123456"  # one wallet, a guess
UNKNOWN = "9999999999999999"
SHOPS_CODE = "00020101021129370016A000000677010111011300668012345675802TH530376463046197"
QR = "https://pay/1"
SHOP = Shop(currency="EUR", max_minor=100_000)
SCAN_ONLY = Shop(currency="EUR", max_minor=100_000, offer=Offer.SCAN)
IDLE = Idle("The shop")
KEY = b"sixteen bytes or more"
SPELT = {key.value: key for key in Key}


@dataclass
class Desk:
    """`heard`: the sounds of the last thing that happened. `orders`: every order ever, by number."""

    shop: Shop = SHOP
    timing: Timing = field(default=Timing())
    counter: Counter = field(default=Counter())
    now_ms: int = 10_000
    orders: dict[str, Order] = field(default_factory=dict)
    heard: list[Beep] = field(default_factory=list)

    # -- what happens ------------------------------------------------------------------------------------

    def press(self, keys: str, pause_ms: int = 600) -> Self:
        """Keys by their values, parted by spaces: "1 2 5 00 + back ok cancel"."""
        for key in keys.split():
            self.now_ms += pause_ms
            self.happens(KeyPressed(at_ms=self.now_ms, key=SPELT[key]))
        return self

    def scan(self, text: str, after_ms: int = 600, *, symbology: str | None = None) -> Self:
        self.now_ms += after_ms
        code = PaymentCode(text, symbology)
        return self.happens(CodeScanned(at_ms=self.now_ms, code=code, digest=code.digest(KEY)))

    def hears(
        self,
        event: type[OrderEvent],
        after_ms: int = 600,
        order_no: str | None = None,
        **words: Any,
    ) -> Self:
        """The order in front (or another) learns something."""
        self.heard.clear()
        self.now_ms += after_ms
        order = self.orders[order_no or self.front.order_no]
        self._commit(step(order, event(at_ms=self.now_ms, **words), self.timing))
        return self

    def wakes(self) -> Self:
        """The counter's own next time has come."""
        due_ms = people.next_wake(self.counter, self.shop)
        assert due_ms is not None, "the counter waits for nothing"
        self.now_ms = max(self.now_ms, due_ms)
        return self.happens(WakeDue(at_ms=self.now_ms))

    def happens(self, event: CounterEvent) -> Self:
        self.heard.clear()
        self._take(event)
        return self

    # -- what came of it ---------------------------------------------------------------------------------

    @property
    def stand(self) -> Stand:
        return self.counter.stand

    @property
    def front(self) -> Order:
        assert self.counter.front is not None, "no order is in front"
        return self.counter.front

    @property
    def view(self) -> View:
        return view(self.counter, self.shop, self.now_ms, lambda: IDLE)

    @property
    def armed(self) -> bool:
        return armed(self.counter, self.shop)

    # -- the dispatcher's part ----------------------------------------------------------------------------

    def _take(self, event: CounterEvent) -> None:
        self.counter, effects = people.step(self.counter, event, self.shop)
        for effect in effects:
            self._perform(effect)

    def _perform(self, effect: CounterEffect) -> None:
        order_no = f"N{len(self.orders) + 1}"
        match effect:
            case Beep():
                self.heard.append(effect)
            case Tell():
                self._commit(step(self.orders[effect.order_no], effect.event, self.timing))
            case OpenMpm():
                sale_no = effect.sale_no or order_no
                opened = mpm.open_order(
                    order_no, sale_no, effect.amount, at_ms=self.now_ms, timing=self.timing
                )
                self._commit(opened)
            case OpenCpm():
                opened = cpm.open_order(
                    order_no,
                    effect.sale_no or order_no,
                    effect.amount,
                    wallet=effect.wallet,
                    code_digest=effect.digest,
                    at_ms=self.now_ms,
                    timing=self.timing,
                )
                self._commit(opened)

    def _commit(self, stepped: Step) -> None:
        order, _ = stepped
        self.orders[order.order_no] = order
        self._has_one_live_order_per_sale()
        self._take(OrderMoved(at_ms=self.now_ms, order=order))

    def _has_one_live_order_per_sale(self) -> None:
        """Money that comes after the end goes back, whatever else is under way: no order to be paid."""
        open_still = [it for it in self.orders.values() if not it.final]
        live = [it.sale_no for it in open_still if it.reason is not Reason.LATE]
        assert len(live) == len(set(live)), "two live orders of one sale"
        paid = [it.sale_no for it in self.orders.values() if it.phase is Phase.PAID]
        assert not set(live) & set(paid), "a sale that was paid goes on"


# -- desks where something has happened already ---------------------------------------------------------------


def idle() -> Desk:
    return Desk()


def typing() -> Desk:
    return Desk().press("5 00")


def selling() -> Desk:
    """5.00 EUR, our code is on the glass, the scanner is armed."""
    return Desk().press("5 00 ok").hears(CodeIssued, code=QR)


def scanning() -> Desk:
    return Desk(SCAN_ONLY).press("5 00 ok")


def choosing() -> Desk:
    return selling().scan(EITHER)


def paid() -> Desk:
    return selling().hears(PaymentApproved, 2_000, paid=EUR_5, gateway_ref="g123456")


def unpaid() -> Desk:
    return selling().hears(OrderClosed, 2_000)


def checking() -> Desk:
    """C was pressed, the line is dead, the result is unknown."""
    desk = selling().press("cancel").hears(LineFailed, 10_000, left=True)
    assert desk.front.phase is Phase.CLOSING
    return desk


def close(desk: Desk) -> Desk:
    """The order in front is undone and the gateway agrees."""
    for _ in range(40):
        if desk.front.pace.asked and desk.front.undo_left:
            desk.hears(UndoAccepted)
            return desk.hears(OrderClosed)
        if desk.front.pace.asked:
            desk.hears(PaymentPending)
        else:
            desk.hears(WakeDue, 2_000)
    raise AssertionError("no undo left")
