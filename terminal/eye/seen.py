"""What was read, and in which picture of the frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from terminal.eye.readers import Reading, second_opinions

Affine: TypeAlias = tuple[float, float, float, float, float, float]
"""x' = a x + b y + c, y' = d x + e y + f."""


@dataclass(frozen=True, slots=True)
class View:
    """A picture made of the frame or a part of it. `to_frame`: from its px to the frame's. `name`: how it was
    made; two readings of one reader are two witnesses when the names differ. `scale`: px for one."""

    name: str
    picture: Any  # memoryview or NDArray[uint8], (rows, cols)
    to_frame: Affine = (1, 0, 0, 0, 1, 0)
    scale: int = 1

    def changed(self, name: str, picture: Any) -> View:
        """The same part of the frame in another picture."""
        return replace(self, name=f"{self.name} {name}", picture=picture)


@dataclass(frozen=True, slots=True)
class Code:
    """A code that was read. `box`: left, top, right, bottom in px of the frame; `stage`: which one read it."""

    text: str
    symbology: str
    box: tuple[int, int, int, int]
    stage: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A reading and the view it was read in."""

    reading: Reading
    view: View

    def code(self, stage: str) -> Code:
        """What was read, in the frame's px."""
        a, b, c, d, e, f = self.view.to_frame
        xs = [a * x + b * y + c for x, y in self.reading.corners] or [0.0]
        ys = [d * x + e * y + f for x, y in self.reading.corners] or [0.0]
        box = round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys))
        return Code(self.reading.text, self.reading.symbology, box, stage)

    @property
    def witness(self) -> str:
        return f"{self.reading.reader} {self.view.name}"

    def second_opinions(self) -> list[Seen]:
        found = second_opinions(self.view.picture, self.reading.corners)
        return [Seen(reading, self.view) for reading in found]
