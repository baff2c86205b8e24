"""The people's side: keys, scans, choices, and what they come to (counter.md; F15, F22, F79-F82)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.core import counter as people
from terminal.core.counter import DEAF_MS, UNTOLD_MAX
from terminal.core.effects import Beep
from terminal.core.events import (
    AnswerUnclear,
    CodeIssued,
    Key,
    KeyPressed,
    LineChanged,
    LineFailed,
    OrderClosed,
    OrderMoved,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentPending,
    SaleAsked,
    ScannerChanged,
    ServiceChanged,
    UndoAccepted,
    WakeDue,
)
from terminal.core.sale import Phase, Reason
from terminal.core.stand import Counter, Offer, Stand
from terminal.core.terms import Mode, Money
from terminal.core.views import Idle, NotPaid, OutOfService, Paid, Presenting, Typing
from tests.core.desk import (
    ALIPAY,
    EITHER,
    GUESSED,
    QR,
    SCAN_ONLY,
    SHOP,
    SHOPS_CODE,
    SPELT,
    THREE,
    UNKNOWN,
    Desk,
    checking,
    choosing,
    close,
    idle,
    paid,
    scanning,
    selling,
    typing,
    unpaid,
)
from tests.core.script import EUR_4, EUR_5

STANDS: dict[Stand, Callable[[], Desk]] = {
    Stand.IDLE: idle,
    Stand.TYPING: typing,
    Stand.SCANNING: scanning,
    Stand.CHOOSING: choosing,
    Stand.SELLING: selling,
    Stand.RESULT: paid,
}


# -- keying the amount ---------------------------------------------------------------------------------------


def test_the_amount_is_typed_minor_units_first() -> None:
    desk = Desk().press("1 2 5 0")
    assert desk.view == Typing(Money(1250, "EUR"), Money(1250, "EUR"))
    assert desk.press("+ 3 00").view == Typing(Money(300, "EUR"), Money(1550, "EUR"), items=2)
    assert desk.press("back").view == Typing(Money(30, "EUR"), Money(1280, "EUR"), items=2)
    assert desk.heard == [Beep.KEY]


def test_ok_with_zero_does_nothing_but_says_why() -> None:
    desk = Desk().press("0 ok")
    assert (desk.stand, desk.heard, desk.orders) == (Stand.TYPING, [Beep.NO], {})
    assert "zero" in desk.counter.note
    assert desk.press("5").counter.note == ""


def test_the_digit_too_many_is_refused_and_nothing_changes() -> None:
    desk = Desk().press("1 0 0 0 0 0")
    before = desk.counter.entry
    assert desk.press("0").counter.entry is before
    assert (desk.heard, desk.stand) == ([Beep.NO], Stand.TYPING)


@pytest.mark.parametrize("keys", ["5 cancel", "5 clear", "5 + 3 clear", "5 + cancel"])
def test_clearing_everything_is_idle_again(keys: str) -> None:
    desk = Desk().press(keys)
    assert (desk.stand, desk.counter.entry.empty, desk.heard) == (Stand.IDLE, True, [Beep.KEY])


# -- OK --------------------------------------------------------------------------------------------------------


def test_ok_shows_our_code_and_arms_the_scanner_at_the_same_time() -> None:
    desk = Desk().press("5 00 ok")
    assert (desk.stand, desk.front.phase, desk.armed) == (Stand.SELLING, Phase.REQUESTING, True)
    desk.hears(CodeIssued, code=QR)
    assert isinstance(desk.view, Presenting)
    assert (desk.view.qr, desk.view.scan_too) == (QR, True)


def test_ok_offers_what_the_shop_has() -> None:
    shown = Desk(replace(SHOP, offer=Offer.SHOW)).press("5 00 ok").hears(CodeIssued, code=QR)
    assert (shown.armed, shown.stand) == (False, Stand.SELLING)
    assert isinstance(shown.view, Presenting)
    assert not shown.view.scan_too
    assert (scanning().armed, scanning().stand, scanning().orders) == (True, Stand.SCANNING, {})


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (LineChanged(at_ms=9_000, online=False), "No connection"),
        (ServiceChanged(at_ms=9_000, why="The paper burns.", remedy="Water."), "paper burns"),
    ],
)
def test_nothing_starts_that_cannot_be_finished(trouble: Any, says: str) -> None:
    desk = Desk().press("5 00").happens(trouble).press("ok")
    assert (desk.orders, desk.heard, desk.stand) == ({}, [Beep.NO], Stand.TYPING)
    assert says in desk.counter.note
    desk = Desk().happens(trouble).happens(SaleAsked(at_ms=10_000, amount=EUR_5))
    assert (desk.orders, desk.heard) == ({}, [Beep.NO])


@pytest.mark.parametrize("amount", [Money(0, "EUR"), Money(100_001, "EUR"), Money(500, "USD")])
def test_a_sale_asked_for_from_outside_is_looked_at_as_well(amount: Money) -> None:
    desk = Desk().happens(SaleAsked(at_ms=10_000, amount=amount))
    assert (desk.orders, desk.heard, desk.stand) == ({}, [Beep.NO], Stand.IDLE)


def test_a_sale_asked_for_one_way_goes_only_that_way() -> None:
    desk = Desk().happens(SaleAsked(at_ms=10_000, amount=EUR_5, mode=Mode.CPM))
    assert (desk.stand, desk.orders, desk.armed) == (Stand.SCANNING, {}, True)
    desk = Desk().happens(SaleAsked(at_ms=10_000, amount=EUR_5, mode=Mode.MPM))
    desk.hears(CodeIssued, code=QR).scan(ALIPAY)
    assert (desk.front.phase, desk.armed, desk.counter.held) == (Phase.PRESENTING, False, None)
    assert isinstance(desk.view, Presenting)
    assert not desk.view.scan_too
    assert paid().wakes().press("5 00 ok").armed, "the next sale is as the shop offers"


# -- C, in every stand -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["cancel", "clear"])
def test_cancel_in_every_stand(key: str) -> None:
    ends = {stand: make().press(key) for stand, make in STANDS.items()}
    assert {stand: desk.stand for stand, desk in ends.items()} == {
        Stand.IDLE: Stand.IDLE,
        Stand.TYPING: Stand.IDLE,
        Stand.SCANNING: Stand.IDLE,
        Stand.CHOOSING: Stand.SELLING,
        Stand.SELLING: Stand.SELLING,
        Stand.RESULT: Stand.IDLE,
    }
    assert ends[Stand.IDLE].heard == [Beep.NO]
    cancelled = ends[Stand.SELLING].front
    assert (cancelled.phase, cancelled.reason) == (Phase.CLOSING, Reason.OPERATOR)
    assert ends[Stand.CHOOSING].front.phase is Phase.PRESENTING


def test_cancel_while_the_customers_code_is_being_charged() -> None:
    desk = scanning().scan(ALIPAY).press("cancel")
    assert (desk.front.phase, desk.front.reason) == (Phase.REVERSING, Reason.OPERATOR)
    assert desk.hears(PaymentApproved, paid=EUR_5).heard == [Beep.PAID], "the truth"


def test_cancel_while_a_code_waits_drops_the_code() -> None:
    desk = selling().scan(ALIPAY).press("cancel")
    assert (desk.counter.held, desk.heard) == (None, [Beep.KEY])
    assert desk.press("cancel").heard == [Beep.NO]
    close(desk)
    assert (desk.stand, len(desk.orders)) == (Stand.RESULT, 1)


def test_cancel_at_the_instant_of_paid_is_not_a_key_for_the_result() -> None:
    """F80: the key was meant for the screen before."""
    desk = paid().press("cancel", pause_ms=DEAF_MS - 1)
    assert (desk.stand, desk.heard) == (Stand.RESULT, [Beep.NO])
    assert isinstance(desk.view, Paid)
    desk = paid()
    desk.happens(KeyPressed(at_ms=desk.now_ms - 100, key=Key.CANCEL))  # pressed before, read after
    assert desk.stand is Stand.RESULT


def test_ok_and_cancel_together() -> None:
    """F79: in either order nothing is charged, and what was started ends."""
    desk = typing().press("ok cancel", pause_ms=1)
    assert (desk.front.phase, desk.front.reason) == (Phase.CLOSING, Reason.OPERATOR)
    desk = typing().press("cancel ok", pause_ms=1)
    assert (desk.stand, desk.orders) == (Stand.IDLE, {})


def test_keys_while_a_sale_is_under_way_cannot_change_its_amount() -> None:
    """F81."""
    desk = selling()
    for key in set(SPELT) - {"cancel", "clear"}:
        desk.press(key)
        assert (desk.heard, desk.front.amount, desk.counter.amount) == ([Beep.NO], EUR_5, EUR_5)
    assert (len(desk.orders), desk.front.phase) == (1, Phase.PRESENTING)


def test_a_key_pressed_twice_does_its_work_once() -> None:
    """F82 for the keys there are: OK twice is one order, C twice is one cancel."""
    assert len(Desk().press("5 00 ok ok ok").orders) == 1
    desk = selling().press("cancel")
    order = desk.front
    assert desk.press("cancel").front is order


@pytest.mark.parametrize("stand", Stand)
def test_every_key_is_answered_by_a_sound(stand: Stand) -> None:
    for key in SPELT:
        desk = STANDS[stand]().press(key)
        assert desk.heard, f"{key} in {stand.value} was not answered"


@pytest.mark.parametrize(
    ("stand", "keys"),
    [
        (Stand.IDLE, "+ back ok menu cancel clear"),
        (Stand.TYPING, "menu"),
        (Stand.SCANNING, "1 00 + back ok menu"),
        (Stand.CHOOSING, "3 4 9 00 + back ok menu"),
        (Stand.SELLING, "1 00 + back ok menu"),
    ],
)
def test_a_key_that_means_nothing_now_is_answered_by_a_low_tone(stand: Stand, keys: str) -> None:
    for key in keys.split():
        desk = STANDS[stand]()
        before = desk.counter
        assert desk.press(key).heard == [Beep.NO]
        assert desk.counter == before


# -- results, and sales left to the background -------------------------------------------------------------------


def test_paid_stays_until_a_key_or_eight_seconds() -> None:
    assert paid().press("ok").stand is Stand.IDLE
    desk = paid()
    at_ms = desk.now_ms
    assert (desk.wakes().stand, desk.now_ms - at_ms) == (Stand.IDLE, SHOP.result_ms)
    desk = paid().press("7")
    assert isinstance(desk.view, Typing)
    assert desk.view.total == Money(7, "EUR")


def test_ok_after_not_paid_tries_the_same_amount_again_as_a_new_sale() -> None:
    desk = unpaid()
    assert isinstance(desk.view, NotPaid)
    desk.press("ok")
    assert (desk.front.phase, desk.front.amount, desk.front.sale_no) == (
        Phase.REQUESTING,
        EUR_5,
        "N2",
    )


def test_the_sound_of_every_result() -> None:
    assert paid().heard == [Beep.PAID]
    assert unpaid().heard == [Beep.NOT_PAID]
    assert selling().hears(PaymentApproved, paid=EUR_4).heard == [Beep.ATTENTION]
    assert scanning().scan(ALIPAY).hears(PaymentDeclined).heard == [Beep.NOT_PAID]


def test_the_sound_of_progress_and_of_doubt() -> None:
    desk = selling().hears(WakeDue, 5_000).hears(PaymentPending, payer_acting=True)
    assert desk.heard == [Beep.TICK]
    assert desk.hears(WakeDue).hears(PaymentPending, payer_acting=True).heard == []
    assert scanning().scan(ALIPAY).hears(LineFailed, left=True).heard == [Beep.UNKNOWN]
    assert checking().heard == [Beep.UNKNOWN]


def test_ok_leaves_an_order_that_is_being_resolved_to_the_background() -> None:
    desk = checking().press("ok")
    assert (desk.stand, desk.counter.front) == (Stand.IDLE, None)
    desk.press("7 00 ok")
    assert (desk.front.order_no, desk.front.phase) == ("N2", Phase.REQUESTING)
    desk.hears(WakeDue, 2_000, "N1").hears(OrderNotFound, 20_000, "N1")
    assert desk.front.order_no == "N2"


def test_ok_does_not_leave_a_sale_that_can_still_be_paid_or_a_waiting_code() -> None:
    for desk in (selling(), scanning().scan(ALIPAY), selling().scan(ALIPAY)):
        assert desk.press("ok").heard == [Beep.NO]
        assert desk.counter.front is not None


def background_paid(desk: Desk) -> Desk:
    """The order left behind turns out to be paid after its undo left: it goes back."""
    desk.hears(WakeDue, 20_000, "N1").hears(PaymentPending, 0, "N1").hears(UndoAccepted, 0, "N1")
    return desk.hears(PaymentApproved, 0, "N1", paid=EUR_5).hears(UndoAccepted, 0, "N1")


def test_the_end_of_an_earlier_sale_is_told_when_nobody_is_served_until_a_key() -> None:
    desk = background_paid(checking().press("ok 7"))
    assert (desk.stand, len(desk.counter.untold)) == (Stand.TYPING, 1)
    desk.press("cancel").wakes()
    assert (desk.stand, desk.front.order_no, desk.front.phase) == (
        Stand.RESULT,
        "N1",
        Phase.REVERSED,
    )
    assert (desk.counter.again, desk.heard, desk.counter.untold) == (True, [Beep.NOT_PAID], ())
    assert people.next_wake(desk.counter, desk.shop) is None, "it stays until somebody has seen it"
    assert desk.press("ok").stand is Stand.IDLE, "OK does not sell the earlier amount again"


def test_an_earlier_sale_that_was_paid_after_all_is_told_as_paid() -> None:
    desk = checking().press("ok").hears(WakeDue, 2_000, "N1")
    desk.hears(PaymentApproved, 0, "N1", paid=EUR_5)
    desk.wakes()
    assert isinstance(desk.view, Paid)
    assert (desk.view.again, desk.heard) == (True, [Beep.PAID])


def test_an_earlier_sale_that_came_to_nothing_needs_no_telling() -> None:
    desk = checking().press("ok").hears(WakeDue, 2_000, "N1").hears(OrderClosed, 0, "N1")
    assert (desk.counter.untold, desk.stand) == ((), Stand.IDLE)


def test_the_untold_are_bounded_and_each_order_once() -> None:
    desk = background_paid(checking().press("ok 7"))
    (order,) = desk.counter.untold
    for number in range(UNTOLD_MAX + 5):
        other = replace(order, order_no=f"X{number}")
        for _ in range(2):
            desk.happens(OrderMoved(at_ms=desk.now_ms, order=other))
    assert [it.order_no for it in desk.counter.untold] == [
        f"X{n}" for n in range(5, UNTOLD_MAX + 5)
    ]


def test_an_end_that_a_late_payment_undid_is_not_told() -> None:
    desk = background_paid(checking().press("ok 7"))
    (order,) = desk.counter.untold
    again = replace(order, phase=Phase.REVERSING)
    desk.happens(OrderMoved(at_ms=desk.now_ms, order=again))
    assert desk.counter.untold == (), "NOT PAID would be shown of an order that is under way (I6)"
    desk.happens(OrderMoved(at_ms=desk.now_ms, order=order))
    assert desk.counter.untold == (order,)


def test_the_shown_result_follows_its_record() -> None:
    """A late payment on the order whose NOT PAID is on the glass."""
    desk = unpaid().hears(PaymentApproved, paid=EUR_5)
    assert (desk.stand, desk.front.phase) == (Stand.RESULT, Phase.REVERSING)
    assert not isinstance(desk.view, NotPaid | Paid)
    desk.press("ok")
    assert (desk.stand, len(desk.orders)) == (Stand.IDLE, 1)
    assert desk.hears(UndoAccepted, order_no="N1").wakes().front.phase is Phase.REVERSED


def test_after_a_restart_the_last_sale_is_in_front() -> None:
    last = paid().front
    desk = Desk(counter=people.show_last(Counter(), last, 100), now_ms=200)
    assert isinstance(desk.view, Paid)
    assert desk.view.again
    assert people.next_wake(desk.counter, desk.shop) is None
    open_still = replace(selling().front, restarted=True)
    desk = Desk(counter=people.show_last(Counter(), open_still, 100), now_ms=200)
    assert (desk.stand, desk.armed) == (Stand.SELLING, False)
    assert not isinstance(desk.view, Presenting), "nobody may pay what is about to be closed"


# -- line and service --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stand", Stand)
def test_trouble_ends_what_has_no_order_and_nothing_else(stand: Stand) -> None:
    desk = STANDS[stand]()
    before = desk.counter
    desk.happens(ServiceChanged(at_ms=desk.now_ms, why="The display is not answering."))
    if stand is Stand.SCANNING:
        assert desk.stand is Stand.IDLE
    else:
        assert desk.counter == replace(before, why="The display is not answering.")
    assert not desk.armed, "G21: no code is taken while nothing can be shown"


def test_trouble_while_a_scanned_code_waits_for_its_wallet() -> None:
    desk = scanning().scan(EITHER).happens(ServiceChanged(at_ms=20_000, why="Dark."))
    assert (desk.stand, desk.counter.held, desk.press("1").orders) == (Stand.IDLE, None, {})


def test_trouble_while_a_code_waits_charges_nothing_more() -> None:
    desk = selling().scan(ALIPAY)
    desk.happens(ServiceChanged(at_ms=desk.now_ms, why="The display is not answering."))
    close(desk)
    assert (desk.stand, len(desk.orders)) == (Stand.RESULT, 1)


def test_out_of_service_takes_no_key_and_heals() -> None:
    desk = Desk().happens(ServiceChanged(at_ms=10_000, why="Dark.", remedy="Light."))
    assert desk.heard == [Beep.ATTENTION], "F85: the dark display cannot say it"
    assert desk.happens(ServiceChanged(at_ms=11_000, why="Dark.", remedy="Lamp.")).heard == []
    desk.happens(ServiceChanged(at_ms=12_000, why="Dark.", remedy="Light."))
    assert desk.view == OutOfService("Dark.", "Light.")
    assert desk.press("5").heard == [Beep.NO]
    desk.happens(ServiceChanged(at_ms=20_000, why=None))
    assert isinstance(desk.view, Idle)
    assert isinstance(desk.press("5").view, Typing)


@pytest.mark.parametrize("stand", Stand)
def test_the_line_comes_and_goes_in_every_stand(stand: Stand) -> None:
    desk = STANDS[stand]()
    before = desk.counter
    desk.happens(LineChanged(at_ms=desk.now_ms, online=False))
    assert (desk.counter, desk.heard) == (replace(before, online=False), [Beep.OFFLINE])
    assert desk.happens(LineChanged(at_ms=desk.now_ms, online=True)).counter == before


@pytest.mark.parametrize("stand", Stand)
def test_a_lost_scanner_ends_nothing_and_is_said_where_it_is_wanted(stand: Stand) -> None:
    desk = STANDS[stand]()
    before, wanted = desk.counter, desk.armed
    desk.happens(ScannerChanged(at_ms=desk.now_ms, lost=True))
    assert desk.counter == replace(before, scanner_lost=True)
    assert desk.heard == ([Beep.NO] if wanted else [])
    assert ("scanner is not answering" in str(desk.view)) is wanted
    assert not getattr(desk.view, "scan_too", False), "nobody holds a phone up in vain"
    assert desk.happens(ScannerChanged(at_ms=desk.now_ms, lost=False)).counter == before
    assert desk.heard == []


# -- whatever people do --------------------------------------------------------------------------------------------

ANYTHING = st.one_of(
    st.sampled_from(sorted(SPELT)),
    st.sampled_from(["5 00 ok", "cancel", "ok"]),
    st.sampled_from([ALIPAY, EITHER, THREE, GUESSED, UNKNOWN, SHOPS_CODE]),
    st.sampled_from(
        [
            (CodeIssued, {"code": QR}),
            (PaymentApproved, {"paid": EUR_5}),
            (PaymentPending, {"payer_acting": True}),
            (PaymentDeclined, {}),
            (OrderClosed, {}),
            (OrderNotFound, {}),
            (UndoAccepted, {}),
            (AnswerUnclear, {}),
            (LineFailed, {"left": True}),
            (WakeDue, {}),
        ]
    ),
    st.sampled_from([0, 5_000, 100_000]),
)


@settings(max_examples=200)
@given(
    st.sampled_from([SHOP, SCAN_ONLY, replace(SHOP, offer=Offer.SHOW)]),
    st.lists(ANYTHING, max_size=40),
)
def test_whatever_people_do_no_sale_has_two_live_orders(shop: Any, things: list[Any]) -> None:
    """The desk itself asserts it at every commit; and the counter's own clock never turns on the spot."""
    desk = Desk(shop)
    for thing in things:
        _do(desk, thing)
        due_ms = people.next_wake(desk.counter, desk.shop)
        if due_ms is not None and due_ms <= desk.now_ms:
            before = desk.counter
            desk.wakes()
            assert desk.counter != before
        assert desk.stand is not Stand.SELLING or desk.counter.front is not None


def _do(desk: Desk, thing: Any) -> None:
    match thing:
        case str() if (thing.isdecimal() and len(thing) > 2) or thing == SHOPS_CODE:
            desk.scan(thing)
        case str():
            desk.press(thing)
        case int():
            desk.now_ms += thing
        case event, words if desk.orders:
            desk.hears(event, order_no=list(desk.orders)[-1], **words)


def test_an_amount_that_nobody_goes_on_with_is_forgotten() -> None:
    typing, _ = people.step(Counter(), KeyPressed(at_ms=1_000, key=Key.D5), SHOP)
    due_ms = people.next_wake(typing, SHOP)
    assert due_ms == 1_000 + people.ABANDONED_MS
    assert people.step(typing, WakeDue(at_ms=due_ms - 1), SHOP)[0] == typing
    assert people.step(typing, WakeDue(at_ms=due_ms), SHOP)[0].stand is Stand.IDLE
