"""A matrix keypad on GPIO pins, read with gpiozero.

    rows     pulled up, read      a key joins its row to its column
    columns  at rest all driven low: a row that reads low says that some key is down
             while one is: floating, and driven low one after the other

A column is never driven high: two pressed keys of a row join two columns, and outputs that disagree would fight
through them (hardware.md, gpio-bench). The pad is scanned, not waited for: gpiozero's edges miss and double
presses (reliability.md 1.4). At rest a scan only reads the rows, because turning a pin round is a claim of its
line: a pad that nobody touches costs little.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from terminal.core.events import Key
from terminal.devices import pins
from terminal.devices.keeper import Keeper
from terminal.devices.keypad import Pressed
from terminal.devices.matrix import AGREE, Matrix, Place

OPEN_TIMEOUT_S = 2.0
SETTLE_S = 50e-6  # a row of 200 pF behind the Pi's 50 kOhm is high again after some 20 us

LAYOUT = (  # counter.md
    ("1", "2", "3", "+"),
    ("4", "5", "6", "back"),
    ("7", "8", "9", "cancel"),
    ("00", "0", "ok", "menu"),
)
PRINTED = {"*": "00", "#": "ok", "a": "+", "b": "back", "c": "cancel", "d": "menu", "enter": "ok"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`rows`, `columns`: BCM numbers, in the order of `layout`, which holds values of `Key`.

    A layout with one column more than the pad has (a 4x3 pad): any key of a row means that row's last one while
    a key of `shift` is held. `agree` snapshots in a row, `scan_ms` apart, make a press; bounce up to
    scan_ms x (agree - 1) is removed."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    layout: tuple[tuple[str, ...], ...] = LAYOUT
    shift: tuple[str, ...] = ("00", "ok")
    scan_ms: int = 8
    agree: int = AGREE

    def __post_init__(self) -> None:
        if not self.rows or not self.columns:
            raise ValueError("rows and columns each need at least one pin")
        if fault := pins.odd_pins((*self.rows, *self.columns)):
            raise ValueError(fault)
        if fault := self._odd_layout() or self._odd_shift():
            raise ValueError(fault)
        if not 5 <= self.scan_ms <= 10:
            raise ValueError(f"scan_ms is 5 to 10, not {self.scan_ms}")
        if not 2 <= self.agree <= 5:
            raise ValueError(f"agree is 2 to 5 snapshots, not {self.agree}")

    @property
    def used_pins(self) -> dict[str, int]:
        rows = {f"row {number}": pin for number, pin in enumerate(self.rows, 1)}
        return rows | {f"column {number}": pin for number, pin in enumerate(self.columns, 1)}

    @property
    def pad(self) -> list[Key]:
        """Every key that can be pressed here."""
        return [Key(word) for row in self.layout for word in row]

    def _odd_layout(self) -> str | None:
        if len(self.layout) != len(self.rows):
            return f"layout has {len(self.layout)} rows, but rows names {len(self.rows)} pins"
        width = len(self.layout[0])
        if any(len(row) != width for row in self.layout):
            return "the rows of layout are not equally long"
        if width not in (len(self.columns), len(self.columns) + 1):
            return f"layout has {width} columns, but columns names {len(self.columns)} pins"
        words = [word for row in self.layout for word in row]
        doubled = next((word for word in words if words.count(word) > 1), None)
        return odd_key(words) or (doubled and f'layout has the key "{doubled}" twice')

    def _odd_shift(self) -> str | None:
        if len(self.layout[0]) == len(self.columns):
            return None  # nothing to reach
        on_pad = [word for row in self.layout for word in row[:-1]]
        if not self.shift:
            return "layout has a column more than columns has pins; name in shift the keys to hold"
        strange = next((word for word in self.shift if word not in on_pad), None)
        return (
            strange
            and f'shift has "{strange}", which is no key of the pad{nearest(strange, on_pad)}'
        )

    def matrix(self) -> Matrix:
        keys = tuple(tuple(map(Key, row)) for row in self.layout)
        wide = len(keys[0]) > len(self.columns)
        shift = tuple(map(Key, self.shift)) if wide else ()
        return Matrix(keys, len(self.columns), shift, self.agree)


def odd_key(words: list[str]) -> str | None:
    known = [key.value for key in Key]
    strange = next((word for word in words if word not in known), None)
    if strange is None:
        return None
    return f'layout has "{strange}", and no key is called that{nearest(strange, known)}'


def nearest(word: str, known: list[str]) -> str:
    import difflib  # 5 ms: only when a word is wrong

    close = difflib.get_close_matches(word.lower(), known, n=1)
    meant = PRINTED.get(word.lower()) or next(iter(close), None)
    return f'; did you mean "{meant}"?' if meant else f"; there are {', '.join(known)}"


class Pad:
    """The pins themselves. Opened by `with`, for one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = ExitStack()
        self._rows: list[Any] = []
        self._columns: list[Any] = []
        self._at_rest = False

    def __enter__(self) -> Pad:
        from gpiozero import GPIODevice, InputDevice

        pins.prepare()
        with ExitStack() as opened:  # closes what is open when a later pin fails
            enter = opened.enter_context
            self._rows = [enter(InputDevice(pin, pull_up=True)) for pin in self._settings.rows]
            self._columns = [enter(GPIODevice(pin)) for pin in self._settings.columns]
            self._rest()
            self._stack = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def closed(self) -> set[Place]:
        """One snapshot."""
        if self._at_rest:
            if not any(row.is_active for row in self._rows):
                return set()
            self._float()
        places = {place for number in range(len(self._columns)) for place in self._column(number)}
        if not places:
            self._rest()
        return places

    def _rest(self) -> None:
        for column in self._columns:
            column.pin.output_with_state(0)
        self._at_rest = True

    def _float(self) -> None:
        for column in self._columns:
            column.pin.function = "input"
        self._at_rest = False

    def _column(self, number: int) -> list[Place]:
        pin = self._columns[number].pin
        pin.output_with_state(0)
        try:
            time.sleep(SETTLE_S)
            return [(row, number) for row, input_ in enumerate(self._rows) if input_.is_active]
        finally:
            pin.function = "input"


class Device:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pressed: Pressed | None = None
        self._stuck: tuple[str, ...] = ()
        self._keeper = Keeper(
            "keypad",
            self._serve,
            pins.faults,
            lambda fault: pins.explain("The keypad", fault),
            lost="The keypad is being opened.",
        )

    def listen(self, pressed: Pressed) -> None:
        self._pressed = pressed
        self._keeper.start(OPEN_TIMEOUT_S)

    @property
    def lost(self) -> str | None:
        return self._keeper.lost

    @property
    def stuck(self) -> tuple[str, ...]:
        """The names of the keys that have been down for 60 s and are ignored (F77). The others work."""
        return self._stuck

    def close(self) -> None:
        self._keeper.close()

    # -- the keypad's thread ------------------------------------------------------------------------

    def _serve(self) -> None:
        with Pad(self._settings) as pad:
            matrix = self._settings.matrix()
            self._scan(pad, matrix)  # what is down now is not pressed now
            self._keeper.works()
            # The pause comes after the scan, so snapshots are never closer than scan_ms.
            while not self._keeper.closing.wait(self._settings.scan_ms / 1000):
                self._scan(pad, matrix)

    def _scan(self, pad: Pad, matrix: Matrix) -> None:
        boot_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        for key in matrix.scan(pad.closed(), boot_ms):
            if self._pressed:
                self._pressed(key)
        self._name_stuck(tuple(key.value for key in matrix.stuck))

    def _name_stuck(self, stuck: tuple[str, ...]) -> None:
        if stuck != self._stuck:
            log.warning("keys that are stuck and ignored: %s", ", ".join(stuck) or "none any more")
            self._stuck = stuck
