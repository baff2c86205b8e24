"""scripts/torture update N: cuts at random points of the update of a booted unit; the last line is JSON.

A Debian with systemd in a container, provisioned over SSH, with real packages: one is built, the others are that one
with another version, or spoilt. Each trial begins an update and cuts it: the technician's command, the service that
changes over, or both are killed, the power is cut, the card fills up, the file is forged, the new release is ill.
Then the unit must be in service again within 120 s, with one whole release, the right one where that is certain, and
with every row of its journal; now and then a sale must come out paid.

What a power cut does to what was not synced is not shown here: the machine dies, its files stay as they were.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from terminal.bench.doors import Doors
from tests.machine.conftest import ROOT, Machine, free_port, handed_out, provision, without_eyes

BACK_S = 120.0
GOOD = ("1.0.0", "1.0.1", "1.0.2")
SITE = "usr/lib/counter-terminal/site/terminal"
ILLS = {  # how a release can be ill: file, what is put behind it
    "crash": ("wiring/__init__.py", "raise SystemExit(3)"),
    "settings": ("config/__init__.py", "def load(path): raise BadSettings([])"),
    "sick": (
        "doctor/counter.py",
        "def journal(patient): yield bad('journal', 'It hurts.', 'None.')",
    ),
    "deaf": ("systemd.py", "Systemd._say = lambda *_: False"),
    "hung": ("wiring/__init__.py", "def run(config): time.sleep(3600)"),
}
QUICK_ILLS = ("crash", "settings")
# What the cut waits for, on the unit.
SIGHTS = {
    "asked": "true",
    "unpacking": "[ -e /opt/terminal/releases/.staging ]",
    "compiling": "pgrep -f [c]ompileall",
    "named": "[ -L /opt/terminal/next ] || [ -L /opt/terminal/return-to ]",
    "on probation": "[ -L /opt/terminal/return-to ]",
    "booking": "pgrep -x dpkg",
}
SIGHT_S = 60
FILLER = "/opt/terminal/filler"
CARD_MIB = 520

Trial = Callable[["Torture"], None]


@dataclass
class Torture:
    machine: Machine
    doors: Doors
    dice: random.Random
    running: str = GOOD[1]
    newest: int = 0
    paid: int = 0
    longest_s: float = 0.0
    kinds: Tally[str] = field(default_factory=Tally)
    ends: Tally[str] = field(default_factory=Tally)
    odd: list[str] = field(default_factory=list)

    # -- the trials ------------------------------------------------------------------------------------

    def kill(self) -> None:
        """The technician's command with all that it started, or the service, or both."""
        whom = self.dice.choice(("command", "service", "both"))
        target, moment = self.another(), self.moment()
        commands = {
            "command": "kill -KILL -- -$!",
            "service": "systemctl kill -s KILL --kill-who=all terminal-update",
        }
        cut = "; ".join(commands.values()) if whom == "both" else commands[whom]
        told = self.machine.shell(
            f"{self.begun(target)}; {moment}; date +%s.%N; {cut}; wait; cat /root/told", check=False
        ).stdout
        ago_s = time.time() - float(told.split()[0])
        said = self.end_of(told) if whom == "service" else None
        self.settles({self.running, target}, time.monotonic() - ago_s, said)

    def power(self) -> None:
        target = self.another()
        self.machine.shell(f"{self.begun(target)}; {self.moment()}", check=False)
        self.machine.cut()
        began_s = time.monotonic()
        self.machine.boot()
        self.settles({self.running, target}, began_s)

    def forged(self) -> None:
        """One byte of the file or its signature is another, or a stranger signed it."""
        target, what = self.another(), self.dice.choice(("file", "signature", "stranger", "none"))
        self.machine.shell(
            f"cp /root/{target}.deb /root/x.deb; cp /root/{target}.deb.sig /root/x.deb.sig"
        )
        name = "x.deb" if what == "file" else "x.deb.sig"
        spoil = {
            "stranger": f"cp /root/stranger/{target}.deb.sig /root/x.deb.sig",
            "none": "rm /root/x.deb.sig",
        }
        one_byte = (
            f"python3 -c \"import random; f = open('/root/{name}', 'r+b'); b = bytearray(f.read()); "
            'b[random.randrange(len(b))] ^= 1; f.seek(0); f.write(b)"'
        )
        self.machine.shell(spoil.get(what, one_byte))
        self.refused("x")
        self.settles({self.running})

    def ill(self, which: str = "") -> None:
        """A release that is signed, and does not pass."""
        began_s = time.monotonic()
        self.refused(which or self.dice.choice(QUICK_ILLS))
        self.settles({self.running}, began_s)

    def full(self) -> None:
        """Somebody else takes the last of the card while the release is unpacked."""
        target = self.another()
        sight = SIGHTS[self.dice.choice(("unpacking", "compiling"))]
        fill = f"{self.seen(sight, self.dice.uniform(0, 0.5))}; dd if=/dev/zero of={FILLER} bs=64k"
        began_s = time.monotonic()
        self.machine.shell(f"{self.begun(target)}; {fill}; wait", check=False)
        self.settles({self.running, target}, began_s)
        self.machine.shell(f"rm -f {FILLER}")

    def busy(self) -> None:
        """A customer is faster: no update now."""
        told = json.loads(
            self.machine.says("terminalctl sale 2.00 --mode mpm --json").splitlines()[-1]
        )
        self.refused(self.another())
        self.pays(told["order_no"])
        self.settles({self.running})

    def mess(self) -> None:
        """dpkg was killed while it unpacked: it wants that installed anew, and configures nothing."""
        books = "/var/lib/dpkg/status"
        self.machine.says(
            "sed -i '/^Package: counter-terminal$/,/^$/s/^Status: .*/Status: install reinstreq unpacked/' "
            f"{books} && ! dpkg --configure -a 2>/dev/null"
        )
        self.goes_through()

    # -- what happens on the unit ------------------------------------------------------------------------

    def another(self) -> str:
        return self.dice.choice([version for version in GOOD if version != self.running])

    def begun(self, version: str) -> str:
        update = f"terminalctl update /root/{version}.deb --downgrade --json"
        return f"setsid {update} >/root/told 2>&1 & true"

    def moment(self) -> str:
        """By time, or at a sight; nothing in between is spared."""
        if self.dice.random() < 0.4:
            return f"sleep {self.dice.uniform(0, 14):.3f}"
        sight = self.dice.choice(list(SIGHTS.values()))
        return self.seen(
            sight, self.dice.choice((0.0, self.dice.uniform(0, 0.2), self.dice.uniform(0, 6)))
        )

    def seen(self, sight: str, then_s: float) -> str:
        return (
            f"timeout {SIGHT_S} sh -c 'until {sight} || grep -q ok /root/told; do sleep 0.01; done' >/dev/null; "
            f"sleep {then_s:.3f}"
        )

    def refused(self, package: str) -> None:
        """The command says no, with a remedy, and ends with 1."""
        done = self.machine.shell(
            f"terminalctl update /root/{package}.deb --downgrade --json", check=False
        )
        said = self.end_of(done.stdout)
        if said is None or said["ok"] or not said["remedy"] or done.returncode != 1:
            self.odd.append(f"{package} was not refused: {done.stdout} {done.stderr}")

    def end_of(self, told: str) -> dict[str, Any] | None:
        lines = [line for line in told.splitlines() if line.startswith("{")]
        return json.loads(lines[-1]) if lines else None

    # -- what must hold then -----------------------------------------------------------------------------

    def settles(
        self, allowed: set[str], began_s: float | None = None, said: dict[str, Any] | None = None
    ) -> None:
        """In service with a release that is allowed, nothing on probation, and the journal whole. Within 120 s of the
        cut; of the command where nothing but the update itself went wrong."""
        began_s = began_s or time.monotonic()
        status = self.in_service(began_s)
        self.longest_s = max(self.longest_s, time.monotonic() - began_s)
        if status is None:
            words = self.machine.shell(
                "journalctl -n 40 --no-pager; ls -la /opt/terminal", check=False
            )
            raise SystemExit(f"not in service within {BACK_S} s:\n{words.stdout}")
        version = status["version"]
        if version not in allowed:
            self.odd.append(f"{version} runs, not one of {allowed}")
        if said is not None and said["ok"] is not (version != self.running):
            self.odd.append(f"{version} runs, and the command said {said}")
        self.ends["new" if version != self.running else "old"] += 1
        self.running = version
        self.whole(status)

    def in_service(self, began_s: float) -> dict[str, Any] | None:
        """What the daemon says once everything is at rest."""
        look = (
            "[ ! -L /opt/terminal/return-to ] && ! systemctl is-active terminal-update | grep -q ing "
            "&& ! pgrep -f '[t]erminalctl update' >/dev/null && systemctl is-active -q terminal-healthy.target "
            "&& terminalctl status --json"
        )
        while time.monotonic() - began_s < BACK_S:
            told = self.end_of(self.machine.shell(look, check=False).stdout)
            if told and told.get("ok") and told["verdict"] == "ready":
                return told
            time.sleep(0.1)
        return None

    def whole(self, status: dict[str, Any]) -> None:
        """The release that the links name is the one that answers; no row is gone or changed."""
        told = self.machine.shell(
            "basename $(readlink /opt/terminal/current); terminalctl --version; terminalctl check --json >/dev/null "
            "&& echo whole; cmp /opt/terminal/current/systemd/terminald.service "
            "/lib/systemd/system/terminald.service && echo same",
            check=False,
        ).stdout.split()
        version = status["version"]
        if told != [version, version, "whole", "same"]:
            self.odd.append(f"{version}: {told}")
        newest = (status["last"] or {}).get("seq", 0)
        if newest < self.newest:
            self.odd.append(f"the journal had {self.newest} rows and has {newest}")
        self.newest = newest

    def sale(self) -> None:
        told = json.loads(
            self.machine.says("terminalctl sale 1.00 --mode mpm --json").splitlines()[-1]
        )
        self.pays(told["order_no"])

    def pays(self, order_no: str) -> None:
        """The customer; and the journal says paid."""
        until_s = time.monotonic() + BACK_S
        while not self.doors.tell("wallet/pay", order_no=order_no).get("order_no"):
            assert time.monotonic() < until_s, "the gateway does not know the order"
            time.sleep(0.1)
        look = f"until terminalctl journal show {order_no} --json | grep -q '\"paid\"'; do sleep 0.2; done"
        self.machine.shell(f"timeout 60 sh -c '{look}'; terminalctl cancel --json", check=False)
        self.paid += 1

    def goes_through(self) -> None:
        """An update that nobody cuts, whatever was cut before it; then Debian's books are right."""
        target = self.another()
        done = self.machine.shell(
            f"terminalctl update /root/{target}.deb --downgrade --json", check=False
        )
        said = self.end_of(done.stdout)
        if said is None or not said["ok"]:
            self.odd.append(f"{target} was refused: {done.stdout} {done.stderr}")
        self.settles({target}, said=said)
        booked = self.machine.says(
            "dpkg --audit; dpkg-query -W -f '${Version} ${db:Status-Status}' counter-terminal"
        )
        if booked != f"{target}~{self.machine.suite} installed":
            self.odd.append(f"Debian's books say {booked}")

    def reckon(self) -> None:
        """The last word: one more update, and every sale that was paid."""
        self.goes_through()
        kept = self.machine.says("ls /opt/terminal/releases").split()
        if len(kept) != 2:
            self.odd.append(f"releases that were kept: {kept}")
        rows = self.machine.says("terminalctl journal list --limit 1000 --json").splitlines()
        if sum(json.loads(row).get("outcome") == "paid" for row in rows) != self.paid:
            self.odd.append(f"{self.paid} sales were paid, the journal has {rows}")

    def small_card(self) -> None:
        """The releases on a file system that can be filled: from here on the power stays on."""
        self.machine.shell(
            "systemctl stop terminald; cp -a /opt/terminal /opt/kept; "
            f"mount -t tmpfs -o size={CARD_MIB}M card /opt/terminal; cp -a /opt/kept/. /opt/terminal; "
            "systemctl start terminald"
        )


# -- packages ------------------------------------------------------------------------------------------------


def packages(suite: str, out: Path) -> Path:
    """One is built; of it others that are well, and ill ones. All are signed."""
    out.mkdir()
    key = new_key(out / "key.pem")
    build = [ROOT / "scripts/build-deb", "--suite", suite, "--arch", "amd64", "--out", out]
    wanted = [*build, "--version", GOOD[0], "--sign", key]
    done = subprocess.run(wanted, capture_output=True, text=True, check=True)
    built = Path(done.stdout.split()[-1])
    for version in GOOD[1:]:
        again(built, version, key, out / f"{version}.deb")
    for name, (file, line) in ILLS.items():
        again(built, f"9.0.0+{name}", key, out / f"{name}.deb", file, line)
    for suffix in ("", ".sig"):
        Path(f"{built}{suffix}").rename(out / f"{GOOD[0]}.deb{suffix}")
    stranger = new_key(out / "stranger.pem")
    (out / "stranger").mkdir()
    for version in GOOD:
        sign(out / f"{version}.deb", stranger, out / "stranger" / f"{version}.deb.sig")
    return out


def again(built: Path, version: str, key: Path, out: Path, file: str = "", line: str = "") -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        subprocess.run(["dpkg-deb", "-R", built, tree], check=True)
        for each in (f"{SITE}/__init__.py", "DEBIAN/control", "DEBIAN/postinst"):
            text = (tree / each).read_text("utf-8")
            (tree / each).write_text(text.replace(GOOD[0], version), encoding="utf-8")
        if file:
            with (tree / SITE / file).open("a", encoding="utf-8") as spoilt:
                spoilt.write(f"\n{line}\n")
        build = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, out]
        subprocess.run(build, check=True, capture_output=True)
    sign(out, key, Path(f"{out}.sig"))


def new_key(file: Path) -> Path:
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", file], check=True)
    return file


def sign(file: Path, key: Path, out: Path) -> None:
    """As scripts/build-deb does."""
    made = subprocess.run(
        ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file],
        capture_output=True,
        check=True,
    )
    coded = subprocess.run(["base64", "-w0"], input=made.stdout, capture_output=True, check=True)
    out.write_bytes(coded.stdout)


# -- the whole -----------------------------------------------------------------------------------------------


def plan(trials: int, dice: random.Random) -> list[tuple[str, Trial]]:
    """Half of them kills; some of everything. The full card comes last: there is no power cut on that one."""
    share = {"power": 0.12, "forged": 0.12, "ill": 0.1, "busy": 0.04, "mess": 0.02}
    what: dict[str, Trial] = {
        "power": Torture.power, "forged": Torture.forged, "ill": Torture.ill, "busy": Torture.busy,
        "mess": Torture.mess,
    }  # fmt: skip
    planned = [
        (kind, what[kind])
        for kind, part in share.items()
        for _ in range(max(1, int(trials * part)))
    ]
    if trials >= 50:  # each of these takes a minute
        for which in set(ILLS) - set(QUICK_ILLS):
            planned.append((which, lambda torture, which=which: torture.ill(which)))
    full: list[tuple[str, Trial]] = [("full", Torture.full)] * max(1, int(trials * 0.08))
    kills: list[tuple[str, Trial]] = [("kill", Torture.kill)] * (trials - len(planned) - len(full))
    planned += kills
    dice.shuffle(planned)
    return planned + full


def torture(
    trials: int,
    seed: int,
    folder: Path,
    machine: Machine,
    stack: ExitStack,
    made: Path | None = None,
) -> Torture:
    dice = random.Random(seed)
    doors = Doors(folder / "gateway", stack)
    made = made or packages(machine.suite, folder / "packages")
    machine.boot()
    account, lean = handed_out(doors.said, folder), str(without_eyes(folder))
    provision(machine, made / f"{GOOD[0]}.deb", account, "--no-trial", "--profile", lean)
    provision(machine, made / f"{GOOD[1]}.deb", account, "--no-trial", "--profile", lean)
    assert machine.says("journalctl -t terminal-update -o cat") == f"{GOOD[1]} runs."
    packed = subprocess.run(["tar", "-c", "-C", made, "."], capture_output=True, check=True).stdout
    machine.shell("tar -x -C /root", given=packed)
    tortured = Torture(machine, doors, dice)
    for number, (kind, trial) in enumerate(plan(trials, dice), 1):
        if kind == "full" and not tortured.kinds["full"]:
            tortured.small_card()
        began_s, odd = time.monotonic(), len(tortured.odd)
        trial(tortured)
        tortured.kinds[kind] += 1
        if number % 5 == 0:
            tortured.sale()
        took = f"{kind}, {tortured.running} runs, {time.monotonic() - began_s:.1f} s"
        print(f"{number}/{trials} {took}", *tortured.odd[odd:], file=sys.stderr, flush=True)
    tortured.reckon()
    return tortured


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/torture update", description=__doc__)
    parser.add_argument("trials", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--packages", type=Path, metavar="DIR", help="kept for the next run")
    wanted = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-update-") as place, ExitStack() as stack:
        folder, made = Path(place), wanted.packages
        if made and not made.exists():
            packages("bookworm", made)
        machine = Machine("bookworm", folder / "unit", free_port())
        stack.callback(lambda: machine.process and machine.cut())
        found = torture(wanted.trials, wanted.seed, folder, machine, stack, made)
    for each in found.odd:
        print(each, file=sys.stderr)
    figures = {
        "trials": wanted.trials, "failed": len(found.odd), "longest_s": round(found.longest_s, 1),
        "kinds": dict(found.kinds), "ends": dict(found.ends), "rows": found.newest, "paid": found.paid,
        "seconds": round(time.monotonic() - began_s),
    }  # fmt: skip
    print(json.dumps(figures), flush=True)
    return 1 if found.odd else 0


if __name__ == "__main__":
    sys.exit(main())
