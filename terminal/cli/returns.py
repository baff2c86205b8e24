"""`refund`, `void`: money back to the customer."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from terminal.cli.desk import Desk, Facts, major_amount, order_no
from terminal.cli.sales import WAIT_S_MAX, to_its_end

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    refund = words.add_parser("refund", parents=[shared], help="give money of a paid sale back")
    refund.add_argument("order_no", type=order_no, metavar="ORDER", help="the sale's number")
    refund.add_argument(
        "amount", type=major_amount, nargs="?", metavar="AMOUNT", help="without: all that is left"
    )
    refund.set_defaults(do=refund_order)
    void = words.add_parser("void", parents=[shared], help="undo a paid sale of today in full")
    void.add_argument("order_no", type=order_no, metavar="ORDER", help="the sale's number")
    void.set_defaults(do=void_order)
    recovered = words.add_parser(
        "recovered",
        parents=[shared],
        help="the journal was lost, and this terminal has been compared with the gateway",
    )
    recovered.set_defaults(do=recover)
    for word in (refund, void):
        word.add_argument("--wait", action="store_true", help="until it has come to its end")


def refund_order(options: Namespace, desk: Desk) -> int:
    amount = {"amount": options.amount} if options.amount else {}
    return _told(options, desk, desk.ask("refund", order_no=options.order_no, **amount))


def void_order(options: Namespace, desk: Desk) -> int:
    return _told(options, desk, desk.ask("void", order_no=options.order_no))


def recover(_options: Namespace, desk: Desk) -> int:
    reply = desk.ask("recovered")
    if desk.paper.as_json:
        desk.paper.data(reply)
    else:
        desk.paper.line("Money can be given back again.")
    return 0


def _told(options: Namespace, desk: Desk, reply: Facts) -> int:
    """The return as it stands, or as it ended. 0: returned, or still on its way; 1: a human must look."""
    order = reply["order"]
    if options.wait:
        order = to_its_end(desk, order["order_no"], time.monotonic() + WAIT_S_MAX)
    if desk.paper.as_json:
        desk.paper.data({"ok": True, "order": order})
    else:
        desk.show_order(order)
    return 0 if order["outcome"] in ("returned", "return pending") else 1
