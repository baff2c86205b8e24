"""Is every row what was written, and would today's code write it again? (I17)

    chain   the row, or one before it, was changed by something else: its link does not fit
    step    the row before and the event lead to another record today: a rule has changed, or was broken then
    waits   only the times in the record differ: the settings of the gateway's timing were others then
    unread  the row does not hold what a row holds

Rows are taken in their order, from the first to the last, whatever file they lie in. How often and what was
asked just before (`Order.pace`) is not journalled, and steps that change nothing else are no rows; so a row
holds when any pace that may have been leads to it. Asked are core's tables, the dispatcher's way of opening an
order, and what it does with a fault of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import cast

from terminal.core import cpm, mpm, refund
from terminal.core.events import Carried, OrderEvent, SaleOpened
from terminal.core.sale import Ask, Order, Pace, Reason
from terminal.core.step import step
from terminal.core.table import attention
from terminal.core.terms import HouseFault, JournalFault, Mode
from terminal.core.timing import Timing
from terminal.journal import chain, rows
from terminal.journal.rows import Row

Raw = Sequence[object]
"""A row as it is written: `chain.COLUMNS`, then the link."""

TRIES = (0, 1, 2)  # no rule tells more of them apart
PACES = tuple(Pace(asked=ask, tries=tries) for ask in (None, *Ask) for tries in TRIES)
TIMES = ("until_ms", "payable_until_ms")


class Kind(Enum):
    CHAIN = "chain"
    STEP = "step"
    WAITS = "waits"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Difference:
    """`told`: each field of the record that differs, as (name, what was written, what today's code says)."""

    kind: Kind
    seq: int
    order_no: str
    event: str = ""
    told: tuple[tuple[str, str, str], ...] = ()
    why: str = ""


class Audit:
    """`take` every row of a journal in turn. `history(order_no)`: all rows of that order."""

    def __init__(
        self, install: Raw, timing: Timing, history: Callable[[str], Sequence[Raw]]
    ) -> None:
        self._seq, self._link = 0, chain.link(bytes(32), install)
        self._timing, self._history = timing, history
        self._open: dict[str, Order] = {}
        self.rows = 0

    def take(self, raw: Raw) -> Iterator[Difference]:
        *columns, link = raw
        seq, order_no = cast(int, columns[0]), str(columns[1])
        self._link, before, self._seq = cast(bytes, link), self._link, self._seq + 1
        self.rows += 1
        if seq != self._seq or self._link != chain.link(before, columns):
            self._seq = seq
            yield Difference(Kind.CHAIN, seq, order_no)
        try:
            row = rows.row_of_raw(raw)
            yield from self._again(row)
        except JournalFault as fault:
            yield Difference(Kind.UNREAD, seq, order_no, why=str(fault))

    def _again(self, row: Row) -> Iterator[Difference]:
        """Step it once more. What was written is what the next row goes on from."""
        written = row.order
        today = self._today(row)
        kept = written if today is None else replace(written, pace=today.pace)
        self._open[written.order_no] = kept
        if written.final:
            del self._open[written.order_no]
        if today != written:
            yield _difference(row, today)

    def _today(self, row: Row) -> Order | None:
        if isinstance(row.event, SaleOpened):
            return self._opened(row.order, row.event.at_ms)
        before = self._open.get(row.order.order_no) or self._last(row.order.order_no, row.seq)
        if before is None or isinstance(row.event, Carried):
            return before
        return _stepped(before, cast(OrderEvent, row.event), row.order, self._timing)

    def _opened(self, order: Order, at_ms: int) -> Order | None:
        """As the dispatcher opens it, from what it was asked for."""
        no, timing = order.order_no, self._timing
        if order.mode is Mode.MPM:
            return mpm.open_order(no, order.sale_no, order.amount, at_ms=at_ms, timing=timing)[0]
        if order.mode is Mode.CPM:
            code, wallet = order.code_digest or "", order.wallet
            return cpm.open_order(
                no, order.sale_no, order.amount,
                wallet=wallet, code_digest=code, at_ms=at_ms, timing=timing,
            )[0]  # fmt: skip
        original = self._last(order.of or "", None)
        if original is None:
            return None
        return refund.open_return(no, original, order.amount, order.mode, at_ms=at_ms)[0]

    def _last(self, order_no: str, before: int | None) -> Order | None:
        """How that order stood: for what happens to ended ones, which are not kept in mind."""
        history = [raw for raw in self._history(order_no) if before is None or raw[0] < before]  # type: ignore[operator]
        return rows.row_of_raw(history[-1]).order if history else None


def _stepped(before: Order, event: OrderEvent, written: Order, timing: Timing) -> Order:
    """What today's code makes of it, as near to `written` as any pace brings it."""
    first = _step(before, event, timing)
    if first == written:
        return first
    others = (_step(replace(before, pace=pace), event, timing) for pace in PACES)
    candidates = [first, *others]
    exact = (order for order in candidates if order == written)
    near = (order for order in candidates if _but_for_times(order, written))
    return next(exact, None) or next(near, first)


def _step(order: Order, event: OrderEvent, timing: Timing) -> Order:
    try:
        return step(order, event, timing)[0]
    except HouseFault as fault:
        return attention(order, event, Reason.FAULT, str(fault)[:80])[0]


def _but_for_times(today: Order, written: Order) -> bool:
    told = replace(today, until_ms=written.until_ms, payable_until_ms=written.payable_until_ms)
    return told == written


def _difference(row: Row, today: Order | None) -> Difference:
    event, written = type(row.event).__name__, row.order
    if today is None:
        why = "the journal has no row before it"
        return Difference(Kind.STEP, row.seq, written.order_no, event, why=why)
    told = tuple(
        (field.name, _said(getattr(written, field.name)), _said(getattr(today, field.name)))
        for field in fields(Order)
        if field.compare and getattr(written, field.name) != getattr(today, field.name)
    )
    kind = Kind.WAITS if _but_for_times(today, written) else Kind.STEP
    return Difference(kind, row.seq, written.order_no, event, told)


def _said(value: object) -> str:
    return str(value.value if isinstance(value, Enum) else value)
