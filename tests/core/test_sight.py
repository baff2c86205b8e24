"""What people see never says more than the record (I3, I6; counter.md, the table of moments)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    CodeIssued,
    CodePresented,
    LineFailed,
    OrderClosed,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentPending,
    ServiceChanged,
    UndoAccepted,
)
from terminal.core.sale import RETURNS, Order, Phase, Reason
from terminal.core.sight import CLOCK_NOT_SET, UNSURE_TRIES, of_order, outcome, view
from terminal.core.stand import Counter, Stand
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
from tests.core.desk import ALIPAY, EITHER, IDLE, SCAN_ONLY, SHOP, Desk
from tests.core.explore import every_kind
from tests.core.script import EUR_4, EUR_5, Sale, in_doubt, requesting, shown, submitting

UNPAID = frozenset({Phase.DECLINED, Phase.CLOSED, Phase.REVERSED})


def reachable() -> Iterator[Order]:
    """Every kind of sale; what becomes of a return is told by terminalctl, not by the glass."""
    for move in every_kind():
        if move.after.mode not in RETURNS:
            yield move.after


def seen(order: Order) -> Iterator[View]:
    """Every way in which this order may come to the glass."""
    yield of_order(order, 3)
    for stand in (Stand.SELLING, Stand.RESULT):
        for again in (False, True):
            counter = Counter(stand=stand, front=order, amount=order.amount, again=again)
            yield view(counter, SHOP, 10_000, lambda: IDLE)


# -- never more than the record ------------------------------------------------------------------------------


def test_every_order_that_can_be_has_a_view_and_none_says_more_than_it_knows() -> None:
    for order in reachable():
        for sight in seen(order):
            assert isinstance(sight, Paid) is (order.phase is Phase.PAID)
            assert isinstance(sight, NotPaid) is (order.phase in UNPAID)
            assert isinstance(sight, Attention) is (order.phase is Phase.ATTENTION)
            if isinstance(sight, Presenting):
                assert order.phase is Phase.PRESENTING
                assert not order.restarted


def test_every_phase_has_a_view_in_every_condition() -> None:
    """Also those that no table leads to today."""
    sale = shown()
    for phase in Phase:
        for restarted in (False, True):
            for tries in (0, 1):
                pace = replace(sale.order.pace, tries=tries)
                order = replace(sale.order, phase=phase, restarted=restarted, pace=pace)
                assert all(seen(order))
                assert outcome(order)


def test_every_stand_has_a_view() -> None:
    views = {stand: type(view(Counter(stand=stand), SHOP, 1_000, lambda: IDLE)) for stand in Stand}
    assert views == {
        Stand.IDLE: Idle,
        Stand.TYPING: Typing,
        Stand.SCANNING: Scanning,
        Stand.CHOOSING: Choosing,
        Stand.SELLING: Waiting,
        Stand.RESULT: Idle,
    }


# -- the words of every moment --------------------------------------------------------------------------------

Making = Callable[[], Sale]


@pytest.mark.parametrize(
    ("sale", "text"),
    [
        (requesting, "Getting the code"),
        (submitting, "Asking the wallet"),
        (lambda: submitting().hears(PaymentPending), "Customer is confirming"),
        (lambda: shown().hears(CancelPressed), "Cancelling"),
        (lambda: submitting().hears(CancelPressed), "Cancelling"),
        (lambda: shown().hears(CodePresented), "One moment: taking your code"),
        (lambda: shown(life_ms=2_000).wakes(), "The code has expired. One moment"),
    ],
)
def test_while_all_goes_as_it_should(sale: Making, text: str) -> None:
    assert of_order(sale().order, 3) == Waiting(EUR_5, text, 3)


@pytest.mark.parametrize(
    ("sale", "doing"),
    [
        (lambda: requesting().hears(AnswerUnclear), "Asking the gateway"),
        (in_doubt, "Asking the gateway"),
        (lambda: in_doubt().wakes().hears(OrderNotFound), "Asking the gateway"),
        (lambda: submitting().restarts(), "Asking the gateway"),
        (lambda: shown().restarts(), "Asking the gateway"),
        (lambda: shown().hears(CancelPressed).hears(AnswerUnclear, 20_000), "Closing the order"),
        (lambda: shown().hears(CancelPressed).restarts(), "Closing the order"),
        (lambda: expired_in_doubt(), "Taking the payment back"),
        (
            lambda: shown().hears(OrderClosed).hears(PaymentApproved, paid=EUR_5),
            "Taking the payment back",
        ),
        (
            lambda: expired_in_doubt().hears(OrderNotFound).hears(OrderNotFound),
            "Making sure that nothing was paid",
        ),
    ],
)
def test_an_unknown_result_is_called_unknown(sale: Making, doing: str) -> None:
    assert of_order(sale().order, 3) == Checking(EUR_5, 3, doing)


def expired_in_doubt() -> Sale:
    """CPM: nobody answered in time. The customer may have been charged."""
    sale = submitting().hears(PaymentPending)
    while sale.phase is Phase.IN_DOUBT:
        sale.wakes() if not sale.order.pace.asked else sale.hears(PaymentPending)
    return sale


def test_paid_shows_the_end_of_the_reference_and_the_wallet() -> None:
    sale = submitting().hears(PaymentApproved, paid=EUR_5, gateway_ref="g123456")
    assert of_order(sale.order, 0) == Paid(EUR_5, "3456", "alipay-cn")
    sale = submitting().hears(PaymentApproved, paid=EUR_5)
    assert of_order(sale.order, 0, again=True) == Paid(EUR_5, "BBBB", "alipay-cn", again=True)


def test_not_paid_says_why() -> None:
    sale = submitting().hears(PaymentDeclined, reason=Reason.INSUFFICIENT_FUNDS)
    assert of_order(sale.order, 0) == NotPaid(EUR_5, Reason.INSUFFICIENT_FUNDS)


def test_attention_gives_a_word_and_the_number() -> None:
    sale = submitting().hears(PaymentApproved, paid=EUR_4)
    assert of_order(sale.order, 0) == Attention(EUR_5, "mismatch", sale.order.order_no)


# -- the counter's stands --------------------------------------------------------------------------------------


def test_the_shown_code_shrinks_its_bar_and_says_what_else_works() -> None:
    desk = Desk().press("5 00 ok").hears(CodeIssued, 400, code="QR", life_ms=60_000)
    assert desk.view == Presenting(EUR_5, "QR", remaining_s=60, life_s=60, scan_too=True)
    desk.now_ms += 20_500
    assert desk.view == Presenting(EUR_5, "QR", remaining_s=40, life_s=60, scan_too=True)
    desk.now_ms += 60_000
    assert isinstance(desk.view, Presenting)
    assert desk.view.remaining_s == 0
    desk.hears(PaymentPending, payer_acting=True)
    assert isinstance(desk.view, Presenting)
    assert desk.view.payer_acting


def test_the_shown_code_says_when_the_line_is_being_checked() -> None:
    desk = Desk().press("5 00 ok").hears(CodeIssued, code="QR")
    for tries in range(1, UNSURE_TRIES + 1):
        desk.hears(AnswerUnclear)
        assert isinstance(desk.view, Presenting)
        assert (desk.view.note == "Checking the line") is (tries == UNSURE_TRIES)


def test_waiting_for_a_code_and_for_a_choice() -> None:
    desk = Desk(SCAN_ONLY).press("5 00 ok")
    assert desk.view == Scanning(EUR_5, 90)
    assert desk.scan("https://example.org").view == Scanning(EUR_5, 90, desk.counter.note)
    assert desk.scan(EITHER).view == Choosing(EUR_5, ("alipay-cn", "alipay+"))


def test_trouble_is_shown_before_anyone_types_and_never_over_a_sale() -> None:
    desk = Desk(SCAN_ONLY).press("5 00 ok").scan(ALIPAY)
    desk.happens(ServiceChanged(at_ms=desk.now_ms, why="Dark.", remedy="Light."))
    assert isinstance(desk.view, Waiting)
    desk.hears(PaymentApproved, paid=EUR_5)
    assert isinstance(desk.view, Paid)
    assert desk.press("ok").view == OutOfService("Dark.", "Light.")
    desk.happens(ServiceChanged(at_ms=desk.now_ms, why=CLOCK_NOT_SET))
    assert desk.view == ClockNotSet()


# -- outcome words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sale", "word"),
    [
        (requesting, "waiting"),
        (shown, "waiting"),
        (submitting, "waiting"),
        (lambda: shown().restarts(), "checking"),
        (in_doubt, "checking"),
        (lambda: shown().hears(CancelPressed), "checking"),
        (lambda: shown().hears(PaymentApproved, paid=EUR_5), "paid"),
        (lambda: shown().hears(PaymentApproved, paid=EUR_4), "attention"),
        (lambda: shown().hears(OrderClosed), "not paid"),
        (lambda: submitting().hears(PaymentDeclined), "not paid"),
        (lambda: submitting().hears(LineFailed, left=False), "not paid"),
        (lambda: shown().hears(CancelPressed).hears(OrderClosed), "cancelled"),
        (
            lambda: (
                shown().hears(OrderClosed).hears(PaymentApproved, paid=EUR_5).hears(UndoAccepted)
            ),
            "returned",
        ),
    ],
)
def test_the_outcome_in_one_word(sale: Making, word: str) -> None:
    assert outcome(sale().order) == word


def test_the_outcome_of_every_order_that_can_be() -> None:
    for order in reachable():
        word = outcome(order)
        assert (word == "paid") is (order.phase is Phase.PAID)
        if word in ("not paid", "cancelled", "returned"):
            assert order.phase in UNPAID
            assert (word == "returned") is (order.paid is not None)
