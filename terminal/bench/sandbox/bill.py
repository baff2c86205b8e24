"""The books as a bill: what `terminalctl reconcile --bill` reads, one line for each payment and each return."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from terminal.bench.sandbox.entries import Order, State
from terminal.bench.sandbox.ledger import Ledger
from terminal.core.terms import Money

COLUMNS = ("order_no", "state", "amount", "currency", "gateway_ref")
WORDS = {
    State.WAITING: "waiting",
    State.PAYING: "waiting",
    State.PAID: "paid",
    State.RETURNED: "returned",
}


def bill(ledger: Ledger, now_ms: int) -> str:
    """CSV (RFC 4180). A refund that is accepted and not settled is told as under way."""
    sheet = io.StringIO()
    lines = csv.writer(sheet)
    lines.writerow(COLUMNS)
    for order in _orders(ledger, now_ms):
        sum_of = Money(order.captured_minor or order.amount.minor, order.amount.currency)
        state = WORDS.get(order.state, "not paid")
        lines.writerow((order.order_no, state, sum_of.major, sum_of.currency, order.trans_no))
        for back in ledger.history(order.order_no)[1]:
            state = "return pending" if now_ms < back.done_ms else "returned"
            state = "not returned" if back.failed else state
            given = back.amount
            lines.writerow((back.refund_no, state, given.major, given.currency, back.trans_no))
    return sheet.getvalue()


def _orders(ledger: Ledger, now_ms: int) -> Iterator[Order]:
    since = 0
    while page := ledger.orders(since, now_ms):
        yield from page
        since = page[-1].changed
