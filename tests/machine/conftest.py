"""A fresh Debian with systemd and sshd, booted in a container: what a technician's machine finds in a shop."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from terminal.bench.settings import tables, toml

ROOT = Path(__file__).parents[2]
BOOT_S = 300.0  # the first time its packages are fetched
SHELL_S = 300.0
DISK_BYTES = 2**30  # of which an empty file takes none
SUITES = os.environ.get("SUITE", "bookworm").split()  # of the whole walk: "bookworm trixie"


@dataclass
class Machine:
    """`boot`, `cut` (the power), and a shell on it as root."""

    suite: str
    folder: Path
    port: int
    disk: str = ""  # a block device
    process: subprocess.Popen[bytes] | None = None

    @property
    def ssh(self) -> tuple[str, ...]:
        return (f"IdentityFile={self.folder}/id", f"UserKnownHostsFile={self.folder}/known_hosts")

    def boot(self) -> None:
        command = [ROOT / "scripts" / "machine", self.suite, self.folder, str(self.port), self.disk]
        log = (self.folder.parent / "console.log").open("ab")
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + BOOT_S
        while self.shell("true", check=False).returncode:
            assert self.process.poll() is None, (self.folder.parent / "console.log").read_text()
            assert time.monotonic() < until, "the machine does not boot"
            time.sleep(0.2)

    def cut(self) -> None:
        """The power: nothing of it runs when this returns."""
        assert self.process
        subprocess.run(["pkill", "-KILL", "-P", str(self.process.pid)], check=False)
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


def booted(suite: str, folder: Path, disk: str = "") -> Iterator[Machine]:
    if os.geteuid():
        pytest.skip("booting a machine needs root")
    made = Machine(suite, folder / "unit", free_port(), disk)
    made.boot()
    yield made
    made.cut()


@pytest.fixture(scope="module", params=SUITES)
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, disk: str
) -> Iterator[Machine]:
    yield from booted(request.param, tmp_path_factory.mktemp("machine"), disk)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A small empty one, such as a stick."""
    image = tmp_path_factory.mktemp("disk") / "disk.img"
    image.touch()
    os.truncate(image, DISK_BYTES)
    attach = ["losetup", "--find", "--show", str(image)]
    device = subprocess.run(attach, capture_output=True, text=True, check=True).stdout.strip()
    yield device
    subprocess.run(["losetup", "--detach", device], check=True)


@pytest.fixture(scope="module")
def package(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unit's package, built here."""
    out = tmp_path_factory.mktemp("package")
    build = [str(ROOT / "scripts" / "build-deb"), "--suite", machine.suite, "--arch", "amd64"]
    done = subprocess.run([*build, "--out", str(out)], capture_output=True, text=True, check=True)
    return Path(done.stdout.split()[-1])


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of an account at a sandbox gateway that runs here: in the shop it is the vendor's."""
    folder = tmp_path_factory.mktemp("account")
    words = ("-m", "terminal", "sandbox", "--port", "0", "--state", str(folder))
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as sandbox:
        assert sandbox.stdout
        yield handed_out(json.loads(sandbox.stdout.readline()), folder)
        sandbox.terminate()


def handed_out(said: dict[str, str], folder: Path) -> Path:
    """A unit's settings, as its vendor hands them out; `said`: by the sandbox where the account is."""
    settings = {name: dict(table) for name, table in tables(said, folder, folder, {}).items()}
    del settings["control"], settings["terminal"]["state_dir"], settings["terminal"]["profile"]
    settings["terminal"]["id"] = "T00001"
    file = folder / "T00001.toml"
    file.write_text(toml(settings), encoding="utf-8")
    return file


def without_eyes(folder: Path) -> Path:
    """The bench without its scanners: what a camera needs of the distribution takes longer than all the rest."""
    text = (ROOT / "hardware" / "bench.toml").read_text("utf-8")
    file = folder / "lean.toml"
    file.write_text(text.partition("[[scanner]]")[0], encoding="utf-8")
    return file


def profile_of(folder: Path) -> Path:
    """The bench without its serial scanner: there is none on the machine, and its doctor would say so."""
    text = (ROOT / "hardware" / "bench.toml").read_text("utf-8")
    serial = re.compile(r'\[\[scanner\]\]\ndriver = "serial"\n(\w.*\n)+')
    assert serial.search(text)
    file = folder / "bench.toml"
    file.write_text(serial.sub("", text), encoding="utf-8")
    return file


def command(machine: Machine, package: Path | None, credentials: Path, *more: str) -> list[str]:
    """As README says it, for this unit and this file. `package`: None, it is built on the way, as README has it."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (line,) = re.findall(r"^scripts/provision .*$", readme, re.MULTILINE)
    bench = profile_of(credentials.parent)
    for said, meant in (
        ("pi@10.0.0.21", "root@127.0.0.1"), ("A1B2C3.toml", str(credentials)), ("profile bench", f"profile {bench}"),
    ):  # fmt: skip
        line = line.replace(said, meant)
    options = [word for option in machine.ssh for word in ("-o", option)]
    return [
        *shlex.split(line),
        "--port",
        str(machine.port),
        *options,
        *(("--package", str(package)) if package else ()),
        *more,
    ]


def provision(machine: Machine, package: Path | None, credentials: Path, *more: str) -> str:
    line = command(machine, package, credentials, *more)
    done = subprocess.run(line, capture_output=True, text=True, timeout=900, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
