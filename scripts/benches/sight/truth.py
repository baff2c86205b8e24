"""What counts as read, what as wrong, and the line that tells a figure."""

from __future__ import annotations

import json
from collections import Counter

wrong: Counter[str] = Counter()
"""Texts that were accepted and not there, by reader, in the whole run."""


def tell(name: str, value: float, unit: str, **more: object) -> None:
    line = {"name": name, "value": round(value, 3), "unit": unit, **more}
    print(json.dumps(line, ensure_ascii=False), flush=True)


def plain(text: str) -> str:
    return text.replace("\x1d", "").replace("\r\n", "\n").rstrip("\n\0")


def same(text: str, truth: str) -> bool:
    """Readers guess differently at the character set of what is not ASCII: the ASCII part is compared."""
    text, truth = plain(text), plain(truth)
    if text == truth:
        return True
    skeleton = "".join(letter for letter in truth if " " <= letter <= "~")
    return not truth.isascii() and "".join(c for c in text if " " <= c <= "~") == skeleton


def judged(name: str, found: list[str], truths: list[str]) -> bool:
    """Whether the truth is among what was found; what is no truth is counted as wrong."""
    wrong[name] += any(not any(same(text, truth) for truth in truths) for text in found)
    return any(same(text, truth) for text in found for truth in truths)
