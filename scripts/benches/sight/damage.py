"""Damaged pictures by the thousand (F20): no exception, and no picture takes more than its time."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from statistics import quantiles

import cv2

from sight.readers import Gray
from sight.truth import tell
from terminal.bench.scenes.damaged import damaged
from terminal.eye import read_codes, stages
from terminal.eye.look import Look, See
from terminal.eye.seen import Seen

STAGES = dict(stages.STAGES)
BUDGET_MS = 50
PIECE = 250  # pictures that a process takes at a time


def measure_fuzz(seed: int, count: int) -> None:
    """Every stage on every picture, and the whole within its budget; the same pictures for the same seed."""
    pieces = [(seed, first, min(PIECE, count - first)) for first in range(0, count, PIECE)]
    errors, times = [], []
    with ProcessPoolExecutor(os.cpu_count(), initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        for faults, spent in pool.map(_piece, pieces):
            errors += faults
            times += spent
    for error in errors:
        print(error, file=sys.stderr)
    tell("fuzz_exceptions", len(errors), "exceptions", pictures=len(times), seed=seed, must=0)
    tell(
        "fuzz_p99",
        quantiles(times, n=100)[-1],
        "ms",
        must=2 * BUDGET_MS,
        budget_ms=BUDGET_MS,
        p50_ms=round(quantiles(times, n=2)[0], 2),
        worst_ms=round(max(times), 1),
    )


def _piece(piece: tuple[int, int, int]) -> tuple[list[str], list[float]]:
    """What went wrong in so many pictures from the first, and CPU ms of reading each of them whole."""
    seed, first, count = piece
    errors, times = [], []
    for number, gray in enumerate(damaged(seed, count, first), first):
        faults, spent = _faults(gray)
        errors += [f"seed {seed}, picture {number}, {fault}" for fault in faults]
        times.append(spent)
    return errors, times


def _faults(gray: Gray) -> tuple[list[str], float]:
    """The whole eye, then each stage that it did not come to."""
    faults: list[str] = []
    asked: set[str] = set()
    whole = {name: _noted(name, see, asked) for name, see in STAGES.items()}
    stages.STAGES = whole
    began = time.process_time()
    try:
        read_codes(gray, budget_ms=BUDGET_MS)
    except Exception as error:
        faults.append(f"after {asked}: {error!r}")
    spent = (time.process_time() - began) * 1000
    look = Look(memoryview(gray))
    for name in STAGES.keys() - asked:
        try:
            STAGES[name](look)
        except Exception as error:
            faults.append(f"{name}: {error!r}")
    return faults, spent


def _noted(name: str, see: See, asked: set[str]) -> See:
    def noted(look: Look) -> list[Seen]:
        asked.add(name)
        return see(look)

    return noted
