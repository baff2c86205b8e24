"""`python -m tests.flows.hasty_line run ...`: the daemon with the bug of taking silence for "it never left". The
torture has to find it."""

from __future__ import annotations

import sys
from dataclasses import replace

from terminal.cli import main
from terminal.dispatcher.inbox import Inbox
from terminal.wire.http import HttpAnswer
from terminal.wire.line import Failure

_answered = Inbox.answered


def answered(inbox: Inbox, exchange: int, answer: HttpAnswer | Failure) -> None:
    never = replace(answer, left=False) if isinstance(answer, Failure) else answer
    _answered(inbox, exchange, never)


if __name__ == "__main__":
    Inbox.answered = answered  # type: ignore[method-assign]
    sys.exit(main())
