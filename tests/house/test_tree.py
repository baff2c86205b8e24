"""The house rules hold, and each of them can fail."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("tree", Path(__file__).with_name("tree.py"))
assert _spec is not None
assert _spec.loader is not None
tree = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tree)

Rule = Callable[[Path], list[str]]


@pytest.mark.parametrize("rule", tree.RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds(rule: Rule) -> None:
    assert rule(ROOT / "terminal") == []


def test_no_mocks_of_our_own_modules() -> None:
    assert tree.mocks_of_our_own(ROOT / "tests") == []


@pytest.mark.parametrize(
    "line", ["from unittest.mock import Mock", "from unittest import mock", "import unittest.mock"]
)
def test_a_planted_mock_is_caught(line: str, tmp_path: Path) -> None:
    (tmp_path / "test_planted.py").write_text(line + "\n")
    assert tree.mocks_of_our_own(tmp_path)


PLANTED = {
    "clocks_in_pure_rooms": (
        "core/terms.py",
        "from datetime import datetime\nT = datetime.now()\n",
    ),
    "floats_near_money": ("core/terms.py", "RATE = 1.5\n"),
    "long_functions": ("core/terms.py", "def long():\n" + "    x = 1\n" * 71),
    "long_files": ("core/terms.py", "x = 1\n" * 601),
    "swallowed_errors": ("core/terms.py", "try:\n    x = 1\nexcept Exception:\n    pass\n"),
    "rooms_named_for_nothing": ("core/utils.py", ""),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_rule_catches_a_planted_trespass(name: str, tmp_path: Path) -> None:
    place, text = PLANTED[name]
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert getattr(tree, name)(tmp_path)


# -- the import floors, on a copy of the house with a trespass planted ---------------------------------------

TRESPASSES = {
    "time in the core": ("core/terms.py", "import time\n"),
    "requests in a gateway": ("gateways/paycloud/bodies.py", "import requests\n"),
    "the journal in a codec": ("gateways/paycloud/answers.py", "import terminal.journal\n"),
    "sqlite outside the journal": ("dispatcher/ring.py", "import sqlite3\n"),
    "a device named by the dispatcher": (
        "dispatcher/ring.py",
        "import terminal.devices.display.emulated\n",
    ),
    "upwards": ("core/terms.py", "import terminal.dispatcher\n"),
}


def lint_imports(place: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120)


@pytest.fixture
def copy_of_the_house(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "terminal", tmp_path / "terminal")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", TRESPASSES)
def test_the_floors_catch_a_planted_trespass(name: str, copy_of_the_house: Path) -> None:
    place, line = TRESPASSES[name]
    file = copy_of_the_house / "terminal" / place
    text = file.read_text()
    head = "from __future__ import annotations\n"
    assert head in text
    file.write_text(text.replace(head, head + line, 1))
    done = lint_imports(copy_of_the_house)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout


def test_the_floors_hold(copy_of_the_house: Path) -> None:
    done = lint_imports(copy_of_the_house)
    assert done.returncode == 0, done.stdout
