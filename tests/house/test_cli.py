"""terminalctl against a real socket with canned answers: what a technician reads, and the exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from terminal.cli import journal, main, sales
from terminal.control import Control, Message
from terminal.core.events import PaymentApproved, SaleOpened
from terminal.core.sale import NO_CANCEL, NOT_UNDONE, Order, Phase
from terminal.core.terms import Mode, Money, Refusal
from terminal.journal.journal import Journal, When

ORDER = "TRP1001A1B200000001X9K2Q7"
SECOND = "TRP1001A1B200000002M3N4P5"
Facts = dict[str, Any]


def facts(**changed: object) -> Facts:
    """An order as the daemon tells it (terminal.reception)."""
    order: Facts = {
        "order_no": ORDER,
        "sale_no": ORDER,
        "mode": "mpm",
        "amount": {"minor": 1250, "currency": "EUR"},
        "phase": "paid",
        "final": True,
        "outcome": "paid",
        "reason": None,
        "detail": None,
        "wallet": "Alipay+",
        "gateway_ref": "2026030112345678",
        "paid": {"minor": 1250, "currency": "EUR"},
    }
    return order | changed


def row(seq: int, **changed: object) -> Facts:
    told = {"seq": seq, "utc": "2026-03-01T13:05:09.120Z", "event": "PaymentApproved"}
    return told | facts(**changed)


WAITING = {"phase": "presenting", "final": False, "outcome": "waiting", "paid": None}
DECLINED: Facts = {"phase": "declined", "outcome": "not paid", "paid": None, "gateway_ref": None}


def status(**changed: object) -> Facts:
    reply: Facts = {
        "ok": True,
        "verdict": "ready",
        "why": "",
        "remedy": "",
        "terminal": "RP1001",
        "version": "0.1.0",
        "gateway": "paycloud",
        "sandbox": True,
        "online": True,
        "last_contact_s": 3,
        "open": [],
        "open_count": len(cast(list[Facts], changed.get("open", []))),
        "untold": [],
        "recovery": False,
        "last": row(7),
        "screen": "Idle",
    }
    return reply | changed


class Daemon:
    """Answers each word with what it was told to, the last one again and again."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Message]] = {}
        self.heard: list[Message] = []

    def will(self, word: str, *answers: Message) -> None:
        self.answers[word] = list(answers)

    def ask(self, request: Message) -> Message:
        self.heard.append(request)
        answers = self.answers.get(str(request["word"]))
        if answers is None:
            raise Refusal(f"{request['word']!r} was not expected")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "c.sock"


@pytest.fixture
def daemon(socket_path: Path) -> Iterator[Daemon]:
    daemon = Daemon()
    control = Control(socket_path, daemon.ask)
    yield daemon
    control.close()


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sales, "POLL_S", 0)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(socket_path: Path, capsys: pytest.CaptureFixture[str]) -> Typed:
    """(exit code, standard output, standard error) of what is typed."""

    def typing(line: str) -> tuple[int, str, str]:
        code = main(["--socket", str(socket_path), *line.split()])
        out, error = capsys.readouterr()
        return code, out, error

    return typing


# -- status ------------------------------------------------------------------------------------------------


def test_status_ready(daemon: Daemon, typed: Typed) -> None:
    daemon.will("status", status())
    code, out, error = typed("status")
    assert out == (
        "Ready  terminal RP1001\n"
        "  gateway  paycloud (sandbox: no real money)\n"
        "  contact  3 s ago\n"
        "  screen   Idle\n"
        "  version  0.1.0\n"
        f"  last     {ORDER}  12.50 EUR  paid  2026-03-01 14:05:09 CET\n"
        "  open     none\n"
    )
    assert (code, error) == (0, "")


def test_status_of_a_new_terminal(daemon: Daemon, typed: Typed) -> None:
    daemon.will("status", status(last=None, last_contact_s=None, sandbox=False))
    code, out, _ = typed("status")
    assert "  gateway  paycloud\n  contact  never\n" in out
    assert "last " not in out
    assert code == 0


@pytest.mark.parametrize(
    ("changed", "begins"),
    [
        (
            {"verdict": "out_of_service", "why": "The display is not answering.", "remedy": "x y"},
            "Out of service  terminal RP1001\nThe display is not answering.\nTry: x y\n",
        ),
        (
            {"verdict": "clock_not_set", "why": "The clock is not set."},
            "Clock not set  terminal RP1001\nThe clock is not set.\nTry: timedatectl status\n",
        ),
        (
            {"verdict": "offline", "online": False, "last_contact_s": 7300},
            "No connection  terminal RP1001\nThe gateway does not answer. No sale can start.\n"
            "Try: journalctl -u terminald -n 20\n",
        ),
    ],
)
def test_status_says_what_is_wrong_and_what_mends_it(
    daemon: Daemon, typed: Typed, changed: Facts, begins: str
) -> None:
    daemon.will("status", status(**changed))
    code, out, _ = typed("status")
    assert out.startswith(begins)
    assert code == 1
    if changed["verdict"] == "offline":
        assert "contact  lost, last 2 h ago" in out


def test_status_names_a_stuck_key(daemon: Daemon, typed: Typed) -> None:
    daemon.will("status", status(stuck=["7", "ok"]))
    code, out, _ = typed("status")
    assert "keypad: stuck and ignored: 7 ok. Free them.\n" in out
    assert code == 1


def test_status_with_open_orders(daemon: Daemon, typed: Typed) -> None:
    presenting = facts(**WAITING) | {"age_s": 14}
    stuck = facts(order_no=SECOND, phase="attention", outcome="attention", mode="cpm", final=False)
    daemon.will("status", status(verdict="busy", open=[presenting, stuck | {"age_s": 300_000}]))
    code, out, _ = typed("status")
    assert out.startswith(
        "Busy with a sale  terminal RP1001\n"
        f"{SECOND} needs somebody to look at it.\n"
        f"Try: terminalctl journal show {SECOND}\n"
    )
    assert out.endswith(
        "  open     2\n"
        "order                      amount     outcome    phase       mode  since\n"
        f"{ORDER}  12.50 EUR  waiting    presenting  mpm   14 s\n"
        f"{SECOND}  12.50 EUR  attention  attention   cpm   3 days\n"
    )
    assert code == 1


def test_status_tells_what_nobody_at_the_counter_has_seen(daemon: Daemon, typed: Typed) -> None:
    """A payment came after the end and went back while nobody looked."""
    late = facts(order_no=SECOND, phase="reversed", outcome="returned", reason="late")
    daemon.will("status", status(untold=[late]))
    _, out, _ = typed("status")
    assert f"{SECOND}: 12.50 EUR returned. Nobody at the counter has seen it yet.\n" in out


def test_status_counts_what_it_does_not_list(daemon: Daemon, typed: Typed) -> None:
    waiting = [facts(**WAITING) | {"age_s": 14}] * 100
    daemon.will("status", status(open=waiting, open_count=9_000))
    out = typed("status")[1]
    assert "  open     9000\n" in out
    assert out.endswith("... and 8980 more: terminalctl backlog\n")


def test_status_of_a_terminal_that_has_lost_its_past(daemon: Daemon, typed: Typed) -> None:
    """I14: reconcile first."""
    daemon.will("status", status(recovery=True))
    code, out, _ = typed("status")
    assert code == 1
    assert "Try: terminalctl reconcile, then terminalctl recovered\n" in out
    daemon.will("recovered", {"ok": True})
    assert typed("recovered")[:2] == (0, "Money can be given back again.\n")


# -- backlog -----------------------------------------------------------------------------------------------


def backlog(**changed: object) -> Facts:
    item = facts(**WAITING) | {
        "since": "2026-03-01T13:05:09.120Z",
        "next": "Asking the gateway",
        "next_in_s": 14,
    }
    reply: Facts = {
        "ok": True,
        "online": True,
        "open": 1,
        "oldest_s": 90,
        "in_flight": 0,
        "places": 8,
        "items": [item],
    }
    return reply | changed


def test_backlog_empty(daemon: Daemon, typed: Typed) -> None:
    daemon.will("backlog", backlog(open=0, items=[]))
    assert typed("backlog")[:2] == (0, "Nothing open  Every sale has its result.\n")


def test_backlog(daemon: Daemon, typed: Typed) -> None:
    daemon.will("backlog", backlog())
    code, out, _ = typed("backlog")
    assert (code, daemon.heard) == (0, [{"word": "backlog", "limit": 20}])
    assert out == (
        "1 open  oldest 90 s, the line is up\n"
        "0 of at most 8 asked right now.\n"
        "Nobody has to do anything. To try all of it now: terminalctl backlog send\n"
        "order                      amount     outcome  next                in    why  since\n"
        f"{ORDER}  12.50 EUR  waiting  Asking the gateway  14 s       2026-03-01 14:05:09 CET\n"
    )


@pytest.mark.parametrize(
    "changed", [{"open": 100}, {"oldest_s": 3_601}], ids=["many", "an old one"]
)
def test_a_backlog_to_worry_about(daemon: Daemon, typed: Typed, changed: Facts) -> None:
    """reliability.md 4: warn at 100 open or when the oldest is older than an hour."""
    daemon.will("backlog", backlog(**changed))
    assert typed("backlog")[0] == 1


def test_backlog_send_now_and_without_a_line(daemon: Daemon, typed: Typed) -> None:
    daemon.will("backlog", backlog())
    assert "All are tried now." in typed("backlog send")[1]
    assert daemon.heard[-1] == {"word": "backlog", "limit": 20, "op": "send"}
    daemon.will("backlog", backlog(online=False))
    out = typed("backlog --limit 5")[1]
    assert out.startswith("1 open  oldest 90 s, no connection\n")
    assert "Nothing is lost: it is sent when the line is back." in out


def test_backlog_as_json(daemon: Daemon, typed: Typed) -> None:
    daemon.will("backlog", backlog())
    assert json.loads(typed("backlog --json")[1]) == backlog()


def test_busy_alone_is_fine(daemon: Daemon, typed: Typed) -> None:
    daemon.will("status", status(verdict="busy", open=[facts(**WAITING) | {"age_s": 14}]))
    assert typed("status")[0] == 0


def test_status_as_json(daemon: Daemon, typed: Typed) -> None:
    daemon.will("status", status(verdict="offline"))
    for line in ("--json status", "status --json"):
        code, out, error = typed(line)
        assert out.count("\n") == 1
        assert json.loads(out) == status(verdict="offline")
        assert (code, error) == (1, "")


# -- sale, query, cancel -----------------------------------------------------------------------------------

STARTED = {
    "ok": True,
    "order_no": ORDER,
    "amount": {"minor": 1250, "currency": "EUR"},
    "mode": "mpm",
}


def test_sale(daemon: Daemon, typed: Typed) -> None:
    daemon.will("sale", STARTED)
    code, out, _ = typed("sale 12.50")
    assert out == (
        f"Started  12.50 EUR, mpm\n  order  {ORDER}\nFollow it: terminalctl query {ORDER}\n"
    )
    assert code == 0
    assert daemon.heard == [{"word": "sale", "amount": "12.50"}]


def test_sale_by_the_customer_s_code(daemon: Daemon, typed: Typed) -> None:
    daemon.will("sale", STARTED | {"order_no": None, "mode": "cpm"})
    code, out, _ = typed("sale 12.50 --mode cpm")
    assert out == (
        "Started  12.50 EUR, cpm\n"
        "  order  none yet: waiting for the customer's code\n"
        "Follow it: terminalctl status\n"
    )
    assert code == 0
    assert daemon.heard == [{"word": "sale", "amount": "12.50", "mode": "cpm"}]


def test_sale_refused(daemon: Daemon, typed: Typed) -> None:
    refused = {"ok": False, "error": "The counter is busy.", "remedy": "terminalctl status"}
    daemon.will("sale", refused)
    assert typed("sale 12.50") == (1, "", "The counter is busy.\nTry: terminalctl status\n")
    code, out, error = typed("sale 12.50 --json")
    assert (code, json.loads(out), error) == (1, refused, "")


def test_sale_watched_to_its_end(daemon: Daemon, typed: Typed) -> None:
    daemon.will("status", status(last=None))
    daemon.will("sale", STARTED)
    requesting = facts(**WAITING | {"phase": "requesting"})
    presenting = facts(**WAITING)
    answers = [requesting, requesting, presenting, presenting, facts()]
    daemon.will("order", *({"ok": True, "order": order} for order in answers))
    code, out, _ = typed("sale 12.50 --wait")
    assert out == (
        "Started  12.50 EUR, mpm\n"
        f"  order  {ORDER}\n"
        f"  {ORDER}  waiting, requesting\n"
        f"  {ORDER}  waiting, presenting\n"
        "Paid  12.50 EUR\n"
        f"  order        {ORDER}\n"
        "  mode         mpm\n"
        "  wallet       Alipay+\n"
        "  gateway ref  2026030112345678\n"
    )
    assert code == 0


@pytest.mark.parametrize(
    "ended",
    [
        DECLINED,
        {"outcome": "cancelled"},
        {"outcome": "returned"},
        {"phase": "attention", "outcome": "attention", "final": False},
    ],
)
def test_a_watched_sale_that_is_not_paid(daemon: Daemon, typed: Typed, ended: Facts) -> None:
    daemon.will("status", status())
    daemon.will("sale", STARTED)
    daemon.will("order", {"ok": True, "order": facts(**ended)})
    code, out, _ = typed("sale 12.50 --wait --json")
    started, order = map(json.loads, out.splitlines())
    assert started == STARTED
    assert order == {"ok": True, "order": facts(**ended)}
    assert code == 1


def test_a_watched_sale_goes_over_to_the_customer_s_code(daemon: Daemon, typed: Typed) -> None:
    daemon.will("status", status(last=None), status(last=row(9, order_no=SECOND)))
    daemon.will("sale", STARTED)
    closed = facts(phase="closed", outcome="not paid", reason="customer_code")
    paid = facts(order_no=SECOND, mode="cpm")
    daemon.will("order", {"ok": True, "order": closed}, {"ok": True, "order": paid})
    code, out, _ = typed("sale 12.50 --wait")
    assert f"Paid  12.50 EUR\n  order        {SECOND}\n  of sale      {ORDER}\n" in out
    assert code == 0


def test_a_watched_scan(daemon: Daemon, typed: Typed) -> None:
    before, busy = status(last=row(1, order_no=SECOND)), {"verdict": "busy"}
    waiting = before | busy
    daemon.will("status", before, waiting, waiting, status(last=row(9)) | busy)
    daemon.will("sale", STARTED | {"order_no": None, "mode": "cpm"})
    daemon.will("order", {"ok": True, "order": facts(mode="cpm")})
    code, out, _ = typed("sale 12.50 --mode cpm --wait")
    assert f"Paid  12.50 EUR\n  order        {ORDER}\n" in out
    assert code == 0


def test_a_watched_scan_without_a_code(daemon: Daemon, typed: Typed) -> None:
    daemon.will("status", status(), status(verdict="busy"), status())
    daemon.will("sale", STARTED | {"order_no": None, "mode": "cpm"})
    code, _, error = typed("sale 12.50 --mode cpm --wait")
    assert error == "Not paid: the sale ended before the customer showed a code.\n"
    assert code == 1


def test_watching_ends_some_time(
    daemon: Daemon, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sales, "WAIT_S_MAX", -1.0)
    daemon.will("status", status())
    daemon.will("sale", STARTED)
    daemon.will("order", {"ok": True, "order": facts(**WAITING)})
    code, _, error = typed("sale 12.50 --wait")
    assert error == f"The sale has no end after -1 s.\nTry: terminalctl query {ORDER}\n"
    assert code == 1


def test_ctrl_c_leaves_the_sale_alone(
    daemon: Daemon, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    daemon.will("status", status())
    daemon.will("sale", STARTED)
    daemon.will("order", {"ok": True, "order": facts(**WAITING)})
    code, _, error = typed("sale 12.50 --wait")
    assert error == "Not watched any more. The sale goes on.\nTry: terminalctl cancel\n"
    assert code == 1


LOOKED_AFTER: Facts = {
    "phase": "attention",
    "outcome": "attention",
    "reason": "expired",
    "paid": None,
}
IN_THE_PORTAL = f"Look up {ORDER} in the gateway's portal"


@pytest.mark.parametrize(
    ("changed", "code", "shown"),
    [
        ({}, 0, "Paid  12.50 EUR"),
        (DECLINED, 0, "Not paid  12.50 EUR"),
        ({"phase": "closed", "outcome": "cancelled"}, 0, "Cancelled  12.50 EUR"),
        ({"phase": "reversed", "outcome": "returned"}, 0, "Returned  12.50 EUR"),
        (WAITING, 1, f"Nobody has paid yet. Try: terminalctl query {ORDER}"),
        (
            WAITING | {"phase": "in_doubt", "outcome": "checking"},
            1,
            f"Do not hand over yet. Try: terminalctl query {ORDER}",
        ),
        (
            LOOKED_AFTER | {"detail": NOT_UNDONE},
            1,
            "The gateway never took its cancel, which is tried again every hour. "
            f"{IN_THE_PORTAL}: if it is paid and nothing was handed over, give the money back there.",
        ),
        (
            LOOKED_AFTER | {"detail": NO_CANCEL},
            1,
            f"This gateway has no cancel. {IN_THE_PORTAL}: if it is paid and nothing was handed over, "
            "give the money back there.",
        ),
        (
            LOOKED_AFTER | {"reason": "mismatch", "paid": {"minor": 1300, "currency": "EUR"}},
            1,
            f"The gateway took 13.00 EUR, not 12.50 EUR. {IN_THE_PORTAL}, give that back there, and take "
            "the right amount in a new sale.",
        ),
        (
            LOOKED_AFTER | {"reason": "mismatch", "paid": {"minor": 1250, "currency": "EUR"}},
            1,
            f"Another amount went back than was taken. {IN_THE_PORTAL}, and settle the difference there.",
        ),
        (
            LOOKED_AFTER | {"reason": "fault"},
            1,
            f"A fault of this program stopped it. {IN_THE_PORTAL}: if it is paid, hand over or give the "
            "money back there. Then send the maker what `terminalctl bundle` packs.",
        ),
        (
            LOOKED_AFTER | {"mode": "refund", "of": SECOND},
            1,
            "The gateway has not said whether 12.50 EUR went back, and is asked every hour. Look up "
            f"{ORDER}, a return of {SECOND}, in the gateway's portal: if it did not, give it back there. "
            "This terminal gives it back no second time.",
        ),
        (
            LOOKED_AFTER | {"mode": "refund", "of": SECOND, "reason": "mismatch"},
            1,
            "The gateway gave back another amount than 12.50 EUR. Look up "
            f"{ORDER}, a return of {SECOND}, in the gateway's portal, and settle the difference there.",
        ),
    ],
)
def test_query(daemon: Daemon, typed: Typed, changed: Facts, code: int, shown: str) -> None:
    daemon.will("query", {"ok": True, "order": facts(**changed)})
    got, out, _ = typed(f"query {ORDER.lower()}")
    assert shown in out.splitlines()
    assert got == code
    assert daemon.heard == [{"word": "query", "order_no": ORDER}]


def test_query_tells_all_there_is(daemon: Daemon, typed: Typed) -> None:
    order = facts(
        **DECLINED,
        sale_no=SECOND,
        reason="expired",
        detail="EXPIRED_CODE",
        wallet="Wei\x1b[31mxin\u202e",
    )
    order["paid"] = {"minor": 1300, "currency": "EUR"}
    daemon.will("query", {"ok": True, "order": order})
    _, out, _ = typed(f"query {ORDER}")
    assert out == (
        "Not paid  12.50 EUR\n"
        f"  order    {ORDER}\n"
        f"  of sale  {SECOND}\n"
        "  mode     mpm\n"
        "  phase    declined\n"
        "  reason   expired (EXPIRED_CODE)\n"
        "  paid     13.00 EUR\n"
        "  wallet   Wei?[31mxin?\n"
    )


def test_cancel(daemon: Daemon, typed: Typed) -> None:
    closing = facts(**WAITING | {"phase": "closing", "outcome": "checking"})
    daemon.will("cancel", {"ok": True, "order": closing})
    assert typed("cancel")[0] == 1
    assert json.loads(typed(f"cancel {ORDER} --json")[1]) == {"ok": True, "order": closing}
    assert daemon.heard == [{"word": "cancel"}, {"word": "cancel", "order_no": ORDER}]


# -- the journal -------------------------------------------------------------------------------------------


def test_journal_list(daemon: Daemon, typed: Typed) -> None:
    rows = [
        row(9, order_no=SECOND, **DECLINED, reason="expired", mode="cpm", wallet=None),
        row(7, amount={"minor": 1_000_000, "currency": "JPY"}),
    ]
    daemon.will("journal", {"ok": True, "rows": rows})
    code, out, _ = typed("journal list")
    assert out == (
        "2 orders, newest first\n"
        "time                     order                      amount       outcome   reason   "
        "mode  wallet   gateway ref\n"
        f"2026-03-01 14:05:09 CET  {SECOND}  12.50 EUR    not paid  expired  cpm\n"
        f"2026-03-01 14:05:09 CET  {ORDER}  1000000 JPY  paid               mpm   Alipay+  "
        "2026030112345678\n"
    )
    assert code == 0
    assert daemon.heard == [{"word": "journal", "op": "list", "limit": 20, "before": None}]


def test_journal_list_pages(daemon: Daemon, typed: Typed) -> None:
    daemon.will("journal", {"ok": True, "rows": [row(9), row(7)]})
    _, out, _ = typed("journal list --limit 2 --before 12")
    assert out.startswith("2 orders, newest first; older ones: --before 7\n")
    assert daemon.heard == [{"word": "journal", "op": "list", "limit": 2, "before": 12}]


def test_journal_list_in_a_narrow_window(
    daemon: Daemon, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    daemon.will("journal", {"ok": True, "rows": [row(7)]})
    _, out, _ = typed("journal list")
    assert out == (
        "1 order, newest first\n"
        "time                     order                      amount     outcome  reason\n"
        f"2026-03-01 14:05:09 CET  {ORDER}  12.50 EUR  paid\n"
        "(no room for: mode, wallet, gateway ref. Use --json.)\n"
    )


def test_journal_list_of_nothing(daemon: Daemon, typed: Typed) -> None:
    daemon.will("journal", {"ok": True, "rows": []})
    assert typed("journal list") == (0, "No orders.\n", "")
    assert typed("journal list --json") == (0, "", "")


def test_journal_list_as_json(daemon: Daemon, typed: Typed) -> None:
    daemon.will("journal", {"ok": True, "rows": [row(9), row(7)]})
    _, out, _ = typed("journal list --json")
    assert [json.loads(line) for line in out.splitlines()] == [row(9), row(7)]


def test_journal_show(daemon: Daemon, typed: Typed) -> None:
    opened = row(1, **WAITING | {"phase": "requesting"}) | {"event": "SaleOpened"}
    daemon.will("journal", {"ok": True, "rows": [opened, row(2)]})
    code, out, _ = typed(f"journal show {ORDER}")
    assert out.startswith(f"Paid  12.50 EUR\n  order        {ORDER}\n")
    assert out.endswith(
        "time                     event            led to      reason  row\n"
        "2026-03-01 14:05:09 CET  SaleOpened       requesting          1\n"
        "2026-03-01 14:05:09 CET  PaymentApproved  paid                2\n"
    )
    assert code == 0
    assert daemon.heard == [{"word": "journal", "op": "show", "order_no": ORDER}]


def test_journal_show_of_an_unknown_order(daemon: Daemon, typed: Typed) -> None:
    daemon.will("journal", {"ok": True, "rows": []})
    code, out, error = typed(f"journal show {ORDER}")
    assert error == "The journal has no such order. Try: terminalctl journal list\n"
    assert (code, out) == (1, "")


def test_export_goes_through_all_pages(daemon: Daemon, typed: Typed) -> None:
    pages = [[row(9), row(7)], [row(5)], []]
    daemon.will("journal", *({"ok": True, "rows": page} for page in pages))
    code, out, _ = typed("journal export")
    assert [json.loads(line)["seq"] for line in out.splitlines()] == [9, 7, 5]
    assert [heard["before"] for heard in daemon.heard] == [None, 7, 5]
    assert code == 0


def test_export_does_not_run_in_circles(daemon: Daemon, typed: Typed) -> None:
    daemon.will("journal", {"ok": True, "rows": [row(9), row(7)]})
    code, _, error = typed("journal export")
    assert "do not come to an end" in error
    assert code == 1


def test_export_as_csv(daemon: Daemon, typed: Typed) -> None:
    evil = row(7, wallet='=HYPERLINK("http://x","y")', gateway_ref="@SUM(1)", reason='a "b", c')
    evil["detail"] = "\t+1\r\n2"
    daemon.will("journal", {"ok": True, "rows": [evil]}, {"ok": True, "rows": []})
    code, out, _ = typed("journal export --csv")
    assert out == (
        "seq,time,utc,order_no,sale_no,mode,amount,currency,"
        "phase,outcome,reason,detail,wallet,gateway_ref\r\n"
        f"7,2026-03-01 14:05:09 CET,2026-03-01T13:05:09.120Z,{ORDER},{ORDER},mpm,12.50,EUR,"
        'paid,paid,"a ""b"", c",?+1??2,"\'=HYPERLINK(""http://x"",""y"")",\'@SUM(1)\r\n'
    )
    assert code == 0


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", " =", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_no_cell_is_a_formula(daemon: Daemon, typed: Typed, start: str) -> None:
    daemon.will(
        "journal", {"ok": True, "rows": [row(7, wallet=f"{start}1")]}, {"ok": True, "rows": []}
    )
    _, out, _ = typed("journal export --csv")
    [_, cells] = csv.reader(io.StringIO(out, newline=""))
    assert cells[-2] == f"'{start}1"


def test_export_of_an_empty_journal_has_its_header(daemon: Daemon, typed: Typed) -> None:
    daemon.will("journal", {"ok": True, "rows": []})
    assert typed("journal export --csv")[1].startswith("seq,time,utc,")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A journal with one paid order, and no daemon."""
    path = tmp_path / "state" / "journal.db"
    order = Order(ORDER, ORDER, Mode.MPM, Money(1250, "EUR"), Phase.REQUESTING, 1)
    paid = Order(ORDER, ORDER, Mode.MPM, Money(1250, "EUR"), Phase.PAID, 1, paid=Money(1250, "EUR"))
    when = When("boot", 1, "2026-03-01T13:05:09.120Z")
    with Journal.open(path, terminal="RP1001", chance=lambda: 1) as written:
        written.append(order, SaleOpened(at_ms=1), when)
        written.append(paid, PaymentApproved(at_ms=2, paid=Money(1250, "EUR")), when)
    return path


def test_the_file_without_a_daemon(
    typed: Typed, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "JOURNAL", str(file))
    code, out, error = typed("journal list")
    assert error == f"terminald is not running. This is what {file} says:\n"
    assert out.splitlines()[2].startswith(f"2026-03-01 14:05:09 CET  {ORDER}  12.50 EUR  paid")
    assert code == 0
    code, out, _ = typed(f"journal show {ORDER}")
    assert "SaleOpened" in out
    assert code == 0
    assert typed("journal export --csv")[1].count("\r\n") == 2


def test_a_named_file_is_read_while_a_daemon_runs(daemon: Daemon, typed: Typed, file: Path) -> None:
    code, out, error = typed(f"journal list --json --journal {file}")
    assert [json.loads(line)["order_no"] for line in out.splitlines()] == [ORDER]
    assert (code, error, daemon.heard) == (0, "", [])


def test_a_named_file_that_is_none(typed: Typed, tmp_path: Path) -> None:
    code, out, error = typed(f"journal list --journal {tmp_path / 'none.db'}")
    assert "There is no journal at" in error
    assert (code, out) == (1, "")


# -- nobody there, and wrong use ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["status", "sale 1", f"query {ORDER}", "cancel", "journal list", "journal export"]
)
def test_no_daemon(
    typed: Typed, socket_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "JOURNAL", "/nonexistent/journal.db")
    said = f"terminald is not running: nobody listens at {socket_path}."
    assert typed(line) == (1, "", f"{said}\nTry: sudo systemctl start terminald\n")
    code, out, error = typed(f"{line} --json")
    assert json.loads(out) == {
        "ok": False,
        "error": said,
        "remedy": "sudo systemctl start terminald",
    }
    assert (code, error) == (1, "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "required: WORD"),
        ("statsu", "invalid choice: 'statsu'"),
        ("sale", "required: AMOUNT"),
        ("sale 12,50", "'12,50' is not an amount; write it like 12.50"),
        ("sale -1", ""),
        ("sale 1e3", "is not an amount"),
        ("sale ١", "is not an amount"),
        ("sale 1 --mode qr", "invalid choice: 'qr'"),
        ("query", "required: ORDER"),
        ("query ../x", "'../x' is no order number; copy it whole"),
        (f"query {'X' * 33}", "is no order number"),
        ("journal", "required: list|show|export"),
        ("journal list --limit 0", "'0' is no number from 1 to 1000"),
        ("journal list --limit ٥", "is no number from 1 to 1000"),
        ("journal list --before -1", ""),
        ("journal list --before 1_0", "'1_0' is no number of a row"),
        ("status --colour", "unrecognized arguments: --colour"),
    ],
)
def test_wrong_use(typed: Typed, line: str, said: str) -> None:
    code, out, error = typed(line)
    assert said in error
    assert (code, out) == (2, "")


@pytest.mark.parametrize("word", ["", "status", "sale", "query", "cancel", "journal"])
def test_every_word_has_help(typed: Typed, word: str) -> None:
    code, out, _ = typed(f"{word} --help")
    assert out.startswith("usage: terminalctl")
    assert code == 0


def test_run_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--help"]) == 0
    assert "be the daemon" in capsys.readouterr().out.lower()


def test_version(typed: Typed) -> None:
    assert typed("--version")[:2] == (0, "0.1.0\n")


# -- as a program ------------------------------------------------------------------------------------------


def module(*typed: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "terminal", *typed]
    return subprocess.run(command, text=True, timeout=60, check=False, **options)


def test_python_m_terminal(daemon: Daemon, socket_path: Path) -> None:
    daemon.will("status", status())
    done = module("--socket", str(socket_path), "status", "--json", capture_output=True)
    assert json.loads(done.stdout)["verdict"] == "ready"
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_who_has_had_enough(daemon: Daemon, socket_path: Path) -> None:
    rows = [row(seq, detail="x" * 500) for seq in range(500, 0, -1)]
    daemon.will("journal", {"ok": True, "rows": rows}, {"ok": True, "rows": []})
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        line = ("--socket", str(socket_path), "journal", "export")
        done = module(*line, stdout=closed, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_daemon_refuses_bad_settings(tmp_path: Path) -> None:
    done = module("run", "--config", str(tmp_path / "none.toml"), capture_output=True)
    assert "none.toml: is missing" in done.stderr
    assert done.returncode not in (0, 1)


def test_the_daemon_carries_no_words() -> None:
    """Its memory is short: what only a technician's fingers need stays out (rule of the room)."""
    asked = "import sys; from terminal.cli import main; main(['run', '--config', '/nowhere'])"
    listed = "print(*(name for name in sys.modules if name.startswith('terminal.cli')))"
    done = subprocess.run(
        [sys.executable, "-c", f"{asked}; {listed}"], capture_output=True, text=True
    )
    assert sorted(done.stdout.split()) == ["terminal.cli", "terminal.cli.programs"]
