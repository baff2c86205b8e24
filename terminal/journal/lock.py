"""The file beside the journal: who writes, and how many rows there must be.

It is locked (flock) as long as a daemon has the journal open, so a second one is refused (I15, F94).

Its text says what SQLite cannot know by itself: a `-wal` that was deleted, an old copy put back or a journal
that vanished (F86, F88) all look to it like a shorter or an empty database. "in service" means that the last
daemon did not close the journal, so rows may stand in the `-wal` alone and it must be there. The number is
how many rows there were at the last opening or closing, and there may never be fewer. A person who has
reconciled the loss deletes this file to go on.
"""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path

from terminal.core.terms import JournalFault
from terminal.journal.faults import explain_os, held

_TEXT = re.compile(rb"(in service|closed    ) rows ([0-9]{19})\n")


def sync(path: Path) -> None:
    """Make a file, or the names in a directory, durable.

    Never a journal that SQLite has open: closing any handle of a file drops the process's locks on it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class Memory:
    """What the lock file remembers of the journal beside it."""

    in_service: bool = False
    rows: int = 0

    @classmethod
    def of(cls, path: Path) -> Memory:
        """As written at `path`; nothing when there is no such file or it is still empty."""
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise explain_os(error, path) from error
        found = _TEXT.fullmatch(text)
        if text and not found:
            raise JournalFault(
                f"{path} is damaged, so nobody knows whether rows of the journal are missing. "
                "Compare the last sales with the gateway's list, then delete this file."
            )
        return cls(found[1] == b"in service", int(found[2])) if found else cls()

    def __bytes__(self) -> bytes:
        # Always the same length: overwriting needs no space, so it works on a full disk too.
        return (
            f"{'in service' if self.in_service else 'closed    '} rows {self.rows:019}\n".encode()
        )


class Lock:
    """Held from `take` to `release`, or to the death of the process."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path, self._handle = path, handle
        self.memory = Memory.of(path)

    @classmethod
    def take(cls, path: Path, journal: Path) -> Lock:
        """AlreadyRunning when another process holds it."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise explain_os(error, journal) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(path, handle)
        except BlockingIOError as error:
            os.close(handle)
            raise held(journal) from error
        except BaseException:
            os.close(handle)
            raise

    def remember(self, memory: Memory) -> None:
        """Durable when it returns; and the names beside it first, since it may count on the -wal's."""
        try:
            sync(self._path.parent)
            os.pwrite(self._handle, bytes(memory), 0)
            os.fsync(self._handle)
        except OSError as error:
            raise explain_os(error, self._path) from error
        self.memory = memory

    def release(self) -> None:
        os.close(self._handle)
