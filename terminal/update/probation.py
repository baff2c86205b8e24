"""Change over, and look whether the new release is as well as the old one was. Runs as terminal-update.service.

This is the old release's program to its end: the new one is not asked how it is by itself. When the exit code is not
0, or there is none because this was killed or its time was up, systemd returns to the old release.
"""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terminal.control import NotRunning, Unanswered, call
from terminal.core.sight import UPDATING
from terminal.releases import Releases

PASSES_S = 60.0  # from the change over on; terminal-update.service is ended somewhat later
RESTARTS_MAX = 2
STEADY_S = 4.0  # so long it must be well without a restart between
UNITS = "/lib/systemd/system"
RESTART_S, DOCTOR_S = 45.0, 25.0
# What a release can make worse. Heat, power and the card are the machine's own.
OURS = frozenset(
    {
        "settings",
        "devices",
        "display",
        "keypad",
        "buzzer",
        "scanner",
        "journal",
        "gateway",
        "doctor",
    }
)


@dataclass(frozen=True, slots=True)
class Health:
    """`ills`: what the doctor finds bad. `why`: why there was no sale. `newest`: the journal's last row."""

    ills: frozenset[str]
    why: str
    newest: int


def change_over(socket: Path) -> int:
    """The exit code: 0 when `next` runs and has passed."""
    releases = Releases()
    version = releases.next
    if version is None:
        print("There is no release that waits.")
        return 1
    before = Health(_ills(), "", 0)
    try:
        before = held(socket, before)
    except Unanswered as no:
        print(no.error, no.remedy)
        releases.forget_next()
        return 1
    began_s = time.monotonic()
    releases.change_over()
    _start(releases)
    ill = _passes(version, before, socket, began_s + PASSES_S)
    if ill is not None:
        print(f"{version} is not well: {ill}")
        return 1
    releases.confirm()
    print(f"{version} runs.")
    return 0


def held(socket: Path, before: Health) -> Health:
    """No sale from now on; how the unit was. A daemon that does not run holds nothing, and has no sale open."""
    try:
        told: dict[str, Any] = call(socket, {"word": "status"})
        reply = call(socket, {"word": "hold"})
    except NotRunning:
        return before
    if not reply.get("ok"):
        raise Unanswered(str(reply.get("error")), str(reply.get("remedy")))
    last = told.get("last") or {}
    return Health(before.ills, str(told.get("why") or ""), int(last.get("seq", 0)))


def _start(releases: Releases) -> None:
    """With its own unit, users and folders. Whether it runs is asked afterwards."""
    units = releases.place / "current" / "systemd"
    for command in (
        ["install", "-m", "644", str(units / "terminald.service"), UNITS],
        ["systemd-sysusers", str(units / "sysusers.conf")],
        ["systemd-tmpfiles", "--create", str(units / "tmpfiles.conf")],
        ["systemctl", "daemon-reload"],
        ["systemctl", "restart", "terminald.service"],
    ):
        _run(*command, timeout_s=RESTART_S)


def _passes(version: str, before: Health, socket: Path, until_s: float) -> str | None:
    """None once it is well and has been for a while; else what is not, when the time is over."""
    since_s, process = time.monotonic(), ""
    while True:
        now, restarts, state = _process()
        ill = _ill(version, before, socket)
        if restarts > RESTARTS_MAX or state == "failed":
            return "it ends by itself."
        if ill is not None or now != process:
            since_s, process = time.monotonic(), now
        elif time.monotonic() - since_s >= STEADY_S:
            worse = _ills() - before.ills
            if not worse:
                return None
            ill = f"the doctor finds {', '.join(sorted(worse))} worse than before."
        if time.monotonic() > until_s:
            return ill or "it does not stay up."
        time.sleep(0.5)


def _process() -> tuple[str, int, str]:
    """The daemon's number, how often it was started again, and what systemd says of it."""
    names = ("MainPID", "NRestarts", "ActiveState")
    wanted = [f"--property={name}" for name in names]
    rows = _run("systemctl", "show", *wanted, "terminald.service").splitlines()
    told = {name: value for name, _, value in (row.partition("=") for row in rows)}
    return told.get("MainPID", ""), int(told.get("NRestarts") or 0), told.get("ActiveState", "")


def _ill(version: str, before: Health, socket: Path) -> str | None:
    """What is not as it was, or None."""
    state = _run("systemctl", "is-active", "terminald.service")
    if state != "active":
        return f"systemd says {state}."
    try:
        told: dict[str, Any] = call(socket, {"word": "status"}, timeout_s=5)
    except Unanswered as no:
        return no.error
    if told.get("version") != version:
        return f"version {told.get('version')} answers."
    why = told.get("why")
    if why not in ("", None, UPDATING, before.why):
        return f"out of service: {why}"
    newest = int((told.get("last") or {}).get("seq", 0))
    if newest < before.newest:
        return f"its journal ends with row {newest}, and had {before.newest}."
    return None


def _ills() -> frozenset[str]:
    """By the doctor of the release that is `current` now; one that does not speak is an ill of its own."""
    told = _run("/opt/terminal/current/bin/terminalctl", "doctor", "--json", timeout_s=DOCTOR_S)
    try:
        found = [json.loads(line) for line in told.splitlines()]
        bad = {each["what"] for each in found if each["verdict"] == "bad"}
    except (ValueError, KeyError, TypeError):
        return frozenset({"doctor"})
    if not found:
        return frozenset({"doctor"})
    return frozenset(what for what in bad if what.partition(" ")[0] in OURS)


def _run(*command: str, timeout_s: float = 10.0) -> str:
    """What it printed; "" when it hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.strip()
