"""What there is to do to a unit. `look` says what differs from the wish, in words, or None; `do` mends it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from terminal.core.terms import Refusal
from terminal.provision import card, trial
from terminal.provision.host import REBOOT_DUE, Facts, Host, NotDone
from terminal.provision.order import ROOT, Order, fingerprint
from terminal.wiring import boot

RECEIPT = "/etc/terminal/provisioned.json"  # what the last run left, so that the next one knows
CACHE = "/var/cache/counter-terminal"
SEALED = "/etc/credstore.encrypted/terminal.gateway.key"


# What comes from the distribution, by the profile's driver words.
DEBIAN = {
    "gpio": ("python3-lgpio",),
    "luma": ("python3-lgpio", "python3-spidev"),
    "picamera2": ("python3-picamera2",),
    "camera": ("python3-numpy", "python3-opencv"),
    "evdev": ("python3-evdev",),
}


class NotAsWished(Refusal):
    """A step did its work and the unit is still not as wished."""


@dataclass
class Unit:
    """`touched`: something changed in this run."""

    host: Host
    order: Order
    facts: Facts
    say: Callable[[str], None]
    touched: bool = False
    _package: list[Path] = field(default_factory=list)

    @property
    def package(self) -> Path:
        """The one given, or built for this unit, once."""
        if not self._package:
            self._package.append(self.order.wish.package or built(self.facts))
        return self._package[0]

    def receipt(self) -> dict[str, str]:
        text = self.host.ask(f"cat {RECEIPT}")
        told = json.loads(text) if text.startswith("{") else {}
        return told if isinstance(told, dict) else {}

    def note(self, **facts: str) -> None:
        text = json.dumps({**self.receipt(), **facts}, indent=1, sort_keys=True)
        self.host.put(RECEIPT, text.encode())


class Step(NamedTuple):
    name: str
    look: Callable[[Unit], str | None]
    do: Callable[[Unit], None]


def built(facts: Facts) -> Path:
    """The package for this machine, from this checkout."""
    build = str(ROOT / "scripts" / "build-deb")
    command = [build, "--suite", facts.suite, "--arch", facts.arch]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotAsWished(f"The package could not be built: {done.stderr.strip()[-300:]}")
    return ROOT / done.stdout.split()[-1]


# -- the package -----------------------------------------------------------------------------------------------


def look_package(unit: Unit) -> str | None:
    wanted = fingerprint(unit.package.read_bytes())
    told = unit.host.ask("dpkg-query -W -f='${Version} ${db:Status-Status}' counter-terminal")
    version, _, state = told.partition(" ")
    if state != "installed":
        cut = state.startswith(("half", "unpacked", "trigger"))
        return f"install {unit.package.name}{' (it was cut in the middle)' if cut else ''}"
    if unit.receipt().get("package") != wanted:
        return f"{version} to {unit.package.name}"
    missing = [each for each in debian(unit.order) if not installed(unit, each)]
    return f"install {', '.join(missing)}" if missing else None


def do_package(unit: Unit) -> None:
    content = unit.package.read_bytes()
    place = f"{CACHE}/{unit.package.name}"
    if unit.host.sha256(place) != fingerprint(content):
        unit.host.put(place, content)
    more = " ".join(each for each in debian(unit.order) if not installed(unit, each))
    if trial.status(unit.host):  # in service: on probation, and back if it is not well
        if more:
            _apt(unit, more)
        unit.host.run(f"terminalctl update {place} --downgrade --sha256 {fingerprint(content)}")
    else:
        again = "--reinstall " if installed(unit, "counter-terminal") else ""
        _apt(unit, f"{again}{place} {more}")
    unit.note(package=fingerprint(content))


def _apt(unit: Unit, what: str) -> None:
    unit.host.run(
        "export DEBIAN_FRONTEND=noninteractive; dpkg --configure -a; "
        "apt='apt-get -qq -y --no-install-recommends --allow-downgrades install'; "
        f"$apt {what} || {{ apt-get -qq update; $apt {what}; }}"
    )


def debian(order: Order) -> list[str]:
    return sorted({name for driver in order.drivers for name in DEBIAN.get(driver, ())})


def installed(unit: Unit, package: str) -> bool:
    return unit.host.ask(f"dpkg-query -W -f='${{db:Status-Status}}' {package}") == "installed"


# -- buses and overlays ------------------------------------------------------------------------------------------


def look_boot(unit: Unit) -> str | None:
    changes = [path for path, (now, wanted) in boot_files(unit).items() if now != wanted]
    if changes:
        return f"write {', '.join(changes)}: {', '.join(asked_of_boot(unit))}"
    return "start anew, so that they are read" if unit.host.ask(f"ls {REBOOT_DUE}") else None


def do_boot(unit: Unit) -> None:
    unit.host.run(f"touch {REBOOT_DUE}")
    for path, (now, wanted) in boot_files(unit).items():
        if now != wanted:
            unit.host.put(path, wanted.encode(), 0o755)
    restart(unit)


def restart(unit: Unit) -> None:
    """The firmware reads its files again. Nothing of the kind while somebody is paying."""
    trial.make_room(unit.host)
    unit.say("    it starts anew")
    unit.host.reboot()


def boot_files(unit: Unit) -> dict[str, tuple[str, str]]:
    """Path -> what stands there and what should."""
    if not unit.facts.boot:
        return {}  # no Pi
    profile = unit.order.profile
    config, line = (f"{unit.facts.boot}/{name}.txt" for name in ("config", "cmdline"))
    told, words = (unit.host.run(f"cat {path}") for path in (config, line))
    # The kernel's line is left alone, to its last blank, where nothing is wished of it.
    wished = boot.cmdline_txt(words, profile)
    same = words.split() == wished.split()
    return {
        config: (told, boot.config_txt(told, profile)),
        line: (words, words if same else wished),
    }


def asked_of_boot(unit: Unit) -> list[str]:
    profile = unit.order.profile
    return boot.overlays(profile) + boot.words(profile)


# -- settings and secrets ------------------------------------------------------------------------------------------


def look_settings(unit: Unit) -> str | None:
    different = [
        path
        for path, content in unit.order.files.items()
        if unit.host.sha256(path) != fingerprint(content)
    ]
    return f"write {', '.join(different)}" if different else None


def do_settings(unit: Unit) -> None:
    """terminal.toml last: the unit starts by itself once it is there."""
    for path, content in sorted(
        unit.order.files.items(), key=lambda each: each[0].endswith("terminal.toml")
    ):
        unit.host.put(path, content)


def look_secret(unit: Unit) -> str | None:
    sealed = unit.host.ask(f"systemd-creds decrypt --name=gateway.key {SEALED} - | sha256sum")
    same = sealed.partition(" ")[0] == fingerprint(unit.order.secret)
    return None if same else "seal the gateway's private key with systemd-creds"


def do_secret(unit: Unit) -> None:
    unit.host.run(
        f"umask 077; mkdir -p {Path(SEALED).parent}; "
        f"systemd-creds encrypt --name=gateway.key - {SEALED}.new 2>/dev/null; "
        f"sync {SEALED}.new; mv {SEALED}.new {SEALED}",
        unit.order.secret,
    )


def look_time(unit: Unit) -> str | None:
    if unit.order.settings.clock.trust != "timesync":
        return None
    state = unit.host.ask("systemctl is-enabled systemd-timesyncd").strip()
    return None if state == "enabled" else "switch on systemd-timesyncd"


def do_time(unit: Unit) -> None:
    unit.host.run(
        "[ -e /lib/systemd/system/systemd-timesyncd.service ] || "
        "{ apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq -y install systemd-timesyncd; }; "
        "systemctl enable -q --now systemd-timesyncd"
    )


def look_card(unit: Unit) -> str | None:
    return card.look(unit.host, unit.facts, unit.order.wish.read_only_root)


def do_card(unit: Unit) -> None:
    """The last step: what follows it would be written to memory."""
    trial.make_room(unit.host)
    try:
        card.do(unit.host, unit.facts, unit.order.wish.read_only_root)
    except NotDone:
        unit.host.ask("systemctl daemon-reload; systemctl start terminald")
        raise
    restart(unit)
    if not card.is_frozen(unit.host):
        raise NotAsWished(card.NOT_FROZEN)


# -- the trial and the service -------------------------------------------------------------------------------------


def look_trial(unit: Unit) -> str | None:
    if not unit.order.wish.trial or unit.receipt().get("trial") == trial_key(unit):
        return None
    return "a test sale at a sandbox on this machine"


def do_trial(unit: Unit) -> None:
    unit.say(f"    {trial.sale(unit.host, unit.order)}")
    unit.note(trial=trial_key(unit))


def trial_key(unit: Unit) -> str:
    """A sale was tried with this package and this hardware profile."""
    files = unit.order.files["/etc/terminal/hardware.toml"]
    return fingerprint(unit.package.read_bytes() + files)


def look_service(unit: Unit) -> str | None:
    if unit.touched:
        return "start it with what is new"
    state = unit.host.ask("systemctl is-active terminald; true").strip()
    return None if state == "active" else f"start it (it is {state})"


def do_service(unit: Unit) -> None:
    """Type=notify: systemctl returns when the loop turns, or says why it does not."""
    unit.host.run("systemctl daemon-reload; systemctl enable -q terminald")
    if unit.host.ask("systemctl restart terminald && echo up") and trial.status(unit.host):
        return
    told = unit.host.ask("journalctl -u terminald -n 5 -o cat --no-pager").strip()
    raise NotAsWished(f"terminald does not come up:\n{told}\nLook with: terminalctl doctor")


def ills(unit: Unit) -> list[str]:
    """What the unit's own doctor finds bad, with the remedies."""
    told = unit.host.ask("terminalctl doctor --json || true").splitlines()
    if not told:
        return ["The doctor did not answer. On the unit: terminalctl doctor"]
    found = [each for each in map(json.loads, told) if each["verdict"] == "bad"]
    return [f"{each['what']}: {each['says']} Try: {each['remedy']}" for each in found]


STEPS = (
    Step("package", look_package, do_package),
    Step("buses", look_boot, do_boot),
    Step("time", look_time, do_time),
    Step("secret", look_secret, do_secret),
    Step("trial sale", look_trial, do_trial),
    Step("settings", look_settings, do_settings),
    Step("service", look_service, do_service),
    Step("card", look_card, do_card),
)
