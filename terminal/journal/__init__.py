"""Remembers. SQLite files, to which rows are only ever added.

The rules of this room:

1. **Journal, then act** (I1). `append` is one commit and one fsync. When it returns, the row survives a power
   cut; before it returns, no effect of it may leave the terminal. Only the dispatcher calls it.
2. **A row is what happened and the record it led to.** Recovery reads the last row of each open order
   (`live`); nothing is ever replayed to find out where an order stands.
3. **Rows are never changed.** Triggers refuse it, and each row carries a link: SHA-256 over the link before
   it and its own columns, beginning at the `install` row. `verify` names the first row that does not fit.
   The chain shows damage and clumsy hands; somebody with the file and this program can make a new one.
4. **The payment code is never here** (I11), only a keyed digest in the record. Scans and keys are no rows.
5. **What cannot be trusted is not used** (I14, I16). A journal that is damaged, of another terminal, newer
   than this program, or shorter than it once was, is refused before a byte of it is changed. A write that
   failed is not tried again: the object is dead, at most read on (`look_on`), the daemon goes out of
   service, and the next start looks at the file afresh.
6. **One writer** (I15): a lock file beside the journal, and SQLite's exclusive lock.
7. **`live` is a cache**: which orders are open. It is written in the same commit and can be made anew from
   the rows. It keeps recovery one small read, however long the journal grows.
8. **A full file is put away whole** (archive.py), never emptied: rows of long ago are read from there. The file
   that is written needs no older one to go on: a lost one costs refunds of its sales, not today's sales.

Files: `journal.db`; `-wal`, rows that are durable but not yet moved into it; `-lock`, who writes and how many
rows there were (lock.py); `-000000065536`, an older file that ends with that row. `-shm` may appear after
somebody has read it; it holds nothing of value.

Read `journal.py` (what the house calls), `archive.py`, `rows.py` (one file's rows), `records.py` (what a row
says), `opening.py` (what is refused and why), `lock.py`, `chain.py`, `faults.py`. `disk.py` is for tests and
measurements alone.
"""

from __future__ import annotations

from terminal.journal.faults import AlreadyRunning, ArchiveLost, ForeignJournal, NewerJournal
from terminal.journal.journal import Journal, Row, When

__all__ = [
    "AlreadyRunning",
    "ArchiveLost",
    "ForeignJournal",
    "Journal",
    "NewerJournal",
    "Row",
    "When",
]
