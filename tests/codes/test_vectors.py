"""Every public vector of merchant codes, customer codes and wallets: the verdict and every expected field.

`codes_vectors.jsonl`: one JSON object per line, `kind, payload, valid, expect, source`. The kinds upi, epc and
other belong to codes that this house does not read yet.
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import Any

import pytest

from terminal.codes import emv_cpm, emv_mpm, wallets
from terminal.codes.emv_cpm import BadTlv, Cpm, NoApplication, NotBase64, NotCpm, Repeated
from terminal.codes.scanned import Refused, Word

Vector = dict[str, Any]


def vectors(*kinds: str) -> list[Any]:
    lines = Path(__file__).with_name("codes_vectors.jsonl").read_text("utf-8").splitlines()
    found = [(number, json.loads(line)) for number, line in enumerate(lines, 1)]
    return [
        pytest.param(vector, id=f"line {number}")
        for number, vector in found
        if vector["kind"] in kinds
    ]


def test_no_vector_is_lost() -> None:
    counts = {kind: len(vectors(kind)) for kind in ("mpm", "pix", "cpm", "wallet")}
    assert counts == {"mpm": 124, "pix": 16, "cpm": 16, "wallet": 42}


def keys_of(*kinds: str) -> set[str]:
    return {key for param in vectors(*kinds) for key in param.values[0]["expect"]}


# -- merchant codes --------------------------------------------------------------------------------------------


def test_every_key_of_a_merchant_vector_is_compared() -> None:
    compared = {"crc", "crc_ok", "tlv_ok", "tags", "profiles", "guids", "emvco_problems"}
    assert keys_of("mpm", "pix") == compared | {"currency", "amount", "static", "note"}


@pytest.mark.parametrize("vector", vectors("mpm", "pix"))
def test_merchant_verdict(vector: Vector) -> None:
    try:
        sound = emv_mpm.parse(vector["payload"]).payable
    except emv_mpm.BadMpm:
        sound = False
    assert sound == vector["valid"]


@pytest.mark.parametrize("vector", vectors("mpm", "pix"))
def test_merchant_check_value(vector: Vector) -> None:
    payload, expect = vector["payload"], vector["expect"]
    if expect["crc"] is None:  # nothing to check it against: no 63, or no hex in it
        with pytest.raises(emv_mpm.BadMpm):
            emv_mpm.parse(payload)
    else:
        assert emv_mpm.crc(payload[:-4]) == expect["crc"]


@pytest.mark.parametrize("vector", vectors("mpm", "pix"))
def test_merchant_fields(vector: Vector) -> None:
    payload, expect = vector["payload"], vector["expect"]
    if not expect["tlv_ok"]:
        with pytest.raises(emv_mpm.BadTlv):
            emv_mpm.examine(payload)
        return
    mpm = emv_mpm.examine(payload)
    assert mpm.crc_ok == expect["crc_ok"]
    assert list(mpm.profiles) == (expect["profiles"] or [])
    assert list(mpm.guids) == expect["guids"]
    assert sorted(mpm.problems) == sorted(expect["emvco_problems"])
    assert mpm.amount == expect["amount"]
    assert mpm.static == expect["static"]
    # The vectors say the number where their list lacks the currency (188: CRC, Costa Rica).
    assert expect["currency"] in (mpm.currency, mpm.get("53"))
    if expect["tags"] is None:  # an object stands twice, which a dict cannot say
        assert len(dict(mpm.fields)) < len(mpm.fields)
    else:
        assert dict(mpm.fields) == expect["tags"]


# -- customer codes --------------------------------------------------------------------------------------------

WHY = {
    "no application template 61": NoApplication,
    "BER-TLV length overruns the data": BadTlv,
    "duplicate tag 85": Repeated,
    "payload format indicator is not CPV01": NotCpm,
    "not base64": NotBase64,
}


def test_every_key_of_a_customer_vector_is_compared() -> None:
    card = {"pan", "pan_masked", "pan_padded_hex", "expiry", "service_code", "discretionary"}
    code = {"format", "applications", "common", "emvco_complete", "scheme", "lenient", "why"}
    assert keys_of("cpm") == card | code | {"note"}


@pytest.mark.parametrize("vector", vectors("cpm"))
def test_customer_code(vector: Vector) -> None:
    payload, expect = vector["payload"], vector["expect"]
    if not vector["valid"]:
        with pytest.raises(WHY[expect["why"]]):
            emv_cpm.parse(payload)
        return
    cpm = emv_cpm.parse(payload)
    assert cpm.format == expect.get("format", "CPV01")
    assert cpm.complete == expect.get("emvco_complete", True)
    compare_objects(cpm, expect)
    compare_card(cpm, expect)
    if "scheme" in expect:
        scheme = expect["scheme"].partition("/")[0]
        assert wallets.identify(payload).wallet == scheme
    if expect.get("lenient"):
        with pytest.raises(binascii.Error):
            base64.b64decode(payload, validate=True)


def compare_objects(cpm: Cpm, expect: dict[str, Any]) -> None:
    wanted = expect.get("applications", [{}])
    assert len(cpm.applications) == len(wanted)
    for application, objects in zip(cpm.applications, wanted, strict=True):
        assert application.aid == objects.get("4F", application.aid)
        compare(application.objects, objects)
    compare(cpm.common, expect.get("common", {}))


def compare(objects: tuple[emv_cpm.Tlv, ...], wanted: dict[str, Any]) -> None:
    """`wanted`: tag -> hex, or text, or the objects inside."""
    found = {tlv.tag: tlv for tlv in objects}
    for tag, value in wanted.items():
        if isinstance(value, dict):
            compare(emv_cpm.walk(found[tag].value), value)
        else:
            assert value in (found[tag].value.hex().upper(), found[tag].text)


def compare_card(cpm: Cpm, expect: dict[str, Any]) -> None:
    card = cpm.card(cpm.applications[0])
    for key in ("pan", "expiry", "service_code", "discretionary"):
        if key in expect:
            assert getattr(card, key) == expect[key]
    if "pan_masked" in expect:
        assert card is not None
        assert card.masked == expect["pan_masked"]
    if "pan_padded_hex" in expect:
        padded = cpm.applications[0].get("5A")
        assert card is not None
        assert padded is not None
        assert padded.value.hex().upper() == expect["pan_padded_hex"] == f"{card.pan}F"


# -- wallets -----------------------------------------------------------------------------------------------------

# The vectors say why in prose; the house says it in a word. None: not refused, nobody is named, ask.
REFUSALS = {
    "retail barcode scanned by mistake": Word.PRODUCT_BARCODE,
    "12 digits: same length as a LINE Pay TH/Global code; needs context": Word.PRODUCT_BARCODE,
    "URL: a merchant/P2P code, not a customer payment code": Word.URL,
    "merchant-presented WeChat code": Word.MERCHANT_CODE,
    "payee code, not a payment code": Word.URL,
    "merchant-presented EMV payload shown to the reader": Word.MERCHANT_CODE,
    "Taiwan e-invoice carrier barcode (Code 39), often scanned at the same counter": Word.CARRIER,
    "Thai bank transfer slip mini-QR (CRC in ID 91), proof of payment not a payment code": (
        Word.RECEIPT
    ),
    "22 digits: a documentation typo, no wallet": None,
    "only 160 is announced, not 16x": None,
}


def test_every_key_of_a_wallet_vector_is_compared() -> None:
    parts = {"cii", "agreement", "routing", "bti", "uin"}
    assert keys_of("wallet") == parts | {"rule", "candidates", "region", "why", "note"}


@pytest.mark.parametrize("vector", vectors("wallet"))
def test_wallet(vector: Vector) -> None:
    payload, expect = vector["payload"], vector["expect"]
    if not vector["valid"]:
        assert word_of(payload) == REFUSALS[expect["why"]]
        return
    found = wallets.identify(payload).candidates
    compare_candidates(found, expect)
    if expect.get("region"):
        assert found[0].region == expect["region"]
    parts = {
        key: expect[key] for key in ("cii", "agreement", "routing", "bti", "uin") if key in expect
    }
    if parts:
        rule = next(r for r in wallets.packaged().wallets if r.id == expect["rule"])
        match = rule.pattern.fullmatch(payload)
        assert match is not None
        assert match.groupdict() | parts == match.groupdict()


def word_of(payload: str) -> Word | None:
    """The word of the refusal; None when nobody is named and the merchant is asked."""
    try:
        found = wallets.identify(payload)
    except Refused as refused:
        return refused.word
    assert found.candidates == ()
    return None


def compare_candidates(found: tuple[wallets.Candidate, ...], expect: dict[str, Any]) -> None:
    """`rule` names the rule that takes the code; null: none does, so nobody may be named (MoMo can be told
    by the acquirer only). `candidates` is in order, with remarks in brackets. Where it is absent, the rule
    must be the first that is asked."""
    rules = [candidate.rule for candidate in found]
    if expect["rule"] is None:
        assert rules == []
        return
    assert expect["rule"] in rules
    if "candidates" in expect:
        wanted = [candidate.partition("(")[0] for candidate in expect["candidates"]]
        assert [candidate.wallet for candidate in found] == wanted
    else:
        assert rules[0] == expect["rule"]
