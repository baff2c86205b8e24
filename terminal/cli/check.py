"""`check`: is the journal what was written, and would today's program decide the same again?

The daemon holds its journal alone (SQLite's exclusive lock), and a copy of a file that is being written would
prove nothing. So it is asked for its rows, a hundred at a time, and a sale at the counter waits a few
milliseconds at most; the sums are done here. A file that is named, or left while no daemon runs, is read.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terminal.cli.desk import Desk
from terminal.cli.journal import JOURNAL
from terminal.cli.paper import Colour
from terminal.cli.programs import SETTINGS
from terminal.control import NotRunning
from terminal.core.terms import Refusal
from terminal.core.timing import Timing

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from terminal.journal.audit import Difference, Raw

PAGE_ROWS = 1_000
LISTED_MAX = 100  # a broken rule breaks thousands of rows; --json has all

NEXT = {
    "chain": "Keep a copy of the journal, put the last good one back, then: terminalctl reconcile",
    "unread": "Keep a copy of the journal. Written by a newer program? Install that one again.",
    "step": "Ask the gateway what is true: terminalctl reconcile. Then report this order's rows: "
    "terminalctl journal show {} --json",
    "waits": "Only waiting times: other [gateway.timing] settings were in force then. Nothing to do.",
}


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    word = words.add_parser(
        "check",
        parents=[shared],
        help="is the journal whole, and does the program still agree with it?",
    )
    word.add_argument("--journal", metavar="FILE", help="check this file and ask no daemon")
    word.add_argument(
        "--config",
        type=Path,
        default=Path(SETTINGS),
        metavar="FILE",
        help=f"with --journal: whose gateway's waiting times ({SETTINGS})",
    )
    word.set_defaults(do=check)


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from: those behind a row, those of an order, the numbers of the newest orders, and what
    else the check needs."""

    after: Callable[[int], list[Raw]]
    history: Callable[[str], list[Raw]]
    newest: Callable[[int], list[str]]
    install: Raw
    timing: Timing


def check(options: Namespace, desk: Desk) -> int:
    """0: every row holds. 1: some do not."""
    from terminal.journal.audit import Audit

    with ExitStack() as stack:
        source = source_of(options, desk, stack)
        audit = Audit(source.install, source.timing, source.history)
        found: Counter[str] = Counter()
        for difference in _differences(source, audit):
            kind = difference.kind.value
            found[kind] += 1
            _tell(desk, difference, found)
    wrong = found.total() - found["waits"]
    _conclude(desk, audit.rows, wrong, found)
    return 1 if wrong else 0


def _differences(source: Source, audit: Any) -> Iterator[Difference]:
    after = 0
    while page := source.after(after):
        for raw in page:
            yield from audit.take(raw)
        after = page[-1][0]  # type: ignore[assignment]


def _tell(desk: Desk, difference: Difference, found: Counter[str]) -> None:
    kind = difference.kind.value
    step = NEXT[kind].format(difference.order_no)
    if desk.paper.as_json:
        told = {name: {"written": was, "today": now} for name, was, now in difference.told}
        desk.paper.data({**asdict(difference), "kind": kind, "told": told, "next": step})
    elif kind != "waits" and found.total() - found["waits"] <= LISTED_MAX:
        _show(desk, difference, step)


def _show(desk: Desk, difference: Difference, step: str) -> None:
    kind = difference.kind.value
    words = {
        "chain": "is not what was written",
        "unread": f"cannot be read: {difference.why}",
        "step": f"{difference.event} leads elsewhere today {difference.why}".rstrip(),
    }
    desk.paper.line(f"row {difference.seq}  {difference.order_no}  {words[kind]}", Colour.BAD)
    for name, was, now in difference.told:
        desk.paper.line(f"  {name}: written {was}, today {now}")
    desk.paper.line(f"  Try: {step}")


def _conclude(desk: Desk, rows: int, wrong: int, found: Counter[str]) -> None:
    if desk.paper.as_json:
        desk.paper.data({"ok": not wrong, "rows": rows, "differences": wrong, **found})
        return
    if wrong > LISTED_MAX:
        desk.paper.line(f"... and {wrong - LISTED_MAX} more: --json has all")
    said = f"{rows} rows, {wrong or 'no'} difference{'s' * (wrong != 1)}"
    desk.paper.verdict(
        "Differences" if wrong else "Whole", said, Colour.BAD if wrong else Colour.GOOD
    )
    if found["waits"]:
        desk.paper.line(f"{found['waits']} rows have other waiting times. {NEXT['waits']}")


# -- where the rows come from ------------------------------------------------------------------------------


def source_of(options: Namespace, desk: Desk, stack: ExitStack) -> Source:
    if options.journal is None:
        try:
            return _of_daemon(desk)
        except NotRunning:
            if not Path(JOURNAL).exists():
                raise
            desk.paper.aside(f"terminald is not running. This is about {JOURNAL}:")
    return _of_file(Path(options.journal or JOURNAL), options.config, stack)


def _of_daemon(desk: Desk) -> Source:
    def ask(**what: object) -> dict[str, Any]:
        reply = desk.ask("journal", op="raw", **what)
        reply["rows"] = [[*columns, bytes.fromhex(link)] for *columns, link in reply["rows"]]
        return reply

    about = ask(order_no="")
    return Source(
        lambda after: list(ask(after=after)["rows"]),
        lambda order_no: list(ask(order_no=order_no)["rows"]),
        lambda limit: [row["order_no"] for row in desk.ask("journal", limit=limit)["rows"]],
        about["install"],
        Timing(**about["timing"]),
    )


def _of_file(path: Path, config: Path, stack: ExitStack) -> Source:
    from terminal.config import load
    from terminal.journal.journal import Journal
    from terminal.wiring import timing_of

    if not config.exists():
        raise Refusal(
            f"There are no settings at {config}, so nobody knows how long this terminal waits "
            "for its gateway. Name them: --config FILE"
        )
    timing = timing_of(load(config))
    journal = stack.enter_context(Journal.open_read_only(path, as_it_is=True))
    return Source(
        lambda after: list(journal.raw(after, PAGE_ROWS)),
        lambda order_no: list(journal.raw_history(order_no)),
        lambda limit: [row.order.order_no for row in journal.tail(limit)],
        journal.install(),
        timing,
    )
