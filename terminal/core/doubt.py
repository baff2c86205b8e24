"""Outcome unknown: query, undo, verify. The rows that both kinds of sale share.

The one way out of doubt, the same for a cancel key, an expired code, a silent gateway and a restart:

    ask once more -> undo at once (no gap: features.md a.3 rule 2) -> acknowledged? -> ask what became of it

`undo_left` is committed before the first undo leaves. From then on PAID is out of reach where an undo
returns money: a late undo could still take it back (I3). What a query says after an acknowledged undo:
closed - done; paid - was it paid before our undo or after? undo again, knowing it was paid: that
acknowledgement settles it; not found - the payment may still be on its way: VERIFYING (reliability.md 0.3).
"""

from __future__ import annotations

from terminal.core.asking import ask, ask_again, ask_later, ask_now, rest, wake_asking
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
    Restarted,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
    WakeDue,
)
from terminal.core.record import replace
from terminal.core.sale import GIVEN_BACK, NO_CANCEL, NOT_UNDONE, Ask, Order, Pace, Phase, Reason
from terminal.core.table import OF_RETURNS, Row, Step, attention, row, rule
from terminal.core.terms import Mode
from terminal.core.timing import (
    GIVE_UP_MS,
    TRIED_AGAIN_MS,
    Timing,
    half_the_patience_ms,
)

CLOSING, REVERSING, VERIFYING, ATTENTION = (
    Phase.CLOSING,
    Phase.REVERSING,
    Phase.VERIFYING,
    Phase.ATTENTION,
)
PAID, DECLINED, CLOSED, REVERSED = Phase.PAID, Phase.DECLINED, Phase.CLOSED, Phase.REVERSED

LATE_NEWS_MS = 20_000  # from then on every query knows of a payment in the last second


# -- ending ----------------------------------------------------------------------------------------------


def end(order: Order, phase: Phase, reason: Reason | None, detail: str | None = None) -> Step:
    """A final row: nothing is asked any more. The first reason stays, it is the one that people caused."""
    done = replace(
        order,
        phase=phase,
        until_ms=None,
        reason=order.reason or reason,
        detail=detail or order.detail,
        pace=Pace(),
    )
    return done, ()


def settle(order: Order, event: PaymentApproved, timing: Timing) -> Step:
    """Captured. PAID only for exactly this amount in this currency (I3, I9); else a human looks."""
    known = replace(
        order,
        paid=event.paid,
        gateway_ref=event.gateway_ref or order.gateway_ref,
        approval=event.approval or order.approval,
        wallet=event.wallet or order.wallet,
    )
    if event.paid != order.amount:
        return attention(known, event, Reason.MISMATCH, f"paid {event.paid}, asked {order.amount}")
    done, _ = end(replace(known, reason=None), PAID, None)
    return done, ()


def decline(order: Order, event: PaymentDeclined, timing: Timing) -> Step:
    done, _ = end(replace(order, reason=None), DECLINED, event.reason, event.detail)
    return done, ()


def only_expired(order: Order, event: PaymentDeclined) -> bool:
    """Our code's life is over there, which is not the same as closed: a screenshot of it may still be paid
    (features.md a.3 rule 13). Only an undo that was acknowledged makes sure."""
    return event.reason is Reason.EXPIRED and order.qr is not None and not order.undone


def closed_there(order: Order, event: OrderClosed, timing: Timing) -> Step:
    """The gateway says that it cannot be paid. After an undo of ours that is what we asked for. But a question may
    be answered from before the capture that we have seen: then only the undo's own answer settles it."""
    if order.paid is not None and order.pace.asked is Ask.QUERY:
        return send_undo(order, event, timing)
    return end(order, ended_as(order), Reason.AT_GATEWAY, event.detail)


def ended_as(order: Order) -> Phase:
    """The word for an order that provably will not be paid: closed, or reversed if that is what we asked."""
    watched = order.phase is VERIFYING and order.mode is Mode.CPM
    return REVERSED if order.phase is REVERSING or watched else CLOSED


def never_left(order: Order, event: Event) -> bool:
    """True when this order's only money-moving request provably never left the terminal."""
    return (
        isinstance(event, LineFailed)
        and not event.left
        and order.pace.asked in (Ask.CREATE, Ask.SUBMIT, Ask.REFUND, Ask.VOID)
        and order.pace.tries == 0
        and not order.restarted
    )


# -- undoing ---------------------------------------------------------------------------------------------


def undo(order: Order, phase: Phase, reason: Reason) -> Step:
    """From now on this order is being ended. What is under way is waited for, then asked once more; its
    count of tries stays, because `never_left` reads it."""
    ending = replace(
        order,
        phase=phase,
        until_ms=None,
        reason=order.reason or reason,
        pace=replace(
            order.pace, tries=order.pace.tries if order.pace.asked else 0, payer_acting=False
        ),
    )
    return (ending, ()) if order.pace.asked else ask(ending, Ask.QUERY)


def send_undo(order: Order, event: Event, timing: Timing) -> Step:
    """The undo leaves, or the gateway's earliest time is waited for, asking meanwhile. One that was just
    answered is not repeated without a pause."""
    needed = replace(_bounded(order, event), undone=False)
    if not timing.undo:
        return outlast(needed, event, timing)
    if order.pace.asked in (Ask.CLOSE, Ask.REVERSE):
        return ask_later(needed, event, timing)
    earliest_ms = order.opened_ms + timing.earliest_undo_ms
    if event.at_ms < earliest_ms:
        return rest(needed, min(earliest_ms, event.at_ms + timing.query_step_ms))
    return ask(replace(needed, undo_left=True), _undo_of(order))


def _undo_of(order: Order) -> Ask:
    return Ask.CLOSE if order.phase is CLOSING else Ask.REVERSE


def _bounded(order: Order, event: Event) -> Order:
    """Tried until it is acknowledged, and after a day by a human too (reliability.md 3)."""
    until_ms = event.at_ms + GIVE_UP_MS if order.until_ms is None else order.until_ms
    return replace(order, until_ms=until_ms)


def wake_undoing(order: Order, event: WakeDue, timing: Timing) -> Step:
    """Nobody acknowledged it for a day: a human. Else ask if it is time."""
    if order.until_ms is not None and event.at_ms >= order.until_ms:
        detail = NOT_UNDONE if timing.undo else NO_CANCEL
        return attention(order, event, order.reason or Reason.EXPIRED, detail)
    if order.pace.undo_again:  # when it left its earliest time had come
        return ask(order, _undo_of(order))
    return wake_asking(order, event, timing)


def outlast(order: Order, event: Event, timing: Timing) -> Step:
    """Nothing can be undone at this gateway: the order is asked about until it can no longer be paid. Paid
    meanwhile is paid; money that should go back, and an order that will not end, are for a human."""
    if order.paid is not None:
        return attention(order, event, order.reason or Reason.LATE, NO_CANCEL)
    if order.mode is Mode.MPM and order.qr is None:  # nobody has its code
        return finish(order, event, timing)
    told = replace(order, detail=NO_CANCEL)
    if event.at_ms < (dead_ms := _dead_ms(order, timing)):
        return rest(told, min(dead_ms, event.at_ms + timing.query_step_ms), tries=order.pace.tries)
    if isinstance(event, PaymentDeclined):
        return decline(order, event, timing)
    if isinstance(event, OrderNotFound):
        return finish(order, event, timing)
    if isinstance(event, PaymentPending):
        return attention(order, event, order.reason or Reason.EXPIRED, NO_CANCEL)
    return ask_later(told, event, timing)


def on_pending(order: Order, event: PaymentPending, timing: Timing) -> Step:
    """Still open. Before our undo: send it. After an acknowledged one: the gateway is slow, undo again."""
    if order.undone:
        return ask_later(replace(order, undone=False), event, timing)
    return send_undo(order, event, timing)


def on_approved(order: Order, event: PaymentApproved, timing: Timing) -> Step:
    """Paid while it was being ended. Before an undo left: paid after all, the truth. After: it goes back,
    and what was once on its way back never becomes a sale (I7)."""
    goes_back = order.paid is not None or (order.undo_left and timing.undo_returns)
    if not goes_back:
        return settle(order, event, timing)
    known = replace(
        order, phase=REVERSING, paid=event.paid, gateway_ref=event.gateway_ref or order.gateway_ref
    )
    return send_undo(known, event, timing)


def on_declined(order: Order, event: PaymentDeclined, timing: Timing) -> Step:
    """Of money that was once seen it means nothing: it was said before the capture was heard of."""
    if order.paid is not None or only_expired(order, event):
        return send_undo(order, event, timing)
    return decline(order, event, timing)


def on_not_found(order: Order, event: OrderNotFound, timing: Timing) -> Step:
    """An authentic "no such order". To an undo or after one it may mean "not yet" (reliability.md 0.3);
    of money that was once seen it means nothing."""
    answered_undo = order.pace.asked in (Ask.CLOSE, Ask.REVERSE)
    if order.paid is not None or not (order.undone or answered_undo):
        return send_undo(order, event, timing)
    nobody_can_pay = order.mode is Mode.MPM and order.qr is None
    if nobody_can_pay or timing.tombstone:
        return finish(order, event, timing)
    until_ms = _verified_at_ms(order, event, timing)
    if event.at_ms >= until_ms:  # and now it cannot be on its way any more
        return finish(order, event, timing)
    watched = replace(order, phase=VERIFYING, until_ms=until_ms)
    return rest(watched, event.at_ms + timing.query_step_ms)


def _verified_at_ms(order: Order, event: Event, timing: Timing) -> int:
    """When nothing of this order can appear any more: a customer's code was sent when the order was
    opened; ours may be in a customer's phone already and be paid until its life ends (features.md a.3 rule 9:
    some gateways know no order before that)."""
    dead_ms = _dead_ms(order, timing)
    if order.mode is Mode.CPM:
        return max(dead_ms, event.at_ms)
    return max(event.at_ms + timing.verify_ms, dead_ms)


def _dead_ms(order: Order, timing: Timing) -> int:
    """When an order that nobody ended can no longer be paid, as far as its own times tell."""
    if order.mode is Mode.CPM:
        return order.opened_ms + timing.verify_ms + LATE_NEWS_MS
    return (order.payable_until_ms or 0) + LATE_NEWS_MS


def on_undone(order: Order, event: UndoAccepted, timing: Timing) -> Step:
    """Acknowledged. If the capture was known before this undo, that settles it; else ask what it met."""
    if order.paid is not None:
        return finish(order, event, timing)
    return ask(replace(order, undone=True), Ask.QUERY)


def finish(order: Order, event: Event, timing: Timing) -> Step:
    return end(order, ended_as(order), None)


def on_refused(order: Order, event: UndoRefused, timing: Timing) -> Step:
    """The gateway will not undo: too early - wait; else money that came in goes back as a refund. Whether any
    did is asked, at once the first time; an order that can neither be paid for nor undone is for a human."""
    if event.why is UndoRefusal.TOO_EARLY:
        return ask_later(order, event, timing)
    if order.paid is not None:
        return give_back(order, event)
    if not order.pace.tries:
        return ask(replace(order, pace=replace(order.pace, tries=1)), Ask.QUERY)
    if event.why is UndoRefusal.WINDOW_OVER:
        return attention(order, event, order.reason or Reason.LATE, event.detail)
    return ask_later(order, event, timing)


def give_back(order: Order, event: UndoRefused) -> Step:
    """All that came in, under a number that is this order's for ever (give_back.py)."""
    owed = replace(
        order,
        phase=Phase.REFUNDING,
        reason=order.reason or Reason.LATE,
        detail=event.detail or order.detail,
        until_ms=event.at_ms + GIVE_UP_MS,
        pace=Pace(),
    )
    return ask(owed, Ask.REFUND)


def on_no_answer(order: Order, event: LineFailed | AnswerUnclear, timing: Timing) -> Step:
    """Nothing learnt. A query that a living gateway answers with nonsense does not hold up the undo;
    a dead line holds up everything."""
    if never_left(order, event):
        return end(order, DECLINED, Reason.NO_CONNECTION)
    if isinstance(event, AnswerUnclear) and order.pace.asked is Ask.QUERY and not order.undone:
        counted = replace(order, pace=replace(order.pace, tries=order.pace.tries + 1))
        return send_undo(counted, event, timing)
    return ask_later(_bounded(order, event), event, timing)


def go_on(order: Order, event: CodeIssued | CodeUnfit, timing: Timing) -> Step:
    """The answer to the create came after the end was decided: look once more, show nothing."""
    return ask(order, Ask.QUERY)


def resume(order: Order, event: Restarted, timing: Timing) -> Step:
    """After a restart everything is asked at once. After a reboot the record's times mean nothing: the
    order counts as opened now, which only makes us wait longer (reliability.md 3.5)."""
    opened_ms = event.at_ms if event.rebooted else order.opened_ms
    known = replace(order, opened_ms=opened_ms, restarted=True, pace=Pace(ask_at_ms=event.at_ms))
    if event.rebooted and order.payable_until_ms is not None:
        payable_ms = order.payable_until_ms - order.opened_ms
        known = replace(known, payable_until_ms=event.at_ms + payable_ms)
    if event.rebooted and order.phase in (CLOSING, REVERSING) and order.until_ms is not None:
        known = replace(known, until_ms=event.at_ms + half_the_patience_ms(order))
    if event.rebooted and order.phase is VERIFYING:
        known = replace(known, until_ms=_verified_at_ms(known, event, timing))
    return known, ()


def resume_undoing(order: Order, event: Restarted, timing: Timing) -> Step:
    """An undo that left and was not acknowledged is repeated, before anything is asked (reliability.md 3.5)."""
    known, _ = resume(order, event, timing)
    again = order.undo_left and not order.undone and timing.undo
    return replace(known, pace=replace(known.pace, undo_again=again)), ()


def resume_with_grace(order: Order, event: Restarted, timing: Timing) -> Step:
    """An order that could still be paid: ask for a short while, then undo it."""
    known, _ = resume(order, event, timing)
    return replace(known, until_ms=event.at_ms + timing.grace_ms), ()


def undoing_row(phase: Phase) -> Row:
    """CLOSING and REVERSING differ in the request they send and in the word they end with."""
    ended = CLOSED if phase is CLOSING else REVERSED
    undone = (phase,) if phase is CLOSING else (phase, REVERSED)  # money was seen: it is back
    refused = (phase, ATTENTION) if phase is CLOSING else (phase, ATTENTION, Phase.REFUNDING)
    unseen = (phase, CLOSED) if phase is CLOSING else (phase,)  # our code, that nobody has
    closed = (ended,) if phase is CLOSING else (phase, ended)
    return row(
        {
            PaymentApproved: rule(on_approved, PAID, ATTENTION, REVERSING),
            PaymentHinted: rule(ask_now, phase),
            PaymentPending: rule(on_pending, *unseen, ATTENTION),
            PaymentDeclined: rule(on_declined, phase, DECLINED),
            OrderClosed: rule(closed_there, *closed),
            OrderNotFound: rule(on_not_found, phase, VERIFYING, ended),
            UndoAccepted: rule(on_undone, *undone),
            UndoRefused: rule(on_refused, *refused),
            AnswerUnclear: rule(on_no_answer, *unseen),
            LineFailed: rule(on_no_answer, phase, DECLINED),
            CodeIssued: rule(go_on, phase),
            CodeUnfit: rule(go_on, phase),
            WakeDue: rule(wake_undoing, phase, ATTENTION),
            Restarted: rule(resume_undoing, phase),
        },
        late=(CancelPressed, CodePresented),
        cannot=OF_RETURNS,
    )


# -- verifying -------------------------------------------------------------------------------------------


def appeared(order: Order, event: PaymentApproved | PaymentPending, timing: Timing) -> Step:
    """It did arrive after our undo: undo again, now that the gateway knows it."""
    paid = event.paid if isinstance(event, PaymentApproved) else order.paid
    known = replace(
        order,
        phase=REVERSING,
        until_ms=None,
        paid=paid,
        gateway_ref=event.gateway_ref or order.gateway_ref,
    )
    return send_undo(known, event, timing)


def still_absent(order: Order, event: OrderNotFound, timing: Timing) -> Step:
    """Only an authentic "no such order" after the time is over ends the watch."""
    if order.until_ms is not None and event.at_ms >= order.until_ms:
        return finish(order, event, timing)
    return ask_again(order, event, timing)


VERIFYING_ROW = row(
    {
        PaymentApproved: rule(appeared, REVERSING, ATTENTION),
        PaymentPending: rule(appeared, REVERSING, ATTENTION),
        PaymentHinted: rule(ask_now, VERIFYING),
        PaymentDeclined: rule(decline, DECLINED),
        OrderClosed: rule(closed_there, CLOSED, REVERSED),
        OrderNotFound: rule(still_absent, VERIFYING, CLOSED, REVERSED),
        AnswerUnclear: rule(ask_later, VERIFYING),
        LineFailed: rule(ask_later, VERIFYING),
        WakeDue: rule(wake_asking, VERIFYING),
        Restarted: rule(resume, VERIFYING),
    },
    late=(CancelPressed, CodePresented),
    cannot=(CodeIssued, CodeUnfit, UndoAccepted, UndoRefused, *OF_RETURNS),
)


# -- attention -------------------------------------------------------------------------------------------


def hourly(order: Order, event: Event, timing: Timing) -> Step:
    """Whatever was said: a human looks. Ask again in an hour, so that the record stays true."""
    known = order
    if isinstance(event, PaymentApproved):
        known = replace(order, paid=event.paid, gateway_ref=event.gateway_ref or order.gateway_ref)
    reason = order.reason or Reason.FAULT
    return attention(known, event, reason, order.detail or "")


def hinted_again(order: Order, event: PaymentHinted, timing: Timing) -> Step:
    """A notice is looked into at once; an answer that only hints is an answer like any other here."""
    return hourly(order, event, timing) if event.answer else ask_now(order, event, timing)


def try_again(order: Order, event: WakeDue, timing: Timing) -> Step:
    """An undo that nobody acknowledged is tried again, for a while, every hour (I13)."""
    if order.detail != NOT_UNDONE or order.pace.asked:
        return wake_asking(order, event, timing)
    seen = order.mode is Mode.CPM or order.paid is not None
    phase = REVERSING if seen else CLOSING
    return ask(replace(order, phase=phase, until_ms=event.at_ms + TRIED_AGAIN_MS), Ask.QUERY)


ATTENTION_ROW = row(
    {
        PaymentApproved: rule(hourly, ATTENTION),
        PaymentPending: rule(hourly, ATTENTION),
        PaymentDeclined: rule(hourly, ATTENTION),
        OrderClosed: rule(hourly, ATTENTION),
        OrderNotFound: rule(hourly, ATTENTION),
        AnswerUnclear: rule(hourly, ATTENTION),
        LineFailed: rule(hourly, ATTENTION),
        PaymentHinted: rule(hinted_again, ATTENTION),
        WakeDue: rule(try_again, ATTENTION, CLOSING, REVERSING),
        Restarted: rule(resume, ATTENTION),
    },
    late=(
        *(CancelPressed, CodePresented, CodeIssued, CodeUnfit, UndoAccepted, UndoRefused),
        *OF_RETURNS,  # of a refund that was given up while it was under way
    ),
)


# -- finals ----------------------------------------------------------------------------------------------


def late_payment(order: Order, event: PaymentApproved, timing: Timing) -> Step:
    """Money arrived on an order that we called unpaid: it goes back, and staff are told (I5, I7). Where
    nothing can be undone, they are the ones to give it back. A refund leaves the order paid there: no news."""
    if order.detail == GIVEN_BACK:
        return order, ()
    late = replace(
        order,
        phase=REVERSING,
        reason=Reason.LATE,
        paid=event.paid,
        gateway_ref=event.gateway_ref or order.gateway_ref,
        undone=False,
        until_ms=event.at_ms + GIVE_UP_MS,
    )
    if not timing.undo:
        return attention(late, event, Reason.LATE, NO_CANCEL)
    return ask(replace(late, undo_left=True), Ask.REVERSE)


def look_into(order: Order, event: PaymentHinted, timing: Timing) -> Step:
    """A notice that money arrived late: ask once; only an authentic answer starts a return."""
    return (replace(order, pace=Pace()), ()) if event.answer else ask(order, Ask.QUERY)


_NOTHING_TO_DO = (
    PaymentPending,
    PaymentDeclined,
    OrderClosed,
    OrderNotFound,
    UndoAccepted,
    UndoRefused,
    AnswerUnclear,
    LineFailed,
    CodeIssued,
    CodeUnfit,
    CancelPressed,
    CodePresented,
    WakeDue,
    Restarted,
    *OF_RETURNS,
)

PAID_ROW = row({}, late=(*_NOTHING_TO_DO, PaymentApproved, PaymentHinted))


def unpaid_row(phase: Phase) -> Row:
    """DECLINED, CLOSED, REVERSED absorb everything but a payment (I7)."""
    known = (phase,) if phase is REVERSED else ()
    return row(
        {
            PaymentApproved: rule(late_payment, REVERSING, ATTENTION, *known),
            PaymentHinted: rule(look_into, phase),
        },
        late=_NOTHING_TO_DO,
    )


ROWS: dict[Phase, Row] = {
    CLOSING: undoing_row(CLOSING),
    REVERSING: undoing_row(REVERSING),
    VERIFYING: VERIFYING_ROW,
    ATTENTION: ATTENTION_ROW,
    PAID: PAID_ROW,
    DECLINED: unpaid_row(DECLINED),
    CLOSED: unpaid_row(CLOSED),
    REVERSED: unpaid_row(REVERSED),
}
