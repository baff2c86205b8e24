"""The bench page in real Chromium: key in an amount, pay it as the customer, watch the money arrive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from terminal.bench.page import open_page
from terminal.core.sale import Reason
from tests.flows.browser import CHROMIUM, FLAGS, WAIT_MS, look

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(counter: Any) -> Iterator[str]:
    server = open_page(counter.stall, 0)
    threading.Thread(target=server.run, daemon=True).start()
    yield f"http://127.0.0.1:{server.effective_port}/"
    server.task_dispatcher.shutdown()
    server.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    opened = browser.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.set_default_timeout(WAIT_MS)
    opened.goto(address)
    opened.wait_for_function("document.getElementById('frame').naturalWidth > 0")
    yield opened
    opened.close()
    assert errors == []


def type_amount(page: Page, digits: str) -> None:
    for digit in digits:
        page.keyboard.press(digit)
    page.locator("[data-key=ok]").click()


def test_key_in_and_pay_our_code(page: Page, counter: Any) -> None:
    type_amount(page, "1250")
    order_no = counter.shows_code()
    look(page)
    page.wait_for_function("document.getElementById('bill-amount').textContent === '12.50 EUR'")
    page.click("#pay")
    counter.paid(order_no)
    page.wait_for_selector(f"#journal tr:has-text('{order_no}') td.paid")
    page.wait_for_selector(f"#books tr:has-text('{order_no}'):has-text('12.50 EUR')")
    page.wait_for_function("document.getElementById('ear').textContent.includes('paid')")
    counter.stall.dismiss()


@pytest.mark.parametrize("reader", ["camera", "scanner"])
def test_key_in_and_show_the_customers_code(page: Page, counter: Any, reader: str) -> None:
    type_amount(page, "300")
    shown = counter.sees_code()
    page.click("#tab-show")
    page.click("#open-code")
    page.locator(f"#{reader}:enabled").click()
    counter.charged(shown)
    order_no = counter.newest()["order_no"]
    counter.paid(order_no)
    page.wait_for_selector(f"#journal tr:has-text('{order_no}') td.paid")
    counter.stall.dismiss()


def test_the_customer_declines(page: Page, counter: Any) -> None:
    type_amount(page, "400")
    order_no = counter.shows_code()
    look(page)
    page.locator("#decline").click()
    page.wait_for_selector(f"#journal tr:has-text('{order_no}') td.unpaid")
    counter.ends(order_no)
    counter.agrees()
    counter.stall.dismiss()


def test_cancel_by_the_page(page: Page, counter: Any) -> None:
    type_amount(page, "500")
    order_no = counter.sees_code()
    page.locator("[data-key=cancel]").click()
    counter.not_paid(order_no, Reason.OPERATOR)
    counter.stall.dismiss()


# -- the line cut in the middle of each, and restored --------------------------------------------------


def cut(page: Page) -> None:
    page.click("#line")
    page.wait_for_function("document.getElementById('daemon').textContent.includes('cut')")


def restore(page: Page) -> None:
    page.click("#line")
    page.wait_for_function("!document.getElementById('daemon').textContent.includes('cut')")


def test_paid_while_the_line_was_cut(page: Page, counter: Any) -> None:
    type_amount(page, "600")
    order_no = counter.shows_code()
    look(page)
    cut(page)
    page.click("#pay")
    restore(page)
    counter.paid(order_no)
    counter.stall.dismiss()


def test_declined_while_the_line_was_cut(page: Page, counter: Any) -> None:
    type_amount(page, "610")
    order_no = counter.shows_code()
    look(page)
    cut(page)
    page.locator("#decline").click()
    restore(page)
    assert counter.ends(order_no)["outcome"] == "not paid"
    counter.agrees()
    counter.stall.dismiss()


def test_cancelled_while_the_line_was_cut(page: Page, counter: Any) -> None:
    type_amount(page, "620")
    order_no = counter.sees_code()
    cut(page)
    page.locator("[data-key=cancel]").click()
    counter.sees_screen("Checking")
    restore(page)
    counter.not_paid(order_no, Reason.OPERATOR)
    counter.stall.dismiss()


@pytest.mark.parametrize("reader", ["camera", "scanner"])
def test_the_customers_code_while_the_line_was_cut(page: Page, counter: Any, reader: str) -> None:
    type_amount(page, "630")
    shown = counter.sees_code()
    page.click("#tab-show")
    page.click("#open-code")
    cut(page)
    page.locator(f"#{reader}:enabled").click()
    counter.sees_screen("Checking")
    restore(page)
    counter.charged(shown)
    counter.paid(counter.newest()["order_no"])
    counter.stall.dismiss()


@pytest.fixture
def hasty_page(browser: Browser, hasty: Any) -> Iterator[Page]:
    """The page of a counter whose code lives only for a few seconds."""
    server = open_page(hasty.stall, 0)
    threading.Thread(target=server.run, daemon=True).start()
    opened = browser.new_page()
    opened.set_default_timeout(WAIT_MS)
    opened.goto(f"http://127.0.0.1:{server.effective_port}/")
    opened.wait_for_function("document.getElementById('frame').naturalWidth > 0")
    yield opened
    opened.close()
    server.task_dispatcher.shutdown()
    server.close()


@pytest.mark.parametrize("with_cut", [False, True])
def test_the_customer_walks_away(hasty_page: Page, hasty: Any, with_cut: bool) -> None:
    type_amount(hasty_page, "640")
    order_no = hasty.sees_code()
    if with_cut:
        cut(hasty_page)
        hasty.sees_screen("Checking")
        restore(hasty_page)
    hasty.not_paid(order_no, Reason.EXPIRED)
    hasty_page.wait_for_selector(f"#journal tr:has-text('{order_no}') td.unpaid")


def test_pull_the_plug_and_power_on(page: Page, counter: Any) -> None:
    type_amount(page, "700")
    order_no = counter.shows_code()
    look(page)
    page.click("#kill")
    page.wait_for_selector("#daemon.off")
    page.click("#pay")
    page.click("#restart")
    page.wait_for_selector("#daemon:not(.off)")
    counter.paid(order_no)
    counter.stall.dismiss()
