"""Every misbehaviour: what the terminal gets, and what the books say about it afterwards."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.bench.sandbox import Sandbox
from terminal.bench.sandbox.mischief import RULES_MAX, Kind, Mischief
from terminal.bench.sandbox.server import HUGE_BYTES
from terminal.core.terms import Refusal
from terminal.wire.signing import canonical
from tests.bench.sandbox_till import Till, now_ms


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def till(sandbox: Sandbox) -> Iterator[Till]:
    till = Till(sandbox.announcement)
    prefix = f"T{sandbox.ledger.store.last_change():05d}X"
    till.number = lambda: f"{prefix}{next(till._numbers)}"  # type: ignore[method-assign]
    yield till
    sandbox.mischief.behave()


def submit(till: Till, number: str, misbehave: str) -> tuple[int, bytes]:
    """Charge a fresh code, with this misbehaviour."""
    fields = till.fields(
        "bscanc.pay.submit",
        merchant_order_no=number,
        order_amount="12.50",
        price_currency="EUR",
        pay_method_id="Alipay+",
        auth_code=till.code(),
    )
    status, body, _ = till.post(fields, misbehave)
    return status, body


def verifies(till: Till, envelope: dict[str, Any]) -> bool:
    signature = base64.b64decode(envelope.get("sign", ""))
    return till.verifier.verify(canonical(envelope).encode(), signature)


def captured(till: Till, number: str) -> int | None:
    """None: the order is not in the books."""
    return till.books(number).get("captured_minor")


def is_reset(error: ConnectionResetError) -> bool:
    """A reset, and not just an end (http.client makes an end a kind of reset)."""
    return type(error) is ConnectionResetError


def test_drop_before(till: Till) -> None:
    number = till.number()
    with pytest.raises(ConnectionResetError, check=is_reset):
        submit(till, number, "drop_before")
    assert captured(till, number) is None


def test_drop_after(till: Till) -> None:
    number = till.number()
    with pytest.raises(ConnectionResetError, check=is_reset):
        submit(till, number, "drop_after")
    assert captured(till, number) == 1250


def test_late_is_applied_after_the_terminal_was_told_nothing(till: Till) -> None:
    number = till.number()
    since = till.desk("GET", "orders")[1]["next"]
    with pytest.raises(ConnectionResetError, check=is_reset):
        submit(till, number, "late; delay_ms=30")
    till.desk("GET", f"orders?since={since}&wait_ms=30000")
    assert captured(till, number) == 1250


def test_delay_applies_at_once_and_answers_later(till: Till) -> None:
    number = till.number()
    answer = till.opened(submit(till, number, "delay; delay_ms=400")[1])
    answered_ms = now_ms()
    assert answer["data"]["trans_status"] == 2
    (charge,) = till.books(number)["history"]
    assert charge["delta_minor"] == 1250
    assert answered_ms - charge["at_ms"] >= 400


def test_slow_bytes_come_one_by_one_and_make_the_right_answer(till: Till) -> None:
    number = till.number()
    _, body = submit(till, number, "slow_bytes; delay_ms=1")
    assert till.opened(body)["data"]["trans_status"] == 2


def test_truncated(till: Till) -> None:
    number = till.number()
    with pytest.raises(http.client.IncompleteRead) as cut:
        submit(till, number, "truncated")
    assert cut.value.partial.startswith(b'{"code": "0"')
    assert captured(till, number) == 1250


def test_5xx_before_and_after(till: Till) -> None:
    before, after = till.number(), till.number()
    assert submit(till, before, "5xx_before")[0] == 500
    assert submit(till, after, "5xx_after")[0] == 500
    assert (captured(till, before), captured(till, after)) == (None, 1250)


def test_a_captive_portal(till: Till) -> None:
    number = till.number()
    status, body = submit(till, number, "html")
    assert (status, body[:6]) == (200, b"<html>")
    assert captured(till, number) is None


def test_empty(till: Till) -> None:
    number = till.number()
    assert submit(till, number, "empty") == (200, b"")
    assert captured(till, number) == 1250


def test_huge(till: Till) -> None:
    number = till.number()
    status, body = submit(till, number, "huge")
    assert status == 200
    assert len(body) > HUGE_BYTES
    assert captured(till, number) == 1250


def test_a_signature_that_does_not_verify(till: Till) -> None:
    number = till.number()
    envelope = json.loads(submit(till, number, "wrong_signature")[1])
    assert envelope["code"] == "0"
    assert len(base64.b64decode(envelope["sign"])) == 256
    assert not verifies(till, envelope)
    assert captured(till, number) == 1250


def test_no_signature(till: Till) -> None:
    envelope = json.loads(submit(till, till.number(), "unsigned")[1])
    assert envelope["code"] == "0"
    assert "sign" not in envelope


def test_an_unlisted_code_well_signed(till: Till) -> None:
    number = till.number()
    envelope = till.opened(submit(till, number, "unknown_code")[1])
    assert envelope["code"] not in ("0", "E04111", "SYS002", "SYS011", "E07303")
    assert captured(till, number) == 1250


def test_the_answer_about_somebody_elses_order(till: Till) -> None:
    paid, shown = till.number(), till.number()
    mine = till.submit(paid, till.code())["data"]
    till.create(shown)
    data = till.ask("order.query", "other_order", merchant_order_no=shown)["data"]
    assert data["merchant_order_no"] != shown
    assert data["trans_status"] == 2
    assert data["trans_no"] != till.query(shown)["data"]["trans_no"]
    refund = till.refund(till.number(), paid, "1.00")["data"]
    other = till.ask("order.refund.query", "other_order", trans_no=refund["trans_no"])["data"]
    assert other["trans_no"] not in (refund["trans_no"], mine["trans_no"])


def test_in_empty_books_the_other_order_is_made_up(tmp_path: Any) -> None:
    with Sandbox(tmp_path) as sandbox:
        till = Till(sandbox.announcement)
        till.create("T1")
        data = till.ask("order.query", "other_order", merchant_order_no="T1")["data"]
        assert (data["merchant_order_no"], data["trans_status"]) == ("T0OTHER", 2)


def test_a_request_applied_twice_is_answered_for_the_second_time(till: Till) -> None:
    number = till.number()
    assert till.opened(submit(till, number, "duplicate")[1])["code"] == "SBX113"
    assert captured(till, number) == 1250


def test_a_refusal_of_the_clock(till: Till) -> None:
    number = till.number()
    assert till.opened(submit(till, number, "clock_refusal")[1])["code"] == "SBX122"
    assert captured(till, number) is None


def test_there_is_a_test_for_every_kind() -> None:
    here = Path(__file__).parent
    files = (here / "test_sandbox_mischief.py", here / "test_sandbox_notices.py")
    text = "".join(file.read_text() for file in files)
    assert [kind.value for kind in Kind if f'"{kind.value}' not in text] == []


# -- when ------------------------------------------------------------------------------------------


def test_rules_hit_the_operation_they_name_as_often_as_they_say(till: Till) -> None:
    till.do("misbehave", kind="unsigned", operation="query", count=2)
    number = till.number()
    assert till.create(number)["code"] == "0"
    query = till.fields("order.query", merchant_order_no=number)
    signed = ["sign" in json.loads(till.post(query)[1]) for _ in range(3)]
    assert signed == [False, False, True]
    assert till.desk("GET", "misbehave")[1]["rules"] == []


def test_rules_can_stand_until_they_are_taken_back(till: Till) -> None:
    till.do("misbehave", rules=[{"kind": "html", "count": None}, {"kind": "empty"}])
    query = till.fields("order.query", merchant_order_no="T1")
    assert all(till.post(query)[1].startswith(b"<html>") for _ in range(5))
    assert till.desk("DELETE", "misbehave")[1]["rules"] == []
    assert till.opened(till.post(query)[1])["code"] == "E04111"


def test_chance_comes_from_the_seed() -> None:
    def hits(seed: int) -> list[bool]:
        mischief = Mischief(seed)
        mischief.ask_for({"kind": "empty", "count": None, "probability": 0.5})
        return [mischief.next("query") is not None for _ in range(64)]

    assert hits(1) == hits(1)
    assert hits(1) != hits(2)
    assert 0 < sum(hits(1)) < 64


def test_any_means_what_terminals_ask() -> None:
    mischief = Mischief()
    mischief.ask_for({"kind": "empty"})
    assert mischief.next("notice") is None
    assert mischief.next("refund_query") is not None


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "explode"},
        {"kind": "empty", "operation": "lunch"},
        {"kind": "empty", "count": 0},
        {"kind": "empty", "probability": 0},
        {"kind": "empty", "delay_ms": -1},
        {"kind": "empty", "often": True},
        {},
        3,
        [[]],
    ],
)
def test_what_is_no_rule_is_refused(wanted: object) -> None:
    mischief = Mischief()
    with pytest.raises(Refusal):
        mischief.ask_for(wanted)
    assert mischief.standing() == []


def test_there_is_room_for_so_many_rules() -> None:
    mischief = Mischief()
    mischief.ask_for([{"kind": "empty"}] * RULES_MAX)
    with pytest.raises(Refusal):
        mischief.ask_for({"kind": "empty"})


def test_a_header_that_is_no_rule_is_refused_and_nothing_applied(till: Till) -> None:
    number = till.number()
    for header in ("explode", "delay; delay_ms=x", "delay; delay_ms=999999"):
        assert submit(till, number, header)[0] == 400
    assert captured(till, number) is None


# -- the socket ----------------------------------------------------------------------------------------


def test_a_connection_serves_many_requests(till: Till) -> None:
    line = http.client.HTTPConnection(till.netloc, timeout=60)
    for _ in range(3):
        body = json.dumps(till.fields("order.query", merchant_order_no="T404"))
        line.request("POST", "/api/entry", body, {"content-type": "application/json"})
        assert till.opened(line.getresponse().read())["code"] == "E04111"
    line.close()


def test_stop_ends_the_living_connections(tmp_path: Any) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.start()
    host, port = Till(sandbox.announcement).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as idle:
        idle.sendall(b"GET /sandbox/settings HTTP/1.1\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        sandbox.stop()
        while idle.recv(4096):
            pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=60)
