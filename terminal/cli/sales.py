"""`sale`, `query`, `cancel`: what a person at the counter could do, from here."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from terminal.cli.desk import Desk, Facts, NotDone, exit_code, major_amount, order_no
from terminal.cli.paper import Colour, money
from terminal.core.terms import Refusal

if TYPE_CHECKING:
    from argparse import _SubParsersAction

POLL_S = 0.5
ANSWER_POLL_S = 0.05
ANSWER_S_MAX = 15.0  # longer than the line waits for an answer
WAIT_S_MAX = (
    900.0  # longer than any code lives and any doubt is asked about before a human is called
)


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    sale = words.add_parser("sale", parents=[shared], help="start a sale")
    sale.add_argument("amount", type=major_amount, metavar="AMOUNT", help="like 12.50")
    sale.add_argument(
        "--mode", choices=("mpm", "cpm"), help="mpm: show our code; cpm: scan the customer's"
    )
    sale.add_argument("--wait", action="store_true", help="until it has come to its end")
    sale.set_defaults(do=start_sale)
    query = words.add_parser(
        "query", parents=[shared], help="what the gateway says of an order, open or ended"
    )
    query.add_argument("order_no", type=order_no, metavar="ORDER")
    query.set_defaults(do=query_order)
    cancel = words.add_parser("cancel", parents=[shared], help="cancel a sale")
    cancel.add_argument(
        "order_no", type=order_no, metavar="ORDER", nargs="?", help="without: the one in front"
    )
    cancel.set_defaults(do=cancel_order)


def query_order(options: Namespace, desk: Desk) -> int:
    """The journal's word and the gateway's, side by side."""
    reply = desk.ask("query", order_no=options.order_no)
    if reply.get("asked"):
        reply = answered(desk, options.order_no)
    code = _told(desk, reply)
    return 1 if (reply.get("gateway") or {}).get("agrees") is False else code


def answered(desk: Desk, number: str) -> Facts:
    """The order again, once the gateway has answered; without an answer when it takes too long."""
    until_s = time.monotonic() + ANSWER_S_MAX
    while True:
        reply = desk.ask("order", order_no=number)
        if reply["gateway"] or time.monotonic() > until_s:
            return {**reply, "gateway": reply["gateway"] or {"said": "no answer", "agrees": None}}
        time.sleep(min(POLL_S, ANSWER_POLL_S))


def cancel_order(options: Namespace, desk: Desk) -> int:
    """Only the key: what it comes to, the gateway says."""
    number = {"order_no": options.order_no} if options.order_no else {}
    return _told(desk, desk.ask("cancel", **number))


def _told(desk: Desk, reply: Facts) -> int:
    if desk.paper.as_json:
        desk.paper.data(reply)
    else:
        desk.show_order(reply["order"])
        if reply.get("gateway"):
            _show_gateway(desk, reply["order"], reply["gateway"])
        if reply.get("note"):
            desk.paper.line(reply["note"])
    return exit_code(reply["order"]["outcome"])


def _show_gateway(desk: Desk, order: Facts, gateway: Facts) -> None:
    detail = f"({gateway['detail']})" if gateway.get("detail") else ""
    said = " ".join(filter(None, (gateway["said"], money(gateway.get("amount")), detail)))
    desk.paper.facts((("gateway", said),))
    if gateway.get("written") is False:
        desk.paper.line(
            "Not written: the terminal is out of service. Try: terminalctl status", Colour.CARE
        )
    if gateway["agrees"] is False:
        desk.paper.line("Journal and gateway disagree: somebody must look.", Colour.BAD)
        desk.paper.line(f"Try: terminalctl journal show {order['order_no']}")
    elif gateway["said"] in ("no answer", "unclear"):
        desk.paper.line("The gateway told nothing clear. Try: terminalctl gateway check")


# -- a sale --------------------------------------------------------------------------------------------------


def start_sale(options: Namespace, desk: Desk) -> int:
    seen = _newest(desk.ask("status")) if options.wait else None
    mode = {"mode": options.mode} if options.mode else {}
    reply = desk.ask("sale", amount=options.amount, **mode)
    if desk.paper.as_json:
        desk.paper.data(reply)
    else:
        _show_start(desk, reply, wait=options.wait)
    if not options.wait:
        return 0
    try:
        order = _followed(desk, reply["order_no"], {seen})
    except KeyboardInterrupt:
        raise NotDone("Not watched any more. The sale goes on.", "terminalctl cancel") from None
    if order is None:
        raise Refusal("Not paid: the sale ended before the customer showed a code.")
    if desk.paper.as_json:
        desk.paper.data({"ok": True, "order": order})
    else:
        desk.show_order(order)
    return 0 if order["outcome"] == "paid" else 1


def _show_start(desk: Desk, reply: Facts, *, wait: bool) -> None:
    number = reply["order_no"]
    desk.paper.verdict("Started", f"{money(reply['amount'])}, {reply['mode']}", Colour.CARE)
    desk.paper.facts((("order", number or "none yet: waiting for the customer's code"),))
    if not wait:
        follow = f"query {number}" if number else "status"
        desk.paper.line(f"Follow it: terminalctl {follow}")


def _followed(desk: Desk, number: str | None, seen: set[str | None]) -> Facts | None:
    """The order that the sale came to its end with; None when none was ever opened.

    A customer who holds up a code instead of scanning ours ends one order and begins another."""
    until_s = time.monotonic() + WAIT_S_MAX
    order: Facts | None = None
    while number := number or _next_number(desk, seen, until_s):
        seen.add(number)
        order = to_its_end(desk, number, until_s)
        if order["reason"] != "customer_code":
            break
        number = None
    return order


def to_its_end(desk: Desk, number: str, until_s: float) -> Facts:
    """This order when it is final, or a human must look. Every new phase is told on the way."""
    phase = None
    while True:
        order: Facts = desk.ask("order", order_no=number)["order"]
        if order["final"] or order["outcome"] == "attention":
            return order
        if order["phase"] != phase and not desk.paper.as_json:
            phase = order["phase"]
            desk.paper.line(f"  {number}  {order['outcome']}, {phase}")
        _pause(until_s, number)


def _next_number(desk: Desk, seen: set[str | None], until_s: float) -> str | None:
    """The number of an order that was opened since; None when the counter has gone on without one."""
    while True:
        status = desk.ask("status")
        newest = _newest(status)
        if newest not in seen:
            return newest
        if status["verdict"] != "busy":
            return None
        _pause(until_s, "")


def _newest(status: Facts) -> str | None:
    return status["last"]["order_no"] if status["last"] else None


def _pause(until_s: float, number: str) -> None:
    if time.monotonic() > until_s:
        follow = f"query {number}" if number else "status"
        raise NotDone(f"The sale has no end after {WAIT_S_MAX:g} s.", f"terminalctl {follow}")
    time.sleep(POLL_S)
