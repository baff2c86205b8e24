"""The gateway's word beside the journal's: when they agree, and that asking by hand is no one's answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from terminal.core.effects import QueryOrder, QueryRefund
from terminal.core.events import (
    AnswerUnclear,
    LineFailed,
    OrderClosed,
    OrderEvent,
    OrderNotFound,
    PaymentApproved,
    PaymentPending,
    RefundDone,
    RefundFailed,
)
from terminal.core.sale import Order, Phase
from terminal.core.terms import Mode, Money
from terminal.dispatcher.enquiries import KEPT_MAX, Enquiries, agree, question, said

FIVE, FOUR = Money(500, "EUR"), Money(400, "EUR")
PAID = Order(
    order_no="T1",
    sale_no="T1",
    mode=Mode.MPM,
    amount=FIVE,
    phase=Phase.PAID,
    opened_ms=0,
    paid=FIVE,
)
CLOSED = replace(PAID, phase=Phase.CLOSED, paid=None)
REFUNDED = replace(PAID, order_no="R1", mode=Mode.REFUND, of="T1", phase=Phase.RETURNED)
TOOK, TOOK_LESS = PaymentApproved(at_ms=1, paid=FIVE), PaymentApproved(at_ms=1, paid=FOUR)


@pytest.mark.parametrize(
    ("order", "event", "fits"),
    [
        (PAID, TOOK, True),
        (PAID, TOOK_LESS, False),
        (PAID, OrderClosed(at_ms=1), False),
        (PAID, OrderNotFound(at_ms=1), False),
        (CLOSED, OrderClosed(at_ms=1), True),
        (CLOSED, OrderNotFound(at_ms=1), True),
        (CLOSED, TOOK, False),
        (CLOSED, PaymentPending(at_ms=1), False),
        (REFUNDED, RefundDone(at_ms=1, amount=FIVE), True),
        (REFUNDED, RefundDone(at_ms=1, amount=FOUR), False),
        (REFUNDED, RefundFailed(at_ms=1), False),
        (PAID, AnswerUnclear(at_ms=1), None),
        (PAID, LineFailed(at_ms=1, left=True), None),
        (replace(PAID, phase=Phase.PRESENTING), TOOK, None),
    ],
)
def test_agreement(order: Order, event: OrderEvent, fits: bool | None) -> None:
    assert agree(order, said(event), went_back=False) is fits


def test_a_sale_that_went_back_may_be_called_closed() -> None:
    assert agree(PAID, said(OrderClosed(at_ms=1)), went_back=True)
    assert not agree(PAID, said(OrderNotFound(at_ms=1)), went_back=True)


def test_a_void_is_asked_about_by_its_sale() -> None:
    void = replace(REFUNDED, mode=Mode.VOID)
    assert question(void) == QueryOrder("T1", FIVE)
    assert question(REFUNDED) == QueryRefund("R1", FIVE, "T1")


def test_an_answer_outside_the_tables_is_told_and_not_stepped() -> None:
    enquiries = Enquiries()
    enquiries.begin("T1")
    enquiries.outside(7, "T1")
    assert enquiries.hears(7, QueryOrder("T1", FIVE), TOOK)
    assert enquiries.answer("T1") == said(TOOK)
    assert not enquiries.hears(8, QueryOrder("T1", FIVE), OrderNotFound(at_ms=2))
    assert enquiries.answer("T1") == said(TOOK), (
        "only the first answer is the one that was asked for"
    )


def test_what_is_kept_is_bounded() -> None:
    enquiries = Enquiries()
    for number in range(3 * KEPT_MAX):
        enquiries.begin(f"T{number}")
        enquiries.outside(number, f"T{number}")
    assert not enquiries.hears(0, QueryOrder("T0", FIVE), TOOK)
    assert enquiries.answer("T0") is None
