"""kill -9 of the daemon in each phase: the sale ends truly, and the last result is shown again."""

from __future__ import annotations

import signal

from terminal.core.sale import Reason


def back(walk) -> None:
    walk.stall.kill_daemon()
    walk.stall.start_daemon()


def test_while_our_code_is_shown_and_paid_meanwhile(fresh) -> None:
    fresh.keys("1000 ok")
    order_no = fresh.sees_code()
    fresh.stall.kill_daemon()
    fresh.phone.pay(order_no)
    fresh.stall.start_daemon()
    fresh.paid(order_no)


def test_while_our_code_is_shown_and_nobody_pays(fresh) -> None:
    fresh.keys("1000 ok")
    order_no = fresh.sees_code()
    back(fresh)
    fresh.not_paid(order_no, Reason.RESTARTED)


def test_while_the_code_is_requested(fresh) -> None:
    fresh.stall.tell_sandbox("misbehave", operation="create", kind="delay", delay_ms=3000, count=1)
    fresh.keys("1000 ok")
    fresh.until(lambda: bool(fresh.stall.ask("status")["open"]), "the order in the journal")
    order_no = fresh.newest()["order_no"]
    back(fresh)
    fresh.not_paid(order_no, Reason.RESTARTED)


def test_while_the_customer_confirms(fresh) -> None:
    fresh.keys("1000 ok")
    shown = fresh.sees_code()
    fresh.phone.open_code("Alipay+", "confirms")
    fresh.phone.show_to_scanner()
    order_no = fresh.charged(shown)
    fresh.sees_pin_asked_for(order_no)
    fresh.stall.kill_daemon()
    fresh.phone.confirm()
    fresh.stall.start_daemon()
    fresh.paid(order_no)


def test_while_the_charge_is_under_way(fresh) -> None:
    """The charge was applied, the answer never came: the code is never sent again, the truth is asked for."""
    fresh.keys("1000 ok")
    shown = fresh.sees_code()
    fresh.phone.open_code("Alipay+")
    fresh.stall.tell_sandbox("misbehave", operation="submit", kind="delay", delay_ms=4000, count=1)
    fresh.phone.show_to_scanner()
    fresh.charged(shown)
    order_no = fresh.newest()["order_no"]
    back(fresh)
    assert fresh.ends(order_no)["outcome"] in ("paid", "not paid", "returned")
    fresh.agrees()


def test_while_cancelling(fresh) -> None:
    fresh.keys("1000 ok")
    order_no = fresh.sees_code()
    fresh.stall.cut_line()
    fresh.keys("cancel")
    fresh.sees_screen("Checking")
    back(fresh)
    fresh.stall.restore_line()
    fresh.not_paid(order_no, Reason.OPERATOR)


def test_after_paid_the_last_result_is_shown_again(fresh) -> None:
    fresh.keys("1000 ok")
    order_no = fresh.sees_code()
    fresh.phone.pay(order_no)
    fresh.paid(order_no)
    back(fresh)
    fresh.paid(order_no, again=True)
    fresh.stall.dismiss()


def test_after_not_paid_the_last_result_is_shown_again(fresh) -> None:
    fresh.keys("1000 ok")
    order_no = fresh.sees_code()
    fresh.keys("cancel")
    fresh.not_paid(order_no, Reason.OPERATOR)
    back(fresh)
    fresh.not_paid(order_no, Reason.OPERATOR, again=True)


def test_while_the_amount_is_typed_nothing_is_remembered(fresh) -> None:
    fresh.keys("1000")
    fresh.sees_screen("Typing")
    back(fresh)
    fresh.sees_screen("Idle")
    assert fresh.stall.ask("journal", op="list", limit=5)["rows"] == []


def test_a_second_daemon_leaves_with_words(fresh) -> None:
    """I15: the journal has one writer."""
    second = fresh.stall._spawn("run", "--config", str(fresh.stall.state / "terminal.toml"))
    assert second.wait(120) == 75
    assert "running" in (fresh.stall.state / "run.log").read_text()
    fresh.sees_screen("Idle")


def test_sigterm_ends_it_cleanly(fresh) -> None:
    fresh.stall.daemon.send_signal(signal.SIGTERM)
    assert fresh.stall.daemon.wait(120) == 0
    fresh.stall.start_daemon()
    fresh.sees_screen("Idle")
