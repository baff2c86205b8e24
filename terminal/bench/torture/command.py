"""scripts/torture WHAT N [--seed S] [--tills T]: the last line is JSON; exit code 1 when anything is lost, doubled
or left open. What was found is told on standard error, and the tills stay where it says."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from terminal.bench.torture import kill, line, power
from terminal.bench.torture.shift import Shift, Torment

TORMENTS: dict[str, Torment] = {"kill": kill.torment, "line": line.torment}
TILLS = {"kill": 6, "line": 12}  # side by side: most of a life is waiting
TOLD = 20


def main(argv: list[str]) -> int:
    wanted = _parser().parse_args(argv)
    if wanted.what == "power":
        return of_power(wanted.trials, wanted.seed)
    return of_daemon(wanted.what, wanted.trials, wanted.tills or TILLS[wanted.what], wanted.seed)


def of_daemon(what: str, trials: int, tills: int, seed: int) -> int:
    state = Path(tempfile.mkdtemp(prefix=f"torture-{what}-"))
    report = Shift(state, TORMENTS[what], tills=tills, seed=seed).run(trials)
    for odd in report.odd[:TOLD]:
        print(odd, file=sys.stderr)
    if report.odd:
        print(f"The tills are in {state}", file=sys.stderr)
    else:
        shutil.rmtree(state)
    print(json.dumps(report.figures()), flush=True)
    return 1 if report.odd else 0


def of_power(images: int, seed: int) -> int:
    begun_s = time.monotonic()
    figures = power.torture(images, seed, os.cpu_count() or 1)
    seconds = round(time.monotonic() - begun_s, 1)
    print(json.dumps({**figures, "seconds": seconds}), flush=True)
    return 1 if figures["failed"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__)
    parser.add_argument("what", choices=(*TORMENTS, "power"))
    parser.add_argument("trials", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1, help="of people and moments (1)")
    parser.add_argument("--tills", type=int, help="side by side")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
