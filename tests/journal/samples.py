"""Orders, events and whole sales to put into a journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from terminal.core.events import CodeIssued, Event, PaymentApproved, SaleOpened
from terminal.core.sale import Order, Phase
from terminal.core.terms import Mode, Money, mint_order_no
from terminal.journal import Journal, When, rows
from terminal.journal.archive import FILE_ROWS

TERMINAL = "AB12CD"
EPOCH = 777
BOOT = "3f1c2e9a-4a44-4f0b-9c0e-5a5e2f9d8a11"
QR = (
    "00020101021226580014A000000615000101068900530210000000000052045812530345802MY5913KEDAI KOPI SG"
    "6012KUALA LUMPUR62290525TAB12CD0000SR00000001ABCDEF6304A13A"
)
GATEWAY_REF = "2026112122001412345678901234"

Step = tuple[Order, Event]


def open_journal(
    path: Path, terminal: str = TERMINAL, epoch: int = EPOCH, file_rows: int = FILE_ROWS
) -> Journal:
    return Journal.open(
        path,
        terminal=terminal,
        chance=lambda: epoch,
        born="2026-11-21T05:29:00Z",
        file_rows=file_rows,
    )


def number(counter: int) -> str:
    return mint_order_no(TERMINAL, EPOCH, counter, 12345 * counter)


def when(at_ms: int) -> When:
    return When(BOOT, at_ms, "2026-11-21T05:29:00Z")


def opened(counter: int, *, sale: int | None = None, mode: Mode = Mode.MPM) -> Step:
    """The first step of the order with this counter."""
    at_ms = 1_000 * counter
    phase = Phase.REQUESTING if mode is Mode.MPM else Phase.SUBMITTING
    order = Order(
        order_no=number(counter),
        sale_no=number(sale or counter),
        mode=mode,
        amount=Money(1_250, "MYR"),
        phase=phase,
        opened_ms=at_ms,
        until_ms=at_ms + 30_000,
        wallet="tng" if mode is Mode.CPM else None,
        code_digest="c0ffee" * 10 + "c0de" if mode is Mode.CPM else None,
    )
    return order, SaleOpened(at_ms=at_ms)


def shown(order: Order) -> Step:
    at_ms = order.opened_ms + 400
    told = replace(
        order, phase=Phase.PRESENTING, qr=QR, gateway_ref=GATEWAY_REF, until_ms=at_ms + 180_000
    )
    return told, CodeIssued(at_ms=at_ms, code=QR, gateway_ref=GATEWAY_REF, life_ms=180_000)


def paid(order: Order) -> Step:
    at_ms = order.opened_ms + 9_000
    event = PaymentApproved(
        at_ms=at_ms, paid=order.amount, gateway_ref=GATEWAY_REF, approval="123456", wallet="tng"
    )
    told = replace(
        order,
        phase=Phase.PAID,
        paid=order.amount,
        approval="123456",
        gateway_ref=GATEWAY_REF,
        wallet="tng",
    )
    return told, event


def mpm_sale(counter: int) -> Iterator[Step]:
    """Three commits: opened, code issued, paid."""
    step = opened(counter)
    yield step
    step = shown(step[0])
    yield step
    yield paid(step[0])


def cpm_sale(counter: int) -> Iterator[Step]:
    """Two commits: opened, paid at once."""
    step = opened(counter, mode=Mode.CPM)
    yield step
    yield paid(step[0])


def append(journal: Journal, step: Step) -> int:
    order, event = step
    return journal.append(order, event, when(event.at_ms))


def fill(journal: Journal, rows: int) -> None:
    """That many rows, of MPM sales; the last sale may stay open."""
    counter = journal.orders_minted()
    while rows:
        counter += 1
        for step in mpm_sale(counter):
            if rows:
                append(journal, step)
                rows -= 1


class Hasty(Journal):
    """Commits only when it moves its -wal, and seldom: a long journal in a short time."""

    checkpoint_rows = 16_384

    def _commit(self, row: tuple[object, ...], order: Order) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        rows.insert(self._db, row, order)

    def _move_wal(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")
        super()._move_wal()
