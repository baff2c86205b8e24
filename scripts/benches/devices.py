"""Devices at the counter: how soon each works again after it was plugged in, and how long the loop is held up by
the worst that they do at once."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import IO

from scripts.benches.counter import tell
from terminal.bench import plugs
from terminal.bench.plugs import Plugs
from terminal.bench.stall import ROOT

AWAY_S = (
    0,
    6,
)  # how long each device is pulled out: the longer, the lazier is whoever looks for it
ASKS, PAUSE_S = 400, 0.02
FLOOD_S = 1 / 500  # between two codes, as on a line of 115200 baud
NOISE_S = 0.2  # between two pictures that the eye has not seen yet

SLOW = """
import sys, time
from pathlib import Path
from terminal.devices.display import framebuffer
from terminal.wiring import run
fast = framebuffer.Screen.paint
framebuffer.Screen.paint = lambda screen, image: (time.sleep(1), fast(screen, image))
sys.exit(run(Path(sys.argv[1])))
"""


class Slow(Plugs):
    """Its display takes a second for each picture."""

    def _spawn(self, *words: str) -> subprocess.Popen[str]:
        if words[0] != "run":
            return super()._spawn(*words)
        log: IO[str] = (self.state / "run.log").open("a", encoding="utf-8")
        command = [sys.executable, "-c", SLOW, words[-1]]
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, text=True)


def recovery_s(stall: Plugs, what: str, away_s: float) -> float:
    """From plugging it in to the daemon calling nothing lost any more."""
    stall.pull(what)
    stall.wait(stall.lost, f"the daemon missing the {what}")
    time.sleep(away_s)
    begun_s = time.perf_counter()
    stall.put_back(what)
    stall.wait(lambda: not stall.lost(), f"the {what} working again")
    return time.perf_counter() - begun_s


def recoveries(place: Path) -> None:
    for scanner, devices in (
        (plugs.SERIAL, ("display", "keypad", "scanner")),
        (plugs.CAMERA, ("camera",)),
    ):
        stall = Plugs(place / devices[0], scanner)
        try:
            stall.start()
            if scanner == plugs.CAMERA:  # a camera runs only while a code is awaited
                stall.press("3", "ok")
                stall.wait(
                    lambda stall=stall: stall.ask("status")["screen"] == "Presenting", "ours"
                )
            for what in devices:
                worst_s = max(recovery_s(stall, what, away_s) for away_s in AWAY_S)
                tell(f"recovery_after_replug_{what}", worst_s, "s", worst_of=len(AWAY_S), must="5")
        finally:
            stall.stop()


def asked_ms(stall: Plugs) -> tuple[list[float], list[float]]:
    """How long the loop takes for one question among all that it does; the socket's own time is in it. Beside it,
    how late this process, which does nothing, is woken from its sleep: the machine's own lag."""
    times, late = [], []
    for _ in range(ASKS):
        begun_s = time.perf_counter()
        stall.ask("status")
        asked_s = time.perf_counter()
        times.append((asked_s - begun_s) * 1000)
        time.sleep(PAUSE_S)
        late.append((time.perf_counter() - asked_s - PAUSE_S) * 1000)
    return times, late


@contextmanager
def flooded(stall: Plugs) -> Iterator[None]:
    """A scanner that sends without end, and a camera before which something new is held all the time."""
    over = threading.Event()
    dice = random.Random(1)

    def scan() -> None:
        while not over.wait(FLOOD_S):
            stall.scan_serial(f"https://nobody.example/{dice.random()}")

    def film() -> None:
        while not over.wait(NOISE_S):
            if stall.camera is not None:
                stall.camera.show(f"https://nobody.example/{dice.random()}")

    threads = [threading.Thread(target=each) for each in (scan, film)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def loop_lag(place: Path) -> None:
    stall = Slow(place / "slow", plugs.SERIAL + plugs.CAMERA)
    try:
        stall.start()
        calm, _ = asked_ms(stall)
        stall.press("3", "ok")
        stall.wait(lambda: stall.ask("status")["screen"] == "Presenting", "our code")
        with flooded(stall):
            busy, late = asked_ms(stall)
        cut = quantiles(busy, n=100)
        tell(
            "loop_lag_under_load_p99",
            cut[98],
            "ms",
            p50=round(cut[49], 2),
            calm_p99_ms=round(quantiles(calm, n=100)[98], 2),
            machine_p99_ms=round(quantiles(late, n=100)[98], 2),
            asks=ASKS,
            display_s_per_frame=1,
            scans_per_s=round(1 / FLOOD_S),
            frames_per_s=round(1 / plugs.FRAME_S),
            must="50",
        )
    finally:
        stall.stop()


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        loop_lag(Path(place))
        recoveries(Path(place))


if __name__ == "__main__":
    main()
