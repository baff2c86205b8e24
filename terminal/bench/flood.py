"""Floods of input, as bad as hands and cords make it: a scanner on a pty, and a key pad with the physics of one.

    python -m terminal.bench.flood scanner 100000 [seed]     prints one JSON line, exit code 1 when a rule broke
    python -m terminal.bench.flood keypad 100000 [seed]

Scanner: codes come in random pieces, between noise and half codes, and the cord is pulled out in the middle of
some. Every whole code must come once, and never a part of one. Keypad: up to 20 presses a second with bounce,
rollover and the ghosts of a matrix without diodes, each snapshot torn. Every press must be a key, once.
"""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import NamedTuple

from terminal.core.events import Key
from terminal.devices.keypad.gpio import LAYOUT
from terminal.devices.matrix import Matrix, Place
from terminal.devices.scanner.serial import Device, Settings

PATIENCE_S = 60.0

# -- the scanner -------------------------------------------------------------------------------------------

NOISE_EVERY, PULL_EVERY = 200, 1000  # codes
SILENCE_MS = 500  # longer than a busy machine needs from one piece of a code to the next
CODE = "28{number:016d}"


class Cord:
    """A pty under a fixed name, as /dev/serial/by-id has one for each scanner."""

    def __init__(self, name: Path) -> None:
        self._name = name
        self.plug_in()

    def plug_in(self) -> None:
        self._far, self._near = os.openpty()
        self._name.unlink(missing_ok=True)
        self._name.symlink_to(os.ttyname(self._near))

    def taken(self) -> bool:
        """Whether the driver has it: it turns the terminal's line editing off."""
        return not termios.tcgetattr(self._near)[3] & termios.ICANON

    def send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._far, data[:4096]) :]

    def pull_out(self) -> None:
        os.close(self._far)
        os.close(self._near)
        self._name.unlink()


class Drops(logging.Handler):
    """Hears the driver say that it dropped what had no end."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += "without an end mark" in record.getMessage()


@dataclass(slots=True)
class Flood:
    """One scanner and its cord. `got`: what was delivered."""

    cord: Cord
    device: Device
    dice: random.Random
    drops: Drops = field(default_factory=Drops)
    got: list[bytes] = field(default_factory=list)
    pulls: int = 0

    def send(self, number: int) -> bytes:
        """One code, in pieces; around some of them noise or a pull at the cord."""
        code = CODE.format(number=number).encode()
        if self.dice.random() * NOISE_EVERY < 1:
            self.noise(code)
        if self.dice.random() * PULL_EVERY < 1:
            self.pull(code, number)
        whole = code + self.dice.choice((b"\r", b"\n", b"\r\n"))
        while whole:
            at = self.dice.randint(1, len(whole))
            self.cord.send(whole[:at])
            whole = whole[at:]
        return code

    def noise(self, code: bytes) -> None:
        """Bytes without an end, or the first half of a code; then silence, as lines have it."""
        rubbish = bytes(self.dice.choice(range(14, 256)) for _ in range(self.dice.randint(1, 40)))
        before = self.drops.count
        self.cord.send(self.dice.choice((rubbish, code[: self.dice.randint(1, len(code) - 1)])))
        wait(lambda: self.drops.count > before)

    def pull(self, code: bytes, number: int) -> None:
        """The cord goes out in the middle of a code; what was whole before has come, or counts as not sent."""
        wait(lambda: len(self.got) == number)
        self.cord.send(code[: self.dice.randint(1, len(code) - 1)])
        self.cord.pull_out()
        wait(lambda: self.device.lost is not None)
        self.cord.plug_in()
        wait(self.cord.taken)
        other_half = code[self.dice.randint(1, len(code) - 1) :]
        self.cord.send(other_half + b"\r")  # must not come through (F13)
        wait(lambda: self.device.lost is None)
        self.pulls += 1


def scan(codes: int, seed: int) -> dict[str, object]:
    """Send so many codes through a real pty into the real driver."""
    with tempfile.TemporaryDirectory(prefix="flood") as place:
        cord = Cord(Path(place) / "scanner")
        device = Device(Settings(str(Path(place) / "scanner"), silence_ms=SILENCE_MS))
        flood = Flood(cord, device, random.Random(seed))
        logger = logging.getLogger("terminal.devices.scanner.serial")
        logger.addHandler(flood.drops)
        begun_s = time.monotonic()
        try:
            device.listen(flood.got.append)
            wait(lambda: device.lost is None)
            device.arm(True)
            sent = [flood.send(number) for number in range(codes)]
            wait(lambda: len(flood.got) >= codes, PATIENCE_S, strict=False)
        finally:
            device.close()
            logger.removeHandler(flood.drops)
    got = flood.got
    return {
        "codes": codes,
        "seed": seed,
        "dropped_halves": flood.drops.count,
        "pulls": flood.pulls,
        "missing": len(set(sent) - set(got)),
        "doubled": len(got) - len(set(got)),
        "invented": len(set(got) - set(sent)),
        "in_order": got == sent,
        "seconds": round(time.monotonic() - begun_s, 1),
    }


def wait(holds: Callable[[], bool], most_s: float = PATIENCE_S, *, strict: bool = True) -> None:
    turn, until_s = threading.Event(), time.monotonic() + most_s
    while not holds():
        if time.monotonic() > until_s:
            if strict:
                raise TimeoutError("the scanner's driver does not answer any more")
            return
        turn.wait(0.002)


# -- the key pad -------------------------------------------------------------------------------------------

KEYS = tuple(tuple(Key(word) for word in row) for row in LAYOUT)
AT = {key: (row, column) for row, keys in enumerate(KEYS) for column, key in enumerate(keys)}
PLACES = tuple(AT.values())
SCAN_MS = 8
BOUNCE_MS = 5.0


class Press(NamedTuple):
    place: Place
    from_ms: float
    to_ms: float
    bounce_ms: float


def wired(touching: Iterable[Place]) -> frozenset[Place]:
    """What reads closed when these contacts touch and there are no diodes: whole nets of rows and columns."""
    nets: list[tuple[set[int], set[int]]] = []
    for row, column in touching:
        rows, columns = {row}, {column}
        apart = []
        for net in nets:
            if row in net[0] or column in net[1]:
                rows |= net[0]
                columns |= net[1]
            else:
                apart.append(net)
        nets = [*apart, (rows, columns)]
    return frozenset(place for net in nets for place in product(*net))


def typing(presses: int, seed: int) -> Iterator[Press]:
    """Up to 20 presses a second with rollover: the next key goes down before the last two are up."""
    rng = random.Random(seed)
    last, before = Press((9, 9), 0, 0, 0), Press((9, 9), 0, 0, 0)
    for _ in range(presses):
        place = rng.choice(PLACES)
        if KEYS[place[0]][place[1]] is Key.OK and AT[Key.CANCEL] in (last.place, before.place):
            place = AT[Key.D0]  # F79: of the two CANCEL is meant, so OK is rightly lost
        from_ms = max(last.from_ms + 50, before.to_ms - 15) + rng.choice((0, 0, rng.random() * 60))
        for earlier in (before, last):
            if earlier.place == place:  # a finger cannot press a key that is down
                from_ms = max(from_ms, earlier.to_ms + 30)
        to_ms = max(from_ms + 30 + rng.random() * 110, last.to_ms + 35)
        before, last = last, Press(place, from_ms, to_ms, rng.random() * BOUNCE_MS)
        yield last


def touches(press: Press, at_ms: float, rng: random.Random) -> bool:
    if press.from_ms <= at_ms < press.from_ms + press.bounce_ms:
        return rng.random() < 0.5
    if press.to_ms <= at_ms < press.to_ms + press.bounce_ms:
        return rng.random() < 0.5
    return press.from_ms <= at_ms < press.to_ms


def snapshots(
    presses: Iterable[Press], rng: random.Random
) -> Iterator[tuple[frozenset[Place], float]]:
    """Scans of the pad, each torn: its columns are read one after the other, in either direction."""
    coming = iter(presses)
    following: Press | None = next(coming)
    near: list[Press] = []
    at_ms = 0.0
    while following or near:
        at_ms += SCAN_MS + rng.random()
        while following and following.from_ms <= at_ms + 3:
            near.append(following)
            following = next(coming, None)
        near = [press for press in near if press.to_ms + press.bounce_ms > at_ms]
        closed: set[Place] = set()
        columns = (0, 1, 2, 3) if rng.random() < 0.5 else (3, 2, 1, 0)
        for turn, column in enumerate(columns if near else ()):
            touching = [press.place for press in near if touches(press, at_ms + turn * 0.4, rng)]
            closed |= {place for place in wired(touching) if place[1] == column}
        yield frozenset(closed), at_ms
    for _ in range(10):
        at_ms += SCAN_MS
        yield frozenset(), at_ms


def ghosts(presses: list[Press]) -> int:
    """How often three keys that were down together closed a fourth place."""
    return sum(
        len(wired([press.place for press in three])) > 3
        for three in zip(presses, presses[1:], presses[2:], strict=False)
        if three[0].to_ms > three[2].from_ms
    )


def press(count: int, seed: int) -> dict[str, object]:
    """Press so many keys of a 4x4 pad."""
    presses = list(typing(count, seed))
    matrix, rng = Matrix(KEYS, 4), random.Random(seed)
    found = [
        key for closed, at_ms in snapshots(presses, rng) for key in matrix.scan(closed, int(at_ms))
    ]
    meant = [KEYS[row][column] for (row, column), *_ in presses]
    fastest = min(b.from_ms - a.from_ms for a, b in zip(presses, presses[19:], strict=False))
    return {
        "presses": count,
        "seed": seed,
        "ghosts": ghosts(presses),
        "fastest_20_ms": round(fastest),
        "keys": len(found),
        "as_pressed": found == meant,
    }


def main(words: list[str]) -> int:
    kind, count, seed = words[0], int(words[1]), int((words[2:] or ["1"])[0])
    report = {"scanner": scan, "keypad": press}[kind](count, seed)
    print(json.dumps(report))
    return 0 if report.get("in_order", report.get("as_pressed")) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
