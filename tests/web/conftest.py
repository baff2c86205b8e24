from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.house import House
from tests.web.vendor import NAMES


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as house:
        yield house


@pytest.fixture(params=NAMES)
def any_house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    """One for each gateway that we ship."""
    with House(tmp_path, request.param) as house:
        yield house
