"""Every word of terminalctl, and what happens to one that was typed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from terminal import __version__
from terminal.cli import (
    backlog,
    bundle,
    check,
    doctor,
    gateway,
    journal,
    programs,
    reconcile,
    returns,
    sales,
    status,
    update,
)
from terminal.cli.desk import SOCKET, Desk, NotDone
from terminal.cli.paper import Paper
from terminal.control import Unanswered
from terminal.core.terms import Fault

FINE, ATTENTION, WRONG_USE = 0, 1, 2


def typed(argv: Sequence[str], prog: str) -> int:
    """Do it; the exit code."""
    try:
        options = _parser(prog).parse_args(argv)
    except SystemExit as end:  # argparse has said why, or has printed the help
        return WRONG_USE if end.code else FINE
    paper = Paper.of(sys.stdout, as_json=options.json)
    try:
        return _do(options, paper)
    except BrokenPipeError:  # `| head` has read enough; nothing more can be flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE


def _do(options: argparse.Namespace, paper: Paper) -> int:
    word: Callable[[argparse.Namespace, Desk], int] = options.do
    try:
        code = word(options, Desk(Path(options.socket), paper))
        sys.stdout.flush()
        return code
    except (NotDone, Unanswered) as reason:
        paper.sorry(reason.error, reason.remedy)
    except Fault as fault:
        paper.sorry(str(fault))
    except KeyboardInterrupt:
        paper.sorry("Interrupted.")
    return ATTENTION


def _parser(prog: str) -> argparse.ArgumentParser:
    """The options of all words may stand before or behind the word."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="The counter terminal's technician words. Exit codes: "
        "0 fine, 1 something needs attention, 2 wrong use.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    shared = argparse.ArgumentParser(add_help=False)
    for each, given in ((parser, True), (shared, False)):
        each.add_argument(
            "--socket",
            default=SOCKET if given else argparse.SUPPRESS,
            metavar="FILE",
            help=f"where the daemon listens ({SOCKET})",
        )
        each.add_argument(
            "--json",
            action="store_true",
            default=False if given else argparse.SUPPRESS,
            help="one JSON object per line",
        )
    words = parser.add_subparsers(metavar="WORD", required=True)
    for group in (
        status,
        doctor,
        sales,
        returns,
        backlog,
        journal,
        check,
        reconcile,
        bundle,
        update,
        gateway,
        programs,
    ):
        group.add_to(words, shared)
    return parser
