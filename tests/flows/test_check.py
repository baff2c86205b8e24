"""`terminalctl check` asks a running daemon, and reads the file that a stopped one left."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from terminal.bench.demo import cpm_sale, mpm_sale
from terminal.bench.phone import Phone
from terminal.bench.stall import Stall
from terminal.cli import main

Typed = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def stall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stall]:
    stall = Stall(tmp_path_factory.mktemp("check"))
    try:
        stall.start()
        phone = Phone(stall)
        for sale in (mpm_sale, cpm_sale):
            assert sale(stall, phone)["outcome"] == "paid"
        yield stall
    finally:
        stall.stop()


@pytest.fixture
def typed(stall: Stall, capsys: pytest.CaptureFixture[str]) -> Typed:
    def typing(*words: str) -> tuple[int, list[dict[str, Any]]]:
        code = main(["--socket", str(stall.state / "control.sock"), "--json", "check", *words])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return typing


def test_a_running_daemon_is_asked(stall: Stall, typed: Typed) -> None:
    code, said = typed()
    assert (code, said[-1]["ok"], said[-1]["differences"]) == (0, True, 0)
    assert said[-1]["rows"] == stall.ask("status")["last"]["seq"]


def test_the_file_of_a_stopped_one_is_read(stall: Stall, typed: Typed) -> None:
    assert stall.daemon is not None
    stall.daemon.terminate()
    stall.daemon.wait()
    journal = next(stall.state.rglob("journal.db"))
    file = ("--journal", str(journal), "--config", str(stall.state / "terminal.toml"))
    assert typed(*file)[0] == 0
    _turn_round(journal)
    code, said = typed(*file)
    assert code == 1 and said[-1]["differences"] >= 2
    assert {each["kind"] for each in said[:-1]} == {"chain", "step"}
    assert said[0]["told"] == {} and "last good one back" in said[0]["next"]
    assert said[1]["told"]["phase"]["written"] == "closed"


def _turn_round(journal: Path) -> None:
    """Somebody makes a paid sale an unpaid one."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as stranger:
        stranger.execute("DROP TRIGGER journal_update")
        stranger.execute("UPDATE journal SET phase = 'closed' WHERE phase = 'paid'")
