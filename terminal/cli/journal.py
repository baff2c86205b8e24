"""`journal list | show | export`: what happened.

The daemon holds its journal alone, so it is asked; while none runs the file is read. Newest first everywhere.
"""

from __future__ import annotations

import csv
import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from terminal.cli.desk import Desk, Facts, exit_code, order_no
from terminal.cli.paper import clean, local_time, money
from terminal.control import NotRunning
from terminal.core.terms import Money, Refusal

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from terminal.journal.journal import Journal, Row

JOURNAL = "/var/lib/terminal/journal.db"
LIST_DEFAULT = 20
LIST_MAX = 1_000
PAGE_ROWS = 500
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
CSV_COLUMNS = (
    "seq", "time", "utc", "order_no", "sale_no", "mode", "amount", "currency",
    "phase", "outcome", "reason", "detail", "wallet", "gateway_ref",
)  # fmt: skip


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    word = words.add_parser("journal", help="what happened: list, show, export")
    inner = word.add_subparsers(metavar="list|show|export", required=True)
    file = ArgumentParser(add_help=False)
    file.add_argument(
        "--journal",
        metavar="FILE",
        help=f"read this file and ask no daemon (without a daemon: {JOURNAL})",
    )
    parents = [shared, file]
    listing = inner.add_parser("list", parents=parents, help="the newest orders")
    listing.add_argument("--limit", type=_limit, default=LIST_DEFAULT, metavar="N")
    listing.add_argument(
        "--before", type=_row_number, metavar="SEQ", help="only older than this row"
    )
    listing.set_defaults(do=list_orders)
    show = inner.add_parser("show", parents=parents, help="everything that happened to an order")
    show.add_argument("order_no", type=order_no, metavar="ORDER")
    show.set_defaults(do=show_order)
    export = inner.add_parser("export", parents=parents, help="all orders, one on each line")
    export.add_argument("--csv", action="store_true", help="for spreadsheets; without: JSON")
    export.set_defaults(do=export_orders)


def _limit(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text) or not 0 < int(text) <= LIST_MAX:
        raise ArgumentTypeError(f"{text!r} is no number from 1 to {LIST_MAX}")
    return int(text)


def _row_number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ArgumentTypeError(f"{text!r} is no number of a row")
    return int(text)


def list_orders(options: Namespace, desk: Desk) -> int:
    orders = _page(options, desk, options.limit, options.before)
    if desk.paper.as_json:
        for order in orders:
            desk.paper.data(order)
    elif orders:
        _show_list(options, desk, orders)
    else:
        desk.paper.line("No orders.")
    return 0


def _show_list(options: Namespace, desk: Desk, orders: list[Facts]) -> None:
    older = f"; older ones: --before {orders[-1]['seq']}" if len(orders) == options.limit else ""
    desk.paper.line(f"{len(orders)} order{'s' * (len(orders) > 1)}, newest first{older}")
    rows = [
        (
            local_time(order["utc"]),
            order["order_no"],
            money(order["amount"]),
            order["outcome"],
            order["reason"] or "",
            order["mode"],
            order["wallet"] or "",
            order["gateway_ref"] or "",
        )
        for order in orders
    ]
    heads = ("time", "order", "amount", "outcome", "reason", "mode", "wallet", "gateway ref")
    desk.paper.table(heads, rows)


def show_order(options: Namespace, desk: Desk) -> int:
    """Where it stands now, then how it came there, oldest first."""
    rows = history(options, desk, options.order_no)
    if not rows:
        raise Refusal("The journal has no such order. Try: terminalctl journal list")
    if desk.paper.as_json:
        for row in rows:
            desk.paper.data(row)
    else:
        desk.show_order(rows[-1])
        lines = [
            (
                local_time(row["utc"]),
                row["event"],
                row["phase"],
                row["reason"] or "",
                str(row["seq"]),
            )
            for row in rows
        ]
        desk.paper.table(("time", "event", "led to", "reason", "row"), lines)
    return exit_code(rows[-1]["outcome"])


def export_orders(options: Namespace, desk: Desk) -> int:
    """Every order as it stands now. RFC 4180, or one JSON object per line."""
    orders = all_orders(options, desk)
    if not options.csv:
        for order in orders:
            desk.paper.data(order)
        return 0
    sheet = csv.writer(desk.paper.out)
    sheet.writerow(CSV_COLUMNS)
    for order in orders:
        sheet.writerow([_cell(value) for value in _sheet_row(order)])
    return 0


def _sheet_row(order: Facts) -> list[object]:
    amount = Money(order["amount"]["minor"], order["amount"]["currency"])
    made = {
        **order,
        "time": local_time(order["utc"]),
        "amount": amount.major,
        "currency": amount.currency,
    }
    return [made[column] for column in CSV_COLUMNS]


def _cell(value: object) -> str:
    """What a spreadsheet takes for a formula gets a quote in front: it came from outside (OWASP)."""
    text = clean("" if value is None else str(value))
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) else text


# -- where the rows come from ------------------------------------------------------------------------------


def all_orders(options: Namespace, desk: Desk) -> Iterator[Facts]:
    """Every order as it stands now, newest first."""
    before = None
    while orders := _page(options, desk, PAGE_ROWS, before):
        yield from orders
        oldest = orders[-1]["seq"]
        if before is not None and oldest >= before:
            raise Refusal("The journal's pages do not come to an end. Stop the daemon, try again.")
        before = oldest


def _page(options: Namespace, desk: Desk, limit: int, before: int | None) -> list[Facts]:
    """The `limit` orders that moved last, newest first, each as it stands now."""
    question: dict[str, object] = {"op": "list", "limit": limit, "before": before}
    return _rows(options, desk, question, lambda journal: journal.tail(limit, before))


def history(options: Namespace, desk: Desk, number: str) -> list[Facts]:
    """Every row of this order, oldest first."""
    question: dict[str, object] = {"op": "show", "order_no": number}
    return _rows(options, desk, question, lambda journal: journal.history(number))


def _rows(
    options: Namespace,
    desk: Desk,
    question: dict[str, object],
    read: Callable[[Journal], list[Row]],
) -> list[Facts]:
    """From the daemon; from the file when one was named, or when there is no daemon but a file."""
    if options.journal is None:
        try:
            return list(desk.ask("journal", **question)["rows"])
        except NotRunning:
            if not _is_there(Path(JOURNAL)):
                raise
            options.journal = JOURNAL
            desk.paper.aside(f"terminald is not running. This is what {JOURNAL} says:")
    from terminal.journal.journal import Journal
    from terminal.reception import told

    with Journal.open_read_only(Path(options.journal)) as journal:
        return [told(row) for row in read(journal)]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # its folder is not for everybody's eyes
        return False
