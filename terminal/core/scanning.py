"""The customer's code: whose wallet it is, and the sale that is made of it.

One that was used lately is refused (I11). A shown order ends first; `Held` keeps the code meanwhile, in RAM (I2).
"""

from __future__ import annotations

from terminal.codes.wallets import Certainty, identify
from terminal.core.effects import Beep, OpenCpm, Tell
from terminal.core.events import (
    CodePresented,
    CodeScanned,
    Event,
    Key,
    KeyPressed,
    ScanRefused,
    WakeDue,
)
from terminal.core.record import replace
from terminal.core.stand import Counter, CounterStep, Held, Shop, Stand, armed, go_idle, no
from terminal.core.terms import Refusal

CHOICES_MAX = 3
RECENT_MAX = 64
REUSE_MS = 600_000  # the same code on another sale within ten minutes is refused (I11)


def scanned(counter: Counter, event: CodeScanned, shop: Shop) -> CounterStep:
    """Whose wallet is it? One answer: go. Several: ask at the counter. None: say so."""
    if not armed(counter, shop):
        return counter, ()
    if _seen_lately(counter, event):
        raise Refusal("This code was used before. Ask for a new one.")
    wallets, sure = _candidates(event, shop)
    held = Held(event.code, event.digest, event.at_ms, wallets[0] if sure else None)
    if held.wallet is None:
        choosing = replace(counter, held=held, wallets=wallets, stand=Stand.CHOOSING, note="")
        return replace(choosing, since_ms=event.at_ms), (Beep.TICK,)
    return use(replace(counter, held=held), event, shop)


def _seen_lately(counter: Counter, event: CodeScanned) -> bool:
    return any(
        digest == event.digest and event.at_ms - at_ms < REUSE_MS
        for digest, at_ms in counter.recent
    )


def _candidates(event: CodeScanned, shop: Shop) -> tuple[tuple[str, ...], bool]:
    """Wallet ids, most likely first, and whether the first may be used without asking: it is the only one
    and no guess, or all that the shop takes. A code that nobody's rule knows may be any of the shop's."""
    found = identify(event.code.reveal(), shop.rules, symbology=event.code.symbology)
    known = found.candidates
    taken = [it for it in known if not shop.accepted or it.wallet in shop.accepted]
    if known and not taken:
        raise Refusal(f"{known[0].wallet} is not taken here. Ask for another wallet.")
    choices = tuple(it.wallet for it in taken) or tuple(sorted(shop.accepted))
    if not choices:
        raise Refusal("This code is not known. Ask for another wallet.")
    guessed = any(it.certainty is Certainty.GUESS for it in taken) and len(shop.accepted) != 1
    return choices[:CHOICES_MAX], len(choices) == 1 and not guessed


def use(counter: Counter, event: Event, shop: Shop) -> CounterStep:
    """Charge the held code now, or as soon as the shown order has provably ended."""
    if counter.front is None:
        return charge(counter, event, shop)
    selling = replace(counter, stand=Stand.SELLING, wallets=(), note="")
    presented = CodePresented(at_ms=event.at_ms)
    return selling, (Beep.TICK, Tell(counter.front.order_no, presented))


def charge(counter: Counter, event: Event, shop: Shop) -> CounterStep:
    held, amount = counter.held, counter.amount
    assert held is not None
    assert amount is not None
    if event.at_ms - held.at_ms > shop.held_ms:
        waiting = replace(counter, held=None, wallets=(), front=None)
        return replace(
            waiting,
            stand=Stand.SCANNING,
            since_ms=event.at_ms,
            note="The code is too old. Ask for a new one.",
        ), (Beep.NO,)
    recent = ((held.digest, event.at_ms), *counter.recent)[:RECENT_MAX]
    sale_no = counter.front.sale_no if counter.front else None
    selling = replace(
        counter, stand=Stand.SELLING, front=None, held=None, wallets=(), recent=recent, note=""
    )
    return replace(selling, since_ms=event.at_ms), (
        Beep.TICK,
        OpenCpm(amount, held.wallet, held.code, held.digest, sale_no),
    )


def scan_refused(counter: Counter, event: ScanRefused, shop: Shop) -> CounterStep:
    if not armed(counter, shop):
        return counter, ()
    return replace(counter, note=event.message), (Beep.NO,)


def choosing_key(counter: Counter, event: KeyPressed, shop: Shop) -> CounterStep:
    """1..3 choose; 0 and C let the customer try again."""
    chosen = {str(number): wallet for number, wallet in enumerate(counter.wallets, start=1)}
    if event.key.value in chosen and counter.held is not None:
        held = replace(counter.held, wallet=chosen[event.key.value])
        return use(replace(counter, held=held), event, shop)
    if event.key in (Key.D0, Key.CANCEL, Key.CLEAR):
        return _back_to_waiting(counter, event), (Beep.KEY,)
    return no(counter, event, shop)


def _back_to_waiting(counter: Counter, event: Event) -> Counter:
    stand = Stand.SELLING if counter.front else Stand.SCANNING
    return replace(counter, stand=stand, since_ms=event.at_ms, held=None, wallets=(), note="")


def choosing_over(counter: Counter, event: WakeDue, shop: Shop) -> CounterStep:
    if event.at_ms < counter.since_ms + shop.scan_ms:
        return counter, ()
    return _back_to_waiting(counter, event), (Beep.NO,)


def scanning_key(counter: Counter, event: KeyPressed, shop: Shop) -> CounterStep:
    """No order exists yet: C simply ends it."""
    if event.key in (Key.CANCEL, Key.CLEAR):
        return go_idle(counter, event), (Beep.KEY,)
    return no(counter, event, shop)


def scanning_over(counter: Counter, event: WakeDue, shop: Shop) -> CounterStep:
    if event.at_ms < counter.since_ms + shop.scan_ms:
        return counter, ()
    return go_idle(counter, event), (Beep.NO,)
