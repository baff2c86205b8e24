"""Real Chromium, and what a person does in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
WAIT_MS = 120_000
LOOKS_MAX, LOOK_MS = 160, 250


def look(page: Page) -> None:
    """The phone is held to the display, again when it saw nothing yet, until it says what is to be paid."""
    for _ in range(LOOKS_MAX):
        page.click("#look")
        page.wait_for_selector("#look:enabled")
        if page.locator("#bill").is_visible():
            return
        page.wait_for_timeout(LOOK_MS)
    raise AssertionError(page.locator("#said").text_content())
