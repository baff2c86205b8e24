"""`run`, and the programs of the bench: for `python -m terminal` rather than for a technician's fingers.

Each is imported only when it is asked for: they need packages that a terminal in a shop may not have.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, _SubParsersAction

SETTINGS = "/etc/terminal/terminal.toml"


def add_to(words: _SubParsersAction[ArgumentParser], _shared: ArgumentParser) -> None:
    """They read their own options and never come here; the help shall know them."""
    words.add_parser("run", help="be the daemon", add_help=False)
    words.add_parser("sandbox", help="be a gateway that plays with no real money", add_help=False)
    words.add_parser("demo", help="sandbox, daemon and page together", add_help=False)


def _run(argv: list[str]) -> int:
    """argparse stays with the daemon for ever (1.5 MiB with what it brings), so it is asked only when it must be."""
    match argv:
        case []:
            config = SETTINGS
        case ["--config", file] if not file.startswith("-"):
            config = file
        case _:
            try:
                config = _typed(argv)
            except SystemExit as end:  # argparse has said why, or has printed the help
                return 2 if end.code else 0
    from terminal.wiring import run

    return run(Path(config))


def _typed(argv: list[str]) -> str:
    from argparse import ArgumentParser

    parser = ArgumentParser(prog="terminal run", description="Be the daemon.")
    parser.add_argument("--config", default=SETTINGS, metavar="FILE", help=SETTINGS)
    config: str = parser.parse_args(argv).config
    return config


def _sandbox(argv: list[str]) -> int:
    from terminal.bench.sandbox import main

    return main(argv)


def _demo(argv: list[str]) -> int:
    from terminal.bench.demo import main

    return main(argv)


PROGRAMS: dict[str, Callable[[list[str]], int]] = {
    "run": _run,
    "sandbox": _sandbox,
    "demo": _demo,
}
