"""`status`: how is it?"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from terminal.cli.desk import Desk, Facts
from terminal.cli.paper import Colour, ago, local_time, money

if TYPE_CHECKING:
    from argparse import _SubParsersAction

OPEN_LISTED_MAX = 20

_VERDICTS = {
    "ready": ("Ready", Colour.GOOD),
    "busy": ("Busy with a sale", Colour.GOOD),
    "offline": ("No connection", Colour.BAD),
    "clock_not_set": ("Clock not set", Colour.BAD),
    "out_of_service": ("Out of service", Colour.BAD),
}
_REMEDIES = {
    "offline": "journalctl -u terminald -n 20",
    "clock_not_set": "timedatectl status",
    "out_of_service": "journalctl -u terminald -n 20",
}
_REASONS = {
    "offline": "The gateway does not answer. No sale can start.",
    "clock_not_set": "The gateway would refuse every request. No sale can start.",
}


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    word = words.add_parser("status", parents=[shared], help="how is the terminal?")
    word.set_defaults(do=status)


def status(_options: Namespace, desk: Desk) -> int:
    reply = desk.ask("status")
    stuck = [order for order in reply["open"] if order.get("outcome") == "attention"]
    if desk.paper.as_json:
        desk.paper.data(reply)
    else:
        _show(desk, reply, stuck)
    wanting = (stuck, reply["recovery"], *map(reply.get, ("lost", "stuck", "returned")))
    return 1 if any(wanting) or reply["verdict"] not in ("ready", "busy") else 0


def _show(desk: Desk, reply: Facts, stuck: list[Facts]) -> None:
    verdict = str(reply["verdict"])
    words, colour = _VERDICTS.get(verdict, (verdict, Colour.BAD))
    desk.paper.verdict(words, f"terminal {reply['terminal']}", colour)
    if verdict not in ("ready", "busy"):
        desk.paper.line(str(reply.get("why") or _REASONS.get(verdict, "")))
        desk.paper.line(f"Try: {reply.get('remedy') or _REMEDIES.get(verdict, '')}")
    for name, lost in reply.get("lost", {}).items():
        if lost != reply.get("remedy"):
            desk.paper.line(f"{name}: {lost}", Colour.BAD)
    if keys := reply.get("stuck"):
        desk.paper.line(f"keypad: stuck and ignored: {' '.join(keys)}. Free them.", Colour.BAD)
    for order in stuck:
        desk.paper.line(f"{order['order_no']} needs somebody to look at it.", Colour.BAD)
        desk.paper.line(f"Try: terminalctl journal show {order['order_no']}")
    if reply["recovery"]:
        desk.paper.line("The journal was lost and begun anew: no refunds.", Colour.BAD)
        desk.paper.line("Try: terminalctl reconcile, then terminalctl recovered")
    if reply.get("returned"):
        told = f"The update to {reply['returned']} did not pass: {reply['version']} runs again."
        desk.paper.line(told, Colour.BAD)
        desk.paper.line("Try: journalctl -u terminal-update -n 30")
    for order in reply["untold"]:
        said = f"{order['order_no']}: {money(order['amount'])} {order['outcome']}"
        desk.paper.line(f"{said}. Nobody at the counter has seen it yet.", Colour.CARE)
    sandbox = " (sandbox: no real money)" if reply["sandbox"] else ""
    desk.paper.facts(
        (
            ("gateway", f"{reply['gateway']}{sandbox}"),
            ("contact", _contact(reply)),
            ("screen", reply["screen"]),
            ("version", reply["version"]),
            ("last", _in_short(reply["last"])),
            ("open", reply["open_count"] or "none"),
        )
    )
    if reply["open"]:
        _show_open(desk, reply["open"], reply["open_count"])


def _contact(reply: Facts) -> str:
    heard = ago(reply["last_contact_s"])
    when = heard if heard == "never" else f"{heard} ago"
    return when if reply["online"] else f"lost, last {when}"


def _in_short(order: Facts | None) -> str | None:
    if not order:
        return None
    when = local_time(order["utc"]) if "utc" in order else ""
    parts = (order["order_no"], money(order["amount"]), order.get("outcome", order["phase"]), when)
    return "  ".join(part for part in parts if part)


def _show_open(desk: Desk, orders: list[Facts], count: int) -> None:
    rows = [
        (
            order["order_no"],
            money(order["amount"]),
            str(order.get("outcome", "")),
            str(order["phase"]),
            str(order["mode"]),
            ago(order["age_s"]),
        )
        for order in orders[:OPEN_LISTED_MAX]
    ]
    desk.paper.table(("order", "amount", "outcome", "phase", "mode", "since"), rows)
    if count > OPEN_LISTED_MAX:
        desk.paper.line(f"... and {count - OPEN_LISTED_MAX} more: terminalctl backlog")
