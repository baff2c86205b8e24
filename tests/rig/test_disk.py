"""The log of dm-log-writes, read as a tape; and what is found on a disk. The cuts themselves need a guest:
`scripts/torture disk N`."""

from __future__ import annotations

import random
import struct
import subprocess
from pathlib import Path

from terminal.bench.torture.careless import FIRST
from terminal.bench.torture.tape import Acked, Forced, Kind, Names, Platter, Tape
from terminal.journal.disk import Kind as Did
from terminal.journal.disk import Operation
from tests.rig.disk import DISK, DISK_MIB, FLUSH, FUA, MAGIC, MARK, found_on, judge, steps_of

SECTOR = 512


def log_at(path: Path, *entries: tuple[int, bytes, int]) -> Path:
    """(sector, data or mark, flags), as drivers/md/dm-log-writes.c lays them down."""
    blocks = [struct.pack("<QQQI", MAGIC, 1, len(entries), SECTOR)]
    for at, data, flags in entries:
        head = struct.pack(
            "<QQQQ", at, 0 if flags & MARK else len(data) // SECTOR, flags, len(data)
        )
        blocks += [head + data] if flags & MARK else [head, data]
    path.write_bytes(b"".join(block.ljust(SECTOR, b"\0") for block in blocks if block))
    return path


def test_the_log_is_a_tape(tmp_path: Path) -> None:
    one, two = b"1" * SECTOR, b"2" * SECTOR
    log = log_at(
        tmp_path / "log",
        (8, one, 0),
        (0, b"acked-3-00ff", MARK),
        (0, b"", FLUSH),
        (9, two, FUA),
        (8, two, FLUSH | FUA),
        (0, b"dm-log-writes-end", MARK),
    )
    second = Forced(Operation(Did.WRITE, DISK, 9 * SECTOR, two))
    assert list(steps_of(log)) == [
        Operation(Did.WRITE, DISK, 8 * SECTOR, one),
        Acked(3, b"\x00\xff"),
        Operation(Did.SYNC, DISK),
        second,
        Operation(Did.SYNC, DISK),
        Forced(Operation(Did.WRITE, DISK, 8 * SECTOR, two)),
    ]


def test_a_forced_write_is_durable_and_what_was_before_it_is_not() -> None:
    platter = Platter(Tape("", {DISK: bytes(8)}, FIRST), Names.ORDERED)
    platter.play(Operation(Did.WRITE, DISK, 0, b"1"))
    platter.play(Forced(Operation(Did.WRITE, DISK, 4, b"2")))
    assert platter.image(Kind.NONE, random.Random(1)) == {
        DISK: bytearray(bytes(4) + b"2" + bytes(3))
    }


def test_an_empty_disk_is_recovered_and_a_broken_one_is_not(tmp_path: Path) -> None:
    disk = tmp_path / "made"
    disk.write_bytes(bytes(DISK_MIB << 20))
    subprocess.run(["mkfs.ext4", "-q", disk], check=True)
    whole = bytearray(disk.read_bytes())
    assert judge(tmp_path / "found", {DISK: whole}, FIRST) == ""
    assert judge(tmp_path / "found", {DISK: whole}, Acked(1, b"x")) == "lost"
    assert not found_on(tmp_path / "found", {DISK: bytearray(len(whole))})
