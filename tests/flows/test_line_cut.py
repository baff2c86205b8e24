"""The line is cut in the middle of each sale, and restored."""

from __future__ import annotations

from terminal.core.sale import Reason


def test_while_our_code_is_shown_and_the_customer_pays(counter) -> None:
    counter.keys("1000 ok")
    order_no = counter.sees_code()
    counter.stall.cut_line()
    counter.phone.pay(order_no)
    counter.stall.restore_line()
    counter.paid(order_no)
    counter.stall.dismiss()


def test_while_our_code_is_shown_and_nobody_pays(hasty) -> None:
    hasty.keys("1000 ok")
    order_no = hasty.sees_code()
    hasty.stall.cut_line()
    hasty.sees_screen("Checking")
    hasty.stall.restore_line()
    hasty.not_paid(order_no, Reason.EXPIRED)


def test_while_cancelling(counter) -> None:
    counter.keys("1000 ok")
    order_no = counter.sees_code()
    counter.stall.cut_line()
    counter.keys("cancel")
    counter.sees_screen("Checking")
    counter.stall.restore_line()
    counter.not_paid(order_no, Reason.OPERATOR)
    counter.stall.dismiss()


def test_while_the_customers_code_is_charged(counter) -> None:
    """The shown order cannot be closed without a line, so the code is not sent before it is (I2)."""
    counter.keys("1000 ok")
    shown = counter.sees_code()
    counter.phone.open_code("Alipay+")
    counter.stall.cut_line()
    counter.phone.show_to_scanner()
    counter.sees_screen("Checking")
    assert counter.newest()["order_no"] == shown
    counter.stall.restore_line()
    counter.charged(shown)
    counter.paid(counter.newest()["order_no"])
    counter.stall.dismiss()


def test_no_sale_starts_without_a_line(fresh) -> None:
    fresh.keys("1000 ok")
    order_no = fresh.sees_code()
    fresh.stall.cut_line()
    fresh.until(lambda: not fresh.stall.ask("status")["online"], "the daemon noticing")
    fresh.keys("cancel")
    fresh.sees_screen("Checking")
    fresh.keys("ok")
    fresh.sees_screen("Idle")
    fresh.keys("5 ok")
    fresh.sees_screen("Typing")
    assert fresh.stall.ask("sale", amount="5.00")["ok"] is False
    fresh.keys("clear")
    fresh.stall.restore_line()
    assert fresh.ends(order_no)["outcome"] == "cancelled"
    fresh.agrees()
