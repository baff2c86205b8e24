"""The thread that keeps a device: it opens it, serves it until it fails, says why, and opens it again.

Whatever can be unplugged has one, so that the loop never waits for a bus, and what is out of order is said in one
way: `lost` for the screen and the doctor, one line in the log when it changes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.5, 2.0  # a device is back within 5 s of being plugged in again
CLOSE_TIMEOUT_S = 5.0

Faults = tuple[type[Exception], ...]
log = logging.getLogger(__name__)


class Keeper:
    """`serve`, in the keeper's thread: opens the device, calls `works` once it does, and closes what it opened when
    `closing` is set. A return before that is no fault: it is called again at once. What it raises of `faults()`
    makes the device lost, in the words of `explain`; it is called again after a pause that grows. `faults` is asked
    in the thread too: a driver's library may be slow to import. `lost`: what is so until the first attempt."""

    def __init__(
        self,
        device: str,
        serve: Callable[[], None],
        faults: Callable[[], Faults],
        explain: Callable[[Exception], str],
        lost: str | None = None,
    ) -> None:
        self.closing = threading.Event()
        self._device = device
        self._serve, self._faults, self._explain = serve, faults, explain
        self._lost = lost
        self._backoff_s = BACKOFF_FIRST_S
        self._tried = threading.Event()
        self._thread = threading.Thread(target=self._run, name=device, daemon=True)

    def start(self, wait_s: float = 0.0) -> None:
        """`wait_s`: for the first attempt, at most, so that a device which is there is never called lost."""
        self._thread.start()
        self._tried.wait(wait_s)

    def works(self) -> None:
        if self._lost is not None:
            log.info("the %s is ready", self._device)
        self._lost = None
        self._backoff_s = BACKOFF_FIRST_S
        self._tried.set()

    def fails(self, why: str) -> None:
        """Out of order, though nothing was raised."""
        if why != self._lost:
            log.warning("%s", why)
        self._lost = why

    def forget(self) -> None:
        """The device is not wanted for now, so nobody knows."""
        self._lost = None

    @property
    def lost(self) -> str | None:
        """What is wrong and what to do, or None."""
        if self.ended:
            return (
                f"The thread of the {self._device} has ended. Restart the daemon; its log says why."
            )
        return self._lost

    @property
    def ended(self) -> bool:
        """By an exception that nobody expected: only a new start of the daemon helps."""
        thread = self._thread
        return bool(thread.ident) and not thread.is_alive() and not self.closing.is_set()

    def close(self) -> None:
        self.closing.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        faults = self._faults()
        while not self.closing.is_set():
            try:
                self._serve()
            except faults as fault:
                self.fails(self._explain(fault))
                self._tried.set()
                self.closing.wait(self._backoff_s)
                self._backoff_s = min(2 * self._backoff_s, BACKOFF_MAX_S)
