"""Walks through both kinds of sale, on the daemon itself, through its own devices, against the sandbox.

After each, display, journal and the gateway's books agree (`Walk.agrees`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from terminal.core.sale import Reason
from tests.flows.conftest import FAST, Walk, walk_at


def test_our_code_is_shown_and_paid(counter) -> None:
    counter.keys("1250 ok")
    order_no = counter.sees_code()
    counter.phone.pay(order_no)
    counter.paid(order_no)
    counter.hears("paid")
    counter.stall.dismiss()


@pytest.mark.parametrize("reader", ["show_to_camera", "show_to_scanner"])
def test_the_customer_shows_a_code_instead(counter, reader: str) -> None:
    """The shown order ends first; only then is the customer's code charged (I2)."""
    counter.keys("300 ok")
    shown = counter.sees_code()
    counter.phone.open_code("Alipay+")
    getattr(counter.phone, reader)()
    counter.charged(shown)
    charged = counter.newest()
    assert (charged["mode"], charged["sale_no"]) == ("cpm", shown)
    counter.paid(charged["order_no"])
    assert counter.ends(shown)["outcome"] == "not paid"
    counter.stall.dismiss()


def test_the_customer_must_confirm_first(counter) -> None:
    counter.keys("450 ok")
    shown = counter.sees_code()
    counter.phone.open_code("Alipay+", "confirms")
    counter.phone.show_to_scanner()
    order_no = counter.charged(shown)
    counter.sees_screen("Waiting")
    counter.sees_pin_asked_for(order_no)
    counter.phone.confirm()
    counter.paid(order_no)
    counter.stall.dismiss()


def test_the_wallet_has_no_money(counter) -> None:
    counter.keys("600 ok")
    shown = counter.sees_code()
    counter.phone.open_code("Alipay+", "insufficient")
    counter.phone.show_to_scanner()
    counter.charged(shown)
    counter.not_paid(counter.newest()["order_no"], Reason.INSUFFICIENT_FUNDS)
    counter.hears("not_paid")
    counter.stall.dismiss()


def test_the_customer_declines(counter) -> None:
    counter.keys("700 ok")
    order_no = counter.sees_code()
    counter.phone.decline(order_no)
    order = counter.ends(order_no)
    assert order["outcome"] == "not paid"
    counter.agrees()
    counter.stall.dismiss()


def test_cancel_by_key(counter) -> None:
    counter.keys("800 ok")
    order_no = counter.sees_code()
    counter.keys("cancel")
    counter.until(lambda: not counter.stall.bright, "the code gone from the display")
    counter.not_paid(order_no, Reason.OPERATOR)
    assert counter.ends(order_no)["outcome"] == "cancelled"
    counter.stall.dismiss()


def test_paid_after_all(counter) -> None:
    """The customer paid before C was pressed: cancel tells the truth."""
    counter.keys("900 ok")
    order_no = counter.sees_code()
    counter.phone.pay(order_no)
    counter.keys("cancel")
    assert counter.ends(order_no)["outcome"] in ("paid", "returned")
    counter.agrees()
    counter.stall.dismiss()


def test_a_used_code_is_refused(counter) -> None:
    counter.keys("100 ok")
    shown = counter.sees_code()
    counter.phone.open_code("WeChatPay")
    counter.phone.show_to_scanner()
    counter.charged(shown)
    counter.paid(counter.newest()["order_no"])
    counter.stall.dismiss()
    counter.keys("100 ok")
    second = counter.sees_code()
    heard = counter.stall.beeps_heard
    counter.phone.show_to_scanner()
    counter.hears("no", since=heard)
    counter.keys("cancel")
    counter.not_paid(second, Reason.OPERATOR)
    counter.stall.dismiss()


def test_the_customer_walks_away(hasty) -> None:
    hasty.keys("500 ok")
    order_no = hasty.sees_code()
    hasty.not_paid(order_no, Reason.EXPIRED)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """A counter that does not ask for long before it undoes."""
    yield from walk_at(tmp_path_factory.mktemp("impatient"), replace(FAST, doubt_s=4))


@pytest.mark.parametrize(
    "word", ["drop_before", "drop_after", "5xx_after", "wrong_signature", "html"]
)
def test_the_gateway_misbehaves_once(impatient: Walk, word: str) -> None:
    """No answer is not an answer: the sale ends truly all the same (I2, I3, I6)."""
    counter = impatient
    counter.keys("1100 ok")
    shown = counter.sees_code()
    counter.phone.open_code("Alipay+")
    counter.stall.tell_sandbox("misbehave", operation="submit", kind=word, count=1)
    counter.phone.show_to_scanner()
    counter.charged(shown)
    order = counter.ends(counter.newest()["order_no"])
    assert order["outcome"] in ("paid", "not paid", "returned"), order
    counter.agrees()
    counter.stall.dismiss()
