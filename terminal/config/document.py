"""A TOML file as sections that know their lines, and what is wrong with it.

Line numbers are worked out only when there is something to complain about.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from terminal.config.odd import nearest, no_file
from terminal.core.terms import Refusal

KeyPath = tuple[str | int, ...]  # ("gateway", "url"), ("scanner", 0, "port")

# F67. tomllib takes 16 s for one 64 KiB key full of dots, 0.08 s when no line is longer than this.
FILE_BYTES_MAX = 65_536
LINE_CHARS_MAX = 1_000
STATEMENT_LINES_MAX = 100  # behind a longer list or text there are no line numbers


class Complaint(NamedTuple):
    """One thing to mend. `line` 0: it concerns the whole file."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


class BadSettings(Refusal):
    """The settings cannot be used; `complaints` in the order of their lines."""

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = tuple(sorted(complaints))
        super().__init__("\n".join(map(str, self.complaints)))


@dataclass(frozen=True, slots=True)
class Where:
    """A place in a file: `table` is the path of its section, `text` the whole file, to count lines in."""

    file: Path
    table: KeyPath = ()
    text: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line()}"

    @property
    def title(self) -> str:
        """[gateway.timing], or [[scanner]] 2 for the second of several."""
        names = ".".join(part for part in self.table if isinstance(part, str))
        number = next((part for part in self.table if isinstance(part, int)), None)
        if number is not None:
            return f"[[{names}]] {number + 1}"
        return f"[{names}]" if names else ""

    def line(self, key: str | None = None) -> int:
        """The line of the key, else of the nearest section around it, else 0."""
        lines = _lines_of(self.text)
        path = self.table if key is None else (*self.table, key)
        while path and path not in lines:
            path = path[:-1]
        return lines.get(path, 0)

    def complaint(self, key: str | None, text: str) -> Complaint:
        words = f"{self.title} {text}".lstrip()
        printable = "".join(each if each.isprintable() else "?" for each in words)
        return Complaint(self.file, self.line(key), printable)


@dataclass(frozen=True, slots=True)
class Section:
    """A table as it stands in the file, not checked yet, and where."""

    data: Mapping[str, Any]
    where: Where

    def sub(self, name: str | int, data: Mapping[str, Any] | None = None) -> Section:
        """The section `name` in this one (empty when there is none), or `data` standing at that place."""
        if data is None:
            found = self.data.get(str(name))
            data = found if isinstance(found, dict) else {}
        return Section(data, replace(self.where, table=(*self.where.table, name)))

    def without(self, *keys: str) -> Section:
        rest = {key: value for key, value in self.data.items() if key not in keys}
        return Section(rest, self.where)

    def bad(self, key: str, text: str, among: Iterable[str] = ()) -> BadSettings:
        """The error to raise when the value of `key` is no good after all; `among`: the words that are."""
        if key in self.data:
            value = self.data[key]
            text = f"= {shown(value)} {text}{nearest(str(value), among)}"
        return BadSettings([self.where.complaint(key, f"{key} {text}")])

    def unread(self, key: str, known: Iterable[str]) -> Complaint:
        return self.where.complaint(key, f"{shown(key)} is read by nobody.{nearest(key, known)}")


def shown(value: object) -> str:
    """A value as it may stand in a message: short, and as TOML writes it."""
    if isinstance(value, dict):
        return "{...}"
    if isinstance(value, list):
        return "[...]"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:36]}..."


# -- from bytes to a document ------------------------------------------------------------------------------


def read(path: Path) -> Section:
    """The whole file as one Section. BadSettings when it cannot be read or is no TOML (F64, F67, F72)."""
    text = _text_of(path)
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise _bad(path, "is nested too deeply to be settings.") from None
    except ValueError as error:  # TOMLDecodeError is one, a number of 5,000 digits another
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.rstrip("\n").count("\n") + 1
        raise _bad(path, f"is no valid TOML: {error}.", line) from None
    return Section(data, Where(path, (), text))


def _text_of(path: Path) -> str:
    raw = _bytes_of(path)
    if not raw.strip():
        raise _bad(path, "is empty; a power cut may have done it. Put your copy of it back.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _bad(path, "is UTF-16. Save it as UTF-8.")
    try:
        text = raw.decode("utf-8-sig")  # F72: a byte order mark does no harm
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _bad(path, "is not UTF-8. Save it as UTF-8.", line) from None
    for number, line_text in enumerate(text.split("\n"), 1):
        if len(line_text) > LINE_CHARS_MAX:
            raise _bad(path, f"is longer than {LINE_CHARS_MAX} characters.", number)
    return text


def _bytes_of(path: Path) -> bytes:
    if fault := no_file(path):
        raise _bad(path, fault)
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}.") from None
    if len(raw) > FILE_BYTES_MAX:
        raise _bad(path, f"is larger than {FILE_BYTES_MAX // 1024} KiB: these are no settings.")
    return raw


def _bad(path: Path, text: str, line: int = 0) -> BadSettings:
    return BadSettings([Complaint(path, line, text)])


# -- lines -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _lines_of(text: str) -> Mapping[KeyPath, int]:
    """The line of every key and section of a text that is valid TOML.

    tomllib tells no lines, so it reads the statements one by one: a statement has as many lines as it
    takes to become valid."""
    lines: dict[KeyPath, int] = {}
    latest: dict[KeyPath, int] = {}  # of each array of tables, the index of its last one
    table: KeyPath = ()
    start, statement = 1, ""
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
        try:
            found = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            if number - start >= STATEMENT_LINES_MAX:
                break
            continue
        if statement.lstrip().startswith("["):
            table = _header(found, latest)
            for depth in range(1, len(table) + 1):
                lines.setdefault(table[:depth], start)
        else:
            for path in _paths(found, table):
                lines.setdefault(path, start)
        start, statement = number + 1, ""
    lines.pop((), None)  # the document itself has no line
    return lines


def _header(found: Mapping[str, Any], latest: dict[KeyPath, int]) -> KeyPath:
    """The path of `[a.b]` or `[[a.b]]`, parsed alone: {"a": {"b": {}}} or {"a": {"b": [{}]}}."""
    path: KeyPath = ()
    inner: Any = found
    while inner and isinstance(inner, dict):
        name, inner = next(iter(inner.items()))
        path = (*path, name)
        if isinstance(inner, list):
            latest[path] = latest.get(path, -1) + 1
        if path in latest:
            path = (*path, latest[path])
    return path


def _paths(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*path, index))
