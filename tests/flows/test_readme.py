"""Every command in README.md is run: by a test here, or by .ci/run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
# What tests/flows/test_demo.py runs, and what the rest of the suite is.
BY_OTHER_TESTS = {"scripts/demo", "scripts/demo --headless"}
# What tests/house/test_gateway_contract.py does with a package in a folder of its own.
BY_OTHER_TESTS |= {
    ".venv/bin/pip install ../acme-pay",
    ".venv/bin/python -m pytest tests/house/test_gateway_contract.py -k acme",
}
# What tests/machine/test_provision.py types, with its own unit's address and file.
BY_OTHER_TESTS |= {
    "scripts/provision pi@10.0.0.21 --profile bench --gateway paycloud --credentials A1B2C3.toml",
}
# What scripts/torture update does, with its own versions and its own machine.
BY_OTHER_TESTS |= {
    "scripts/build-deb --suite bookworm --arch arm64 --sign update.key",
    "sudo terminalctl update counter-terminal_VERSION~bookworm_arm64.deb",
}
BY_CI = {
    "scripts/test",
    "scripts/check",
    "scripts/audit",
    "scripts/bench counter",
    "scripts/storm 400 --gateway antom",
    "scripts/torture kill 500",
    "scripts/torture line 200",
    "scripts/torture power 10000",
    "scripts/torture disk 60",
    "scripts/torture year 3 --sales-per-day 5",
    "scripts/torture update 10",
    "scripts/rig",
    "scripts/simulate --sales 100000 --jobs 2",
    "scripts/simulate --singles 100 --jobs 2",
    "scripts/flood scanner 5000",
    "scripts/flood keypad 20000",
    "scripts/bench devices",
    "scripts/bench eye --scenes 3 --clips 1 --fuzz 50",
}


def commands() -> list[str]:
    """The lines of README's sh blocks, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README.replace("   ```", "```"), re.DOTALL)
    lines = (line.split("#")[0].strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line]


def test_every_command_is_run_somewhere() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    for command in commands():
        if command.startswith("terminalctl "):
            continue  # the walk below
        if command in BY_CI:
            assert re.search(rf"^{re.escape(command)}$", ci, re.MULTILINE), command
        else:
            assert command in BY_OTHER_TESTS, command


def test_the_technicians_words(counter) -> None:
    """In the order in which they stand there, against a running daemon; ORDER is the newest paid sale."""
    counter.keys("1250 ok")
    counter.phone.pay(counter.sees_code())
    counter.paid(order := counter.newest()["order_no"])
    counter.stall.dismiss()
    words = [command for command in commands() if command.startswith("terminalctl ")]
    assert words
    for command in words:
        if "void" in command:  # a sale of which nothing went back yet: the one that `sale` made
            order = paid_orders(counter)[0]
        run(counter, command.replace("ORDER", order))


def paid_orders(counter) -> list[str]:
    """Newest first."""
    rows = counter.stall.ask("journal", op="list", limit=50)["rows"]
    return [row["order_no"] for row in rows if row["outcome"] == "paid"]


def run(counter, command: str) -> None:
    """`sale … --wait` needs a customer; `cancel` needs a sale under way."""
    arguments = shlex.split(command)[1:]
    if arguments[0] == "cancel":
        counter.keys("700 ok")
        counter.sees_code()
    terminalctl = Path(sys.executable).with_name("terminalctl")
    socket = ["--socket", str(counter.stall.state / "control.sock")]
    started = subprocess.Popen(
        [terminalctl, *socket, *arguments],
        cwd=counter.stall.state,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if arguments[0] == "sale":
        counter.phone.pay(counter.sees_code())
    said, _ = started.communicate(timeout=600)
    if arguments[0] == "cancel":
        counter.ends(counter.newest()["order_no"])
    # A sale that was just cancelled is not at its end yet: 1, look again.
    assert started.returncode in ((0, 1) if arguments[0] == "cancel" else (0,)), said.decode()
    if arguments[0] in ("sale", "cancel"):
        counter.stall.dismiss()
