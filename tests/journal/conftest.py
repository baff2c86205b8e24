from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.journal import Journal
from tests.journal.samples import open_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with open_journal(path) as journal:
        yield journal
