"""Merchant codes: written by the rules, read back the same; amounts in minor units."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.codes import emv_mpm
from terminal.codes.currency import CURRENCIES
from terminal.codes.emv_mpm import BadCrc, BadMpm, BadOrder, BadValue, build, crc, parse

SHOP: dict[str, Any] = {
    "accounts": {"26": {"00": "org.example", "01": "4711"}},
    "currency": "EUR",
    "country": "DE",
    "name": "Shop",
    "city": "Bonn",
    "category": "5411",
}


def with_crc(body: str) -> str:
    return f"{body}6304{crc(f'{body}6304')}"


# -- reading -------------------------------------------------------------------------------------------------------


def test_the_check_value_of_the_catalogue() -> None:
    assert crc("123456789") == "29B1"


def test_the_check_value_is_padded_with_zeros() -> None:
    """1 code in 16; two PyPI packages get it wrong (codes.md 5.2)."""
    padded = [text for n in range(200) if (text := build(**SHOP, amount_minor=n + 1))[-4] == "0"]
    assert padded
    assert all(re.fullmatch("[0-9A-F]{4}", text[-4:]) for text in padded)
    assert all(parse(text).crc_ok for text in padded)


def test_lengths_count_characters_and_the_check_value_bytes() -> None:
    text = build(**SHOP, language={"00": "ZH", "01": "最佳运输", "02": "北京"})
    assert "64200002ZH0104最佳运输0202北京" in text
    assert parse(text).get("64") == "0002ZH0104最佳运输0202北京"
    assert len(text.encode()) == len(text) + 12


def test_the_order_of_the_other_objects_is_free() -> None:
    assert parse(
        with_crc(
            "0002015802TH530376401021129370016A0000006770101110113006680123456 7".replace(" ", "")
        )
    )


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("98.", "840", 9800),
        ("100.5", "344", 10050),
        ("1000.0", "608", 100000),
        ("5000", "704", 5000),
        ("5000.00", "704", 5000),
        ("0.01", "978", 1),
        ("1.25", "414", 1250),
    ],
)
def test_amounts_as_they_are_written(amount: str, currency: str, minor: int) -> None:
    text = with_crc(f"000201010212520400005303{currency}54{len(amount):02}{amount}5802XX5901A6001B")
    assert parse(text).amount_minor == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("999.123", "392"),
        ("888888.3", "704"),
        ("1,50", "978"),
        ("-1", "978"),
        ("1e3", "978"),
        ("5", "999"),
    ],
)
def test_amounts_that_cannot_be_said_in_minor_units(amount: str, currency: str) -> None:
    text = with_crc(f"000201010212520400005303{currency}54{len(amount):02}{amount}5802XX5901A6001B")
    with pytest.raises(BadValue):
        assert parse(text).amount_minor


def test_no_amount_is_typed_by_the_payer_and_pix_says_it_with_zero() -> None:
    assert parse(build(**SHOP)).amount_minor is None
    pix = "26180014br.gov.bcb.pix520400005303986540105802BR5901A6001B"
    assert parse(with_crc(f"000201{pix}")).amount_minor is None
    assert parse(with_crc(f"000201{pix}")).payable
    assert not parse(with_crc(f"000201{pix.replace('pix', 'spi')}")).payable


@pytest.mark.parametrize("at", range(0, 98, 7))
def test_one_changed_character_is_found(at: int) -> None:
    text = build(**SHOP, amount_minor=1250)
    changed = text[:at] + ("X" if text[at] != "X" else "Y") + text[at + 1 :]
    with pytest.raises(BadMpm):
        parse(changed)


def test_errors_say_why() -> None:
    text = build(**SHOP)
    with pytest.raises(BadCrc, match="check value"):
        parse(text[:-4] + "0000")
    with pytest.raises(BadOrder, match="63-not-last, missing:63"):
        parse(text[:-8])
    with pytest.raises(BadOrder, match="duplicate:53"):
        parse(with_crc(f"{text[:-8]}5303978"))


# -- writing -------------------------------------------------------------------------------------------------------

EXAMPLES = [  # public vectors, made again from their parts
    (
        {
            "accounts": {"29": {"00": "A000000677010111", "01": "0066812223333"}},
            "currency": "THB",
            "country": "TH",
        },
        "00020101021129370016A0000006770101110113006681222333353037645802TH63041DCF",
    ),
    (
        {
            "accounts": {
                "38": {
                    "00": "A000000727",
                    "01": {"00": "970416", "01": "257678859"},
                    "02": "QRIBFTTA",
                }
            },
            "currency": "VND",
            "country": "VN",
            "amount_minor": 1000,
            "additional": {"08": "Chuyen tien"},
        },
        "00020101021238530010A0000007270123000697041601092576788590208QRIBFTTA"
        "5303704540410005802VN62150811Chuyen tien6304BBB8",
    ),
    (
        {
            "version": "02",
            "accounts": {
                "26": {"00": "A0000006150001", "01": "890053", "02": "MDN16311237713657305"}
            },
            "currency": "MYR",
            "country": "MY",
            "name": "PERTUBUHANPENGANUTAGAMABU",
            "city": "ULUTIRAM",
            "category": "5399",
        },
        "00020201021126520014A000000615000101068900530220MDN163112377136573055204539953034585802MY"
        "5925PERTUBUHANPENGANUTAGAMABU6008ULUTIRAM630494FE",
    ),
]


@pytest.mark.parametrize(("parts", "wanted"), EXAMPLES)
def test_national_schemes_are_written(parts: dict[str, Any], wanted: str) -> None:
    assert build(**parts) == wanted
    assert parse(wanted).payable


def test_exactly_the_decimals_of_the_currency() -> None:
    for currency, amount in (("JPY", "1250"), ("EUR", "12.50"), ("KWD", "1.250"), ("VND", "1250")):
        assert parse(build(**{**SHOP, "currency": currency}, amount_minor=1250)).amount == amount
    assert parse(build(**SHOP, amount_minor=7)).amount == "0.07"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "N" * 26}, "len:59"),
        ({"city": "C" * 16}, "len:60"),
        ({"name": "本舗食堂"}, "format:59"),
        ({"name": "a\x1b[2J"}, "format:59"),
        ({"name": ""}, "object 59 would have 0 characters"),
        ({"name": None}, "missing:59"),
        ({"category": None}, "missing:52"),
        ({"category": "54A1"}, "format:52"),
        ({"country": "de"}, "format:58"),
        ({"country": "\uff24\uff25"}, "format:58"),
        ({"currency": "XXX"}, "no ISO 4217 currency"),
        ({"amount_minor": 0}, "whole number above 0"),
        ({"amount_minor": -1}, "whole number above 0"),
        ({"amount_minor": 12.5}, "whole number above 0"),
        ({"amount_minor": True}, "whole number above 0"),
        ({"amount_minor": 10**14}, "len:54"),
        ({"postal": "1" * 11}, "len:61"),
        ({"accounts": {}}, "missing:02-51"),
        ({"accounts": {"26": {"01": "4711"}}}, "format:26"),
        ({"accounts": {"26": {"00": "g" * 33}}}, "format:26"),
        ({"accounts": {"26": "acfba6cb922753c690f09280f365d7a2"}}, "template-tlv:26"),
        ({"accounts": {"26": {"00": "x", "01": "y" * 99}}}, "object 26 would have 108 characters"),
        ({"accounts": {"52": "x"}}, "does not stand between 02 and 51"),
        ({"accounts": {"2": "x"}}, "does not stand between 02 and 51"),
        ({"accounts": {"26": {"00": "x", "1": "y"}}}, "no object ID"),
        (
            {"accounts": {f"{n}": {"00": "x" * 32, "01": "y" * 50} for n in range(26, 33)}},
            "EMVCo allows",
        ),
        ({"private": {"63": "ABCD"}}, "does not stand between 80 and 99"),
        ({"additional": {"01": "b" * 26}}, "format:62"),
        ({"additional": {}}, "object 62 would have 0 characters"),
        ({"language": {"00": "ZH"}}, "format:64"),
        ({"version": "03"}, "00!=01"),
        ({"name": "\ud800"}, "UTF-8"),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadMpm, match=re.escape(message)):
        build(**{**SHOP, **change})


ASCII = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
ANY = st.characters(exclude_categories=["Cs", "Cc"])


@given(
    guid=st.text(ASCII, min_size=1, max_size=32),
    inside=st.dictionaries(
        st.integers(1, 99).map("{:02}".format), st.text(ANY, min_size=1, max_size=15), max_size=3
    ),
    place=st.integers(26, 51),
    currency=st.sampled_from(sorted(CURRENCIES)),
    amount_minor=st.none() | st.integers(1, 10**9),
    dynamic=st.none() | st.booleans(),
    name=st.text(ASCII, min_size=1, max_size=25),
    city=st.text(ASCII, min_size=1, max_size=15),
    local=st.none() | st.text(ANY, min_size=1, max_size=25),
    bill=st.none() | st.text(ASCII, min_size=1, max_size=25),
)
def test_what_is_written_reads_back_the_same(
    guid: str,
    inside: dict[str, str],
    place: int,
    currency: str,
    amount_minor: int | None,
    dynamic: bool | None,
    name: str,
    city: str,
    local: str | None,
    bill: str | None,
) -> None:
    text = build(
        accounts={f"{place}": {"00": guid, **inside}},
        currency=currency,
        country="XX",
        amount_minor=amount_minor,
        dynamic=dynamic,
        name=name,
        city=city,
        category="0000",
        language=local and {"00": "ZH", "01": local},
        additional=bill and {"01": bill},
    )
    mpm = parse(text)
    assert (mpm.currency, mpm.amount_minor) == (currency, amount_minor)
    assert (mpm.get("59"), mpm.get("60")) == (name, city)
    assert mpm.guids == (f"{place}:{guid}",)
    assert mpm.static is not (amount_minor is not None if dynamic is None else dynamic)
    assert mpm.payable
    again = "".join(f"{field.id}{len(field.value):02}{field.value}" for field in mpm.fields)
    assert again == text


def test_examine_shows_what_parse_refuses() -> None:
    text = build(**SHOP)[:-4] + "0000"
    assert emv_mpm.examine(text).crc_ok is False
    assert emv_mpm.examine(text).get("59") == "Shop"
