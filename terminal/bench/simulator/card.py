"""The journal in RAM: the face of `terminal.journal.Journal` and the same texts, on a card that outlives the power.

Every row is written with journal/records.py and read back from its text before anything may rely on it, so
what a record cannot carry is lost here as it would be on the disk (I17).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from terminal.core.events import Event, SaleOpened
from terminal.core.sale import Order
from terminal.core.terms import HouseFault, JournalFault
from terminal.journal import Row, When
from terminal.journal.records import event_of, event_text, order_of, record_text


class PowerCut(BaseException):
    """The process is gone. Not an Exception: nothing in the house may catch it."""


READ_AGAIN = 10_000  # thousands of stories begin with the same rows
_order_of, _event_of = lru_cache(READ_AGAIN)(order_of), lru_cache(READ_AGAIN)(event_of)

Fate = Callable[[], str]
"""What becomes of a commit: "", "cut before", "cut after", "fault before" or "fault after" it is durable."""


class Card:
    """`born`: nothing is on it. `reopen` is what a restart does."""

    epoch = 7
    born_now = False
    cramped = False

    def __init__(self, terminal: str, fate: Fate, committed: Callable[[Row], None]) -> None:
        self.terminal = terminal
        self.rows: list[Row] = []
        self.texts: list[str] = []
        self._of: dict[str, list[Row]] = {}
        self._live: dict[str, Row] = {}  # oldest first
        self._opened: list[str] = []
        self._fate, self._committed = fate, committed
        self._dead = False

    def reopen(self) -> None:
        self._dead = False

    def close(self) -> None:
        self._dead = True

    def rebuild_live(self) -> int:
        return len(self._live)

    def verify(self) -> int | None:
        return None

    def tidy(self) -> bool:
        return False

    # -- write ---------------------------------------------------------------------------------------------

    def append(self, order: Order, event: Event, when: When) -> int:
        self._alive()
        if order.order_no in self._of and isinstance(event, SaleOpened):
            raise HouseFault(f"order number {order.order_no} was used before (I14)")
        said, record = event_text(event), record_text(order)
        fate = self._fate()
        if fate == "cut before":
            raise PowerCut(fate)
        if fate == "fault before":
            self._fail()
        read = _order_of(record, order.order_no, order.sale_no, order.phase.value)
        self._write(Row(len(self.rows) + 1, read, _event_of(said), when), said, record)
        if fate == "cut after":
            raise PowerCut(fate)
        if fate == "fault after":
            self._fail()
        return len(self.rows)

    def _write(self, row: Row, said: str, record: str) -> None:
        order = row.order
        if order.order_no not in self._of:
            self._opened.append(order.order_no)
        self.rows.append(row)
        self.texts.append(f"{order.order_no} {order.phase.value} {said} {record}")
        self._of.setdefault(order.order_no, []).append(row)
        if order.final:
            self._live.pop(order.order_no, None)
        else:
            self._live[order.order_no] = row
        self._committed(row)

    def _fail(self) -> None:
        self._dead = True
        raise JournalFault("the card does not answer")

    def _alive(self) -> None:
        if self._dead:
            raise JournalFault("the card does not answer")

    # -- read ----------------------------------------------------------------------------------------------

    def orders_minted(self) -> int:
        self._alive()
        return len(self._opened)

    def live(self) -> list[Row]:
        return list(self._live.values())

    def last(self) -> Row | None:
        return self._of[self._opened[-1]][-1] if self._opened else None

    def order(self, order_no: str) -> Row | None:
        return self._of[order_no][-1] if order_no in self._of else None

    def history(self, order_no: str) -> list[Row]:
        return list(self._of.get(order_no, ()))

    def sale(self, sale_no: str) -> list[Row]:
        lasts = [rows[-1] for rows in self._of.values() if rows[-1].order.sale_no == sale_no]
        return sorted(lasts, key=lambda row: row.order.order_no)

    def tail(self, limit: int, before: int | None = None) -> list[Row]:
        lasts = sorted((rows[-1] for rows in self._of.values()), key=lambda row: -row.seq)
        return [row for row in lasts if before is None or row.seq < before][:limit]
