"""Bytes that the vendor's own SDK signed, and answers that it accepted or refused (gateways_vectors.json).

The file's "no sign" answer is one that the SDK accepts and we must not (gateways.md 0.5).
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from terminal.codes.scanned import PaymentCode
from terminal.core.effects import CreateOrder, QueryOrder, Request, SubmitPayment
from terminal.core.events import (
    AnswerUnclear,
    CodeIssued,
    OrderEvent,
    PaymentApproved,
    PaymentDeclined,
    PaymentPending,
)
from terminal.core.terms import Money, WireFault
from terminal.gateways.antom import Gateway, Settings
from terminal.wire.envelope import opened
from terminal.wire.http import HttpAnswer
from terminal.wire.signing import Verifier, canonical, from_signature_header, headed
from tests.gateways.vendor import keys
from tests.gateways.vendor_antom import OWN

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "gateways_vectors.json").read_text(encoding="utf-8")
)
APP = Verifier.from_pem(VECTORS["keys"]["app_public_spki_der_b64"].encode())
GATEWAY = Verifier.from_pem(VECTORS["keys"]["gateway_public_spki_der_b64"].encode())
ANSWERS = VECTORS["paycloud_responses"] + VECTORS["paycloud_notifications"]


def test_the_file_is_whole() -> None:
    assert len(VECTORS["paycloud_requests"]) == 6
    assert [answer["expect"] for answer in ANSWERS].count("accept") == 10
    assert [answer["expect"] for answer in ANSWERS].count("reject") == 6


@pytest.mark.parametrize("vector", VECTORS["paycloud_requests"], ids=lambda vector: vector["op"])
def test_a_request_of_the_vendor_verifies(vector: dict[str, Any]) -> None:
    sent = dict(parse_qsl(vector["raw"], keep_blank_values=True, strict_parsing=True))
    for fields in (sent, vector["fields"]):
        assert canonical(fields) == vector["canonical"]
        assert APP.verify(canonical(fields).encode(), base64.b64decode(fields["sign"]))
        assert not GATEWAY.verify(canonical(fields).encode(), base64.b64decode(fields["sign"]))
    assert opened(json.dumps(vector["fields"]).encode(), APP) == vector["fields"]


@pytest.mark.parametrize("vector", ANSWERS, ids=lambda vector: vector["name"])
def test_an_answer_is_accepted_or_refused(vector: dict[str, Any]) -> None:
    body = vector["raw"].encode()
    if vector["expect"] == "reject":
        with pytest.raises(WireFault):
            opened(body, GATEWAY)
    else:
        fields = opened(body, GATEWAY)
        if "canonical" in vector:
            assert canonical(fields) == vector["canonical"]


def test_numbers_keep_their_scale() -> None:
    [vector] = [each for each in ANSWERS if each["name"] == "MODE_num_scale"]
    assert opened(vector["raw"].encode(), GATEWAY)["amt"] == "12.40"


# -- Antom (gateways.md 3.2) -------------------------------------------------------------------------------

ANTOM_ANSWERS = VECTORS["antom_responses"] + VECTORS["antom_notifications"]


def antom() -> Gateway:
    return Gateway(Settings(**OWN), keys()[0], GATEWAY)


def test_the_file_is_whole_for_antom() -> None:
    assert len(VECTORS["antom_requests"]) == 6
    assert [each["expect"] for each in ANTOM_ANSWERS].count("accept") == 7
    assert [each["expect"] for each in ANTOM_ANSWERS].count("reject") == 2


@pytest.mark.parametrize("vector", VECTORS["antom_requests"], ids=lambda vector: vector["op"])
def test_a_request_of_antoms_own_sdk_verifies(vector: dict[str, Any]) -> None:
    headers = {name.lower(): text for name, text in vector["headers"].items()}
    client, time, body = headers["client-id"], headers["request-time"], vector["body"].encode()
    message = headed(vector["path"], client, time, body)
    assert message == vector["to_sign"].encode()
    signature = from_signature_header(headers["signature"])
    assert APP.verify(message, signature)
    assert not GATEWAY.verify(message, signature)


@pytest.mark.parametrize("vector", ANTOM_ANSWERS, ids=lambda vector: vector["name"])
def test_the_string_to_sign(vector: dict[str, Any]) -> None:
    message = headed(vector["path"], vector["client-id"], vector["time"], vector["body"].encode())
    accepted = GATEWAY.verify(message, from_signature_header(vector["signature"]))
    assert accepted == (vector["expect"] == "accept")
    tampered = vector["name"] == "amount tampered"  # after it was signed
    assert (message == vector["to_sign"].encode()) is not tampered


USD = Money(1231, "USD")
FIRST = "202611211940108001001880000001"
SUBMITTED = SubmitPayment("PR-1", USD, None, "d", PaymentCode("281006020000000000000000"))
CODE_TEXT = "https://global.alipay.com/281002040090bbmmzTC4BzSex92tUglv31de"
MEANINGS: dict[str, tuple[Request, type[OrderEvent]]] = {
    "cpm paid": (SUBMITTED, PaymentApproved),
    "cpm in process": (SUBMITTED, PaymentPending),
    "cpm declined": (SUBMITTED, PaymentDeclined),
    "mpm order code": (CreateOrder("PR-2", USD), CodeIssued),
    "inquiry processing": (QueryOrder("PR-1", USD), PaymentPending),
    "inquiry signed by the wrong key": (QueryOrder("PR-1", USD), AnswerUnclear),
}


@pytest.mark.parametrize("vector", VECTORS["antom_responses"], ids=lambda vector: vector["name"])
def test_what_an_answer_means(vector: dict[str, Any]) -> None:
    request, meant = MEANINGS[vector["name"]]
    headers = {"signature": vector["signature"], "response-time": vector["time"]}
    headers["client-id"] = vector["client-id"]
    event = antom().parse(request, HttpAnswer(200, vector["body"].encode(), headers), 7)
    assert type(event) is meant
    if isinstance(event, PaymentApproved):
        assert event == PaymentApproved(at_ms=7, paid=USD, gateway_ref=FIRST)
    if isinstance(event, CodeIssued):
        assert (event.code, event.life_ms) == (CODE_TEXT, 837_000)


@pytest.mark.parametrize(
    "vector", VECTORS["antom_notifications"], ids=lambda vector: vector["name"]
)
def test_what_a_notice_says(vector: dict[str, Any]) -> None:
    headers = {"signature": vector["signature"], "request-time": vector["time"]}
    headers["client-id"] = vector["client-id"]
    asked = ("POST", vector["path"], headers, vector["body"].encode())
    if vector["expect"] == "reject":
        with pytest.raises(WireFault):
            antom().notice(*asked)
    else:
        notice = antom().notice(*asked)
        said = (notice.order_no, notice.kind, notice.amount, notice.merchant_ok)
        is_refund = vector["name"] == "refund"
        expected = ("RF-1", "refund") if is_refund else ("PR-2", "payment")
        assert said == (*expected, USD, True)
