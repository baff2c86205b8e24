"""What a journal hands to the disk, recorded; and what a disk may hold when the power goes (reliability.md 5.2).

A tape is the files at its start and then one step after another: a name made, moved or taken away, bytes
written, a length cut, a file or the names of its directory synced, a row acknowledged. SQLite's steps come from
under SQLite (journal/disk.py), the journal's own from the functions of `os` that it calls.

What was synced before the cut is on the disk. Of the rest there may be, by the image's kind,

    none        nothing
    all         everything
    some        any of it
    torn        any of its sectors of 512 bytes
    reordered   any of it, and what was written later may lie under what was written before

and names, which have a life of their own, by the file system's model:

    strict      POSIX to the letter: a name is durable when its directory was synced, and not before
    ordered     as ext4 does it: names become durable in their order, and every sync takes all earlier ones along
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from terminal.journal.disk import OK, Disk, Operation
from terminal.journal.disk import Kind as Did

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Rename:
    path: str
    to: str


@dataclass(frozen=True, slots=True)
class Link:
    """A second name."""

    path: str
    to: str


@dataclass(frozen=True, slots=True)
class SyncNames:
    """The directory, and with it all names in it."""


@dataclass(frozen=True, slots=True)
class Acked:
    """From here on rows up to this one must survive; `link` is the last one's."""

    row: int
    link: bytes


@dataclass(frozen=True, slots=True)
class Forced:
    """Bytes that are durable by themselves when they are written, whatever else is not."""

    write: Operation


Step = Operation | Rename | Link | SyncNames | Acked | Forced


@dataclass(slots=True)
class Tape:
    """`files`: as they were at the start, all durable, with `start` rows acknowledged."""

    name: str
    files: dict[str, bytes]
    start: Acked
    steps: list[Step] = field(default_factory=list)


# -- recording -------------------------------------------------------------------------------------------


class Recorder:
    """Records what happens to the files of one directory. Names are kept without it."""

    def __init__(self, place: Path, steps: list[Step]) -> None:
        self._place, self._steps = str(place), steps
        self._handles: dict[int, str] = {}

    def __call__(self, operation: Operation) -> int:
        """From under SQLite."""
        named = Operation(
            operation.kind,
            Path(operation.path).name,
            operation.offset,
            operation.data,
            operation.synced_name,
        )
        self._steps.append(named)
        return OK

    @contextmanager
    def running(self) -> Iterator[None]:
        """Until the block ends, the journal's own calls and SQLite's are on the tape."""
        watched: Mapping[str, Callable[..., Any]] = {
            "open": self._open,
            "close": self._close,
            "pwrite": self._pwrite,
            "fsync": self._fsync,
            "rename": self._rename,
            "link": self._link,
            "unlink": self._unlink,
        }
        real = {name: getattr(os, name) for name in watched}
        self._real = real
        for name, ours in watched.items():
            setattr(os, name, ours)
        try:
            with Disk(self):
                yield
        finally:
            for name, theirs in real.items():
                setattr(os, name, theirs)

    def _ours(self, path: object) -> str | None:
        """The name of a file of the watched directory; "" is the directory itself."""
        if not isinstance(path, str | Path):
            return None
        text = str(path)
        if text == self._place:
            return ""
        return Path(text).name if str(Path(text).parent) == self._place else None

    def _open(self, path: Any, flags: int, *more: Any, **named: Any) -> int:
        name = self._ours(path)
        if name and flags & os.O_CREAT and not Path(path).exists():
            self._steps.append(Operation(Did.CREATE, name))
        handle: int = self._real["open"](path, flags, *more, **named)
        if name is not None:
            self._handles[handle] = name
        return handle

    def _close(self, handle: int) -> None:
        self._handles.pop(handle, None)
        self._real["close"](handle)

    def _pwrite(self, handle: int, data: bytes, offset: int) -> int:
        if handle in self._handles:
            told = Operation(Did.WRITE, self._handles[handle], offset, bytes(data))
            self._steps.append(told)
        return int(self._real["pwrite"](handle, data, offset))

    def _fsync(self, handle: int) -> None:
        name = self._handles.get(handle)
        if name is not None:
            self._steps.append(Operation(Did.SYNC, name) if name else SyncNames())
        self._real["fsync"](handle)

    def _rename(self, path: Any, to: Any, **more: Any) -> None:
        name, new = self._ours(path), self._ours(to)
        if name and new:
            self._steps.append(Rename(name, new))
        self._real["rename"](path, to, **more)

    def _link(self, path: Any, to: Any, **more: Any) -> None:
        name, new = self._ours(path), self._ours(to)
        self._real["link"](path, to, **more)
        if name and new:
            self._steps.append(Link(name, new))

    def _unlink(self, path: Any, **more: Any) -> None:
        name = self._ours(path)
        if name and Path(path).exists():
            self._steps.append(Operation(Did.DELETE, name))
        self._real["unlink"](path, **more)


# -- images ----------------------------------------------------------------------------------------------


class Kind(Enum):
    NONE = "none"
    ALL = "all"
    SOME = "some"
    TORN = "torn"
    REORDERED = "reordered"


class Names(Enum):
    STRICT = "strict"
    ORDERED = "ordered"


Files = dict[str, bytearray]


class Platter:
    """A disk while a tape is played: what is durable, and what is only on its way."""

    def __init__(self, tape: Tape, names: Names, *, lying: bool = False) -> None:
        """`lying`: the disk says that it has synced, and has not."""
        self._model, self._lying = names, lying
        self._data: list[bytearray] = [bytearray(text) for text in tape.files.values()]
        self._names: dict[str, int] = {name: n for n, name in enumerate(tape.files)}
        self._live = dict(self._names)  # as a running system sees it
        self._writes: list[tuple[int, Operation]] = []  # of which file
        self._moves: list[tuple[Step, int]] = []  # of names; the file made
        self.acked = tape.start

    def play(self, step: Step) -> None:
        match step:
            case Acked():
                self.acked = step
            case SyncNames():
                self._sync_names()
            case Forced():
                _write(self._data[self._live[step.write.path]], step.write)
            case Rename() | Link():
                file = self._live[step.path]
                self._moves.append((step, file))
                _move(self._live, step, file)
            case Operation(kind=Did.SYNC):
                self._sync(step)
            case Operation(kind=Did.CREATE):
                self._data.append(bytearray())
                self._moves.append((step, len(self._data) - 1))
                _move(self._live, step, len(self._data) - 1)
            case Operation(kind=Did.DELETE):
                self._moves.append((step, -1))
                _move(self._live, step, -1)
                if step.synced_name:
                    self._sync_names()
            case Operation():
                self._writes.append((self._live[step.path], step))

    def _sync(self, step: Operation) -> None:
        if self._lying:
            return
        file = self._live[step.path]
        for each, operation in self._writes:
            if each == file:
                _write(self._data[file], operation)
        self._writes = [write for write in self._writes if write[0] != file]
        if step.synced_name or self._model is Names.ORDERED:
            self._sync_names()

    def _sync_names(self) -> None:
        if self._lying:
            return
        for move, file in self._moves:
            _move(self._names, move, file)
        self._moves = []

    def image(self, kind: Kind, dice: random.Random) -> Files:
        """The files after a cut here."""
        names, data = dict(self._names), list(self._data)
        for move, file in self._kept_moves(kind, dice):
            _move(names, move, file)
        fresh: set[int] = set()
        for file, operation in _kept(self._writes, kind, dice):
            if file not in fresh:
                fresh.add(file)
                data[file] = bytearray(data[file])
            _write(data[file], operation)
        return {name: data[file] for name, file in names.items()}

    def _kept_moves(self, kind: Kind, dice: random.Random) -> list[tuple[Step, int]]:
        if kind in (Kind.NONE, Kind.ALL):
            return self._moves if kind is Kind.ALL else []
        if self._model is Names.ORDERED:
            return self._moves[: dice.randint(0, len(self._moves))]
        return [move for move in self._moves if dice.random() < 0.5]


def _move(names: dict[str, int], step: Step, file: int) -> None:
    """One change of names."""
    match step:
        case Rename():
            names[step.to] = file
            names.pop(step.path, None)
        case Link():
            names[step.to] = file
        case Operation(kind=Did.CREATE):
            names[step.path] = file
        case Operation():
            names.pop(step.path, None)


def _write(file: bytearray, operation: Operation) -> None:
    end = operation.offset + len(operation.data)
    file.extend(bytes(max(0, end - len(file))))
    if operation.kind is Did.TRUNCATE:
        del file[operation.offset :]
    else:
        file[operation.offset : end] = operation.data


def lay_out(place: Path, files: Files) -> None:
    """Into an empty directory; what has two names has them here too."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    there: dict[int, Path] = {}
    for name, text in files.items():
        if id(text) in there:
            os.link(there[id(text)], place / name)
            continue
        there[id(text)] = place / name
        (place / name).write_bytes(text)
        (place / name).chmod(0o600)


_Writes = list[tuple[int, Operation]]


def _kept(writes: _Writes, kind: Kind, dice: random.Random) -> _Writes:
    match kind:
        case Kind.NONE:
            return []
        case Kind.ALL:
            return writes
        case Kind.SOME:
            return [write for write in writes if dice.random() < 0.5]
        case Kind.TORN:
            return [
                (file, part)
                for file, operation in writes
                for part in _sectors(operation)
                if dice.random() < 0.5
            ]
        case Kind.REORDERED:
            return dice.sample(writes, dice.randint(0, len(writes)))


def _sectors(operation: Operation) -> list[Operation]:
    if operation.kind is not Did.WRITE:
        return [operation]
    first = -(operation.offset % SECTOR)
    return [
        Operation(
            Did.WRITE,
            operation.path,
            operation.offset + max(start, 0),
            operation.data[max(start, 0) : start + SECTOR],
        )
        for start in range(first, len(operation.data), SECTOR)
    ]
