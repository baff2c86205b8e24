"""Once from end to end: daemon, sandbox and postman are processes and sockets of their own. The daemon asks so
rarely that only the notice can bring PAID in time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.bench.demo import ended
from terminal.bench.phone import Phone
from terminal.bench.stall import Pace, Stall

SELDOM_S = 600
WAIT_S = 120.0


@pytest.fixture
def stall(tmp_path: Path) -> Iterator[Stall]:
    """A stall whose daemon takes notices."""
    pace = Pace(life_s=500, first_query_s=SELDOM_S, query_step_s=SELDOM_S)
    stall = Stall(tmp_path, pace=pace, notices=True)
    try:
        stall.start()
        yield stall
    finally:
        stall.stop()


def test_the_postman_is_sooner_than_the_poll(stall: Stall) -> None:
    stall.press("1", "2", "5", "0", "ok")
    phone = Phone(stall)
    order_no = str(phone.sees()["order_no"])
    phone.pay(order_no)
    order: dict[str, Any] = ended(stall, order_no)
    assert order["outcome"] == "paid"
    events = [row["event"] for row in stall.ask("journal", op="show", order_no=order_no)["rows"]]
    assert events == ["SaleOpened", "CodeIssued", "PaymentApproved"]
    stall.wait(lambda: counts(stall)["taken"] >= 1, "the acknowledgement", WAIT_S)
    assert counts(stall)["refused"] == 0


def counts(stall: Stall) -> dict[str, Any]:
    found: dict[str, Any] = stall.ask("status")["notices"]
    return found
