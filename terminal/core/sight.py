"""What the counter's state looks like to people: `view(counter, ...) -> View`. Pure reading, no decision.

Because the view is computed from committed records, the screen cannot say more than the journal (I3, I6).
"""

from __future__ import annotations

from collections.abc import Callable

from terminal.core.sale import NO_CANCEL, NOT_UNDONE, RETURNS, Order, Phase, Reason
from terminal.core.stand import Counter, Shop, Stand, armed
from terminal.core.terms import Money
from terminal.core.views import (
    Attention,
    Checking,
    Choosing,
    ClockNotSet,
    Idle,
    NotPaid,
    OutOfService,
    Paid,
    Presenting,
    Scanning,
    Typing,
    View,
    Waiting,
)

CLOCK_NOT_SET = "The clock is not set."
UPDATING = "This terminal is being updated."
NO_SCANNER = "The scanner is not answering."
UNSURE_TRIES = (
    3  # polls without a clear answer before the shown code says that the line is being checked
)


_SaysIdle = Callable[[], Idle]


def view(counter: Counter, shop: Shop, at_ms: int, idle: _SaysIdle) -> View:
    """What is to be seen now. `idle` makes what the idle screen would say (contact, age)."""
    if counter.stand in (Stand.IDLE, Stand.TYPING) and counter.why is not None:
        if counter.why == CLOCK_NOT_SET:
            return ClockNotSet()
        return OutOfService(counter.why, counter.remedy)
    return _LOOKS[counter.stand](counter, shop, at_ms, idle)


def _idle(counter: Counter, shop: Shop, at_ms: int, idle: _SaysIdle) -> View:
    return idle()


def _typing(counter: Counter, shop: Shop, at_ms: int, idle: _SaysIdle) -> View:
    entry = counter.entry
    return Typing(
        Money(entry.item_minor, shop.currency),
        Money(entry.total_minor, shop.currency),
        entry.items + 1,
        counter.note,
    )


def _scanning(counter: Counter, shop: Shop, at_ms: int, idle: _SaysIdle) -> View:
    left_s = _seconds_left(counter.since_ms + shop.scan_ms, at_ms)
    return Scanning(_amount(counter, shop), left_s, counter.note or _scanner(counter))


def _choosing(counter: Counter, shop: Shop, at_ms: int, idle: _SaysIdle) -> View:
    return Choosing(_amount(counter, shop), counter.wallets)


def _selling(counter: Counter, shop: Shop, at_ms: int, idle: _SaysIdle) -> View:
    order = counter.front
    if order is None:
        return Waiting(_amount(counter, shop), "One moment")
    if order.phase is Phase.PRESENTING and order.qr is not None and not order.restarted:
        return _presenting(counter, order, shop, at_ms)
    return of_order(order, (at_ms - counter.since_ms) // 1000)


def _presenting(counter: Counter, order: Order, shop: Shop, at_ms: int) -> View:
    until_ms = order.until_ms or at_ms
    note = "Checking the line" if order.pace.tries >= UNSURE_TRIES else counter.note
    offers_scan = armed(counter, shop)
    return Presenting(
        amount=order.amount,
        qr=order.qr or "",
        remaining_s=_seconds_left(until_ms, at_ms),
        life_s=max(1, (until_ms - counter.since_ms) // 1000),
        scan_too=offers_scan and not counter.scanner_lost,
        payer_acting=order.pace.payer_acting,
        note=note or (_scanner(counter) if offers_scan else ""),
    )


def _scanner(counter: Counter) -> str:
    return NO_SCANNER if counter.scanner_lost else ""


def _result(counter: Counter, shop: Shop, at_ms: int, idle: _SaysIdle) -> View:
    if counter.front is None:
        return idle()
    return of_order(counter.front, (at_ms - counter.since_ms) // 1000, again=counter.again)


def _amount(counter: Counter, shop: Shop) -> Money:
    return counter.amount or Money(0, shop.currency)


def _seconds_left(until_ms: int, at_ms: int) -> int:
    return max(0, -(-(until_ms - at_ms) // 1000))


_LOOKS: dict[Stand, Callable[[Counter, Shop, int, _SaysIdle], View]] = {
    Stand.IDLE: _idle,
    Stand.TYPING: _typing,
    Stand.SCANNING: _scanning,
    Stand.CHOOSING: _choosing,
    Stand.SELLING: _selling,
    Stand.RESULT: _result,
}


# -- one order, in words -------------------------------------------------------------------------------

_CLOSING_WORDS = {
    Reason.OPERATOR: "Cancelling",
    Reason.CUSTOMER_CODE: "One moment: taking your code",
    Reason.EXPIRED: "The code has expired. One moment",
}
_DOING = {
    Phase.PRESENTING: "Asking the gateway",
    Phase.REQUESTING: "Asking the gateway",
    Phase.SUBMITTING: "Asking the gateway",
    Phase.IN_DOUBT: "Asking the gateway",
    Phase.CLOSING: "Closing the order",
    Phase.REVERSING: "Taking the payment back",
    Phase.VERIFYING: "Making sure that nothing was paid",
    Phase.VOIDING: "Returning the payment",
    Phase.REFUNDING: "Returning the payment",
}


def of_order(order: Order, elapsed_s: int, *, again: bool = False) -> View:
    """What a sale without a code on the glass looks like. (A return is told where it was asked for.)"""
    if order.phase is Phase.PAID:
        reference = (order.gateway_ref or order.order_no)[-4:]
        return Paid(order.amount, reference, order.wallet or "", again)
    if order.phase is Phase.ATTENTION:
        word = "not undone" if order.detail == NOT_UNDONE else (order.reason or Reason.FAULT).value
        return Attention(order.amount, word, order.order_no)
    if order.final:
        return NotPaid(order.amount, order.reason or Reason.REFUSED, again)
    if waiting := _waiting_for(order):
        return Waiting(order.amount, waiting, elapsed_s)
    return Checking(order.amount, elapsed_s, _DOING[order.phase])


def doing(order: Order) -> str:
    """What is being tried for an order that is not final, in words."""
    if order.phase is Phase.ATTENTION:
        return "Asking once more; a person must look"
    return _DOING[order.phase]


def _waiting_for(order: Order) -> str | None:
    """Words while all goes as it should; None: the result is unknown and must be called so."""
    if order.restarted or order.pace.tries:
        return None
    if order.phase is Phase.REQUESTING:
        return "Getting the code"
    if order.phase is Phase.SUBMITTING:
        return "Asking the wallet"
    if order.phase is Phase.IN_DOUBT and order.pace.payer_acting:
        return "Customer is confirming"
    if order.phase in (Phase.CLOSING, Phase.REVERSING) and order.detail == NO_CANCEL:
        return "It can still be paid. Wait"
    if order.phase is Phase.CLOSING and order.reason is not None:
        return _CLOSING_WORDS.get(order.reason)
    cancelled = order.phase is Phase.REVERSING and order.reason is Reason.OPERATOR
    return _CLOSING_WORDS[Reason.OPERATOR] if cancelled else None


# -- outcome words, the same everywhere (counter.md) ---------------------------------------------------


_RETURN_WORDS = {
    Phase.VOIDING: "return pending",
    Phase.REFUNDING: "return pending",
    Phase.RETURNED: "returned",
    Phase.NOT_RETURNED: "not returned",
}


def outcome(order: Order) -> str:
    """paid, not paid, cancelled, returned, not returned, return pending, checking, attention; or waiting."""
    if order.mode in RETURNS and order.phase is not Phase.ATTENTION:
        return _RETURN_WORDS[order.phase]
    if order.phase is Phase.PAID:
        return "paid"
    if order.phase is Phase.ATTENTION:
        return "attention"
    if order.final:
        if order.paid is not None:
            return "returned"
        return "cancelled" if order.reason is Reason.OPERATOR else "not paid"
    if order.phase in (Phase.REQUESTING, Phase.PRESENTING, Phase.SUBMITTING):
        return "waiting" if not order.restarted else "checking"
    return "checking"
