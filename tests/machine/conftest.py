"""A fresh Debian with systemd and sshd, booted in a container: what a technician's machine finds in a shop."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOOT_S = 300.0  # the first time its packages are fetched
SHELL_S = 300.0


@dataclass
class Machine:
    """`boot`, `cut` (the power), and a shell on it as root."""

    suite: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def ssh(self) -> tuple[str, ...]:
        return (f"IdentityFile={self.folder}/id", f"UserKnownHostsFile={self.folder}/known_hosts")

    def boot(self) -> None:
        command = [ROOT / "scripts" / "machine", self.suite, self.folder, str(self.port)]
        log = (self.folder.parent / "console.log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + BOOT_S
        while self.shell("true", check=False).returncode:
            assert self.process.poll() is None, (self.folder.parent / "console.log").read_text()
            assert time.monotonic() < until, "the machine does not boot"
            time.sleep(0.2)

    def cut(self) -> None:
        """The power."""
        assert self.process
        subprocess.run(["pkill", "-KILL", "-P", str(self.process.pid)], check=False)
        self.process.kill()
        self.process.wait()

    def shell(
        self, command: str, *, check: bool = True, given: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        options = [word for option in self.ssh for word in ("-o", option)]
        known = ["-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
        line = ["ssh", "-p", str(self.port), *options, *known, "root@127.0.0.1", command]
        done = subprocess.run(line, check=check, capture_output=True, input=given, timeout=SHELL_S)
        return subprocess.CompletedProcess(
            line,
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )

    def says(self, command: str) -> str:
        return self.shell(command).stdout.strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module", params=["bookworm"])
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    if os.geteuid():
        pytest.skip("booting a machine needs root")
    folder = tmp_path_factory.mktemp("machine")
    made = Machine(request.param, folder / "unit", free_port())
    made.boot()
    yield made
    made.cut()
