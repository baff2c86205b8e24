"""A reader for Code 128 that is blurred, noisy, inverted or without its quiet zone, where zxing-cpp and zbar
read nothing. Both look for edges in a picture made black and white; this one compares gray values.

The bars stand upright in the piece. It is cut into strips; each is averaged along the bars, which takes most
of the noise off and leaves one profile. Start and module width are found where a start character fits best;
then, character by character, the pattern that correlates best with the profile is taken and the place is
followed, so a tilted code's growing modules do no harm. The check character must be right, and two strips
must say the same and none another: that is the second reading that Code 128 needs (decoding.md 6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Piece: TypeAlias = NDArray[np.uint8]
Profile: TypeAlias = NDArray[np.float32]

CHARACTERS_MAX = 48
STRIPS = 10
FINE = 3  # samples for a module
BLURS = (0.3, 0.65)  # of the patterns, in modules: sharp and soft
MODULES = (80, 90, 101, 112, 123, 134, 145, 156, 167, 178, 200, 222, 255)  # that may fill the box
FIT_MIN = 0.82  # correlation of a character
STOP_FIT_MIN = 0.75
START_FIT_MIN = 0.70
STARTS_TRIED = 3
START_WITHIN = 0.35  # of the piece from its end
STRIPS_AGREEING = 3
STRIPS_WITHOUT = 4  # with nothing in them: there is no code

# ISO/IEC 15417 table 1: widths of bar, space, bar, space, bar, space; then the starts A, B, C and the stop.
WIDTHS = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231"
    "113222123122123221223211221132221231213212223112312131311222321122321221312212322112322211"
    "212123212321232121111323131123131321112313132113132311211313231113231311112133112331132131"
    "113123113321133121313121211331231131213113213311213131311123311321331121312113312311332111"
    "314111221411431111111224111422121124121421141122141221112214112412122114122411142112142211"
    "241211221114413111241112134111111242121142121241114212124112124211411212421112421211212141"
    "214121412121111143111341131141114113114311411113411311113141114131311141411131211412211214"
    "211232"
)
STOP_WIDTHS = "2331112"
START_A, START_B, START_C, STOP = 103, 104, 105, 106
CODE_C, CODE_B, CODE_A, SHIFT = 99, 100, 101, 98


def _modules(widths: str) -> list[int]:
    """1 for dark, with the module of the neighbours that is always there: light before, dark after."""
    dark = [int(place % 2 == 0) for place, width in enumerate(widths) for _ in range(int(width))]
    return [0, *dark, 1]


def _patterns(rows: list[list[int]]) -> Profile:
    """Each pattern as a profile at each blur, mean 0 and length 1; the rows of one blur after another's."""
    fine = np.repeat(np.array(rows, np.float32), FINE, axis=1)
    soft = [cv2.GaussianBlur(fine, (0, 0), sigmaX=blur * FINE, sigmaY=0.01) for blur in BLURS]
    return _unit(np.vstack(soft))


def _unit(rows: NDArray[np.float32]) -> Profile:
    rows = rows - rows.mean(axis=-1, keepdims=True)
    unit: Profile = rows / (np.linalg.norm(rows, axis=-1, keepdims=True) + 1e-6)
    return unit


_CHARACTERS = _patterns([_modules(WIDTHS[6 * value : 6 * value + 6]) for value in range(106)])
_STARTS = _patterns([_modules(WIDTHS[6 * value : 6 * value + 6]) for value in range(START_A, 106)])
_STOP = _patterns([[*_modules(STOP_WIDTHS)[:-1], 0]])
_CELL = np.arange(13 * FINE) / FINE - 1 + 0.5 / FINE  # modules from the beginning of a character
_STOP_CELL = np.arange(15 * FINE) / FINE - 1 + 0.5 / FINE
_SHIFTS = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])  # modules
_STRETCHES = np.array([0.95, 0.975, 1.0, 1.025, 1.05])
_TRIALS = np.array([(shift, stretch) for shift in _SHIFTS for stretch in _STRETCHES])


@dataclass(frozen=True, slots=True)
class Start:
    """Where a code may begin: px of the profile, px for a module, and how well the pattern fits."""

    at: float
    module: float
    fit: float
    mirrored: bool
    inverted: bool


def read_bars(piece: Piece, width: float) -> str | None:
    """The text of the Code 128 in a piece whose bars stand upright; None when two strips do not agree.

    `width`: about how many px the code has across.
    """
    said: list[tuple[int, ...]] = []  # the characters of every strip that was read to its end
    start: Start | None = None
    for number, profile in enumerate(_profiles(piece)):
        if number == STRIPS_WITHOUT and not said:
            return None
        for tried in [start] if start else _starts(profile, width):
            values = _values(_turned(profile, tried), tried)
            if values:
                said.append(values)
                start = tried
                break
    return _agreed(said)


def _agreed(said: list[tuple[int, ...]]) -> str | None:
    """The text that most strips say, and no other whole one."""
    whole = {values for values in said if _is_whole(values)}
    if len(whole) != 1:
        return None
    (values,) = whole
    for_it = said.count(values)
    if for_it < STRIPS_AGREEING or 2 * for_it <= len(said):
        return None
    return _text(values) or None


def _profiles(piece: Piece) -> list[Profile]:
    """The strips that show bars, averaged, those with the most first; dark is high."""
    rows, cols = piece.shape
    high = rows // STRIPS
    if high < 1 or cols < 60:
        return []
    strips = piece[: high * STRIPS].reshape(STRIPS, high, cols)
    means = 255 - strips.mean(axis=1, dtype=np.float32)
    change = np.abs(np.diff(means, axis=1)).sum(axis=1)
    best = [number for number in np.argsort(-change) if change[number] > 0.6 * change.max()]
    return [_levelled(means[number]) for number in best]


def _levelled(profile: Profile) -> Profile:
    """Without the slow changes of brightness and contrast."""
    reach = max(15, len(profile) // 8) | 1
    row = profile[None]
    mean = cv2.blur(row, (reach, 1))
    spread = cv2.sqrt(cv2.blur((row - mean) ** 2, (reach, 1)) + 4)
    levelled: Profile = ((row - mean) / spread)[0]
    return levelled


def _turned(profile: Profile, start: Start) -> Profile:
    profile = profile[::-1] if start.mirrored else profile
    return -profile if start.inverted else profile


def _starts(profile: Profile, width: float) -> list[Start]:
    """The most likely places, best first."""
    found = [
        start
        for mirrored in (False, True)
        for modules in MODULES
        for start in _starts_of(profile[::-1] if mirrored else profile, width / modules, mirrored)
    ]
    found.sort(key=lambda start: -start.fit)
    return found[:STARTS_TRIED]


def _starts_of(profile: Profile, module: float, mirrored: bool) -> Iterator[Start]:
    """The best dark and the best light start character of this module width."""
    if module < 1:
        return
    places = np.arange(0, len(profile), module / FINE)
    fine = np.interp(places[: int(len(places) * START_WITHIN)], np.arange(len(profile)), profile)
    if len(fine) < 2 * 13 * FINE:
        return
    windows = np.lib.stride_tricks.sliding_window_view(fine.astype(np.float32), 13 * FINE)
    fits = _unit(windows) @ _STARTS.T
    for inverted, strength in ((False, fits.max(axis=1)), (True, -fits.min(axis=1))):
        best = int(strength.argmax())
        if strength[best] > START_FIT_MIN:
            at = float(places[best] + module)
            yield Start(at, module, float(strength[best]), mirrored, inverted)


def _values(profile: Profile, start: Start) -> tuple[int, ...]:
    """The characters from start to check; empty when one of them, or the stop, does not fit well."""
    values: list[int] = []
    at, module = start.at, start.module
    while len(values) < CHARACTERS_MAX and at + 11 * module < len(profile):
        value, fit, shift, stretch = _best(profile, at, module)
        if len(values) > 2 and _fit_of_stop(profile, at, module) > max(STOP_FIT_MIN, fit):
            return tuple(values)
        if fit < FIT_MIN:
            return ()
        values.append(value)
        at += module * (shift + 11 * stretch)
        module *= 0.5 + 0.5 * stretch
    return ()


def _best(profile: Profile, at: float, module: float) -> tuple[int, float, float, float]:
    """The character at this place: value, fit, and by how much place and module were off."""
    cells = at + module * (_TRIALS[:, :1] + _CELL * _TRIALS[:, 1:])
    fits = _unit(_sampled(profile, cells)) @ _CHARACTERS.T
    trial, column = np.unravel_index(int(fits.argmax()), fits.shape)
    shift, stretch = _TRIALS[trial]
    return int(column) % 106, float(fits[trial, column]), float(shift), float(stretch)


def _fit_of_stop(profile: Profile, at: float, module: float) -> float:
    cells = at + module * (_TRIALS[:, :1] + _STOP_CELL * _TRIALS[:, 1:])
    return float((_unit(_sampled(profile, cells)) @ _STOP.T).max())


def _sampled(profile: Profile, cells: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.interp(cells, np.arange(len(profile)), profile).astype(np.float32)


def _is_whole(values: tuple[int, ...]) -> bool:
    if len(values) < 3 or values[0] < START_A or any(value >= START_A for value in values[1:]):
        return False
    total = values[0] + sum(place * value for place, value in enumerate(values[1:-1], 1))
    return total % 103 == values[-1]


def _text(values: tuple[int, ...]) -> str:
    """The characters in between; empty for what no wallet uses: function characters and controls."""
    text, table = "", values[0] if values else 0
    for value in values[1:-1]:
        switched = _switched(table, value)
        if switched:
            table = switched
        elif table == START_C and value < 100:
            text += f"{value:02d}"
        elif table != START_C and value < (96 if table == START_B else 64):
            text += chr(32 + value)
        else:
            return ""
    return text


def _switched(table: int, value: int) -> int | None:
    """The table that holds from here on, when this character changes it."""
    changes = {CODE_C: START_C, CODE_B: START_B, CODE_A: START_A}
    target = changes.get(value)
    return target if target != table else None
