"""The doctor finds each planted fault and names its remedy. Real files, real sockets, a real journal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from terminal.bench.settings import Tables, changed, toml
from terminal.control import Control
from terminal.doctor import CHECKS, Finding, Patient, Verdict, counter
from terminal.doctor.machine import in_memory
from terminal.journal.journal import Journal

DEVICES = ("display", "keypad", "scanner", "devices")
ROOT = Path(__file__).parents[2]


OURS, THEIRS = (rsa.generate_private_key(65537, 2048) for _ in range(2))


def key_files(folder: Path) -> tuple[Path, Path]:
    """Our private key, the gateway's public one."""
    private, public = folder / "private.pem", folder / "public.pem"
    private.write_bytes(OURS.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)
    public.write_bytes(
        THEIRS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


class Unit:
    """A unit's files in a folder, all well, until something is planted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.state = folder / "state"
        self.socket = folder / "control.sock"
        self.config = folder / "terminal.toml"
        private, public = key_files(folder)
        shutil.copy(ROOT / "hardware" / "bench.toml", folder / "hardware.toml")
        self.settings: Tables = {
            "terminal": {"id": "T00001", "profile": "hardware.toml", "state_dir": str(self.state)},
            "shop": {"currency": "EUR", "max_amount": "100.00"},
            "gateway": {
                "driver": "paycloud",
                "url": "https://localhost:1",
                "private_key_file": str(private),
                "gateway_key_file": str(public),
            },
            "gateway.wallets": {"alipay+": "Alipay+"},
            "gateway.paycloud": {"app_id": "wz1", "merchant_no": "3121"},
            "clock": {"trust": "system"},
        }
        self.state.mkdir(mode=0o700)
        Journal.open(self.state / "journal.db", terminal="T00001", chance=lambda: 1).close()
        self.write("sys/class/thermal/thermal_zone0/temp", "48312")
        self.write("sys/devices/platform/soc/soc:firmware/get_throttled", "0")
        self.write("proc/meminfo", "MemTotal: 425000 kB\nMemAvailable: 210000 kB")
        self.set()

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text + "\n")

    def set(self, **tables: dict[str, object]) -> None:
        self.config.write_text(toml(changed(self.settings, tables)), encoding="utf-8")

    def findings(self, what: str) -> list[Finding]:
        """Devices are opened only where one of them is what is looked for: that takes two seconds."""
        patient = Patient(self.config, self.socket, self.root)
        wanted = [each for each in CHECKS if each is not counter.devices or what in DEVICES]
        return [each for check in wanted for each in check(patient) if each.what == what]


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return Unit(tmp_path)


def throttled(value: str) -> Callable[[Unit], None]:
    return lambda unit: unit.write("sys/devices/platform/soc/soc:firmware/get_throttled", value)


def heat(value: str) -> Callable[[Unit], None]:
    return lambda unit: unit.write("sys/class/thermal/thermal_zone0/temp", value)


def sets(**tables: dict[str, object]) -> Callable[[Unit], None]:
    return lambda unit: unit.set(**tables)


def scribble(unit: Unit) -> None:
    """A page of the journal that the card lost."""
    with (unit.state / "journal.db").open("r+b") as file:
        file.write(b"\0" * 600)


def no_display(unit: Unit) -> None:
    path = unit.folder / "hardware.toml"
    path.write_text(path.read_text().replace("[display]", "[dispaly]"))


FRAMEBUFFER = """[display]
driver = "framebuffer"
path = "/dev/fb9"
width_px = 800
height_px = 480
pitch_um = 190
"""


def profile(text: str) -> Callable[[Unit], None]:
    """A display that is not there, and `text`."""
    return lambda unit: (unit.folder / "hardware.toml").write_text(FRAMEBUFFER + text) and None


PLANTED: dict[str, tuple[Callable[[Unit], Any], str, str, str]] = {
    # name: (how, what is found, in its words, in its remedy)
    "undervoltage now": (throttled("50005"), "power", "too low now", "power supply"),
    "undervoltage once": (throttled("50000"), "power", "since it was switched on", "power supply"),
    "very hot": (heat("84100"), "heat", "84 °C", "air"),
    "hot": (heat("72000"), "heat", "72 °C", "air"),
    "no memory": (lambda u: u.write("proc/meminfo", "MemAvailable: 20000 kB"), "memory", "19 MiB", "ps aux"),
    "bad card": (lambda u: u.write("sys/fs/ext4/mmcblk0p2/errors_count", "3"), "card", "3 errors", "Replace"),
    "setting misspelt": (sets(shop={"currancy": "EUR"}), "settings", "currancy", "Mend that line"),
    "setting missing": (sets(shop={"currency": None}), "settings", "currency", "Mend that line"),
    "settings open": (lambda u: u.config.chmod(0o666), "settings", "written by everybody", "chmod 644"),
    "no settings": (lambda u: u.config.unlink(), "settings", "terminal.toml", "Mend"),
    "key open": (
        lambda u: Path(str(u.settings["gateway"]["private_key_file"])).chmod(0o644),
        "settings", "private_key_file", "Mend",
    ),
    "key gone": (
        lambda u: Path(str(u.settings["gateway"]["gateway_key_file"])).unlink(),
        "settings", "gateway_key_file", "Mend",
    ),
    "profile misspelt": (no_display, "settings", "dispaly", "Mend that line"),
    "scanner gone": (
        profile('[[scanner]]\ndriver = "serial"\nport = "/dev/serial/by-id/gone"\n'),
        "scanner", "no scanner at", "Plug it in",
    ),
    "display gone": (profile(""), "display", "/dev/fb9", ""),
    "pin used twice": (
        profile('[buzzer]\ndriver = "gpio"\npin = 5\n[keypad]\ndriver = "gpio"\nrows = [5, 6, 13, 19]\n'
        'columns = [16, 20, 21]\n'),
        "devices", "5", "hardware profile",
    ),
    "journal damaged": (scribble, "journal", "journal.db", "Keep a copy"),
    "journal folder open": (lambda u: u.state.chmod(0o755), "journal", "open to others", "chmod 700"),
    "journal folder gone": (lambda u: shutil.rmtree(u.state), "journal", "no folder", "systemd-tmpfiles"),
    "no such name": (
        sets(gateway={"url": "https://gateway.invalid"}), "name", "gateway.invalid has no address", "ip route",
    ),
    "gateway silent": (lambda _: None, "gateway", "line", "url"),
    "daemon down": (lambda _: None, "service", "does not answer", "systemctl start terminald"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_and_its_remedy_named(unit: Unit, name: str) -> None:
    plant, what, says, remedy = PLANTED[name]
    plant(unit)
    (found,) = [each for each in unit.findings(what) if each.verdict is not Verdict.GOOD]
    assert found.verdict in (Verdict.BAD, Verdict.CARE), found
    assert says in found.says, found
    assert remedy in found.remedy, found


OVERLAYROOT = """\
/dev/mmcblk0p2 /media/root-ro ext4 ro,relatime 0 0
tmpfs-root /media/root-rw tmpfs rw,relatime 0 0
overlayroot / overlay rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay,workdir=/media/root-rw/work 0 0
"""
OWN = "/dev/mmcblk0p3 /var/lib/terminal ext4 rw,noatime 0 0\n"
PLACE = Path("/var/lib/terminal")


@pytest.mark.parametrize(
    ("mounts", "lost"),
    [
        (OVERLAYROOT, True),
        (OVERLAYROOT + OWN, False),
        (OVERLAYROOT + OWN + "tmpfs /var/lib/terminal tmpfs rw 0 0\n", True),
        ("/dev/mmcblk0p2 / ext4 rw 0 0\n", False),
        ("/dev/mmcblk0p2 / ext4 rw 0 0\ntmpfs /var/lib tmpfs rw 0 0\n", True),
        ("overlay / overlay rw,lowerdir=/l,upperdir=/u,workdir=/w 0 0\n", False),
        ("overlay / overlay rw,upperdir=/tmp/u,workdir=/w 0 0\ntmpfs /tmp tmpfs rw 0 0\n", False),
        ("", False),
    ],
)
def test_a_journal_in_memory_is_known(mounts: str, lost: bool) -> None:
    """With the root in memory and no partition of its own, sales would be gone with the power."""
    assert in_memory(mounts, PLACE) is lost


def test_a_journal_in_memory_is_told(unit: Unit) -> None:
    unit.write("proc/mounts", "tmpfs / tmpfs rw 0 0")
    (found,) = unit.findings("card")
    assert found.verdict is Verdict.BAD
    assert "--read-only-root" in found.remedy


def test_a_unit_that_is_well(unit: Unit) -> None:
    """What was planted above is good when it is not planted."""
    for what in ("power", "heat", "memory", "card", "settings", "journal", "name", "clock"):
        (found,) = unit.findings(what)
        assert found.verdict is Verdict.GOOD, found


def test_what_the_daemon_says_is_believed(unit: Unit) -> None:
    """Its devices, its state; nothing is opened beside it."""
    status = {
        "ok": True, "why": None, "version": "1", "open": [], "last": None,
        "lost": {"display": "The display is gone. Look at its cable."}, "stuck": ["7"],
    }  # fmt: skip
    control = Control(unit.socket, lambda _request: status)
    try:
        (service,) = unit.findings("service")
        (display,) = unit.findings("display")
        (keypad,) = unit.findings("keypad")
    finally:
        control.close()
    assert service.verdict is Verdict.GOOD
    assert (display.verdict, display.says) == (Verdict.BAD, "The display is gone.")
    assert display.remedy == "Look at its cable."
    assert keypad.verdict is Verdict.BAD
    assert keypad.says == "Stuck, and ignored: 7. The other keys work."


def test_an_order_that_needs_a_person_is_named(unit: Unit) -> None:
    stuck = {"order_no": "T1", "outcome": "attention"}
    control = Control(unit.socket, lambda _request: {"ok": True, "open": [stuck]})
    try:
        (found,) = unit.findings("service")
    finally:
        control.close()
    assert found.verdict is Verdict.BAD
    assert found.remedy == "terminalctl journal show T1"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_card_that_can_only_be_read(unit: Unit) -> None:
    import subprocess

    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,mode=700", "none", unit.state], check=True)
    try:
        (found,) = unit.findings("card")
    finally:
        subprocess.run(["umount", unit.state], check=True)
    assert found.verdict is Verdict.BAD
    assert "only be read" in found.says
