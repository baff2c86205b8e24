"""The thread that keeps a device, with a device that fails when told to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from terminal.devices import keeper
from terminal.devices.keeper import Keeper

Until = Callable[[Callable[[], object]], None]


class Bell:
    """Opens while `fault` is None, and serves until it has one. `left`: it was served to the end."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.opened = 0
        self.left = threading.Event()
        self.keeper = Keeper(
            "bell", self.serve, lambda: (OSError,), lambda fault: f"Mend it: {fault}."
        )

    def serve(self) -> None:
        while not self.keeper.closing.wait(0.001):
            if self.fault is not None:
                raise self.fault
            self.opened += 1
            self.keeper.works()
        self.left.set()


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bell]:
    for name in ("BACKOFF_FIRST_S", "BACKOFF_MAX_S"):
        monkeypatch.setattr(keeper, name, 0.01)
    bell = Bell()
    yield bell
    bell.keeper.close()


def test_who_waits_for_the_first_attempt_knows_how_it_went(bell: Bell) -> None:
    bell.fault = OSError("no bell")
    bell.keeper.start(wait_s=60)
    assert bell.keeper.lost == "Mend it: no bell."


def test_a_fault_is_told_once_and_the_device_is_opened_again(
    bell: Bell, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bell.keeper.start(wait_s=60)
    assert bell.opened
    bell.fault = OSError("unplugged")
    until(lambda: bell.keeper.lost == "Mend it: unplugged.")
    bell.fault = None
    until(lambda: bell.keeper.lost is None)
    bell.keeper.close()
    assert bell.left.is_set()
    told = [record.getMessage() for record in caplog.records if record.name == keeper.__name__]
    assert told == ["Mend it: unplugged.", "the bell is ready"]


def test_the_pauses_grow_and_begin_anew_once_it_works(
    until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = iter(["fails", "fails", "fails", "fails", "works, then fails", "fails"])
    pauses: list[float] = []

    def serve() -> None:
        attempt = next(attempts, "closed")
        if attempt == "closed":
            kept.closing.set()
            return
        if attempt.startswith("works"):
            kept.works()
        raise OSError(attempt)

    kept = Keeper("bell", serve, lambda: (OSError,), str)
    monkeypatch.setattr(kept.closing, "wait", pauses.append)
    kept.start()
    until(kept.closing.is_set)
    assert pauses == [0.5, 1.0, 2.0, 2.0, 0.5, 1.0]


def test_a_fault_nobody_expected_ends_the_thread_and_that_is_told(
    bell: Bell, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    bell.fault = ZeroDivisionError()
    bell.keeper.start()
    until(lambda: bell.keeper.ended)
    assert "Restart the daemon" in str(bell.keeper.lost)


def test_what_is_not_wanted_is_not_lost(bell: Bell) -> None:
    bell.keeper.fails("It sends no pictures.")
    assert bell.keeper.lost
    bell.keeper.forget()
    assert bell.keeper.lost is None
    assert not bell.keeper.ended, "it never began"
