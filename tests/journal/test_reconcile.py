"""10,000 sales in a real journal, the gateway's bill with 100 planted differences of 8 kinds: exactly these are
named (G19)."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from terminal.cli import main
from terminal.core.events import OrderClosed, RefundDone, RefundFailed
from terminal.core.sale import Order, Phase
from terminal.core.terms import Mode, Money
from tests.journal.samples import EPOCH, TERMINAL, Hasty, append, number, opened, paid

SALES = 10_000
RETURNS = (20_000, 30_000, 40_000)  # their numbers begin there: refunds, voids, refunds that failed
BACK = Money(300, "MYR")
DAYS = ("--from", "2026-11-20", "--to", "2026-11-22")
Line = list[str]


@dataclass
class Day:
    """What was sold, and the bill as it should be: order number -> its line."""

    journal: Path
    bill: dict[str, Line]
    paid: list[str]  # and nothing went back
    closed: list[str]
    refunds: list[str]
    voided: list[str]
    failed: list[str]  # refunds


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    ram = Path("/dev/shm")
    with TemporaryDirectory(dir=ram if ram.is_dir() else None) as place:
        day = Day(Path(place) / "journal.db", {}, [], [], [], [], [])
        with closing(Hasty.open(day.journal, terminal=TERMINAL, chance=lambda: EPOCH)) as journal:
            for counter in range(1, SALES + 1):
                _sell(journal, day, counter)
        yield day


def _sell(journal: Any, day: Day, counter: int) -> None:
    """Most are paid; every tenth is closed; of some the money goes back, in part or whole."""
    order, event = opened(counter)
    append(journal, (order, event))
    if counter % 10 == 0:
        append(journal, (replace(order, phase=Phase.CLOSED), OrderClosed(at_ms=1)))
        day.closed.append(order.order_no)
        day.bill[order.order_no] = _line(order.order_no, "not paid", order.amount)
        return
    sale = paid(order)
    append(journal, sale)
    day.bill[order.order_no] = _line(order.order_no, "paid", order.amount)
    ways: dict[int, Callable[[Any, Day, Order], None]] = {1: _refund, 2: _void, 3: _fail}
    back = ways.get(counter % 50)
    if back is None:
        day.paid.append(order.order_no)
    else:
        back(journal, day, sale[0])


def _return(sale: Order, counter: int, mode: Mode, amount: Money, phase: Phase) -> Order:
    return replace(
        opened(counter)[0], sale_no=sale.sale_no, of=sale.order_no, mode=mode, amount=amount,
        phase=phase, paid=amount if phase is Phase.RETURNED else None,
    )  # fmt: skip


def _refund(journal: Any, day: Day, sale: Order) -> None:
    back = _return(sale, RETURNS[0] + len(day.refunds), Mode.REFUND, BACK, Phase.RETURNED)
    append(journal, (replace(back, phase=Phase.REFUNDING, paid=None), opened(1)[1]))
    append(journal, (back, RefundDone(at_ms=1, amount=BACK)))
    day.refunds.append(back.order_no)
    day.bill[back.order_no] = _line(back.order_no, "returned", BACK)


def _void(journal: Any, day: Day, sale: Order) -> None:
    void = _return(sale, RETURNS[1] + len(day.voided), Mode.VOID, sale.amount, Phase.RETURNED)
    append(journal, (void, opened(1)[1]))
    day.voided.append(sale.order_no)
    day.bill[sale.order_no][1] = "returned"


def _fail(journal: Any, day: Day, sale: Order) -> None:
    back = _return(sale, RETURNS[2] + len(day.failed), Mode.REFUND, BACK, Phase.NOT_RETURNED)
    append(journal, (replace(back, phase=Phase.REFUNDING), opened(1)[1]))
    append(journal, (back, RefundFailed(at_ms=1)))
    day.failed.append(back.order_no)


def _line(order_no: str, state: str, amount: Money) -> Line:
    return [order_no, state, amount.major, amount.currency, "2026112100"]


def reconciled(
    day: Day, lines: list[Line], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[dict[str, Any]]]:
    bill = tmp_path / "bill.csv"
    with bill.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        sheet.writerow(("order_no", "state", "amount", "currency", "gateway_ref"))
        sheet.writerows(lines)
    code = main(["--json", "reconcile", *DAYS, "--journal", str(day.journal), "--bill", str(bill)])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_books_that_agree(day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = reconciled(day, list(day.bill.values()), tmp_path, capsys)
    assert (code, said[0]["ok"], said[0]["differences"]) == (0, True, 0)
    assert said[0]["orders"] == SALES + 3 * SALES // 50


def plant(day: Day) -> tuple[list[Line], set[tuple[str, str]]]:
    """100 differences, each on an order of its own."""
    bill = {order_no: [*line] for order_no, line in day.bill.items()}
    more: list[Line] = []
    planted: set[tuple[str, str]] = set()
    pools = {
        name: iter(getattr(day, name)[7::9]) for name in ("paid", "closed", "refunds", "failed")
    }
    pools["voided"] = iter(day.voided[5:])

    def at(kind: str, pool: str, times: int, change: Callable[[str], object]) -> None:
        for _ in range(times):
            order_no = next(pools[pool])
            change(order_no)
            planted.add((kind, order_no))

    def put(column: int, text: str) -> Callable[[str], object]:
        return lambda order_no: bill[order_no].__setitem__(column, text)

    def known(order_no: str) -> None:
        bill[order_no] = _line(order_no, "returned", BACK)

    at("unpaid_there", "paid", 5, bill.pop)
    at("unpaid_there", "paid", 4, put(1, "not paid"))
    at("unpaid_there", "paid", 4, put(1, "waiting"))
    at("unpaid_here", "closed", 13, put(1, "paid"))
    at("amount", "paid", 7, put(2, "12.51"))
    at("amount", "refunds", 6, put(2, "2.99"))
    at("currency", "paid", 12, put(3, "SGD"))
    at("return_missing", "refunds", 4, bill.pop)
    at("return_missing", "voided", 3, put(1, "paid"))
    at("return_missing", "paid", 3, put(1, "returned"))
    at("return_missing", "failed", 3, known)
    at("state", "closed", 6, put(1, "waiting"))
    at("state", "refunds", 6, put(1, "return pending"))
    at("doubled", "paid", 12, lambda order_no: more.append(bill[order_no]))
    for counter in range(12):
        stranger = number(90_000 + counter)
        more.append(_line(stranger, "paid", BACK))
        planted.add(("unknown_here", stranger))
    return [*bill.values(), *more], planted


def test_exactly_the_planted_differences_are_named(
    day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, planted = plant(day)
    assert len(planted) == 100 and len({kind for kind, _ in planted}) == 8
    code, said = reconciled(day, lines, tmp_path, capsys)
    found = [(each["kind"], each["order_no"]) for each in said[:-1]]
    assert (code, len(found), set(found)) == (1, 100, planted)
    assert all(each["next"] for each in said[:-1])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("order_no,state,amount\nT1,paid,1\n", "no column currency"),
        ("order_no,state,amount,currency\nT1,gone,1,EUR\n", "line 2: 'gone' is no state"),
        ("order_no,state,amount,currency\nT1,paid,1.234,EUR\n", "line 2: EUR has 2 decimals"),
        ("order_no,state,amount,currency\nT1,paid,1,XXQ\n", "line 2: 'XXQ' is no ISO 4217"),
        ("order_no,state,amount,currency\n,paid,1,EUR\n", "line 2"),
        ("order_no,state,amount,currency\nT1,paid\n", "line 2 is not whole"),
        ("", "no column"),
    ],
)
def test_a_bill_that_cannot_be_read_says_where(
    day: Day, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text(text, encoding="utf-8")
    days = ("--from", "2020-01-01", "--to", "2020-01-01")
    code = main(["reconcile", *days, "--journal", str(day.journal), "--bill", str(bill)])
    assert code == 1 and why in capsys.readouterr().err
