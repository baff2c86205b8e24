"""Which part of a build hangs on which pin. The signals come from the profile, the supply is dealt out here."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terminal.config import load_profile
from terminal.core.terms import Refusal
from terminal.sheet.header import PIN_OF_GPIO, POWER, is_left, row
from terminal.wiring.hardware import Devices, Fitted

OTHER_SIDE_ROWS = 3  # how far it is round the header
PARTS = Path(__file__).with_name("parts.toml")
SUPPLY = {"3V3": "orange", "5V": "red", "GND": "black"}
SIGNALS = ("blue", "green", "violet", "brown", "yellow", "grey", "white", "pink")


@dataclass(frozen=True, slots=True)
class Wire:
    """From the header's `pin` (1 to 40) to a `terminal` of the part. `gpio`: BCM number, None: supply."""

    pin: int
    terminal: str
    colour: str
    gpio: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One part. `plug`: what it is plugged into when not the header."""

    name: str
    cost_eur: tuple[int, int]
    wires: tuple[Wire, ...] = ()
    plug: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Build:
    name: str
    board: Piece
    pieces: tuple[Piece, ...]  # on the counter
    always: tuple[Piece, ...]  # in every build of a Pi

    @property
    def has_header(self) -> bool:
        return any(piece.wires for piece in self.pieces)

    def cost_eur(self) -> tuple[int, int]:
        every = (self.board, *self.pieces, *self.always)
        low, high = (sum(piece.cost_eur[end] for piece in every) for end in (0, 1))
        return low, high


def build_of(profile: Path) -> Build:
    """Of the profile in that file, with the parts of parts.toml. Refusal when one of its own is not there."""
    parts = tomllib.loads(PARTS.read_text("utf-8"))
    with ExitStack() as stack:
        fitted = Devices(load_profile(profile), Path("/run/terminal"), stack).fitted
    own = parts["build"][profile.stem]
    board = Piece(own["board"], tuple(own["cost_eur"]))
    is_pi = board.cost_eur[1] > 0
    wanted = [each for kind, part in fitted for each in _parts_of(kind, part, parts["part"])]
    always = [Piece(each["name"], tuple(each["cost_eur"])) for each in parts["always"]]
    return Build(profile.stem, board, tuple(_wired(wanted)), tuple(always if is_pi else ()))


def _parts_of(
    kind: str, fitted: Fitted, parts: Iterable[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], dict[str, int]]]:
    """The entries of parts.toml for one section, each with the pins that are its own."""
    pins, found, named = fitted.pins(), [], set()
    for part in parts:
        if part["of"] != kind or not all(_has(fitted, *each) for each in part["when"].items()):
            continue
        own = {use: pin for use, pin in pins.items() if use in part.get("pins", {})}
        if own or part.get("plug"):
            found.append((part, own))
            named |= set(own)
    if missing := set(pins) - named:
        uses = ", ".join(sorted(missing))
        raise Refusal(
            f"terminal/sheet/parts.toml has no part for {uses} of {fitted.where}. Add it there."
        )
    return found


def _has(fitted: Fitted, key: str, value: object) -> bool:
    driver = fitted.part.driver
    return value == (driver if key == "driver" else getattr(fitted.settings, key, None))


def _wired(wanted: list[tuple[Mapping[str, Any], dict[str, int]]]) -> list[Piece]:
    """Signals where the profile says; for each supply terminal the nearest pin that is still free."""
    free = dict(POWER)
    pieces = []
    for part, own in wanted:
        signals = [
            Wire(PIN_OF_GPIO[gpio], part["pins"][use], SIGNALS[at % len(SIGNALS)], gpio)
            for at, (use, gpio) in enumerate(own.items())
        ]
        supply = []
        for terminal, kind in part.get("power", {}).items():
            pin = _nearest(free, kind, [wire.pin for wire in signals])
            supply.append(Wire(pin, terminal, SUPPLY[kind]))
            free.pop(pin)
        wires = tuple(sorted((*supply, *signals), key=lambda wire: wire.pin))
        more = part.get("plug", ""), part.get("note", "")
        pieces.append(Piece(part["name"], tuple(part["cost_eur"]), wires, *more))
    return pieces


def _nearest(free: Mapping[int, str], kind: str, signals: list[int]) -> int:
    """Close to the part's signals, and rather on the side of most of them: few wires cross."""
    left = 2 * sum(map(is_left, signals)) > len(signals)
    middle = sum(map(row, signals)) / len(signals)
    fit = [pin for pin, has in free.items() if has == kind]
    if not fit:
        raise Refusal(f"The header has no free {kind} left. Take a strip of terminals for it.")

    def far(pin: int) -> float:
        return abs(row(pin) - middle) + (OTHER_SIDE_ROWS if is_left(pin) is not left else 0)

    return min(fit, key=lambda pin: (far(pin), pin))
