"""The camera's frames, one after another. A code stays in view for many of them, so each frame gets only the
cheapest stages and one further stage of a fixed round.

    gate     nothing but the empty counter: no stage, but for every WAKE_FRAMES-th frame
    track    where the last code was
    half     zxing-cpp on every changed frame, at half its size when it is large
    one      the next of ROUND, in which zxing-cpp on the full frame has every fourth turn; what just read
             something is asked again first, for Code 128 wants a second witness. A stage that took longer
             than its time sits out as many rounds.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from terminal.eye import CODE_128_MIN, frame_of, whole
from terminal.eye.judge import Judge
from terminal.eye.look import HALF_FROM_PX, Look, See
from terminal.eye.seen import Code

if TYPE_CHECKING:
    from terminal.eye import Gray

Box: TypeAlias = tuple[int, int, int, int]

WAKE_FRAMES = 30
TRACK_FRAMES = 30  # how long the last place is looked at first
AGAIN_FRAMES = 3  # how often a stage that read something is asked again
ROUND = (
    "fast",
    "crop 1",
    "gray bars 1",
    "threshold 1",
    "crop 2",
    "fast",
    "soft sharp 1",
    "gray bars 2",
    "finders 1",
    "tries",
    "sharp 1",
    "fast",
    "threshold 2",
    "bars 1",
    "quads",
)
WITHOUT_OPENCV: dict[str, See] = {
    "fast": whole.fast,
    "tries": whole.tries,
    "histogram": whole.histogram,
}
ALL = "terminal.eye.stages"  # with OpenCV and numpy


class Watch:
    """`budget_ms`: time of a frame's one further stage. `shortest`: characters of a Code 128 that is taken."""

    def __init__(self, budget_ms: int = 100, *, shortest: int = CODE_128_MIN) -> None:
        self._budget_s = budget_ms / 1000
        self._judge = Judge(shortest)
        self._gate: Any = None
        self._stages = WITHOUT_OPENCV
        self._round = ["tries", "histogram"]
        self._loading: threading.Thread | None = None
        self._turn = 0
        self._idle = 0
        self._sits_out: dict[str, int] = {}
        self._again: tuple[str, int] | None = None
        self._last: Code | None = None
        self._since_last = 0
        if _is_loaded():
            self._open()

    def begin(self) -> None:
        """Another customer: what was read before counts no more. The empty counter stays known."""
        self._judge = Judge(self._judge.shortest)
        self._last = self._again = None

    def look(self, gray: Gray) -> list[Code]:
        """The code in this frame: a list of one, or empty. TypeError when `gray` is no frame of bytes."""
        frame = frame_of(gray)
        self._judge.next_frame()
        self._since_last += 1
        if not frame.nbytes:
            return []
        area = self._area(frame)
        if area is None:
            return []
        found = self._tracked(frame) or self._in(frame, area)
        if found and self._is_alone(found[0], frame):
            self._last, self._since_last = found[0], 0
            return found
        if self._gate is None:
            self._want_more()
        return []

    def _want_more(self) -> None:
        """zxing-cpp alone has not read this frame: OpenCV is loaded meanwhile, where there is one."""
        if self._loading is None:
            self._loading = threading.Thread(target=_load, name="eye loading", daemon=True)
            self._loading.start()
        elif not self._loading.is_alive() and _is_loaded():
            self._open()

    def _open(self) -> None:
        from terminal.eye.gate import Gate
        from terminal.eye.stages import STAGES

        self._gate, self._stages = Gate(), STAGES
        self._round, self._turn, self._again = list(ROUND), 0, None

    def _area(self, frame: memoryview) -> Box | None:
        """What to look at: what changed, now and then the whole frame, or nothing."""
        rows, cols = frame.shape or (0, 0)
        whole_frame = (0, 0, cols, rows)
        area = self._gate.area(frame) if self._gate else whole_frame
        self._idle = 0 if area else self._idle + 1
        return area if area or self._idle % WAKE_FRAMES else whole_frame

    def _tracked(self, frame: memoryview) -> list[Code]:
        """The last code, if it is still there."""
        if not self._last or self._since_last > TRACK_FRAMES or not self._gate:
            return []
        left, top, right, bottom = self._last.box
        more = max(right - left, bottom - top) // 4 + 16
        rows, cols = frame.shape or (0, 0)
        left, top = max(0, left - more), max(0, top - more)
        box = left, top, min(cols, right + more), min(rows, bottom + more)
        if box[0] >= box[2] or box[1] >= box[3]:  # it was another size of frame
            return []
        return self._read(frame, box, {"track": whole.fast})

    def _in(self, frame: memoryview, area: Box) -> list[Code]:
        name = self._next()
        first = "half" if self._gate and max(frame.shape or (0,)) > HALF_FROM_PX else "fast"
        names = (first, name)
        stages = {each: self._stages[each] for each in names}
        return self._read(frame, area, stages)

    def _is_alone(self, code: Code, frame: memoryview) -> bool:
        """Whether nobody else's code is in the frame, when it was read in a part of it."""
        if code.stage not in ("half", "fast", "tries"):
            self._judge.hear("fast", whole.fast(Look(frame)))
        return bool(self._judge.verdict())

    def _next(self) -> str:
        """Whose turn it is. At the end of a round that read nothing, the gate may learn the scene."""
        if self._again:
            name, times = self._again
            self._again = (name, times - 1) if times > 1 else None
            return name
        for _ in self._round:
            name = self._round[self._turn]
            self._turn = (self._turn + 1) % len(self._round)
            if self._turn == 0 and self._gate:
                self._gate.learn()
            if not self._sits_out.get(name):
                return name
            self._sits_out[name] -= 1
        return self._round[self._turn]

    def _read(self, frame: memoryview, area: Box, stages: dict[str, See]) -> list[Code]:
        """The first code that one of the stages reads in that part of the frame."""
        look = Look(_window(frame, area))
        for name, see in stages.items():
            began_s = time.monotonic()
            heard = self._judge.heard
            self._judge.hear(name, see(look))
            if self._judge.heard and not heard and name in self._stages:
                self._again = name, AGAIN_FRAMES
            took = (time.monotonic() - began_s) / self._budget_s
            if took > 1:
                self._sits_out[name] = int(took)
            if self._judge.decided:
                break
        return [_shifted(code, *area[:2]) for code in self._judge.verdict()]


def _shifted(code: Code, x: int, y: int) -> Code:
    left, top, right, bottom = code.box
    return replace(code, box=(left + x, top + y, right + x, bottom + y))


def _is_loaded() -> bool:
    return ALL in sys.modules


def _load() -> None:
    with suppress(ImportError):  # without OpenCV the eye stays as it began
        import_module(ALL)


def _window(frame: memoryview, box: Box) -> memoryview:
    """That part of the frame, where it lies."""
    left, top, right, bottom = box
    if box == (0, 0, *(frame.shape or ())[::-1]):
        return frame
    import numpy as np

    return frame_of(np.asarray(frame)[top:bottom, left:right])
