"""Once from end to end: daemon, sandbox and postman are processes and sockets of their own. The daemon asks so
rarely that only the notice can bring PAID in time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.bench.demo import ended
from terminal.bench.phone import Phone
from terminal.bench.stall import Pace, Stall

SELDOM_S = 600
WAIT_S = 40.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Told(Stall):
    """A stall whose daemon takes notices."""

    port = 0

    def _write_settings(self, port: int) -> None:
        super()._write_settings(port)
        self.port = free_port()
        file = self.state / "terminal.toml"
        text = file.read_text(encoding="utf-8")
        for step in ("first_query_s", "query_step_s"):
            assert f"{step} = 1\n" in text
            text = text.replace(f"{step} = 1\n", f"{step} = {SELDOM_S}\n")
        url = f'notify_url = "http://127.0.0.1:{self.port}/notify"\n'
        text = text.replace("merchant_no =", f"{url}merchant_no =")
        text += f"\n[notices]\nenabled = true\nport = {self.port}\n"
        file.write_text(text, encoding="utf-8")


@pytest.fixture
def stall(tmp_path: Path) -> Iterator[Told]:
    stall = Told(tmp_path, pace=Pace(life_s=500))
    try:
        stall.start()
        yield stall
    finally:
        stall.stop()


def test_the_postman_is_sooner_than_the_poll(stall: Told) -> None:
    stall.press("1", "2", "5", "0", "ok")
    phone = Phone(stall)
    stall.wait(lambda: stall.bright and phone.payload() is not None, "our code", WAIT_S)
    order_no = str(phone.look()["order_no"])
    phone.pay(order_no)
    order: dict[str, Any] = ended(stall, order_no)
    assert order["outcome"] == "paid"
    events = [row["event"] for row in stall.ask("journal", op="show", order_no=order_no)["rows"]]
    assert events == ["SaleOpened", "CodeIssued", "PaymentApproved"]
    stall.wait(lambda: counts(stall)["taken"] == 1, "the acknowledgement", WAIT_S)
    assert counts(stall)["refused"] == 0


def counts(stall: Stall) -> dict[str, Any]:
    found: dict[str, Any] = stall.ask("status")["notices"]
    return found
