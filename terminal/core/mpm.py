"""The merchant-presented sale: we ask for a code, show it, and wait for somebody to pay it.

Table 3.1 of reference/reliability.md. Creating an order moves no money; showing its code makes it payable by
anybody who sees it, so `qr` is in the committed record before it is on the glass.
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
    only_expired,
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
    UndoRefused,
    WakeDue,
)
from terminal.core.record import replace
from terminal.core.sale import Ask, Order, Phase, Reason
from terminal.core.table import OF_RETURNS, Step, Table, row, rule
from terminal.core.terms import Mode, Money
from terminal.core.timing import Timing

REQUESTING, PRESENTING = Phase.REQUESTING, Phase.PRESENTING
CLOSING, PAID, DECLINED = Phase.CLOSING, Phase.PAID, Phase.DECLINED
CLOSED, ATTENTION = Phase.CLOSED, Phase.ATTENTION

CREATED_AGAIN_TRIES = 2  # one create without a clear answer, then one more


def open_order(order_no: str, sale_no: str, amount: Money, *, at_ms: int, timing: Timing) -> Step:
    """A new order that asks for its code. The row is committed before the request leaves (I1)."""
    order = Order(
        order_no=order_no,
        sale_no=sale_no,
        mode=Mode.MPM,
        amount=amount,
        phase=REQUESTING,
        opened_ms=at_ms,
        until_ms=at_ms + timing.create_ms,
    )
    return ask(order, Ask.CREATE)


# -- REQUESTING --------------------------------------------------------------------------------------------


def present(order: Order, event: CodeIssued, timing: Timing) -> Step:
    """The code goes on the glass. The gateway's own word about its life wins."""
    dead_ms = event.at_ms + (event.life_ms or timing.life_ms)
    shown = replace(
        order,
        phase=PRESENTING,
        qr=event.code,
        gateway_ref=event.gateway_ref or order.gateway_ref,
        until_ms=dead_ms,
        payable_until_ms=dead_ms,
    )
    return rest(shown, event.at_ms + timing.first_query_ms)


def unfit(order: Order, event: CodeUnfit, timing: Timing) -> Step:
    """Never drawn unreadably: nobody has seen it, so it is closed."""
    told = replace(order, detail=event.detail, pace=replace(order.pace, asked=None))
    return undo(told, CLOSING, Reason.UNFIT)


def no_code(order: Order, event: PaymentPending, timing: Timing) -> Step:
    """The order exists, but its code never reached us and a query does not bring it."""
    if timing.create_again and not order.restarted:
        return ask_later(order, event, timing)
    return give_up(order, event, timing)


def create_once_more(order: Order, event: OrderNotFound, timing: Timing) -> Step:
    """The same number may be created again once: creating moves no money (table 3.1)."""
    if order.restarted:
        return give_up(order, event, timing)
    if order.pace.tries < CREATED_AGAIN_TRIES:
        again = replace(order, pace=replace(order.pace, tries=CREATED_AGAIN_TRIES))
        return ask(again, Ask.CREATE)
    return ask_later(order, event, timing)


def give_up(order: Order, event: Event, timing: Timing) -> Step:
    """No code will come, and nobody has seen one."""
    answered = replace(order, pace=replace(order.pace, asked=None))
    return undo(answered, CLOSING, why_no_code(order))


def why_no_code(order: Order) -> Reason:
    return Reason.RESTARTED if order.restarted else Reason.NO_CODE


def no_answer(order: Order, event: LineFailed | AnswerUnclear, timing: Timing) -> Step:
    """Not connected at all: say so at once. Anything else: the order may exist, ask."""
    if never_left(order, event):
        return end(order, DECLINED, Reason.NO_CONNECTION)
    return ask_later(order, event, timing)


def wake_requesting(order: Order, event: WakeDue, timing: Timing) -> Step:
    if order.until_ms is not None and event.at_ms >= order.until_ms:
        return undo(order, CLOSING, why_no_code(order))
    if order.pace.asked:
        return order, ()
    return ask(order, Ask.CREATE if timing.create_again and not order.restarted else Ask.QUERY)


# -- PRESENTING --------------------------------------------------------------------------------------------


def wake_presenting(order: Order, event: WakeDue, timing: Timing) -> Step:
    """Life over: the last query and the close follow at once. Else it is time to ask."""
    if order.until_ms is not None and event.at_ms >= order.until_ms:
        reason = Reason.RESTARTED if order.restarted else Reason.EXPIRED
        return undo(order, CLOSING, reason)
    if order.pace.asked:
        return order, ()
    return ask(order, Ask.QUERY)


def declined(order: Order, event: PaymentDeclined, timing: Timing) -> Step:
    """Declined is final; expired is closed by us, so that nobody can pay it later."""
    if only_expired(order, event):
        answered = replace(order, pace=replace(order.pace, asked=None))
        return undo(answered, CLOSING, Reason.EXPIRED)
    return decline(order, event, timing)


def cancel(order: Order, event: Event, timing: Timing) -> Step:
    return undo(order, CLOSING, Reason.OPERATOR)


def give_way(order: Order, event: Event, timing: Timing) -> Step:
    """The customer holds up a code: this order ends first, and provably, before theirs is sent (I2)."""
    return undo(order, CLOSING, Reason.CUSTOMER_CODE)


TABLE: Table = {
    REQUESTING: row(
        {
            CodeIssued: rule(present, PRESENTING),
            CodeUnfit: rule(unfit, CLOSING),
            PaymentApproved: rule(settle, PAID, ATTENTION),
            PaymentHinted: rule(ask_now, REQUESTING),
            PaymentPending: rule(no_code, REQUESTING, CLOSING),
            PaymentDeclined: rule(decline, DECLINED),
            OrderClosed: rule(closed_there, CLOSED),
            OrderNotFound: rule(create_once_more, REQUESTING, CLOSING),
            AnswerUnclear: rule(no_answer, REQUESTING),
            LineFailed: rule(no_answer, REQUESTING, DECLINED),
            CancelPressed: rule(cancel, CLOSING),
            CodePresented: rule(give_way, CLOSING),
            WakeDue: rule(wake_requesting, REQUESTING, CLOSING),
            Restarted: rule(resume_with_grace, REQUESTING),
        },
        cannot=(UndoAccepted, UndoRefused, *OF_RETURNS),
    ),
    PRESENTING: row(
        {
            PaymentApproved: rule(settle, PAID, ATTENTION),
            PaymentHinted: rule(ask_now, PRESENTING),
            PaymentPending: rule(ask_again, PRESENTING),
            PaymentDeclined: rule(declined, CLOSING, DECLINED),
            OrderClosed: rule(closed_there, CLOSED),
            OrderNotFound: rule(ask_again, PRESENTING),
            AnswerUnclear: rule(ask_later, PRESENTING),
            LineFailed: rule(ask_later, PRESENTING),
            CancelPressed: rule(cancel, CLOSING),
            CodePresented: rule(give_way, CLOSING),
            WakeDue: rule(wake_presenting, PRESENTING, CLOSING),
            Restarted: rule(resume_with_grace, PRESENTING),
        },
        late=(CodeIssued, CodeUnfit),
        cannot=(UndoAccepted, UndoRefused, *OF_RETURNS),
    ),
    **ROWS,
    Phase.REFUNDING: give_back.ROW,
}
