"""kill -9 at any moment: every row that was acknowledged is there (I1)."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

from terminal.journal import Journal
from tests.journal.children import start
from tests.journal.samples import append, cpm_sale, number, open_journal

KILLS = 250
ROWS_MAX = 12  # acknowledged before the kill


def work(path: Path, pipe: int) -> None:
    """The daemon: sales for ever, and a word after each commit."""
    journal = open_journal(path)
    counter = journal.orders_minted()
    while True:
        counter += 1
        for step in cpm_sale(counter):
            os.write(pipe, append(journal, step).to_bytes(8, "big"))


def killed_after(path: Path, acks: int, spin: int) -> int:
    """Start it, wait for that many words, kill it a moment later; the last row it acknowledged, or 0."""
    reader, writer = os.pipe()
    child = start(lambda: work(path, writer))
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read(8 * acks)
        for _ in range(spin):
            pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said += pipe.read()
    return int.from_bytes(said[-8:], "big") if said else 0


def check(journal: Journal, acked: int) -> int:
    """All rows up to `acked` are there and at most one more, with the open orders they imply."""
    newest = journal.tail(1)
    rows = newest[0].seq if newest else 0
    assert acked <= rows <= acked + 1
    assert [row.order.order_no for row in journal.live()] == (
        [number((rows + 1) // 2)] if rows % 2 else []
    )
    return rows


def test_kill_at_any_moment(path: Path) -> None:
    dice = random.Random(14)
    rows = 0
    open_journal(path).close()
    for kill in range(KILLS):
        if rows % 2:  # the killed order stays open for ever; end it, so that the next one is alone
            rows = end_the_open_one(path)
        acked = killed_after(path, dice.randrange(ROWS_MAX), dice.randrange(40_000))
        if kill % 5 == 0:
            with open_journal(path) as journal:
                rows = check(journal, max(acked, rows))
        else:
            with Journal.open_read_only(path) as journal:
                rows = check(journal, max(acked, rows))
    with open_journal(path) as journal:
        assert journal.verify() is None
    assert rows > KILLS


def end_the_open_one(path: Path) -> int:
    with open_journal(path) as journal:
        counter = journal.orders_minted()
        _, end = cpm_sale(counter)
        return append(journal, end)
