"""In the place of a journal that did not open and cannot even be read: every word of it says why."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn, cast

from terminal.core.terms import JournalFault
from terminal.journal import opening
from terminal.journal.journal import Journal


def look_back(path: Path, fault: JournalFault) -> Journal:
    """The journal at `path`, which `fault` keeps from being written: to be read if that is possible."""
    try:
        return Journal.open_read_only(path, as_it_is=True)
    except JournalFault:
        return cast(Journal, Unreadable(path, fault))


class Unreadable:
    def __init__(self, path: Path, fault: JournalFault) -> None:
        self.path, self._fault = path, fault

    def takes_files(self) -> bool:
        return opening.takes_files(self.path)

    def close(self) -> None:
        """Nothing is open."""

    def __getattr__(self, word: str) -> NoReturn:
        raise self._fault
