-- One file of a terminal's journal. Rows are only ever added (rule 3 of this room).
-- A change here is a new user_version, and opening.py must know the way from the old one.

CREATE TABLE install (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    terminal TEXT    NOT NULL,
    epoch    INTEGER NOT NULL,  -- drawn at birth: part of every order number (I14)
    born     TEXT    NOT NULL   -- UTC, only a label
) STRICT;

-- The last row of the file that was put away before this one was begun; empty in the first one (archive.py).
CREATE TABLE archived (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    seq    INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    link   BLOB    NOT NULL
) STRICT;

CREATE TABLE journal (
    seq      INTEGER PRIMARY KEY,  -- 1, 2, 3 ... without a gap, going on from file to file
    order_no TEXT    NOT NULL,
    sale_no  TEXT    NOT NULL,
    opened   INTEGER NOT NULL,     -- orders opened so far, this row's included
    utc      TEXT    NOT NULL,     -- only a label: the wall clock decides nothing (I12)
    boot_id  TEXT    NOT NULL,
    at_ms    INTEGER NOT NULL,     -- boot time
    phase    TEXT    NOT NULL,
    event    TEXT    NOT NULL,     -- JSON, records.py
    record   TEXT    NOT NULL,     -- JSON, records.py
    link     BLOB    NOT NULL      -- chain.py
) STRICT;

CREATE INDEX journal_order ON journal (order_no);
-- Few sales have a second order; only those cost a write here.
CREATE INDEX journal_sale ON journal (sale_no) WHERE sale_no <> order_no;

-- Which orders are open, and by which row they became so. A cache; see rule 7.
CREATE TABLE live (
    order_no TEXT    PRIMARY KEY,
    seq      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER journal_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: a row is never changed'); END;

CREATE TRIGGER journal_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: a row is never deleted'); END;

-- Also stops INSERT OR REPLACE, which deletes without asking the trigger above.
CREATE TRIGGER journal_follows BEFORE INSERT ON journal
WHEN NEW.seq <> (SELECT coalesce(max(seq), (SELECT seq FROM archived), 0) + 1 FROM journal)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: a row follows the last one'); END;

CREATE TRIGGER install_once BEFORE INSERT ON install
WHEN EXISTS (SELECT 1 FROM install)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: it is installed once'); END;

CREATE TRIGGER install_update BEFORE UPDATE ON install
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: its owner is never changed'); END;

CREATE TRIGGER install_delete BEFORE DELETE ON install
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: its owner is never deleted'); END;

CREATE TRIGGER archived_once BEFORE INSERT ON archived
WHEN EXISTS (SELECT 1 FROM archived) OR EXISTS (SELECT 1 FROM journal)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: it is begun once'); END;

CREATE TRIGGER archived_update BEFORE UPDATE ON archived
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: its beginning is never changed'); END;

CREATE TRIGGER archived_delete BEFORE DELETE ON archived
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: its beginning is never deleted'); END;

PRAGMA application_id = 0x51524A4C;  -- "QRJL"
PRAGMA user_version = 2;
