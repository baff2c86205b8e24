"""The consumer-presented sale: the customer's code leaves us once, and its outcome is found out.

Table 3.2 of reference/reliability.md, with one choice made here: the code is never sent a second time, not
even within its life. Gateways differ in whether that is safe (gateways.md 1.9), a customer can open a new
code in two seconds, and a query tells the truth.
"""

from __future__ import annotations

from terminal.core import give_back
from terminal.core.asking import ask, ask_again, ask_later, ask_now, rest
from terminal.core.doubt import (
    ROWS,
    closed_there,
    decline,
    end,
    never_left,
    resume_with_grace,
    settle,
    undo,
)
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
    Restarted,
    UndoAccepted,
    UndoRefused,
    WakeDue,
)
from terminal.core.record import replace
from terminal.core.sale import Ask, Order, Phase, Reason
from terminal.core.table import OF_RETURNS, Step, Table, row, rule
from terminal.core.terms import Mode, Money
from terminal.core.timing import Timing

SUBMITTING, IN_DOUBT, REVERSING = Phase.SUBMITTING, Phase.IN_DOUBT, Phase.REVERSING
PAID, DECLINED, CLOSED, ATTENTION = Phase.PAID, Phase.DECLINED, Phase.CLOSED, Phase.ATTENTION


def open_order(
    order_no: str,
    sale_no: str,
    amount: Money,
    *,
    wallet: str | None,
    code_digest: str,
    at_ms: int,
    timing: Timing,
) -> Step:
    """A new order that charges the customer's code. The row is committed before the code leaves (I1)."""
    order = Order(
        order_no=order_no,
        sale_no=sale_no,
        mode=Mode.CPM,
        amount=amount,
        phase=SUBMITTING,
        opened_ms=at_ms,
        until_ms=at_ms + timing.doubt_ms,
        wallet=wallet,
        code_digest=code_digest,
    )
    return ask(order, Ask.SUBMIT)


def doubt(order: Order, event: LineFailed | AnswerUnclear | OrderNotFound, timing: Timing) -> Step:
    """No clear word about the charge. Never connected: nothing was charged. Else: it may have been."""
    if never_left(order, event):
        return end(order, DECLINED, Reason.NO_CONNECTION)
    unsure = replace(order, phase=IN_DOUBT)
    return rest(unsure, event.at_ms + timing.first_query_ms, tries=1)


def pending(order: Order, event: PaymentPending, timing: Timing) -> Step:
    """The customer is still confirming on the phone."""
    waiting = replace(order, phase=IN_DOUBT, gateway_ref=event.gateway_ref or order.gateway_ref)
    return rest(waiting, event.at_ms + timing.query_step_ms, payer_acting=True)


def ask_about(order: Order, event: PaymentHinted, timing: Timing) -> Step:
    return ask_now(replace(order, phase=IN_DOUBT), event, timing)


def wake(order: Order, event: WakeDue, timing: Timing) -> Step:
    """Patience over: reverse. Else it is time to ask."""
    if order.until_ms is not None and event.at_ms >= order.until_ms:
        reason = Reason.RESTARTED if order.restarted else Reason.EXPIRED
        return undo(order, REVERSING, reason)
    if order.pace.asked:
        return order, ()
    return ask(order, Ask.QUERY)


def cancel(order: Order, event: CancelPressed, timing: Timing) -> Step:
    return undo(order, REVERSING, Reason.OPERATOR)


def resume(order: Order, event: Restarted, timing: Timing) -> Step:
    """The code is gone from RAM: ask for a short while, then reverse. Never resent (I11)."""
    known, requests = resume_with_grace(order, event, timing)
    return replace(known, phase=IN_DOUBT), requests


TABLE: Table = {
    SUBMITTING: row(
        {
            PaymentApproved: rule(settle, PAID, ATTENTION),
            PaymentHinted: rule(ask_about, IN_DOUBT),
            PaymentPending: rule(pending, IN_DOUBT),
            PaymentDeclined: rule(decline, DECLINED),
            OrderClosed: rule(closed_there, CLOSED),
            OrderNotFound: rule(doubt, IN_DOUBT),
            AnswerUnclear: rule(doubt, IN_DOUBT),
            LineFailed: rule(doubt, IN_DOUBT, DECLINED),
            CancelPressed: rule(cancel, REVERSING),
            WakeDue: rule(wake, SUBMITTING, REVERSING),
            Restarted: rule(resume, IN_DOUBT),
        },
        late=(CodePresented,),
        cannot=(CodeIssued, CodeUnfit, UndoAccepted, UndoRefused, *OF_RETURNS),
    ),
    IN_DOUBT: row(
        {
            PaymentApproved: rule(settle, PAID, ATTENTION),
            PaymentHinted: rule(ask_now, IN_DOUBT),
            PaymentPending: rule(pending, IN_DOUBT),
            PaymentDeclined: rule(decline, DECLINED),
            OrderClosed: rule(closed_there, CLOSED),
            OrderNotFound: rule(ask_again, IN_DOUBT),
            AnswerUnclear: rule(ask_later, IN_DOUBT),
            LineFailed: rule(ask_later, IN_DOUBT),
            CancelPressed: rule(cancel, REVERSING),
            WakeDue: rule(wake, IN_DOUBT, REVERSING),
            Restarted: rule(resume, IN_DOUBT),
        },
        late=(CodePresented,),
        cannot=(CodeIssued, CodeUnfit, UndoAccepted, UndoRefused, *OF_RETURNS),
    ),
    **ROWS,
    Phase.REFUNDING: give_back.ROW,
}
