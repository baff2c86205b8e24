"""Antom's own SDK against our sandbox: it takes our answers and notifications, and sees what our books say.

The SDK lives in an environment of its own (scripts/peers makes it) and was written by other people from other
documents: where it and the sandbox agree, neither copied the other's mistake.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from cryptography.hazmat.primitives import serialization

from terminal.bench.sandbox import Sandbox
from terminal.bench.sandbox.entries import LedgerRefusal, Order, State
from terminal.bench.sandbox.rules import Behaviour, Rules
from tests.bench.notice_door import Door
from tests.bench.sandbox_till import now_ms

ROOT = Path(__file__).parents[2]
SEED = 20261121
OPERATIONS_OF_A_KIND = 100
KINDS = ("pay_code", "pay_order", "inquiry", "cancel", "refund", "inquiry_refund")
CURRENCIES = ("EUR", "JPY", "KWD", "IDR", "USD")
ACKNOWLEDGED = b'{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}'
Said = dict[str, Any]
Ask = Callable[..., Said]


@pytest.fixture(scope="module")
def interpreter() -> str:
    subprocess.run([ROOT / "scripts" / "peers"], check=True, cwd=ROOT)
    return str(ROOT / ".venv-antom" / "bin" / "python")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path, "antom") as sandbox:
        yield sandbox


@pytest.fixture
def ask(sandbox: Sandbox, interpreter: str) -> Iterator[Ask]:
    with driving(interpreter, sandbox) as ask:
        yield ask


@contextmanager
def driving(interpreter: str, sandbox: Sandbox, **other: str) -> Iterator[Ask]:
    """The SDK, waiting for questions. `other`: words of the announcement that are changed for it."""
    said = sandbox.announcement | other
    key = serialization.load_pem_private_key(Path(said["private_key_file"]).read_bytes(), None)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    said["private_key"] = pem.decode()
    said["gateway_key"] = Path(said["gateway_key_file"]).read_text()
    command = [interpreter, str(Path(__file__).with_name("antom_driver.py"))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as driver:
        assert driver.stdin
        assert driver.stdout

        def ask(do: str, **words: Any) -> Said:
            assert driver.stdin
            assert driver.stdout
            driver.stdin.write(json.dumps({"do": do, **words}) + "\n")
            driver.stdin.flush()
            return dict(json.loads(driver.stdout.readline()))

        driver.stdin.write(json.dumps(said) + "\n")
        try:
            yield ask
        finally:
            driver.stdin.close()
            driver.wait(60)


def code(sandbox: Sandbox, behaviour: Behaviour = "pays") -> str:
    return sandbox.ledger.issue_code("Alipay+", behaviour, now_ms()).code


def money(minor: int, currency: str = "EUR") -> Said:
    return {"minor": minor, "currency": currency}


# -- one of each -----------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["SANDBOX_", ""])
def test_every_operation_on_both_paths(sandbox: Sandbox, interpreter: str, prefix: str) -> None:
    client_id = prefix + sandbox.announcement["client_id"].removeprefix("SANDBOX_")
    with driving(interpreter, sandbox, client_id=client_id) as ask:
        paid = ask("pay_code", number="T1", code=code(sandbox), **money(1250))
        assert (paid["status"], paid["payment_amount"]) == ("S", ["EUR", 1250])
        shown = ask("pay_order", number="T2", **money(300))
        assert (shown["status"], shown["qr"]) == ("S", sandbox.ledger.order("T2", now_ms()).qr)
        assert ask("inquiry", number="T1")["payment_status"] == "SUCCESS"
        assert ask("inquiry", number="T2")["payment_status"] == "PROCESSING"
        back = {"number": "R1", "payment_id": paid["payment_id"], **money(1)}
        assert ask("refund", **back)["refund_amount"] == ["EUR", 1]
        assert ask("inquiry_refund", number="R1")["refund_status"] == "SUCCESS"
        for number in ("T1", "T2"):
            assert ask("cancel", number=number)["status"] == "S"
            assert ask("inquiry", number=number)["payment_status"] == "CANCELLED"
        assert (ask("inquiry", number="T9")["code"]) == "ORDER_NOT_EXIST"


def test_it_refuses_answers_that_are_not_ours(sandbox: Sandbox, ask: Ask) -> None:
    ask("pay_order", number="T1", **money(1250))
    for kind in ("wrong_signature", "unsigned"):
        sandbox.mischief.ask_for({"kind": kind, "operation": "query"})
        assert "refused" in ask("inquiry", number="T1")
        assert ask("inquiry", number="T1")["payment_amount"] == ["EUR", 1250]
    assert "refused" in ask("inquiry", number="T1", tamper=True)


def test_it_takes_our_notifications_and_no_forged_ones(sandbox: Sandbox, ask: Ask) -> None:
    door = Door(ACKNOWLEDGED)
    ask("pay_code", number="T1", code=code(sandbox), notify_url=door.url, **money(1250))
    paid = door.next()
    ask("refund", number="R1", payment_id=paid["paymentId"], notify_url=door.url, **money(50))
    assert door.next()["refundStatus"] == "SUCCESS"
    door.close()
    for arrival in door.arrived:
        right = {
            "path": arrival.path,
            "client_id": arrival.headers["client-id"],
            "time": arrival.headers["request-time"],
            "body": arrival.body.decode(),
            "signature": arrival.headers["signature"],
        }
        assert ask("check", **right) == {"true": True}
        forged = {
            "path": "/elsewhere",
            "client_id": "SANDBOX_5Y1",
            "time": right["time"][:-1],
            "body": right["body"].replace("50", "51"),
            "signature": right["signature"].replace("signature=", "signature=A", 1),
        }
        for name, value in forged.items():
            assert "refused" in ask("check", **{**right, name: value}), name
        assert "refused" in ask("check", **{**right, "signature": ""})


# -- many, at random -------------------------------------------------------------------------------

STATUS = {
    State.WAITING: "PROCESSING",
    State.PAYING: "PROCESSING",
    State.PAID: "SUCCESS",
    State.FAILED: "FAIL",
    State.CLOSED: "CANCELLED",
    State.RETURNED: "CANCELLED",
}


class Counter:
    """A counter that works with the SDK, and after each answer looks into the gateway's books."""

    def __init__(self, sandbox: Sandbox, ask: Ask) -> None:
        self.sandbox, self.ask = sandbox, ask
        self.dice = random.Random(SEED)
        self.orders: list[str] = []
        self.refunds: list[str] = []

    def book(self, number: str) -> Order:
        return self.sandbox.ledger.order(number, now_ms())

    def new(self) -> Said:
        number, currency = f"T{len(self.orders)}", self.dice.choice(CURRENCIES)
        self.orders.append(number)
        minor = self.dice.randint(1, 10**6)
        return {"number": number, **money(minor * 100 if currency == "IDR" else minor, currency)}

    def pay_code(self) -> None:
        behaviour: Behaviour = self.dice.choice(get_args(Behaviour))
        asked = self.new()
        said = self.ask("pay_code", code=code(self.sandbox, behaviour), **asked)
        book = self.book(asked["number"])
        assert (
            said["status"] == {"SUCCESS": "S", "PROCESSING": "U", "FAIL": "F"}[STATUS[book.state]]
        )
        self.agrees(said, book)
        assert book.amount.minor == asked["minor"]

    def pay_order(self) -> None:
        asked = self.new()
        said = self.ask("pay_order", **asked)
        book = self.book(asked["number"])
        assert (said["status"], said["qr"], book.state) == ("S", book.qr, State.WAITING)
        self.agrees(said, book)

    def inquiry(self) -> None:
        number = self.some(self.orders)
        said = self.ask("inquiry", number=number)
        if number == "T404":
            assert (said["status"], said["code"]) == ("F", "ORDER_NOT_EXIST")
            return
        book = self.book(number)
        assert (said["status"], said["payment_status"]) == ("S", STATUS[book.state])
        self.agrees(said, book)

    def cancel(self) -> None:
        number = self.some(self.orders)
        before = None if number == "T404" else self.book(number)
        said = self.ask("cancel", number=number)
        assert said["status"] == ("S" if before else "F")
        if before:
            book = self.book(number)
            assert book.state in (State.CLOSED, State.RETURNED, State.FAILED)
            assert book.left_minor == 0
            assert said["payment_id"] == before.trans_no

    def refund(self) -> None:
        book = self.book(self.dice.choice(self.orders))
        left, currency = book.left_minor, book.amount.currency
        part = max(left, 1) if self.dice.random() < 0.2 else self.dice.randint(1, left // 2 + 2)
        if currency == "IDR":
            part = part // 100 * 100 or 100
        rules = Rules(
            refund_ms=self.dice.choice((0, 60_000)), refund_fails=self.dice.random() < 0.1
        )
        self.sandbox.ledger.set_rules(rules)
        number = f"R{len(self.refunds)}"
        said = self.ask("refund", number=number, payment_id=book.trans_no, **money(part, currency))
        returned = self.book(book.order_no).returned_minor - book.returned_minor
        try:
            entry = self.sandbox.ledger.refund(number)
        except LedgerRefusal:
            assert returned == 0
            assert said["status"] != "S"
            assert book.state is not State.PAID or part > left
            return
        self.refunds.append(number)
        assert returned == (0 if entry.failed else part)
        done = "F" if entry.failed else "S"
        assert said["status"] == ("U" if rules.refund_ms else done)
        assert said["refund_amount"] == [currency, part]

    def inquiry_refund(self) -> None:
        number = self.some(self.refunds)
        said = self.ask("inquiry_refund", number=number)
        if number == "T404":
            assert (said["status"], said["code"]) == ("F", "ORDER_NOT_EXIST")
            return
        entry = self.sandbox.ledger.refund(number)
        under_way = entry.done_ms > now_ms()
        ended = "FAIL" if entry.failed else "SUCCESS"
        assert said["refund_status"] == ("PROCESSING" if under_way else ended)
        assert said["refund_amount"] == [entry.amount.currency, entry.amount.minor]
        assert said["refund_id"] == entry.trans_no

    def customer(self) -> None:
        """Somebody pays, or says no."""
        book = self.book(self.dice.choice(self.orders))
        if book.state in (State.WAITING, State.PAYING):
            act = self.dice.choice((self.sandbox.ledger.pay, self.sandbox.ledger.decline))
            act(book.order_no, now_ms())

    def some(self, numbers: list[str]) -> str:
        return self.dice.choice(numbers) if numbers and self.dice.random() < 0.95 else "T404"

    def agrees(self, said: Said, book: Order) -> None:
        assert said["payment_id"] == book.trans_no
        assert said["payment_amount"] == [book.amount.currency, book.amount.minor]
        assert book.captured_minor in (0, book.amount.minor)


def test_a_hundred_operations_of_each_kind_agree_with_the_books(sandbox: Sandbox, ask: Ask) -> None:
    counter = Counter(sandbox, ask)
    kinds = [kind for kind in KINDS for _ in range(OPERATIONS_OF_A_KIND)]
    counter.dice.shuffle(kinds)
    for kind in ("pay_code", "pay_order", *kinds):
        getattr(counter, kind)()
        for _ in range(2):
            counter.customer()
    seen, booked = Tally[str](), Tally[str]()
    for book in map(counter.book, counter.orders):
        booked[book.amount.currency] += book.left_minor
        said = ask("inquiry", number=book.order_no)
        if said["payment_status"] == "SUCCESS":
            currency, minor = said["payment_amount"]
            entries = sandbox.ledger.history(book.order_no)[1]
            back = [ask("inquiry_refund", number=entry.refund_no) for entry in entries]
            given = [one["refund_amount"][1] for one in back if one["refund_status"] != "FAIL"]
            seen[currency] += minor - sum(given)
    assert seen == booked
    assert all(booked[currency] for currency in CURRENCIES)
