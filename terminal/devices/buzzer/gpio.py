"""A buzzer on a GPIO pin, driven with gpiozero.

An *active* buzzer has its own tone and is switched on and off; a *passive* one is a bare disc and gets its tone
from us (software PWM). Both play the same `PATTERNS`: on an active buzzer the lengths alone tell them apart.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Any, Literal

from terminal.core.effects import Beep
from terminal.devices import pins

CLOSE_TIMEOUT_S = 5.0
LOUD = 0.5  # a square wave is loudest when it is as long on as off

Note = tuple[int, int]  # Hz (0: silence), ms

PATTERNS: dict[Beep, tuple[Note, ...]] = {  # counter.md
    Beep.KEY: ((2000, 15),),
    Beep.NO: ((220, 120),),
    Beep.TICK: ((1200, 40),),
    Beep.PAID: ((880, 100), (0, 40), (1320, 250)),
    Beep.NOT_PAID: ((440, 300), (0, 80), (262, 450)),
    Beep.UNKNOWN: ((440, 150), (0, 700), (440, 150), (0, 700), (440, 150)),
    Beep.ATTENTION: ((262, 300), (0, 200), (262, 300), (0, 200), (262, 300)),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`pin`: BCM number. `active_low`: an active buzzer that sounds when its pin is low, as many boards do."""

    pin: int
    kind: Literal["active", "passive"] = "active"
    active_low: bool = False

    def __post_init__(self) -> None:
        if fault := pins.odd_pins([self.pin]):
            raise ValueError(fault)
        if self.kind not in ("active", "passive"):
            raise ValueError(f'kind is "active" or "passive", not "{self.kind}"')
        if self.kind == "passive" and self.active_low:
            raise ValueError("active_low is for an active buzzer; a passive one has no level")


class Device:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._newest: Beep | None = None
        self._turn = threading.Lock()
        self._rang = threading.Event()
        self._closing = False
        self._sounder: Any = None
        self._fault: str | None = None
        self._thread = threading.Thread(target=self._run, name="buzzer gpio", daemon=True)
        self._thread.start()

    def beep(self, beep: Beep) -> None:
        with self._turn:
            self._newest = beep
            self._rang.set()

    def close(self) -> None:
        with self._turn:
            self._closing = True
            self._rang.set()
        self._thread.join(CLOSE_TIMEOUT_S)

    # -- the buzzer's thread ------------------------------------------------------------------------

    def _run(self) -> None:
        faults = pins.faults()
        while not self._closing:
            beep = self._take()  # first: a pin that does not open takes its beep with it
            try:
                if self._sounder is None:
                    self._sounder = self._open()
                if beep is not None:
                    self._play(PATTERNS[beep])
            except faults as fault:  # a sale goes on without its sound; the next beep tries again
                self._say(pins.explain("The buzzer", fault))
                self._drop(faults)
            self._rang.wait()
        self._drop(faults)

    def _take(self) -> Beep | None:
        with self._turn:  # else a beep between these lines would cut itself off
            beep, self._newest = self._newest, None
            if not self._closing:
                self._rang.clear()
            return beep

    def _open(self) -> Any:
        from gpiozero import OutputDevice, PWMOutputDevice

        pins.prepare()
        if self._settings.kind == "passive":
            sounder = PWMOutputDevice(self._settings.pin)
        else:
            sounder = OutputDevice(self._settings.pin, active_high=not self._settings.active_low)
        self._say(None)
        return sounder

    def _play(self, pattern: tuple[Note, ...]) -> None:
        try:
            for tone_hz, length_ms in pattern:
                self._sound(tone_hz)
                if self._rang.wait(length_ms / 1000):
                    return  # a newer one
        finally:
            self._sound(0)

    def _sound(self, tone_hz: int) -> None:
        if self._settings.kind == "active":
            self._sounder.value = bool(tone_hz)
        elif tone_hz:
            self._sounder.frequency = tone_hz
            self._sounder.value = LOUD
        else:
            self._sounder.value = 0

    def _drop(self, faults: tuple[type[Exception], ...]) -> None:
        sounder, self._sounder = self._sounder, None
        try:
            if sounder is not None:
                sounder.close()
        except faults as fault:
            log.warning("the buzzer's pin was not given back: %s", fault)

    def _say(self, fault: str | None) -> None:
        if fault is not None and fault != self._fault:
            log.warning("%s", fault)
        self._fault = fault
