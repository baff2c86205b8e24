"""What the words are written on: a terminal of some width and colour, a file, or lines of JSON."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TextIO

from terminal.clock import label
from terminal.core.terms import Money

COLUMNS_KEPT_MIN = 2


class Colour(Enum):
    """Never the only difference: the words say it too."""

    GOOD = "32"
    CARE = "33"
    BAD = "31"
    PLAIN = ""


OUTCOME_COLOURS = {
    "paid": Colour.GOOD,
    "not paid": Colour.PLAIN,
    "cancelled": Colour.PLAIN,
    "returned": Colour.PLAIN,
    "waiting": Colour.CARE,
    "checking": Colour.CARE,
    "attention": Colour.BAD,
}


@dataclass(frozen=True, slots=True)
class Paper:
    """`width` None: as wide as needed (a pipe)."""

    out: TextIO
    as_json: bool
    colour: bool
    width: int | None

    @classmethod
    def of(cls, out: TextIO, *, as_json: bool) -> Paper:
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="replace")  # an old terminal may not have every letter
        is_tty = out.isatty()
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        sized = is_tty or os.environ.get("COLUMNS", "").isdecimal()
        width = shutil.get_terminal_size().columns if sized else None
        return cls(out, as_json, is_tty and not plain, width)

    def data(self, message: Mapping[str, object]) -> None:
        """One JSON line."""
        print(json.dumps(message), file=self.out, flush=True)

    def line(self, text: str, colour: Colour = Colour.PLAIN) -> None:
        print(self._coloured(clean(text), colour), file=self.out, flush=True)

    def verdict(self, verdict: str, rest: str, colour: Colour) -> None:
        """The first line: in colour what it comes to, then about what."""
        words = self._coloured(clean(verdict), colour)
        print(f"{words}  {clean(rest)}".rstrip(), file=self.out)

    def facts(self, facts: Iterable[tuple[str, object]]) -> None:
        """Names and values below one another; what has no value is left out."""
        known = [(name, clean(str(value))) for name, value in facts if value not in (None, "")]
        indent = max((len(name) for name, _ in known), default=0)
        for name, value in known:
            print(f"  {name:<{indent}}  {value}", file=self.out)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """The most important columns first: those that do not fit are left out, and it is said."""
        lines = [[*heads], *([clean(cell) for cell in row] for row in rows)]
        widths = [max(map(columns_of, column)) for column in zip(*lines, strict=True)]
        fitting = len(widths)
        while self.width and fitting > COLUMNS_KEPT_MIN:
            if sum(widths[:fitting]) + 2 * (fitting - 1) <= self.width:
                break
            fitting -= 1
        for line in lines:
            cells = zip(line[:fitting], widths, strict=False)
            text = "  ".join(cell + " " * (width - columns_of(cell)) for cell, width in cells)
            print(text.rstrip(), file=self.out)
        if hidden := heads[fitting:]:
            print(f"(no room for: {', '.join(hidden)}. Use --json.)", file=self.out)

    def sorry(self, error: str, remedy: str = "") -> None:
        """Why it was not done, and what to do. Beside the data, but as data when data was asked for."""
        if self.as_json:
            self.data({"ok": False, "error": error, "remedy": remedy})
            return
        print("\n".join(map(clean, error.splitlines())), file=sys.stderr)
        if remedy:
            print(f"Try: {clean(remedy)}", file=sys.stderr)

    def aside(self, text: str) -> None:
        """For the person, beside the data."""
        print(clean(text), file=sys.stderr)

    def _coloured(self, text: str, colour: Colour) -> str:
        return f"\x1b[{colour.value}m{text}\x1b[0m" if self.colour and colour.value else text


def clean(text: str) -> str:
    """Without anything that a terminal would obey (F6)."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def columns_of(text: str) -> int:
    """How many columns of a terminal the text takes: some letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


# -- what the daemon's facts look like to people -------------------------------------------------------------


def money(amount: object) -> str:
    """{"minor": 1250, "currency": "EUR"} -> "12.50 EUR"; nothing -> ""."""
    if not isinstance(amount, dict):
        return ""
    return str(Money(amount["minor"], amount["currency"]))


def local_time(utc: object) -> str:
    """The journal's "2026-03-01T13:05:09.120Z" -> "2026-03-01 14:05:09 CET"."""
    from datetime import datetime

    try:
        return label(int(datetime.fromisoformat(str(utc)).timestamp()) * 1000)
    except (ValueError, OverflowError):
        return "unknown time"


def ago(seconds: object) -> str:
    """Seconds -> "3 s", "5 min", "2 h", "4 days"."""
    if not isinstance(seconds, int):
        return "never"
    for limit, unit, name in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{seconds // unit} {name}"
    return f"{seconds // 86_400} days"
