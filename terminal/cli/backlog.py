"""`backlog`: what has no result yet, and what is being done about it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from terminal.cli.desk import Desk, Facts
from terminal.cli.paper import Colour, ago, local_time, money

if TYPE_CHECKING:
    from argparse import _SubParsersAction

LISTED = 20
WARN_OPEN, WARN_S = 100, 3_600  # reliability.md 4


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    word = words.add_parser("backlog", parents=[shared], help="what has no result yet")
    word.add_argument("op", choices=("send",), nargs="?", help="send: try everything now")
    word.add_argument("--limit", type=int, default=LISTED, metavar="N", help=f"list N ({LISTED})")
    word.set_defaults(do=backlog)


def backlog(options: Namespace, desk: Desk) -> int:
    """0: nothing is open, or nothing to worry about; 1: a lot, something old, or something for a human."""
    sending = {"op": options.op} if options.op else {}
    reply = desk.ask("backlog", limit=options.limit, **sending)
    if desk.paper.as_json:
        desk.paper.data(reply)
    else:
        _show(desk, reply, sent=bool(options.op))
    stuck = any(item["outcome"] == "attention" for item in reply["items"])
    return 1 if stuck or _is_much(reply) else 0


def _is_much(reply: Facts) -> bool:
    return bool(reply["open"] >= WARN_OPEN or reply["oldest_s"] > WARN_S)


def _show(desk: Desk, reply: Facts, *, sent: bool) -> None:
    if not reply["open"]:
        desk.paper.verdict("Nothing open", "Every sale has its result.", Colour.GOOD)
        return
    line = "the line is up" if reply["online"] else "no connection"
    flying = f"{reply['in_flight']} of at most {reply['places']} asked right now"
    colour = Colour.BAD if _is_much(reply) or not reply["online"] else Colour.CARE
    desk.paper.verdict(f"{reply['open']} open", f"oldest {ago(reply['oldest_s'])}, {line}", colour)
    desk.paper.line(f"{flying}." + (" All are tried now." if sent else ""))
    if not reply["online"]:
        desk.paper.line(
            "Nothing is lost: it is sent when the line is back. Try: terminalctl status"
        )
    elif not sent:
        desk.paper.line("Nobody has to do anything. To try all of it now: terminalctl backlog send")
    desk.paper.table(
        ("order", "amount", "outcome", "next", "in", "why", "since"),
        [_row(item) for item in reply["items"]],
    )
    if (more := reply["open"] - len(reply["items"])) > 0:
        desk.paper.line(f"... and {more} more: --limit {min(reply['open'], 1_000)}")


def _row(item: Facts) -> tuple[str, ...]:
    wait_s = item["next_in_s"]
    why = " ".join(filter(None, (item["reason"], item["detail"])))
    return (
        item["order_no"],
        money(item["amount"]),
        item["outcome"],
        item["next"],
        "" if wait_s is None else ago(wait_s),
        why,
        local_time(item["since"]),
    )
