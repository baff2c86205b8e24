"""A support bundle of a counter that has worked: nothing secret is in it, and its orders come to the same ends."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

from PIL import Image

BYTES_MAX = 5 * 1024 * 1024


def terminalctl(counter, *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("terminalctl")
    socket = ["--socket", str(counter.stall.state / "control.sock")]
    return subprocess.run([program, *socket, *words], capture_output=True, text=True, timeout=600)


def test_a_bundle_tells_all_but_the_secrets(counter, tmp_path: Path) -> None:
    counter.keys("1250 ok")
    counter.phone.pay(counter.sees_code())
    counter.paid(first := counter.newest()["order_no"])
    counter.stall.dismiss()
    code = counter.phone.open_code()
    counter.keys("300 ok")
    counter.sees_code()
    counter.paid(counter.charged(counter.newest()["order_no"]))
    file = tmp_path / "bundle.tar.xz"
    config = str(counter.stall.state / "terminal.toml")
    made = terminalctl(counter, "bundle", str(file), "--config", config, "--json")
    assert made.returncode == 0, made.stdout + made.stderr
    assert file.stat().st_size < BYTES_MAX
    with tarfile.open(file) as pack:
        parts = {name: pack.extractfile(name).read() for name in pack.getnames()}
    assert {"about.json", "doctor.jsonl", "terminal.toml", "bench.toml", "journal.jsonl"} <= set(
        parts
    )
    assert first in parts["journal.jsonl"].decode()
    assert Image.open(BytesIO(parts["screen-1.png"])).size == (320, 240)
    no_canary(counter, code, b"".join(parts.values()).decode(errors="replace"))
    replayed = terminalctl(counter, "replay", str(file), "--json")
    told = json.loads(replayed.stdout)
    assert (replayed.returncode, told["differences"]) == (0, 0), replayed.stdout
    assert told["orders"] >= 2


def no_canary(counter, code: str, text: str) -> None:
    """The payment code, the keys, and the gateway's numbers of the payments."""
    keys = [path.read_text() for path in counter.stall.state.rglob("*private*.pem")]
    lines = [line for key in keys for line in key.splitlines() if not line.startswith("---")]
    orders = counter.stall.books()
    canaries = [code, *lines, *(order["trans_no"] for order in orders if order.get("trans_no"))]
    assert len(canaries) > 20
    assert [each for each in canaries if each in text] == []


def test_a_bundle_whose_rules_were_broken_ends_otherwise(counter, tmp_path: Path) -> None:
    """An order that was called paid though the gateway had said no."""
    counter.keys("1250 ok")
    counter.phone.pay(counter.sees_code())
    counter.paid(counter.newest()["order_no"])
    file, bent = tmp_path / "bundle.tar.xz", tmp_path / "bent.tar.xz"
    config = str(counter.stall.state / "terminal.toml")
    assert terminalctl(counter, "bundle", str(file), "--config", config).returncode == 0
    with tarfile.open(file) as pack, tarfile.open(bent, "w:xz") as other:
        rows = (
            pack.extractfile("journal.jsonl").read().replace(b"PaymentApproved", b"PaymentDeclined")
        )
        entry = tarfile.TarInfo("journal.jsonl")
        entry.size = len(rows)
        other.addfile(entry, BytesIO(rows))
    replayed = terminalctl(counter, "replay", str(bent))
    assert replayed.returncode == 1
    assert "Other ends" in replayed.stdout


def test_a_file_that_is_no_bundle_is_refused(counter, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no")
    refused = terminalctl(counter, "replay", str(tmp_path / "x"))
    assert refused.returncode == 1
    assert "is no bundle" in refused.stderr
