"""A power cut at any write: the images that a disk may hold then, each opened by the journal.

What SQLite hands to the kernel is recorded once. A cut keeps what was synced before it; of the rest each
write may be there, or not, or in part (sectors of 512 bytes). Every row that was acknowledged by then must be
there, in each image (reliability.md 5.2). And a disk that lies about its syncs must be found out, or the test
proves nothing.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from terminal.core.terms import JournalFault
from terminal.journal.disk import OK, Disk, Kind, Operation
from terminal.journal.opening import CHECKPOINT_ROWS
from tests.journal.samples import append, fill, mpm_sale, open_journal

BEFORE = CHECKPOINT_ROWS - 6  # rows at the start; the -wal is moved in the middle of the recording
SALES = 5
CUTS = 150
SECTOR = 512

Keep = Callable[[Operation], list[Operation]]


@dataclass
class Recording:
    """`files` as they were at the start; then operations, and in between the numbers of acknowledged rows."""

    files: dict[str, bytes]
    steps: list[Operation | int] = field(default_factory=list)

    def __call__(self, operation: Operation) -> int:
        self.steps.append(operation)
        return OK


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("power") / "journal.db"
    tape = Recording({})
    with Disk(tape):
        journal = open_journal(path)
        fill(journal, BEFORE)
        tape.files = {file.name: file.read_bytes() for file in path.parent.iterdir()}
        tape.steps.clear()
        counter = journal.orders_minted()
        for n in range(1, SALES + 1):
            for step in mpm_sale(counter + n):
                tape.steps.append(append(journal, step))
        cut = len(tape.steps)
        journal.close()
    del tape.steps[cut:]
    return tape


# -- what a disk may hold -------------------------------------------------------------------------------------


def nothing(_operation: Operation) -> list[Operation]:
    return []


def everything(operation: Operation) -> list[Operation]:
    return [operation]


def some(dice: random.Random) -> Keep:
    return lambda operation: [operation] if dice.random() < 0.5 else []


def torn(dice: random.Random) -> Keep:
    def sectors(operation: Operation) -> list[Operation]:
        if operation.kind is not Kind.WRITE:
            return some(dice)(operation)
        starts = range(-(operation.offset % SECTOR), len(operation.data), SECTOR)
        return [
            Operation(
                Kind.WRITE,
                operation.path,
                operation.offset + max(start, 0),
                operation.data[max(start, 0) : start + SECTOR],
            )
            for start in starts
            if dice.random() < 0.5
        ]

    return sectors


def image(tape: Recording, cut: int, keep: Keep, lying: bool) -> tuple[dict[str, bytearray], int]:
    """The files after `cut` steps, and the last row that had been acknowledged. `lying`: no sync is real."""
    files = {name: bytearray(text) for name, text in tape.files.items()}
    unsynced: list[Operation] = []
    acked = BEFORE
    for step in tape.steps[:cut]:
        if isinstance(step, int):
            acked = step
        elif step.kind is not Kind.SYNC:
            unsynced.append(step)
        elif not lying:
            for operation in unsynced:
                if operation.path == step.path:
                    apply(files, operation)
            unsynced = [operation for operation in unsynced if operation.path != step.path]
    for operation in unsynced:
        for kept in keep(operation):
            apply(files, kept)
    return files, acked


def apply(files: dict[str, bytearray], operation: Operation) -> None:
    name = Path(operation.path).name
    if operation.kind is Kind.DELETE:
        files.pop(name, None)
        return
    file = files.setdefault(name, bytearray())
    end = operation.offset + len(operation.data)
    file.extend(bytes(max(0, end - len(file))))
    if operation.kind is Kind.TRUNCATE:
        del file[operation.offset :]
    else:
        file[operation.offset : end] = operation.data


# -- the cuts -------------------------------------------------------------------------------------------------


def rows_after(files: dict[str, bytearray], place: Path) -> int:
    """How many rows the journal finds; 0 when it refuses the files or they are not what was written."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    for name, text in files.items():
        (place / name).write_bytes(text)
        (place / name).chmod(0o600)
    try:
        with open_journal(place / "journal.db") as journal:
            rows = [row.seq for row in journal.tail(1)]
            return 0 if journal.verify() else sum(rows)
    except JournalFault:
        return 0


def cuts(tape: Recording, dice: random.Random) -> list[int]:
    return sorted(dice.sample(range(len(tape.steps) + 1), CUTS))


@pytest.mark.parametrize("kind", ["nothing", "everything", "some", "torn"])
def test_no_acknowledged_row_is_lost(recording: Recording, tmp_path: Path, kind: str) -> None:
    dice = random.Random(kind)
    keep = {"nothing": nothing, "everything": everything, "some": some(dice), "torn": torn(dice)}
    for cut in cuts(recording, dice):
        files, acked = image(recording, cut, keep[kind], lying=False)
        assert acked <= rows_after(files, tmp_path / "image") <= acked + 1, f"cut at {cut}"


def test_a_disk_that_lies_about_syncs_is_found_out(recording: Recording, tmp_path: Path) -> None:
    """The negative control: with no sync real, rows must be missing in many images."""
    dice = random.Random(7)
    lost = 0
    for cut in cuts(recording, dice):
        files, acked = image(recording, cut, some(dice), lying=True)
        lost += rows_after(files, tmp_path / "image") < acked
    assert lost > CUTS // 2


def test_the_recording_holds_a_moved_wal(recording: Recording) -> None:
    paths = {Path(step.path).name for step in recording.steps if isinstance(step, Operation)}
    assert paths == {"journal.db", "journal.db-wal"}
