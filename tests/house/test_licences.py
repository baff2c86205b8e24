"""Every dependency is pinned by its hashes, and what a unit carries is listed with its licence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house import licences

PERMISSIVE = {
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-0", "MIT-CMU", "HPND", "ISC", "MPL-2.0", "PSF-2.0",
    "ZPL-2.1", "Unlicense",
}  # fmt: skip


@pytest.mark.parametrize("lock", licences.LOCKS, ids=lambda path: path.name)
def test_every_dependency_is_pinned_by_its_hashes(lock: Path) -> None:
    assert licences.pinned(lock)
    assert list(licences.unpinned(lock)) == []


@pytest.mark.parametrize(
    "line",
    [
        "requests==2.34.2\n",
        "requests>=2 --hash=sha256:" + "0" * 64 + "\n",
        "git+https://example.test/requests\n",
        "requests==2.34.2 \\\n    --hash=sha256:0123\n",
    ],
)
def test_one_that_is_not_is_found(line: str, tmp_path: Path) -> None:
    lock = tmp_path / "unit.txt"
    lock.write_text(licences.UNIT.read_text("utf-8") + line, "utf-8")
    assert len(list(licences.unpinned(lock))) == 1


def test_the_list_is_that_of_the_lock_file() -> None:
    """Else: scripts/licences."""
    assert licences.PAGE.read_text("utf-8") == licences.text()


@pytest.mark.parametrize("name", licences.pinned(licences.UNIT))
def test_what_a_unit_carries_is_permissive(name: str) -> None:
    words = set(re.split(r" (?:AND|OR|WITH) |, |[()]", licences.licence(name))) - {""}
    assert words
    assert words <= PERMISSIVE
