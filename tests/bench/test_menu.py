"""The whole menu of misbehaviour is within reach: of a hand at the page, of the command line, of a test."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import terminal.bench.page
from terminal.bench.sandbox import main
from terminal.bench.sandbox.mischief import Kind
from tests.bench.test_sandbox_process import running

PAGE = Path(terminal.bench.page.__file__).with_name("index.html")
OF_NOTICES_ALONE = {Kind.WRONG_AMOUNT, Kind.STALE}


def test_the_page_offers_everything_that_an_answer_can_suffer() -> None:
    menu = PAGE.read_text("utf-8").partition('id="mischief"')[2].partition("</select>")[0]
    offered = {Kind(value) for value in re.findall(r'value="(.*?)"', menu)}
    assert offered == set(Kind) - OF_NOTICES_ALONE


def test_from_the_command_line(tmp_path: Path) -> None:
    rules = [{"kind": "drop_after", "operation": "query"}, {"kind": "html", "count": None}]
    words = [word for rule in rules for word in ("--misbehave", json.dumps(rule))]
    settings = ("--settings", '{"paid_after_close": true, "repeat": "same"}')
    with running(tmp_path, *words, *settings) as (_, till):
        standing: Any = till.desk("GET", "misbehave")[1]
        assert [rule["kind"] for rule in standing["rules"]] == ["drop_after", "html"]
        chosen: Any = till.desk("GET", "settings")[1]
        assert (chosen["paid_after_close"], chosen["repeat"]) == (True, "same")


@pytest.mark.parametrize("words", [("--misbehave", "x"), ("--settings", '{"no": 1}')])
def test_what_is_not_on_the_menu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    assert main(["--state", str(tmp_path), *words]) == 2
    assert capsys.readouterr().err
