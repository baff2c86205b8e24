"""`doctor`: is this unit well, and if not, what is to be done?"""

from __future__ import annotations

import logging
import select
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from terminal.cli.desk import Desk, NotDone
from terminal.cli.paper import Colour
from terminal.cli.programs import SETTINGS

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from terminal.doctor import Finding

WHAT_COLUMNS = 11


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    word = words.add_parser("doctor", parents=[shared], help="look at every part of the unit")
    word.add_argument("--config", type=Path, default=Path(SETTINGS), metavar="FILE", help=SETTINGS)
    word.add_argument(
        "--interactive",
        action="store_true",
        help="press, read, look and listen; the daemon stopped",
    )
    word.set_defaults(do=doctor)


def doctor(options: Namespace, desk: Desk) -> int:
    from terminal.doctor import Verdict, examine

    logging.disable(logging.ERROR)  # what the devices would tell the journal is told here
    seen = []
    found = _by_hand(options, desk) if options.interactive else None
    for finding in found or examine(options.config.absolute(), desk.socket):
        seen.append(finding.verdict)
        _show(desk, finding)
    ill, care = seen.count(Verdict.BAD), seen.count(Verdict.CARE)
    if not desk.paper.as_json:
        rest = f"{len(seen)} parts looked at" + (f", {care} to keep an eye on" if care else "")
        desk.paper.verdict(
            f"{ill} bad" if ill else "Well", rest, Colour.BAD if ill else Colour.GOOD
        )
    return 1 if ill else 0


def _by_hand(options: Namespace, desk: Desk) -> Iterator[Finding]:
    from terminal.doctor import Patient, hands

    patient = Patient(options.config.absolute(), desk.socket, Path("/"))
    if patient.daemon is not None:
        raise NotDone(hands.RUNS, hands.STOP_IT)
    if patient.settings is None or patient.profile is None:
        raise NotDone(patient.complaint, "Mend that line; then: terminalctl doctor --interactive")
    return hands.examine(patient.profile, patient.settings.terminal.state_dir, _Technician(desk))


class _Technician:
    """Reads what is asked, types what is so."""

    def __init__(self, desk: Desk) -> None:
        self._paper = desk.paper

    def tell(self, text: str) -> None:
        for line in text.splitlines():
            self._paper.aside(line)

    def ask(self, text: str) -> str:
        self._paper.aside(text)
        return self._typed()

    def gave_up(self, wait_s: float) -> bool:
        if not select.select([sys.stdin], [], [], wait_s)[0]:
            return False
        self._typed()
        return True

    def _typed(self) -> str:
        line = sys.stdin.readline()
        if not line:
            raise NotDone("Nobody is there to ask.", "Type it at a terminal.")
        return line.strip()


def _show(desk: Desk, finding: Finding) -> None:
    if desk.paper.as_json:
        desk.paper.data(
            {
                "what": finding.what,
                "verdict": finding.verdict.value,
                "says": finding.says,
                "remedy": finding.remedy,
            }
        )
        return
    colours = {"good": Colour.GOOD, "care": Colour.CARE, "bad": Colour.BAD}
    words = f"{finding.verdict.value:<8}"
    rest = f"{finding.what:<{WHAT_COLUMNS}} {finding.says}"
    desk.paper.verdict(words, rest, colours.get(finding.verdict.value, Colour.PLAIN))
    if finding.remedy:
        desk.paper.line(f"{'':<10}{'':<{WHAT_COLUMNS}} Try: {finding.remedy}")
