"""How fast a backlog drains at a slow gateway, what a live sale notices of it, and how soon the daemon is ready."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from terminal.bench.drain import Drain, fill
from terminal.bench.stall import Pace, Stall

LATENCY_MS, OPEN, SALES = 100, 10_000, 200  # as many sales alone as fit beside the drain, or more
ROWS, RESTART_OPEN, STARTS = 100_000, 1_000, 5
TRIALS = 12
# The gateway's own times, as the codec has them: nothing is hurried.
PACE = Pace(
    first_query_s=5,
    query_step_s=2,
    earliest_undo_s=15,
    life_s=180,
    doubt_s=60,
    grace_s=20,
    verify_s=130,
)


def tell(name: str, value: float, unit: str, **more: object) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, **more}), flush=True)


def p99(times: list[float]) -> float:
    return sorted(times)[max(0, -(-99 * len(times) // 100) - 1)]


def drain(place: Path, count: int) -> None:
    bench = Drain(Stall(place, pace=PACE, notices=True), LATENCY_MS)
    try:
        alone = [bench.sale_ms() for _ in range(min(SALES, count))]
        seeded = bench.seed(count)
        meanwhile: list[float] = []
        taken_s, most = bench.run(meanwhile.append, timeout_s=3_600)
        wrong = bench.wrong(seeded)
        tell("drained", taken_s, "s", open=count, latency_ms=LATENCY_MS, must="300 for 10000")
        tell("in_flight_at_most", most, "exchanges", must="8")
        tell("orders_that_ended_wrong", len(wrong), "orders", must="0", first=wrong[:3])
        tell("ends", sum(bench.ends(seeded).values()), "orders", **bench.ends(seeded))
        tell(
            "live_sale_slowed_p99",
            p99(meanwhile) - p99(alone),
            "ms",
            alone_p99_ms=round(p99(alone), 1),
            alone_p50_ms=round(median(alone), 1),
            meanwhile_p99_ms=round(p99(meanwhile), 1),
            meanwhile_p50_ms=round(median(meanwhile), 1),
            sales_alone=len(alone),
            sales_meanwhile=len(meanwhile),
            must="100",
        )
    finally:
        bench.stall.stop()


def resume(place: Path) -> None:
    """From the line's return to the daemon's "up", whenever between two probes that is."""
    stall = Stall(place, pace=PACE)
    stall.start()
    try:
        times = []
        for trial in range(TRIALS):
            number = stall.ask("sale", amount="3.00", mode="mpm")["order_no"]
            stall.wait(lambda: stall.bright, "our code")
            stall.cut_line()
            stall.wait(lambda: not stall.ask("status")["online"], "the daemon noticing", 60)
            time.sleep(trial / TRIALS)
            begun = time.perf_counter()
            stall.restore_line()
            stall.wait(lambda: stall.ask("status")["online"], "the line", 60)
            times.append(time.perf_counter() - begun)
            stall.tell_sandbox("wallet/pay", order_no=number, wallet="Alipay+")
            stall.wait(lambda: stall.ask("status")["verdict"] == "ready", "the counter", 60)
        tell(
            "resumed_after_the_lines_return", max(times), "s", p50=round(median(times), 3), must="3"
        )
    finally:
        stall.stop()


def restart(place: Path) -> None:
    """From exec to the first picture, beside an empty journal: the imports are the same in both."""
    journals = (place / "empty", place / "full")
    for folder in journals:
        folder.mkdir(parents=True)
    fill(journals[0], 0)
    fill(journals[1], RESTART_OPEN, closed=ROWS)
    stall = Stall(place / "stall", pace=PACE)
    stall.start()
    try:
        assert stall.daemon is not None
        times: dict[Path, list[float]] = {folder: [] for folder in journals}
        for folder in journals * STARTS:
            stall.daemon.terminate()
            stall.daemon.wait()
            for file in folder.iterdir():
                shutil.copy2(file, stall.state / file.name)
            begun = time.perf_counter()
            stall.start_daemon()
            times[folder].append(time.perf_counter() - begun)
        empty_s, full_s = (median(times[folder]) for folder in journals)
        tell(
            "restart_to_ready_over_an_empty_journal",
            full_s - empty_s,
            "s",
            rows=ROWS,
            open=RESTART_OPEN,
            empty_s=round(empty_s, 3),
            full_s=round(full_s, 3),
            must="1",
        )
    finally:
        stall.stop()


def main(words: list[str]) -> None:
    """`scripts/bench drain [OPEN | restart | resume]`."""
    others = {"restart": restart, "resume": resume}
    with tempfile.TemporaryDirectory() as place:
        for name, bench in others.items():
            if not words or name in words:
                bench(Path(place) / name)
        if not words or words[0] not in others:
            drain(Path(place) / "drain", int(words[0]) if words else OPEN)


if __name__ == "__main__":
    main(sys.argv[1:])
