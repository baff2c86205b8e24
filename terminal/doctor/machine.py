"""The Pi and its system."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from terminal.clock import SystemClock
from terminal.doctor.finding import Finding, bad, care, good, unseen
from terminal.doctor.patient import Patient

# /sys/.../get_throttled, as vcgencmd prints it: raspberrypi.com, "vcgencmd get_throttled"
UNDER_VOLTAGE, THROTTLED = 1 << 0, 1 << 2
HAPPENED = 16  # the same bits, this much higher: since it was switched on
HOT_C, VERY_HOT_C = 70, 80  # at 80 the firmware slows the processor down
FREE_MIB_CARE, FREE_MIB_BAD = 500, 100
MEMORY_MIB_CARE = 40
THROTTLED_FILES = "/sys/devices/platform/soc*/soc*firmware/get_throttled"
POWER_REMEDY = (
    "Use the Pi's own power supply and a short thick cable; unplug what hangs on its USB."
)


def service(patient: Patient) -> Iterator[Finding]:
    if patient.daemon is None:
        state = _systemctl("is-active", "terminald")
        remedy = "sudo systemctl start terminald; journalctl -u terminald -n 20"
        yield bad(
            "service", f"terminald does not answer (systemd says: {state or 'nothing'}).", remedy
        )
        return
    why = patient.daemon.get("why")
    if why:
        yield bad(
            "service",
            f"Out of service: {why}",
            str(patient.daemon.get("remedy") or "terminalctl status"),
        )
        return
    stuck = [
        each["order_no"]
        for each in patient.daemon.get("open", [])
        if each.get("outcome") == "attention"
    ]
    if stuck:
        yield bad(
            "service", f"{len(stuck)} orders need a person.", f"terminalctl journal show {stuck[0]}"
        )
        return
    yield good("service", f"running, version {patient.daemon.get('version')}")


def card(patient: Patient) -> Iterator[Finding]:
    """Room, and whether the file system has met errors."""
    place = patient.settings.terminal.state_dir if patient.settings else None
    if place is None or not place.exists():
        yield unseen("card", "There is no journal folder yet.")
        return
    stat = os.statvfs(place)
    free_mib = stat.f_bavail * stat.f_frsize >> 20
    errors = {
        path: text
        for path, text in patient.texts("/sys/fs/ext4/*/errors_count").items()
        if text != "0"
    }
    if in_memory(patient.text("/proc/mounts") or "", place):
        yield bad(
            "card",
            f"{place} is in memory: with the power every sale is gone.",
            "scripts/provision with --read-only-root PARTITION, from your machine; until then no sale",
        )
    elif stat.f_flag & os.ST_RDONLY:
        yield bad(
            "card", f"{place} can only be read.", "dmesg | grep -i ext4; then replace the card"
        )
    elif errors:
        yield bad(
            "card",
            f"The file system met {next(iter(errors.values()))} errors.",
            "Replace the card soon.",
        )
    elif free_mib < FREE_MIB_BAD:
        yield bad(
            "card", f"Only {free_mib} MiB are free.", "sudo journalctl --vacuum-size=20M; df -h"
        )
    elif free_mib < FREE_MIB_CARE:
        yield care("card", f"{free_mib} MiB are free.", "df -h")
    else:
        yield good("card", f"{free_mib} MiB free, no errors")


def in_memory(mounts: str, place: Path) -> bool:
    """Whether a file there would not outlive the power: a memory file system, or an overlay that writes to one."""
    rows = [line.split() for line in mounts.splitlines() if line.count(" ") >= 3]
    at, kind, options = _mounted(rows, place)
    upper = re.search(r"(?:^|,)upperdir=([^,]+)", options)
    if kind == "overlay" and upper:  # what was mounted after it does not hold what it writes to
        _, kind, _ = _mounted(rows[:at], Path(upper[1]))
    return kind in ("tmpfs", "ramfs")


def _mounted(rows: list[list[str]], place: Path) -> tuple[int, str, str]:
    """Row, kind and options of the file system that holds `place`; of two in one spot the later is on top."""
    holding = [(len(row[1]), at) for at, row in enumerate(rows) if place.is_relative_to(row[1])]
    if not holding:
        return 0, "", ""
    _, at = max(holding)
    return at, rows[at][2], rows[at][3]


def clock(patient: Patient) -> Iterator[Finding]:
    trust = patient.settings.clock.trust if patient.settings else "timesync"
    own = SystemClock(trust)
    if own.is_trusted():
        yield good("clock", own.label(own.utc_ms()))
    else:
        yield bad(
            "clock", f"Not set by the network: {own.label(own.utc_ms())}.", "timedatectl status"
        )


def power(patient: Patient) -> Iterator[Finding]:
    told = next(iter(patient.texts(THROTTLED_FILES).values()), None)
    alarms = patient.texts("/sys/class/hwmon/hwmon*/in0_lcrit_alarm")
    if told is None and not alarms:
        yield unseen("power", "This machine does not tell (no Pi?).")
        return
    flags = int(told or "0", 16)
    if flags & UNDER_VOLTAGE or "1" in alarms.values():
        yield bad("power", "The voltage is too low now.", POWER_REMEDY)
    elif flags & (UNDER_VOLTAGE << HAPPENED):
        yield care("power", "The voltage was too low since it was switched on.", POWER_REMEDY)
    else:
        yield good("power", "the voltage is and was high enough")


def heat(patient: Patient) -> Iterator[Finding]:
    temperatures = [
        int(text) // 1000
        for text in patient.texts("/sys/class/thermal/thermal_zone*/temp").values()
        if text.lstrip("-").isdecimal()
    ]
    if not temperatures:
        yield unseen("heat", "This machine has no thermometer.")
        return
    hottest = max(temperatures)
    if hottest >= VERY_HOT_C:
        yield bad(
            "heat",
            f"{hottest} °C: the processor is slowed down.",
            "Give it air, take it out of the sun.",
        )
    elif hottest >= HOT_C:
        yield care("heat", f"{hottest} °C.", "Give it air, take it out of the sun.")
    else:
        yield good("heat", f"{hottest} °C")


def memory(patient: Patient) -> Iterator[Finding]:
    rows = (line.partition(":") for line in (patient.text("/proc/meminfo") or "").splitlines())
    kib = {name: int(value.split()[0]) for name, _, value in rows if value.split()}
    available = kib.get("MemAvailable")
    if available is None:
        yield unseen("memory", "This machine does not tell.")
    elif available >> 10 < MEMORY_MIB_CARE:
        yield care(
            "memory",
            f"Only {available >> 10} MiB are available.",
            "ps aux --sort=-rss | head; stop what is not ours",
        )
    else:
        yield good("memory", f"{available >> 10} MiB available")


def watchdog(_patient: Patient) -> Iterator[Finding]:
    """The board's own: it restarts a Pi whose kernel hangs."""
    told = _systemctl("show", "--property=RuntimeWatchdogUSec", "--value")
    if not told:
        yield unseen("watchdog", "No systemd runs here.")
    elif told in ("0", "infinity"):
        yield care(
            "watchdog",
            "The hardware watchdog is off: a hung Pi stays hung.",
            "scripts/provision, from your machine",
        )
    else:
        yield good("watchdog", f"bites after {told}")


def _systemctl(*words: str) -> str:
    try:
        done = subprocess.run(["systemctl", *words], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
