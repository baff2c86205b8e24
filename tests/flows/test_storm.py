"""Random sales while the gateway misbehaves in one request of five; `scripts/storm N` takes any number."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from terminal.bench.storm import Storm


@pytest.mark.parametrize("seed", [1, 2])
def test_journal_and_books_agree_on_every_order(tmp_path: Path, seed: int) -> None:
    with ExitStack() as stack:
        storm = Storm(tmp_path, 150, seed, stack)
        storm.run()
        assert storm.disagreements() == []
        assert storm.outcomes()["paid"] > 20
