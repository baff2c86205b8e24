"""The customer's EMV code (EMVCo consumer-presented mode): base64 of BER-TLV.

    85 payload format indicator "CPV01" (Japan's own: "JPQR1")
    61 application template, one or more: 4F application id, 50 label, 57 track 2 or 5A PAN, 63 opaque
    62 common data template, optional: what holds for all applications; 64 opaque

The terminal does not use what is inside: the text goes to the gateway whole. It looks in to tell whose code
it is (4F) and that it is complete. 57 and 5A are card data, so every value here hides its bytes in `repr`;
63 and 64 belong to the issuer and are not opened (`walk` does it for a technician's eyes). codes.md 2.

    BadCpm (ValueError)
    +-- NotBase64        another alphabet, or cut in the middle of a group
    +-- BadTlv           an object overruns the data, a length form nobody may use
    +-- NotCpm           well formed, but not CPV01 or JPQR1 in front
    +-- NoApplication    no template 61 with an application id
    +-- Repeated         a primitive object twice where it may stand once
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from terminal.codes.scanned import CODE_CHARACTERS_MAX

CPV01, JPQR1 = "CPV01", "JPQR1"
PREFIXES = ("hQVDUFY", "hQVKUFFS")
"""How such codes begin: base64 of 85 05 "CPV" and 85 05 "JPQR"."""
OBJECTS_MAX = 128
TAG_BYTES_MAX = 3
AID_BYTES = range(5, 17)

_FORMAT, _APPLICATION, _COMMON = "85", "61", "62"
_CONSTRUCTED = 0x20
_LONG_TAG = 0x1F


class BadCpm(ValueError):
    """This is no usable customer's EMV code. Says why; never holds any of it."""


class NotBase64(BadCpm):
    pass


class BadTlv(BadCpm):
    pass


class NotCpm(BadCpm):
    pass


class NoApplication(BadCpm):
    pass


class Repeated(BadCpm):
    pass


@dataclass(frozen=True, slots=True, repr=False)
class Tlv:
    """One object: `tag` in upper-case hex ("9F26"), `value` its bytes."""

    tag: str
    value: bytes

    def __repr__(self) -> str:
        return f"Tlv({self.tag}, {len(self.value)} bytes)"

    @property
    def constructed(self) -> bool:
        return bool(int(self.tag[:2], 16) & _CONSTRUCTED)

    @property
    def text(self) -> str:
        """The value as text; what is not ASCII becomes a question mark."""
        return self.value.decode("ascii", "replace").replace("\ufffd", "?")


@dataclass(frozen=True, slots=True, repr=False)
class Card:
    """What 57 or 5A says. `expiry` YYMM. Printed, it shows first six and last four digits (codes.md 2)."""

    pan: str
    expiry: str | None = None
    service_code: str | None = None
    discretionary: str | None = None

    @property
    def masked(self) -> str:
        hidden = max(len(self.pan) - 10, 0)
        return f"{self.pan[:6]}{'*' * hidden}{self.pan[-4:]}" if hidden else "*" * len(self.pan)

    def __repr__(self) -> str:
        return f"Card({self.masked})"


@dataclass(frozen=True, slots=True)
class Application:
    """A template 61: `aid` in upper-case hex, `objects` as they stand in it."""

    aid: str
    objects: tuple[Tlv, ...]

    def get(self, tag: str) -> Tlv | None:
        return _find(self.objects, tag)

    @property
    def label(self) -> str | None:
        found = self.get("50")
        return found.text if found else None


@dataclass(frozen=True, slots=True)
class Cpm:
    """A whole code. `common`: the objects of template 62; `others`: unknown ones at the top, kept."""

    format: str
    applications: tuple[Application, ...]
    common: tuple[Tlv, ...] = ()
    others: tuple[Tlv, ...] = ()

    def card(self, application: Application) -> Card | None:
        """The card behind an application (its own objects first, then the common ones); None: not said,
        not readable, or a JPQR1 code, whose 57 is something else."""
        if self.format != CPV01:
            return None
        objects = self.combined(application)
        return _track2(_find(objects, "57")) or _pan(_find(objects, "5A"))

    def combined(self, application: Application) -> tuple[Tlv, ...]:
        """An application's own objects, then the common ones: what EMVCo calls the combined data."""
        return application.objects + self.common

    @property
    def complete(self) -> bool:
        """Every application has 57 or 5A (EMVCo CPM table 6.1). Schemes exist that do without."""
        return all(
            any(tlv.tag in ("57", "5A") for tlv in self.combined(application))
            for application in self.applications
        )


# -- reading ---------------------------------------------------------------------------------------


def parse(text: str) -> Cpm:
    """The code in `text`; BadCpm says why there is none."""
    top = walk(_unwrapped(text))
    version = _version(top)
    common = tuple(tlv for part in top if part.tag == _COMMON for tlv in walk(part.value))
    applications = tuple(_applications(part for part in top if part.tag == _APPLICATION))
    if not applications:
        raise NoApplication("no application template 61 with an application id 4F of 5 to 16 bytes")
    for application in applications:
        _refuse_repeated(application.objects + common)
    others = tuple(part for part in top if part.tag not in (_FORMAT, _APPLICATION, _COMMON))
    return Cpm(version, applications, common, others)


def walk(data: bytes) -> tuple[Tlv, ...]:
    """The objects in `data`, one level deep (BER, X.690; lengths up to form 82); BadTlv when it does not
    come out even."""
    found: list[Tlv] = []
    at = 0
    while at < len(data):
        if len(found) == OBJECTS_MAX:
            raise BadTlv(f"more than {OBJECTS_MAX} objects in one template")
        tag, at = _tag(data, at)
        length, at = _length(data, at)
        if at + length > len(data):
            raise BadTlv(f"the length of object {tag} overruns the data")
        found.append(Tlv(tag, data[at : at + length]))
        at += length
    return tuple(found)


def _unwrapped(text: str) -> bytes:
    """Base64 -> bytes. Missing "=" at the end is forgiven, anything else is not."""
    if len(text) > CODE_CHARACTERS_MAX:
        raise NotBase64(f"{len(text)} characters; at most {CODE_CHARACTERS_MAX} are read")
    bare = text.removesuffix("=").removesuffix("=") if len(text) % 4 == 0 else text
    if not bare.isascii() or "=" in bare or len(bare) % 4 == 1:
        raise NotBase64("not base64, or cut off")
    try:
        return binascii.a2b_base64(bare + "=" * (-len(bare) % 4), strict_mode=True)
    except binascii.Error:
        raise NotBase64("not base64, or cut off") from None


def _tag(data: bytes, at: int) -> tuple[str, int]:
    """The tag at `at` and where its length begins. Long form while bit 8 is set (X.690 8.1.2.4)."""
    if data[at] == 0:
        raise BadTlv("an object with tag 00")
    end = at + 1
    if data[at] & _LONG_TAG == _LONG_TAG:
        while end < len(data) and data[end] & 0x80:
            end += 1
        end += 1
    if end > len(data) or end - at > TAG_BYTES_MAX:
        raise BadTlv("a tag is cut off or too long")
    return data[at:end].hex().upper(), end


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The length at `at` and where the value begins: one byte, or 81 nn, or 82 nn nn."""
    if at >= len(data):
        raise BadTlv("the data ends before a length")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    extra = first & 0x7F
    if extra not in (1, 2) or at + 1 + extra > len(data):
        raise BadTlv("a length is cut off, or of a form that is not allowed")
    return int.from_bytes(data[at + 1 : at + 1 + extra], "big"), at + 1 + extra


def _version(top: Sequence[Tlv]) -> str:
    if not top or top[0].tag != _FORMAT:
        raise NotCpm("the payload format indicator 85 is not in front")
    if sum(part.tag == _FORMAT for part in top) > 1:
        raise Repeated("duplicate tag 85")
    if top[0].text not in (CPV01, JPQR1):
        raise NotCpm("the payload format indicator is not CPV01")
    return top[0].text


def _applications(templates: Iterable[Tlv]) -> Iterable[Application]:
    """One without an application id of legal length is skipped, as EMVCo tells readers to."""
    for template in templates:
        objects = walk(template.value)
        named = _find(objects, "4F")
        if named and len(named.value) in AID_BYTES:
            yield Application(named.value.hex().upper(), objects)


def _refuse_repeated(objects: tuple[Tlv, ...]) -> None:
    seen: set[str] = set()
    for tlv in objects:
        if tlv.tag in seen and not tlv.constructed:
            raise Repeated(f"object {tlv.tag} stands twice in an application and its common data")
        seen.add(tlv.tag)


def _find(objects: Iterable[Tlv], tag: str) -> Tlv | None:
    return next((tlv for tlv in objects if tlv.tag == tag), None)


def _track2(tlv: Tlv | None) -> Card | None:
    """57: PAN, D, YYMM, service code (3), discretionary data, F to fill the last byte."""
    pan, _, rest = _digits(tlv).partition("D")
    if not (_is_pan(pan) and len(rest) >= 7 and rest.isdigit()):
        return None
    return Card(pan, rest[:4], rest[4:7], rest[7:])


def _pan(tlv: Tlv | None) -> Card | None:
    digits = _digits(tlv)
    return Card(digits) if _is_pan(digits) else None


def _digits(tlv: Tlv | None) -> str:
    return tlv.value.hex().upper().rstrip("F") if tlv else ""


def _is_pan(digits: str) -> bool:
    return 8 <= len(digits) <= 19 and digits.isdigit()  # hex only: no other script's digits here


# -- writing ---------------------------------------------------------------------------------------


def build(
    applications: Sequence[Sequence[Tlv]],
    common: Sequence[Tlv] = (),
    others: Sequence[Tlv] = (),
    *,
    version: str = CPV01,
) -> str:
    """The text of a customer's code, for the bench and for tests: base64 with padding.

    Each application needs its 4F. What comes out is parsed again, so BadCpm is raised for what breaks a rule.
    """
    parts = [Tlv(_FORMAT, version.encode())]
    parts += [Tlv(_APPLICATION, _joined(objects)) for objects in applications]
    if common:
        parts.append(Tlv(_COMMON, _joined(common)))
    text = base64.b64encode(_joined((*parts, *others))).decode()
    parse(text)
    return text


def _joined(objects: Sequence[Tlv]) -> bytes:
    data = b"".join(_written_tag(tlv) + _written_length(tlv) + tlv.value for tlv in objects)
    if walk(data) != tuple(objects):
        raise BadTlv("a tag is not one BER tag in upper-case hexadecimal, like 9F26")
    return data


def _written_tag(tlv: Tlv) -> bytes:
    try:
        return bytes.fromhex(tlv.tag)
    except ValueError:
        raise BadTlv(f"the tag {tlv.tag[:8]!r} is not hexadecimal, like 9F26") from None


def _written_length(tlv: Tlv) -> bytes:
    size = len(tlv.value)
    if size < 0x80:
        return bytes([size])
    if size < 0x100:
        return bytes([0x81, size])
    if size < 0x10000:
        return bytes([0x82]) + size.to_bytes(2, "big")
    raise BadTlv(f"object {tlv.tag} has {size} bytes; its length cannot be written")
