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

from terminal.core.terms import WireFault
from terminal.wire.envelope import opened
from terminal.wire.signing import Verifier, canonical

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
