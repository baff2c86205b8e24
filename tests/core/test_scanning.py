"""The customer's code: whose wallet it is, and what it comes to (counter.md; F15, F22)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from terminal.core.effects import Beep
from terminal.core.events import (
    CodeIssued,
    OrderClosed,
    PaymentApproved,
    PaymentDeclined,
    ScanRefused,
    WakeDue,
)
from terminal.core.sale import Phase, Reason
from terminal.core.scanning import CHOICES_MAX, REUSE_MS
from terminal.core.stand import Stand
from terminal.core.terms import Mode
from terminal.core.views import Paid, Presenting
from tests.core.desk import (
    ALIPAY,
    EITHER,
    GUESSED,
    QR,
    SCAN_ONLY,
    SHOP,
    SHOPS_CODE,
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

# -- the customer's code ---------------------------------------------------------------------------------------


def test_a_scanned_code_is_charged() -> None:
    desk = scanning().scan(ALIPAY)
    assert (desk.front.phase, desk.front.mode, desk.front.wallet) == (
        Phase.SUBMITTING,
        Mode.CPM,
        "alipay-cn",
    )
    assert (desk.heard, desk.counter.held, desk.armed) == ([Beep.TICK], None, False)


def test_a_code_held_up_while_ours_is_shown_is_charged_when_ours_has_provably_ended() -> None:
    desk = selling().scan(ALIPAY)
    shown_no = desk.front.order_no
    assert (desk.front.phase, desk.front.reason) == (Phase.CLOSING, Reason.CUSTOMER_CODE)
    assert (desk.counter.held is not None, len(desk.orders)) == (True, 1)
    close(desk)
    assert desk.orders[shown_no].phase is Phase.CLOSED
    assert (desk.front.phase, desk.front.sale_no, desk.counter.held) == (
        Phase.SUBMITTING,
        shown_no,
        None,
    )


def test_a_code_held_up_while_ours_is_being_asked_for() -> None:
    desk = Desk().press("5 00 ok").scan(ALIPAY).hears(CodeIssued, code=QR)
    assert desk.front.phase is Phase.CLOSING
    assert close(desk).front.phase is Phase.SUBMITTING


def test_the_shown_order_was_paid_after_all_so_the_held_code_is_not_charged() -> None:
    desk = selling().scan(ALIPAY).hears(PaymentApproved, paid=EUR_5)
    assert (desk.stand, len(desk.orders), desk.counter.held) == (Stand.RESULT, 1, None)
    assert isinstance(desk.view, Paid)


def test_the_shown_order_needs_a_human_so_the_held_code_is_not_charged() -> None:
    desk = selling().scan(ALIPAY).hears(PaymentApproved, paid=EUR_4)
    assert (desk.front.phase, len(desk.orders), desk.counter.held) == (Phase.ATTENTION, 1, None)


def test_a_code_that_waited_too_long_is_not_charged_and_a_new_one_is_asked_for() -> None:
    desk = selling().scan(ALIPAY).hears(WakeDue, SHOP.held_ms)
    close(desk)
    assert (desk.stand, len(desk.orders), desk.heard) == (Stand.SCANNING, 1, [Beep.NO])
    assert "too old" in desk.counter.note
    desk.scan(ALIPAY)
    assert desk.front.phase is Phase.SUBMITTING, "it was never sent, so it is not used"


def test_the_same_code_within_ten_minutes_is_refused_on_the_next_sale() -> None:
    desk = scanning().scan(ALIPAY).hears(PaymentDeclined).press("cancel 5 00 ok").scan(ALIPAY)
    assert (desk.stand, len(desk.orders), desk.heard) == (Stand.SCANNING, 1, [Beep.NO])
    assert "used before" in desk.counter.note
    assert desk.press("cancel 5 00 ok").scan(ALIPAY, REUSE_MS).front.phase is Phase.SUBMITTING


def test_what_is_no_payment_code_is_refused_in_the_peoples_words() -> None:
    for desk in (scanning(), selling()):
        desk.scan(SHOPS_CODE)
        assert (desk.heard, desk.counter.held) == ([Beep.NO], None)
        assert desk.counter.note.startswith("That is a shop's code")
        desk.happens(ScanRefused(at_ms=desk.now_ms, message="Show it again."))
        assert (desk.counter.note, desk.heard) == ("Show it again.", [Beep.NO])


def test_goods_are_told_by_what_their_barcode_is() -> None:
    """The same digits could be a payment code; in a symbology of goods they are none."""
    desk = scanning().scan(ALIPAY, symbology="ean")
    assert (desk.heard, desk.orders) == ([Beep.NO], {})
    assert desk.scan(ALIPAY, symbology="code128").front.wallet == "alipay-cn"


def test_while_a_code_waits_no_other_is_taken() -> None:
    desk = selling()
    assert desk.armed
    held = selling().scan(ALIPAY).counter.held
    desk.counter = replace(desk.counter, held=held)
    assert not desk.armed


def test_a_refused_scan_leaves_our_code_on_the_glass() -> None:
    desk = selling().scan(SHOPS_CODE)
    assert isinstance(desk.view, Presenting)
    assert (desk.front.phase, desk.armed) == (Phase.PRESENTING, True)


@pytest.mark.parametrize("make", [idle, typing, choosing, paid, unpaid, checking])
def test_scans_that_nobody_waits_for_are_nobodys_business(make: Callable[[], Desk]) -> None:
    """F15: the same code on the next screen; F22: a scan never becomes keys."""
    desk = make()
    before = desk.counter
    desk.scan(THREE).happens(ScanRefused(at_ms=desk.now_ms, message="dirt"))
    assert (desk.counter, desk.heard) == (before, [])


def test_a_second_scan_while_the_first_is_being_charged_changes_nothing() -> None:
    """F14: the same code twice in 50 ms."""
    desk = scanning().scan(ALIPAY).scan(ALIPAY, 50).scan(THREE, 50)
    assert (len(desk.orders), desk.counter.held, desk.heard) == (1, None, [])
    desk = selling().scan(ALIPAY).scan(THREE, 50)
    assert desk.counter.held is not None
    assert desk.counter.held.wallet == "alipay-cn"


# -- whose wallet is it? ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "wallets"),
    [
        (EITHER, ("alipay-cn", "alipay+")),
        (THREE, ("alipay+", "alipay-cn", "alipay-hk")),
        (GUESSED, ("unionpay",)),
    ],
)
def test_what_is_not_certain_is_asked_at_the_counter(code: str, wallets: tuple[str, ...]) -> None:
    desk = scanning().scan(code)
    assert (desk.stand, desk.counter.wallets, desk.orders) == (Stand.CHOOSING, wallets, {})
    assert len(wallets) <= CHOICES_MAX
    desk.press(str(len(wallets)))
    assert (desk.front.phase, desk.front.wallet) == (Phase.SUBMITTING, wallets[-1])


def test_a_code_that_no_rule_knows_may_be_any_of_the_shops() -> None:
    shop = replace(SCAN_ONLY, accepted=frozenset({"wechat", "blik", "paypay", "qris"}))
    desk = Desk(shop).press("5 00 ok").scan(UNKNOWN)
    assert desk.counter.wallets == ("blik", "paypay", "qris")
    desk = scanning().scan(UNKNOWN)
    assert (desk.stand, desk.heard) == (Stand.SCANNING, [Beep.NO])
    assert "not known" in desk.counter.note


@pytest.mark.parametrize("code", [EITHER, UNKNOWN])
def test_a_shop_that_takes_one_wallet_asks_nothing(code: str) -> None:
    shop = replace(SCAN_ONLY, accepted=frozenset({"alipay-cn"}))
    assert Desk(shop).press("5 00 ok").scan(code).front.wallet == "alipay-cn"


def test_a_wallet_that_the_shop_does_not_take_is_refused_by_name() -> None:
    shop = replace(SCAN_ONLY, accepted=frozenset({"wechat"}))
    desk = Desk(shop).press("5 00 ok").scan(ALIPAY)
    assert (desk.stand, desk.heard) == (Stand.SCANNING, [Beep.NO])
    assert "alipay-cn is not taken" in desk.counter.note


@pytest.mark.parametrize("key", ["0", "cancel", "clear"])
def test_going_back_from_the_choice_lets_the_customer_try_again(key: str) -> None:
    desk = choosing().press(key)
    assert (desk.stand, desk.counter.held, desk.armed) == (Stand.SELLING, None, True)
    assert isinstance(desk.view, Presenting)
    desk = scanning().scan(EITHER).press(key)
    assert (desk.stand, desk.armed) == (Stand.SCANNING, True)


def test_nobody_chooses_so_the_counter_goes_back() -> None:
    desk = choosing().wakes()
    assert (desk.stand, desk.heard, desk.counter.held) == (Stand.SELLING, [Beep.NO], None)


def test_nobody_holds_up_a_code_so_the_counter_is_idle() -> None:
    desk = scanning().wakes()
    assert (desk.stand, desk.heard) == (Stand.IDLE, [Beep.NO])


def test_the_choice_ends_our_order_first() -> None:
    desk = choosing()
    assert desk.front.phase is Phase.PRESENTING, "nothing ends before somebody has chosen"
    desk.press("2")
    assert (desk.stand, desk.front.phase) == (Stand.SELLING, Phase.CLOSING)
    assert (close(desk).front.phase, desk.front.wallet) == (Phase.SUBMITTING, "alipay+")


def test_our_code_was_paid_while_somebody_was_choosing() -> None:
    desk = choosing().hears(PaymentApproved, paid=EUR_5)
    assert (desk.stand, desk.counter.wallets, len(desk.orders)) == (Stand.RESULT, (), 1)


def test_our_code_expired_while_somebody_was_choosing() -> None:
    desk = choosing().hears(OrderClosed).press("1")
    assert len(desk.orders) == 1
    assert all(order.final for order in desk.orders.values())
