"""Sees. Pictures to codes, QR and Code 128: what wallets show.

Two faces. `read_codes(gray)` looks at a single picture: stage after stage until one has read it. `watch.Watch`
looks at a camera's frames: a change gate, the cheapest stages on every changed frame, and one further stage
each time, for a code stays in view for many frames.

    readers   zxing-cpp and zbar
    judge     what is believed, and why
    look      a frame, the views made of it, and what was read in them
    whole     the stages that need zxing-cpp alone     down to here no numpy, no OpenCV
    pictures  how views are made
    places    where a code may be
    bars      our own reader of blurred Code 128
    squares/  our own reader of QR codes with holes, and of finders that a reflection touches
    stages    the table of all stages
    watch     a camera's frames: gate, track, round

A frame is used as it lies in memory, a view of a wider plane too; nothing is copied or converted. Nothing
here loads a library before the first frame, so a daemon without a camera has none of them, and without
OpenCV the whole-frame stages of zxing-cpp still read (decoding.md 3.8).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from terminal.eye.look import See
    from terminal.eye.seen import Code

    Gray: TypeAlias = memoryview | NDArray[np.uint8]
    """One frame: unsigned bytes in (rows, cols), 0 black .. 255 white."""

__all__ = ["CODE_128_MIN", "read_codes"]

CODE_128_MIN = 12
"""Characters of a Code 128 that may be a payment code. What is shorter, the camera does not deliver."""


def read_codes(gray: Gray, budget_ms: int | None = None, *, shortest: int = 1) -> list[Code]:
    """The code in a picture: a list of one, or empty. TypeError when `gray` is no frame of bytes.

    `budget_ms`: no further stage begins after that time; None: all stages. `shortest`: characters of a
    Code 128 that is taken; the counter's camera asks for CODE_128_MIN.
    """
    began_s = time.monotonic()
    frame = frame_of(gray)
    if not frame.nbytes:
        return []
    from terminal.eye.judge import Judge
    from terminal.eye.look import Look

    judge, look = Judge(shortest), Look(frame)
    for name, see in _stages():
        judge.hear(name, see(look))
        if judge.decided:
            break
        if budget_ms is not None and time.monotonic() - began_s > budget_ms / 1000:
            break
    return judge.verdict()


def _stages() -> Iterator[tuple[str, See]]:
    """What needs zxing-cpp alone comes first until OpenCV is there; without OpenCV there is no more."""
    from terminal.eye import whole

    if "terminal.eye.stages" not in sys.modules:
        yield "fast", whole.fast
        yield "tries", whole.tries
    try:
        from terminal.eye import stages
    except ImportError:
        yield "histogram", whole.histogram
    else:
        yield from stages.STAGES.items()


def frame_of(gray: Gray) -> memoryview:
    """`gray` as a view of unsigned bytes in (rows, cols), else TypeError. Nothing is copied."""
    view = memoryview(
        cast("memoryview", gray)
    )  # numpy's arrays are buffers; 3.11's types do not say so
    if view.ndim != 2 or view.format != "B":
        raise TypeError(f"a frame is uint8 in (rows, cols), not {view.format!r} in {view.shape}")
    return view
