"""One request about an order at a time, and when the next one is due: shared by the rows of all kinds of orders."""

from __future__ import annotations

from collections.abc import Callable

from terminal.core.effects import (
    CloseOrder,
    CreateOrder,
    OrderEffect,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    ReverseOrder,
    SubmitPayment,
    VoidOrder,
    give_back_no,
)
from terminal.core.events import Event, PaymentHinted, PaymentPending, WakeDue
from terminal.core.record import replace
from terminal.core.sale import RETURNS, Ask, Order, Pace
from terminal.core.table import Step
from terminal.core.terms import HouseFault
from terminal.core.timing import Timing, backoff_ms, spread_ms


def _submit(order: Order) -> OrderEffect:
    if order.code_digest is None:
        raise HouseFault(f"order {order.order_no} has no payment code to submit")
    return SubmitPayment(order.order_no, order.amount, order.wallet, order.code_digest)


def _refund(order: Order) -> OrderEffect:
    """Of a return, what was asked for; of a sale, all that came in of it (give_back.py)."""
    if order.mode in RETURNS:
        return RefundOrder(order.order_no, order.amount, order.of or "", order.of_ref)
    number, came_in = give_back_no(order.order_no), order.paid or order.amount
    return RefundOrder(number, came_in, order.order_no, order.gateway_ref)


def _query_refund(order: Order) -> OrderEffect:
    if order.mode in RETURNS:
        return QueryRefund(order.order_no, order.amount, order.of or "")
    return QueryRefund(give_back_no(order.order_no), order.paid or order.amount, order.order_no)


_REQUESTS: dict[Ask, Callable[[Order], OrderEffect]] = {
    Ask.CREATE: lambda order: CreateOrder(order.order_no, order.amount, order.wallet),
    Ask.SUBMIT: _submit,
    Ask.QUERY: lambda order: QueryOrder(order.order_no, order.amount),
    Ask.CLOSE: lambda order: CloseOrder(order.order_no, order.amount),
    Ask.REVERSE: lambda order: ReverseOrder(order.order_no, order.amount),
    Ask.REFUND: _refund,
    Ask.QUERY_REFUND: _query_refund,
    Ask.VOID: lambda order: VoidOrder(order.order_no, order.amount, order.of or "", order.of_ref),
}


def ask(order: Order, what: Ask) -> Step:
    """Send one request. One is under way at a time; no timer runs until it is answered."""
    pace = replace(order.pace, asked=what, ask_at_ms=None, undo_again=False)
    return replace(order, pace=pace), (_REQUESTS[what](order),)


def rest(order: Order, until_ms: int, *, tries: int = 0, payer_acting: bool = False) -> Step:
    """Nothing is under way; the next request is due at `until_ms`."""
    return replace(order, pace=Pace(None, until_ms, tries, payer_acting)), ()


def ask_again(order: Order, event: Event, timing: Timing) -> Step:
    """A clear answer that settles nothing: ask again after the gateway's step."""
    acting = isinstance(event, PaymentPending) and event.payer_acting
    return rest(order, event.at_ms + timing.query_step_ms, payer_acting=acting)


def ask_later(order: Order, event: Event, timing: Timing) -> Step:
    """No clear answer: ask again, more slowly each time."""
    tries = order.pace.tries + 1
    pause_ms = spread_ms(backoff_ms(tries), order.order_no, tries)
    pause_ms = max(pause_ms, timing.query_step_ms)
    return rest(order, event.at_ms + pause_ms, tries=tries, payer_acting=order.pace.payer_acting)


def ask_now(order: Order, event: PaymentHinted, timing: Timing) -> Step:
    """Something says paid: ask at once. A second answer that only hints is followed up later, and a notice
    starts nothing while a request is under way."""
    if event.answer and (order.pace.asked is Ask.QUERY or order.pace.tries):
        return ask_later(order, event, timing)
    if event.answer:
        return ask(replace(order, pace=replace(order.pace, tries=1)), Ask.QUERY)
    return (order, ()) if order.pace.asked else ask(order, Ask.QUERY)


def wake_asking(order: Order, event: WakeDue, timing: Timing) -> Step:
    """Ask if it is time and nothing is under way."""
    return (order, ()) if order.pace.asked else ask(order, Ask.QUERY)
