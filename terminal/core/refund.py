"""Giving money back: refund (also in part, also of yesterday) and void (today's sale, in full).

Tables 3.3 and 3.4 of reference/reliability.md. A return is an order of its own, with its own number, which
stays the same for ever: whatever is repeated, the gateway returns it once (I4). The number is also the
reservation: its row is committed before anything leaves, and `allow` counts every return of a sale that has
not failed.

    VOIDING    repeated until acknowledged; when the window for it is over, it becomes a refund of the whole
    REFUNDING  sent once, then asked about; sent again, same number, only when the gateway knows no such refund
"""

from __future__ import annotations

from collections.abc import Iterable

from terminal.core.asking import ask, rest
from terminal.core.doubt import end, never_left
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    CodeIssued,
    CodePresented,
    CodeUnfit,
    Event,
    LineFailed,
    OrderClosed,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentHinted,
    PaymentPending,
    RefundAccepted,
    RefundDone,
    RefundFailed,
    Restarted,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
    WakeDue,
)
from terminal.core.record import replace
from terminal.core.sale import RETURNS, Ask, Order, Pace, Phase, Reason
from terminal.core.table import EVENTS, Step, Table, attention, row, rule
from terminal.core.terms import Mode, Money, Refusal
from terminal.core.timing import GIVE_UP_MS, Timing, half_the_patience_ms, spread_ms

VOIDING, REFUNDING, ATTENTION = Phase.VOIDING, Phase.REFUNDING, Phase.ATTENTION
RETURNED, NOT_RETURNED = Phase.RETURNED, Phase.NOT_RETURNED

STEPS_MS = (
    5_000,
    10_000,
    30_000,
    60_000,
    300_000,
    900_000,
    3_600_000,
)  # reliability.md 3.4: 5 s..1 h


# -- may it be? ------------------------------------------------------------------------------------------


def allow(original: Order, earlier: Iterable[Order], amount: Money, mode: Mode) -> None:
    """Refusal unless `amount` of the paid order `original` is still there to be returned (I4, F84). A void
    takes back all there is at the gateway, so it must be the whole sale, and the first return of it."""
    if original.mode in RETURNS:
        raise Refusal("That is a return itself. Name the sale.")
    if original.phase is not Phase.PAID or original.paid is None:
        raise Refusal("That sale is not paid, so nothing can go back.")
    if amount.currency != original.amount.currency:
        raise Refusal(f"That sale was paid in {original.amount.currency}.")
    if not amount.minor:
        raise Refusal("The amount is zero.")
    rest_of = Money(left_over(original, earlier), amount.currency)
    if not amount <= rest_of:
        raise Refusal(f"Only {rest_of} of that sale can still go back.")
    if mode is Mode.VOID and not amount == rest_of == original.amount:
        raise Refusal("A void takes back the whole sale. Give a part back with refund.")


def left_over(original: Order, earlier: Iterable[Order]) -> int:
    """Minor units not yet returned or reserved by a return of `original` that has not failed. Never below
    zero, even when the gateway says that more went back than was captured (F48)."""
    captured = original.paid.minor if original.paid else 0
    reserved = sum(
        _gone(each)
        for each in earlier
        if each.of == original.order_no and each.phase is not NOT_RETURNED
    )
    return max(captured - reserved, 0)


def _gone(back: Order) -> int:
    """What was asked back, or more where the gateway says that more went."""
    said = back.paid if back.paid and back.paid.currency == back.amount.currency else back.amount
    return max(back.amount.minor, said.minor)


def open_return(order_no: str, original: Order, amount: Money, mode: Mode, *, at_ms: int) -> Step:
    """A new return of `original`. The row, which is the reservation too, is committed before it leaves."""
    order = Order(
        order_no=order_no,
        sale_no=original.sale_no,
        mode=mode,
        amount=amount,
        phase=VOIDING if mode is Mode.VOID else REFUNDING,
        opened_ms=at_ms,
        until_ms=at_ms + GIVE_UP_MS,
        wallet=original.wallet,
        of=original.order_no,
        of_ref=original.gateway_ref,
    )
    return ask(order, Ask.VOID if mode is Mode.VOID else Ask.REFUND)


# -- rules -----------------------------------------------------------------------------------------------


def ask_later(order: Order, event: Event, timing: Timing) -> Step:
    """Asked, no result: again, more slowly each time."""
    tries = order.pace.tries + 1
    pause_ms = spread_ms(STEPS_MS[min(tries, len(STEPS_MS)) - 1], order.order_no, tries)
    return rest(order, event.at_ms + pause_ms, tries=tries)


def accepted(order: Order, event: RefundAccepted, timing: Timing) -> Step:
    """Under way there."""
    known = replace(order, gateway_ref=event.gateway_ref or order.gateway_ref)
    return ask_later(known, event, timing)


def returned(order: Order, event: RefundDone, timing: Timing) -> Step:
    """Back. Another amount than asked is nobody's to guess about: attention, the reservation stays."""
    known = replace(order, paid=event.amount, gateway_ref=event.gateway_ref or order.gateway_ref)
    if event.amount != order.amount:
        said = f"returned {event.amount}, asked {order.amount}"
        return attention(known, event, Reason.MISMATCH, said)
    return end(replace(known, reason=None), RETURNED, None)


def not_returned(order: Order, event: RefundFailed, timing: Timing) -> Step:
    """A definite refusal: the reservation is released with this row. Not so when a void before it may have
    returned everything: then a refusal is what one would hear, and a human must look."""
    if order.undo_left:
        return attention(order, event, event.reason, "an unanswered void may have returned it")
    return end(replace(order, reason=None), NOT_RETURNED, event.reason, event.detail)


def no_answer(order: Order, event: LineFailed | AnswerUnclear, timing: Timing) -> Step:
    """It may have been done: ask. Never left the terminal at all: it was not."""
    if never_left(order, event):
        return end(order, NOT_RETURNED, Reason.NO_CONNECTION)
    return ask_later(order, event, timing)


def unknown_there(order: Order, event: OrderNotFound, timing: Timing) -> Step:
    """The gateway knows no such refund: the same number and amount once more. Anything else: ask later."""
    if order.pace.asked is Ask.QUERY_REFUND:
        return ask(order, Ask.REFUND)
    return ask_later(order, event, timing)


def wake_refunding(order: Order, event: WakeDue, timing: Timing) -> Step:
    if gave_up(order, event):
        return attention(order, event, Reason.EXPIRED, "no result of the refund")
    return (order, ()) if order.pace.asked else ask(order, Ask.QUERY_REFUND)


def gave_up(order: Order, event: Event) -> bool:
    return order.until_ms is not None and event.at_ms >= order.until_ms


def resume(order: Order, event: Restarted, timing: Timing) -> Step:
    """By query, never by a new number (reliability.md 3.4). A void may have left before the power did."""
    undo_left = order.undo_left or order.phase is VOIDING
    known = replace(order, undo_left=undo_left, restarted=True, pace=Pace(ask_at_ms=event.at_ms))
    if event.rebooted and order.phase is not ATTENTION:
        until_ms = event.at_ms + half_the_patience_ms(order)
        known = replace(known, opened_ms=event.at_ms, until_ms=until_ms)
    return known, ()


# -- void ------------------------------------------------------------------------------------------------


def voided(order: Order, event: UndoAccepted, timing: Timing) -> Step:
    return end(replace(order, paid=order.amount, reason=None), RETURNED, None)


def no_answer_to_void(order: Order, event: LineFailed | AnswerUnclear, timing: Timing) -> Step:
    """It may have been done; that it may have is remembered to the end."""
    if never_left(order, event):
        return end(order, NOT_RETURNED, Reason.NO_CONNECTION)
    return ask_later(replace(order, undo_left=True), event, timing)


def void_refused(order: Order, event: UndoRefused, timing: Timing) -> Step:
    """Too late for a void: the whole goes back as a refund, under the same number. The count of tries stays,
    because an earlier void may have been done (`never_left` reads it)."""
    if event.why is UndoRefusal.WINDOW_OVER:
        refund = replace(order, phase=REFUNDING, detail=event.detail or None)
        return ask(refund, Ask.REFUND)
    return ask_later(order, event, timing)


def wake_voiding(order: Order, event: WakeDue, timing: Timing) -> Step:
    """The same void again: returning a returned order changes nothing there."""
    if gave_up(order, event):
        return attention(order, event, Reason.EXPIRED, "no result of the void")
    return (order, ()) if order.pace.asked else ask(order, Ask.VOID)


# -- attention -------------------------------------------------------------------------------------------


def hourly(order: Order, event: Event, timing: Timing) -> Step:
    return attention(order, event, order.reason or Reason.FAULT, order.detail or "")


def settled_late(order: Order, event: RefundDone, timing: Timing) -> Step:
    """The result came after all; a wrong amount stays with the human."""
    if order.reason is Reason.MISMATCH:
        return hourly(order, event, timing)
    return returned(order, event, timing)


def wake_attention(order: Order, event: WakeDue, timing: Timing) -> Step:
    return (order, ()) if order.pace.asked else ask(order, Ask.QUERY_REFUND)


_OF_SALES = (
    CodeIssued,
    CodeUnfit,
    PaymentApproved,
    PaymentPending,
    PaymentDeclined,
    OrderClosed,
)
_PEOPLE = (CancelPressed, CodePresented)
_FINAL = row({}, late=EVENTS)


def hinted(order: Order, event: PaymentHinted, timing: Timing) -> Step:
    """A notice about it came: ask now, unless a request is under way."""
    if event.answer:
        return ask_later(order, event, timing)
    if order.pace.asked:
        return order, ()
    return ask(order, Ask.VOID if order.phase is VOIDING else Ask.QUERY_REFUND)


TABLE: Table = {
    REFUNDING: row(
        {
            RefundAccepted: rule(accepted, REFUNDING),
            RefundDone: rule(returned, RETURNED, ATTENTION),
            RefundFailed: rule(not_returned, NOT_RETURNED, ATTENTION),
            OrderNotFound: rule(unknown_there, REFUNDING),
            AnswerUnclear: rule(no_answer, REFUNDING),
            LineFailed: rule(no_answer, REFUNDING, NOT_RETURNED),
            PaymentHinted: rule(hinted, REFUNDING),
            WakeDue: rule(wake_refunding, REFUNDING, ATTENTION),
            Restarted: rule(resume, REFUNDING),
        },
        late=_PEOPLE,
        cannot=(*_OF_SALES, UndoAccepted, UndoRefused),
    ),
    VOIDING: row(
        {
            UndoAccepted: rule(voided, RETURNED),
            UndoRefused: rule(void_refused, VOIDING, REFUNDING),
            RefundFailed: rule(not_returned, NOT_RETURNED, ATTENTION),
            OrderNotFound: rule(ask_later, VOIDING),
            AnswerUnclear: rule(no_answer_to_void, VOIDING),
            LineFailed: rule(no_answer_to_void, VOIDING, NOT_RETURNED),
            PaymentHinted: rule(hinted, VOIDING),
            WakeDue: rule(wake_voiding, VOIDING, ATTENTION),
            Restarted: rule(resume, VOIDING),
        },
        late=_PEOPLE,
        cannot=(*_OF_SALES, RefundAccepted, RefundDone),
    ),
    ATTENTION: row(
        {
            RefundAccepted: rule(hourly, ATTENTION),
            RefundDone: rule(settled_late, RETURNED, ATTENTION),
            RefundFailed: rule(hourly, ATTENTION),
            OrderNotFound: rule(hourly, ATTENTION),
            AnswerUnclear: rule(hourly, ATTENTION),
            LineFailed: rule(hourly, ATTENTION),
            PaymentHinted: rule(hinted, ATTENTION),
            WakeDue: rule(wake_attention, ATTENTION),
            Restarted: rule(resume, ATTENTION),
        },
        late=(*_PEOPLE, UndoAccepted, UndoRefused),
        cannot=_OF_SALES,
    ),
    RETURNED: _FINAL,
    NOT_RETURNED: _FINAL,
}
