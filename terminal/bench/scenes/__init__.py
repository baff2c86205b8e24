"""Counter scenes: a phone with a payment code before the terminal's camera, 1280 x 720, from a seed.

What a camera does to a code is modelled, not photographed: an emissive screen in linear light, seen in
perspective (66 degrees across), out of focus and in motion, with veiling glare, glare spots, reflections,
dark bands of a dimmed screen, moire, a thumb, sensor noise at a gain, and JPEG (decoding.md 2).
Each picture depends on its `Scene` alone, which holds its own seed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from terminal.bench.scenes.phone import payload

ROWS, COLS = 720, 1280
LEVELS = ("easy", "medium", "hard")
KINDS = ("qr", "code128")
BARS = 0.62
"""Bars are wide where a QR code is small: a Code 128 scene has this share of the module and of the blur."""
EMPTY_GAINS, EMPTY_DEFOCUS = (2.0, 8.0, 24.0), (0.4, 1.0, 2.0)
CLIP_FRAMES = 60

Gray: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scene:
    """What stands before the camera. Lengths in px of the camera's frame, angles in degrees."""

    seed: int
    kind: str = "qr"  # or "code128", or "none"
    text: str = ""
    level: str = "m"  # of a QR code's error correction
    module: float = 4.0
    quiet: float = 4.0  # zone round the code, in modules
    inverted: bool = False
    dark_app: bool = False
    logo: float = 0.0  # share of the code's side
    roll: float = 0.0
    tilt: float = 8.0
    defocus: float = 0.6
    motion: float = 0.5
    gain: float = 2.0
    screen: float = 1.0  # brightness of the phone
    room: float = 0.35  # brightness of the room
    exposure: float = 1.0
    bloom: float = 0.02
    glare: float = 0.0  # share of the code's area
    reflect: float = 0.0
    moire: float = 0.0
    bands: float = 0.0  # how dark they are
    thumb: float = 0.0  # share of the code's area
    jpeg: int = 0  # quality; 0: none
    dx: float = 0.0
    dy: float = 0.0
    frame: int = -1  # of a clip: its noise differs, all else stays


DEGRADATIONS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    # field of Scene: levels for QR, levels for Code 128, the mildest first
    "module": ((6, 4, 3, 2.5, 2.1, 1.8, 1.5, 1.2), (3.2, 2.5, 2, 1.6, 1.3, 1.1, 0.9, 0.7)),
    "inverted": ((0, 1), (0, 1)),
    "quiet": ((4, 2, 1, 0), (4, 2, 1, 0)),
    "logo": ((0.15, 0.2, 0.25, 0.3), ()),
    "roll": ((0, 15, 30, 45, 90, 135, 180), (0, 15, 30, 45, 90, 135, 180)),
    "tilt": ((15, 30, 40, 50, 60, 68), (15, 30, 40, 50, 60, 68)),
    "motion": ((2, 4, 6, 8, 10, 14), (1, 2, 3, 4, 6)),
    "defocus": ((1, 2, 3, 4, 5, 6), (0.7, 1.2, 1.8, 2.5, 3.2)),
    "glare": ((0.03, 0.06, 0.1, 0.15, 0.25), (0.03, 0.06, 0.1, 0.15, 0.25)),
    "thumb": ((0.02, 0.04, 0.07, 0.1, 0.15), (0.02, 0.04, 0.07, 0.1, 0.15)),
    "bands": ((0.5, 0.7, 0.85, 0.93, 0.98), (0.5, 0.7, 0.85, 0.93, 0.98)),
    "moire": ((0.2, 0.4, 0.6, 0.8, 1.0), (0.2, 0.4, 0.6, 0.8, 1.0)),
    "reflect": ((0.05, 0.1, 0.2, 0.4, 0.8, 1.6), (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)),
    "gain": ((8, 32, 64, 128, 256), (8, 32, 64, 128, 256)),
    "screen": ((0.3, 0.1, 0.04, 0.02, 0.01), (0.3, 0.1, 0.04, 0.02, 0.01)),
    "exposure": ((1.5, 2, 4, 8, 16, 32), (1.5, 2, 4, 8, 16, 32)),
    "bloom": ((0.05, 0.1, 0.2, 0.4, 0.8), (0.05, 0.1, 0.2, 0.4, 0.8)),
    "jpeg": ((50, 30, 15, 8, 4), (50, 30, 15, 8, 4)),
}
_WHOLE = {field.name: field.type for field in fields(Scene) if field.type in ("int", "bool")}


def _generator(*names: object) -> tuple[int, np.random.Generator]:
    """A seed of its own for every name, and its dice."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    seed = int.from_bytes(digest[:6], "big")
    return seed, np.random.default_rng(seed)


def plain(seed: int, number: int, kind: str, **shown: float) -> Scene:
    """A scene without difficulties, but for what `shown` says."""
    own, dice = _generator(seed, number, kind, sorted(shown.items()))
    bars = {"module": 2.5, "defocus": 0.4} if kind == "code128" else {}
    roll = float(shown.pop("roll", 0.0) + dice.uniform(-6, 6))
    chosen = {
        name: int(value) if name in _WHOLE else float(value)
        for name, value in {**bars, **shown}.items()
    }
    scene = Scene(
        seed=own,
        kind=kind,
        roll=roll,
        dark_app=bool(dice.random() < 0.25),
        room=float(dice.uniform(0.15, 0.6)),
        **chosen,  # type: ignore[arg-type]
    )
    if scene.logo:
        scene = replace(scene, level="h" if scene.logo > 0.2 else "q")
    return replace(scene, text=payload(dice, kind, number))


def mixed(seed: int, number: int, level: str) -> Scene:
    """One of the mixed suite: about seven QR codes to three Code 128; `level` as in LEVELS."""
    _, dice = _generator(seed, "mixed", level, number)
    kind = "qr" if dice.random() < 0.7 else "code128"
    scale = 1.0 if kind == "qr" else BARS
    shown = {"easy": _easy, "medium": _medium, "hard": _hard}[level](dice, scale)
    return plain(seed, number, kind, **shown)


def _easy(dice: np.random.Generator, scale: float) -> dict[str, float]:
    return {
        "module": dice.uniform(3.5, 6) * scale,
        "roll": dice.uniform(-10, 10),
        "tilt": dice.uniform(0, 15),
        "defocus": dice.uniform(0, 0.8),
        "motion": dice.uniform(0, 1.5),
        "gain": dice.uniform(1, 4),
    }


def _medium(dice: np.random.Generator, scale: float) -> dict[str, float]:
    turned = dice.random() < 0.4
    return {
        "module": dice.uniform(2.3, 4) * scale,
        "roll": dice.uniform(0, 360) if turned else dice.uniform(-15, 15),
        "tilt": dice.uniform(0, 35),
        "defocus": dice.uniform(0, 1.3) * scale,
        "motion": dice.uniform(0, 3) * scale,
        "gain": dice.uniform(2, 16),
        "quiet": float(dice.choice([2, 3, 4])),
        "exposure": dice.uniform(0.6, 1.5),
        "bloom": dice.uniform(0, 0.08),
        **_some(dice, glare=(0.3, 0.01, 0.06), bands=(0.3, 0.2, 0.7), moire=(0.3, 0.1, 0.4)),
        **_some(dice, reflect=(0.3, 0.03, 0.2), inverted=(0.1, 1, 1)),
    }


def _hard(dice: np.random.Generator, scale: float) -> dict[str, float]:
    turned = dice.random() < 0.5
    return {
        "module": dice.uniform(2.0, 3.6) * scale,
        "roll": dice.uniform(0, 360) if turned else dice.uniform(-20, 20),
        "tilt": dice.uniform(5, 45),
        "defocus": dice.uniform(0.2, 1.2) * scale,
        "motion": dice.uniform(0, 2.5) * scale,
        "gain": dice.uniform(4, 40),
        "quiet": float(dice.choice([1, 2, 4])),
        "exposure": dice.uniform(0.35, 1.8),
        "bloom": dice.uniform(0, 0.1),
        **_some(dice, glare=(0.25, 0.01, 0.05), bands=(0.3, 0.3, 0.85), moire=(0.3, 0.1, 0.5)),
        **_some(dice, reflect=(0.3, 0.03, 0.2), inverted=(0.2, 1, 1), thumb=(0.2, 0.01, 0.04)),
        **({"jpeg": float(dice.choice([15, 30, 50]))} if dice.random() < 0.2 else {}),
    }


def _some(dice: np.random.Generator, **odds: tuple[float, float, float]) -> dict[str, float]:
    """Each with its probability, between its bounds."""
    return {
        name: dice.uniform(low, high)
        for name, (share, low, high) in odds.items()
        if dice.random() < share
    }


def suite(seed: int, count: int, level: str) -> list[Scene]:
    return [mixed(seed, number, level) for number in range(count)]


def empty(seed: int, count: int) -> list[Scene]:
    """Counters without a phone; every one another counter."""
    return [
        Scene(
            seed=_generator(seed, "empty", number)[0],
            kind="none",
            gain=EMPTY_GAINS[number % 3],
            defocus=EMPTY_DEFOCUS[number % 3],
        )
        for number in range(count)
    ]


def sweep(seed: int, count: int, name: str, kind: str) -> dict[float, list[Scene]]:
    """`count` scenes for each level of one degradation."""
    return {
        level: [plain(seed, number, kind, **{name: level}) for number in range(count)]
        for level in DEGRADATIONS[name][KINDS.index(kind)]
    }


def clip(seed: int, number: int, frames: int = CLIP_FRAMES) -> Iterator[Scene]:
    """A phone comes in from one side and slows down while focus and exposure settle; in the second half only
    the hand trembles. 30 frames a second."""
    _, dice = _generator(seed, "clip", number)
    kind = "qr" if dice.random() < 0.7 else "code128"
    scale = 1.0 if kind == "qr" else BARS
    roll = dice.uniform(-20, 20) if dice.random() < 0.7 else dice.uniform(0, 360)
    still = plain(seed, 1000 + number, kind)
    still = replace(
        still,
        module=float(dice.uniform(2.4, 4.5) * scale),
        tilt=float(dice.uniform(0, 25)),
        gain=float(dice.uniform(2, 12)),
        bloom=0.05,
        roll=float(roll),
    )
    angle, way, slowing = dice.uniform(0, 2 * math.pi), dice.uniform(500, 800), dice.uniform(8, 16)
    blur, light = dice.uniform(2, 5), dice.uniform(2, 6)
    for frame in range(frames):
        left = way * math.exp(-frame / slowing * 2.2)
        yield replace(
            still,
            dx=float(left * math.cos(angle) + dice.normal() * 0.6),
            dy=float(0.7 * left * math.sin(angle) + dice.normal() * 0.6),
            motion=float(min(40, 0.35 * left * 2.2 / slowing) + abs(dice.normal()) * 0.5),
            defocus=float(0.5 * scale + blur * math.exp(-frame / 9)),
            exposure=float(1 + light * math.exp(-frame / 6)),
            frame=frame,
        )
