"""Power cuts of a machine: `scripts/torture disk N`. A guest with a kernel of its own writes the journal to an ext4
on a disk, and dm-log-writes under that file system records every block, in the order in which it became durable
or may have become so. A cut keeps what was flushed before it and any of the rest; then the file system is
recovered, and the production code opens what is found. The same for an update, and the release that then runs.

The rollback journal with synchronous=FULL must lose rows here, a -wal with NORMAL too, and an update without a sync
its release; or it proves nothing.

Needs no root: the guest is a process, the file systems are recovered by e2fsck and read by debugfs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Iterator
from pathlib import Path

from terminal.bench.torture import careless, power
from terminal.bench.torture.tape import Acked, Files, Forced, Names, Step, Tape
from terminal.journal.disk import Kind, Operation
from tests.rig import disk_update, kernel
from tests.rig.disk_update import CARELESS, UPDATE
from tests.rig.guest import Guest

DISK = "disk"
DISK_MIB, LOG_MIB = 24, 256
JOB = """
sectors=$(blockdev --getsz /dev/ubda)
echo "0 $sectors log-writes /dev/ubda /dev/ubdb" | dmsetup create lw --noudevsync
dmsetup mknodes
mkdir /run/disk
mount -t ext4 -o noatime /dev/mapper/lw /run/disk
"$PYTHON" -m tests.rig.disk_job "$WAY"
umount /run/disk
dmsetup remove lw
"""
JOB_TIMEOUT_S = 300
OURS, PEER = "ours", careless.name_of("EXTRA")
CONTROLS = ("synchronous=NORMAL", careless.name_of("FULL"), CARELESS)
MAGIC, SECTOR = 0x6A736677736872, 512
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8  # of an entry (drivers/md/dm-log-writes.c)


def recorded(way: str, linux: Path, place: Path) -> Tape:
    """What reached the disk while a guest did `way`. RuntimeError with its words when it could not."""
    place.mkdir()
    disk, log, share = place / DISK, place / "log", place / "share"
    share.mkdir()
    for file, mib in ((disk, DISK_MIB), (log, LOG_MIB)):
        with file.open("wb") as image:
            image.truncate(mib << 20)
    subprocess.run(["mkfs.ext4", "-q", "-J", "size=4", disk], check=True)
    before = disk.read_bytes()
    root = Path(__file__).parents[2]
    with Guest(
        linux,
        ["sh", "-ec", JOB],
        share,
        memory_mib=256,
        arguments=[f"ubd0={disk}", f"ubd1={log}"],
        environment={"PYTHON": sys.executable, "PYTHONPATH": str(root), "WAY": way},
    ) as guest:
        if guest.wait(JOB_TIMEOUT_S):
            raise RuntimeError(f"the guest could not write {way}:\n{guest.output()}")
    return Tape(way, {DISK: before}, careless.FIRST, list(steps_of(log)))


def steps_of(log: Path) -> Iterator[Step]:
    """The log of dm-log-writes as a tape of one file."""
    with log.open("rb") as file:
        magic, _version, entries, sector = struct.unpack("<QQQI", file.read(28))
        if magic != MAGIC:
            raise RuntimeError("the disk's log was not written")
        file.seek(sector)
        for _ in range(entries):
            head = file.read(sector)
            at, sectors, flags, length = struct.unpack_from("<QQQQ", head)
            if flags & MARK:
                yield from _mark(head[32 : 32 + length].decode())
            elif not flags & DISCARD:
                yield from _entry(at, file.read(sectors * sector), flags)


def _mark(text: str) -> Iterator[Step]:
    if text.startswith("acked-"):
        _, row, link = text.rstrip("\0").split("-")
        yield Acked(int(row), bytes.fromhex(link))


def _entry(at: int, data: bytes, flags: int) -> Iterator[Step]:
    if flags & FLUSH:
        yield Operation(Kind.SYNC, DISK)
    if data:
        write = Operation(Kind.WRITE, DISK, at * SECTOR, data)
        yield Forced(write) if flags & FUA else write


# -- after the cut -----------------------------------------------------------------------------------------


def found_on(place: Path, files: Files) -> bool:
    """Recover the file system and copy its files to `place`/state; False: it cannot be recovered."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    disk = place / DISK
    disk.write_bytes(files[DISK])
    # -y, as Raspberry Pi OS boots (fsck.repair=yes): -p gives up when the superblock of a new file system is torn
    checked = subprocess.run(["e2fsck", "-y", disk], capture_output=True)
    if checked.returncode & ~3:  # 1, 2: mended; the rest: not (e2fsck(8))
        return False
    subprocess.run(["debugfs", "-R", f"rdump /state {place}", disk], capture_output=True)
    disk.unlink()
    (place / "state").mkdir(mode=0o700, exist_ok=True)
    return True


def judge(place: Path, files: Files, acked: Acked) -> str:
    if not found_on(place, files):
        return "corrupt"
    return power.verdict(place / "state", acked)


def judge_rollback(place: Path, files: Files, acked: Acked) -> str:
    if not found_on(place, files):
        return "corrupt"
    return careless.verdict(place / "state", acked)


def judge_update(place: Path, files: Files, acked: Acked) -> str:
    if not found_on(place, files):
        return "corrupt"
    return disk_update.verdict(place / "state", acked)


JUDGES = {
    PEER: judge_rollback,
    careless.name_of("FULL"): judge_rollback,
    UPDATE: judge_update,
    CARELESS: judge_update,
}


# -- the whole ---------------------------------------------------------------------------------------------


def torture(wanted: int, seed: int, jobs: int) -> dict[str, object]:
    linux = kernel.find().linux
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    found: dict[str, Tally[str]] = {}
    with tempfile.TemporaryDirectory(dir=memory, prefix="disk-") as text:
        for n, way in enumerate((OURS, UPDATE, *CONTROLS, PEER)):
            tape = recorded(way, linux, Path(text) / str(n))
            count = wanted if way in (OURS, UPDATE) else max(wanted // 5, 20)
            chosen = power.points([tape], count, seed, (Names.ORDERED,))
            found[way] = power.cut_all([tape], chosen, JUDGES.get(way, judge), jobs)
    bad = {way: each["lost"] + each["corrupt"] for way, each in found.items()}
    failed = [f"{way} was not found out" for way in CONTROLS if not bad[way]]
    failed += [way for way in (OURS, UPDATE, PEER) if bad[way]]
    ours = found[OURS]
    return {
        "trials": ours["images"],
        "lost": ours["lost"],
        "corrupt": ours["corrupt"],
        "controls": {way: power.told_of(found[way]) for way in CONTROLS},
        "update": power.told_of(found[UPDATE]),
        "peers": {PEER: power.told_of(found[PEER])},
        "failed": failed,
    }


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/torture disk", description=__doc__)
    parser.add_argument("cuts", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(argv)
    begun_s = time.monotonic()
    figures = torture(wanted.cuts, wanted.seed, os.cpu_count() or 1)
    print(json.dumps({**figures, "seconds": round(time.monotonic() - begun_s, 1)}), flush=True)
    return 1 if figures["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
