"""What the daemon tells systemd, heard on a real datagram socket."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.systemd import Systemd, formatter


class Clock:
    def __init__(self) -> None:
        self.ms = 5_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        yield end


def told(ear: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(ear.recv(4096).decode())
        except BlockingIOError:
            return messages


def well() -> bool:
    return True


def environ(ear: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": ear.getsockname(), **more}


def test_the_first_beat_says_ready_and_the_others_come_thrice_a_period(ear: socket.socket) -> None:
    clock = Clock()
    systemd = Systemd(environ(ear, WATCHDOG_USEC="3000000"), clock, lambda: None, well)
    systemd.beat()
    assert told(ear) == ["READY=1\nWATCHDOG=1"]
    clock.ms += 999
    systemd.beat()
    assert told(ear) == []
    clock.ms += 1
    systemd.beat()
    assert told(ear) == ["WATCHDOG=1"]


def test_no_beat_when_the_journal_does_not_answer(ear: socket.socket) -> None:
    def broken() -> None:
        raise OSError("the card is gone")

    with pytest.raises(OSError, match="the card is gone"):
        Systemd(environ(ear), Clock(), broken, well).beat()
    assert told(ear) == []


def test_a_display_that_hangs_gets_no_beat_but_does_not_keep_the_unit_from_being_up(
    ear: socket.socket,
) -> None:
    clock, hangs = Clock(), [True]
    systemd = Systemd(
        environ(ear, WATCHDOG_USEC="3000000"), clock, lambda: None, lambda: not hangs[0]
    )
    systemd.beat()
    assert told(ear) == ["READY=1\nWATCHDOG=1"]
    clock.ms += 9_000
    systemd.beat()
    assert told(ear) == []
    hangs.clear()
    hangs.append(False)
    systemd.beat()
    assert told(ear) == ["WATCHDOG=1"]


def test_journald_hears_the_level_of_every_line() -> None:
    record = logging.LogRecord("terminal", logging.ERROR, "", 0, "first\nsecond", None, None)
    assert formatter({"JOURNAL_STREAM": "8:1"}).format(record) == "<3>terminal: first\n<3>second"
    assert formatter({}).format(record) == "ERROR terminal: first\nsecond"


def test_another_process_s_watchdog_is_not_ours(ear: socket.socket) -> None:
    clock = Clock()
    systemd = Systemd(
        environ(ear, WATCHDOG_USEC="3000", WATCHDOG_PID=str(os.getpid() + 1)),
        clock,
        lambda: None,
        well,
    )
    systemd.beat()
    clock.ms += 9_999
    systemd.beat()
    assert told(ear) == ["READY=1\nWATCHDOG=1"]


def test_a_beat_that_was_not_heard_is_said_again(tmp_path: Path) -> None:
    """systemd itself restarts (daemon-reexec): its socket is away for a moment."""
    systemd = Systemd({"NOTIFY_SOCKET": str(tmp_path / "notify")}, Clock(), lambda: None, well)
    systemd.beat()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        systemd.beat()
        assert told(end) == ["READY=1\nWATCHDOG=1"]


def test_stopping_is_told_and_nothing_without_systemd(ear: socket.socket) -> None:
    Systemd(environ(ear), Clock(), lambda: None, well).stopping()
    assert told(ear) == ["STOPPING=1"]
    silent = Systemd({}, Clock(), lambda: None, well)
    silent.beat()
    silent.stopping()
