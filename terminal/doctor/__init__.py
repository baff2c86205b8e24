"""Is this unit well? Every part is looked at, and what is wrong is said with its remedy.

    machine    the Pi: power, heat, memory, card, clock, service
    counter    settings, profile, devices, journal
    gateway    name, line, certificate, account
    hands      what only a person can tell (`--interactive`)

A check is one function: `(Patient) -> findings`. None of them changes anything, and none needs the daemon: what it
holds (the devices, the journal) is asked of it while it runs, and looked at directly while it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from terminal.doctor import counter, gateway, machine
from terminal.doctor.finding import Finding, Verdict
from terminal.doctor.patient import Patient

__all__ = ["CHECKS", "Finding", "Patient", "Verdict", "examine"]

CHECKS = (
    machine.service,
    counter.settings,
    counter.devices,
    counter.journal,
    machine.card,
    machine.clock,
    machine.power,
    machine.heat,
    machine.memory,
    machine.watchdog,
    gateway.name,
    gateway.account,
)


def examine(config: Path, socket: Path, root: Path = Path("/")) -> Iterator[Finding]:
    """One by one, as they are found. `root`: where /sys and /proc hang."""
    patient = Patient(config, socket, root)
    for check in CHECKS:
        yield from check(patient)
