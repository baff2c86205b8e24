"""`scripts/provision` against a booted machine over real SSH: cut, resumed, repeated, and the unit that it leaves."""

from __future__ import annotations

import json
import subprocess
import time
import tomllib
from pathlib import Path

import requests

from terminal.provision.card import ENTRY, OVERLAY
from terminal.releases import THAW, UNDER_OVERLAY
from tests.machine.conftest import ROOT, Machine, command, provision

WATCHDOG_S = 60.0  # WatchdogSec is 30


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


def test_the_hardware_watches_it_and_the_logs_are_in_memory(machine: Machine) -> None:
    assert machine.says("systemctl show -p RuntimeWatchdogUSec --value") == "15s"
    machine.shell("ls /run/log/journal/*/system.journal")


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


def test_a_partition_that_holds_something_is_refused(
    disk: str, machine: Machine, package: Path, credentials: Path
) -> None:
    machine.shell(f"mke2fs -q -L photos {disk}")
    line = command(machine, package, credentials, "--read-only-root", disk)
    refused = subprocess.run(line, capture_output=True, text=True, timeout=900, cwd=ROOT)
    assert refused.returncode and f"{disk} holds ext2 already" in refused.stdout
    assert machine.says(f"blkid -p -s LABEL -o value {disk}") == "photos"
    machine.shell(refused.stdout.rpartition("on the unit: sudo ")[2])


def test_with_a_read_only_root_only_the_journal_stays(
    disk: str, machine: Machine, package: Path, credentials: Path
) -> None:
    """The power is cut after a sale: what was written elsewhere is gone, the sale is there and the chain unbroken."""
    options = ("--read-only-root", disk)
    told = provision(machine, package, credentials, *options)
    assert f"changing: the journal onto {disk}, the root only read" in told
    assert "Ready, nothing changed" in provision(machine, package, credentials, *options)
    order_no = paid_sale(machine, credentials)
    machine.shell("echo much >/etc/litter; echo more >>/opt/terminal/current/README.md")
    machine.cut()
    machine.boot()
    in_service(machine)
    assert machine.shell("cat /etc/litter", check=False).returncode
    assert machine.says("tail -n 1 /opt/terminal/current/README.md") != "more"
    assert outcome(machine, order_no) == "paid"
    machine.shell("terminalctl check")


def test_a_read_only_unit_says_how_it_is_changed(
    disk: str, machine: Machine, package: Path, credentials: Path
) -> None:
    """Provision and update are refused with a command; after it they work, and the root is only read again."""
    renamed = credentials.with_name("renamed.toml")
    renamed.write_text(credentials.read_text("utf-8").replace("Corner Shop", "Kiosk"))
    line = command(machine, package, renamed, "--read-only-root", disk)
    refused = subprocess.run(line, capture_output=True, text=True, timeout=900, cwd=ROOT)
    updating = machine.shell("terminalctl update /root/next.deb", check=False)
    assert refused.returncode and THAW in refused.stdout
    assert updating.returncode and THAW in updating.stdout + updating.stderr
    machine.shell(THAW.removesuffix(" && sudo reboot").removeprefix("sudo "))
    machine.cut()
    machine.boot()
    assert "SHOP      Kiosk" in provision(machine, package, renamed, "--read-only-root", disk)
    assert "Kiosk" in machine.says(f"cat {UNDER_OVERLAY}/etc/terminal/terminal.toml")


def test_the_distribution_leaves_the_partition_alone(machine: Machine) -> None:
    """Its own overlayroot, as far as it rewrites /etc/fstab: with what we ask of it, and without."""
    script = "/usr/share/initramfs-tools/scripts/init-bottom/overlayroot"
    functions = f"sed '/^cfgd=/,$d; /^\\. /d; /^case \"\\$1\"/,/^esac/d' {script}"
    call = "overlayrootify_fstab /etc/fstab /media/root-ro /media/root-rw /overlay %s 0 overlay"
    asked, plain = (
        machine.says(f"( {functions}; echo {call % recurse} ) | sh").splitlines()
        for recurse in "01"
    )
    assert OVERLAY.endswith(":recurse=0")
    assert ENTRY in asked
    assert ENTRY not in plain


def in_service(machine: Machine) -> None:
    machine.shell("timeout 60 sh -c 'until terminalctl status --json; do sleep 0.5; done'")


def outcome(machine: Machine, order_no: str) -> str:
    """Its exit code says that one is open, too."""
    told = machine.shell(f"terminalctl journal show {order_no} --json", check=False).stdout
    return str(json.loads(told.splitlines()[-1]).get("outcome"))


def paid_sale(machine: Machine, credentials: Path) -> str:
    """One at the unit's own gateway, which here is the sandbox; its customer pays."""
    in_service(machine)
    gateway = tomllib.loads(credentials.read_text("utf-8"))["gateway"]["url"]
    told = machine.says("terminalctl sale 1.00 --mode mpm --json").splitlines()[0]
    order_no = str(json.loads(told)["order_no"])
    until = time.monotonic() + WATCHDOG_S
    while outcome(machine, order_no) != "paid":
        assert time.monotonic() < until, "the sale is not paid"
        requests.post(f"{gateway}/sandbox/wallet/pay", json={"order_no": order_no}, timeout=10)
    return order_no


def test_removing_the_package_leaves_the_money_and_the_key(machine: Machine) -> None:
    told = machine.says("dpkg --purge counter-terminal")
    assert "Kept: /var/lib/terminal" in told
    assert machine.says("ls /var/lib/terminal/journal.db /etc/credstore.encrypted") != ""
    assert machine.shell("ls /opt/terminal/current", check=False).returncode
