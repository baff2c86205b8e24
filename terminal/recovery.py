"""The mark of a terminal that has lost its past: its journal is gone, and a new one was begun (I14).

The new journal's numbers cannot clash with the old ones: its epoch is drawn anew. But nobody here knows what
was sold and given back before, so nothing is given back until a person has compared this terminal with the
gateway and said so. The mark is written before the new journal is born and outlives every crash.
"""

from __future__ import annotations

import os
from pathlib import Path


class Recovery:
    """`begun`: the past is lost, and nobody has said that it was looked after."""

    def __init__(self, state_dir: Path) -> None:
        self._mark = state_dir / "recovery"
        self._journal = state_dir / "journal.db"
        self._lock = state_dir / "journal.db-lock"
        self._lived = state_dir / "code.key"  # made at the very first start, and never again

    @property
    def begun(self) -> bool:
        return self._mark.exists()

    def look(self) -> None:
        """Before the journal is opened: a terminal that has lived and has none has lost it. While its lock
        still tells of rows the journal is only missing, and opening it is refused: it may be put back."""
        gone = not self._journal.exists() and not self._lock.exists()
        if self._lived.exists() and gone:
            self._mark.touch(mode=0o600)
            self._sync()

    def end(self) -> None:
        """A person has compared the last sales with the gateway's list."""
        self._mark.unlink(missing_ok=True)
        self._sync()

    def _sync(self) -> None:
        handle = os.open(self._mark.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
