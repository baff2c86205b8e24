"""kill -9 of the daemon at any moment: while it starts, by the clock, and in the instant when a piece of a request
or of an answer passes the line. The last is where the rule "journal, then act" can be broken at all (I1).
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Tally

from terminal.bench.torture.till import Life, Till

COLD_EVERY = 10  # of that many daemons one is a fresh interpreter, the others are forked
START_S = 0.3  # until one start was measured
STEPS = 16  # things that people do in a life, at most
STEP_S = 0.04  # between two of them, at most
PIECES = 16  # that pass the line in a life, at most; a sale of either kind has fewer
LISTEN_S = 0.005  # how often a daemon that starts is spoken to


def torment(till: Till, trials: int) -> Tally[str]:
    """So many kills, each in a life of its own."""
    when: Tally[str] = Tally()
    starts = {True: START_S, False: START_S}
    for trial in range(trials):
        cold = trial % COLD_EVERY == 0
        with till.alive(cold=cold) as life:
            fate = Fate(till, life, starts[cold])
            fate.come()
        starts[cold] = fate.start_s or starts[cold]
        when[fate.how] += 1
        when["cold_starts"] += cold
    return when


class Fate:
    """One life's end. `how`: by what it came; `start_s`: how long the daemon took to answer, if it ever did."""

    def __init__(self, till: Till, life: Life, usual_start_s: float) -> None:
        self._till, self._life, self._dice = till, life, till.dice
        self.how = self._dice.choice(("starting", "by_clock", "by_line", "by_line"))
        self._pieces = self._dice.randint(1, PIECES) if self.how == "by_line" else 0
        self._steps = STEPS if self._pieces else self._dice.randint(1, STEPS)
        self.start_s = 0.0
        till.passing = self._passed
        if self.how == "starting":
            self._end_within(1.2 * usual_start_s)

    def come(self) -> None:
        """Live until it does."""
        begun_s = time.monotonic()
        pause_s = LISTEN_S
        while not self._life.over(pause_s):
            if not self._till.step():
                continue
            self.start_s = self.start_s or time.monotonic() - begun_s
            self._steps -= 1
            pause_s = self._dice.uniform(0, STEP_S)
            if not self._steps:
                self._end_within(STEP_S)
        if self.how == "by_line":  # nobody bought anything
            self.how = "by_clock"

    def _end_within(self, span_s: float) -> None:
        timer = threading.Timer(self._dice.uniform(0, span_s), self._life.end)
        timer.daemon = True
        timer.start()

    def _passed(self, up: bool) -> None:
        """In the line's thread."""
        self._pieces -= 1
        if self._pieces == 0:
            self._life.end()
            self.how = "by_request" if up else "by_answer"
