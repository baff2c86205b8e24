"""Changes the release of a unit, so that a cut at any point leaves one that works.

    package     a file that is signed for this unit, or is refused before anything is unpacked
    staging     whole beside the others, or not there
    probation   change over, look whether the new release is as well as the old one was

`update` is the technician's side. It may be killed at any point: until `next` is named nothing has changed for the
unit. What follows runs as terminal-update.service, and whatever becomes of that, systemd starts
terminal-return.service behind it, as it does at every boot (terminal/releases.py draws the steps).

The counter is closed from the question whether it is idle until the new release has passed: no sale can begin
between the two, and none is written by a release that may have to go again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from terminal.control import NotRunning, Unanswered, call
from terminal.releases import THAW, UNDER_OVERLAY, Releases
from terminal.update.package import NAME, Package, bring, verify
from terminal.update.refused import NotUpdated
from terminal.update.staging import stage

CACHE = Path("/var/cache/counter-terminal")
SETTINGS = Path("/etc/terminal/terminal.toml")
BACK_S = 30.0
ENDS_S = 150.0  # terminal-update.service ends by itself long before
BOOKED, IN_A_MESS = "${Version} ${db:Status-Status}", "${db:Status-Eflag}"  # dpkg's own word for it
JOURNAL = "journalctl -u terminal-update -n 30"

Say = Callable[[str], None]

__all__ = ["NotUpdated", "Wanted", "update"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`source`: a file, or an https:// address. `sha256`: instead of a signature, by somebody who knows the file."""

    source: str
    sha256: str = ""
    downgrade: bool = False


def update(wanted: Wanted, socket: Path, say: Say) -> str:
    """The version that runs now, which is the wanted one. NotUpdated says why not, and which one runs."""
    releases = Releases()
    _look_at_unit(releases)
    with _alone():
        file = bring(wanted.source, CACHE, say)
        verify(file, wanted.sha256, releases.folder / str(releases.current) / "keys")
        package = Package.read(file)
        mended = _mend_books()
        if package.release != releases.current:
            package.fit(str(releases.current), releases.place, downgrade=wanted.downgrade)
            if mended:
                package.look_for_missing()
            _idle(socket)
            stage(package, releases, say)
            _change_over(package.release, releases, socket, say)
        _book(package, say)
        releases.tidy()
        shutil.rmtree(CACHE, ignore_errors=True)
    return package.release


def _look_at_unit(releases: Releases) -> None:
    if os.geteuid():
        raise NotUpdated("Only root may change the release.", "sudo terminalctl update FILE")
    if releases.current is None or not SETTINGS.exists():
        raise NotUpdated(
            "This is no unit in service: there is nothing to update.", "scripts/provision --help"
        )
    if UNDER_OVERLAY.is_mount():
        raise NotUpdated(
            "The root is only read: the new release would be gone with the power.",
            f"{THAW}. Then again.",
        )
    if releases.on_probation:
        raise NotUpdated("An update is on probation now.", JOURNAL)


@contextmanager
def _alone() -> Iterator[None]:
    CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Path("/run/terminal-update.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotUpdated("Another update is at work.", "Wait for its end.") from None
        yield


def _idle(socket: Path) -> None:
    """Refused now rather than after the unpacking. The answer that counts is asked for once more, with the hold."""
    try:
        reply = call(socket, {"word": "status"})
    except NotRunning:
        return
    if reply.get("verdict") == "busy":
        raise NotUpdated("A sale is under way.", "Wait until the counter is idle.")


def _change_over(version: str, releases: Releases, socket: Path, say: Say) -> None:
    """Everything from here on goes on without us."""
    was = releases.current
    releases.nominate(version)
    say(f"{was} makes room for {version}; it comes back if that one is not well.")
    subprocess.run(["systemctl", "start", "terminal-update.service"], capture_output=True)
    until_s = time.monotonic() + ENDS_S
    while _at_work() or releases.on_probation:
        if time.monotonic() > until_s:
            raise NotUpdated("The change over does not end.", JOURNAL)
        time.sleep(0.2)
    if releases.current == version:
        return
    releases.forget_next()
    _await(socket)
    if releases.returned == version:
        raise NotUpdated(f"{version} did not pass, {was} runs again: {_last_words()}", JOURNAL)
    raise NotUpdated(_last_words(), JOURNAL)


def _await(socket: Path) -> None:
    """The release before is in service again, if it can be."""
    until_s = time.monotonic() + BACK_S
    while time.monotonic() < until_s:
        with suppress(Unanswered):
            call(socket, {"word": "status"})
            return
        time.sleep(0.2)


def _at_work() -> bool:
    state = subprocess.run(
        ["systemctl", "is-active", "terminal-update.service"], capture_output=True, text=True
    ).stdout.strip()
    return state in ("activating", "deactivating")


def _last_words() -> str:
    """What the service said last."""
    told = subprocess.run(
        ["journalctl", "-t", "terminal-update", "-o", "cat", "-n", "1", "--no-pager"],
        capture_output=True,
        text=True,
    ).stdout.strip()
    return told or "It did not say why."


def _book(package: Package, say: Say) -> None:
    """Debian's books follow: its postinst finds the release standing and running, and leaves it alone."""
    if _noted(BOOKED) == f"{package.version} installed":
        return
    say("Debian's books are brought up to date.")
    try:
        _dpkg("dpkg", "--install", str(package.file))
    except subprocess.CalledProcessError as failed:
        raise NotUpdated(
            f"{package.release} runs, but dpkg has not noted it: {failed.stderr.strip()[-200:]}",
            "Mend that, then type the same command again.",
        ) from None


def _mend_books() -> bool:
    """What a cut left half done is of the release that runs: now its postinst has nothing to do. Later it would.
    False: it was cut while dpkg unpacked it. That is never configured, only installed anew, which `_book` does; until
    then apt answers no question."""
    if _noted(IN_A_MESS) == "reinstreq":
        return False
    try:
        _dpkg("dpkg", "--configure", "-a")
    except subprocess.CalledProcessError as failed:
        raise NotUpdated(
            f"dpkg: {failed.stderr.strip()[-200:]}", "sudo dpkg --configure -a"
        ) from None
    return True


def _noted(form: str) -> str:
    """What Debian's books say of our package."""
    asked = ["dpkg-query", "--show", "--showformat", form, NAME]
    return subprocess.run(asked, capture_output=True, text=True).stdout


def _dpkg(*command: str) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, capture_output=True, text=True, env=quiet, check=True)
