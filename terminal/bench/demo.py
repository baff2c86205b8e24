"""`scripts/demo`: a stall with its page in the browser, or (`--headless`) two sales without one."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terminal.bench.phone import Phone
from terminal.bench.settings import ACCOUNTS
from terminal.bench.stall import Stall
from terminal.control import Unanswered
from terminal.core.terms import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

SALE_TIMEOUT_S = 180.0
HOLD_AGAIN_S = 3.0


def main(argv: list[str]) -> int:
    """Exit codes: 0 fine, 1 a sale was not paid or something did not start, 2 wrong use."""
    wanted = _parser().parse_args(argv)
    state = wanted.state or Path(tempfile.mkdtemp(prefix="counter-"))
    stall = Stall(state, wanted.gateway, profile=wanted.profile)
    try:
        stall.start()
        return headless(stall) if wanted.headless else serve(stall, wanted.port)
    except Fault as fault:
        print(f"demo: {fault}", file=sys.stderr)
        return 1
    finally:
        stall.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="A counter on this machine.")
    parser.add_argument("--gateway", choices=ACCOUNTS, default="paycloud", help="(paycloud)")
    parser.add_argument("--headless", action="store_true", help="two sales, two lines of JSON")
    parser.add_argument("--port", type=int, default=8321, help="of the page, on loopback; 0: any")
    parser.add_argument("--state", type=Path, help="directory of journal, keys and logs")
    parser.add_argument("--profile", type=Path, help="hardware profile (hardware/bench.toml)")
    return parser


def serve(stall: Stall, port: int) -> int:
    from terminal.bench.page import open_page

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    server = open_page(stall, port)
    address = f"http://127.0.0.1:{server.effective_port}/"
    print(f"The counter is open: {address}   (state in {stall.state}; Ctrl-C ends)", flush=True)
    try:
        server.run()
    except SystemExit:
        server.task_dispatcher.shutdown()
    return 0


def _leave(*_: object) -> None:
    raise SystemExit(0)


# -- without a browser ---------------------------------------------------------------------------------


def headless(stall: Stall) -> int:
    phone = Phone(stall)
    outcomes = [told(mpm_sale(stall, phone)), told(cpm_sale(stall, phone))]
    return 0 if outcomes == ["paid", "paid"] else 1


def mpm_sale(stall: Stall, phone: Phone) -> dict[str, Any]:
    """12.50: the phone reads the code off the display and pays it."""
    stall.press("1", "2", "5", "0", "ok")
    order_no = phone.sees()["order_no"]
    phone.pay(order_no)
    return ended(stall, order_no)


def cpm_sale(stall: Stall, phone: Phone) -> dict[str, Any]:
    """3.00: the customer holds up a code instead, and the camera reads it."""
    stall.dismiss()
    stall.press("3", "00", "ok")
    shown = phone.sees()["order_no"]
    phone.open_code()
    phone.show_to_camera()
    return ended(stall, charged(stall, shown, phone.show_to_camera))


def charged(stall: Stall, shown: str, show: Callable[[], None]) -> str:
    """The order that charges the customer's code. Held up again, as people do, when nothing happens."""
    held_s = time.monotonic()

    def came() -> bool:
        nonlocal held_s
        if newest(stall)["order_no"] != shown:
            return True
        waits = stall.ask("order", order_no=shown)["order"]["phase"] == "presenting"
        if waits and time.monotonic() - held_s > HOLD_AGAIN_S:
            show()
            held_s = time.monotonic()
        return False

    stall.wait(came, "the order that charges the customer's code", SALE_TIMEOUT_S)
    return str(newest(stall)["order_no"])


def newest(stall: Stall) -> dict[str, Any]:
    row: dict[str, Any] = stall.ask("journal", op="list", limit=1)["rows"][0]
    return row


def ended(stall: Stall, order_no: str) -> dict[str, Any]:
    """The order as the journal has it, once it is final."""
    found: dict[str, Any] = {}

    def final() -> bool:
        with suppress(Unanswered):  # it is just starting
            found.update(
                stall.ask("order", order_no=order_no).get("order", {})
            )  # or has no time yet
        return bool(found.get("final"))

    stall.wait(final, f"the end of {order_no}", SALE_TIMEOUT_S)
    return found


def told(order: dict[str, Any]) -> str:
    """One line of JSON per sale: mode, order_no, amount, outcome."""
    from terminal.core.terms import Money

    amount = Money(order["amount"]["minor"], order["amount"]["currency"])
    line = {
        "mode": order["mode"],
        "order_no": order["order_no"],
        "amount": str(amount),
        "outcome": order["outcome"],
    }
    print(json.dumps(line), flush=True)
    return str(order["outcome"])
