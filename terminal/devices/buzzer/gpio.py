"""A buzzer on a GPIO pin, driven with gpiozero, and up to three lights beside it.

An *active* buzzer has its own tone and is switched on and off; a *passive* one is a bare disc and gets its tone
from us (software PWM). Both play the same `PATTERNS`: on an active buzzer the lengths alone tell them apart.

In quiet hours a passive buzzer is softer. An active one cannot be, so it keeps to what matters: how a sale ended
and what is wrong. A light says the same as the sound, and stays on until the next sound or for LIGHT_S.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from terminal.core.effects import Beep
from terminal.devices import pins

CLOSE_TIMEOUT_S = 5.0
LOUD = 0.5  # a square wave is loudest when it is as long on as off
LIGHT_S = 8.0  # as long as the result stays on the display

Note = tuple[int, int]  # Hz (0: silence), ms

PATTERNS: dict[Beep, tuple[Note, ...]] = {  # counter.md
    Beep.KEY: ((2000, 15),),
    Beep.NO: ((220, 120),),
    Beep.TICK: ((1200, 40),),
    Beep.PAID: ((880, 100), (0, 40), (1320, 250)),
    Beep.NOT_PAID: ((440, 300), (0, 80), (262, 450)),
    Beep.UNKNOWN: ((440, 150), (0, 700), (440, 150), (0, 700), (440, 150)),
    Beep.ATTENTION: ((262, 300), (0, 200), (262, 300), (0, 200), (262, 300)),
    Beep.OFFLINE: ((660, 120), (0, 60), (440, 120)),
}
SMALL = (Beep.KEY, Beep.NO, Beep.TICK)
LIGHTS = {
    Beep.PAID: "green",
    Beep.NOT_PAID: "red",
    Beep.UNKNOWN: "amber",
    Beep.ATTENTION: "red",
    Beep.OFFLINE: "amber",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`pin`: BCM number. `active_low`: an active buzzer that sounds when its pin is low, as many boards do.
    `loudness`, and in quiet hours `quiet_loudness`: percent, of a passive buzzer. `quiet`: "22:00-07:00", by the
    clock on the wall; empty: never. `green_pin`, `red_pin`, `amber_pin`: lights, each lit by a high pin."""

    pin: int
    kind: Literal["active", "passive"] = "active"
    active_low: bool = False
    loudness: int = 100
    quiet: str = ""
    quiet_loudness: int = 20
    green_pin: int | None = None
    red_pin: int | None = None
    amber_pin: int | None = None

    def __post_init__(self) -> None:
        if fault := pins.odd_pins(self.used_pins.values()):
            raise ValueError(fault)
        if self.kind not in ("active", "passive"):
            raise ValueError(f'kind is "active" or "passive", not "{self.kind}"')
        if self.kind == "passive" and self.active_low:
            raise ValueError("active_low is for an active buzzer; a passive one has no level")
        if not (0 <= self.loudness <= 100 and 0 <= self.quiet_loudness <= 100):
            raise ValueError("loudness and quiet_loudness are 0 (silent) to 100")
        if self.kind == "active" and self.loudness not in (0, 100):
            raise ValueError("an active buzzer has one loudness; write 100, or 0 for silence")
        if self.quiet and not re.fullmatch(f"{_CLOCK}-{_CLOCK}", self.quiet):
            raise ValueError(f'quiet is two times such as "22:00-07:00", not "{self.quiet}"')

    @property
    def used_pins(self) -> dict[str, int]:
        return {"pin": self.pin, **{f"{name}_pin": pin for name, pin in self.lights.items()}}

    @property
    def lights(self) -> dict[str, int]:
        """Colour -> pin."""
        wired = {"green": self.green_pin, "red": self.red_pin, "amber": self.amber_pin}
        return {colour: pin for colour, pin in wired.items() if pin is not None}

    def volume(self, beep: Beep, clock: str) -> int:
        """How loud, in percent, when the clock says "23:15"."""
        if not self._is_quiet(clock):
            return self.loudness
        if self.kind == "active":
            return 0 if beep in SMALL else self.loudness
        return min(self.loudness, self.quiet_loudness)

    def _is_quiet(self, clock: str) -> bool:
        begin, _, end = self.quiet.partition("-")
        if begin <= end:
            return begin <= clock < end
        return clock >= begin or clock < end


_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"


class Device:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._newest: Beep | None = None
        self._playing: Beep | None = None
        self._turn = threading.Lock()
        self._rang = threading.Event()
        self._closing = False
        self._sounder: Any = None
        self._volume = 100
        self._lights: dict[str, Any] = {}
        self._open_pins = ExitStack()
        self._fault: str | None = None
        self._thread = threading.Thread(target=self._run, name="buzzer gpio", daemon=True)
        self._thread.start()

    def beep(self, beep: Beep) -> None:
        """The newest wins; but a small sound never cuts off one that matters: it may be all that says a display
        has died."""
        with self._turn:
            if beep in SMALL and (self._newest or self._playing) not in (None, *SMALL):
                return
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
                    self._open()
                if beep is not None:
                    self._light(LIGHTS.get(beep))
                    self._volume = self._settings.volume(beep, time.strftime("%H:%M"))
                    self._play(PATTERNS[beep])
                if not self._rang.wait(LIGHT_S):
                    self._light(None)
            except faults as fault:  # a sale goes on without its sound; the next beep tries again
                self._playing = None
                self._say(pins.explain("The buzzer", fault))
                self._drop(faults)
            self._rang.wait()
        self._drop(faults)

    def _take(self) -> Beep | None:
        with self._turn:  # else a beep between these lines would cut itself off
            beep, self._newest = self._newest, None
            self._playing = beep
            if not self._closing:
                self._rang.clear()
            return beep

    def _open(self) -> None:
        from gpiozero import OutputDevice, PWMOutputDevice

        pins.prepare()
        chosen = self._settings
        with ExitStack() as opened:  # closes what is open when a later pin fails
            if chosen.kind == "passive":
                sounder = opened.enter_context(PWMOutputDevice(chosen.pin))
            else:
                active_high = not chosen.active_low
                sounder = opened.enter_context(OutputDevice(chosen.pin, active_high=active_high))
            self._lights = {
                colour: opened.enter_context(OutputDevice(pin))
                for colour, pin in chosen.lights.items()
            }
            self._sounder, self._open_pins = sounder, opened.pop_all()
        self._say(None)

    def _light(self, colour: str | None) -> None:
        for name, light in self._lights.items():
            light.value = name == colour

    def _play(self, pattern: tuple[Note, ...]) -> None:
        try:
            for tone_hz, length_ms in pattern:
                self._sound(tone_hz)
                if self._rang.wait(length_ms / 1000):
                    return  # a newer one
        finally:
            self._playing = None
            self._sound(0)

    def _sound(self, tone_hz: int) -> None:
        if self._settings.kind == "active":
            self._sounder.value = bool(tone_hz and self._volume)
        elif tone_hz and self._volume:
            self._sounder.frequency = tone_hz
            self._sounder.value = LOUD * self._volume / 100
        else:
            self._sounder.value = 0

    def _drop(self, faults: tuple[type[Exception], ...]) -> None:
        self._sounder, self._lights = None, {}
        try:
            self._open_pins.close()
        except faults as fault:
            log.warning("the buzzer's pins were not given back: %s", fault)

    def _say(self, fault: str | None) -> None:
        if fault is not None and fault != self._fault:
            log.warning("%s", fault)
        self._fault = fault
