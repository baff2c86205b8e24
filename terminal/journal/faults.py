"""What may be wrong with a journal, and what to do about it.

HouseFault (core.terms)
+-- JournalFault         not writable, damaged, or shorter than it was: out of service (I16)
    +-- AlreadyRunning   somebody else holds it: the daemon exits 75 (I15)
    +-- ForeignJournal   another terminal's (I14)
    +-- NewerJournal     written by a newer program (F93)
Refusal (core.terms)
+-- ArchiveLost          an older file cannot be read: what needs its rows is refused, sales go on
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from terminal.core.terms import JournalFault, Refusal


class AlreadyRunning(JournalFault):
    """Somebody else writes to, or is reading, this journal."""


class ForeignJournal(JournalFault):
    """The journal belongs to another terminal."""


class NewerJournal(JournalFault):
    """The journal's schema or a record in it is newer than this program."""


class ArchiveLost(Refusal):
    """Rows that were put away cannot be read."""


# SQLite's primary result codes -> what it means here and what helps.
_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full. Free some space: sudo journalctl --vacuum-size=20M",
    sqlite3.SQLITE_IOERR: "the disk answers with errors. Copy the journal away and replace the card",
    sqlite3.SQLITE_READONLY: "it cannot be written. Check that the file system is not mounted "
    "read-only (a worn-out card does that by itself: replace it) and who owns the file",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened. Check that the directory exists and who owns it",
    sqlite3.SQLITE_PERM: "it may not be opened. Check who owns the file",
    sqlite3.SQLITE_CORRUPT: "it is damaged. Keep a copy, restore the last good one, then reconcile",
    sqlite3.SQLITE_NOTADB: "it is no journal. Keep a copy, restore the last good one, then reconcile",
}
_HELD = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def explain(error: sqlite3.Error, path: Path) -> JournalFault:
    """The fault that an error of SQLite means, with the remedy in words."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the high bits only say which system call
    if code in _HELD:
        return held(path)
    advice = _ADVICE.get(
        code, "unexpected. Restart the daemon; if it stays, keep a copy and report it"
    )
    return JournalFault(f"Journal {path}: {advice}. ({error})")


def explain_os(error: OSError, path: Path) -> JournalFault:
    """The same for what the operating system refuses before SQLite is asked."""
    return JournalFault(
        f"Journal {path}: {error.strerror or error}. Check that its directory exists, is writable, "
        "and has space."
    )


def held(path: Path) -> AlreadyRunning:
    return AlreadyRunning(
        f"Journal {path} is in use by another process: is terminald running already? "
        "Ask it through terminalctl, or stop it first."
    )


def lost(path: Path, why: str) -> ArchiveLost:
    return ArchiveLost(
        f"Older rows of the journal cannot be read: {path.name}: {why}. Put that file back from a copy. "
        "Sales go on meanwhile."
    )
