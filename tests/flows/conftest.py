"""A walk at the counter: a person presses, looks, scans; at the end display, journal and books agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from terminal.bench.demo import charged, ended, newest
from terminal.bench.phone import Phone
from terminal.bench.settings import Tables
from terminal.bench.stall import Pace, Stall
from terminal.core.sale import Reason
from terminal.core.terms import Money
from terminal.core.views import Glass, NotPaid, Paid, View
from terminal.screens import Panel, draw

PANEL = Panel(320, 240, "RGB", 128, "bench 320x240")
WAIT_S = 120.0


class Walk:
    """What a test says, in the words of the people at the counter."""

    def __init__(self, stall: Stall) -> None:
        self.stall = stall
        self.phone = Phone(stall)

    # -- doing ---------------------------------------------------------------------------------------

    def keys(self, text: str) -> None:
        """`keys("1250 ok")`: digits one by one, words as keys."""
        for word in text.split():
            self.stall.press(*(word if word.isdecimal() else [word]))

    def sees_code(self) -> str:
        """The number of the order whose code the phone reads off the display."""
        return str(self.phone.sees()["order_no"])

    def shows_code(self) -> str:
        """The number of the order whose code is shown. Nobody has scanned it yet: once somebody has, the terminal
        waits for that customer and shows it to no other."""
        shown: list[str] = []

        def presenting() -> bool:
            under_way = self.stall.ask("status")["open"]
            shown.extend(it["order_no"] for it in under_way if it["phase"] == "presenting")
            return bool(shown)

        self.until(presenting, "our code")
        return shown[0]

    def charged(self, shown: str) -> str:
        """The number of the order that charges the customer's code, once it is there."""
        show = self.phone.show_to_scanner if self.phone.code else lambda: None
        return charged(self.stall, shown, show)

    # -- looking -------------------------------------------------------------------------------------

    def until(self, holds: Callable[[], bool], what: str) -> None:
        self.stall.wait(holds, what, WAIT_S)

    def sees(self, view: View, *, resolving: int = 0) -> None:
        """Exactly this picture comes on the display."""
        wanted = draw(Glass(view, resolving, test=True), PANEL).tobytes()

        def shown() -> bool:
            return self.stall.frame is not None and self.stall.frame.tobytes() == wanted

        self.until(shown, f"the picture of {view}")

    def sees_screen(self, name: str) -> None:
        """Some picture of this kind comes on the display."""
        self.until(lambda: self.stall.ask("status")["screen"] == name, f"the screen {name}")

    def sees_pin_asked_for(self, order_no: str) -> None:
        """The gateway has the charge and has said so: now the customer can confirm, and anybody ask about it."""

        def asked() -> bool:
            order = self.stall.ask("order", order_no=order_no)["order"]
            return bool(order["phase"] == "in_doubt")

        self.until(asked, "the PIN asked for")

    def hears(self, beep: str, since: int = 0) -> None:
        def heard() -> bool:
            return any(sound.beep == beep and sound.number > since for sound in self.stall.beeps)

        self.until(heard, f"the sound {beep}")

    # -- how it ends ---------------------------------------------------------------------------------

    def ends(self, order_no: str) -> dict[str, Any]:
        return ended(self.stall, order_no)

    def newest(self) -> dict[str, Any]:
        return newest(self.stall)

    def paid(self, order_no: str, *, again: bool = False) -> None:
        """Display, journal and books all say paid."""
        order = self.ends(order_no)
        assert order["outcome"] == "paid", order
        reference = (order["gateway_ref"] or order_no)[-4:]
        self.sees(Paid(money(order), reference, order["wallet"] or "", again))
        self.agrees()

    def not_paid(self, order_no: str, reason: Reason, *, again: bool = False) -> None:
        """Display, journal and books all say not paid, and why."""
        order = self.ends(order_no)
        assert order["outcome"] in ("not paid", "cancelled", "returned"), order
        assert order["reason"] == reason.value, order
        self.sees(NotPaid(money(order), reason, again))
        self.agrees()

    def agrees(self) -> None:
        """Every order of the journal against the books: paid is captured in full, anything else nets to zero;
        and no order of the books is missing in the journal."""
        books = {order["order_no"]: order for order in self.stall.books()}
        rows = {
            row["order_no"]: row for row in self.stall.ask("journal", op="list", limit=500)["rows"]
        }
        assert set(books) <= set(rows)
        for number, row in rows.items():
            if not row["final"]:
                continue
            kept = (
                books[number]["captured_minor"] - books[number]["returned_minor"]
                if number in books
                else 0
            )
            wanted = row["amount"]["minor"] if row["outcome"] == "paid" else 0
            assert kept == wanted, (row, books.get(number))


def money(order: dict[str, Any]) -> Money:
    return Money(order["amount"]["minor"], order["amount"]["currency"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of what came of each (operation, gateway), from the `cell` properties of the tests."""
    reports = [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
    found = {
        (operation, gateway): mark
        for report in reports
        for name, (operation, gateway, mark) in report.user_properties
        if name == "cell"
    }
    if not found:
        return
    operations = list(dict.fromkeys(operation for operation, _ in found))
    gateways = list(dict.fromkeys(gateway for _, gateway in found))
    terminalreporter.section("operation x gateway")
    terminalreporter.line(" " * 18 + "".join(gateway.ljust(20) for gateway in gateways))
    for operation in operations:
        marks = (found.get((operation, gateway), "") for gateway in gateways)
        terminalreporter.line(operation.ljust(18) + "".join(mark.ljust(20) for mark in marks))
    terminalreporter.line("—: the gateway has none; the terminal says so and what to do instead")


# Nothing here that a walk waits for takes long, and nothing that ends a sale by itself comes soon: what a person does
# next, or a daemon after its restart, may take ten times as long on a busy machine.
FAST = Pace(earliest_undo_s=1, life_s=120, doubt_s=60, grace_s=2, verify_s=5)
RESULTS_STAY: Tables = {"shop": {"result_s": 60}}


def walk_at(
    state: Path, pace: Pace = FAST, changes: Tables = RESULTS_STAY, **how: Any
) -> Iterator[Walk]:
    """`how`: as a Stall takes it."""
    stall = Stall(state, pace=pace, changes=changes, **how)
    try:
        stall.start()
        yield Walk(stall)
    finally:
        stall.stop()


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """One counter for the walks of a module; each walk begins with a key that ends the last result."""
    yield from walk_at(tmp_path_factory.mktemp("stall"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Walk]:
    """A counter of one's own."""
    yield from walk_at(tmp_path)


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Walk]:
    """A counter whose code lives only for a moment, in which it is looked at and the line is cut."""
    yield from walk_at(tmp_path, replace(FAST, life_s=12))
