"""Money of an order that should not have been paid, once its undo's time is over: it goes back as a refund.

Table 3.2 of reference/reliability.md, "cancel window closed". The refund's number is made of the order's own, so it
is the same for ever, whatever is repeated and whatever dies meanwhile: the gateway returns it once (I4). The order's
row is the reservation. It ends REVERSED, as after an undo; a refusal is for a human.
"""

from __future__ import annotations

from terminal.core.asking import ask
from terminal.core.doubt import end, resume
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    CodeIssued,
    CodePresented,
    CodeUnfit,
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
    UndoRefused,
    WakeDue,
)
from terminal.core.record import replace
from terminal.core.refund import ask_later, gave_up, hinted, unknown_there
from terminal.core.sale import GIVEN_BACK, Ask, Order, Phase, Reason
from terminal.core.table import Step, attention, row, rule
from terminal.core.timing import Timing, half_the_patience_ms

REFUNDING, REVERSED, ATTENTION = Phase.REFUNDING, Phase.REVERSED, Phase.ATTENTION
NOT_GIVEN_BACK = "no result of the refund"


def given_back(order: Order, event: RefundDone, timing: Timing) -> Step:
    """Back. Another amount than came in is nobody's to guess about."""
    if event.amount != order.paid:
        said = f"returned {event.amount}, paid {order.paid}"
        return attention(order, event, Reason.MISMATCH, said)
    return end(order, REVERSED, Reason.LATE, GIVEN_BACK)


def refused(order: Order, event: RefundFailed, timing: Timing) -> Step:
    """An earlier undo without an answer may have returned it, or nothing did: a human looks."""
    detail = f"not given back: {event.detail}" if event.detail else "not given back"
    return attention(order, event, order.reason or Reason.LATE, detail)


def wake(order: Order, event: WakeDue, timing: Timing) -> Step:
    if gave_up(order, event):
        return attention(order, event, order.reason or Reason.LATE, NOT_GIVEN_BACK)
    return (order, ()) if order.pace.asked else ask(order, Ask.QUERY_REFUND)


def resume_giving_back(order: Order, event: Restarted, timing: Timing) -> Step:
    """By query, never by a new number."""
    known, _ = resume(order, event, timing)
    if event.rebooted:
        known = replace(known, until_ms=event.at_ms + half_the_patience_ms(order))
    return known, ()


ROW = row(
    {
        RefundAccepted: rule(ask_later, REFUNDING),
        RefundDone: rule(given_back, REVERSED, ATTENTION),
        RefundFailed: rule(refused, ATTENTION),
        OrderNotFound: rule(unknown_there, REFUNDING),
        AnswerUnclear: rule(ask_later, REFUNDING),
        LineFailed: rule(ask_later, REFUNDING),
        PaymentHinted: rule(hinted, REFUNDING),
        WakeDue: rule(wake, REFUNDING, ATTENTION),
        Restarted: rule(resume_giving_back, REFUNDING),
    },
    late=(CancelPressed, CodePresented),
    cannot=(
        CodeIssued,
        CodeUnfit,
        PaymentApproved,
        PaymentPending,
        PaymentDeclined,
        OrderClosed,
        UndoAccepted,
        UndoRefused,
    ),
)
