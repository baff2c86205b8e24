"""`terminalctl check` and `reconcile` at a running daemon, and of the file that a stopped one left."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from terminal.bench.demo import cpm_sale, ended, mpm_sale, newest
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
        code = main(["--socket", str(stall.state / "control.sock"), "--json", *words])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return typing


def test_a_running_daemon_is_asked(stall: Stall, typed: Typed) -> None:
    code, said = typed("check")
    assert (code, said[-1]["ok"], said[-1]["differences"]) == (0, True, 0)
    assert said[-1]["rows"] == stall.ask("status")["last"]["seq"]


def test_journal_and_gateway_agree_by_question_and_by_bill(
    stall: Stall, typed: Typed, tmp_path: Path
) -> None:
    sale = newest(stall)["order_no"]
    stall.ask("refund", order_no=sale, amount="1.00")
    ended(stall, newest(stall)["order_no"])
    bill = tmp_path / "bill.csv"
    bill.write_bytes(requests.get(f"{stall.gateway['address']}/sandbox/bill", timeout=60).content)
    for words in ((), ("--bill", str(bill))):
        code, said = typed("reconcile", *words)
        assert (code, said) == (0, [{**said[0], "ok": True, "differences": 0, "not_answered": []}])


def test_what_the_gateway_tells_otherwise_is_named(stall: Stall, typed: Typed) -> None:
    """An order that we closed is paid all the same."""
    stall.press("7", "00", "ok")
    stall.wait(lambda: stall.bright, "our code")
    sale = newest(stall)["order_no"]
    stall.press("cancel")
    assert ended(stall, sale)["phase"] == "closed"
    stall.tell_sandbox("settings", paid_after_close=True)
    stall.tell_sandbox("wallet/pay", order_no=sale)
    code, said = typed("reconcile")
    assert code == 1
    assert [(each["kind"], each["order_no"]) for each in said[:-1]] == [("unpaid_here", sale)]
    stall.wait(lambda: ended(stall, sale)["phase"] == "reversed", "the money's return")


def test_the_file_of_a_stopped_one_is_read(stall: Stall, typed: Typed) -> None:
    assert stall.daemon is not None
    stall.daemon.terminate()
    stall.daemon.wait()
    journal = next(stall.state.rglob("journal.db"))
    file = ("check", "--journal", str(journal), "--config", str(stall.state / "terminal.toml"))
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
