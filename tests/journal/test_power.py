"""A power cut at any write and any sync of the journal: no acknowledged row is lost. `scripts/torture power N`
takes any number of images; here are a few, and the disk that they are made of."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from terminal.bench.torture import power
from terminal.bench.torture.careless import FIRST
from terminal.bench.torture.tape import (
    Acked,
    Kind,
    Link,
    Names,
    Platter,
    Rename,
    Step,
    SyncNames,
    Tape,
)
from terminal.journal.disk import Kind as Did
from terminal.journal.disk import Operation

IMAGES = 1_000


def test_no_acknowledged_row_is_lost_and_every_careless_way_is_found_out() -> None:
    figures = power.torture(IMAGES, seed=5, jobs=2)
    assert figures["failed"] == []
    assert (figures["trials"], figures["lost"], figures["corrupt"]) == (IMAGES, 0, 0)


@pytest.mark.parametrize("way", (power.WAYS[2], power.WAYS[4]), ids=lambda way: way.name)
def test_the_wal_is_moved_on_the_tape(way: power.Way, tmp_path: Path) -> None:
    tape = power.recorded(way, tmp_path / "state")
    told = [it.row for it in tape.steps if isinstance(it, Acked)]
    assert Operation(Did.SYNC, "journal.db") in tape.steps
    assert told == sorted(set(told))


def test_files_are_put_away_on_the_tape(tmp_path: Path) -> None:
    way = next(way for way in power.WAYS if way.file_rows < power.WAYS[0].file_rows)
    tape = power.recorded(way, tmp_path / "state")
    assert sum(isinstance(it, Link) for it in tape.steps) > 2


def test_a_journal_that_lost_a_row_is_judged_so(tmp_path: Path) -> None:
    """The judge itself: an older whole journal, one with a row changed, and one that was cut short."""
    tape = power.recorded(power.Way("two", 0, (1, 1)), tmp_path / "state")
    platter = Platter(tape, Names.STRICT)
    for step in tape.steps:
        platter.play(step)
    files = platter.image(Kind.ALL, random.Random(1))
    last, place = platter.acked, tmp_path / "image"
    assert power.judge(place, files, last) == ""
    assert power.judge(place, files, Acked(last.row + 1, last.link)) == "lost"
    assert power.judge(place, files, Acked(last.row, bytes(32))) == "corrupt"
    assert power.judge(place, files | {"journal.db": files["journal.db"][:4096]}, last) == "corrupt"


# -- the disk ------------------------------------------------------------------------------------------------

MADE = Operation(Did.CREATE, "a")
WRITTEN = Operation(Did.WRITE, "a", 0, b"1" * 1024)
SYNCED = Operation(Did.SYNC, "a")


def images(names: Names, kind: Kind, *steps: Step) -> set[tuple[tuple[str, bytes], ...]]:
    """What may be there after these steps; a good many throws of the dice."""
    platter = Platter(Tape("", {"old": b"old"}, FIRST), names)
    for step in steps:
        platter.play(step)
    thrown = [platter.image(kind, random.Random(seed)) for seed in range(200)]
    return {tuple((name, bytes(text)) for name, text in sorted(files.items())) for files in thrown}


OLD = ("old", b"old")
WHOLE = ("a", b"1" * 1024)


def test_what_was_not_synced_may_be_lost() -> None:
    assert images(Names.STRICT, Kind.NONE, MADE, WRITTEN) == {(OLD,)}
    assert images(Names.STRICT, Kind.ALL, MADE, WRITTEN) == {(WHOLE, OLD)}


def test_a_name_needs_a_sync_of_its_directory_or_of_anything() -> None:
    """By POSIX the first, with ext4 the second."""
    assert images(Names.STRICT, Kind.NONE, MADE, WRITTEN, SYNCED) == {(OLD,)}
    assert images(Names.ORDERED, Kind.NONE, MADE, WRITTEN, SYNCED) == {(WHOLE, OLD)}
    assert images(Names.STRICT, Kind.NONE, MADE, WRITTEN, SYNCED, SyncNames()) == {(WHOLE, OLD)}


def test_a_moved_name_is_the_old_or_the_new() -> None:
    steps = (MADE, WRITTEN, SYNCED, SyncNames(), Rename("a", "old"))
    assert images(Names.STRICT, Kind.SOME, *steps) == {(WHOLE, OLD), (("old", WHOLE[1]),)}


def test_a_torn_write_has_any_of_its_sectors() -> None:
    found = images(Names.STRICT, Kind.TORN, MADE, SyncNames(), WRITTEN)
    half = b"1" * 512
    texts = {dict(files)["a"] for files in found}
    assert texts == {b"", half, bytes(512) + half, half + half}


def test_a_later_write_may_lie_under_an_earlier_one() -> None:
    twice = (
        MADE,
        SyncNames(),
        Operation(Did.WRITE, "a", 0, b"1"),
        Operation(Did.WRITE, "a", 0, b"2"),
    )
    texts = {dict(files)["a"] for files in images(Names.STRICT, Kind.REORDERED, *twice)}
    assert texts == {b"", b"1", b"2"}
    kept_in_order = images(Names.STRICT, Kind.ALL, *twice)
    assert {dict(files)["a"] for files in kept_in_order} == {b"2"}
