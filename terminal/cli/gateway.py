"""`gateway check`: is this terminal's account at its gateway in order, and if not, which setting is wrong?"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from terminal.cli.desk import Desk
from terminal.cli.paper import Colour
from terminal.cli.programs import SETTINGS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from terminal.checkup import Finding


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    word = words.add_parser("gateway", help="check: clock, keys, account, TLS, each operation")
    inner = word.add_subparsers(metavar="check", required=True)
    check = inner.add_parser(
        "check",
        parents=[shared],
        help="ask the gateway about an order that does not exist; no daemon is needed",
    )
    check.add_argument("--config", type=Path, default=Path(SETTINGS), metavar="FILE", help=SETTINGS)
    check.set_defaults(do=check_gateway)


def check_gateway(options: Namespace, desk: Desk) -> int:
    """The verdict, a line for each thing looked at, and for the wrong one its setting and the next step."""
    from terminal.checkup import Checkup, wall_ms
    from terminal.config import load

    findings = list(Checkup(load(options.config), wall_ms).findings())
    wrong = next((finding for finding in findings if not finding.ok), None)
    if desk.paper.as_json:
        for finding in findings:
            desk.paper.data(_facts(finding))
    else:
        _show(desk, options.config, findings, wrong)
    return 1 if wrong else 0


def _show(desk: Desk, config: Path, findings: list[Finding], wrong: Finding | None) -> None:
    if wrong is None:
        desk.paper.verdict("Good", "the gateway knows this terminal", Colour.GOOD)
    else:
        desk.paper.verdict("Wrong", f"{wrong.what}: {wrong.says}", Colour.BAD)
        if wrong.settings:
            desk.paper.line(f"Look at {', or '.join(wrong.settings)} in {config}")
        desk.paper.line(f"Try: {wrong.remedy}")
    rows = [("ok" if each.ok else "WRONG", each.what, each.says) for each in findings]
    desk.paper.table(("", "looked at", "found"), rows)
    if wrong is not None:
        desk.paper.line("What comes after it was not looked at. Mend this, and check again.")


def _facts(finding: Finding) -> dict[str, object]:
    return {
        "what": finding.what,
        "ok": finding.ok,
        "says": finding.says,
        "settings": list(finding.settings),
        "remedy": finding.remedy,
    }
