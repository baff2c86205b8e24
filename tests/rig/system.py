"""A unit's whole system in a guest: systemd as the first process of a system folder, with our units and our user.

It lives in processes and mounts of its own, on the guest's kernel and devices; the rest of the guest is the world
around it. What is written to the folder goes to memory. systemd itself is the folder's, and it does what it does on
a unit, but for a few services that take a guest long and that the unit does not need.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PLACE = Path("/run/unit")
SYSTEMD = "/usr/lib/systemd/systemd"
BOOT_TIMEOUT_S, LOOK_S = 100.0, 0.5
UNUSED = (
    "systemd-udev-trigger.service",  # of some hundred devices; we trigger ours
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "ldconfig.service",
    "systemd-binfmt.service",
)
# A Pi says in /proc which one it is. The unit's sandbox has a /proc of its own, without what init.sh has put there.
BOARD = "[Service]\nBindReadOnlyPaths=/run/cpuinfo:/proc/cpuinfo\n"
PATIENCE = "[Manager]\nDefaultDeviceTimeoutSec=5\n"
LAUNCHER = """#!/opt/terminal/bin/python -IB
import sys
sys.path.insert(0, "/srv/terminal")
from terminal.cli import main
sys.exit(main())
"""


class System:
    """`folder`: what camera/build made. `root`: the same as the unit sees it."""

    def __init__(self, folder: Path) -> None:
        self.root = PLACE / "root"
        self._process: subprocess.Popen[bytes] | None = None
        self._mount_root(folder)
        self._install()

    def _mount_root(self, folder: Path) -> None:
        PLACE.mkdir()
        _mount("-t", "tmpfs", "unit", PLACE)
        for name in ("written", "work", "root"):
            (PLACE / name).mkdir()
        layers = f"lowerdir={folder},upperdir={PLACE}/written,workdir={PLACE}/work"
        _mount("-t", "overlay", "-o", layers, "unit", self.root)
        _mount("--rbind", "/dev", self.root / "dev")
        _mount("-t", "sysfs", "sys", self.root / "sys")
        _mount("-t", "tmpfs", "run", self.root / "run")
        self.bind(PROJECT, "/srv/terminal")

    def _install(self) -> None:
        """As the package does it."""
        self.write("/opt/terminal/current/bin/terminalctl", LAUNCHER, 0o755)
        self.write("/etc/machine-id", f"{1:032x}\n")
        for unit in ("terminald.service", "terminal-healthy.target"):
            self.write(f"/etc/systemd/system/{unit}", (PROJECT / "systemd" / unit).read_text())
        self.write("/etc/systemd/system/terminald.service.d/rig.conf", BOARD)
        self.write("/etc/systemd/system.conf.d/rig.conf", PATIENCE)
        shutil.copy("/proc/cpuinfo", self.root / "run")
        for unit in UNUSED:
            (self.root / "etc/systemd/system" / unit).symlink_to("/dev/null")
        for place, ours in (
            ("sysusers.d/terminal.conf", "systemd/sysusers.conf"),
            ("tmpfiles.d/terminal.conf", "systemd/tmpfiles.conf"),
            ("udev/rules.d/70-counter-terminal.rules", "hardware/udev.rules"),
        ):
            self.write(f"/usr/lib/{place}", (PROJECT / ours).read_text())

    def bind(self, folder: Path, place: str) -> None:
        """Before it boots."""
        _mount("--bind", folder, self.root / place.lstrip("/"))

    def boot(self, *subsystems: str) -> None:
        """Up when this returns, the devices of these subsystems named and given to their groups."""
        start = (  # shared: credentials are mounted in a process of their own, and are to be seen in the others
            f"mount -t proc proc {self.root}/proc; mount --make-rshared {self.root}; "
            f"exec chroot {self.root} {SYSTEMD} --unit=basic.target"
        )
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", start],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + BOOT_TIMEOUT_S
        while self.run("systemctl", "is-active", "basic.target", check=False) != "active":
            assert time.monotonic() < deadline_s, "systemd does not come up"
            time.sleep(LOOK_S)  # each look costs the guest as much as it does its boot
        kinds = [f"--subsystem-match={name}" for name in subsystems]
        self.run("udevadm", "trigger", "--settle", *kinds)

    def run(self, *words: str, check: bool = True) -> str:
        """What a command in it has printed."""
        assert self._process is not None
        number = self._process.pid
        inside = f"--target={number} --mount --pid=/proc/{number}/ns/pid_for_children".split()
        done = subprocess.run(
            ["nsenter", *inside, "chroot", str(self.root), *words], capture_output=True, text=True
        )
        assert not (check and done.returncode), (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def main_process(self, unit: str) -> int:
        """Its number in there."""
        return int(self.run("systemctl", "show", "--property=MainPID", "--value", unit))

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


def without(unit: str, words: str) -> str:
    """A unit file's text without the settings whose names match."""
    return re.sub(rf"^(?:{words})=.*\n", "", unit, flags=re.MULTILINE)


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)
