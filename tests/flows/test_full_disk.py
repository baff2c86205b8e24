"""A disk that is really full, under the real daemon: no result that cannot be written, and the truth once it can."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.flows.conftest import Walk, walk_at

DISK_BYTES, PIECE = 48 << 20, bytes(1 << 16)
LEFT_BYTES = 5 << 20  # room enough to end sales, too little to begin one


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Walk]:
    """A counter whose state lies on a file system of its own; the sandbox keeps its books elsewhere."""
    disk, books = tmp_path / "disk", tmp_path / "books"
    for folder in (disk, books):
        folder.mkdir()
    how = f"size={DISK_BYTES},mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", how, "none", disk], check=True)
    try:
        (disk / "sandbox").symlink_to(books)
        yield from walk_at(disk)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def fill(filler: Path, left_bytes: int = 0) -> None:
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            stat = os.statvfs(filler.parent)
            if left_bytes and stat.f_bavail * stat.f_frsize <= left_bytes:
                return
            file.write(PIECE)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk(small: Walk) -> None:
    stall, filler = small.stall, small.stall.state / "filler"
    small.keys("1000 ok")
    order_no = small.sees_code()

    fill(filler, LEFT_BYTES)
    small.until(lambda: stall.ask("status")["verdict"] == "out_of_service", "too little room")
    assert "almost full" in stall.ask("status")["why"]
    fill(filler)
    small.phone.pay(order_no)
    small.until(lambda: stall.ask("status")["screen"] == "OutOfService", "the end of the room")

    assert stall.ask("query", order_no=order_no)["asked"]
    small.until(
        lambda: bool(stall.ask("order", order_no=order_no)["gateway"]), "the gateway's word"
    )
    told = stall.ask("order", order_no=order_no)
    assert (told["gateway"]["said"], told["gateway"]["written"]) == ("paid", False)
    assert told["order"]["outcome"] != "paid"
    refused = stall.ask("sale", amount="1.00")
    assert not refused["ok"]
    assert "vacuum" in refused["remedy"]

    filler.unlink()
    assert stall.daemon is not None
    stall.daemon.terminate()
    assert stall.daemon.wait(60) == 0
    stall.start_daemon()
    small.paid(order_no)
