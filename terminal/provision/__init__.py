"""Makes a terminal out of a fresh Raspberry Pi, from a technician's machine, over SSH.

    host        one unit at the other end of an SSH connection
    order       what the technician wants: files in, the unit's files out, checked before anything is touched
    steps       what there is to do, each with a look that says whether it is done already
    trial       a test sale on the unit, at a sandbox gateway on this machine
    card        a root that is only read, the journal on a partition of its own
    label       what is stuck on the unit
    inventory   many units, several at a time

Every step looks before it does, so a run that was cut goes on where it stopped, and a second run changes nothing.
No secret stands on a command line, in a shell history or in what is printed: it goes through standard input.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from terminal.config import BadSettings
from terminal.core.terms import Fault
from terminal.provision import card
from terminal.provision.host import Host, NotReached
from terminal.provision.order import Order, Wish
from terminal.provision.steps import STEPS, NotAsWished, Unit, ills

Say = Callable[[str], None]


def main(argv: Sequence[str]) -> int:
    """Exit codes: 0 as wished, 1 something is not, 2 wrong use."""
    wanted = _parser().parse_args(argv)
    if wanted.inventory:
        from terminal.provision.inventory import all_of

        return all_of(wanted.inventory, wanted)
    if not (wanted.host and wanted.profile and wanted.gateway and wanted.credentials):
        print(
            "provision: USER@HOST, --profile, --gateway and --credentials are needed, or --inventory."
        )
        return 2
    return one(Wish.of(wanted), print)


def one(wish: Wish, say: Say) -> int:
    """One unit, start to label. What is wrong is said with what to do."""
    try:
        order = Order.read(wish)
        with Host(wish.host, wish.port, wish.ssh) as host:
            unit = Unit(host, order, host.facts(), say)
            return run(unit, dry=wish.dry_run)
    except (BadSettings, NotReached, Fault) as fault:
        say(f"provision: {fault}")
        return 1


def run(unit: Unit, *, dry: bool) -> int:
    """The steps in their order."""
    began = time.monotonic()
    unit.say(f"{unit.host.address}: {unit.facts.model}, {unit.facts.suite}, {unit.facts.arch}")
    changed = 0
    for number, step in enumerate(STEPS, 1):
        missing = step.look(unit)
        mark = f"[{number}/{len(STEPS)}] {step.name:<12}"
        if missing is None:
            unit.say(f"{mark} as wished")
            continue
        changed += 1
        unit.say(f"{mark} {'would change' if dry else 'changing'}: {missing}")
        if not dry:
            if card.is_frozen(unit.host):
                raise NotAsWished(card.FROZEN)
            step.do(unit)
            unit.touched = True
    took = f"{changed} of {len(STEPS)} steps, {time.monotonic() - began:.0f} s"
    if dry:
        unit.say(
            f"Nothing was changed. Without --dry-run it would be {took.split(',', maxsplit=1)[0]}."
        )
        return 0
    if ill := ills(unit):
        unit.say("\n".join(["All is installed, but the unit is not well:", *ill]))
        return 1
    unit.say(f"Ready: {took}." if changed else f"Ready, nothing changed: {took}.")
    from terminal.provision.label import label

    unit.say(label(unit.order))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/provision", description="Make a terminal out of a fresh Raspberry Pi."
    )
    parser.add_argument(
        "host", nargs="?", metavar="USER@HOST", help="who may sudo without a question"
    )
    parser.add_argument("--profile", type=Path, metavar="FILE", help="hardware/*.toml")
    parser.add_argument("--gateway", metavar="WORD", help="paycloud or antom")
    parser.add_argument(
        "--credentials",
        type=Path,
        metavar="FILE",
        help="the unit's terminal.toml without its profile;"
        " the key files that it names lie on this machine",
    )
    parser.add_argument("--package", type=Path, metavar="DEB", help="(built here for the unit)")
    parser.add_argument("--port", type=int, default=22, help="of its sshd (22)")
    parser.add_argument(
        "-o", action="append", default=[], dest="ssh", metavar="OPTION", help="for ssh"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument("--no-trial", action="store_true", help="no test sale")
    parser.add_argument(
        "--read-only-root",
        default="",
        metavar="PARTITION",
        help="the root in memory, and the journal on this empty partition (/dev/mmcblk0p3)",
    )
    parser.add_argument("--inventory", type=Path, metavar="FILE", help="many units: see README")
    parser.add_argument("--at-once", type=int, default=4, metavar="N", help="units at a time (4)")
    return parser
