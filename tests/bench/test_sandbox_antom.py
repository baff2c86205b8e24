"""The Antom wire of the sandbox: every operation over loopback HTTP, with real signatures (gateways.md 3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.bench.sandbox import Sandbox
from tests.bench.antom_till import AntomTill, iso, outcome
from tests.bench.sandbox_till import now_ms

OK = ("S", "SUCCESS")
WAITS = ("U", "PAYMENT_IN_PROCESS")
CLOSED = ("F", "ORDER_IS_CLOSED")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), "antom") as sandbox:
        yield sandbox


@pytest.fixture
def till(sandbox: Sandbox) -> Iterator[AntomTill]:
    till = AntomTill(sandbox.announcement)
    prefix = f"T{sandbox.ledger.store.last_change():05d}X"
    till.number = lambda: f"{prefix}{next(till._numbers)}"  # type: ignore[method-assign]
    usual = sandbox.ledger.rules
    yield till
    sandbox.ledger.set_rules(usual)


# -- what a customer shows -------------------------------------------------------------------------


def test_a_presented_code_is_paid_at_once(till: AntomTill) -> None:
    number = till.number()
    answer = till.present(number, till.code())
    assert outcome(answer) == OK
    assert answer["paymentRequestId"] == number
    assert answer["paymentAmount"] == {"currency": "EUR", "value": "1250"}
    asked = till.inquire(number)
    assert (outcome(asked), asked["paymentStatus"]) == (OK, "SUCCESS")
    assert asked["paymentId"] == answer["paymentId"]
    assert till.books(number)["captured_minor"] == 1250


def test_a_payment_that_the_payer_must_confirm(till: AntomTill) -> None:
    number, code = till.number(), till.code(behaviour="confirms")
    assert outcome(till.present(number, code)) == WAITS
    asked = till.inquire(number)
    assert (outcome(asked), asked["paymentStatus"]) == (OK, "PROCESSING")
    till.do("wallet/confirm", code=code)
    assert till.inquire(number)["paymentStatus"] == "SUCCESS"


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("insufficient", "USER_BALANCE_NOT_ENOUGH"),
        ("declines", "USER_PAYMENT_VERIFICATION_FAILED"),
        ("expired", "EXPIRED_CODE"),
    ],
)
def test_the_payers_side_says_no(till: AntomTill, behaviour: str, code: str) -> None:
    number = till.number()
    assert outcome(till.present(number, till.code(behaviour=behaviour))) == ("F", code)
    asked = till.inquire(number)
    assert (outcome(asked), asked["paymentStatus"]) == (OK, "FAIL")
    assert asked["paymentResultCode"] == code


def test_a_code_of_another_house_and_one_of_nobody(till: AntomTill) -> None:
    for code in (till.code("WeChatPay"), "281006020000000000000000"):
        number = till.number()
        for _ in range(2):  # a repeat hears the same, also about a code that stands in no book
            assert outcome(till.present(number, code)) == ("F", "INVALID_CODE")


# -- what we show ----------------------------------------------------------------------------------


def test_an_order_code_is_made_and_paid(till: AntomTill) -> None:
    number = till.number()
    answer = till.show(number)
    assert outcome(answer) == OK  # the code was made; nothing is paid
    assert till.inquire(number)["paymentStatus"] == "PROCESSING"
    entries = answer["orderCodeForm"]["codeDetails"]
    assert [entry["displayType"] for entry in entries] == ["BIGIMAGE", "TEXT", "SMALLIMAGE"]
    assert {entry["codeValueType"] for entry in entries} == {"QRCODE"}
    assert "normalUrl" not in answer
    till.do("wallet/pay", qr=entries[1]["codeValue"])
    assert till.inquire(number)["paymentStatus"] == "SUCCESS"


def test_the_cashier_answers_u_with_a_page_and_a_code(till: AntomTill) -> None:
    number = till.number()
    answer = till.cashier(number)
    assert outcome(answer) == WAITS
    assert answer["orderCodeForm"]["paymentMethodType"] == "ALIPAY_HK"
    till.do("wallet/pay", qr=answer["normalUrl"])
    assert till.inquire(number)["paymentStatus"] == "SUCCESS"
    assert till.cashier(till.number(), method="CASH")["result"]["resultCode"] == (
        "UNAVAILABLE_PAYMENT_METHOD"
    )


def test_the_code_may_be_in_the_page_alone(till: AntomTill) -> None:
    till.do("settings", code_entries="images")
    entries = till.show(till.number())["orderCodeForm"]["codeDetails"]
    assert {entry["displayType"] for entry in entries} == {"BIGIMAGE", "SMALLIMAGE"}
    till.do("settings", code_entries="none")
    answer = till.cashier(till.number())
    assert "orderCodeForm" not in answer
    assert answer["normalUrl"].startswith("https://")


def test_a_shown_code_expires_when_the_terminal_said(till: AntomTill) -> None:
    number, expiry = till.number(), iso(after_s=2)
    body = till.in_store(number, 1250, "OrderCode", paymentExpiryTime=expiry)
    answer = till.ask("pay", **body)
    assert answer["orderCodeForm"]["expireTime"] <= expiry
    till.do("settings", time_factor=1000)
    late = till.number()
    assert outcome(till.show(late, paymentExpiryTime=iso(after_s=5))) in (OK, CLOSED)
    due_ms = till.books(late)["expires_ms"]
    while now_ms() < due_ms:
        pass
    assert till.inquire(late)["paymentStatus"] == "FAIL"
    assert till.inquire(late)["paymentResultCode"] == "ORDER_IS_CLOSED"
    assert outcome(till.show(late, paymentExpiryTime=iso(after_s=-5))) == CLOSED  # a repeat
    new = till.show(till.number(), paymentExpiryTime=iso(after_s=-5))
    assert outcome(new) == ("F", "PARAM_ILLEGAL")


# -- again -----------------------------------------------------------------------------------------


def test_the_same_request_hears_the_same(till: AntomTill) -> None:
    number, code = till.number(), till.code()
    first = till.present(number, code)
    assert till.present(number, code) == first
    assert till.books(number)["captured_minor"] == 1250
    shown = till.number()
    assert till.show(shown)["orderCodeForm"] == till.show(shown)["orderCodeForm"]


def test_another_request_with_the_same_number_is_inconsistent(till: AntomTill) -> None:
    number, code = till.number(), till.code()
    till.present(number, code)
    wrong = ("F", "REPEAT_REQ_INCONSISTENT")
    assert outcome(till.present(number, code, 1251)) == wrong
    assert outcome(till.present(number, till.code())) == wrong
    assert outcome(till.present(number, code, currency="USD")) == wrong
    assert outcome(till.show(number)) == wrong
    assert till.books(number)["captured_minor"] == 1250


# -- back ------------------------------------------------------------------------------------------


def test_cancel_closes_what_is_unpaid_and_returns_what_is_paid(till: AntomTill) -> None:
    shown, paid = till.number(), till.number()
    till.show(shown)
    till.present(paid, till.code())
    for number in (shown, paid):
        for _ in range(2):  # repeats change nothing
            answer = till.cancel(number)
            assert (outcome(answer), answer["paymentRequestId"]) == (OK, number)
        assert till.inquire(number)["paymentStatus"] == "CANCELLED"
    assert till.books(paid)["returned_minor"] == 1250
    assert till.desk("POST", "wallet/pay", order_no=shown)[0] == 409
    assert outcome(till.show(shown)) == CLOSED
    assert outcome(till.cancel("T404")) == ("F", "ORDER_NOT_EXIST")
    till.do("settings", tombstones=True)
    assert outcome(till.cancel("T405")) == OK
    assert outcome(till.show("T405")) == CLOSED


def test_after_the_window_only_a_refund_is_left(till: AntomTill) -> None:
    number = till.number()
    payment_id = till.present(number, till.code())["paymentId"]
    till.do("settings", cancel_window_ms=0)
    assert outcome(till.cancel(number)) == ("F", "CANCEL_WINDOW_EXCEED")
    assert outcome(till.give_back(till.number(), payment_id, 1250)) == OK
    assert till.books(number)["returned_minor"] == 1250
    shown = till.number()
    till.show(shown)
    assert outcome(till.cancel(shown)) == OK  # closing knows no window


def test_refunds_and_their_limits(till: AntomTill) -> None:
    number, back = till.number(), till.number()
    payment_id = till.present(number, till.code())["paymentId"]
    answer = till.give_back(back, payment_id, 400)
    assert (outcome(answer), answer["refundAmount"]["value"]) == (OK, "400")
    assert till.give_back(back, payment_id, 400) == answer
    assert outcome(till.give_back(back, payment_id, 401)) == ("F", "REPEAT_REQ_INCONSISTENT")
    more = till.give_back(till.number(), payment_id, 851)
    assert outcome(more) == ("F", "REFUND_AMOUNT_EXCEED")
    usd = till.give_back(till.number(), payment_id, 1, currency="USD")
    assert outcome(usd) == ("F", "CURRENCY_NOT_SUPPORT")
    asked = till.inquire_refund(back)
    assert (outcome(asked), asked["refundStatus"]) == (OK, "SUCCESS")
    assert asked["refundId"] == answer["refundId"]
    assert till.books(number)["returned_minor"] == 400
    assert outcome(till.inquire_refund("R404")) == ("F", "ORDER_NOT_EXIST")
    assert till.inquire(number)["paymentStatus"] == "SUCCESS"


def test_a_refund_takes_time_and_may_fail(till: AntomTill) -> None:
    payment_id = till.present(till.number(), till.code())["paymentId"]
    till.do("settings", refund_ms=60_000)
    slow = till.number()
    assert outcome(till.give_back(slow, payment_id, 1)) == WAITS
    assert till.inquire_refund(slow)["refundStatus"] == "PROCESSING"
    till.do("settings", refund_ms=0, refund_fails=True)
    lost = till.number()
    assert outcome(till.give_back(lost, payment_id, 1)) == ("F", "PROCESS_FAIL")
    assert till.inquire_refund(lost)["refundStatus"] == "FAIL"


def test_an_unpaid_order_gives_nothing_back(till: AntomTill) -> None:
    number = till.number()
    payment_id = till.show(number)["paymentId"]
    assert outcome(till.give_back(till.number(), payment_id, 1)) == WAITS
    till.cancel(number)
    assert outcome(till.give_back(till.number(), payment_id, 1)) == CLOSED


# -- whom it listens to, and how it speaks ---------------------------------------------------------


def test_both_paths_lead_to_the_same_account(till: AntomTill) -> None:
    number = till.number()
    till.present(number, till.code())
    body = json.dumps({"paymentRequestId": number}).encode()
    production = "/ams/api/v1/payments/inquiryPayment"
    client_id = till.said["client_id"].removeprefix("SANDBOX_")
    _, answer, headers = till.call(production, body, client_id=client_id, request_time=iso())
    assert till.verifies(production, headers, "response-time", answer)
    assert json.loads(answer)["paymentStatus"] == "SUCCESS"
    wrong = till.call(production, body)[1]  # the sandbox's id on the production path
    assert json.loads(wrong)["result"]["resultCode"] == "INVALID_CLIENT"


def test_the_headers_of_an_answer_are_lower_case(till: AntomTill) -> None:
    """gateways.md 9.1; the request line is the whole address, as the SDK writes it."""
    path = till.said["path"] + "inquiryPayment"
    headers = dict(till.raw_headers(path, b'{"paymentRequestId": "T404"}'))
    assert {"signature", "response-time", "client-id"} <= set(headers)
    assert headers["signature"].startswith("algorithm=RSA256, keyVersion=1, signature=")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"signature": ""}, "INVALID_SIGNATURE"),
        ({"signature": "algorithm=RSA256,keyVersion=1,signature=AAAA"}, "INVALID_SIGNATURE"),
        ({"client_id": "SANDBOX_5Y1"}, "INVALID_CLIENT"),
        ({"request_time": "yesterday"}, "PARAM_ILLEGAL"),
        ({"content_type": "text/plain"}, "MEDIA_TYPE_NOT_ACCEPTABLE"),
    ],
)
def test_it_listens_to_its_terminal_alone(
    till: AntomTill, changed: dict[str, str], code: str
) -> None:
    number = till.number()
    body = json.dumps(till.in_store(number, 1, "PaymentCode", code=till.code())).encode()
    path = till.said["path"] + "pay"
    _, answer, headers = till.call(path, body, **changed)
    assert json.loads(answer)["result"]["resultCode"] == code
    assert till.verifies(path, headers, "response-time", answer)
    assert till.desk("GET", f"orders/{number}")[0] == 404


def test_the_signature_is_over_the_bytes_as_they_came(till: AntomTill) -> None:
    path, at = till.said["path"] + "inquiryPayment", str(now_ms())
    body = b'{ "paymentRequestId" :\n "T404" }'
    signature = till.signature(path, till.said["client_id"], at, body)
    for spoken, code in ((body, "ORDER_NOT_EXIST"), (body + b" ", "INVALID_SIGNATURE")):
        answer = till.call(path, spoken, request_time=at, signature=signature)[1]
        assert json.loads(answer)["result"]["resultCode"] == code


@pytest.mark.parametrize(
    "change",
    [
        {"productCode": "ONLINE"},
        {"paymentRequestId": ""},
        {"paymentRequestId": "x" * 65},
        {"paymentAmount": {"currency": "EUR", "value": "1251"}},
        {"paymentAmount": {"currency": "EUR", "value": "12.50"}},
        {"order": None},
        {"order": []},
        {"paymentMethod": {"paymentMethodType": "CONNECT_WALLET"}},
        {"paymentFactor": {"inStorePaymentScenario": "EntryCode"}},
        {"paymentExpiryTime": "soon"},
        {"paymentExpiryTime": "2026-11-21T10:00:00"},
    ],
)
def test_what_cannot_be_meant_is_refused(till: AntomTill, change: dict[str, Any]) -> None:
    number = till.number()
    body = till.in_store(number, 1250, "PaymentCode", code=till.code()) | change
    assert outcome(till.ask("pay", **body)) == ("F", "PARAM_ILLEGAL")
    assert till.desk("GET", f"orders/{number}")[0] == 404


def test_rupiah_end_in_00_and_numbers_need_no_quotes(till: AntomTill) -> None:
    wrong = till.present(till.number(), till.code(), 1250, currency="IDR")
    assert outcome(wrong) == ("F", "PARAM_ILLEGAL")
    number = till.number()
    body = till.in_store(number, 1200, "PaymentCode", code=till.code(), currency="IDR")
    body["paymentAmount"]["value"] = 1200
    assert outcome(till.ask("pay", **body)) == OK
    strange = till.present(till.number(), till.code(), currency="ABC")
    assert outcome(strange) == ("F", "CURRENCY_NOT_SUPPORT")


def test_rubbish_is_answered(till: AntomTill) -> None:
    path = till.said["path"] + "pay"
    for body in (b"", b"[]", b'{"a":1,"a":2}', b"\xff", b"[" * 9_000):
        answer = json.loads(till.call(path, body)[1])
        assert answer["result"]["resultCode"] == "PARAM_ILLEGAL"
    nowhere = json.loads(till.call(till.said["path"] + "gift", b"{}")[1])
    assert nowhere["result"]["resultCode"] == "NO_INTERFACE_DEF"


# -- misbehaving -----------------------------------------------------------------------------------


def test_forged_and_unsigned_answers(till: AntomTill) -> None:
    path = till.said["path"] + "pay"
    for kind in ("wrong_signature", "unsigned"):
        number = till.number()
        body = json.dumps(till.in_store(number, 1250, "PaymentCode", code=till.code())).encode()
        _, answer, headers = till.call(path, body, misbehave=kind)
        assert json.loads(answer)["result"]["resultStatus"] == "S"
        assert not till.verifies(path, headers, "response-time", answer)
        assert ("signature" in headers) == (kind == "wrong_signature")
        assert till.books(number)["captured_minor"] == 1250


def test_an_answer_about_another_order_and_an_unlisted_code(till: AntomTill) -> None:
    paid, shown = till.number(), till.number()
    till.present(paid, till.code())
    till.show(shown)
    other = till.ask("inquiryPayment", "other_order", paymentRequestId=shown)
    assert other["paymentRequestId"] != shown
    odd = till.ask("inquiryPayment", "unknown_code", paymentRequestId=shown)
    assert odd["result"]["resultStatus"] == "U"
    refused = till.ask("cancel", "clock_refusal", paymentRequestId=shown)
    assert refused["result"]["resultCode"] == "ACCESS_DENIED"
    assert till.inquire(shown)["paymentStatus"] == "PROCESSING"


def test_mischief_knows_the_operations(till: AntomTill) -> None:
    till.do("misbehave", kind="unknown_code", operation="create")
    assert outcome(till.present(till.number(), till.code())) == OK
    assert outcome(till.show(till.number()))[0] == "U"


# -- several gateways on one port --------------------------------------------------------------------


def test_all_gateways_share_a_port_and_see_their_own_orders(tmp_path: Path) -> None:
    from tests.bench.sandbox_till import Till

    with Sandbox(tmp_path, ["paycloud", "codepay", "antom"]) as sandbox:
        said = sandbox.announcement["gateways"]
        assert list(said) == ["paycloud", "codepay", "antom"]
        assert len({one["gateway_key_file"] for one in said.values()}) == 3
        assert {one["address"] for one in said.values()} == {sandbox.announcement["address"]}
        paycloud, codepay = Till(said["paycloud"]), Till(said["codepay"])
        antom = AntomTill(said["antom"])
        assert paycloud.submit("P1", paycloud.code())["code"] == "0"
        codepay.submit("C1", codepay.code("Alipay"), pay_method_id="Alipay")
        antom.present("A1", antom.code())
        assert paycloud.query("P1")["data"]["trans_status"] == 2
        for till, others in ((paycloud, ("C1", "A1")), (codepay, ("P1", "A1"))):
            for number in others:
                assert till.query(number)["code"] == "E04111"
                assert till.revoke(number)["code"] == "E04111"
                assert till.refund("R1", number, "1.00")["code"] == "M010"
        assert outcome(antom.inquire("P1")) == ("F", "ORDER_NOT_EXIST")
        assert outcome(antom.cancel("P1")) == ("F", "ORDER_NOT_EXIST")
        assert len(antom.desk("GET", "orders")[1]["orders"]) == 3
