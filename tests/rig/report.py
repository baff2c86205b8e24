"""What a guest has seen, a row for each device. Inside the guest they are lines of JSON on its output."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

WHY_MAX = 300
STATES = {True: "ok", False: "RED", None: "--"}
HEADS = ("", "device", "real library", "real kernel interface", "observed")


class Row(NamedTuple):
    device: str
    library: str
    kernel: str
    observed: str
    ok: bool | None  # None: the guest's kernel has no such thing


@contextmanager
def row(device: str, library: str, kernel: str) -> Iterator[list[str]]:
    """Say what was observed by appending to the list; an exception makes the row red, and the next one goes on."""
    seen: list[str] = []
    ok = False
    try:
        yield seen
        ok = True
    except Exception as fault:
        traceback.print_exc()
        seen.append(f"{type(fault).__name__}: {fault}"[:WHY_MAX])
    print(json.dumps(Row(device, library, kernel, "; ".join(seen), ok)._asdict()), flush=True)


def lacking(device: str, library: str, kernel: str, what: str) -> None:
    """A row that cannot be had here: neither green nor red."""
    print(json.dumps(Row(device, library, kernel, f"this kernel has no {what}", None)._asdict()))


def done() -> None:
    """The last line: without it a guest has ended before it was through."""
    print(json.dumps({"done": True}), flush=True)


def rows(guest: str, output: str) -> list[Row]:
    """What a guest has reported, and a red row if it did not come to its end."""
    found, ended = [], False
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        said = json.loads(line)
        if "done" in said:
            ended = True
        else:
            found.append(Row(**said))
    if not ended:
        found.append(Row(guest, "", "", "the guest ended before it was through", False))
    return found


def table(found: Iterable[Row]) -> str:
    """For people: columns as wide as what stands in them, the last one running on."""
    lines = [
        HEADS,
        *((STATES[row.ok], row.device, row.library, row.kernel, row.observed) for row in found),
    ]
    wide = [max(len(line[column]) for line in lines) for column in range(len(HEADS) - 1)]
    return "\n".join(
        "  ".join(
            [*(word.ljust(width) for word, width in zip(line[:-1], wide, strict=True)), line[-1]]
        )
        for line in lines
    )


def green(found: Iterable[Row]) -> bool:
    """Something was seen, and nothing was wrong."""
    states = [row.ok for row in found]
    return True in states and False not in states


def closing(found: Iterable[Row]) -> str:
    states = [row.ok for row in found]
    line = f"{states.count(True)} passed, {states.count(False)} failed"
    return f"{line}, {states.count(None)} skipped" if None in states else line
