"""hardware/bench.toml: every driver it names is there and takes its options."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

PROFILE = Path(__file__).parents[2] / "hardware" / "bench.toml"
TABLES = [
    (kind, table)
    for kind, found in tomllib.loads(PROFILE.read_text()).items()
    for table in (found if isinstance(found, list) else [found])
]


@pytest.mark.parametrize(("kind", "table"), TABLES)
def test_the_driver_takes_the_options(kind: str, table: dict[str, object]) -> None:
    options = {key: value for key, value in table.items() if key != "driver"}
    driver = import_module(f"terminal.devices.{kind}.{table['driver']}")
    assert set(options) <= {field.name for field in fields(driver.Settings)}
    msgspec.convert(options, type=driver.Settings)
    assert callable(driver.Device)


def test_the_bench_has_everything_that_a_counter_has() -> None:
    kinds = [kind for kind, _ in TABLES]
    assert sorted(kinds) == ["buzzer", "camera", "display", "keypad", "scanner", "scanner"]
