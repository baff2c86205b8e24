"""What the gateway says of an order that somebody asks about by hand, beside what the journal says.

Asking changes nothing by itself. An open order is merely asked about sooner; an unpaid end looks once more, as
after a notice, and acts as its table says. Every other end is asked about outside the tables: told, not stepped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from terminal.core.effects import QueryOrder, QueryRefund, Request, asker
from terminal.core.events import (
    AnswerUnclear,
    LineFailed,
    OrderClosed,
    OrderEvent,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentHinted,
    PaymentPending,
    RefundAccepted,
    RefundDone,
    RefundFailed,
)
from terminal.core.sale import Order, Phase
from terminal.core.terms import Mode, Money

KEPT_MAX = 32  # answers, and questions without one

UNCLEAR, SILENT = "unclear", "no answer"
WORDS: Mapping[type[OrderEvent], str] = {
    PaymentApproved: "paid",
    PaymentPending: "waiting",
    PaymentDeclined: "not paid",
    OrderClosed: "closed",
    OrderNotFound: "no such order",
    RefundAccepted: "return pending",
    RefundDone: "returned",
    RefundFailed: "not returned",
    PaymentHinted: UNCLEAR,
    AnswerUnclear: UNCLEAR,
    LineFailed: SILENT,
}
# What fits an end of ours. A gateway may go on to call an order paid that was paid and went back (8.8).
_UNPAID = ("not paid", "closed", "no such order")
_FITS: Mapping[Phase, tuple[str, ...]] = {
    Phase.PAID: ("paid",),
    Phase.DECLINED: _UNPAID,
    Phase.CLOSED: _UNPAID,
    Phase.REVERSED: (*_UNPAID, "paid"),
    Phase.RETURNED: ("returned",),
    Phase.NOT_RETURNED: ("not returned", "no such order"),
}
_FITS_RETURNED_SALE = ("paid", "closed", "not paid", "returned")


@dataclass(frozen=True, slots=True)
class Said:
    """`word`: one of WORDS. `amount`: that it says went through."""

    word: str
    amount: Money | None = None
    detail: str = ""


def said(event: OrderEvent) -> Said:
    amount = None
    if isinstance(event, PaymentApproved):
        amount = event.paid
    elif isinstance(event, RefundDone):
        amount = event.amount
    return Said(WORDS[type(event)], amount, getattr(event, "detail", ""))


def agree(order: Order, told: Said, *, went_back: bool) -> bool | None:
    """Whether the gateway's word fits the journal's end. None: not ended, or nothing clear was said.

    `went_back`: a return of this sale took place, after which a gateway may call it anything but open."""
    if not order.final or told.word in (UNCLEAR, SILENT):
        return None
    if order.mode is Mode.VOID or (order.phase is Phase.PAID and went_back):
        return told.word in _FITS_RETURNED_SALE
    if told.amount is not None and order.phase is not Phase.REVERSED and told.amount != order.paid:
        return False
    return told.word in _FITS[order.phase]


def question(order: Order) -> Request:
    """About a void: about the sale that it undid; it has no number of its own there."""
    if order.mode is Mode.REFUND:
        return QueryRefund(order.order_no, order.amount, order.of or "")
    number = order.of if order.mode is Mode.VOID and order.of else order.order_no
    return QueryOrder(number, order.amount)


class Enquiries:
    """Who was asked about, and what came. The oldest is forgotten first."""

    def __init__(self) -> None:
        self._heard: dict[str, Said | None] = {}
        self._ours: dict[int, str] = {}  # exchanges outside the tables

    def begin(self, order_no: str) -> None:
        self._heard.pop(order_no, None)
        self._heard[order_no] = None
        if len(self._heard) > KEPT_MAX:
            del self._heard[next(iter(self._heard))]

    def outside(self, exchange: int, order_no: str) -> None:
        """This exchange is a question of ours alone."""
        self._ours[exchange] = order_no
        if len(self._ours) > KEPT_MAX:
            del self._ours[next(iter(self._ours))]

    def hears(self, exchange: int, request: Request, event: OrderEvent) -> bool:
        """An answer has come. True when it is nobody else's."""
        outside = self._ours.pop(exchange, None)
        order_no = outside or asker(request)
        if type(event) in WORDS and self._heard.get(order_no, False) is None:
            self._heard[order_no] = said(event)
        return outside is not None

    def answer(self, order_no: str) -> Said | None:
        """What was last said of it, by hand."""
        return self._heard.get(order_no)
