"""The people's side of the counter: keys, the scanner, and which sale is in front.

Like an order the counter (`stand.py`) is stepped by a table, stand x event, every cell decided. Its effects ask for
orders to be opened or told something, and for sounds; what is to be seen is read off it (`sight.py`).

One sale, no mode to choose (counter.md): after OK our code is shown and the scanner is armed at the same time. What
a customer's code comes to is in `scanning.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from terminal.codes.scanned import Refused
from terminal.core.effects import Beep, CounterEffect, OpenMpm, Tell
from terminal.core.entry import Entry
from terminal.core.events import (
    CancelPressed,
    CodeScanned,
    CounterEvent,
    Event,
    Key,
    KeyPressed,
    LineChanged,
    OrderMoved,
    SaleAsked,
    ScannerChanged,
    ScanRefused,
    ServiceChanged,
    WakeDue,
)
from terminal.core.record import replace
from terminal.core.sale import RETURNS, Order, Phase
from terminal.core.scanning import (
    charge,
    choosing_key,
    choosing_over,
    scan_refused,
    scanned,
    scanning_key,
    scanning_over,
)
from terminal.core.stand import (
    LIVE_MPM,
    Counter,
    CounterStep,
    Do,
    Offer,
    Shop,
    Stand,
    armed,
    go_idle,
    ignore,
    no,
)
from terminal.core.terms import Mode, Money, Refusal

ABANDONED_MS = 180_000  # without a key
UNTOLD_MAX = 8  # the journal has them all
DEAF_MS = 500  # a result that has just appeared is not dismissed by a key meant for the screen before (F80)
_ENDING = frozenset({Phase.CLOSING, Phase.REVERSING, Phase.VERIFYING, Phase.REFUNDING})
_UNOPENED = frozenset({Stand.SCANNING, Stand.CHOOSING, Stand.SELLING})  # if no order is in front


def step(counter: Counter, event: CounterEvent, shop: Shop) -> CounterStep:
    """(counter, event) -> (counter, effects). A Refusal inside becomes a note and a low tone."""
    try:
        return TABLE[counter.stand][type(event)](counter, event, shop)
    except Refusal as refusal:
        return replace(counter, note=str(refusal)), (Beep.NO,)
    except Refused as refused:  # its str() has the technician's word in front
        return replace(counter, note=refused.message), (Beep.NO,)


def next_wake(counter: Counter, shop: Shop) -> int | None:
    """Boot time in ms at which the counter changes by itself; None: never."""
    if counter.stand is Stand.IDLE and counter.untold:
        return counter.since_ms
    if counter.stand is Stand.RESULT and not _needs_a_key(counter):
        return counter.since_ms + shop.result_ms
    if counter.stand in (Stand.SCANNING, Stand.CHOOSING):
        return counter.since_ms + shop.scan_ms
    if counter.stand is Stand.TYPING:
        return counter.since_ms + ABANDONED_MS
    return None


def _needs_a_key(counter: Counter) -> bool:
    """What happened while nobody looked, or needs a human, stays until somebody presses a key."""
    return counter.again or (counter.front is not None and counter.front.phase is Phase.ATTENTION)


# -- line and service ---------------------------------------------------------------------------------------


def line_changed(counter: Counter, event: LineChanged, shop: Shop) -> CounterStep:
    return replace(counter, online=event.online), () if event.online else (Beep.OFFLINE,)


def service_changed(counter: Counter, event: ServiceChanged, shop: Shop) -> CounterStep:
    """A sale that has no order yet ends here; others go on. New trouble is heard: the display may have died."""
    changed = replace(counter, why=event.why, remedy=event.remedy)
    heard = (Beep.ATTENTION,) if event.why not in (None, counter.why) else ()
    if event.why and changed.stand in _UNOPENED and changed.front is None:
        changed = go_idle(changed, event)
    return changed, heard


def scanner_changed(counter: Counter, event: ScannerChanged, shop: Shop) -> CounterStep:
    """Heard only where a customer holds a phone up in vain."""
    heard = (Beep.NO,) if event.lost and armed(counter, shop) else ()
    return replace(counter, scanner_lost=event.lost), heard


# -- keying the amount ---------------------------------------------------------------------------------

_DIGITS = {key: key.value for key in Key if key.value.isdecimal()}


def idle_key(counter: Counter, event: KeyPressed, shop: Shop) -> CounterStep:
    if counter.why is not None or event.key not in _DIGITS:
        return no(counter, event, shop)
    typing = replace(counter, stand=Stand.TYPING, since_ms=event.at_ms, entry=Entry())
    return typing_key(typing, event, shop)


def typing_key(counter: Counter, event: KeyPressed, shop: Shop) -> CounterStep:
    entry, key = counter.entry, event.key
    if key is Key.OK:
        return start(counter, event, shop, Money(entry.total_minor, shop.currency), None)
    if key in _DIGITS:
        entry = entry.digits(_DIGITS[key], shop.max_minor)
    elif key is Key.PLUS:
        entry = entry.plus()
    elif key is Key.BACK:
        entry = entry.back()
    elif key is Key.CANCEL:
        entry = entry.clear()
    elif key is Key.CLEAR:
        entry = Entry()
    else:
        return no(counter, event, shop)
    if entry.empty and key in (Key.CANCEL, Key.CLEAR):
        return go_idle(counter, event), (Beep.KEY,)
    return replace(counter, entry=entry, note="", since_ms=event.at_ms), (Beep.KEY,)


def typing_over(counter: Counter, event: WakeDue, shop: Shop) -> CounterStep:
    """An amount that nobody goes on with is forgotten: the next person must not add to it."""
    if event.at_ms < counter.since_ms + ABANDONED_MS:
        return counter, ()
    return go_idle(counter, event), ()


# -- starting a sale -----------------------------------------------------------------------------------


def start(
    counter: Counter, event: Event, shop: Shop, amount: Money, mode: Mode | None
) -> CounterStep:
    """OK: show our code, arm the scanner, or both. Nothing starts that cannot be finished."""
    _refuse_to_start(counter, shop, amount)
    selling = replace(
        counter,
        stand=Stand.SELLING,
        since_ms=event.at_ms,
        amount=amount,
        mode=mode,
        front=None,
        held=None,
        note="",
        again=False,
    )
    if mode is Mode.CPM or (mode is None and shop.offer is Offer.SCAN):
        return replace(selling, stand=Stand.SCANNING), (Beep.KEY,)
    return selling, (Beep.KEY, OpenMpm(amount))


def _refuse_to_start(counter: Counter, shop: Shop, amount: Money) -> None:
    if counter.why is not None:
        raise Refusal(f"{counter.why} {counter.remedy}".strip())
    if not counter.online:
        raise Refusal("No connection. Wait, or check the network.")
    if not amount.minor:
        raise Refusal("The amount is zero. Type it, then OK.")
    if amount.currency != shop.currency:
        raise Refusal(f"This counter takes {shop.currency}.")
    if amount.minor > shop.max_minor:
        raise Refusal(f"More than {Money(shop.max_minor, shop.currency)} cannot be taken here.")


def sale_asked(counter: Counter, event: SaleAsked, shop: Shop) -> CounterStep:
    return start(counter, event, shop, event.amount, event.mode)


# -- a sale in front -----------------------------------------------------------------------------------


def selling_key(counter: Counter, event: KeyPressed, shop: Shop) -> CounterStep:
    """C cancels, in every phase. OK leaves an order that is being resolved to the background."""
    order = counter.front
    if order is None:
        return no(counter, event, shop)
    if event.key in (Key.CANCEL, Key.CLEAR):
        return cancel(counter, order, event, shop)
    if event.key is Key.OK and order.phase in _ENDING and counter.held is None:
        return go_idle(counter, event), (Beep.KEY,)
    return no(counter, event, shop)


def cancel(counter: Counter, order: Order, event: KeyPressed, shop: Shop) -> CounterStep:
    """Cancel is an event for the order; what it comes to, the gateway says. A code that waits is dropped."""
    if order.phase in _ENDING:
        dropped = replace(counter, held=None)
        return (dropped, (Beep.KEY,)) if counter.held else no(counter, event, shop)
    told = Tell(order.order_no, CancelPressed(at_ms=event.at_ms))
    return replace(counter, held=None), (Beep.KEY, told)


def is_front(counter: Counter, order: Order) -> bool:
    """The order in front; or the new one that a sale has just opened."""
    if counter.front is not None:
        return counter.front.order_no == order.order_no
    opened = order.phase in (Phase.REQUESTING, Phase.SUBMITTING) and not order.restarted
    return counter.stand is Stand.SELLING and opened


def front_moved(counter: Counter, event: OrderMoved, shop: Shop) -> CounterStep:
    """The order in front took a step. Others belong to the background."""
    before, order = counter.front, event.order
    if not is_front(counter, order):
        return remember(counter, event, shop)
    moved = replace(counter, front=order)
    if order.phase is Phase.PAID or order.phase is Phase.ATTENTION:
        return result(moved, event)
    if order.final:
        go_on = moved.held is not None and moved.held.wallet and moved.why is None
        return charge(moved, event, shop) if go_on else result(moved, event)
    return moved, _progress(before, order)


def _progress(before: Order | None, order: Order) -> tuple[CounterEffect, ...]:
    """A tick when the customer starts to pay, a slow pulse when the result becomes unknown."""
    acting = before is not None and before.pace.payer_acting
    if order.pace.payer_acting and not acting:
        return (Beep.TICK,)
    unsure = order.pace.tries > 0 and (before is None or before.pace.tries == 0)
    if unsure and order.phase not in LIVE_MPM:
        return (Beep.UNKNOWN,)
    return ()


_RESULT_BEEPS = {Phase.PAID: Beep.PAID, Phase.ATTENTION: Beep.ATTENTION}


def result(counter: Counter, event: OrderMoved) -> CounterStep:
    shown = replace(
        counter,
        stand=Stand.RESULT,
        since_ms=event.at_ms,
        held=None,
        wallets=(),
        note="",
        entry=Entry(),
    )
    return shown, (_RESULT_BEEPS.get(event.order.phase, Beep.NOT_PAID),)


def remember(counter: Counter, event: OrderMoved, shop: Shop) -> CounterStep:
    """An earlier sale came to an end that people must hear of: money came, went back, or is in dispute.
    That nothing was paid, or an end that is none any more (I3), is not told. A return tells who asked for it."""
    order = event.order
    money = order.final and order.paid is not None and order.mode not in RETURNS
    untold = tuple(told for told in counter.untold if told.order_no != order.order_no)
    if money or order.phase is Phase.ATTENTION:
        untold = (*untold, order)[-UNTOLD_MAX:]
    return counter if untold == counter.untold else replace(counter, untold=untold), ()


def tell_earlier(counter: Counter, event: WakeDue, shop: Shop) -> CounterStep:
    """Nobody is being served: show the end of an earlier sale until somebody presses a key."""
    if not counter.untold:
        return counter, ()
    order, *rest = counter.untold
    told = replace(counter, front=order, amount=order.amount, again=True, untold=tuple(rest))
    return result(told, OrderMoved(at_ms=event.at_ms, order=order))


def result_moved(counter: Counter, event: OrderMoved, shop: Shop) -> CounterStep:
    """The shown result itself moved on (a late payment goes back): the screen follows the record."""
    if not is_front(counter, event.order):
        return remember(counter, event, shop)
    return replace(counter, front=event.order), ()


def show_last(counter: Counter, order: Order, at_ms: int) -> Counter:
    """At start: the last result again, or the last sale still under way (reliability.md 3.5)."""
    ended = order.final or order.phase is Phase.ATTENTION
    return replace(
        counter,
        stand=Stand.RESULT if ended else Stand.SELLING,
        since_ms=at_ms,
        amount=order.amount,
        front=order,
        again=ended,
    )


def result_key(counter: Counter, event: KeyPressed, shop: Shop) -> CounterStep:
    """Any key ends it; a digit starts the next amount; OK after NOT PAID tries the same again."""
    if event.at_ms - counter.since_ms < DEAF_MS:
        return no(counter, event, shop)
    order, idle = counter.front, go_idle(counter, event)
    if event.key in _DIGITS:
        return idle_key(idle, event, shop)
    unpaid = order is not None and order.final and order.phase is not Phase.PAID
    if event.key is Key.OK and unpaid and not counter.again and counter.amount is not None:
        return start(idle, event, shop, counter.amount, None)
    return idle, (Beep.KEY,)


def result_over(counter: Counter, event: WakeDue, shop: Shop) -> CounterStep:
    due_ms = next_wake(counter, shop)
    if due_ms is None or event.at_ms < due_ms:
        return counter, ()
    return go_idle(counter, event), ()


_EVERYWHERE: Mapping[type[Event], Do] = {
    LineChanged: line_changed,
    ServiceChanged: service_changed,
    ScannerChanged: scanner_changed,
}
_UNARMED = {**_EVERYWHERE, CodeScanned: ignore, ScanRefused: ignore}

TABLE: Mapping[Stand, Mapping[type[Event], Do]] = {
    Stand.IDLE: {
        **_UNARMED,
        KeyPressed: idle_key,
        OrderMoved: remember,
        SaleAsked: sale_asked,
        WakeDue: tell_earlier,
    },
    Stand.TYPING: {
        **_UNARMED,
        KeyPressed: typing_key,
        OrderMoved: remember,
        SaleAsked: no,
        WakeDue: typing_over,
    },
    Stand.SCANNING: {
        **_EVERYWHERE,
        KeyPressed: scanning_key,
        CodeScanned: scanned,
        ScanRefused: scan_refused,
        OrderMoved: remember,
        SaleAsked: no,
        WakeDue: scanning_over,
    },
    Stand.CHOOSING: {
        **_UNARMED,
        KeyPressed: choosing_key,
        OrderMoved: front_moved,
        SaleAsked: no,
        WakeDue: choosing_over,
    },
    Stand.SELLING: {
        **_EVERYWHERE,
        KeyPressed: selling_key,
        CodeScanned: scanned,
        ScanRefused: scan_refused,
        OrderMoved: front_moved,
        SaleAsked: no,
        WakeDue: ignore,
    },
    Stand.RESULT: {
        **_UNARMED,
        KeyPressed: result_key,
        OrderMoved: result_moved,
        SaleAsked: sale_asked,
        WakeDue: result_over,
    },
}
