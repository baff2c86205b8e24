"""A guest: a Linux kernel of its own, run as an ordinary process (User-Mode Linux) on this machine's own tree.

    share = Path(tempfile.mkdtemp())
    with Guest(kernel.find().linux, ["python", "job.py"], share, arguments=["ubd0=disk.img"]) as guest:
        code = guest.wait(60)
    print(guest.output())

The guest sees the host's files read-only at their own paths. Writable are /run (its memory) and `share`, which is
/run/share there; what it writes to a file in it is on the host when `write` returns. Leaving `with` kills the
guest if it still runs; `kill` is a power cut: what was not written to a disk (ubd0=IMAGE is /dev/ubda) is gone.

Making a Guest returns when its job begins. A boot that hangs is begun anew: about one in thirty does on a busy
host, always while a module is copied into the kernel's memory (a page fault that User-Mode Linux answers again and
again).

A guest has one processor and stays on one of the host's: every change of processor costs it ten times over.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

INIT = Path(__file__).with_name("init.sh")
CONSOLE_TAIL_LINES = 15
BOOT_TIMEOUT_S = 20.0  # it takes 0.5 s, and 4 s on a host with ten others for each processor
BOOTS_MAX = 5
LOOK_S = 0.01


class NotBooted(Exception):
    """The guest does not come up, or ended without its job's exit code; the message shows the console."""


class Guest:
    def __init__(
        self,
        linux: Path,
        job: Sequence[str],
        share: Path,
        *,
        memory_mib: int = 1024,
        cpu: int | None = None,
        modules: Sequence[Path] = (),
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Boots `linux`, loads `modules` and runs `job` as root. `share` must exist, `arguments` go to the kernel.
        `cpu`: the host's processor to stay on, None: the last one that we may use. NotBooted."""
        self.share = share.absolute()
        exports = [
            f"export {name}={shlex.quote(text)}\n" for name, text in (environment or {}).items()
        ]
        loads = [f"insmod {shlex.quote(str(module))} || exit\n" for module in modules]
        (self.share / "modules").write_text("".join(loads))
        (self.share / "job").write_text("".join(exports) + f"exec {shlex.join(job)}\n")
        stays_on = max(os.sched_getaffinity(0)) if cpu is None else cpu
        self._command = [
            *("taskset", "-c", str(stays_on), str(linux), f"mem={memory_mib}M"),
            *("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", f"init={INIT}"),
            *("con=null", "con0=null,fd:1", "con1=null", "ssl=null"),
            *("random.trust_cpu=on", "loglevel=4"),
            *(f"umid=guest-{os.getpid()}-{id(self)}", f"uml_dir={self.share}"),
            *arguments,
            f"SHARE={self.share}",  # words that the kernel does not know are init's environment
        ]
        for _ in range(BOOTS_MAX):
            if self._boots():
                return
        raise NotBooted(f"the guest does not come up:\n{self.console()}")

    def _boots(self) -> bool:
        """Whether the job has begun. NotBooted when the guest has ended before."""
        for name in ("booted", "exit", "output"):
            (self.share / name).unlink(missing_ok=True)
        self._console = (self.share / "console").open("wb")
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], "TMPDIR": "/dev/shm"},  # where its memory lies
            start_new_session=True,  # its processes are ours to kill together
        )
        deadline_s = time.monotonic() + BOOT_TIMEOUT_S
        while time.monotonic() < deadline_s:
            if (self.share / "booted").exists():
                return True
            if not self.runs:
                raise NotBooted(
                    f"the guest ended while it booted:\n{self.output()}{self.console()}"
                )
            time.sleep(LOOK_S)
        self.kill()
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout_s: float) -> int:
        """The job's exit code. NotBooted without one; subprocess.TimeoutExpired when it takes longer."""
        self._process.wait(timeout_s)
        try:
            return int((self.share / "exit").read_text())
        except (FileNotFoundError, ValueError):
            raise NotBooted(f"the guest ended without a result:\n{self.console()}") from None

    def kill(self) -> None:
        """The plug is pulled. Nothing of the guest runs when this returns."""
        with suppress(ProcessLookupError):  # it has ended
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._console.close()

    def output(self) -> str:
        """What the job has said so far, on both streams."""
        try:
            return (self.share / "output").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def console(self) -> str:
        """The last lines of the kernel's console."""
        text = (self.share / "console").read_text(errors="replace")
        return "\n".join(text.splitlines()[-CONSOLE_TAIL_LINES:])
