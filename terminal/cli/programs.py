"""`run`, and the programs of the bench: for `python -m terminal` rather than for a technician's fingers.

Each is imported only when it is asked for: they need packages that a terminal in a shop may not have.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from terminal.cli.desk import Desk

if TYPE_CHECKING:
    from argparse import _SubParsersAction

SETTINGS = "/etc/terminal/terminal.toml"


def add_to(words: _SubParsersAction[ArgumentParser], _shared: ArgumentParser) -> None:
    run = words.add_parser("run", help="be the daemon")
    run.add_argument("--config", type=Path, default=Path(SETTINGS), metavar="FILE", help=SETTINGS)
    run.set_defaults(do=run_daemon)
    # These read their own options and never come here; the help shall know them.
    words.add_parser("sandbox", help="be a gateway that plays with no real money", add_help=False)
    words.add_parser("demo", help="sandbox, daemon and page together", add_help=False)


def run_daemon(options: Namespace, _desk: Desk) -> int:
    from terminal.wiring import run

    return run(options.config)


def _sandbox(argv: list[str]) -> int:
    from terminal.bench.sandbox import main

    return main(argv)


def _demo(argv: list[str]) -> int:
    from terminal.bench.demo import main

    return main(argv)


WITH_OWN_OPTIONS: dict[str, Callable[[list[str]], int]] = {
    "sandbox": _sandbox,
    "demo": _demo,
}
