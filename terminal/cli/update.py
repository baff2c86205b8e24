"""`update`: another release, signed, on probation; and what terminal-update.service runs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from terminal.cli.desk import Desk, NotDone
from terminal.cli.paper import Colour

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    word = words.add_parser("update", parents=[shared], help="run another release, if it is well")
    word.add_argument(
        "source", metavar="FILE|URL", help="a signed package, or where it lies (https)"
    )
    word.add_argument(
        "--sha256", default="", metavar="HEX", help="of the file, instead of a signature"
    )
    word.add_argument("--downgrade", action="store_true", help="an older one is meant")
    word.set_defaults(do=update)
    service = words.add_parser("change-over", parents=[shared], help="(terminal-update.service)")
    service.set_defaults(do=change_over)


def update(options: Namespace, desk: Desk) -> int:
    from terminal import __version__
    from terminal.update import NotUpdated, Wanted, update

    def say(text: str) -> None:
        if not desk.paper.as_json:
            desk.paper.line(text)

    wanted = Wanted(options.source, options.sha256, options.downgrade)
    try:
        version = update(wanted, desk.socket, say)
    except NotUpdated as no:
        raise NotDone(no.error, no.remedy) from None
    if desk.paper.as_json:
        desk.paper.data({"ok": True, "version": version, "before": __version__})
    else:
        desk.paper.verdict("Updated", f"{version} runs", Colour.GOOD)
    return 0


def change_over(_options: Namespace, desk: Desk) -> int:
    from terminal.update import probation

    return probation.change_over(Path(desk.socket))
