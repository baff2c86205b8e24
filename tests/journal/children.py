"""Other processes: work done in a fork, which never comes back into the test that started it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable


def start(work: Callable[[], object]) -> int:
    """The process that does `work` and then ends without closing anything, as a killed one does."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def run(work: Callable[[], object]) -> None:
    """`work`, done by a process that has died since."""
    assert os.waitpid(start(work), 0)[1] == 0


def told(work: Callable[[], bytes]) -> bytes:
    """What `work` returned in another process."""
    reader, writer = os.pipe()
    child = start(lambda: os.write(writer, work()))
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return said
