"""What the counter is at a moment, what it decides by, and the few moves that every stand makes.

A `Counter` lives in RAM only: money is in the orders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from terminal.core.effects import Beep, CounterEffect
from terminal.core.entry import Entry
from terminal.core.events import Event
from terminal.core.record import replace
from terminal.core.sale import Order, Phase
from terminal.core.terms import Mode, Money

if TYPE_CHECKING:
    from terminal.codes.scanned import PaymentCode
    from terminal.codes.wallets import Rules


class Offer(Enum):
    """What the customer is offered after OK: our code, our scanner, or both at once."""

    SHOW = "show"
    SCAN = "scan"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Shop:
    """The settings that the counter decides by. `accepted`: wallet ids this shop takes, empty: all.
    `rules`: which wallet a code belongs to (codes/wallets.toml), None: the packaged ones."""

    currency: str
    max_minor: int
    offer: Offer = Offer.BOTH
    accepted: frozenset[str] = frozenset()
    rules: Rules | None = None
    result_ms: int = 8_000
    scan_ms: int = 90_000
    held_ms: int = 45_000  # a customer's code lives about 60 s (gateways.md 5)
    test: bool = False


class Stand(Enum):
    """What the counter is doing."""

    __hash__ = object.__hash__  # as in sale.Phase
    IDLE = "idle"
    TYPING = "typing"
    SCANNING = "scanning"  # waiting for a customer's code, no order yet
    CHOOSING = "choosing"  # whose wallet is it?
    SELLING = "selling"  # an order is in front
    RESULT = "result"  # how it ended


@dataclass(frozen=True, slots=True)
class Held:
    """A scanned code that waits for its wallet to be chosen or for the shown order to end."""

    code: PaymentCode
    digest: str
    at_ms: int
    wallet: str | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """All times in boot ms. `front` is the order that the people at the counter are looking at."""

    stand: Stand = Stand.IDLE
    since_ms: int = 0
    entry: Entry = field(default=Entry())
    amount: Money | None = None
    mode: Mode | None = None  # this sale only that way; None: as the shop offers
    front: Order | None = None
    held: Held | None = None
    wallets: tuple[str, ...] = ()  # the choices on the screen, most likely first
    note: str = ""
    again: bool = False  # the result is of an earlier sale
    online: bool = True
    scanner_lost: bool = False
    why: str | None = None  # why no sale may start; None: all well
    remedy: str = ""
    recent: tuple[tuple[str, int], ...] = field(default=(), repr=False)  # digests seen, when
    untold: tuple[Order, ...] = ()  # ends of earlier sales that nobody at the counter has seen yet


CounterStep = tuple[Counter, tuple[CounterEffect, ...]]
Do = Callable[[Counter, Any, Shop], CounterStep]

LIVE_MPM = frozenset({Phase.REQUESTING, Phase.PRESENTING})


def armed(counter: Counter, shop: Shop) -> bool:
    """True while a customer's code is awaited; otherwise what readers see is nobody's business (F15, F22)."""
    if counter.stand is Stand.SCANNING:
        return True
    return (
        counter.stand is Stand.SELLING
        and shop.offer is Offer.BOTH
        and counter.mode is None
        and counter.why is None
        and counter.held is None
        and counter.front is not None
        and counter.front.phase in LIVE_MPM
        and not counter.front.restarted
    )


# -- small moves ---------------------------------------------------------------------------------------


def ignore(counter: Counter, event: Event, shop: Shop) -> CounterStep:
    return counter, ()


def no(counter: Counter, event: Event, shop: Shop) -> CounterStep:
    """A key or a scan that means nothing now is answered all the same."""
    return counter, (Beep.NO,)


def go_idle(counter: Counter, event: Event) -> Counter:
    return replace(
        counter,
        stand=Stand.IDLE,
        since_ms=event.at_ms,
        entry=Entry(),
        amount=None,
        mode=None,
        front=None,
        held=None,
        wallets=(),
        note="",
        again=False,
    )
