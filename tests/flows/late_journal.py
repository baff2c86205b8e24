"""`python -m tests.flows.late_journal run ...`: the daemon with the one bug that must never be: the effect first,
the row with the next row. The torture has to find it."""

from __future__ import annotations

import sys

from terminal import wiring
from terminal.cli import main
from terminal.core.events import Event
from terminal.core.sale import Order
from terminal.journal.journal import Journal, When


class LateJournal(Journal):
    waiting: tuple[Order, Event, When] | None = None

    def append(self, order: Order, event: Event, when: When) -> int:
        if self.waiting:
            super().append(*self.waiting)
        self.waiting = (order, event, when)
        return 0


if __name__ == "__main__":
    wiring.Journal = LateJournal  # type: ignore[misc]
    sys.exit(main())
