"""`scripts/demo` as a stranger runs it: in the browser, and without one."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.flows.browser import CHROMIUM, FLAGS, WAIT_MS, look

ROOT = Path(__file__).parents[2]


def test_headless_plays_two_sales() -> None:
    done = subprocess.run(
        ["scripts/demo", "--headless"], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    sales = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(sale["mode"], sale["amount"], sale["outcome"]) for sale in sales] == [
        ("mpm", "12.50 EUR", "paid"),
        ("cpm", "3.00 EUR", "paid"),
    ]
    assert len({sale["order_no"] for sale in sales}) == 2


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page that `scripts/demo` names."""
    state = tmp_path_factory.mktemp("demo")
    demo = subprocess.Popen(
        ["scripts/demo", "--port", "0", "--state", str(state)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    line = demo.stdout.readline()
    assert "http://127.0.0.1:" in line
    yield next(word for word in line.split() if word.startswith("http"))
    demo.send_signal(signal.SIGINT)
    assert demo.wait(120) == 0


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = chromium.new_page()
        opened.set_default_timeout(WAIT_MS)
        opened.goto(address)
        opened.wait_for_function("document.getElementById('frame').naturalWidth > 0")
        yield opened
        chromium.close()


def test_a_stranger_takes_both_kinds_of_payment(page: Page) -> None:
    """Only what the page offers: key in, pay as the customer, watch the money arrive."""
    page.keyboard.type("1250")
    page.keyboard.press("Enter")
    look(page)
    assert page.locator("#bill-amount").text_content() == "12.50 EUR"
    page.click("#pay")
    page.wait_for_selector("#journal tr:has-text('12.50 EUR') td.paid")
    page.wait_for_selector("#books tr:has-text('12.50 EUR'):has-text('paid')")
    page.wait_for_function("document.getElementById('ear').textContent.includes('paid')")

    page.wait_for_timeout(1_000)  # a result that has just come is not dismissed at once
    page.keyboard.type("300")
    page.keyboard.press("Enter")
    page.wait_for_selector("#journal tr:has-text('3.00 EUR') td.checking")
    page.click("#tab-show")
    page.click("#open-code")
    page.locator("#camera:enabled").click()
    page.wait_for_selector("#journal tr:has-text('cpm'):has-text('3.00 EUR') td.paid")
