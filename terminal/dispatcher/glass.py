"""What stands on the glass, and what keeps a new sale from starting: read off the state, nothing decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from terminal.core.sight import CLOCK_NOT_SET, view
from terminal.core.views import Glass, Idle

if TYPE_CHECKING:
    from terminal.core.stand import Counter, Shop
    from terminal.dispatcher.contact import Contact
    from terminal.dispatcher.orders import Orders
    from terminal.dispatcher.parts import Parts

ORDERS_OPEN_MAX = 10_000  # more, and no new sale starts (reliability.md 4)
MINUTE_MS = 60_000
BADGE_MS = 1_000  # the count on the glass changes no more often


class Badge:
    """How many open orders are not in front, as the glass says it. Ten thousand that end one after another are not
    ten thousand pictures: a live sale would wait for each to be drawn."""

    def __init__(self) -> None:
        self._count, self._since_ms = 0, -BADGE_MS

    def read(self, counter: Counter, orders: Orders, now_ms: int) -> int:
        front = counter.front.order_no if counter.front else None
        count = len(orders) - (front in orders)
        if count != self._count and now_ms - self._since_ms >= BADGE_MS:
            self._count, self._since_ms = count, now_ms
        return self._count


def glass_of(
    counter: Counter,
    shop: Shop,
    title: str,
    orders: Orders,
    contact: Contact,
    background: int,
    stuck: tuple[str, ...],
    now_ms: int,
) -> Glass:
    """`title`: what the idle screen says. `background`: what the badge counts. `stuck`: keys by name."""

    def idle() -> Idle:
        if not contact.online:
            return Idle(title, waits(now_ms - contact.since_ms), online=False)
        return Idle(title, unresolved(background, orders, now_ms) or ignored(stuck))

    return Glass(view(counter, shop, now_ms, idle), background, shop.test)


def waits(for_ms: int) -> str:
    """What the idle screen says while the line is down."""
    minutes = for_ms // MINUTE_MS
    return f"for {minutes} min: sales wait" if minutes else "sales wait"


def unresolved(count: int, orders: Orders, now_ms: int) -> str:
    """What it says of earlier sales without a result, once the oldest is a minute old."""
    minutes = (orders.oldest_ms(now_ms) or 0) // MINUTE_MS
    age = f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"
    return f"{count} open, oldest {age}" if count and minutes else ""


def ignored(stuck: tuple[str, ...]) -> str:
    """What it says of keys that are ignored until somebody frees them (F77)."""
    if len(stuck) == 1:
        return f"Key {stuck[0]} is stuck: free it"
    return f"{len(stuck)} keys stuck: free them" if stuck else ""


def trouble(parts: Parts, open_orders: int) -> tuple[str | None, str]:
    """Why no new sale may start, None: it may; and what helps."""
    if not parts.time.is_trusted():
        return CLOCK_NOT_SET, "Connect to the network and wait."
    if parts.face.lost:
        return "The display is not answering.", parts.face.lost
    if parts.keypad.lost:
        return "The keypad is not answering.", parts.keypad.lost
    if parts.journal.cramped:
        return "The card is almost full.", "Free space: sudo journalctl --vacuum-size=20M"
    if open_orders > ORDERS_OPEN_MAX:
        return "Too many sales are unresolved.", "Check the connection."
    return None, ""
