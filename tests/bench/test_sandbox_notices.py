"""Signed notifications: delivered until acknowledged, only to this machine, misbehaving on request."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.bench.sandbox import Sandbox
from terminal.bench.sandbox.mischief import Mischief
from terminal.bench.sandbox.paycloud import PAUSES_S
from terminal.bench.sandbox.postman import Postman
from terminal.bench.sandbox.rules import DAY_MS, Rules
from terminal.wire.signing import canonical
from tests.bench.antom_till import AntomTill
from tests.bench.notice_door import Door
from tests.bench.sandbox_till import Till, now_ms

# The pauses between deliveries are short here, and lives are not: a busy machine takes its time.
HURRIED = Rules(time_factor=1000, earliest_revoke_ms=0, code_life_ms=DAY_MS, order_life_ms=DAY_MS)


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path) as sandbox:
        sandbox.ledger.set_rules(HURRIED)
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


# -- forged, old, and in the wrong order --------------------------------------------------------------


def test_a_late_notice_tells_an_old_truth_after_the_new_one(tmp_path: Path, door: Door) -> None:
    """F60: RETURNED is told before PAID, and the late one still says PAID."""
    sandbox, postman = posting(tmp_path, "late", delay_ms=300)
    sandbox.ledger.submit(paid_order("T1", door.url), "281", 0)
    assert postman.deliver_next(0)
    sandbox.ledger.revoke("T1", 1)
    assert [postman.deliver_next(at_ms) for at_ms in (1, 299, 300)] == [True, False, True]
    told = [door.next() for _ in range(2)]
    assert [(notice["trans_type"], notice["trans_status"]) for notice in told] == [(2, 2), (1, 2)]
    till = Till(sandbox.announcement)
    assert all(verifies(till, notice) for notice in told)
    sandbox.stop()


def test_late_is_as_late_as_was_asked(tmp_path: Path) -> None:
    sandbox, postman = posting(tmp_path, "late", delay_ms=300)
    sandbox.ledger.submit(paid_order("T1", "https://pos.example/n"), "281", 0)
    assert [postman.deliver_next(at_ms) for at_ms in (0, 299, 300, 10**15)] == [
        *(True, False, True),
        False,  # it was tried, and there was nobody to deliver to
    ]
    sandbox.stop()


def posting(state: Path, kind: str, **more: object) -> tuple[Sandbox, Postman]:
    """A sandbox that is not started, and its postman, who is called by hand and plays this prank once."""
    sandbox, mischief = Sandbox(state), Mischief()
    sandbox.ledger.set_rules(Rules(unlisted_codes="pays", earliest_revoke_ms=0))
    mischief.ask_for({"kind": kind, "operation": "notice", **more})
    return sandbox, Postman(sandbox.ledger, sandbox.wires, mischief, sandbox.stopping, lambda: 0)


def test_a_repeat_tells_what_was_true_then(till: Till, door: Door) -> None:
    door.replies = [(500, b"")]
    pay(till, "T1", door)
    door.next()
    till.revoke("T1")
    assert sorted(door.next()["trans_type"] for _ in range(2)) == [1, 2]


def test_a_wrong_amount_and_yesterdays_notice_are_well_signed(till: Till, door: Door) -> None:
    till.do("misbehave", kind="wrong_amount", operation="notice")
    pay(till, "T1", door)
    forged = door.next()
    assert (forged["order_amount"], forged["trans_amount"]) == ("12.51", "12.51")
    till.do("misbehave", kind="stale", operation="notice")
    pay(till, "T2", door)
    stale = door.next()
    age_ms = now_ms() - int(stale["timestamp"])
    assert 86_400_000 <= age_ms < 86_460_000
    assert all(verifies(till, notice) for notice in (forged, stale))


def test_the_notice_may_come_before_the_answer(till: Till, door: Door) -> None:
    code, door.slow_s = till.code(), 0.3
    till.do("misbehave", kind="notice_first", operation="submit", delay_ms=10_000)
    till.submit("T1", code, notify_url=door.url)
    assert len(door.arrived) == 1  # it was there when the answer came


# -- Antom ----------------------------------------------------------------------------------------------

ACKNOWLEDGED = b'{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}'


@pytest.fixture
def antom(tmp_path: Path) -> Iterator[tuple[AntomTill, Door]]:
    door = Door(ACKNOWLEDGED)
    with Sandbox(tmp_path / "antom", "antom") as sandbox:
        sandbox.ledger.set_rules(HURRIED)
        yield AntomTill(sandbox.announcement), door
    door.close()


def test_antom_tells_success_in_the_store_and_refunds(antom: tuple[AntomTill, Door]) -> None:
    till, door = antom
    door.replies = [(200, b"success"), (200, b"{}"), (500, ACKNOWLEDGED)]  # none of these is one
    paid = till.present("T1", till.code(), paymentNotifyUrl=door.url)
    told = [door.next() for _ in range(4)]
    assert told[0] == told[3]
    assert (told[0]["notifyType"], told[0]["result"]["resultStatus"]) == ("PAYMENT_RESULT", "S")
    assert told[0]["paymentAmount"] == {"currency": "EUR", "value": "1250"}
    till.give_back("R1", paid["paymentId"], 1, refundNotifyUrl=f"{door.url}/refund")
    refund = door.next()
    assert (refund["notifyType"], refund["refundStatus"]) == ("REFUND_RESULT", "SUCCESS")
    assert (refund["refundRequestId"], refund["refundAmount"]["value"]) == ("R1", "1")
    assert door.arrived[-1].path == "/notify/refund"
    assert all(till.verifies(a.path, a.headers, "request-time", a.body) for a in door.arrived)


def test_antom_tells_failures_of_the_cashier_alone(antom: tuple[AntomTill, Door]) -> None:
    till, door = antom
    till.show("T1", paymentNotifyUrl=door.url)
    till.do("wallet/decline", order_no="T1")
    till.cashier("T2", paymentNotifyUrl=door.url)
    till.do("wallet/decline", order_no="T2")
    told = door.next()
    assert (told["paymentRequestId"], told["result"]["resultStatus"]) == ("T2", "F")


def test_antoms_notices_are_forged_on_request(antom: tuple[AntomTill, Door]) -> None:
    till, door = antom
    for number, kind in enumerate(("wrong_signature", "unsigned", "wrong_amount", "stale")):
        till.do("misbehave", kind=kind, operation="notice")
        till.present(f"T{number}", till.code(), paymentNotifyUrl=door.url)
        told, arrival = door.next(), door.arrived[-1]
        well_signed = till.verifies(arrival.path, arrival.headers, "request-time", arrival.body)
        assert well_signed == (kind in ("wrong_amount", "stale"))
        assert told["paymentAmount"]["value"] == ("1251" if kind == "wrong_amount" else "1250")
        age_ms = now_ms() - int(arrival.headers["request-time"])
        assert (age_ms > 80_000_000) == (kind == "stale")


def test_nothing_leaves_this_machine(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)  # not started: the postman is called by hand
    postman = Postman(sandbox.ledger, sandbox.wires, Mischief(), sandbox.stopping, lambda: 0)
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
    postman = Postman(sandbox.ledger, sandbox.wires, Mischief(), sandbox.stopping, lambda: 0)
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
