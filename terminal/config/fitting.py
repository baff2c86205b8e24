"""From a section to a dataclass: every key converted strictly, every complaint kept.

msgspec converts (no text becomes a number, F66), but it stops at the first fault and its words are for
programmers. So it is asked key by key, and its words become those of somebody who writes TOML.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from terminal.config.document import BadSettings, Complaint, Section, shown
from terminal.config.odd import nearest
from terminal.core.terms import Refusal

T = TypeVar("T")
FILE_NAME_CHARS_MAX = 500


def checked(section: Section, into: type[T]) -> T:
    """`section` as the dataclass `into`. BadSettings with every complaint when it does not fit."""
    complaints: list[Complaint] = []
    result = made(section, into, complaints)
    if result is None:
        raise BadSettings(complaints)
    return result


def made(section: Section, into: type[T], complaints: list[Complaint], **ready: object) -> T | None:
    """`into`, made of the section's keys and of what is `ready`; None when that added complaints."""
    before = len(complaints)
    hints = typing.get_type_hints(into, include_extras=True)
    fields = [each for each in dataclasses.fields(into) if each.init]  # type: ignore[arg-type]
    wanted = {each.name: hints[each.name] for each in fields if each.name not in ready}
    values = _defaults(fields) | ready
    fill(section, wanted, values, complaints)
    absent = [name for name in wanted if name not in values and name not in section.data]
    if absent:
        needs = " and ".join(f'"{name}"' for name in absent)
        complaints.append(section.where.complaint(None, f"needs {needs}."))
    if len(complaints) > before:
        return None
    try:
        return into(**values)
    except (Refusal, ValueError) as error:  # of the dataclass's own __post_init__
        complaints.append(section.where.complaint(None, str(error)))
        return None


def _defaults(fields: Iterable[dataclasses.Field[Any]]) -> dict[str, Any]:
    values = {}
    for each in fields:
        if each.default is not dataclasses.MISSING:
            values[each.name] = each.default
        elif each.default_factory is not dataclasses.MISSING:
            values[each.name] = each.default_factory()
    return values


def fill(
    section: Section,
    wanted: Mapping[str, Any],
    values: dict[str, Any],
    complaints: list[Complaint],
) -> None:
    """Convert the keys of the section into `values`, each by its type in `wanted` and in that order."""
    ready = (name for name, value in values.items() if not isinstance(value, Section))
    known = list(dict.fromkeys([*wanted, *ready]))
    complaints.extend(section.unread(key, known) for key in section.data if key not in wanted)
    for key, hint in wanted.items():
        if key not in section.data:
            continue
        try:
            values[key] = _converted(section, key, hint, values)
        except msgspec.ValidationError as error:
            text = f"{key} = {shown(section.data[key])} {error}"
            complaints.append(section.where.complaint(key, text))


def strangers(root: Section, known: Iterable[str]) -> list[Complaint]:
    """What stands at the top of the file and does not belong there."""
    known = tuple(known)
    return [root.unread(key, known) for key in root.data if key not in known]


def table_of(parent: Section, name: str, complaints: list[Complaint]) -> Section:
    section = parent.sub(name)
    if not isinstance(parent.data.get(name, {}), dict):
        text = "must be a section: write this on a line of its own, its keys below."
        complaints.append(section.where.complaint(None, text))
    return section


# -- one value ---------------------------------------------------------------------------------------------


def _converted(section: Section, key: str, hint: Any, values: Mapping[str, Any]) -> Any:
    """The value of one key. msgspec.ValidationError, in plain words, when it does not fit."""
    raw = section.data[key]
    if raw == "" and type(None) in typing.get_args(_bare(hint)):
        return None

    def hook(kind: type, value: object) -> object:
        if kind is Path:
            return section.where.file.parent / _file_name(value)
        raise msgspec.ValidationError(f"cannot be read as {kind.__name__}.")

    try:
        value = msgspec.convert(raw, hint, strict=True, dec_hook=hook)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(_plain(str(error), raw, hint)) from None
    for odd in getattr(hint, "__metadata__", ()):
        if callable(odd) and value is not None and (text := odd(value, values)):
            raise msgspec.ValidationError(text)
    return value


def _file_name(value: object) -> str:
    if not isinstance(value, str):
        raise msgspec.ValidationError("must be the name of a file, in quotes.")
    if not value:
        raise msgspec.ValidationError("names no file.")
    # A key pasted here must not end up in a log: messages show no more than the start of a value this long.
    is_key = "-----" in value or re.fullmatch(r"M[A-Za-z0-9+/=]{59,}", value)
    if is_key or not value.isprintable() or len(value) > FILE_NAME_CHARS_MAX:
        raise msgspec.ValidationError(
            "is no file's name. A key goes into a file of its own, and that file's name in here."
        )
    return value


def _bare(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint


_KINDS = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a section",
    "datetime": "a date",
    "date": "a date",
    "time": "a time",
}
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def _plain(message: str, raw: object, hint: Any) -> str:
    """msgspec's complaint in the words of somebody who writes TOML."""
    if found := re.match(r"Expected `([a-z]+)[^`]*`, got `([a-z]+)`", message):
        wanted, got = (_KINDS.get(word, word) for word in found.groups())
        return f"must be {wanted}, not {got}."
    if found := re.match(r"Expected `str` of length (>=|<=) (\d+)", message):
        return f"must have {_BOUNDS[found[1]]} {found[2]} characters."
    if found := re.match(r"Expected `(?:int|float)` (>=|<=|>|<) (\S+)", message):
        return f"must be {_BOUNDS[found[1]]} {float(found[2]):g}."
    if message.startswith("Invalid enum value"):
        return f"is not known.{nearest(str(raw), map(str, typing.get_args(_bare(hint))))}"
    return message
