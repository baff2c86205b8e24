"""Random sales while the gateway misbehaves in one request of five; `scripts/storm N` takes any number."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from terminal.bench.settings import ACCOUNTS
from terminal.bench.storm import Storm


@pytest.mark.parametrize("gateway", ACCOUNTS)
def test_journal_and_books_agree_on_every_order(tmp_path: Path, gateway: str) -> None:
    with ExitStack() as stack:
        storm = Storm(tmp_path, 100, 1, stack, gateway)
        storm.run()
        assert storm.disagreements() == []
        assert storm.outcomes()["paid"] > 20
