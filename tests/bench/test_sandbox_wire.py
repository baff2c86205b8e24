"""The PayCloud wire of the sandbox: every operation over loopback HTTP, with real signatures."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from terminal.bench.sandbox import Sandbox
from terminal.bench.sandbox.wallets import WALLETS
from terminal.wire.signing import canonical
from tests.bench.sandbox_till import Till, now_ms

VECTORS = json.loads((Path(__file__).parents[1] / "gateways" / "gateways_vectors.json").read_text())


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def till(sandbox: Sandbox) -> Iterator[Till]:
    """A till at the module's sandbox, with numbers that no other test has used, at the usual settings."""
    till = Till(sandbox.announcement)
    prefix = f"T{sandbox.ledger.store.last_change():05d}X"
    till.number = lambda: f"{prefix}{next(till._numbers)}"  # type: ignore[method-assign]
    usual = sandbox.ledger.rules
    till.do("settings", earliest_revoke_ms=0)
    yield till
    sandbox.ledger.set_rules(usual)


# -- MPM -----------------------------------------------------------------------------------------


def test_mpm_from_the_code_to_paid(till: Till) -> None:
    number = till.number()
    made = till.create(number)
    assert (made["code"], set(made["data"])) == ("0", {"trans_no", "qrcode_url"})
    qr = made["data"]["qrcode_url"]
    assert re.fullmatch(r"https://q\.sandbox\.example/[0-9A-Z]{10}", qr)
    assert len(qr) == 36
    assert till.query(number)["data"]["trans_status"] == 9
    shown = till.do("wallet/scan", qr=qr)
    assert (shown["amount"], shown["currency"], shown["order_no"]) == ("12.50", "EUR", number)
    assert till.query(number)["data"]["trans_status"] == 0
    till.do("wallet/pay", qr=qr)
    data = till.query(number)["data"]
    assert data["trans_status"] == 2
    assert data["merchant_order_no"] == number
    assert data["trans_no"] == made["data"]["trans_no"]
    assert (data["order_amount"], data["trans_amount"]) == ("12.50", "12.50")
    assert data["price_currency"] == "EUR"
    assert (data["trans_type"], data["pay_scenario"]) == (1, "SCANQR_PAY")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", data["trans_end_time"])


def test_a_query_by_the_gateways_number_finds_the_same_order(till: Till) -> None:
    number = till.number()
    trans_no = till.create(number)["data"]["trans_no"]
    assert till.query("", trans_no=trans_no)["data"]["merchant_order_no"] == number


def test_what_the_terminal_said_of_itself_comes_back_in_a_query(till: Till) -> None:
    number = till.number()
    till.create(number, store_no="4122000031", terminal_sn="RPI0001", attach='{"k": "v & w=1"}')
    data = till.query(number)["data"]
    assert (data["store_no"], data["terminal_sn"]) == ("4122000031", "RPI0001")
    assert data["attach"] == '{"k": "v & w=1"}'


def test_a_customer_may_decline_a_shown_code(till: Till) -> None:
    number = till.number()
    qr = till.create(number)["data"]["qrcode_url"]
    till.do("wallet/decline", qr=qr)
    assert till.query(number)["data"]["trans_status"] == 1
    assert till.desk("POST", "wallet/pay", qr=qr)[0] == 409


@pytest.mark.parametrize(
    ("currency", "amount", "said"),
    [
        ("JPY", "1250", "1250"),
        ("JPY", "1.0", "1"),
        ("KWD", "1.250", "1.250"),
        ("EUR", "12.5", "12.50"),
    ],
)
def test_amounts_are_written_with_the_currencys_decimals(
    till: Till, currency: str, amount: str, said: str
) -> None:
    number = till.number()
    till.create(number, amount, price_currency=currency)
    data = till.query(number)["data"]
    assert (data["order_amount"], data["price_currency"]) == (said, currency)


# -- CPM -----------------------------------------------------------------------------------------


def test_cpm_paid_at_once_says_amounts_but_no_currency(till: Till) -> None:
    number = till.number()
    data = till.submit(number, till.code())["data"]
    assert data["trans_status"] == 2
    assert (data["trans_amount"], data["paid_amount"]) == ("12.50", "12.50")
    assert not {"price_currency", "merchant_order_no"} & set(data)  # as documented: query
    assert till.query(number)["data"]["pay_scenario"] == "BSCANQR_PAY"


def test_cpm_that_the_payer_must_confirm(till: Till) -> None:
    number, code = till.number(), till.code(behaviour="confirms")
    assert set(till.submit(number, code)["data"]) == {"trans_no", "trans_status"}
    assert till.query(number)["data"]["trans_status"] == 0
    till.do("wallet/confirm", code=code)
    assert till.query(number)["data"]["trans_status"] == 2


def test_cpm_that_the_payer_does_not_confirm(till: Till) -> None:
    number, code = till.number(), till.code(behaviour="confirms")
    till.submit(number, code)
    till.do("wallet/decline", order_no=number)
    data = till.query(number)["data"]
    assert (data["trans_status"], data["trans_error_code"]) == (1, "115")


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [("declines", "115"), ("insufficient", "TS-D2012"), ("expired", "AUTHCODEEXPIRE")],
)
def test_cpm_that_the_payers_side_refuses(till: Till, behaviour: str, error: str) -> None:
    number = till.number()
    said = till.submit(number, till.code(behaviour=behaviour))
    assert said["code"] == "0"  # the call was processed; the payment failed
    assert (said["data"]["trans_status"], said["data"]["trans_error_code"]) == (1, error)
    assert till.books(number)["captured_minor"] == 0


def test_cpm_with_a_code_that_no_wallet_made(till: Till) -> None:
    said = till.submit(till.number(), "281006020000000000000000")
    assert said["data"]["trans_error_code"] == "AUTH_CODE_INVALID"
    till.do("settings", unlisted_codes="pays")
    assert till.submit(till.number(), "281006020000000000000000")["data"]["trans_status"] == 2
    again = till.submit(till.number(), "281006020000000000000000")["data"]
    assert again["trans_error_code"] == "AUTH_CODE_USED"


def test_cpm_with_the_wrong_wallet_is_refused_but_alipay_is_one_house(till: Till) -> None:
    wrong = till.submit(till.number(), till.code("WeChatPay"))
    assert wrong["data"]["trans_error_code"] == "AUTH_CODE_INVALID"
    assert till.submit(till.number(), till.code("Alipay"))["data"]["trans_status"] == 2


# -- undo and refunds -----------------------------------------------------------------------------


def test_revoke_of_an_unpaid_order_closes_it_for_ever(till: Till) -> None:
    number = till.number()
    qr = till.create(number)["data"]["qrcode_url"]
    said = till.revoke(number)
    assert (said["code"], said["data"]) == ("0", {})
    assert till.query(number)["data"]["trans_status"] == 3
    assert till.desk("POST", "wallet/pay", qr=qr)[0] == 409
    assert till.revoke(number)["code"] == "0"


def test_revoke_of_a_paid_order_returns_the_money_once(till: Till) -> None:
    number = till.number()
    till.submit(number, till.code())
    assert till.revoke(number)["code"] == "0"
    assert till.revoke(number)["code"] == "0"
    books = till.books(number)
    assert (books["captured_minor"], books["returned_minor"]) == (1250, 1250)
    assert till.query(number)["data"]["trans_status"] == 3
    till.do("settings", void_stays_paid=True)
    assert till.query(number)["data"]["trans_status"] == 2


def test_revoke_of_an_unknown_order_with_and_without_tombstones(till: Till) -> None:
    lost = till.number()
    assert till.revoke(lost)["code"] == "E04111"
    assert till.submit(lost, till.code())["data"]["trans_status"] == 2  # it comes late, and is paid
    till.do("settings", tombstones=True)
    buried = till.number()
    assert till.revoke(buried)["code"] == "0"
    assert till.submit(buried, till.code())["code"] == "SBX124"
    assert till.query(buried)["code"] == "E04111"


def test_revoke_too_early(till: Till) -> None:
    till.do("settings", earliest_revoke_ms=60_000)
    number = till.number()
    till.submit(number, till.code())
    assert till.revoke(number)["code"] == "SBX201"
    assert till.query(number)["data"]["trans_status"] == 2


def test_refunds_in_parts_up_to_what_was_paid(till: Till) -> None:
    number, first, second = till.number(), till.number(), till.number()
    paid = till.submit(number, till.code())["data"]
    said = till.refund(first, number, "10.00")["data"]
    assert said["trans_amount"] == "10.00"
    asked = till.ask("order.refund.query", merchant_order_no=first)["data"]
    assert (asked["trans_status"], asked["trans_type"]) == (2, 3)
    assert (asked["order_amount"], asked["orig_trans_no"]) == ("10.00", paid["trans_no"])
    assert till.refund(second, number, "2.51")["code"] == "SBX120"
    assert till.refund(second, number, "2.50")["code"] == "0"
    assert till.books(number)["returned_minor"] == 1250
    assert till.query(number)["data"]["trans_status"] == 2  # a refunded sale was paid


def test_a_refund_may_be_under_way_or_fail(till: Till) -> None:
    number, slow, failed = till.number(), till.number(), till.number()
    till.submit(number, till.code())
    till.do("settings", refund_ms=3_600_000)
    till.refund(slow, number, "1.00")
    assert till.ask("order.refund.query", merchant_order_no=slow)["data"]["trans_status"] == 0
    till.do("settings", refund_ms=0, refund_fails=True)
    till.refund(failed, number, "1.00")
    assert till.ask("order.refund.query", merchant_order_no=failed)["data"]["trans_status"] == 1
    assert till.books(number)["returned_minor"] == 100


def test_refunds_of_nothing(till: Till) -> None:
    number = till.number()
    assert till.refund(till.number(), number, "1.00")["code"] == "M010"
    till.create(number)
    assert till.refund(till.number(), number, "1.00")["code"] == "SBX119"
    assert till.ask("order.refund.query", merchant_order_no="R404")["code"] == "E04111"


def test_a_repeated_number_is_refused_or_answered_the_same(till: Till) -> None:
    number, code = till.number(), till.code()
    first = till.submit(number, code)["data"]
    assert till.submit(number, code)["code"] == "SBX113"
    assert till.create(number)["code"] == "SBX113"
    till.do("settings", repeat="same")
    assert till.submit(number, code)["data"] == first
    assert till.submit(number, code, "12.51")["code"] == "SBX113"
    assert till.submit(number, till.code())["code"] == "SBX113"
    assert till.books(number)["captured_minor"] == 1250


# -- who is listened to -----------------------------------------------------------------------------


def test_a_form_is_as_good_as_json(till: Till) -> None:
    number = till.number()
    till.create(number, description="Café 二维码 & more=1")
    fields = till.fields("order.query", merchant_order_no=number)
    assert till.opened(till.post(fields, form=True)[1])["data"]["trans_status"] == 9


def test_numbers_in_json_are_signed_as_they_are_written(till: Till) -> None:
    number = till.number()
    fields = till.fields(
        "cscanb.pay.getqrcode",
        merchant_order_no=number,
        order_amount="12.50",
        price_currency="EUR",
        pay_method_id="Alipay+",
    )
    text = json.dumps(fields).replace('"12.50"', "12.50")
    _, body, _ = till.send(
        "POST", "/api/entry", text.encode(), {"content-type": "application/json"}
    )
    assert till.opened(body)["code"] == "0"


def test_the_documented_subpaths_are_the_same_door(till: Till) -> None:
    body = json.dumps(till.fields("order.query", merchant_order_no="T404")).encode()
    headers = {"content-type": "application/json"}
    assert (
        till.opened(till.send("POST", "/api/entry/orderquery", body, headers)[1])["code"]
        == "E04111"
    )
    assert till.send("POST", "/api/other", body, headers)[0] == 404
    assert till.send("GET", "/api/entry", b"", headers)[0] == 405


@pytest.mark.parametrize(
    "tampered", ["order_amount", "merchant_order_no", "timestamp", "sign_type"]
)
def test_what_was_changed_on_the_way_is_refused(till: Till, tampered: str) -> None:
    number = till.number()
    fields = till.fields(
        "cscanb.pay.getqrcode",
        merchant_order_no=number,
        order_amount="12.50",
        price_currency="EUR",
        pay_method_id="Alipay+",
    )
    fields[tampered] = {"order_amount": "0.01", "timestamp": str(now_ms() + 1)}.get(tampered, "X1")
    assert till.opened(till.post(fields)[1])["code"] == "SYS002"
    assert till.query(number)["code"] == "E04111"


def test_other_peoples_signatures_are_refused(till: Till) -> None:
    fields = till.fields("order.query", merchant_order_no="T1")
    for sign in ("AAAA", "not base64", base64.urlsafe_b64encode(b"\xff" * 256).decode()):
        assert till.opened(till.post({**fields, "sign": sign})[1])["code"] == "SYS002"
    broken_line = fields["sign"][:76] + "\n" + fields["sign"][76:]
    assert till.opened(till.post({**fields, "sign": broken_line})[1])["code"] == "SYS002"
    stranger = till.signed({**fields, "app_id": "wz0000000000000000"})
    assert till.opened(till.post(stranger)[1])["code"] == "SYS002"


def test_what_is_missing_or_malformed_is_refused(till: Till) -> None:
    def code(**changed: str) -> str:
        fields = till.fields("cscanb.pay.getqrcode", **{**good, **changed})
        return str(till.opened(till.post(fields)[1])["code"])

    good = {"merchant_order_no": till.number(), "order_amount": "1", "price_currency": "EUR"}
    good |= {"pay_method_id": "Alipay+"}
    assert code(format="") == "SYS011"
    assert code(method="no.such.method") == "E07303"
    assert code(merchant_no="1") == "M009"
    for bad in (
        {"merchant_order_no": "T" * 33},
        {"merchant_order_no": "T 1"},
        {"order_amount": "1,5"},
        {"order_amount": "0.00"},
        {"order_amount": "1.005"},
        {"price_currency": "eur"},
        {"pay_method_id": "Alipay±"},
        {"pay_method_id": "MerPay"},
        {"expires": "0"},
        {"expires": "soon"},
        {"description": "x" * 2_000},
    ):
        assert code(**bad) == "SBX202", bad
    assert code() == "0"


def test_a_field_that_stands_twice_is_refused_whatever_is_signed(till: Till) -> None:
    text = json.dumps(till.fields("order.query", merchant_order_no="T404"))
    twice = text.replace('"T404"', '"T1", "merchant_order_no": "T404"')
    _, body, _ = till.send("POST", "/api/entry", twice.encode(), {})
    assert till.opened(body)["code"] == "SBX202"


BODIES = {
    "nothing": b"",
    "not utf-8": b"\xff\xfe",
    "array": b"[]",
    "null": b"null",
    "number": b"3",
    "half": b"{",
    "nested": b'{"a":{"b":1}}',
    "nan": b'{"a":NaN}',
    "twice": b'{"a":1,"a":2}',
    "deep": b"[" * 50_000,
    "long number": b'{"a":' + b"1" * 10_000 + b"}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_body_upsets_it(till: Till, body: bytes) -> None:
    _, said, _ = till.send("POST", "/api/entry", body, {"content-type": "application/json"})
    assert till.opened(said)["code"] in ("SYS011", "SBX202")


def test_a_clock_a_quarter_of_an_hour_off_is_refused(till: Till) -> None:
    for off_ms, code in (
        (-14 * 60_000, "E04111"),
        (16 * 60_000, "SBX122"),
        (-16 * 60_000, "SBX122"),
    ):
        fields = till.fields("order.query", merchant_order_no="T404")
        fields = till.signed({**fields, "timestamp": str(now_ms() + off_ms)})
        assert till.opened(till.post(fields)[1])["code"] == code


def test_the_vendors_own_canonical_strings_are_ours() -> None:
    """The bytes that the vendor's SDK signed; that we verify what it verifies is tests/wire's to show."""
    for request in VECTORS["paycloud_requests"]:
        assert canonical(request["fields"]) == request["canonical"]


# -- the customers' side -----------------------------------------------------------------------------


@pytest.mark.parametrize("wallet", WALLETS)
def test_codes_look_like_the_wallets_own(till: Till, wallet: str) -> None:
    heads, digits, _ = WALLETS[wallet]
    code = till.code(wallet)
    assert code.startswith(heads)
    assert len(code) == digits
    assert code.isdigit()
    assert till.submit(till.number(), code, pay_method_id=wallet)["data"]["trans_status"] == 2


def test_the_desk_answers_in_sentences(till: Till) -> None:
    assert till.desk("POST", "wallet/code", wallet="Gold")[0] == 400
    assert till.desk("POST", "wallet/code", wallet="Alipay+", behaviour="dances")[0] == 400
    assert till.desk("POST", "wallet/pay", qr="https://q.sandbox.example/NOTHINGXXX")[0] == 404
    assert till.desk("POST", "wallet/pay")[0] == 400
    assert till.desk("GET", "orders/T404")[0] == 404
    assert till.desk("GET", "nothing")[0] == 404
    status, said = till.desk("POST", "settings", earliest_revoke=1)
    assert status == 400
    assert "earliest_revoke_ms" in said["error"]
    assert till.desk("POST", "settings", time_factor=0)[0] == 400
    assert till.send("POST", "/sandbox/wallet/pay", b"[1]", {})[0] == 400
    assert till.send("POST", "/sandbox/wallet/pay", b"{", {})[0] == 400
    assert till.send("POST", "/sandbox/x", b"x" * 70_000, {})[0] == 413


def test_a_wallet_pays_its_own_codes_and_no_more_than_it_holds(till: Till) -> None:
    qr = till.create(till.number(), pay_method_id="AuPay")["data"]["qrcode_url"]
    assert till.desk("POST", "wallet/pay", qr=qr, wallet="WeChatPay")[0] == 409
    till.do("wallet/balance", wallet="AuPay", currency="EUR", minor=1249)
    assert till.desk("POST", "wallet/pay", qr=qr)[1]["why"] == "poor"
    till.do("wallet/balance", wallet="AuPay", currency="EUR", minor=1250)
    till.do("wallet/pay", qr=qr)
    assert till.do("wallet/balance", wallet="AuPay", currency="EUR")["minor"] == 0


def test_a_wrong_amount_can_be_paid_on_request_and_the_answer_says_so(till: Till) -> None:
    number = till.number()
    qr = till.create(number)["data"]["qrcode_url"]
    till.do("wallet/pay", qr=qr, amount_minor=125)
    data = till.query(number)["data"]
    assert (data["order_amount"], data["trans_amount"]) == ("12.50", "1.25")


def test_the_books_can_be_followed(till: Till) -> None:
    since = till.desk("GET", "orders")[1]["next"]
    assert till.desk("GET", f"orders?since={since}")[1]["orders"] == []
    number = till.number()
    qr = till.create(number)["data"]["qrcode_url"]
    page = till.desk("GET", f"orders?since={since}&wait_ms=30000")[1]
    assert [order["order_no"] for order in page["orders"]] == [number]
    till.do("wallet/pay", qr=qr)
    (order,) = till.desk("GET", f"orders?since={page['next']}&wait_ms=30000")[1]["orders"]
    assert (order["order_no"], order["state"]) == (number, "paid")
    history = till.desk("GET", f"orders/{quote(number)}")[1]["history"]
    assert [(entry["what"], entry["delta_minor"]) for entry in history] == [
        ("create", 0),
        ("pay", 1250),
    ]


def test_after_the_window_a_payment_can_only_be_refunded(till: Till) -> None:
    paid, shown = till.number(), till.number()
    till.submit(paid, till.code())
    till.create(shown)
    till.do("settings", cancel_window_ms=0)
    assert till.revoke(paid)["code"] == "SBX125"
    assert till.query(paid)["data"]["trans_status"] == 2
    assert till.refund(till.number(), paid, "12.50")["code"] == "0"
    assert till.books(paid)["returned_minor"] == 1250
    assert till.revoke(shown)["code"] == "0"
