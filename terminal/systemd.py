"""What systemd hears of us: that we are up, that we are alive, and what stands in our way. sd_notify(3).

The watchdog is fed by the loop and by nothing else: a thread that feeds would live on while the loop hangs
(reliability.md 1.4). Before each beat the journal must answer: one that cannot be read ends the daemon by itself, and
one that hangs holds the loop, and so the beat. There is no beat for a display whose driver hangs either; one that is
only unplugged is no reason for a new start.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping

BEATS_PER_PERIOD = 3  # a late beat or two must not cost the daemon its life


class Systemd:
    """One per daemon; silent when it was not systemd that started us.

    `prove`: asks the journal something; raises or hangs when it is not there. `alive`: whether the display is; it is
    not asked before we are up, so that a unit without one can say what it lacks. `boot_ms`: counts the beats."""

    def __init__(
        self,
        environ: Mapping[str, str],
        boot_ms: Callable[[], int],
        prove: Callable[[], object],
        alive: Callable[[], bool],
    ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._boot_ms = boot_ms
        self._prove = prove
        self._alive = alive
        self._every_ms = _period_ms(environ) // BEATS_PER_PERIOD
        self._due_ms = 0
        self._up = False  # whether systemd has heard that we are

    def beat(self) -> None:
        """From the loop, each turn. The first one says that we are up."""
        if self._address and self._due_ms <= self._boot_ms() and (self._alive() or not self._up):
            self._prove()
            if self._say("WATCHDOG=1" if self._up else "READY=1\nWATCHDOG=1"):
                self._due_ms = self._boot_ms() + self._every_ms
                self._up = True

    def stopping(self) -> None:
        if self._address:
            self._say("STOPPING=1")

    def _say(self, message: str) -> bool:
        """Whether it was heard. systemd that does not listen must not hold the counter."""
        place = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
            end.setblocking(False)
            try:
                end.sendto(message.encode(), place)
            except OSError:
                return False
            return True


# sd-daemon(3): journald takes a level from the head of each line.
PRIORITIES = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}


def formatter(environ: Mapping[str, str]) -> logging.Formatter:
    """For people as they read it; for journald with the level before each line, also of a traceback."""
    return (
        _ForJournald("%(name)s: %(message)s")
        if "JOURNAL_STREAM" in environ
        else logging.Formatter("%(levelname)s %(name)s: %(message)s")
    )


class _ForJournald(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        head = f"<{PRIORITIES.get(record.levelname, 6)}>"
        return head + super().format(record).replace("\n", f"\n{head}")


def _period_ms(environ: Mapping[str, str]) -> int:
    """How long systemd waits for a beat before it kills us; a calm half minute when it does not."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    ours = pid in ("", str(os.getpid()))
    return int(usec) // 1_000 if usec.isdecimal() and ours else 30_000
