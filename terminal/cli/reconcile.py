"""`reconcile`: the journal beside the gateway's books, both ways (terminal.core.reconcile).

Without `--bill` the daemon asks the gateway about each order of the days, a few a second; what only the gateway
knows cannot be found so. With `--bill FILE` the gateway's list of these days is read: a CSV in UTF-8, RFC 4180,
with these columns and any others, one line for each payment and each return:

    order_no   our number of the order, or of the return
    state      paid, waiting, not paid; of returns: returned, return pending, not returned.
               A sale that was paid and then wholly undone (void, reversal) is: returned
    amount     in major units, like 12.50
    currency   ISO 4217, like EUR

No gateway here documents a bill of its own (gateways.md), so theirs is brought into this form first; the
sandbox has it at GET /sandbox/bill.
"""

from __future__ import annotations

import csv
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from terminal.cli.desk import Desk, Facts, NotDone
from terminal.cli.journal import all_orders, history
from terminal.cli.paper import Colour
from terminal.cli.sales import answered
from terminal.core.reconcile import Difference, Entry, Kind, There, compare
from terminal.core.sale import Order, Phase
from terminal.core.terms import Mode, Money, Refusal

if TYPE_CHECKING:
    from argparse import _SubParsersAction

QUESTION_PAUSE_S = 0.25  # four a second: the counter's own questions come first
COLUMNS = ("order_no", "state", "amount", "currency")
NEXT: Mapping[Kind, str] = {
    Kind.UNPAID_THERE: "Ask once more: terminalctl query {}. If it stays so, call the gateway: the goods are gone.",
    Kind.UNPAID_HERE: "The money must go back: terminalctl query {} looks and returns a late payment.",
    Kind.UNKNOWN_HERE: "Not sold by this journal. A lost journal's sale, or another terminal's? Call the gateway.",
    Kind.AMOUNT: "terminalctl journal show {}, then call the gateway about the rest.",
    Kind.CURRENCY: "terminalctl journal show {}, then call the gateway: nobody should pay in two currencies.",
    Kind.RETURN_MISSING: "terminalctl journal show {}. Do not give the money a second time; call the gateway.",
    Kind.STATE: "Wait until the gateway has ended it, then: terminalctl query {}",
    Kind.DOUBLED: "The customer paid twice: give one back with terminalctl refund, or call the gateway. See: "
    "terminalctl journal show {}",
}


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    word = words.add_parser(
        "reconcile", parents=[shared], help="the journal beside the gateway's books, both ways"
    )
    word.add_argument(
        "--from", dest="first", type=_day, metavar="DAY", help="like 2026-03-01; without: today"
    )
    word.add_argument(
        "--to", dest="last", type=_day, metavar="DAY", help="the last day; without: today"
    )
    word.add_argument(
        "--bill", type=Path, metavar="FILE", help="the gateway's list of these days (CSV)"
    )
    word.add_argument(
        "--journal", metavar="FILE", help="with --bill: read this journal, ask no daemon"
    )
    word.set_defaults(do=reconcile)


def _day(text: str) -> datetime:
    """The beginning of that day here."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").astimezone()
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day; write it like 2026-03-01") from None


@dataclass(slots=True)
class Counts:
    """`open`: under way here, not compared. `silent`: the gateway told nothing clear of them."""

    compared: int = 0
    open: int = 0
    silent: list[str] = field(default_factory=list)


def reconcile(options: Namespace, desk: Desk) -> int:
    """0: both sides say the same. 1: a difference, or an order of which the gateway told nothing clear."""
    if options.journal and not options.bill:
        raise Refusal("A file cannot ask the gateway. Add --bill FILE, or leave --journal out.")
    bill = list(read_bill(options.bill)) if options.bill else None
    ours = [order_of(facts) for facts in _of_the_days(options, desk)]
    counts = Counts(len(ours), sum(not order.final for order in ours))
    theirs = asked(desk, ours, counts) if bill is None else bill
    elsewhere = Elsewhere(options, desk)
    found: Counter[str] = Counter()
    for difference in compare(ours, theirs, elsewhere, whole=bill is not None):
        found[difference.kind.value] += 1
        _tell(desk, difference)
    _conclude(desk, counts, found)
    return 1 if found or counts.silent else 0


def _of_the_days(options: Namespace, desk: Desk) -> Iterator[Facts]:
    """Orders whose last row was written on these days, by the wall clock, which is a label (I12)."""
    today = datetime.now(UTC).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = options.first or today, options.last or today
    begin, end = (_label(moment) for moment in (first, last + timedelta(days=1)))
    return (order for order in all_orders(options, desk) if begin <= order["utc"] < end)


def _label(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def order_of(facts: Facts) -> Order:
    """As much of the order as the comparison needs."""
    paid = facts.get("paid")
    return Order(
        order_no=facts["order_no"],
        sale_no=facts["sale_no"],
        mode=Mode(facts["mode"]),
        amount=Money(**facts["amount"]),
        phase=Phase(facts["phase"]),
        opened_ms=0,
        of=facts.get("of"),
        paid=Money(**paid) if paid else None,
    )


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Any order of the journal; None: no such order."""

    options: Namespace
    desk: Desk

    def __call__(self, order_no: str) -> Order | None:
        try:
            rows = history(self.options, self.desk, order_no)
        except NotDone:
            return None
        return order_of(rows[-1]) if rows else None


# -- what the gateway says -----------------------------------------------------------------------------------


def asked(desk: Desk, ours: list[Order], counts: Counts) -> Iterator[Entry]:
    """The daemon asks about each ended order. A void is asked about as its sale."""
    for order in ours:
        if not order.final or order.mode is Mode.VOID:
            continue
        desk.ask("query", order_no=order.order_no)
        said = answered(desk, order.order_no)["gateway"]
        there = "not paid" if said["said"] == "closed" else said["said"]
        if there in (each.value for each in There):
            amount = said.get("amount")
            yield Entry(order.order_no, There(there), Money(**amount) if amount else None)
        else:
            counts.silent.append(order.order_no)
        time.sleep(QUESTION_PAUSE_S)


def read_bill(path: Path) -> Iterator[Entry]:
    """The lines of a bill. Refusal names the line that cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            if missing := [name for name in COLUMNS if name not in (lines.fieldnames or ())]:
                raise Refusal(
                    f"{path} has no column {', '.join(missing)}. See: terminalctl reconcile --help"
                )
            for line in lines:
                yield _entry(line, f"{path}, line {lines.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refusal(f"{path} cannot be read: {error}.") from None


def _entry(line: Mapping[str, str | None], where: str) -> Entry:
    if None in line.values():
        raise Refusal(f"{where} is not whole: a line has as many cells as the first one.")
    order_no, state, amount, currency = ((line[name] or "").strip() for name in COLUMNS)
    words = {each.value: each for each in There if each is not There.ABSENT}
    if not order_no or state not in words:
        raise Refusal(f"{where}: {state!r} is no state. Known: {', '.join(words)}.")
    try:
        money = Money.of_major(amount, currency) if amount else None
    except Refusal as refusal:
        raise Refusal(f"{where}: {refusal}") from None
    return Entry(order_no, words[state], money)


# -- what is told --------------------------------------------------------------------------------------------


def _tell(desk: Desk, difference: Difference) -> None:
    kind, number = difference.kind, difference.order_no
    step = NEXT[kind].format(number)
    if desk.paper.as_json:
        told = {
            "order_no": number,
            "here": difference.here,
            "there": difference.there,
            "next": step,
        }
        desk.paper.data({"kind": kind.value, **told})
        return
    desk.paper.line(f"{kind.value}  {number}", Colour.BAD)
    desk.paper.line(f"  here: {difference.here}; at the gateway: {difference.there}")
    desk.paper.line(f"  Try: {step}")


def _conclude(desk: Desk, counts: Counts, found: Counter[str]) -> None:
    wrong, silent = found.total(), counts.silent
    if desk.paper.as_json:
        facts = {"orders": counts.compared, "open": counts.open, "not_answered": silent}
        desk.paper.data(
            {"ok": not (wrong or silent), **facts, "differences": wrong, "kinds": dict(found)}
        )
        return
    said = f"{counts.compared} orders, {wrong or 'no'} difference{'s' * (wrong != 1)}"
    desk.paper.verdict(
        "Differences" if wrong else "Agreed", said, Colour.BAD if wrong else Colour.GOOD
    )
    if counts.open:
        desk.paper.line(
            f"{counts.open} are still open and were not compared. See: terminalctl status"
        )
    if silent:
        desk.paper.line(
            f"Of {len(silent)} the gateway told nothing clear: {', '.join(silent[:5])}", Colour.BAD
        )
        desk.paper.line("Try: terminalctl gateway check")
