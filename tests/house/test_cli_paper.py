"""Colour only on a terminal, the width respected, nothing printed that a terminal obeys."""

from __future__ import annotations

import io
import os

import pytest

from terminal.cli.paper import Colour, Paper, ago, clean, columns_of, local_time, money


def written(*, colour: bool = False, width: int | None = None) -> tuple[Paper, io.StringIO]:
    out = io.StringIO()
    return Paper(out, False, colour, width), out


def test_colour_marks_the_verdict_alone() -> None:
    paper, out = written(colour=True)
    paper.verdict("Paid", "12.50 EUR", Colour.GOOD)
    paper.verdict("Not paid", "12.50 EUR", Colour.PLAIN)
    assert out.getvalue() == "\x1b[32mPaid\x1b[0m  12.50 EUR\nNot paid  12.50 EUR\n"


def test_no_colour_in_a_pipe() -> None:
    paper, out = written()
    paper.verdict("Paid", "", Colour.GOOD)
    assert out.getvalue() == "Paid\n"


@pytest.mark.parametrize(
    ("environment", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colour_and_width_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], colour: bool
) -> None:
    for name in ("NO_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _, terminal = os.openpty()
    with os.fdopen(terminal, "w") as out:
        paper = Paper.of(out, as_json=False)
    assert paper.colour is colour
    assert paper.width is not None


def test_a_pipe_has_no_width_and_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    paper = Paper.of(io.StringIO(), as_json=False)
    assert (paper.colour, paper.width) == (False, None)


def test_a_terminal_that_lacks_letters() -> None:
    raw = io.BytesIO()
    paper = Paper.of(io.TextIOWrapper(raw, encoding="ascii"), as_json=False)
    paper.line("Café 支付")
    assert raw.getvalue() == b"Caf? ??\n"


def test_table_leaves_out_the_last_columns_first() -> None:
    rows = [("aaaa", "bbbb", "cccc")]
    for width, shown in ((16, "aaaa  bbbb  cccc"), (15, "aaaa  bbbb"), (3, "aaaa  bbbb")):
        paper, out = written(width=width)
        paper.table(("1", "2", "3"), rows)
        assert out.getvalue().splitlines()[1] == shown
        assert ("(no room for: 3. Use --json.)" in out.getvalue()) is (width < 16)


def test_wide_letters_take_two_columns() -> None:
    paper, out = written()
    paper.table(("wallet", "x"), [("微信支付", "1"), ("Alipay+", "2")])
    assert out.getvalue() == "wallet    x\n微信支付  1\nAlipay+   2\n"
    assert columns_of("微信支付") == 8
    assert columns_of("\uff21b") == 3


def test_a_table_is_clean_too() -> None:
    paper, out = written()
    paper.table(("a", "b"), [("\x1b[2J", "x\ty")])
    assert out.getvalue().splitlines()[1] == "?[2J  x?y"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain Café 支付", "plain Café 支付"), ("a\x1b[2Jb\r\n\t\x7f\u202e", "a?[2Jb?????")],
)
def test_clean(text: str, shown: str) -> None:  # F6
    assert clean(text) == shown


def test_words_for_values() -> None:
    assert money({"minor": 1250, "currency": "JPY"}) == "1250 JPY"
    assert money(None) == ""
    assert local_time("nonsense") == "unknown time"
    assert local_time(None) == "unknown time"
    assert [ago(s) for s in (0, 119, 120, 7_199, 7_200, 172_799, 172_800, None)] == [
        "0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days", "never",
    ]  # fmt: skip
