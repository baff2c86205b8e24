"""The sandbox's books on disk: SQLite, one connection, one lock. Pages in and out, no rules.

WAL with synchronous=NORMAL: what was committed survives a kill -9 of this process, which is all a pretended
gateway needs (a power cut could take the last commits with it). A commit stands before every answer.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from terminal.bench.sandbox.entries import (
    Change,
    Decline,
    Notice,
    Order,
    PayerCode,
    Refund,
    State,
)
from terminal.core.terms import HouseFault, Mode, Money, Refusal

_VERSION = 2  # of the schema; books of a sandbox are not carried over
_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
  order_no TEXT PRIMARY KEY, trans_no TEXT NOT NULL UNIQUE, merchant TEXT NOT NULL, mode TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, wallet TEXT NOT NULL,
  state TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, qr TEXT NOT NULL,
  reason TEXT, captured INTEGER NOT NULL, returned INTEGER NOT NULL, ended_ms INTEGER NOT NULL,
  changed INTEGER NOT NULL, notes TEXT NOT NULL,
  CHECK (0 <= returned AND returned <= captured)) STRICT;
CREATE INDEX IF NOT EXISTS orders_changed ON orders (changed);
CREATE INDEX IF NOT EXISTS orders_open ON orders (expires_ms) WHERE state IN ('waiting', 'paying');
CREATE UNIQUE INDEX IF NOT EXISTS orders_qr ON orders (qr) WHERE qr <> '';
CREATE TABLE IF NOT EXISTS refunds (
  refund_no TEXT PRIMARY KEY, trans_no TEXT NOT NULL, order_no TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL, done_ms INTEGER NOT NULL,
  failed INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS refunds_order ON refunds (order_no);
CREATE TABLE IF NOT EXISTS codes (
  code TEXT PRIMARY KEY, wallet TEXT NOT NULL, behaviour TEXT NOT NULL, expires_ms INTEGER NOT NULL,
  order_no TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS balances (
  wallet TEXT NOT NULL, currency TEXT NOT NULL, minor INTEGER NOT NULL CHECK (minor >= 0),
  PRIMARY KEY (wallet, currency)) STRICT;
CREATE TABLE IF NOT EXISTS changes (
  number INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, order_no TEXT NOT NULL,
  what TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, delta INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS changes_order ON changes (order_no);
CREATE TABLE IF NOT EXISTS tombstones (order_no TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS notices (
  number INTEGER PRIMARY KEY AUTOINCREMENT, told TEXT NOT NULL, refund_no TEXT NOT NULL,
  due_ms INTEGER NOT NULL, tries INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS notices_due ON notices (due_ms);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class Store:
    """The pages. Everything but `writing` wants to be called inside `with store.writing():`."""

    def __init__(self, path: Path) -> None:
        self._turned = threading.Condition(threading.RLock())  # notified when a page was written
        self.closed = False
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA synchronous=NORMAL")
        if self._db.execute("PRAGMA journal_mode=WAL").fetchone()[0] not in ("wal", "memory"):
            raise HouseFault(f"{path}: this place cannot hold the sandbox's books (no WAL there)")
        (pages,) = self._db.execute("PRAGMA user_version").fetchone()
        if pages != _VERSION and self._db.execute("SELECT 1 FROM sqlite_schema").fetchone():
            raise Refusal(f"{path}: another version wrote these books. Move the directory away.")
        self._db.execute(f"PRAGMA user_version={_VERSION}")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._turned:
            self.closed = True
            self._db.close()
            self._turned.notify_all()

    def wait(self, timeout_s: float, until: Callable[[], bool] | None = None) -> bool:
        """For the next page that is written, or until something stands in them; False: nothing came."""
        with self._turned:
            if until:
                return self._turned.wait_for(until, timeout_s)
            return self.closed or self._turned.wait(timeout_s)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or nothing, one at a time."""
        with self._turned:
            pages = self._db.total_changes
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            if self._db.total_changes != pages:
                self._turned.notify_all()

    # -- orders ------------------------------------------------------------------------------------

    def order(self, order_no: str) -> Order | None:
        return self._one_order("order_no = ?", order_no)

    def order_of_trans(self, trans_no: str) -> Order | None:
        return self._one_order("trans_no = ?", trans_no)

    def order_of_qr(self, qr: str) -> Order | None:
        return self._one_order("qr = ? AND qr <> ''", qr)

    def another_order(self, order_no: str) -> Order | None:
        """Somebody else's order, best a paid one."""
        return self._one_order("order_no <> ? ORDER BY state = 'paid' DESC, changed DESC", order_no)

    def orders_since(self, changed: int, limit: int) -> list[Order]:
        sql = "SELECT * FROM orders WHERE changed > ? ORDER BY changed LIMIT ?"
        return [_order(row) for row in self._db.execute(sql, (changed, limit))]

    def orders_due(self, now_ms: int) -> list[Order]:
        """Open orders whose time is over."""
        sql = "SELECT * FROM orders WHERE state IN ('waiting', 'paying') AND expires_ms <= ?"
        return [_order(row) for row in self._db.execute(sql, (now_ms,))]

    def put_order(self, order: Order) -> None:
        """Write the order as it now is, over what it was."""
        row = _row(order)
        # Not REPLACE: a clash of another unique column must be an error, not the end of somebody's order.
        self._db.execute("DELETE FROM orders WHERE order_no = ?", (order.order_no,))
        self._db.execute(f"INSERT INTO orders VALUES ({','.join('?' * len(row))})", row)  # noqa: S608  # nosec B608

    def _one_order(self, where: str, word: str) -> Order | None:
        row = self._db.execute(f"SELECT * FROM orders WHERE {where} LIMIT 1", (word,)).fetchone()  # noqa: S608  # nosec B608
        return _order(row) if row else None

    # -- refunds, tombstones -----------------------------------------------------------------------

    def refund(self, refund_no: str) -> Refund | None:
        return self._one_refund("refund_no", refund_no)

    def refund_of_trans(self, trans_no: str) -> Refund | None:
        return self._one_refund("trans_no", trans_no)

    def refunds_of(self, order_no: str) -> list[Refund]:
        sql = "SELECT * FROM refunds WHERE order_no = ? ORDER BY rowid"
        return [_refund(row) for row in self._db.execute(sql, (order_no,))]

    def put_refund(self, refund: Refund) -> None:
        row = (
            *(refund.refund_no, refund.trans_no, refund.order_no),
            *(refund.amount.minor, refund.amount.currency),
            *(refund.done_ms, int(refund.failed), refund.reason),
        )
        self._db.execute("INSERT INTO refunds VALUES (?,?,?,?,?,?,?,?)", row)

    def _one_refund(self, column: str, word: str) -> Refund | None:
        row = self._db.execute(f"SELECT * FROM refunds WHERE {column} = ?", (word,)).fetchone()  # noqa: S608  # nosec B608
        return _refund(row) if row else None

    def bury(self, order_no: str, at_ms: int) -> None:
        self._db.execute("INSERT OR IGNORE INTO tombstones VALUES (?,?)", (order_no, at_ms))

    def is_buried(self, order_no: str) -> bool:
        sql = "SELECT 1 FROM tombstones WHERE order_no = ?"
        return self._db.execute(sql, (order_no,)).fetchone() is not None

    # -- customers ---------------------------------------------------------------------------------

    def code(self, code: str) -> PayerCode | None:
        row = self._db.execute("SELECT * FROM codes WHERE code = ?", (code,)).fetchone()
        return PayerCode(*row) if row else None

    def put_code(self, code: PayerCode) -> None:
        row = (code.code, code.wallet, code.behaviour, code.expires_ms, code.order_no)
        self._db.execute("REPLACE INTO codes VALUES (?,?,?,?,?)", row)

    def balance(self, wallet: str, currency: str) -> int | None:
        sql = "SELECT minor FROM balances WHERE wallet = ? AND currency = ?"
        row = self._db.execute(sql, (wallet, currency)).fetchone()
        return int(row[0]) if row else None

    def put_balance(self, wallet: str, currency: str, minor: int) -> None:
        self._db.execute("REPLACE INTO balances VALUES (?,?,?)", (wallet, currency, minor))

    # -- history, notices, kept words --------------------------------------------------------------

    def add_change(
        self, at_ms: int, order_no: str, what: str, before: str, after: str, delta_minor: int
    ) -> int:
        """The number of the new entry."""
        row = (at_ms, order_no, what, before, after, delta_minor)
        return int(
            self._db.execute(
                "INSERT INTO changes (at_ms, order_no, what, before, after, delta)"
                " VALUES (?,?,?,?,?,?) RETURNING number",
                row,
            ).fetchone()[0]
        )

    def changes_of(self, order_no: str) -> list[Change]:
        sql = "SELECT * FROM changes WHERE order_no = ? ORDER BY number"
        return [Change(*row) for row in self._db.execute(sql, (order_no,))]

    def last_change(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(number), 0) FROM changes").fetchone()[0])

    def add_notice(self, order: Order, refund_no: str, due_ms: int) -> None:
        row = (json.dumps(_row(order)), refund_no, due_ms)
        self._db.execute(
            "INSERT INTO notices (told, refund_no, due_ms, tries) VALUES (?,?,?,0)", row
        )

    def next_notice(self) -> Notice | None:
        sql = "SELECT * FROM notices ORDER BY due_ms, number LIMIT 1"
        row = self._db.execute(sql).fetchone()
        if not row:
            return None
        number, told, *rest = row
        return Notice(number, _order(json.loads(told)), *rest)

    def put_off(self, number: int, due_ms: int) -> None:
        sql = "UPDATE notices SET due_ms = ?, tries = tries + 1 WHERE number = ?"
        self._db.execute(sql, (due_ms, number))

    def drop_notice(self, number: int) -> None:
        self._db.execute("DELETE FROM notices WHERE number = ?", (number,))

    def kept(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def keep(self, name: str, value: str) -> None:
        self._db.execute("REPLACE INTO kept VALUES (?,?)", (name, value))


def _row(order: Order) -> tuple[Any, ...]:
    return (
        *(order.order_no, order.trans_no, order.merchant, order.mode.value),
        *(order.amount.minor, order.amount.currency, order.wallet, order.state.value),
        *(order.created_ms, order.expires_ms, order.qr, order.reason and order.reason.value),
        *(order.captured_minor, order.returned_minor, order.ended_ms, order.changed),
        json.dumps(dict(order.notes)),
    )


def _order(row: Sequence[Any]) -> Order:
    (order_no, trans_no, merchant, mode, minor, currency, wallet, state, created_ms, expires_ms, qr,
     reason, captured, returned, ended_ms, changed, notes) = row  # fmt: skip
    return Order(
        *(order_no, trans_no, merchant, Mode(mode), Money(minor, currency), wallet, State(state)),
        *(created_ms, expires_ms, qr, Decline(reason) if reason else None),
        *(captured, returned, ended_ms, changed, json.loads(notes)),
    )


def _refund(row: tuple[Any, ...]) -> Refund:
    refund_no, trans_no, order_no, minor, currency, done_ms, failed, reason = row
    money = Money(minor, currency)
    return Refund(refund_no, trans_no, order_no, money, done_ms, bool(failed), reason)
