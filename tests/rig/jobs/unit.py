"""terminald.service as it is shipped, started by systemd, on real drivers: its user, its sandbox, its devices, its
sealed key.

A sale by keypad and OLED (lgpio, luma), one by camera (picamera2); then which devices it holds, and what another
program in the same sandbox may open: nothing that the unit does not name. Without the unit's line it may.

    unit ROOT    the folder that camera/build made
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from terminal.bench.phone import Phone, picture_of
from terminal.control import call
from terminal.provision.card import ENTRY
from tests.rig import report
from tests.rig.counter import PROFILES, Counter, open_counter
from tests.rig.pictures import PICTURES, before_camera, charged_by_camera
from tests.rig.sales import paid, unit_sells
from tests.rig.system import System, without

UNIT = "terminald.service"
ETC = "/etc/terminal"
SEALED = "/etc/credstore.encrypted/terminal.gateway.key"
CREDENTIAL = "/run/credentials/terminald.service/gateway.key"
SUBSYSTEMS = ("gpio", "i2c-dev", "dma_heap")
OWN = ("/dev/gpiochip0", "/dev/i2c-1", "/dev/dma_heap/system")
OTHERS = ("/dev/uinput", "/dev/udmabuf", "/dev/tty1", "/dev/ram0", "/dev/loop-control")
HARMLESS = ("/dev/null", "/dev/urandom")
POLICY = "cgroup device filter (BPF)"
PROBE = """
import errno, json, os, sys
def tried(path):
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except OSError as error:
        return errno.errorcode[error.errno]
    return "open"
print(json.dumps({path: tried(path) for path in sys.argv[1:]}))
"""
# What a program that only looks has no use for. RuntimeDirectory= would take the daemon's away at its end.
DAEMONS = (
    "Type|NotifyAccess|WatchdogSec|Restart|RuntimeDirectory|WorkingDirectory|Standard.*|ExecStart|Wants|After|"
    "LoadCredential.*|Condition.*"
)


class Unit(Counter):
    """The daemon is systemd's. Its settings lie where they do on a unit."""

    system: System

    def __init__(self, state: Path, profile: Path, **more: Any) -> None:
        changes = {
            "terminal": {"state_dir": "/var/lib/terminal", "profile": "hardware.toml"},
            "control": {"socket": "/run/terminal/control.sock"},
            "gateway": {"private_key_file": CREDENTIAL, "gateway_key_file": "gateway.pem"},
        }
        super().__init__(state, profile, changes=changes, **more)

    def name_devices(self) -> None:
        self.system.boot(*SUBSYSTEMS)

    def start_daemon(self) -> None:
        """Type=notify: systemctl returns when the loop turns."""
        etc = self.system.root / ETC.lstrip("/")
        shutil.copy(self.profile, etc / "hardware.toml")
        shutil.copy(self.state / "terminal.toml", etc)
        shutil.copy(self.state / self.gateway["gateway_key_file"], etc / "gateway.pem")
        shutil.copy(self.state / self.gateway["private_key_file"], self.system.root / "run/key")
        self.system.run("systemd-creds", "encrypt", "--name=gateway.key", "/run/key", SEALED)
        self.system.run("systemctl", "start", UNIT)
        self.wait(self._answers, "the daemon's first screen")

    def kill_daemon(self) -> None:
        """systemd starts it again."""
        self.system.run("systemctl", "kill", "--signal=KILL", UNIT)

    def ask(self, word: str, **more: object) -> dict[str, Any]:
        socket = self.system.root / "run/terminal/control.sock"
        return call(socket, {"word": word, **more}, timeout_s=10)

    def stop(self) -> None:
        said = self.system.run("journalctl", "--unit", UNIT, "--output=cat", check=False)
        (self.state / "run.log").write_text(said)
        super().stop()
        self.system.close()


def main(folder: Path) -> None:
    Path("/dev/dma_heap/linux,cma").symlink_to("system")  # a Pi's name for it
    PICTURES.mkdir()
    before_camera()
    system = Unit.system = System(folder)
    system.bind(PICTURES, "/srv/pictures")
    with open_counter(PROFILES / "unit.toml", of=Unit) as counter:
        phone = Phone(counter)
        with report.row(
            f"{UNIT}, MPM", "gpiozero, lgpio, luma.oled", "/dev/gpiochip0, /dev/i2c-1"
        ) as seen:
            seen += unit_sells(counter, phone)
        sale_by_camera(counter, phone)
        with report.row(f"{UNIT}, sandbox", "systemd", "seccomp, capabilities") as seen:
            seen += sandboxed(system)
        with report.row(f"{UNIT}, its devices", "systemd", POLICY) as seen:
            seen += devices_held(system)
        with report.row(f"{UNIT}, other devices", "systemd", POLICY) as seen:
            seen += devices_refused(system)
        with report.row(f"{UNIT}, no partition", "systemd", "/etc/fstab") as seen:
            seen += waits_for_partition(system)


def sale_by_camera(counter: Unit, phone: Phone) -> None:
    with report.row(f"{UNIT}, CPM", "picamera2, unmodified", "/dev/dma_heap") as seen:
        before = counter.system.main_process(UNIT)
        before_camera(picture_of(phone.open_code(), seed=1))
        counter.kill_daemon()  # the camera reads its pictures once
        counter.wait(
            lambda: counter.system.main_process(UNIT) not in (0, before) and counter._answers(),
            "the daemon that systemd starts again",
        )
        order = paid(counter, charged_by_camera(counter))
        assert order["amount"]["minor"] == 300, order
        seen += [
            "killed, and started by systemd",
            "the phone's code read by the eye, charged, paid",
        ]


def sandboxed(system: System) -> list[str]:
    rows = system.run("cat", f"/proc/{system.main_process(UNIT)}/status").splitlines()
    told = {name: value.split() for name, _, value in (row.partition(":") for row in rows)}
    user = system.run("id", "--user", "terminal")
    assert told["Uid"] == [user] * 4, told["Uid"]
    assert int(told["CapEff"][0], 16) == int(told["CapBnd"][0], 16) == 0
    assert (told["NoNewPrivs"], told["Seccomp"]) == (["1"], ["2"])
    return [
        f"runs as terminal ({user}), no capability, no new privileges, its system calls filtered"
    ]


def devices_held(system: System) -> list[str]:
    """By their numbers: the names are of the unit's own mounts."""
    files = f"/proc/{system.main_process(UNIT)}/fd/*"
    rows = system.run("sh", "-c", f"stat -L -c '%F:%t:%T' {files}").splitlines()
    held = {row.partition(":")[2] for row in rows if row.startswith("character special file:")}
    assert held - numbers(HARMLESS) == numbers(OWN), held
    return [f"holds {', '.join(OWN)} and no other"]


def numbers(paths: Iterable[str]) -> set[str]:
    found = (Path(path).stat().st_rdev for path in paths)
    return {f"{os.major(number):x}:{os.minor(number):x}" for number in found}


def devices_refused(system: System) -> list[str]:
    """Whoever may be, by the modes of the files, is kept out by the unit alone."""
    for path in OTHERS:
        Path(path).chmod(0o666)
    shipped = (system.root / "etc/systemd/system" / UNIT).read_text()
    found = tried(system, shipped)
    assert found == dict.fromkeys(OWN, "open") | dict.fromkeys(OTHERS, "EPERM"), found
    line = "DeviceAllow=char-gpiochip rw\n"
    assert line in shipped
    assert tried(system, shipped.replace(line, ""))["/dev/gpiochip0"] == "EPERM"
    found = tried(system, without(shipped, "DevicePolicy|DeviceAllow"))
    assert found == dict.fromkeys((*OWN, *OTHERS), "open"), found
    return [
        f"in its sandbox {', '.join(OTHERS)}: EPERM",
        "/dev/gpiochip0 without its line: EPERM",
        "without the policy all of them open",
    ]


def waits_for_partition(system: System) -> list[str]:
    """With a read-only root the journal's own partition must come, or no journal is begun: it would be in memory."""
    system.run("systemctl", "stop", UNIT)
    system.write("/etc/fstab", f"{ENTRY}\n")
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "start", UNIT, check=False)
    told = system.run("journalctl", "--unit", UNIT, "--output=cat", "--lines=1")
    assert "failed with result 'dependency'" in told, told
    return ["while the journal's own partition does not come, the unit does not start"]


def tried(system: System, shipped: str) -> dict[str, str]:
    """What became of opening each device in a sandbox with these lines."""
    system.write("/srv/probe.py", PROBE)
    words = " ".join(("/usr/bin/python3", "/srv/probe.py", *OWN, *OTHERS))
    own = f"[Service]\nType=oneshot\nStandardOutput=truncate:/run/probe.json\nExecStart={words}\n"
    system.write(
        "/etc/systemd/system/probe.service", without(shipped, DAEMONS).replace("[Service]\n", own)
    )
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "start", "probe.service")
    found: dict[str, str] = json.loads((system.root / "run/probe.json").read_text())
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
