"""The rule table of `wallets.toml`: its values, and the reader that checks every line of it.

The table is edited by technicians, so `load` looks at all of it and says what is wrong, where, and what to do
(`BadRules`). It also keeps the table harmless: a pattern that could take long on a text of the greatest
length is refused here, not found out at the counter.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from terminal.codes.scanned import Word

T = TypeVar("T")

TABLE_CHARACTERS_MAX = 65_536
RULES_MAX = 300
REGEX_CHARACTERS_MAX = 200
REPEATS_MAX = 2
"""Open repeats (`*`, `+`, `{2,9}`, an optional group) of one pattern: at worst quadratic time."""


class BadRules(ValueError):
    """The rule table cannot be used. The message names the line and what to do."""


class Certainty(StrEnum):
    """How far a rule may be believed. SURE ends the search; GUESS is never used without asking."""

    SURE = "sure"
    LIKELY = "likely"
    GUESS = "guess"


@dataclass(frozen=True, slots=True)
class WalletRule:
    """A text of this form may be a code of `wallet`."""

    id: str
    wallet: str
    pattern: re.Pattern[str]
    certainty: Certainty
    region: str = ""

    def matches(self, text: str) -> bool:
        return self.pattern.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class ApplicationRule:
    """An EMV code with this application (AID in hex, from the left) may be a code of `wallet`."""

    id: str
    wallet: str
    aid: str
    certainty: Certainty
    region: str = ""


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """A text of this form is surely no payment code of a customer, but `word`.

    `symbologies`, `unless`: asked only for, or not for, a reading whose symbology is told and among these."""

    id: str
    word: Word
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None
    symbologies: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()

    def matches(self, text: str, symbology: str | None) -> bool:
        if symbology in self.unless or (self.symbologies and symbology not in self.symbologies):
            return False
        if not self.pattern.fullmatch(text):
            return False
        return self.check is None or self.check(text)


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole table, in the order of asking. `names`: wallet id -> what people read."""

    version: str
    plausible: re.Pattern[str]
    names: Mapping[str, str]
    refusals: tuple[RefusalRule, ...]
    wallets: tuple[WalletRule, ...]
    applications: tuple[ApplicationRule, ...]


def has_gs1_check_digit(digits: str) -> bool:
    """GS1 General Specifications 7.9: weights 1 and 3 from the right, the sum is a multiple of ten."""
    if not (digits.isascii() and digits.isdigit()):
        return False  # a pattern with letters in it may ask, too
    weighted = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(digits)))
    return weighted % 10 == 0


CHECKS: dict[str, Callable[[str], bool]] = {"gs1": has_gs1_check_digit}


# -- reading the table -----------------------------------------------------------------------------


def load(text: str) -> Rules:
    """The rules in the text of a `wallets.toml`; BadRules names the first line that is wrong."""
    if len(text) > TABLE_CHARACTERS_MAX:
        raise BadRules(
            f"the rule table has {len(text)} characters; {TABLE_CHARACTERS_MAX} are allowed"
        )
    top = _Entry(_parsed(text), "the top of the file")
    rules = Rules(
        version=top.text("version"),
        plausible=top.pattern("plausible"),
        names=top.names(),
        refusals=tuple(_refusal(entry) for entry in top.entries("refuse", text)),
        wallets=tuple(_wallet(entry) for entry in top.entries("wallet", text)),
        applications=tuple(_application(entry) for entry in top.entries("application", text)),
    )
    top.finish()
    _check_together(rules)
    return rules


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as fault:  # TOMLDecodeError, and the plain one of a number with 5000 digits
        raise BadRules(f"this is not TOML: {fault}. Mend that line.") from fault
    except RecursionError:
        raise BadRules("brackets are nested too deeply. A rule table needs no nesting.") from None


def _refusal(entry: _Entry) -> RefusalRule:
    check = entry.choice("check", CHECKS) if "check" in entry else None
    rule = RefusalRule(
        id=entry.text("id"),
        word=entry.choice("word", {word.value: word for word in Word}),
        pattern=entry.pattern("regex"),
        check=check,
        symbologies=entry.words("symbologies"),
        unless=entry.words("unless"),
    )
    example = entry.remarks()
    if example and not rule.matches(example, next(iter(rule.symbologies), None)):
        raise entry.bad("its example does not match its regex. Correct one of them")
    return rule


def _wallet(entry: _Entry) -> WalletRule:
    rule = WalletRule(
        id=entry.text("id"),
        wallet=entry.text("wallet"),
        pattern=entry.pattern("regex"),
        certainty=_certainty(entry),
        region=entry.text("region", ""),
    )
    example = entry.remarks()
    if example and not rule.matches(example):
        raise entry.bad("its example does not match its regex. Correct one of them")
    return rule


def _application(entry: _Entry) -> ApplicationRule:
    rule = ApplicationRule(
        id=entry.text("id"),
        wallet=entry.text("wallet"),
        aid=entry.text("aid"),
        certainty=_certainty(entry),
        region=entry.text("region", ""),
    )
    if not re.fullmatch(r"([0-9A-F]{2}){5,16}", rule.aid):
        raise entry.bad("aid must be 5 to 16 bytes in upper-case hexadecimal, like A000000333")
    entry.remarks()
    return rule


def _certainty(entry: _Entry) -> Certainty:
    return entry.choice("certainty", {certainty.value: certainty for certainty in Certainty})


def _check_together(rules: Rules) -> None:
    """What no rule can know alone: ids differ, every wallet has a name, every name has a wallet."""
    owners: list[WalletRule | ApplicationRule] = [*rules.wallets, *rules.applications]
    ids = [rule.id for rule in rules.refusals] + [rule.id for rule in owners]
    if len(ids) > RULES_MAX:
        raise BadRules(f"{len(ids)} rules; {RULES_MAX} are allowed")
    for rule_id in ids:
        if ids.count(rule_id) > 1:
            raise BadRules(f"two rules have the id {rule_id!r}. Rename one of them.")
    wallets = {rule.wallet for rule in owners}
    for wallet in sorted(wallets - rules.names.keys()):
        raise BadRules(f"the wallet {wallet!r} has no name for people. Add it under [names].")
    for wallet in sorted(rules.names.keys() - wallets):
        raise BadRules(f"[names] has {wallet!r}, but no rule leads to it. Is it misspelt?")


class _Entry:
    """One table of the file, read key by key, so that what is left over is a key nobody knows."""

    def __init__(self, values: dict[str, Any], place: str) -> None:
        self._values = dict(values)
        self._place = place

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def bad(self, what: str) -> BadRules:
        return BadRules(f"{self._place}: {what}.")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.pop(key, default)
        if value is None:
            raise self.bad(f"{key} is missing. Add a line {key} = '...'")
        if not isinstance(value, str) or (not value and default is None):
            raise self.bad(f"{key} must be a text in quotes, and not empty")
        return value

    def words(self, key: str) -> frozenset[str]:
        value = self._values.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self.bad(f'{key} must be a list of texts, like ["qr", "code128"]')
        return frozenset(value)

    def choice(self, key: str, choices: Mapping[str, T]) -> T:
        word = self.text(key)
        if word not in choices:
            raise self.bad(f"{key} is {word!r}, but must be one of {', '.join(choices)}")
        return choices[word]

    def pattern(self, key: str) -> re.Pattern[str]:
        regex = self.text(key)
        if what := _unsafe(regex):
            raise self.bad(f"{key} {what}")
        try:
            return re.compile(regex, re.ASCII | re.DOTALL)
        except re.error as fault:
            raise self.bad(f"{key} is no regular expression: {fault}") from fault

    def names(self) -> dict[str, str]:
        values = self._values.pop("names", {})
        if not isinstance(values, dict):
            raise self.bad('names must be a table [names] of lines like wechat = "WeChat Pay"')
        entry = _Entry(values, "[names]")
        return {wallet: entry.text(wallet) for wallet in values}

    def entries(self, kind: str, text: str) -> Iterator[_Entry]:
        values = self._values.pop(kind, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.bad(f"{kind} must be written as [[{kind}]]")
        heads = re.finditer(rf"^[ \t]*\[\[\s*{kind}\s*\]\]", text, re.MULTILINE)
        lines = [text.count("\n", 0, head.start()) + 1 for head in heads]
        for number, value in enumerate(values):
            line = f"line {lines[number]}" if number < len(lines) else f"rule {number + 1}"
            entry = _Entry(value, f"{line}, [[{kind}]] {value.get('id', 'without id')!r}")
            yield entry
            entry.finish()

    def remarks(self) -> str:
        """Takes what is for people only; gives the example, which must match."""
        self.text("source")
        self.text("note", "")
        return self.text("example", "")

    def finish(self) -> None:
        for key in self._values:
            raise self.bad(f"{key!r} is not known here. Is it misspelt?")


def _unsafe(regex: str) -> str:
    """Why this pattern might take long (catastrophic backtracking), or nothing."""
    if len(regex) > REGEX_CHARACTERS_MAX:
        return f"has {len(regex)} characters; {REGEX_CHARACTERS_MAX} are allowed"
    bare = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", regex, flags=re.DOTALL)
    if re.search(r"\)(\*|\+|\{)", bare):
        return (
            "repeats a group, which can take for ever. Write the group out, or repeat one character"
        )
    repeats = len(re.findall(r"\*|\+|\{[0-9]*,[0-9]*\}|\)\?", bare))
    if repeats > REPEATS_MAX:
        return (
            f"has {repeats} open repeats; {REPEATS_MAX} are allowed. Use exact counts like {{16}}"
        )
    return ""
