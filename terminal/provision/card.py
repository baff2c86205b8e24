"""A root that is only read: what is written goes to memory and is gone with the power, so that no cut can harm it.
The journal alone has a partition of its own, and stays.

The overlay is Debian's overlayroot, which raspi-config uses too. `recurse=0` keeps it off the journal's partition:
without it sales would be written to memory. A partition that does not come keeps the daemon from starting
(StateDirectory= needs its mount), so that it never begins a journal anew in memory.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from terminal.core.terms import Refusal
from terminal.releases import THAW, UNDER_OVERLAY

if TYPE_CHECKING:
    from terminal.provision.host import Facts, Host

OVERLAY = "overlayroot=tmpfs:recurse=0"
PLACE = "/var/lib/terminal"
LABEL, DRAFT = "terminal", "terminal.new"  # of the partition: whole, and being made
ENTRY = f"LABEL={LABEL} {PLACE} ext4 noatime,nodev,nosuid,noexec,nofail 0 2"
FROZEN = (
    "The unit's root is read-only: what is changed now is gone after the next start. "
    f"On the unit: {THAW}. Then again, with --read-only-root."
)
NOT_FROZEN = (
    "The root is still written to. Does config.txt say auto_initramfs=1? On the unit: "
    "sudo update-initramfs -u && sudo reboot"
)


class NotTaken(Refusal):
    """This partition cannot become the journal's."""


def is_frozen(host: Host) -> bool:
    """Whether the root is an overlay in memory now."""
    return bool(host.ask(f"mountpoint {UNDER_OVERLAY}"))


def look(host: Host, facts: Facts, device: str) -> str | None:
    """`device`: the journal's partition, "" when nobody wishes it. NotTaken."""
    if not device:
        return None
    wished = []
    if ENTRY not in host.ask("cat /etc/fstab"):
        _refuse_others(host, facts, device)
        wished.append(f"the journal onto {device}")
    if OVERLAY not in _words(host, facts) or not is_frozen(host):
        wished.append("the root only read")
    return ", ".join(wished) or None


def do(host: Host, facts: Facts, device: str) -> None:
    """The daemon is down. The journal first: with the root in memory and without this, sales would be lost."""
    if ENTRY not in host.ask("cat /etc/fstab"):
        _move_journal(host, device)
    host.run(
        "export DEBIAN_FRONTEND=noninteractive; "
        "install='apt-get -qq -y --no-install-recommends install overlayroot'; "
        "$install || { apt-get -qq update; $install; }"
    )
    others = [word for word in _words(host, facts) if not word.startswith("overlayroot=")]
    line = " ".join([OVERLAY, *others]) + "\n"
    host.put(f"{facts.boot}/cmdline.txt", line.encode(), 0o755)


def _words(host: Host, facts: Facts) -> list[str]:
    return host.ask(f"cat {facts.boot}/cmdline.txt").split()


def _move_journal(host: Host, device: str) -> None:
    """Onto the partition. A cut leaves the old journal in use, or the new one."""
    name = shlex.quote(device)
    if _told(host, device, "LABEL") != LABEL:
        host.run(
            f"[ -d {PLACE} ] || install -d -o terminal -g terminal {PLACE}; "
            f"mke2fs -q -F -t ext4 -m 1 -L {DRAFT} -d {PLACE} {name}; e2label {name} {LABEL}; sync"
        )
    table = host.run("cat /etc/fstab").rstrip("\n")
    host.put("/etc/fstab", f"{table}\n{ENTRY}\n".encode())
    host.run(f"mv -T {PLACE} {PLACE}.before; install -d {PLACE}; sync")


def _refuse_others(host: Host, facts: Facts, device: str) -> None:
    """Nothing is ever formatted that holds anything but an attempt of ours."""
    if not facts.boot:
        raise NotTaken("This is no Pi: it has no cmdline.txt in which to ask for a read-only root.")
    if not host.ask(f"[ -b {shlex.quote(device)} ] && echo there"):
        raise NotTaken(f"{device} is no partition of this unit. Look with: lsblk")
    kind, label = _told(host, device, "TYPE"), _told(host, device, "LABEL")
    if label == LABEL:
        if host.ask(f"[ -e {PLACE}/journal.db ] && echo there"):
            raise NotTaken(
                f"{device} holds a terminal's journal, and the card holds one too. Which is the right one? "
                f"To take the card's, on the unit: sudo wipefs -a {device}"
            )
    elif kind and label != DRAFT:
        raise NotTaken(
            f"{device} holds {kind} already. If nothing on it is needed, on the unit: sudo wipefs -a {device}"
        )


def _told(host: Host, device: str, what: str) -> str:
    return host.ask(f"blkid -p -s {what} -o value {shlex.quote(device)}").strip()
