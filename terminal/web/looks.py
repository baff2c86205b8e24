"""Ended orders that a notice made us ask about, and who waits to hear what came of it. Dispatcher's thread only.

About an open order a notice is taken at once: that order is asked about until it ends. An ended one is asked
about once, so its notice is taken only when that answer explains it; else the gateway shall send it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from terminal.core.events import AnswerUnclear, Event, LineFailed, PaymentHinted
from terminal.core.sale import Order
from terminal.web import Hint, Verdict

LOOKS_MAX = 16  # at one time
WAITERS_MAX = 16  # deliveries that wait for the same look

Reply = Callable[[Verdict], None]


@dataclass(slots=True)
class Look:
    """One question about an ended order, under way."""

    order: Order
    waiting: list[tuple[Hint, Reply]] = field(default_factory=list)

    def tell(self, order: Order, event: Event) -> None:
        """The answer was `event` and led to `order`."""
        for hint, reply in self.waiting:
            reply(verdict(hint, order, event))


class Looks:
    def __init__(self) -> None:
        self._looks: dict[str, Look] = {}

    def begin(self, order: Order) -> None:
        self._looks[order.order_no] = Look(order)

    def end(self, order_no: str) -> Look | None:
        return self._looks.pop(order_no, None)

    def has(self, order_no: str) -> bool:
        return order_no in self._looks

    @property
    def full(self) -> bool:
        return len(self._looks) >= LOOKS_MAX

    def wait(self, hint: Hint, order: Order, reply: Reply) -> None:
        """`reply` takes its verdict now when no look into the `order` is under way, else when it ends."""
        look = self._looks.get(order.order_no)
        if look is None:
            reply(Verdict.TAKEN if order.final else Verdict.ASKED)
        elif len(look.waiting) >= WAITERS_MAX:
            reply(Verdict.LATER)
        else:
            look.waiting.append((hint, reply))


def verdict(hint: Hint, order: Order, event: Event) -> Verdict:
    """What a look comes to. A notice that says that money moved is not done with before the gateway's answer
    explains it: a query may still tell what was true ten seconds ago."""
    if not order.final:
        return Verdict.TAKEN  # its return is a durable row now
    if isinstance(event, LineFailed | AnswerUnclear | PaymentHinted):
        return Verdict.LATER
    moved = hint.amount is not None or hint.illegible
    return Verdict.LATER if moved and order.paid is None else Verdict.TAKEN
