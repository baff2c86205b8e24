"""hardware/*.toml: what hangs on this terminal, and by which driver."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from terminal.config.document import BadSettings, Complaint, Section, read
from terminal.config.fitting import made, strangers, table_of
from terminal.config.odd import odd_driver

SINGLE = ("display", "keypad", "buzzer", "camera")
SCANNERS_MAX = 4


@dataclass(frozen=True, slots=True)
class Part:
    """One device: `driver` is the name of its file, `options` are for that file's own Settings."""

    driver: str
    options: Section


@dataclass(frozen=True, slots=True)
class Profile:
    """A hardware profile. None: the machine has no such thing."""

    display: Part | None
    keypad: Part | None
    buzzer: Part | None
    camera: Part | None
    scanners: tuple[Part, ...]
    root: Section = field(repr=False)


def load_profile(path: Path) -> Profile:
    """The hardware profile in the file `path`. BadSettings with every complaint."""
    root = read(path.absolute())
    complaints: list[Complaint] = []
    complaints.extend(strangers(root, (*SINGLE, "scanner")))
    parts: dict[str, Part | None] = dict.fromkeys(SINGLE)
    for name in root.data.keys() & parts.keys():
        parts[name] = _part(table_of(root, name, complaints), complaints)
    scanners = [_part(section, complaints) for section in _scanners(root, complaints)]
    if complaints:
        raise BadSettings(complaints)
    return Profile(**parts, scanners=tuple(part for part in scanners if part), root=root)


def _scanners(root: Section, complaints: list[Complaint]) -> list[Section]:
    tables = root.data.get("scanner", [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        text = "scanner: a terminal may have several, so write [[scanner]]."
        complaints.append(root.where.complaint("scanner", text))
        return []
    if len(tables) > SCANNERS_MAX:
        text = f"scanner: {len(tables)} of them, at most {SCANNERS_MAX} can be used."
        complaints.append(root.where.complaint("scanner", text))
    array = root.sub("scanner")
    return [array.sub(index, data) for index, data in enumerate(tables)]


@dataclass(frozen=True, slots=True)
class _Driver:
    driver: Annotated[str, odd_driver]


def _part(section: Section, complaints: list[Complaint]) -> Part | None:
    word = {key: value for key, value in section.data.items() if key == "driver"}
    found = made(Section(word, section.where), _Driver, complaints)
    return Part(found.driver, section.without("driver")) if found else None
