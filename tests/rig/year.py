"""A year of the real daemon: `scripts/torture year DAYS`. A guest whose clock jumps while everybody waits plays so
many days at one counter: each with a start of the daemon, sales against the sandbox, sometimes a kill -9 among
them, and a stop at night (year_job.py).

At the end journal against books, `terminalctl check` and `reconcile`. On the way it is watched what the daemon
holds: memory at the end of a day, over the year and within a life, open files, threads, rows in the file that is
written.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

from terminal.bench.simulator.year import GROWTH_MAX_KIB, HOT_ROWS_MAX
from tests.rig import kernel
from tests.rig.guest import Guest

Day = dict[str, Any]
DAYS = 365
SALES_PER_DAY = 10
WARM_DAYS, SEASON_DAYS = 30, 30
WARM_ORDERS = 1_000  # of a life: by then the journal's 2 MiB of cached pages are full
LONG_ORDERS = 1_500  # a life with more tells how memory grows within one
MEMORY_MIB = 1_024
DAY_TIMEOUT_S, ORDER_TIMEOUT_S = 120.0, 2.0
LOOK_S = 0.5
TOLD_EVERY_DAYS = 10


def played(share: Path, days: int, sales: int, seed: int) -> tuple[list[Day], dict[str, Any]]:
    """What the guest said of each day, and in the end. RuntimeError with its words when it did not come so far."""
    words = [sys.executable, "-m", "tests.rig.year_job", str(days), str(sales), str(seed)]
    timeout_s = (days + 1) * (DAY_TIMEOUT_S + sales * ORDER_TIMEOUT_S)
    with Guest(
        kernel.find().linux,
        words,
        share,
        memory_mib=MEMORY_MIB,
        arguments=["time-travel=inf-cpu"],
        environment={"PYTHONPATH": str(kernel.PROJECT)},
    ) as guest:
        deadline_s, told = time.monotonic() + timeout_s, 0
        while guest.runs and time.monotonic() < deadline_s:
            time.sleep(LOOK_S)
            for day in list(said_of(share))[told:]:
                told += 1
                if told % TOLD_EVERY_DAYS == 0:
                    print(f"{day['closed']}: {day['orders']} orders", file=sys.stderr, flush=True)
        if guest.runs or guest.wait(0):
            raise RuntimeError(f"the guest did not come to the end:\n{guest.output()}")
    return list(said_of(share)), json.loads((share / "result").read_text())


def said_of(share: Path) -> Iterator[Day]:
    try:
        whole, _, _ = (share / "days").read_text().rpartition("\n")
    except FileNotFoundError:
        return
    for line in whole.splitlines():
        yield json.loads(line)


# -- what it came to ---------------------------------------------------------------------------------------


def grown(days: list[Day], what: str) -> float | None:
    """What the daemon holds at the end of a day: the last month's beyond the second's. None: too short a year."""
    held = [day[what] for day in days if not day["cold"]]  # a forked daemon holds more
    if len(held) < WARM_DAYS + 2 * SEASON_DAYS:
        return None
    return median(held[-SEASON_DAYS:]) - median(held[WARM_DAYS : WARM_DAYS + SEASON_DAYS])


def slope_kib(days: list[Day]) -> float | None:
    """How memory grows within the longest life, in KiB for each 1,000 orders. None: no life was long."""
    looks = max((day["kib"] for day in days), key=lambda kib: kib[-1][0])
    if looks[-1][0] < LONG_ORDERS:
        return None
    warm = [(orders, kib) for orders, kib in looks if orders >= WARM_ORDERS]
    return round(1_000 * linear_regression(*zip(*warm, strict=True)).slope, 1)


def figures(days: list[Day], result: dict[str, Any]) -> dict[str, object]:
    kinds = [odd.partition(":")[0] for odd in result["odd"]]
    hot_rows = max(day["hot_rows"] for day in days)
    growth_kib, within_kib = grown(days, "rss_kib"), slope_kib(days)
    failed = [*result["odd"], *result["broken_promises"]]
    failed += [word for word in ("check", "reconcile") if result[word]["exit"]]
    failed += ["memory"] * ((growth_kib or 0) >= GROWTH_MAX_KIB)
    failed += ["memory within a life"] * ((within_kib or 0) >= GROWTH_MAX_KIB)
    failed += [what for what in ("files", "threads") if (grown(days, what) or 0) > 0]
    failed += ["rows in the written file"] * (hot_rows >= HOT_ROWS_MAX)
    return {
        "trials": len(days),
        "lost": kinds.count("lost") + len(result["broken_promises"]),
        "doubled": kinds.count("doubled"),
        "open": kinds.count("open"),
        "starts": len(days) + sum(day["killed"] for day in days),
        "kills": sum(day["killed"] for day in days),
        **{name: result[name] for name in ("sales", "orders", "promises")},
        "rows": result["check"].get("rows"),
        "differences": [result[word].get("differences") for word in ("check", "reconcile")],
        "hot_rows_most": hot_rows,
        "older_files": days[-1]["archived"],
        "memory_growth_kib": growth_kib,
        "memory_kib_per_1000_orders": within_kib,
        "open_files": sorted({day["files"] for day in days}),
        "threads": sorted({day["threads"] for day in days}),
        "log_kib": days[-1]["log_bytes"] // 1024,
        "until": days[-1]["closed"],
        "clocks_turned_over": sum(day["turns"] for day in days),
        "failed": failed,
    }


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/torture year", description=__doc__)
    parser.add_argument("days", type=int, nargs="?", default=DAYS)
    parser.add_argument("--sales-per-day", type=int, default=SALES_PER_DAY, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(argv)
    begun_s = time.monotonic()
    share = Path(tempfile.mkdtemp(prefix="year-"))
    said = figures(*played(share, wanted.days, wanted.sales_per_day, wanted.seed))
    if said["failed"]:
        print(f"What the guest left is in {share}", file=sys.stderr)
    else:
        shutil.rmtree(share)
    print(json.dumps({**said, "seconds": round(time.monotonic() - begun_s, 1)}), flush=True)
    return 1 if said["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
