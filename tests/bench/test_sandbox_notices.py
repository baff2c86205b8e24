"""Signed notifications: delivered until acknowledged, only to this machine, misbehaving on request."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from terminal.bench.sandbox import Sandbox
from terminal.bench.sandbox.mischief import Mischief
from terminal.bench.sandbox.postman import PAUSES_S, Postman
from terminal.bench.sandbox.rules import Rules
from terminal.wire.signing import canonical
from tests.bench.sandbox_till import Till


class Door:
    """Where a terminal takes notifications. `replies`: what it says to the next ones, then "success"."""

    def __init__(self) -> None:
        self.got: Queue[dict[str, Any]] = Queue()
        self.replies: list[tuple[int, bytes]] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, reply = door.replies.pop(0) if door.replies else (200, b"success")
                self.send_response(status)
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)
                door.got.put(json.loads(body))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/notify"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def next(self) -> dict[str, Any]:
        return self.got.get(timeout=10)


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.server.shutdown()
    door.server.server_close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        sandbox.ledger.set_rules(Rules(time_factor=1000, earliest_revoke_ms=0))
        yield sandbox


@pytest.fixture
def till(sandbox: Sandbox) -> Till:
    return Till(sandbox.announcement)


def verifies(till: Till, notice: dict[str, Any]) -> bool:
    text = canonical({name: str(value) for name, value in notice.items()})
    return till.verifier.verify(text.encode(), base64.b64decode(notice.get("sign", "")))


def pay(till: Till, number: str, door: Door) -> None:
    till.submit(number, till.code(), notify_url=door.url)


def test_a_payment_is_told_and_signed(till: Till, door: Door) -> None:
    pay(till, "T1", door)
    notice = door.next()
    assert verifies(till, notice)
    assert notice["method"] == "payment.result.notify"
    assert (notice["merchant_order_no"], notice["trans_status"], notice["trans_type"]) == (
        "T1",
        2,
        1,
    )
    assert (notice["trans_amount"], notice["price_currency"]) == ("12.50", "EUR")
    assert notice["merchant_no"] == till.said["merchant_no"]


def test_it_is_told_again_until_it_is_acknowledged(till: Till, door: Door) -> None:
    door.replies = [(500, b""), (200, b"SUCCESS"), (200, b"ok")]
    pay(till, "T1", door)
    assert [door.next()["merchant_order_no"] for _ in range(4)] == ["T1"] * 4
    pay(till, "T2", door)
    assert door.next()["merchant_order_no"] == "T2"  # not a fifth time T1


def test_an_expiry_a_void_and_a_refund_are_told_too(till: Till, door: Door) -> None:
    till.create("T1", expires="60", notify_url=door.url)
    expired = door.next()
    assert (expired["trans_status"], expired["trans_error_code"]) == (1, "112")
    pay(till, "T2", door)
    door.next()
    till.refund("R2", "T2", "1.00")
    refund = door.next()
    assert (refund["merchant_order_no"], refund["trans_type"], refund["trans_amount"]) == (
        *("R2", 3),
        "1.00",
    )
    till.revoke("T2")
    void = door.next()
    assert (void["merchant_order_no"], void["trans_type"], void["trans_status"]) == ("T2", 2, 2)
    assert all(verifies(till, notice) for notice in (expired, refund, void))


def test_notices_misbehave_on_request(till: Till, door: Door) -> None:
    kinds = ("duplicate", "wrong_signature", "unsigned", "other_order", "drop_before")
    pay(till, "T0", door)
    door.next()
    seen = {}
    for number, kind in enumerate(kinds, start=1):
        till.do("misbehave", kind=kind, operation="notice")
        if kind in ("wrong_signature", "unsigned", "other_order"):
            door.replies = [(400, b"")]
        pay(till, f"T{number}", door)
        seen[kind] = [door.next()]
        if kind != "drop_before":
            seen[kind].append(door.next())
    assert all(verifies(till, notice) for notice in seen["duplicate"])
    for kind in ("wrong_signature", "unsigned"):
        assert [verifies(till, notice) for notice in seen[kind]] == [False, True]
    assert verifies(till, seen["other_order"][0])
    assert [notice["merchant_order_no"] == "T4" for notice in seen["other_order"]] == [False, True]
    assert seen["drop_before"][0]["merchant_order_no"] == "T5"


def test_nothing_leaves_this_machine(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)  # not started: the postman is called by hand
    postman = Postman(sandbox.ledger, sandbox.wire, Mischief(), sandbox.stopping, lambda: 0)
    elsewhere = ("https://pos.example/n", "http://192.0.2.1/n", "http://127.0.0.1@192.0.2.1/n")
    for number, url in enumerate((*elsewhere, "file:///etc", "http://[", "http://127.0.0.1:x/")):
        sandbox.ledger.set_rules(Rules(unlisted_codes="pays"))
        sandbox.ledger.submit(paid_order(f"T{number}", url), f"28{number}", 1)
        assert postman.deliver_next(1)
        assert not postman.deliver_next(10**15)  # given up at once
    sandbox.stop()


def test_a_terminal_that_never_answers_is_told_fifteen_times(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.ledger.set_rules(Rules(unlisted_codes="pays"))
    postman = Postman(sandbox.ledger, sandbox.wire, Mischief(), sandbox.stopping, lambda: 0)
    sandbox.ledger.submit(paid_order("T1", "http://127.0.0.1:1/n"), "281", 0)
    now_ms, deliveries = 0, 0
    for pause_s in (*PAUSES_S, 0):
        assert postman.deliver_next(now_ms)
        deliveries += 1
        assert not postman.deliver_next(now_ms + pause_s * 1000 - 1)
        now_ms += pause_s * 1000
    assert deliveries == 15
    assert not postman.deliver_next(10**15)
    sandbox.stop()


def paid_order(number: str, url: str) -> Any:
    from terminal.bench.sandbox.ledger import Ask
    from terminal.core.terms import Money

    return Ask(number, "M1", Money(1250, "EUR"), "Alipay+", None, {"notify_url": url})
