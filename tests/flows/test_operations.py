"""Operation x gateway (reference/gateways.md 0): each cell once from end to end, checked in books and journal.
The table itself is printed at the end of the run (`pytest_terminal_summary` in conftest.py).

The daemon, the sandbox and the line between them are real; what a person does is a key, a code held up, or a word
typed into terminalctl. CodePay speaks HTTPS with an authority of its own. "codepay-no-cancel" is the same gateway as
its page has it, without the call that its SDK has.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.bench.demo import HOLD_AGAIN_S
from terminal.bench.stall import Pace, Tls
from terminal.cli import main
from terminal.core.terms import Fault
from tests.flows.conftest import RESULTS_STAY, Walk, walk_at
from tests.wire.host import Authority

PACE = Pace(first_query_s=0.3, query_step_s=0.3, earliest_undo_s=0.2, doubt_s=60, verify_s=60)
CASHIER = {"product": "cashier", "redirect_url": "https://shop.example/done"}
HOW: dict[str, dict[str, Any]] = {
    "paycloud": {"gateway": "paycloud"},
    "codepay": {"gateway": "codepay"},
    "codepay-no-cancel": {
        "gateway": "codepay",
        "changes": {**RESULTS_STAY, "gateway.paycloud": {"revoke": False}},
    },
    "antom": {"gateway": "antom"},
    "antom-cashier": {
        "gateway": "antom",
        "changes": {**RESULTS_STAY, "gateway.antom": CASHIER},
    },
}
NO_CANCEL = "codepay-no-cancel"
GATEWAYS = [name for name in HOW if name != NO_CANCEL]
SECURED = ("codepay",)


def made(state: Path, name: str) -> Iterator[Walk]:
    how = {"pace": PACE, "notices": True, **HOW[name]}
    if name in SECURED:
        authority = Authority(state)
        how["tls"] = Tls(authority.server_file(), authority.file)
    for walk in walk_at(state, **how):
        walk.stall.tell_sandbox("settings", earliest_revoke_ms=0)
        yield walk


@pytest.fixture(scope="module")
def gateway(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def walk(gateway: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """One counter for all cells of a column."""
    yield from made(tmp_path_factory.mktemp(gateway), gateway)


Mark = Callable[[str], None]


@pytest.fixture
def mark(operation: str, gateway: str, record_property: Callable[[str, object], None]) -> Mark:
    """Says what came of this (operation, gateway); what is said last counts."""
    return lambda said: record_property("cell", (operation, gateway, said))


Typed = Callable[[str], tuple[int, Any]]


@pytest.fixture
def typed(walk: Walk, capsys: pytest.CaptureFixture[str]) -> Typed:
    """terminalctl: the exit code, and what it said."""

    def typing(line: str) -> tuple[int, Any]:
        socket = walk.stall.state / "control.sock"
        code = main(["--socket", str(socket), "--json", *line.split()])
        return code, json.loads(capsys.readouterr().out.splitlines()[-1])

    return typing


# -- what each operation looks like ------------------------------------------------------------------------


def sold(walk: Walk) -> str:
    """12.50, paid with our code."""
    walk.stall.dismiss()
    walk.keys("1250 ok")
    order_no = walk.sees_code()
    walk.phone.pay(order_no)
    assert walk.ends(order_no)["outcome"] == "paid"
    return order_no


def charged(walk: Walk, behaviour: str = "pays") -> str:
    """3.00, charged to the customer's code."""
    walk.stall.dismiss()
    walk.keys("3 00 ok")
    shown = walk.sees_code()
    walk.phone.open_code(behaviour=behaviour)
    walk.phone.show_to_scanner()
    return walk.charged(shown)


def confirming(walk: Walk) -> str:
    """The same, and it waits for the customer's PIN."""
    order_no = charged(walk, "confirms")
    walk.sees_pin_asked_for(order_no)
    return order_no


def net(walk: Walk, order_no: str) -> int:
    booked = walk.stall.booked(order_no)
    return int(booked["captured_minor"] - booked["returned_minor"])


def events(walk: Walk, order_no: str) -> list[str]:
    rows = walk.stall.ask("journal", op="show", order_no=order_no)["rows"]
    return [row["event"] for row in rows]


def get_qr(walk: Walk, typed: Typed) -> None:
    order_no = sold(walk)
    assert walk.stall.booked(order_no)["mode"] == "mpm"
    assert net(walk, order_no) == 1250
    assert "CodeIssued" in events(walk, order_no)


def submit(walk: Walk, typed: Typed) -> None:
    order_no = charged(walk)
    assert walk.ends(order_no)["outcome"] == "paid"
    assert walk.stall.booked(order_no)["mode"] == "cpm"
    assert net(walk, order_no) == 300


def query(walk: Walk, typed: Typed) -> None:
    """Of an open order, and of an ended one."""
    order_no = confirming(walk)
    code, said = typed(f"query {order_no}")
    assert (code, said["gateway"]["said"], said["order"]["final"]) == (1, "waiting", False)
    walk.phone.confirm()
    walk.ends(order_no)
    code, said = typed(f"query {order_no}")
    assert (code, said["order"]["outcome"]) == (0, "paid")
    assert said["gateway"] == {
        "said": "paid",
        "amount": {"minor": 300, "currency": "EUR"},
        "detail": "",
        "agrees": True,
        "written": True,
    }


def cancel(walk: Walk, typed: Typed) -> None:
    """A payment that waits for the customer's PIN."""
    order_no = confirming(walk)
    _, said = typed(f"cancel {order_no}")
    assert said["order"]["order_no"] == order_no
    assert walk.ends(order_no)["phase"] == "reversed"
    with pytest.raises(Fault):
        walk.phone.confirm()
    assert net(walk, order_no) == 0


def close(walk: Walk, typed: Typed) -> None:
    """A code that nobody has scanned: C."""
    walk.stall.dismiss()
    walk.keys("1250 ok")
    order_no = walk.sees_code()
    walk.keys("cancel")
    order = walk.ends(order_no)
    assert (order["phase"], order["outcome"]) == ("closed", "cancelled")
    with pytest.raises(Fault):
        walk.phone.pay(order_no)
    assert net(walk, order_no) == 0


def void(walk: Walk, typed: Typed) -> None:
    order_no = sold(walk)
    code, said = typed(f"void {order_no} --wait")
    assert (code, said["order"]["outcome"], said["order"]["mode"]) == (0, "returned", "void")
    assert net(walk, order_no) == 0
    assert not walk.stall.booked(order_no)["refunds"], "a void is no refund"
    assert typed(f"query {said['order']['order_no']}")[1]["gateway"]["agrees"] is True


def refund_full(walk: Walk, typed: Typed) -> None:
    order_no = sold(walk)
    number = refunded(walk, typed, order_no)
    assert booked_refunds(walk, order_no) == {number: 1250}
    assert net(walk, order_no) == 0


def refund_partial(walk: Walk, typed: Typed) -> None:
    order_no = sold(walk)
    number = refunded(walk, typed, order_no, "4.20")
    assert booked_refunds(walk, order_no) == {number: 420}
    assert net(walk, order_no) == 830


def refund_several(walk: Walk, typed: Typed) -> None:
    """Until nothing is left; then the next step is said."""
    order_no = sold(walk)
    for amount in ("4.20", "0.30", "8.00"):
        refunded(walk, typed, order_no, amount)
    assert sorted(booked_refunds(walk, order_no).values()) == [30, 420, 800]
    assert net(walk, order_no) == 0
    code, said = typed(f"refund {order_no} 0.01")
    assert (code, said["ok"]) == (1, False)
    assert "Only 0.00 EUR of that sale can still go back." in said["error"]


def refunded(walk: Walk, typed: Typed, order_no: str, amount: str = "") -> str:
    """The refund's number, once it is back. It is asked about at once, so that nobody waits five seconds."""
    code, said = typed(f"refund {order_no} {amount}")
    assert (code, said["order"]["mode"]) == (0, "refund")
    number = str(said["order"]["order_no"])
    walk.until(lambda: bool(typed(f"query {number}")[1]["order"]["final"]), "the refund's end")
    assert walk.ends(number)["outcome"] == "returned"
    return number


def booked_refunds(walk: Walk, order_no: str) -> dict[str, int]:
    given = walk.stall.booked(order_no)["refunds"]
    assert all(refund["done_ms"] and not refund["failed"] for refund in given)
    return {refund["refund_no"]: refund["amount_minor"] for refund in given}


def query_refund(walk: Walk, typed: Typed) -> None:
    """A refund that takes a while there: known, then asked about until it is back."""
    order_no = sold(walk)
    walk.stall.tell_sandbox("settings", refund_ms=2_500)
    number = refunded(walk, typed, order_no)
    walk.stall.tell_sandbox("settings", refund_ms=0)
    assert {"RefundAccepted", "RefundDone"} <= set(events(walk, number))
    code, said = typed(f"query {number}")
    assert (code, said["order"]["outcome"]) == (0, "returned")
    assert said["gateway"]["said"] == "returned"
    assert said["gateway"]["agrees"] is True
    assert booked_refunds(walk, order_no) == {number: 1250}


def notification(walk: Walk, typed: Typed) -> None:
    """Nobody asks about an ended order by himself: that it was paid all the same, only a notice can tell."""
    walk.stall.tell_sandbox("settings", paid_after_close=True)
    walk.stall.dismiss()
    walk.keys("1250 ok")
    order_no = walk.sees_code()
    walk.keys("cancel")
    assert walk.ends(order_no)["phase"] == "closed"
    walk.phone.pay(order_no)
    walk.until(lambda: walk.ends(order_no)["phase"] == "reversed", "the money on its way back")
    walk.stall.tell_sandbox("settings", paid_after_close=False)
    assert net(walk, order_no) == 0
    assert walk.stall.booked(order_no)["captured_minor"] == 1250
    notices = typed("status")[1]["notices"]
    assert notices["taken"] > 0
    assert notices["refused"] == 0


# -- what a gateway does not have --------------------------------------------------------------------------


def no_void(walk: Walk, typed: Typed) -> None:
    order_no = sold(walk)
    code, said = typed(f"void {order_no}")
    assert (code, said["ok"]) == (1, False)
    assert "no void" in said["error"]
    assert f"terminalctl refund {order_no}" in said["error"]
    assert net(walk, order_no) == 1250


def no_cancel(walk: Walk, typed: Typed) -> None:
    """It stays payable until it expires, which is said with the next step; and what is paid is paid."""
    walk.stall.dismiss()
    typed("sale 3.00 --mode cpm")
    walk.sees_screen("Scanning")
    walk.phone.open_code(behaviour="confirms")
    shown = 0.0

    def asked() -> bool:
        """Held up again when nothing happens, as people do."""
        nonlocal shown
        under_way = typed("status")[1]["open"]
        if not under_way and time.monotonic() - shown > HOLD_AGAIN_S:
            walk.phone.show_to_scanner()
            shown = time.monotonic()
        return [each["phase"] for each in under_way] == ["in_doubt"]

    walk.until(asked, "the customer asked for the PIN")
    order_no = walk.newest()["order_no"]
    says_that_it_can_be_paid(walk, typed, order_no)
    walk.phone.confirm()
    assert walk.ends(order_no)["outcome"] == "paid"
    assert net(walk, order_no) == 300


def no_close(walk: Walk, typed: Typed) -> None:
    walk.stall.dismiss()
    walk.keys("1250 ok")
    order_no = walk.sees_code()
    walk.keys("cancel")
    says_that_it_can_be_paid(walk, typed, order_no)
    walk.phone.decline(order_no)
    assert walk.ends(order_no)["outcome"] == "not paid"
    assert not {"UndoAccepted", "UndoRefused"} & set(events(walk, order_no))


def says_that_it_can_be_paid(walk: Walk, typed: Typed, order_no: str) -> None:
    code, said = typed(f"cancel {order_no}")
    assert (code, said["order"]["outcome"]) == (1, "checking")
    assert "can be paid until it expires" in said["note"]
    assert f"terminalctl query {order_no}" in said["note"]
    walk.sees_screen("Waiting")


# -- the table ---------------------------------------------------------------------------------------------

Cell = Callable[[Walk, Typed], None]
OPERATIONS: dict[str, Cell] = {
    "MPM get QR": get_qr,
    "CPM submit": submit,
    "query": query,
    "cancel": cancel,
    "close": close,
    "void": void,
    "refund, full": refund_full,
    "refund, a part": refund_partial,
    "refund, several": refund_several,
    "query refund": query_refund,
    "notification": notification,
}
MISSING: dict[str, Cell] = {"cancel": no_cancel, "close": no_close, "void": no_void}


@pytest.mark.parametrize("gateway", GATEWAYS, indirect=True, scope="module")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation(operation: str, gateway: str, walk: Walk, typed: Typed, mark: Mark) -> None:
    mark("FAILED")
    OPERATIONS[operation](walk, typed)
    mark("✓")


@pytest.mark.parametrize("gateway", [NO_CANCEL], indirect=True, scope="module")
@pytest.mark.parametrize("operation", MISSING)
def test_missing(operation: str, gateway: str, walk: Walk, typed: Typed, mark: Mark) -> None:
    mark("FAILED")
    MISSING[operation](walk, typed)
    mark("—")
