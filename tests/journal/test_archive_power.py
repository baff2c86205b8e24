"""A power cut at any step of putting a file away: no row is lost, none is doubled, and the counter goes on.

As in test_power.py, and the names are recorded too: a file that was made, linked, renamed or deleted is so
after a cut only when its directory was synced; of the rest each may be so or not (strict), or those up to some
moment (ordered, as ext4 does it).
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from terminal.core.events import Carried
from terminal.core.terms import JournalFault
from terminal.journal import ArchiveLost, Row
from terminal.journal.disk import OK, Disk, Kind, Operation
from tests.journal.samples import append, fill, mpm_sale, number, open_journal, opened

FILE_ROWS = 60
CUTS = 120
Row0 = tuple[str, str]
Model = Callable[[list["Name"], random.Random], list["Name"]]


@dataclass(frozen=True)
class Name:
    """`what`: "make", "link", "rename" or "unlink" `name` (to `other`)."""

    what: str
    name: str
    other: str = ""


@dataclass(frozen=True)
class Put:
    """`data` at `offset` of the file, or its new length."""

    name: str
    offset: int
    data: bytes | None


@dataclass(frozen=True)
class Synced:
    name: str  # "" is the directory


Step = Name | Put | Synced | tuple[str, str, int]


@dataclass
class Tape:
    """What happened to the files of one directory; in between (order, event) of each acknowledged row."""

    files: dict[str, bytes] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def __call__(self, told: Operation) -> int:
        name = Path(told.path).name
        if told.kind is Kind.DELETE:
            self.steps.append(Name("unlink", name))
            self.known.discard(name)
            if told.synced_name:
                self.steps.append(Synced(""))
            return OK
        if name not in self.known:
            self.known.add(name)
            self.steps.append(Name("make", name))
        if told.kind is Kind.SYNC:
            self.steps.append(Synced(name))
        else:
            data = told.data if told.kind is Kind.WRITE else None
            self.steps.append(Put(name, told.offset, data))
        return OK


def listen(patch: pytest.MonkeyPatch, tape: Tape, directory: Path) -> None:
    """The same for what the house asks of the operating system itself: it is done, and written down."""

    def told(call: str, note: Callable[..., None]) -> None:
        real = getattr(os, call)

        def wrapped(*args: Any, **more: Any) -> Any:
            done = real(*args, **more)
            note(*args)
            return done

        patch.setattr(os, call, wrapped)

    def link(source: Any, target: Any, *_: Any) -> None:
        tape.known.add(Path(target).name)
        tape.steps.append(Name("link", Path(source).name, Path(target).name))

    def rename(source: Any, target: Any) -> None:
        tape.steps.append(Name("rename", Path(source).name, Path(target).name))
        tape.known = tape.known - {Path(source).name} | {Path(target).name}

    def unlink(path: Any, *_: Any) -> None:
        tape.steps.append(Name("unlink", Path(path).name))
        tape.known.discard(Path(path).name)

    def fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path == directory:  # SQLite makes its -wal at the opening, and writes to it later
            made = {file.name for file in path.iterdir()} - tape.known - {"journal.db-shm"}
            tape.steps += [Name("make", name) for name in sorted(made)]
            tape.known |= made
        tape.steps.append(Synced("" if path == directory else path.name))

    def pwrite(handle: int, data: bytes, offset: int) -> None:
        tape.steps.append(Put(Path(f"/proc/self/fd/{handle}").readlink().name, offset, data))

    told("link", link)
    told("rename", rename)
    told("unlink", unlink)
    told("fsync", fsync)
    told("pwrite", pwrite)


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tape]:
    """Two sales before, the file is put away with two orders open, two sales after."""
    path = tmp_path_factory.mktemp("away").resolve() / "journal.db"
    tape = Tape()
    with Disk(tape), pytest.MonkeyPatch.context() as patch:
        with open_journal(path) as journal:
            fill(journal, FILE_ROWS - 8)
        journal = open_journal(path, file_rows=FILE_ROWS)  # its -wal has the newest pages only
        for counter in (901, 902):
            append(journal, opened(counter))
        there = [file for file in path.parent.iterdir() if file.suffix != ".db-shm"]
        tape.files = {file.name: file.read_bytes() for file in there}
        tape.steps, tape.known = [], set(tape.files)
        listen(patch, tape, path.parent)
        for counter in (903, 904, None, 905, 906):
            if counter is None:
                assert journal.tidy()  # 1 to 4 in archive.py
                continue
            for order, event in mpm_sale(counter):
                append(journal, (order, event))
                tape.steps.append((order.order_no, type(event).__name__, event.at_ms))
        cut = len(tape.steps)
        journal.close()
    del tape.steps[cut:]
    yield tape


# -- what a disk may hold --------------------------------------------------------------------------------------


def strict(names: list[Name], dice: random.Random) -> list[Name]:
    return [name for name in names if dice.random() < 0.5]


def ordered(names: list[Name], dice: random.Random) -> list[Name]:
    return names[: dice.randrange(len(names) + 1)]


class Platter:
    """Files as bytes by number, and two directories: as it is seen now, and as it is durable."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.data = {n: bytearray(text) for n, text in enumerate(files.values())}
        self.seen = {name: n for n, name in enumerate(files)}
        self.names = dict(self.seen)
        self.unsynced: list[tuple[int, Put]] = []
        self.unnamed: list[tuple[Name, int]] = []

    def take(self, step: Name | Put | Synced) -> None:
        if isinstance(step, Name):
            if step.what == "make":
                self.data[len(self.data)] = bytearray()
                self.seen[step.name] = len(self.data) - 1
            if step.name in self.seen:
                self.unnamed.append((step, self.seen[step.name]))
                if step.what != "make":
                    renamed(self.seen, step, self.seen[step.name])
        elif isinstance(step, Put):
            self.unsynced.append((self.seen[step.name], step))
        elif step.name:
            self.sync(self.seen[step.name], step.name)
        else:
            for name, file in self.unnamed:
                renamed(self.names, name, file)
            self.unnamed = []

    def sync(self, file: int, name: str) -> None:
        for at, put in self.unsynced:
            if at == file:
                write(self.data[file], put)
        self.unsynced = [(at, put) for at, put in self.unsynced if at != file]
        if name.endswith(("-wal", "-journal")):  # SQLite syncs the directory with its first sync
            for made, number in self.unnamed:
                if made == Name("make", name):
                    renamed(self.names, made, number)

    def cut(self, model: Model, dice: random.Random) -> dict[str, bytes]:
        for file, put in self.unsynced:
            if dice.random() < 0.5:
                write(self.data[file], put)
        numbers = dict(self.unnamed)
        for name in model([name for name, _ in self.unnamed], dice):
            renamed(self.names, name, numbers[name])
        whole = {file: bytes(data) for file, data in self.data.items()}
        return {name: whole[file] for name, file in self.names.items()}


def renamed(names: dict[str, int], step: Name, file: int) -> None:
    if step.what in ("unlink", "rename"):
        names.pop(step.name, None)
    if step.what != "unlink":
        names[step.other or step.name] = file


def write(file: bytearray, put: Put) -> None:
    if put.data is None:
        del file[put.offset :]
        return
    file.extend(bytes(max(0, put.offset - len(file))))
    file[put.offset : put.offset + len(put.data)] = put.data


def image(
    tape: Tape, cut: int, model: Model, dice: random.Random
) -> tuple[dict[str, bytes], list[Row0]]:
    """The files after `cut` steps, and the rows that had been acknowledged."""
    platter = Platter(tape.files)
    acked = []
    for step in tape.steps[:cut]:
        if isinstance(step, tuple):
            acked.append((step[0], step[1]))
        else:
            platter.take(step)
    return platter.cut(model, dice), acked


# -- the cuts --------------------------------------------------------------------------------------------------


def write_all(files: dict[str, bytes], place: Path) -> None:
    """Two names of one file are that again: their bytes are one object."""
    names: dict[int, Path] = {}
    for name, text in files.items():
        file = names.setdefault(id(text) if text else id(name), place / name)
        if file.name == name:
            file.write_bytes(text)
            file.chmod(0o600)
        else:
            (place / name).hardlink_to(file)


def rows_after(files: dict[str, bytes], place: Path) -> list[Row0] | None:
    """The rows of the sales that were recorded, in their order; None when the journal is refused or not whole.
    It goes on: one more order is opened, and the next file is begun."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    write_all(files, place)
    found: list[Row] = []
    try:
        with open_journal(place / "journal.db", file_rows=FILE_ROWS - 10) as journal:
            for counter in (903, 904, 905, 906):
                found += journal.history(number(counter))
            live = {row.order.order_no for row in journal.live()}
            assert not list(place.glob("*-new*"))
            append(journal, opened(990))
            away = len(list(place.glob("*.db-0*")))
            assert journal.tidy() is not bool(away), (
                "in its first file, which is full, or in its second"
            )
            assert journal.verify() is None and {number(901), number(902)} <= live
    except (JournalFault, ArchiveLost):
        return None
    return [
        (row.order.order_no, type(row.event).__name__)
        for row in found
        if not isinstance(row.event, Carried)
    ]


def cuts(tape: Tape, dice: random.Random) -> list[int]:
    """Anywhere, and again and again where names change."""
    named = [n for n, step in enumerate(tape.steps) if isinstance(step, Name)]
    near = [n + after for n in named for after in (0, 1, 2)] * 5
    return near + dice.sample(range(len(tape.steps)), CUTS)


@pytest.fixture
def place() -> Iterator[Path]:
    """In RAM, where there is such a directory: an image is no disk."""
    ram = Path("/dev/shm")
    with TemporaryDirectory(dir=ram if ram.is_dir() else None) as place:
        yield Path(place) / "image"


@pytest.mark.parametrize("model", [strict, ordered])
def test_no_row_is_lost_or_doubled(tape: Tape, place: Path, model: Model) -> None:
    dice = random.Random(model.__name__)
    for cut in cuts(tape, dice):
        files, acked = image(tape, cut, model, dice)
        rows = rows_after(files, place)
        assert rows is not None and rows[: len(acked)] == acked, f"cut at {cut}"
        assert len(rows) <= len(acked) + 1, f"cut at {cut}"


def test_a_disk_that_lies_about_names_is_found_out(tape: Tape, place: Path) -> None:
    """The negative control: with no sync of the directory real, some image must be refused or lose rows."""
    liar = Tape(tape.files, [step for step in tape.steps if step != Synced("")])
    dice = random.Random(7)
    bad = 0
    for cut in cuts(liar, dice):
        files, acked = image(liar, cut, strict, dice)
        rows = rows_after(files, place)
        bad += rows is None or rows[: len(acked)] != acked
    assert bad > CUTS // 20
