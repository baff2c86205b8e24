"""What stands on the counter, and its memory."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack

from terminal.config import BadSettings
from terminal.core.terms import JournalFault
from terminal.doctor.finding import Finding, bad, good, unseen
from terminal.doctor.patient import Patient
from terminal.journal.journal import Journal
from terminal.wiring.hardware import Devices

COMES_UP_S = 2.0  # a device that is there has said so by then


def settings(patient: Patient) -> Iterator[Finding]:
    if patient.complaint:
        for line in patient.complaint.splitlines():
            yield bad("settings", line, "Mend that line, then: sudo systemctl restart terminald")
        return
    mode = patient.config.stat().st_mode
    if mode & stat.S_IWOTH:
        yield bad(
            "settings",
            f"{patient.config} can be written by everybody.",
            f"sudo chmod 644 {patient.config}",
        )
        return
    yield good("settings", f"{patient.config}, complete")


def devices(patient: Patient) -> Iterator[Finding]:
    """As the daemon sees them; while none runs, they are opened for a moment."""
    if patient.daemon is not None:
        lost: dict[str, str] = patient.daemon.get("lost", {})
        for what, why in lost.items():
            yield _device(what, why)
        if keys := patient.daemon.get("stuck"):
            says = f"Stuck, and ignored: {' '.join(keys)}. The other keys work."
            yield bad("keypad", says, "Free the key; if that does not last, replace the keypad.")
        elif not lost:
            yield good("devices", "all there")
        return
    if patient.settings is None or patient.profile is None:
        yield unseen("devices", "The settings come first.")
        return
    with ExitStack() as stack:
        try:
            fitted = Devices(patient.profile, patient.settings.terminal.state_dir, stack)
            opened = fitted.all()
        except BadSettings as wrong:
            for line in str(wrong).splitlines():
                yield bad("devices", line, "Mend that line of the hardware profile.")
            return
        for _, device in opened:
            if hasattr(device, "listen"):  # a scanner or a keypad is opened by listening to it
                device.listen(_nothing)
        time.sleep(COMES_UP_S)
        for what, device in opened:
            yield _device(what, getattr(device, "lost", None))


def _nothing(_heard: object) -> None:
    """Keys and codes are not what is looked at here."""


def _device(what: str, lost: str | None) -> Finding:
    """`lost` is a sentence and its remedy: "There is no scanner at ... Plug it in, or ..." """
    if lost is None:
        return good(what, "there")
    says, _, remedy = lost.partition(". ")
    return bad(
        what,
        says.rstrip(".") + ".",
        remedy or "Look at its cable; then: sudo systemctl restart terminald",
    )


def journal(patient: Patient) -> Iterator[Finding]:
    """A running daemon has verified it and holds it; else the whole chain is read."""
    if patient.settings is None:
        yield unseen("journal", "The settings come first.")
        return
    place = patient.settings.terminal.state_dir
    if not place.exists():
        yield bad(
            "journal",
            f"There is no folder {place}.",
            "sudo systemd-tmpfiles --create; sudo systemctl start terminald",
        )
        return
    if place.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield bad("journal", f"{place} is open to others.", f"sudo chmod 700 {place}")
        return
    if patient.daemon is not None:
        last = patient.daemon.get("last") or {}
        yield good("journal", f"in use, newest {last.get('order_no') or 'none yet'}")
        return
    path = place / "journal.db"
    if not path.exists():
        yield unseen("journal", "No sale was ever taken here.")
        return
    try:
        with Journal.open_read_only(path) as found:
            broken = found.verify()
    except JournalFault as fault:
        yield bad(
            "journal",
            str(fault),
            f"Keep a copy of {place}, restore the last good one, then: terminalctl reconcile",
        )
        return
    if broken is None:
        yield good("journal", "whole, its chain is unbroken")
    else:
        yield bad(
            "journal",
            f"Row {broken} does not fit the one before.",
            f"Keep a copy of {place}; then: terminalctl check",
        )
