"""Whose wallet is it? A scanned text -> the candidates, most likely first, or a refusal.

The rules are data (`wallets.toml`, read by `rules.load`). A rule is a hint and never proof: wallets share
lengths and prefixes, most publish nothing, and only the gateway knows (codes.md 0.6). So the answer is a
list, and the counter asks the merchant unless exactly one candidate is left that is more than a guess.

    one candidate, likely or sure     use it                        `Identified.wallet`
    several, or only guesses          ask, in this order            `Identified.candidates`
    none, but it could be a payment code: ask, with all wallets of the shop
    a shop's code, a product, a link  `NotThisCode`, `Unreadable` or `Unknown`, with a message for the people

Nothing here holds, logs or repeats the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from terminal.codes import emv_cpm
from terminal.codes.rules import BadRules, Certainty, Rules, load
from terminal.codes.scanned import CODE_CHARACTERS_MAX, NotThisCode, Unknown, Unreadable, Word

__all__ = [
    "BadRules",
    "Candidate",
    "Certainty",
    "Identified",
    "Rules",
    "identify",
    "load",
    "packaged",
]

GLUED_CHARACTERS_MAX = 64
"""Two numeric codes read as one have no more; longer texts are not searched for a seam."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """`wallet`: our id of it (`wallets.toml`), `rule`: which rule said so, for the log."""

    wallet: str
    rule: str
    certainty: Certainty
    region: str = ""


@dataclass(frozen=True, slots=True)
class Identified:
    """Who may own the code, most likely first; each wallet once. Empty: ask with all wallets there are."""

    candidates: tuple[Candidate, ...]
    version: str

    @property
    def wallet(self) -> str | None:
        """The wallet that may be used without asking; None: ask."""
        if len(self.candidates) != 1 or self.candidates[0].certainty is Certainty.GUESS:
            return None
        return self.candidates[0].wallet

    def among(self, theirs: Mapping[str, str]) -> Identified:
        """Only what this shop's gateway takes (our wallet id -> its word). Of several wallets that are one
        method to the gateway the first stays: there is nothing to ask (gateways.md 5, row 3)."""
        first = {theirs[c.wallet]: c for c in reversed(self.candidates) if c.wallet in theirs}
        kept = tuple(c for c in self.candidates if c in first.values())
        return replace(self, candidates=kept)


def identify(
    code_text: str, rules: Rules | None = None, *, symbology: str | None = None
) -> Identified:
    """Whose code this may be. `symbology` as in `PaymentCode.symbology`, when the reader told.

    Raises `scanned.Refused` (Unreadable, NotThisCode, Unknown) for what is no customer's payment code.
    `rules`: another table than the packaged one.
    """
    if not code_text:
        raise Unreadable(Word.EMPTY)
    if len(code_text) > CODE_CHARACTERS_MAX:
        raise Unreadable(Word.TOO_LONG)
    rules = rules or packaged()
    _refuse_others(code_text, rules, symbology)
    if code_text.startswith(emv_cpm.PREFIXES):
        return _identified(_of_emv(code_text, rules), rules)
    found = _identified(_of_text(code_text, rules), rules)
    if not found.candidates and not rules.plausible.fullmatch(code_text):
        raise Unreadable(Word.TWO_CODES) if _is_glued(code_text, rules) else Unknown(Word.UNKNOWN)
    return found


@cache
def packaged() -> Rules:
    """The table that ships with this version, read once and only when asked for."""
    from importlib.resources import files

    return load(files("terminal.codes").joinpath("wallets.toml").read_text("utf-8"))


def _refuse_others(text: str, rules: Rules, symbology: str | None) -> None:
    for refusal in rules.refusals:
        if refusal.matches(text, symbology):
            raise NotThisCode(refusal.word)


def _of_text(text: str, rules: Rules) -> Iterator[Candidate]:
    """A candidate for every rule that takes this text, up to the first that is sure."""
    for rule in rules.wallets:
        if rule.matches(text):
            yield Candidate(rule.wallet, rule.id, rule.certainty, rule.region)
            if rule.certainty is Certainty.SURE:
                return


def _of_emv(text: str, rules: Rules) -> Iterator[Candidate]:
    """The applications inside in the issuer's order, each by the rules for its AID."""
    try:
        cpm = emv_cpm.parse(text)
    except emv_cpm.BadCpm:
        cpm = None
    if cpm is None:  # outside of the except block: no context that could carry the text along
        raise Unreadable(Word.BROKEN)
    for application in cpm.applications:
        yield from _of_aid(application.aid, rules)


def _of_aid(aid: str, rules: Rules) -> Iterator[Candidate]:
    for rule in rules.applications:
        if aid.startswith(rule.aid):
            yield Candidate(rule.wallet, rule.id, rule.certainty, rule.region)
            if rule.certainty is Certainty.SURE:
                return


def _identified(found: Iterator[Candidate], rules: Rules) -> Identified:
    by_wallet: dict[str, Candidate] = {}
    for candidate in found:
        by_wallet.setdefault(candidate.wallet, candidate)
    return Identified(tuple(by_wallet.values()), rules.version)


def _is_glued(text: str, rules: Rules) -> bool:
    """Two codes that a reader without a line end ran together (F12): some seam leaves a known form on
    either side. Asked only of texts that are no code as a whole."""
    if len(text) > GLUED_CHARACTERS_MAX:
        return False
    return any(
        _is_known(text[:seam], rules) and _is_known(text[seam:], rules)
        for seam in range(1, len(text))
    )


def _is_known(text: str, rules: Rules) -> bool:
    return any(
        rule.certainty is not Certainty.GUESS and rule.matches(text) for rule in rules.wallets
    )
