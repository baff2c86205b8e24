"""Customer codes: lengths, order, what hides, and what is written reads back the same."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.codes.emv_cpm import (
    OBJECTS_MAX,
    PREFIXES,
    Application,
    BadCpm,
    BadTlv,
    Card,
    NoApplication,
    NotBase64,
    NotCpm,
    Repeated,
    Tlv,
    build,
    parse,
    walk,
)
from terminal.codes.scanned import CODE_CHARACTERS_MAX

AID = Tlv("4F", bytes.fromhex("A0000000555555"))
PAN = "1234567890123458"
TRACK2 = Tlv("57", bytes.fromhex(f"{PAN}D191220112345F"))
HEAD = "8505" + b"CPV01".hex()
PLAIN = "610B4F07A00000005555555A00"


def of(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


# -- reading -------------------------------------------------------------------------------------------------------


def test_both_prefixes_are_what_they_stand_for() -> None:
    for prefix, version in zip(PREFIXES, ("CPV01", "JPQR1"), strict=True):
        assert build([[AID]], version=version).startswith(prefix)


@pytest.mark.parametrize(
    ("hexadecimal", "error"),
    [
        ("", NotCpm),
        (PLAIN, NotCpm),
        (PLAIN + HEAD, NotCpm),
        ("8504" + b"CPV0".hex() + PLAIN, NotCpm),
        (HEAD, NoApplication),
        (HEAD + "6100", NoApplication),
        (HEAD + "61025000", NoApplication),
        (HEAD + "61064F04A0000000", NoApplication),
        (HEAD + "61134F11" + "A0" * 17, NoApplication),
        (HEAD + "62094F07A0000000555555", NoApplication),
        (HEAD + HEAD + PLAIN, Repeated),
        (HEAD + "610B4F07A00000005555555000" + "62025000", Repeated),
        (HEAD + "610D4F07A000000055555550005000", Repeated),
        (HEAD + "61804F07A0000000555555", BadTlv),
        (HEAD + "6183000009", BadTlv),
        (HEAD + "61FF", BadTlv),
        (HEAD + "6181", BadTlv),
        (HEAD + "618200", BadTlv),
        (HEAD + "61", BadTlv),
        (HEAD + "9F", BadTlv),
        (HEAD + "9F818181", BadTlv),
        (HEAD + "9F81818101" + "00", BadTlv),
        (HEAD + "0000", BadTlv),
        (HEAD + "610A4F07A0000000555555", BadTlv),
    ],
)
def test_broken_codes(hexadecimal: str, error: type[BadCpm]) -> None:
    with pytest.raises(error):
        parse(of(hexadecimal))


@pytest.mark.parametrize(
    "change", ["{}=", "{}==", "{}====", "{}A", "{}\n", " {}", "{}!", "{}é", "=={}", "{}-_"]
)
def test_other_than_base64(change: str) -> None:
    with pytest.raises(NotBase64):
        parse(change.format(of(HEAD + PLAIN)))


def test_the_text_is_as_long_as_a_reader_must_manage() -> None:
    filler = Tlv("63", bytes(475))
    longest = build([[AID, filler]])
    assert len(longest) <= CODE_CHARACTERS_MAX
    assert len(parse(longest).applications[0].objects[1].value) == 475
    with pytest.raises(NotBase64):
        build([[AID, Tlv("63", bytes(600))]])


def test_primitives_are_never_opened() -> None:
    """9F10 with 61 inside has no children (codes.md 2: ber-tlv invents some); 63 stays closed too."""
    inner = bytes.fromhex("61094F07A0000000999999")
    cpm = parse(build([[AID, Tlv("9F10", inner), Tlv("63", inner)]]))
    assert [application.aid for application in cpm.applications] == ["A0000000555555"]
    assert cpm.applications[0].get("63") == Tlv("63", inner)
    assert walk(inner) == (Tlv("61", inner[2:]),)


def test_an_application_without_a_legal_id_is_skipped() -> None:
    skipped = [Tlv("50", b"Nobody"), Tlv("57", b"\x12")]
    cpm = parse(build([skipped, [AID, TRACK2]]))
    assert [application.aid for application in cpm.applications] == ["A0000000555555"]


def test_unknown_objects_are_kept() -> None:
    cpm = parse(build([[AID, Tlv("DF72", b"x")]], others=[Tlv("E1", b""), Tlv("9F7E", b"y")]))
    assert cpm.others == (Tlv("E1", b""), Tlv("9F7E", b"y"))
    assert cpm.applications[0].get("DF72") == Tlv("DF72", b"x")


def test_too_many_objects() -> None:
    with pytest.raises(BadTlv, match=f"more than {OBJECTS_MAX}"):
        walk(b"\x50\x00" * (OBJECTS_MAX + 1))


# -- cards ---------------------------------------------------------------------------------------------------------


def test_a_card_is_found_in_the_application_first_then_in_the_common_data() -> None:
    other = Tlv("5A", bytes.fromhex("9360091430100531720F"))
    cpm = parse(build([[AID, TRACK2], [AID]], common=[other]))
    assert cpm.card(cpm.applications[0]) == Card(PAN, "1912", "201", "12345")
    assert cpm.card(cpm.applications[1]) == Card("9360091430100531720")


@pytest.mark.parametrize(
    "value", ["", "12", f"{PAN}", f"{PAN}D191", f"D{PAN}19122011234", "AB" * 9, "FF" * 9]
)
def test_track_2_that_is_none_is_no_card(value: str) -> None:
    cpm = parse(build([[AID, Tlv("57", bytes.fromhex(value))]]))
    assert cpm.card(cpm.applications[0]) is None


def test_jpqr_has_no_card() -> None:
    cpm = parse(build([[AID, TRACK2]], version="JPQR1"))
    assert cpm.card(cpm.applications[0]) is None


def test_card_data_is_shown_nowhere() -> None:
    cpm = parse(
        build([[AID, TRACK2, Tlv("5F20", b"CARDHOLDER/EMV")]], common=[Tlv("50", b"Label")])
    )
    card = cpm.card(cpm.applications[0])
    shown = f"{cpm!r} {cpm} {cpm.applications} {card} {[card]} {TRACK2} {cpm.common}"
    assert "Card(123456******3458)" in shown
    for secret in ("7890", "1912", "12345678", "CARDHOLDER", r"\x124Vx", "123458d1912"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("pan", "masked"),
    [(PAN, "123456******3458"), ("12345678901", "123456*8901"), ("12345678", "********")],
)
def test_masking(pan: str, masked: str) -> None:
    assert Card(pan).masked == masked


def test_errors_do_not_repeat_the_code() -> None:
    for cut in range(1, 60):
        text = build([[AID, TRACK2]])[:cut]
        with pytest.raises(BadCpm) as caught:
            parse(text[:-1] + "!")
        assert text[:8] not in str(caught.value) or len(text) < 8
        assert caught.value.__cause__ is None


# -- writing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["", "4f", "XY", "9F", "5000", "9F818101", "00"])
def test_a_tag_that_is_none(tag: str) -> None:
    with pytest.raises(BadTlv):
        build([[AID, Tlv(tag, b"x")]])


def test_what_breaks_a_rule_is_not_written() -> None:
    with pytest.raises(NoApplication):
        build([])
    with pytest.raises(Repeated):
        build([[AID, AID]])
    with pytest.raises(NotCpm):
        build([[AID]], version="CPV02")


VALUES = st.binary(max_size=150)
OBJECTS = st.dictionaries(
    st.sampled_from(["50", "57", "5A", "5F2D", "9F08", "9F25", "63", "DF72"]), VALUES, max_size=2
)
COMMON = st.dictionaries(st.sampled_from(["5F20", "5F50", "9F19", "64"]), VALUES, max_size=1)


@given(
    st.lists(st.tuples(st.binary(min_size=5, max_size=16), OBJECTS), min_size=1, max_size=2), COMMON
)
def test_what_is_written_reads_back_the_same(
    applications: list[tuple[bytes, dict[str, bytes]]], common: dict[str, bytes]
) -> None:
    wanted = [
        (Tlv("4F", aid), *(Tlv(tag, value) for tag, value in objects.items()))
        for aid, objects in applications
    ]
    shared = tuple(Tlv(tag, value) for tag, value in common.items())
    try:
        text = build(wanted, shared)
    except NotBase64:  # longer than any reader takes
        assert sum(len(value) for objects in wanted for _, value in map(parts_of, objects)) > 300
        return
    cpm = parse(text)
    assert cpm.applications == tuple(
        Application(objects[0].value.hex().upper(), objects) for objects in wanted
    )
    assert cpm.common == shared


def parts_of(tlv: Tlv) -> tuple[str, bytes]:
    return tlv.tag, tlv.value
