"""What a buzzer was heard to play, from the edges on its pin. Pure.

Lengths and pitches are only as good as the guest's clock, which ticks 100 times a second, so nothing is measured
against a limit: a sound is the pattern of the house that it is most like.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from tests.rig.wires import Edge

BREAK_NS = 25_000_000  # a silence: longer than a tone's period, shorter than any pause of a pattern

Note = tuple[int, int]  # Hz (0: silence), ms


class Tone(NamedTuple):
    start_ns: int
    end_ns: int
    periods: int  # 1: an active buzzer was switched on and off

    @property
    def length_ms(self) -> float:
        return (self.end_ns - self.start_ns) / 1e6

    @property
    def pitch_hz(self) -> float:
        return self.periods / (self.end_ns - self.start_ns) * 1e9


def tones(edges: Iterable[Edge], now_ns: int) -> list[Tone]:
    """Runs of highs without a silence between them. What may still be sounding is left out."""
    found: list[Tone] = []
    high_ns: int | None = None
    for edge in edges:
        if edge.level:
            high_ns = edge.at_ns if high_ns is None else high_ns
        elif high_ns is not None:
            if found and high_ns - found[-1].end_ns < BREAK_NS:
                last = found.pop()
                found.append(Tone(last.start_ns, edge.at_ns, last.periods + 1))
            else:
                found.append(Tone(high_ns, edge.at_ns, 1))
            high_ns = None
    return [tone for tone in found if now_ns - tone.end_ns > BREAK_NS]


def likeness(played: Sequence[Tone], pattern: Sequence[Note]) -> float:
    """How far apart they are in the mean of all lengths and pitches: 0 the same, 1 a factor of e; inf when the
    count differs."""
    notes = [note for note in pattern if note[0]]
    if len(notes) != len(played):
        return math.inf
    apart: list[float] = []
    for tone, (pitch_hz, length_ms) in zip(played, notes, strict=True):
        apart.append(abs(math.log(tone.length_ms / length_ms)))
        if tone.periods > 1:
            apart.append(abs(math.log(tone.pitch_hz / pitch_hz)))
    pauses = [length_ms for pitch_hz, length_ms in pattern if not pitch_hz]
    for (one, other), pause_ms in zip(pairwise(played), pauses, strict=True):
        apart.append(abs(math.log(max(1, (other.start_ns - one.end_ns) / 1e6) / pause_ms)))
    return sum(apart) / len(apart)


def found(
    played: Sequence[Tone], name: str, patterns: Mapping[str, Sequence[Note]], like: float
) -> list[Tone] | None:
    """The first tones in a row that are this pattern: nearer to it than to any other, and in the mean of all its
    lengths and pitches no further than `like`. None when it was not played."""
    count = sum(1 for pitch_hz, _ in patterns[name] if pitch_hz)
    for start in range(len(played) - count + 1):
        row = list(played[start : start + count])
        apart = {other: likeness(row, pattern) for other, pattern in patterns.items()}
        if apart[name] <= like and apart[name] == min(apart.values()):
            return row
    return None
