"""PayCloud: what it posts to us (gateways.md 1.11). Signed by the gateway, or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.core.terms import Money, WireFault
from terminal.gateways import Notice
from terminal.gateways.paycloud import NOTIFY, Gateway, Settings
from terminal.wire.signing import Verifier
from tests.gateways.vendor import (
    AMOUNT,
    GOOD,
    ORDER_NO,
    PAID,
    PART,
    REFUND_NO,
    RETURNED,
    TRANS_NO,
    codec,
    keys,
    signed,
)

HEAD: dict[str, Any] = {
    "app_id": "wz00test",
    "merchant_no": "312100007235",
    "method": NOTIFY,
    "sign_type": "RSA2",
    "timestamp": "1795223864205",
}
PAID_NOTICE = HEAD | PAID
BACK_NOTICE = HEAD | RETURNED


def read(fields: dict[str, Any], **own: Any) -> Notice:
    return codec(**own).notice("POST", "/notify", {}, signed(fields))


def test_paid() -> None:
    assert read(PAID_NOTICE) == Notice(
        order_no=ORDER_NO,
        kind="payment",
        amount=AMOUNT,
        merchant_ok=True,
        gateway_ref=TRANS_NO,
        event_key=f"{ORDER_NO}/{TRANS_NO}/1/2",
    )


def test_returned() -> None:
    notice = read(BACK_NOTICE)
    assert (notice.order_no, notice.kind, notice.amount) == (REFUND_NO, "refund", PART)
    assert notice.event_key == f"{REFUND_NO}/{RETURNED['trans_no']}/3/2"


@pytest.mark.parametrize(
    "changed",
    [
        {"trans_status": 0},
        {"trans_status": 1},
        {"trans_status": 3},
        {"trans_status": None},
        {"trans_type": 2},
    ],
    ids=str,
)
def test_what_does_not_say_that_money_moved(changed: dict[str, Any]) -> None:
    notice = read(PAID_NOTICE | changed)
    assert (notice.kind, notice.amount, notice.illegible) == ("payment", None, False)


@pytest.mark.parametrize(
    "changed",
    [
        {"price_currency": None},
        {"order_amount": None, "trans_amount": None},
        {"trans_amount": "34.51"},  # the two disagree: ask
        {"order_amount": "34,50"},
        {"price_currency": "usd"},
    ],
    ids=str,
)
def test_what_says_that_money_moved_but_not_how_much(changed: dict[str, Any]) -> None:
    notice = read(PAID_NOTICE | changed)
    assert (notice.kind, notice.amount, notice.illegible) == ("payment", None, True)


def test_another_amount_is_told_as_it_is() -> None:
    """F58: the dispatcher compares."""
    notice = read(PAID_NOTICE | {"order_amount": "34.51", "trans_amount": "34.51"})
    assert notice.amount == Money(3451, "USD")


@pytest.mark.parametrize(
    "changed", [{"merchant_no": "1"}, {"merchant_no": None}, {"app_id": "x"}, {"store_no": "9"}]
)
def test_another_merchant(changed: dict[str, Any]) -> None:
    """F57."""
    assert read(PAID_NOTICE, store_no="4122").merchant_ok
    assert not read(PAID_NOTICE | changed, store_no="4122").merchant_ok


def test_something_else_is_for_acknowledging_only() -> None:
    assert read(PAID_NOTICE | {"trans_type": 4}).kind == "other"


def test_the_same_event_has_the_same_key() -> None:
    again = read(PAID_NOTICE | {"timestamp": "1795223999999", "http_request_id": "7"})
    assert again == read(PAID_NOTICE)
    assert read(PAID_NOTICE | {"trans_status": 3}).event_key != again.event_key


@pytest.mark.parametrize(
    "body",
    [
        b"",
        GOOD,  # a signed answer is no notice
        signed(PAID_NOTICE, keys()[0]),
        signed(PAID_NOTICE | {"merchant_order_no": None}),
        signed(PAID_NOTICE | {"method": "order.query"}),
        signed(PAID_NOTICE | {"method": None}),
        signed(PAID_NOTICE | {"merchant_order_no": "T\x1b[2J"}),
        signed(PAID_NOTICE).replace(b"34.50", b"99.50"),
        json.dumps(PAID_NOTICE).encode(),
        b"merchant_order_no=T1&sign=x",  # F53
        b"[" * 60_000,
        b"x" * 70_000,
    ],
    ids=range(12),
)
def test_not_to_be_believed(body: bytes) -> None:
    """F51, F53, F54, F58."""
    with pytest.raises(WireFault):
        codec().notice("POST", "/notify", {}, body)


@pytest.mark.parametrize("method", ["GET", "PUT", "post", ""])
def test_a_notice_is_posted(method: str) -> None:
    """F52."""
    with pytest.raises(WireFault, match="posted"):
        codec().notice(method, "/notify", {}, signed(PAID_NOTICE))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    with pytest.raises(WireFault):
        codec().notice("POST", "/notify", {}, body)


def test_the_acknowledgement_is_the_plain_word() -> None:
    assert (Gateway.acknowledgement.status, Gateway.acknowledgement.body) == (200, b"success")


VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "gateways_vectors.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    "vector", VECTORS["paycloud_notifications"], ids=lambda vector: vector["name"]
)
def test_the_recorded_ones(vector: dict[str, Any]) -> None:
    theirs = Verifier.from_pem(VECTORS["keys"]["gateway_public_spki_der_b64"].encode())
    chosen = Settings(app_id="wz0000000000000test", merchant_no="312100007235")
    gateway = Gateway(chosen, keys()[0], theirs)
    if vector["expect"] == "reject":
        with pytest.raises(WireFault):
            gateway.notice("POST", "/n", {}, vector["raw"].encode())
    else:
        notice = gateway.notice("POST", "/n", {}, vector["raw"].encode())
        expected = {"refund": ("R0002", "refund", PART), "paid": ("T0001", "payment", AMOUNT)}
        said = (notice.order_no, notice.kind, notice.amount)
        assert said == expected.get(vector["name"], ("T0001", "payment", None))
        assert notice.merchant_ok
