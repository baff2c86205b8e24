"""What the device tests share: a short run directory, and waiting for a condition instead of for a time."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE_S = 30.0

Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def run() -> Iterator[Path]:
    """A directory with a short name: a unix socket's path has 107 characters at most."""
    with tempfile.TemporaryDirectory(prefix="run", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def until() -> Until:
    """Wait until the condition holds; the test fails when it never does."""
    turn = threading.Event()

    def wait(condition: Callable[[], object]) -> None:
        for _ in range(int(PATIENCE_S / 0.005)):
            if condition():
                return
            turn.wait(0.005)
        pytest.fail("the condition never held")

    return wait
