"""How soon each planted bug is found: `python -m tests.simulation.found [BUG ...]`, one JSON line per bug.

First by random stories (`sales` until the first broken rule), then by single misfortunes of base sales (`runs`).
"""

from __future__ import annotations

import json
import sys

import pytest

from terminal.bench.simulator.command import count
from terminal.bench.simulator.placements import Kinds, place
from tests.simulation.mutations import BUGS

SALES_MAX = 100_000
BASES_MAX = 20


def by_chance(sales_max: int) -> tuple[int, str | None]:
    """Sales until a rule broke, and which one; None: none did."""
    sales = seed = 0
    while sales < sales_max:
        seed += 1
        story = count(seed)
        sales += story.sales
        if story.broken:
            return sales, story.broken
    return sales, None


def by_enumeration(bases_max: int) -> int | None:
    """Stories with one misfortune until a rule broke."""
    runs = 0
    for base in range(1, bases_max + 1):
        placed = place(base, kinds=Kinds.SINGLES)
        runs += placed.first_broken or placed.runs
        if placed.broken:
            return runs
    return None


def main(names: list[str]) -> int:
    missed = 0
    for name in names or BUGS:
        with pytest.MonkeyPatch.context() as patch:
            BUGS[name](patch)
            sales, rule = by_chance(SALES_MAX)
            said = {
                "bug": name,
                "sales": sales if rule else None,
                "singles": by_enumeration(BASES_MAX),
            }
        missed += rule is None and said["singles"] is None
        print(json.dumps(said | {"rule": (rule or "").split(":")[0]}), flush=True)
    print(json.dumps({"bugs": len(names or BUGS), "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
