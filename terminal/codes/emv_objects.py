"""The objects of a merchant's EMV code: ID (2 digits) + length (2 digits) + value, again and again.

The lower layer of `emv_mpm`: what a text falls apart into, whatever it means. Lengths count characters, the
CRC runs over the UTF-8 bytes (EMVCo MPM 4.4.1.1 and 4.7.3; codes.md 0.3).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

CHARACTERS_MAX = 1024
"""EMVCo asks for 512 or less (4.1); twice that is read, then it is something else."""

FORMAT, INITIATION, CRC = "00", "01", "63"
CATEGORY, CURRENCY, AMOUNT, TIP, FEE, PERCENT = "52", "53", "54", "55", "56", "57"
COUNTRY, NAME, CITY, POSTAL, ADDITIONAL, LANGUAGE = "58", "59", "60", "61", "62", "64"
GUID = "00"  # inside a template
STATIC, DYNAMIC = "11", "12"

ACCOUNTS = range(2, 52)
ACCOUNT_TEMPLATES = range(26, 52)
PRIVATE_TEMPLATES = range(80, 100)
"""Which IDs hold accounts, which of them are templates, and the unreserved templates of one provider each."""

_HEAD = re.compile(r"[0-9]{4}")


class BadMpm(ValueError):
    """This is no usable merchant's EMV code."""


class BadTlv(BadMpm):
    """An ID or a length is no number, or a value overruns the text."""


class Field(NamedTuple):
    """One object: `id` two digits, `value` text."""

    id: str
    value: str


def walk(text: str) -> tuple[Field, ...]:
    """The objects of `text`, one level deep, lengths in characters; BadTlv when it does not come out even."""
    if len(text) > CHARACTERS_MAX:
        raise BadTlv(f"{len(text)} characters; at most {CHARACTERS_MAX} are read")
    fields, rest = _objects(text)
    if rest:
        raise BadTlv(
            f"what follows object {fields[-1].id if fields else 'none'} is no whole object"
        )
    if any(not field.value for field in fields):
        raise BadTlv("an object is empty; a length is 01 to 99")
    return fields


def crc(text: str) -> str:
    """The four digits that belong behind `text`, which ends in "6304": CRC-16/IBM-3740 over UTF-8."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise BadTlv("a character that UTF-8 does not have") from None
    return f"{binascii.crc_hqx(data, 0xFFFF):04X}"


def _objects(text: str) -> tuple[tuple[Field, ...], str]:
    """The whole objects at the start of `text`, and what is left over."""
    fields: list[Field] = []
    at = 0
    while _HEAD.match(text, at):
        end = at + 4 + int(text[at + 2 : at + 4])
        if end > len(text):
            break
        fields.append(Field(text[at : at + 2], text[at + 4 : end]))
        at = end
    return tuple(fields), text[at:]


def template(value: str) -> tuple[Field, ...] | None:
    """The objects inside a template; None when it holds something else (Yape: a bare UUID)."""
    fields, rest = _objects(value)
    return None if rest else fields


def guids(fields: Sequence[Field]) -> Iterator[tuple[Field, str]]:
    """Account and private templates with the globally unique id (00) inside each."""
    for field in fields:
        if int(field.id) in ACCOUNT_TEMPLATES or int(field.id) in PRIVATE_TEMPLATES:
            for inner in template(field.value) or ():
                if inner.id == GUID:
                    yield field, inner.value
