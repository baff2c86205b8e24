"""What a technician types over SSH: terminalctl, and `python -m terminal` for the programs around it.

The rules of this room:

1. It answers like a good colleague (counter.md): first the verdict, then what is wrong, then the command that
   mends it. Exit codes: 0 fine, 1 something needs attention, 2 wrong use.
2. It decides nothing and holds nothing: every word goes to the daemon through the control socket. Only the
   journal is also read from the disk, and only while no daemon runs.
3. `--json`: one JSON object per line on standard output and nothing else, errors too.
4. What came from outside (a gateway's words, a shop's title) is printed without its control characters.

One file per group of words (`words.py` knows them all); `paper.py` is what they write on. The daemon and the bench's
programs start from here too and carry none of it: a terminal in a shop has no memory to spare.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from terminal.cli.programs import PROGRAMS


def main(argv: Sequence[str] | None = None, prog: str = "terminalctl") -> int:
    """Do what was typed; the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv and (program := PROGRAMS.get(argv[0])):
        return program(argv[1:])
    from terminal.cli.words import typed

    return typed(argv, prog)
