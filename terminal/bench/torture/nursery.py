"""Daemons that start fast. `python -m terminal.bench.torture.nursery MODULE`: a process that has imported what a
daemon imports, and on request becomes one by fork. A start then costs a tenth of the time, so that ten times
as many can be killed; what is left out are imports, and they touch no file of ours.

What runs in the child is `python -m MODULE run --config FILE`, to the letter. A cold start is asked for with
"cold": the child is replaced by a fresh interpreter.

One daemon at a time. On standard input, one JSON line to start it and an empty line to bury it; on standard
output its process number, and its exit code. Until it is buried its number belongs to nobody else, so whoever
has the number may kill it. When the input ends, so does the daemon.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from terminal import screens

WARM = (
    "PIL.ImageDraw",
    "PIL.ImageFont",
    "cryptography.hazmat.primitives.asymmetric.padding",
    "cryptography.hazmat.primitives.serialization",
    "requests",
    "terminal.cli",
    "terminal.wiring",
    "terminal.gateways.paycloud",
    "terminal.devices.display.emulated",
    "terminal.devices.keypad.emulated",
    "terminal.devices.buzzer.emulated",
    "terminal.devices.camera.emulated",
    "terminal.devices.scanner.serial",
    "terminal.devices.scanner.camera",
    "terminal.eye",
    "cv2",
    "zxingcpp",
    "pyzbar.pyzbar",
)


def main(argv: list[str]) -> int:
    """The nursery's life."""
    for name in (*WARM, *_screens()):
        import_module(name)
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _be(argv[0], json.loads(line))
        print(child, flush=True)
        if not sys.stdin.readline():
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return 0


def _screens() -> list[str]:
    """They are imported when they are first shown."""
    return [f"{screens.__name__}.{found.name}" for found in iter_modules(screens.__path__)]


def _be(module: str, wanted: dict[str, Any]) -> None:
    """The daemon. Never returns."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor, source in enumerate((nothing, log, log)):
        os.dup2(source, descriptor)
    words = ["run", "--config", wanted["config"]]
    code = 1
    try:
        os.chdir(Path(wanted["config"]).parent)
        if wanted["cold"]:
            os.execv(sys.executable, [sys.executable, "-m", module, *words])  # noqa: S606  # nosec B606
        sys.argv = [module, *words]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


class Nursery:
    """The process, from outside. One daemon at a time."""

    def __init__(self, module: str = "terminal") -> None:
        root = Path(__file__).parents[3]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, module],
            env={**os.environ, "PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, config: Path, log: Path, *, cold: bool = False) -> int:
        """The number of a new daemon, which is on its way up."""
        wanted = {"config": str(config), "log": str(log), "cold": cold}
        return self._said(json.dumps(wanted))

    def bury(self) -> int:
        """Wait for its end; its exit code, -9 when it was killed."""
        return self._said("")

    def _said(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
