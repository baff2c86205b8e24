"""In the guest, on the file system of /run/disk: `python -m tests.rig.disk_job WAY`. Each row that is acknowledged
becomes a mark in the log of the disk's writes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

from terminal.bench.torture import careless, power
from terminal.bench.torture.tape import Acked
from tests.rig import disk_update

STATE = Path("/run/disk/state")
SALES, ROWS = 8, 24


def mark(acked: Acked) -> None:
    text = f"acked-{acked.row}-{acked.link.hex()}"
    subprocess.run(["dmsetup", "message", "lw", "0", "mark", text], check=True)


def ours() -> None:
    """Sales through two lives of the journal."""
    for sales in (SALES // 2, SALES - SALES // 2):
        with power.opened(STATE / "journal.db") as books:
            power.sell(books, sales, mark)


def rollback(level: str) -> None:
    STATE.mkdir()
    with closing(careless.plain(STATE, level)) as db:
        db.execute("CREATE TABLE told (row INTEGER PRIMARY KEY, text TEXT)")
        for row in range(1, ROWS + 1):
            db.execute("INSERT INTO told VALUES (?, ?)", (row, "x" * 500))
            mark(Acked(row, b""))


def main(way: str) -> None:
    if way == "ours":
        ours()
    elif way == disk_update.UPDATE:
        disk_update.update(mark)
    elif way == disk_update.CARELESS:
        with disk_update.without_a_sync():
            disk_update.update(mark)
    elif habit := careless.HABITS.get(way):
        with habit():
            ours()
    else:
        rollback(way.rpartition("=")[2])


if __name__ == "__main__":
    main(sys.argv[1])
