"""Whatever comes in, only this room's errors come out."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from terminal.codes import emv_cpm, emv_mpm
from terminal.codes.rules import BadRules, load
from terminal.codes.scanned import CODE_CHARACTERS_MAX, READ_BYTES_MAX, PaymentCode, Refused, read
from terminal.codes.wallets import Identified, identify

LINES = Path(__file__).with_name("codes_vectors.jsonl").read_text("utf-8").splitlines()
PAYLOADS = [json.loads(line)["payload"] for line in LINES]
TABLE = (Path(__file__).parents[2] / "terminal" / "codes" / "wallets.toml").read_text("utf-8")


def damaged(texts: list[str]) -> st.SearchStrategy[str]:
    """A real text, cut, with something put in, and once more behind itself."""
    parts = st.tuples(
        st.sampled_from(texts),
        st.integers(0, 300),
        st.integers(0, 300),
        st.text(max_size=6),
        st.integers(0, 2),
    )
    return parts.map(lambda p: (p[0][: p[1]] + p[3] + p[0][p[2] :]) * p[4])


TEXTS = (
    st.text(max_size=CODE_CHARACTERS_MAX + 20)
    | st.text("0123456789", max_size=70)
    | st.sampled_from(PAYLOADS)
    | damaged(PAYLOADS)
)
BYTES = (
    st.binary(max_size=READ_BYTES_MAX + 20)
    | TEXTS.map(lambda text: text.encode("utf-8", "replace"))
    | st.tuples(st.sampled_from([b"]Q1", b"\xef\xbb\xbf", b"]", b""]), st.binary(max_size=40)).map(
        b"".join
    )
)


@given(BYTES)
def test_a_reading(data: bytes) -> None:
    try:
        code = read(data)
    except Refused as refused:
        assert refused.message
        return
    assert isinstance(code, PaymentCode)
    text = code.reveal()
    assert text.isascii()
    assert text.isprintable()
    assert 1 <= len(text) <= CODE_CHARACTERS_MAX
    assert read(text.encode()) == code or text.startswith(("]", " "))


@given(TEXTS, st.none() | st.sampled_from(["qr", "code128", "ean", "gs1-128", "?"]))
def test_identify(text: str, symbology: str | None) -> None:
    try:
        found = identify(text, symbology=symbology)
    except Refused as refused:
        assert refused.message
        return
    assert isinstance(found, Identified)
    wallets = [candidate.wallet for candidate in found.candidates]
    assert len(wallets) == len(set(wallets))


@given(TEXTS | BYTES.map(lambda data: base64.b64encode(data).decode()))
def test_customer_codes(text: str) -> None:
    try:
        cpm = emv_cpm.parse(text)
    except emv_cpm.BadCpm:
        return
    for application in cpm.applications:
        cpm.card(application)
    assert cpm.applications


@given(st.binary(max_size=300))
def test_customer_codes_behind_a_good_head(data: bytes) -> None:
    try:
        emv_cpm.parse(base64.b64encode(b"\x85\x05CPV01" + data).decode())
    except emv_cpm.BadCpm:
        return


@given(TEXTS | TEXTS.map(lambda text: f"{text}6304{emv_mpm.crc(scrubbed(text) + '6304')}"))
def test_merchant_codes(text: str) -> None:
    try:
        mpm = emv_mpm.parse(text)
    except emv_mpm.BadMpm:
        return
    assert mpm.crc_ok
    assert isinstance(mpm.payable, bool)
    assert mpm.guids is not None
    try:
        minor = mpm.amount_minor
    except emv_mpm.BadValue:
        return
    assert minor is None or minor >= 0


def scrubbed(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@given(damaged([TABLE]) | st.text(max_size=200))
def test_the_rule_table(text: str) -> None:
    try:
        load(text)
    except BadRules as bad:
        assert str(bad)
