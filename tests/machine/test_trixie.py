"""The newer Debian, in short: README's command as it stands, but for the camera, with the package built on the way.
A unit is made and takes its test sale; the same command again changes nothing, because the package that it builds
anew is the same to the byte.

The whole walk on it: SUITE=trixie .venv/bin/python -m pytest tests/machine/test_provision.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.conftest import Machine, booted, provision, without_eyes


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    yield from booted("trixie", tmp_path_factory.mktemp("machine"))


def test_a_unit_is_made_and_made_once(machine: Machine, credentials: Path, tmp_path: Path) -> None:
    lean = ("--profile", str(without_eyes(tmp_path)))
    told = provision(machine, None, credentials, *lean)
    assert ": paid" in told
    assert "Ready: " in told
    assert machine.says("systemctl is-active terminald") == "active"
    assert json.loads(machine.says("terminalctl status --json").splitlines()[0])["ok"] is True
    assert machine.says("python3 --version").startswith("Python 3.13.")
    assert "Ready, nothing changed" in provision(machine, None, credentials, *lean)


def test_udev_understands_its_rules(machine: Machine) -> None:
    """This udev has a word for it; bookworm's has none."""
    machine.shell("udevadm verify /usr/lib/udev/rules.d/70-counter-terminal.rules")
