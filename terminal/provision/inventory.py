"""Many units, several at a time. The file, one block per unit; [all] holds for those that say nothing else:

[all]
profile = "zero2w-oled"
gateway = "paycloud"
[[unit]]
host = "pi@10.0.0.21"
credentials = "A1B2C3.toml"
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from terminal.provision.order import Wish

KEYS = {"host", "profile", "gateway", "credentials", "package", "port", "read_only_root"}
NEEDED = {"host", "profile", "gateway", "credentials"}


def all_of(file: Path, wanted: argparse.Namespace) -> int:
    """Provision every unit of the file; a table at the end. Exit code 0 when all are as wished."""
    try:
        wishes = read(file, wanted)
    except (OSError, ValueError) as error:
        print(f"provision: {file}: {error}")
        return 2
    with ThreadPoolExecutor(max(1, wanted.at_once)) as pool:
        ends = list(pool.map(_one, wishes))
    width = max(len(wish.host) for wish in wishes)
    for wish, (code, words) in zip(wishes, ends, strict=True):
        print(f"{wish.host:<{width}}  {'ready ' if code == 0 else 'FAILED'}  {words}")
    failed = sum(code != 0 for code, _ in ends)
    print(
        f"{len(ends) - failed} of {len(ends)} are ready."
        + (" Run it again for the others." if failed else "")
    )
    return 1 if failed else 0


def read(file: Path, wanted: argparse.Namespace) -> list[Wish]:
    """The wishes; ValueError with what is wrong. Paths are relative to the file."""
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    units = tables.get("unit", [])
    if not units:
        raise ValueError("there is no [[unit]] in it.")
    return [
        _wish(number, {**tables.get("all", {}), **unit}, file, wanted)
        for number, unit in enumerate(units, 1)
    ]


def _wish(number: int, row: Mapping[str, Any], file: Path, wanted: argparse.Namespace) -> Wish:
    if strange := sorted(row.keys() - KEYS):
        raise ValueError(
            f"unit {number}: {strange[0]} is not known. Possible: {', '.join(sorted(KEYS))}."
        )
    if missing := sorted(NEEDED - row.keys()):
        raise ValueError(f"unit {number}: {missing[0]} is missing.")
    paths = {key: file.parent / row[key] for key in ("credentials", "package") if key in row}
    profile = file.parent / row["profile"]
    return Wish(
        host=row["host"], gateway=row["gateway"], port=row.get("port", 22),
        profile=profile if profile.is_file() else Path(row["profile"]),
        credentials=paths["credentials"], package=paths.get("package", wanted.package),
        ssh=tuple(wanted.ssh), dry_run=wanted.dry_run, trial=not wanted.no_trial,
        read_only_root=row.get("read_only_root", wanted.read_only_root),
    )  # fmt: skip


def _one(wish: Wish) -> tuple[int, str]:
    from terminal.provision import one

    def say(text: str) -> None:
        said.append(text)
        print("\n".join(f"{wish.host}: {line}" for line in text.splitlines()), flush=True)

    said: list[str] = []
    code = one(wish, say)
    last = [line for line in said if not line.startswith("+")][-1] if said else ""
    return code, last.splitlines()[0] if last else ""
