"""What the doctor says about one thing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    GOOD = "good"
    CARE = "care"  # sales go on, but somebody should look
    BAD = "bad"  # no sale, or money at risk
    UNSEEN = "not seen"  # it could not be looked at, and why


@dataclass(frozen=True, slots=True)
class Finding:
    """`says`: what was seen, a sentence. `remedy`: a command or an act; empty only when all is good."""

    what: str
    verdict: Verdict
    says: str
    remedy: str = ""


def good(what: str, says: str) -> Finding:
    return Finding(what, Verdict.GOOD, says)


def care(what: str, says: str, remedy: str) -> Finding:
    return Finding(what, Verdict.CARE, says, remedy)


def bad(what: str, says: str, remedy: str) -> Finding:
    return Finding(what, Verdict.BAD, says, remedy)


def unseen(what: str, says: str, remedy: str = "") -> Finding:
    return Finding(what, Verdict.UNSEEN, says, remedy)
