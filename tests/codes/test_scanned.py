"""The payment code is cleaned, refused where it must be, and never shown."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import pprint
import traceback
from dataclasses import asdict, dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.codes import scanned
from terminal.codes.scanned import (
    CODE_CHARACTERS_MAX,
    DIGEST_HEX_CHARACTERS,
    LINE_CHARACTERS_MAX,
    MESSAGES,
    READ_BYTES_MAX,
    Forgotten,
    PaymentCode,
    Refused,
    Word,
    read,
)

CODE = "281010897274821897274821"
KEY = bytes(range(32))
OTHER_KEY = bytes(32)


def runs_of(text: str, length: int = 4) -> set[str]:
    return {text[at : at + length] for at in range(len(text) - length + 1)}


def assert_hidden(shown: str, code: str = CODE) -> None:
    assert not [run for run in runs_of(code) if run in shown], shown


# -- what comes in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        CODE.encode(),
        f"{CODE}\r".encode(),
        f"{CODE}\n".encode(),
        f"{CODE}\r\n".encode(),
        f"{CODE}\t".encode(),
        f"]Q1{CODE}\r".encode(),
        f" {CODE} ".encode(),
        b"\xef\xbb\xbf" + CODE.encode(),
        b"\xef\xbb\xbf]Q3" + CODE.encode() + b"\r\n",
        b"]Q2\xef\xbb\xbf" + CODE.encode(),
    ],
)
def test_what_the_reader_adds_is_taken_off(data: bytes) -> None:
    assert read(data).reveal() == CODE


@pytest.mark.parametrize(
    ("prefix", "symbology"),
    [
        ("]Q3", "qr"),
        ("]C0", "code128"),
        ("]C1", "gs1-128"),
        ("]E0", "ean"),
        ("]X0", None),
        ("", None),
    ],
)
def test_the_prefix_tells_the_symbology(prefix: str, symbology: str | None) -> None:
    assert read(f"{prefix}{CODE}".encode()).symbology == symbology


def test_a_camera_may_tell_the_symbology_itself() -> None:
    assert read(CODE.encode(), "qr").symbology == "qr"


def test_leading_zeros_and_long_numbers_stay_text() -> None:
    assert read(b"000000000000000000000012").reveal() == "000000000000000000000012"


def test_the_longest_code_is_read() -> None:
    longest = "".join(chr(33 + number % 94) for number in range(CODE_CHARACTERS_MAX))
    assert read(f"{longest}\r\n".encode()).reveal() == longest


def test_one_character_more_is_too_long() -> None:
    for data in (CODE_CHARACTERS_MAX + 1, READ_BYTES_MAX, READ_BYTES_MAX + 1):
        with pytest.raises(Refused) as caught:
            read(b"1" * data)
        assert caught.value.word == Word.TOO_LONG


def test_a_code_is_clean_whoever_makes_it() -> None:
    with pytest.raises(Refused):
        PaymentCode("1234\x1b[2J5678")


# -- the messages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", Word)
def test_each_message_fits_a_tiny_display(word: Word) -> None:
    what, now = MESSAGES[word].split("\n")
    for line in (what, now):
        assert line.isascii()
        assert 0 < len(line) <= LINE_CHARACTERS_MAX


# -- what it shows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    code: PaymentCode
    at_ms: int


def test_it_shows_its_length_only() -> None:
    code = PaymentCode(CODE, "qr")
    assert repr(code) == str(code) == f"{code}" == "PaymentCode(24 characters)"
    assert f"{code:>30}" == f"{'PaymentCode(24 characters)':>30}"
    assert f"{code!a} {code!s:.300}" == "PaymentCode(24 characters) PaymentCode(24 characters)"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60))
def test_no_run_of_any_code_is_shown(text: str) -> None:
    try:
        code = PaymentCode(text)
    except Refused as refused:
        shown = f"{refused} {refused!r} {refused.args}"
    else:
        shown = f"{code} {code!r} {[code]} {Event(code, 1)}"
    known = f"{PaymentCode('0')} {Event(PaymentCode('0'), 1)} {MESSAGES}"
    assert not [run for run in runs_of(text, 6) if run in shown and run not in known]


def test_it_hides_inside_other_values() -> None:
    event = Event(PaymentCode(CODE), 17)
    for shown in (repr(event), str([event]), f"{ {'code': event} }", pprint.pformat(asdict(event))):
        assert_hidden(shown)
    assert replace(event, at_ms=18).code is event.code


def test_it_hides_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    code = PaymentCode(CODE)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("counter").info("scanned %s %r", code, Event(code, 1))
    assert "24 characters" in caplog.text
    assert_hidden(caplog.text)


def test_it_hides_in_a_traceback_with_locals() -> None:
    def charge(code: PaymentCode) -> None:
        raise RuntimeError(f"cannot charge {code}")

    try:
        charge(PaymentCode(CODE))
    except RuntimeError as error:
        shown = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
    assert "PaymentCode(24 characters)" in shown
    assert_hidden(shown.replace(f"CODE = {CODE!r}", ""))


def test_it_is_never_written() -> None:
    code = PaymentCode(CODE)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(Event(code, 1), protocol)
    with pytest.raises(TypeError):
        json.dumps({"code": code})
    with pytest.raises(TypeError):
        code.__getstate__()
    with pytest.raises(TypeError):
        vars(code)


def test_a_copy_is_the_same_object() -> None:
    code = PaymentCode(CODE)
    assert copy.copy(code) is copy.deepcopy(code) is asdict(Event(code, 1))["code"] is code


def test_a_refusal_does_not_carry_what_was_read() -> None:
    for data in (
        CODE.encode() + b"\xff",
        f"{CODE}\x00".encode(),
        CODE.encode() * 2,
        f"{CODE}é".encode(),
    ):
        with pytest.raises(Refused) as caught:
            read(data)
        assert_hidden(f"{caught.value} {caught.value!r} {caught.value.args} {vars(caught.value)}")
        assert caught.value.__context__ is None


# -- comparing and forgetting --------------------------------------------------------------------------------------


def test_equal_by_value_and_not_by_symbology() -> None:
    assert PaymentCode(CODE, "qr") == PaymentCode(CODE, "code128")
    assert PaymentCode(CODE) != PaymentCode(CODE[:-1] + "2")
    assert PaymentCode(CODE) != CODE
    assert Event(PaymentCode(CODE), 1) == Event(PaymentCode(CODE), 1)


def test_unhashable_because_it_can_be_forgotten() -> None:
    with pytest.raises(TypeError):
        hash(PaymentCode(CODE))


def test_the_digest_is_keyed() -> None:
    digest = PaymentCode(CODE).digest(KEY)
    assert digest == PaymentCode(CODE, "qr").digest(KEY)
    assert digest != PaymentCode(CODE).digest(OTHER_KEY)
    assert digest != PaymentCode(CODE[:-1] + "2").digest(KEY)
    assert len(digest) == DIGEST_HEX_CHARACTERS
    assert_hidden(digest)


def test_the_digest_is_hmac_sha_256() -> None:
    """printf CODE | openssl dgst -sha256 -mac HMAC -macopt hexkey:00..00 (16 bytes), first 32 digits."""
    assert PaymentCode("135056725249518813").digest(bytes(16)) == "62cb3b6676bb949d621abbe6ae7b2293"


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="not 16 or more"):
        PaymentCode(CODE).digest(b"short")


def test_forgotten_everywhere() -> None:
    code = PaymentCode(CODE)
    held = Event(code, 1)
    code.forget()
    assert code.characters == 0
    assert repr(held.code) == "PaymentCode(forgotten)"
    with pytest.raises(Forgotten):
        held.code.reveal()
    with pytest.raises(Forgotten):
        held.code.digest(KEY)
    assert code != PaymentCode(CODE)
    twin = PaymentCode(CODE)
    twin.forget()
    assert code != twin
    assert code == held.code


def test_forgetting_overwrites_the_bytes() -> None:
    code = PaymentCode(CODE)
    held = code._PaymentCode__text  # type: ignore[attr-defined]
    view = memoryview(held)
    with pytest.raises(BufferError):  # a view forbids the shrinking, so the zeros can be seen
        code.forget()
    assert bytes(view) == bytes(len(CODE))


def test_the_room_names_its_refusals() -> None:
    assert issubclass(Refused, ValueError)
    for kind in (scanned.Unreadable, scanned.NotThisCode, scanned.Unknown):
        assert issubclass(kind, Refused)
