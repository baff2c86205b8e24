"""Looks into ended orders: bounded, and each reply is given once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from terminal.core.events import AnswerUnclear, LineFailed, OrderClosed, OrderEvent, PaymentHinted
from terminal.core.sale import Order, Phase
from terminal.core.terms import Mode, Money
from terminal.gateways import Notice
from terminal.web import Verdict
from terminal.web.looks import LOOKS_MAX, WAITERS_MAX, Looks, verdict

AMOUNT = Money(500, "EUR")
CLOSED = Order("T1", "T1", Mode.MPM, AMOUNT, Phase.CLOSED, opened_ms=0)
SAYS_NOTHING = Notice(
    order_no="T1",
    kind="payment",
    amount=None,
    merchant_ok=True,
    gateway_ref=None,
    event_key="1",
)
SAYS_PAID = replace(SAYS_NOTHING, amount=AMOUNT)
SAYS_PAID_SOMETHING = replace(SAYS_NOTHING, illegible=True)


@pytest.mark.parametrize(
    ("notice", "order", "event", "expected"),
    [
        (SAYS_PAID, replace(CLOSED, phase=Phase.REVERSING), OrderClosed(at_ms=1), Verdict.TAKEN),
        (SAYS_PAID, replace(CLOSED, phase=Phase.ATTENTION), OrderClosed(at_ms=1), Verdict.TAKEN),
        (SAYS_PAID, replace(CLOSED, paid=AMOUNT), OrderClosed(at_ms=1), Verdict.TAKEN),
        (SAYS_PAID, CLOSED, OrderClosed(at_ms=1), Verdict.LATER),
        (SAYS_PAID_SOMETHING, CLOSED, OrderClosed(at_ms=1), Verdict.LATER),
        (SAYS_PAID_SOMETHING, replace(CLOSED, paid=AMOUNT), OrderClosed(at_ms=1), Verdict.TAKEN),
        (SAYS_NOTHING, CLOSED, OrderClosed(at_ms=1), Verdict.TAKEN),
        (SAYS_NOTHING, CLOSED, LineFailed(at_ms=1, left=False), Verdict.LATER),
        (SAYS_NOTHING, CLOSED, AnswerUnclear(at_ms=1), Verdict.LATER),
        (SAYS_NOTHING, CLOSED, PaymentHinted(at_ms=1), Verdict.LATER),
    ],
)
def test_what_a_look_comes_to(
    notice: Notice, order: Order, event: OrderEvent, expected: Verdict
) -> None:
    assert verdict(notice, order, event) is expected


def test_without_a_look_it_is_taken_at_once() -> None:
    """Of an open order it is not remembered: the same event may be told too early first."""
    heard: list[Verdict] = []
    Looks().wait(SAYS_PAID, replace(CLOSED, phase=Phase.PAID), heard.append)
    Looks().wait(SAYS_PAID, replace(CLOSED, phase=Phase.PRESENTING), heard.append)
    assert heard == [Verdict.TAKEN, Verdict.ASKED]


def test_all_who_wait_hear_it_once_and_no_more_than_so_many_wait() -> None:
    looks = Looks()
    looks.begin(CLOSED)
    heard: list[list[Verdict]] = [[] for _ in range(WAITERS_MAX + 1)]
    replies: list[Callable[[Verdict], None]] = [box.append for box in heard]
    for reply in replies:
        looks.wait(SAYS_NOTHING, CLOSED, reply)
    assert heard == [[]] * WAITERS_MAX + [[Verdict.LATER]]
    look = looks.end("T1")
    assert look is not None
    look.tell(CLOSED, OrderClosed(at_ms=1))
    assert heard == [[Verdict.TAKEN]] * WAITERS_MAX + [[Verdict.LATER]]
    assert looks.end("T1") is None


def test_full() -> None:
    looks = Looks()
    for number in range(LOOKS_MAX):
        assert not looks.full
        looks.begin(replace(CLOSED, order_no=f"T{number}"))
    assert looks.full
