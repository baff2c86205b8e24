"""A test sale on the unit with its own display, before it meets the merchant's gateway.

The gateway is a sandbox on this machine, at the end of the SSH connection. The daemon is the unit's own package,
as the unit's own user, with settings and journal of its own in /run: neither money nor the shop's journal is touched.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from terminal.bench.settings import tables, toml
from terminal.core.terms import Refusal
from terminal.provision.host import Host, NotDone
from terminal.provision.order import Order

PLACE = "/run/terminal-trial"
UNIT = "terminal-trial"
GROUPS = "gpio spi i2c dialout video input"
PACE = {"first_query_s": 1.0, "query_step_s": 1.0}
ANSWER_S = 10.0


class TrialFailed(Refusal):
    """The unit could not take a sale at the sandbox."""


class Occupied(Refusal):
    """Somebody is paying."""


def sale(host: Host, order: Order) -> str:
    """Take one; how it went, in a sentence. TrialFailed with the daemon's last words."""
    sandbox_name = "codepay" if _is_codepay(order) else order.settings.gateway.driver
    with _sandbox(sandbox_name) as said, _daemon(host, order, said):
        paid = threading.Thread(target=_pay_when_asked, args=(said["address"],), daemon=True)
        paid.start()
        try:
            told = host.run(
                f"terminalctl --socket {PLACE}/control.sock sale 1.00 --mode mpm --wait --json"
            )
        except NotDone as failed:
            words = host.ask(f"journalctl -u {UNIT} -n 8 -o cat --no-pager")
            raise TrialFailed(f"The test sale failed: {failed}\n{words}") from failed
        end: dict[str, Any] = json.loads(told.splitlines()[-1])["order"]
        if end["outcome"] != "paid":
            raise TrialFailed(f"The test sale ended as {end['outcome']}, not as paid.")
        return f"test sale {end['order_no']}: paid"


def _is_codepay(order: Order) -> bool:
    return order.settings.gateway.own.data.get("profile") == "codepay"


@contextmanager
def _sandbox(name: str) -> Iterator[dict[str, str]]:
    """What it announces; it lives inside."""
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        command = [
            sys.executable,
            "-m",
            "terminal",
            "sandbox",
            "--gateway",
            name,
            "--port",
            "0",
            "--state",
            folder,
        ]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                if not line:
                    raise TrialFailed("The sandbox on this machine did not start.")
                yield json.loads(line)
            finally:
                process.terminate()


@contextmanager
def _daemon(host: Host, order: Order, said: dict[str, str]) -> Iterator[None]:
    """The unit's daemon in a world of its own. The shop's one makes room: two cannot have one display."""
    port = host.reverse(int(said["address"].rpartition(":")[2]))
    here = {
        "address": f"http://127.0.0.1:{port}",
        "private_key_file": "private.pem",
        "gateway_key_file": "gateway.pem",
    }
    settings = tables({**said, **here}, Path(PLACE), Path("hardware.toml"), PACE)
    served = make_room(host)
    try:
        host.run(f"rm -rf {PLACE}; install -d -m 700 -o terminal -g terminal {PLACE}")
        host.put(f"{PLACE}/hardware.toml", order.files["/etc/terminal/hardware.toml"])
        host.put(f"{PLACE}/gateway.pem", Path(said["gateway_key_file"]).read_bytes())
        host.put(f"{PLACE}/private.pem", Path(said["private_key_file"]).read_bytes(), 0o600)
        host.put(f"{PLACE}/terminal.toml", toml(settings).encode())
        host.run(f"chown -R terminal:terminal {PLACE}")
        host.run(
            f"systemd-run -q --unit={UNIT} --collect -p Type=notify -p User=terminal "
            f"-p SupplementaryGroups='{GROUPS}' "
            f"/opt/terminal/current/bin/terminalctl run --config {PLACE}/terminal.toml"
        )
        yield
    finally:
        host.ask(f"systemctl stop {UNIT}; rm -rf {PLACE}; true")
        if served:  # a trial that failed must not close the shop
            host.ask("systemctl start terminald")


def make_room(host: Host) -> bool:
    """Whether the shop's daemon was in service. Never while somebody is paying."""
    told = status(host)
    if told and (told.get("open") or told.get("verdict") == "busy"):
        raise Occupied("A sale is open on this unit. Try again when the counter is idle.")
    host.ask("systemctl stop terminald; true")
    return bool(told)


def status(host: Host) -> dict[str, Any]:
    """What the unit's daemon says of itself; nothing while it does not run. Being unwell is an answer too."""
    told = host.ask("terminalctl status --json || true")
    facts: dict[str, Any] = json.loads(told.splitlines()[0]) if told.startswith("{") else {}
    return facts if facts.get("ok") else {}


def _pay_when_asked(address: str) -> None:
    """The customer: pays the first order that is shown."""
    while True:
        orders = _ask(f"{address}/sandbox/orders?since=0&wait_ms={ANSWER_S * 1000:.0f}")["orders"]
        if orders:
            _ask(f"{address}/sandbox/wallet/pay", {"order_no": orders[0]["order_no"]})
            return


def _ask(url: str, body: dict[str, str] | None = None) -> Any:
    answer = requests.request("POST" if body else "GET", url, json=body, timeout=2 * ANSWER_S)
    answer.raise_for_status()
    return answer.json()
