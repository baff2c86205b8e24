"""`scripts/provision` against a booted machine over real SSH: cut, resumed, repeated, and the unit that it leaves."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.bench.settings import tables, toml
from tests.machine.conftest import ROOT, Machine

WATCHDOG_S = 60.0  # WatchdogSec is 30
CANARY = "PRIVATE KEY"


@pytest.fixture(scope="module")
def package(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unit's package, built here."""
    out = tmp_path_factory.mktemp("package")
    build = [str(ROOT / "scripts" / "build-deb"), "--suite", machine.suite, "--arch", "amd64"]
    done = subprocess.run([*build, "--out", str(out)], capture_output=True, text=True, check=True)
    return Path(done.stdout.split()[-1])


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of an account at a sandbox gateway that runs here: in the shop it is the vendor's."""
    folder = tmp_path_factory.mktemp("account")
    command = [
        ROOT / ".venv/bin/python",
        "-m",
        "terminal",
        "sandbox",
        "--port",
        "0",
        "--state",
        folder,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as sandbox:
        assert sandbox.stdout
        said = json.loads(sandbox.stdout.readline())
        settings = {name: dict(table) for name, table in tables(said, folder, folder, {}).items()}
        del settings["control"], settings["terminal"]["state_dir"], settings["terminal"]["profile"]
        settings["terminal"]["id"] = "T00001"
        file = folder / "T00001.toml"
        file.write_text(toml(settings), encoding="utf-8")
        yield file
        sandbox.terminate()


def profile_of(folder: Path) -> Path:
    """The bench without its serial scanner: there is none on the machine, and its doctor would say so."""
    text = (ROOT / "hardware" / "bench.toml").read_text("utf-8")
    serial = re.compile(r'\[\[scanner\]\]\ndriver = "serial"\n(\w.*\n)+')
    assert serial.search(text)
    file = folder / "bench.toml"
    file.write_text(serial.sub("", text), encoding="utf-8")
    return file


def command(machine: Machine, package: Path, credentials: Path, *more: str) -> list[str]:
    """As README says it, for this unit and this file."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (line,) = re.findall(r"^scripts/provision .*$", readme, re.MULTILINE)
    bench = profile_of(credentials.parent)
    for said, meant in (
        ("pi@10.0.0.21", "root@127.0.0.1"), ("A1B2C3.toml", str(credentials)), ("profile bench", f"profile {bench}"),
    ):  # fmt: skip
        line = line.replace(said, meant)
    options = [word for option in machine.ssh for word in ("-o", option)]
    return [
        *shlex.split(line),
        "--port",
        str(machine.port),
        *options,
        "--package",
        str(package),
        *more,
    ]


def provision(machine: Machine, package: Path, credentials: Path, *more: str) -> str:
    line = command(machine, package, credentials, *more)
    done = subprocess.run(line, capture_output=True, text=True, timeout=900, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_dry_run_changes_nothing(machine: Machine, package: Path, credentials: Path) -> None:
    told = provision(machine, package, credentials, "--dry-run")
    assert "would change: install counter-terminal" in told
    assert machine.says("ls /etc/terminal /opt/terminal 2>/dev/null; true") == ""


def test_a_run_that_is_cut_is_resumed(machine: Machine, package: Path, credentials: Path) -> None:
    """Killed after the secret was sealed, before the settings are written."""
    line = command(machine, package, credentials)
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        for said in process.stdout:
            if "trial sale" in said:
                process.kill()
                break
    assert machine.says("ls /etc/terminal/terminal.toml 2>/dev/null; true") == ""
    told = provision(machine, package, credentials)
    assert "package      as wished" in told
    assert "secret       as wished" in told
    assert "paid" in told
    assert "Ready: " in told
    assert "| TERMINAL  T00001" in told


def test_the_unit_is_in_service_and_takes_a_sale(machine: Machine) -> None:
    assert machine.says("systemctl is-active terminald") == "active"
    assert json.loads(machine.says("terminalctl status --json").splitlines()[0])["ok"] is True


def test_a_second_run_changes_nothing(machine: Machine, package: Path, credentials: Path) -> None:
    before = machine.says(
        "systemctl show -p MainPID terminald; find /etc /opt/terminal -newer /etc/terminal/provisioned.json"
    )
    told = provision(machine, package, credentials)
    assert "Ready, nothing changed" in told
    after = machine.says(
        "systemctl show -p MainPID terminald; find /etc /opt/terminal -newer /etc/terminal/provisioned.json"
    )
    assert before == after


def test_a_trial_that_fails_does_not_close_the_shop(
    machine: Machine, package: Path, credentials: Path, tmp_path: Path
) -> None:
    """A display that nobody has ever heard of: the unit keeps what it had, and stays in service."""
    profile = tmp_path / "odd.toml"
    profile.write_text('[display]\ndriver = "etchasketch"\n', encoding="utf-8")
    line = [*command(machine, package, credentials), "--profile", str(profile)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=900, cwd=ROOT)
    assert done.returncode == 1, done.stdout
    assert machine.says("systemctl is-active terminald") == "active"
    assert "etchasketch" not in machine.says("cat /etc/terminal/hardware.toml")


def test_no_secret_lies_open(machine: Machine, credentials: Path) -> None:
    """The private key is on the card in one place, sealed; the daemon reads it from memory."""
    key = next(
        line for line in (credentials.parent / "terminal_private.pem").read_text().splitlines()[1:]
    )
    found = machine.shell(
        f"grep -rlF '{key}' /etc /var /opt/terminal /root /home /tmp", check=False
    )
    assert found.stdout == ""
    assert machine.says("stat -c %a /etc/credstore.encrypted/terminal.gateway.key") == "600"
    assert machine.shell(f"journalctl --no-pager | grep -F '{key}'", check=False).stdout == ""


def test_a_hung_daemon_is_killed_and_started_again(machine: Machine) -> None:
    machine.shell("kill -STOP $(systemctl show -p MainPID --value terminald)")
    until = time.monotonic() + WATCHDOG_S
    while machine.says("systemctl show -p NRestarts --value terminald") == "0":
        assert time.monotonic() < until, "the watchdog did not bite"
        time.sleep(1)
    machine.shell("timeout 30 sh -c 'until terminalctl status --json; do sleep 0.5; done'")
    assert machine.says("systemctl is-active terminal-healthy.target") == "active"


def test_after_a_power_cut_the_unit_comes_up_by_itself(machine: Machine) -> None:
    machine.cut()
    machine.boot()
    machine.shell("timeout 60 sh -c 'until systemctl is-active terminald; do sleep 0.5; done'")
    assert json.loads(machine.says("terminalctl status --json").splitlines()[0])["ok"] is True


def test_removing_the_package_leaves_the_money_and_the_key(machine: Machine) -> None:
    told = machine.says("dpkg --purge counter-terminal")
    assert "Kept: /var/lib/terminal" in told
    assert machine.says("ls /var/lib/terminal/journal.db /etc/credstore.encrypted") != ""
    assert machine.shell("ls /opt/terminal/current", check=False).returncode
