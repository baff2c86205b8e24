"""The rule table: what ships is whole, what is edited is checked, and who is asked follows from it."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import pytest

from terminal.codes.rules import REGEX_CHARACTERS_MAX, RULES_MAX, TABLE_CHARACTERS_MAX
from terminal.codes.scanned import CODE_CHARACTERS_MAX, NotThisCode, Refused, Unknown, Word
from terminal.codes.wallets import BadRules, Certainty, identify, load, packaged

PACKAGED = files("terminal.codes").joinpath("wallets.toml").read_text("utf-8")
TABLE = tomllib.loads(PACKAGED)
WECHAT = "135056725249518813"

SMALL = """
version = "1"
plausible = '[0-9]{10,32}'
[names]
wechat = "WeChat Pay"
[[refuse]]
id = "link"
word = "URL"
regex = 'http:.*'
source = "us"
[[wallet]]
id = "wechat"
wallet = "wechat"
regex = '1[0-5][0-9]{16}'
certainty = "likely"
source = "us"
example = "135056725249518813"
"""


# -- the table that ships ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", TABLE["wallet"], ids=lambda entry: entry["id"])
def test_each_rule_can_be_reached(entry: dict[str, str]) -> None:
    """No rule above takes all that it could ever say."""
    found = identify(entry["example"]).candidates
    assert (entry["id"], entry["wallet"]) in [(each.rule, each.wallet) for each in found]


@pytest.mark.parametrize("entry", TABLE["refuse"], ids=lambda entry: entry["id"])
def test_each_refusal_can_be_reached(entry: dict[str, str]) -> None:
    symbology = entry["symbologies"][0] if "symbologies" in entry else None
    with pytest.raises(NotThisCode) as caught:
        identify(entry.get("example", "1"), symbology=symbology)
    assert caught.value.word == entry["word"]


def test_each_rule_names_its_source() -> None:
    for kind in ("refuse", "wallet", "application"):
        assert all(entry["source"] for entry in TABLE[kind])


def test_the_version_travels_with_the_answer() -> None:
    assert identify(WECHAT).version == packaged().version == TABLE["version"]


# -- who is asked --------------------------------------------------------------------------------------------------

PAYCLOUD = {
    "alipay+": "Alipay+",
    "alipay-cn": "Alipay+",
    "alipay-hk": "Alipay+",
    "wechat": "WeChatPay",
}


def test_one_candidate_is_used_and_several_are_asked() -> None:
    assert identify("22J111111111111111").wallet == "jkopay"
    assert identify("281010897274821897274821").wallet is None
    assert identify("2893612204263667830").wallet == "alipay+"


def test_wallets_that_are_one_method_to_the_gateway_are_not_asked_about() -> None:
    found = identify("280244567856723026")
    assert [each.wallet for each in found.candidates] == ["alipay-hk", "alipay-cn"]
    assert found.among(PAYCLOUD).wallet == "alipay-hk"


def test_what_the_shop_does_not_take_is_no_candidate() -> None:
    found = identify(WECHAT)
    assert [each.wallet for each in found.candidates] == ["wechat", "linepay"]
    assert found.wallet is None
    assert found.among(PAYCLOUD).wallet == "wechat"
    assert found.among({}).candidates == ()
    assert found.among({**PAYCLOUD, "linepay": "LINEPay"}).wallet is None


def test_a_guess_is_never_used_without_asking() -> None:
    found = identify("123456")
    assert [(each.wallet, each.certainty) for each in found.candidates] == [
        ("blik", Certainty.GUESS)
    ]
    assert found.among({"blik": "BLIK"}).wallet is None


def test_unknown_but_plausible_is_asked_about() -> None:
    found = identify("1023984137834985578")
    assert found.candidates == ()
    assert found.wallet is None


@pytest.mark.parametrize("text", ["hello", "ABC-123-XYZ", "1234567", "9" * 33, "RR123456785DE"])
def test_unknown_and_not_plausible_is_refused(text: str) -> None:
    with pytest.raises(Unknown):
        identify(text)


def test_an_emv_code_is_told_by_its_application() -> None:
    unknown = "hQVDUFYwMWEaTwegAAAAVVVVVw8SNFZ4kBI0WNGRIgESNF8="
    assert identify(unknown).candidates == ()


def test_empty_and_too_long_never_meet_a_pattern() -> None:
    for text, word in (("", Word.EMPTY), ("1" * (CODE_CHARACTERS_MAX + 1), Word.TOO_LONG)):
        with pytest.raises(Refused) as caught:
            identify(text)
        assert caught.value.word == word


# -- what the reader's symbology adds ------------------------------------------------------------------------------


def test_twelve_digits_in_a_qr_are_no_product() -> None:
    upc = "012345678905"
    with pytest.raises(NotThisCode):
        identify(upc)
    assert [each.wallet for each in identify(upc, symbology="qr").candidates] == ["linepay"]


@pytest.mark.parametrize("symbology", ["ean", "gs1-128", "databar"])
def test_goods_are_told_by_their_symbology(symbology: str) -> None:
    with pytest.raises(NotThisCode) as caught:
        identify(WECHAT, symbology=symbology)
    assert caught.value.word == Word.PRODUCT_BARCODE


def test_a_wrong_check_digit_is_no_product() -> None:
    assert identify("012345678906").candidates[0].wallet == "linepay"
    with pytest.raises(Unknown):
        identify("96385075")  # EAN-8 96385074 with its last digit off
    with pytest.raises(NotThisCode):
        identify("96385074")


# -- a table that somebody edited ----------------------------------------------------------------------------------


def test_another_table_is_used_instead() -> None:
    rules = load(SMALL)
    assert identify(WECHAT, rules).wallet == "wechat"
    assert identify("6228376427820283746", rules).candidates == ()


def test_digits_of_a_pattern_are_ascii() -> None:
    """F8: a plain \\d of Python takes every script's digits."""
    rules = load(edited("'1[0-5][0-9]{16}'", r"'1[0-5]\d{16}'"))
    assert identify(WECHAT, rules).wallet == "wechat"
    with pytest.raises(Unknown):
        identify("13" + "\u0665" * 16, rules)


def test_letters_have_no_check_digit() -> None:
    rules = load(edited('id = "link"', 'id = "link"\ncheck = "gs1"'))
    with pytest.raises(Unknown):
        identify("http:96385074", rules)


def edited(old: str, new: str) -> str:
    assert SMALL.count(old) == 1
    return SMALL.replace(old, new)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            edited('version = "1"', "version = 1"),
            "top of the file: version must be a text in quotes",
        ),
        (edited('version = "1"', ""), "version is missing. Add a line version"),
        (edited('version = "1"', 'version = "1'), r"not TOML: .*line 2.*Mend that line"),
        (
            edited("'1[0-5][0-9]{16}'", "'1[0-5'"),
            r"line 11, \[\[wallet\]\] 'wechat': regex is no reg",
        ),
        (edited("[0-9]{16}", "[0-9]{15}"), "line 11, .*example does not match its regex. Correct"),
        (
            edited('"likely"', '"certain"'),
            "certainty is 'certain', but must be one of sure, likely, g",
        ),
        (
            edited('word = "URL"', 'word = "LINK"'),
            "line 6, .*'link': word is 'LINK', but must be one of",
        ),
        (edited('certainty = "likely"', 'certaintly = "likely"'), "certainty is missing"),
        (
            edited('id = "link"', 'id = "link"\ncolour = "red"'),
            "'colour' is not known here. Is it misspelt",
        ),
        (edited('id = "link"', 'id = "wechat"'), "two rules have the id 'wechat'. Rename one"),
        (
            edited('wechat = "WeChat Pay"', ""),
            "wallet 'wechat' has no name for people. Add it under",
        ),
        (
            edited("[names]", '[names]\nwechta = "W"'),
            r"\[names\] has 'wechta', but no rule leads to it",
        ),
        (edited("[[refuse]]", "[refuse]"), r"refuse must be written as \[\[refuse\]\]"),
        (edited('"link"', '"link"\ncheck = "luhn"'), "check is 'luhn', but must be one of gs1"),
        (edited('"link"', '"link"\nunless = "qr"'), "unless must be a list of texts, like"),
        (edited("'http:.*'", "'(a+)+b'"), "regex repeats a group, which can take for ever"),
        (edited("'http:.*'", "'(a|a)*b'"), "regex repeats a group"),
        (edited("'http:.*'", "'a*a*a*b'"), "regex has 3 open repeats; 2 are allowed"),
        (edited("http", "h" * REGEX_CHARACTERS_MAX), "characters; 200 are allowed"),
        ("x = " + "[" * 20_000, "nested too deeply|not TOML"),
        ("x = " + "9" * 20_000, "not TOML"),
        ("#" * (TABLE_CHARACTERS_MAX + 1), "65536 are allowed"),
        (
            SMALL + '[[application]]\nid="a"\nwallet="wechat"\naid="a0"\ncertainty="sure"',
            "aid must be 5",
        ),
        (
            SMALL
            + "".join(
                f'[[refuse]]\nid="{n}"\nword="URL"\nregex="x"\nsource="us"\n'
                for n in range(RULES_MAX)
            ),
            "302 rules; 300 are allowed",
        ),
    ],
)
def test_an_edit_that_is_wrong(table: str, message: str) -> None:
    with pytest.raises(BadRules, match=message):
        load(table)


def test_the_line_in_the_message_is_the_line_in_the_file() -> None:
    with pytest.raises(BadRules) as caught:
        load(PACKAGED.replace("'22[0-9A-Z]{16}'", "'22([0-9A-Z]{16}'"))
    line = int(re.findall(r"line (\d+)", str(caught.value))[0])
    assert PACKAGED.splitlines()[line - 1 : line + 1] == ["[[wallet]]", 'id = "jkopay"']


def test_the_packaged_table_is_read_once() -> None:
    assert packaged() is packaged()
