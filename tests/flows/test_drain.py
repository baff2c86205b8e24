"""A backlog drains through the real daemon at the real sandbox, and every order ends as the books say."""

from __future__ import annotations

from pathlib import Path

from terminal.bench.drain import Drain
from terminal.bench.stall import Pace, Stall
from terminal.dispatcher.outbox import PLACES

OPEN = 120
HURRIED = Pace(earliest_undo_s=1, grace_s=1, verify_s=3)


def test_every_open_order_comes_to_its_true_end(tmp_path: Path) -> None:
    drain = Drain(Stall(tmp_path, pace=HURRIED), latency_ms=20)
    try:
        seeded = drain.seed(OPEN)
        _, most_in_flight = drain.run(lambda _ms: None, timeout_s=300)
        assert most_in_flight <= PLACES
        assert not drain.stall.ask("backlog")["open"]
        assert drain.wrong(seeded) == []
        assert set(drain.ends(seeded)) == {"paid", "reversed"}
    finally:
        drain.stall.stop()
