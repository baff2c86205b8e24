"""The merchant's EMV code (EMVCo merchant-presented mode): the text of a QR that customers scan.

    ID (2 digits) + length (2 digits) + value, again and again; 00 in front, 63 (the CRC) at the end

Two layers, because real codes obey the first and bend the second (codes.md 0.2):

1. Integrity. The objects come out even, 00 is first, 63 is last, no ID twice, the CRC is right. `parse`
   raises when this fails: the code is damaged and nothing in it may be believed.
2. Profile. What a strict EMVCo reader would object to stands in `problems` ("missing:52", "len:59").
   PromptPay, VietQR and DuitNow have such problems and are paid all day. `payable` says whether one of them
   stops a payment.

Lengths count characters, the CRC runs over the UTF-8 bytes (codes.md 0.3).

    BadMpm (ValueError)
    +-- BadTlv       an ID or a length is no number, or a value overruns the text
    +-- BadOrder     00 not in front, 63 not at the end, an ID twice
    +-- BadCrc       the check value is not the one of the text
    +-- BadValue     `build` was asked for something that breaks a rule
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from terminal.codes import emv_profiles
from terminal.codes.currency import by_alpha, by_numeric
from terminal.codes.emv_objects import (
    ACCOUNT_TEMPLATES,
    ACCOUNTS,
    ADDITIONAL,
    AMOUNT,
    CATEGORY,
    CITY,
    COUNTRY,
    CRC,
    CURRENCY,
    DYNAMIC,
    FORMAT,
    GUID,
    INITIATION,
    LANGUAGE,
    NAME,
    POSTAL,
    PRIVATE_TEMPLATES,
    STATIC,
    BadMpm,
    BadTlv,
    Field,
    crc,
    guids,
    template,
    walk,
)

__all__ = ["BadCrc", "BadMpm", "BadOrder", "BadTlv", "BadValue", "Field", "Mpm"]
__all__ += ["build", "crc", "examine", "parse", "walk"]


class BadOrder(BadMpm):
    """00 is not in front, 63 is not at the end, or an ID stands twice."""


class BadCrc(BadMpm):
    """The check value is not the one of the text."""


class BadValue(BadMpm):
    """A value breaks a rule: `build` was asked for it, or an amount cannot be said in minor units."""


@dataclass(frozen=True, slots=True)
class Mpm:
    """A whole code. `fields` as they stand, `problems` in strict EMVCo's eyes, `profiles` the national
    schemes it belongs to ("promptpay", "pix", ...)."""

    fields: tuple[Field, ...]
    crc_ok: bool
    problems: tuple[str, ...]
    profiles: tuple[str, ...]

    def get(self, field_id: str) -> str | None:
        """The value of the first object with this ID."""
        return next((field.value for field in self.fields if field.id == field_id), None)

    @property
    def currency(self) -> str | None:
        """ISO 4217: "THB"; the number as it stands when the list does not have it; None: not said."""
        numeric = self.get(CURRENCY)
        try:
            return by_numeric(numeric).alpha if numeric is not None else None
        except KeyError:
            return numeric

    @property
    def amount(self) -> str | None:
        """Major units as written in 54 ("98.", "100.5"); None: the payer types it. See `amount_minor`."""
        return self.get(AMOUNT)

    @property
    def amount_minor(self) -> int | None:
        """The amount in minor units; None when the payer types it, which Pix also says with 0.

        BadValue when it cannot be said: no known currency, no number, more decimals than the currency has.
        """
        values = _first_values(self.fields)
        if self.amount is None or emv_profiles.is_open_pix(values, self.profiles):
            return None
        return _minor(self.amount, self.currency)

    @property
    def static(self) -> bool | None:
        """True: one code for many payments; False: for one; None: not said."""
        return {STATIC: True, DYNAMIC: False}.get(self.get(INITIATION) or "")

    @property
    def guids(self) -> tuple[str, ...]:
        """Whose each account or private template is: "26:SG.PAYNOW"."""
        return tuple(f"{field.id}:{guid}" for field, guid in guids(self.fields))

    @property
    def payable(self) -> bool:
        """No problem that stops a payment: what remains is what national schemes do every day."""
        values = _first_values(self.fields)
        return not any(
            emv_profiles.stops(problem, values, self.profiles) for problem in self.problems
        )


# -- reading ---------------------------------------------------------------------------------------


def parse(text: str) -> Mpm:
    """The code in `text`. BadMpm when it is damaged; what else is odd stands in `problems`."""
    mpm = examine(text)
    broken = [problem for problem in mpm.problems if problem.startswith(emv_profiles.INTEGRITY)]
    if broken:
        raise BadOrder(f"objects missing, misplaced or repeated: {', '.join(broken)}")
    if not mpm.crc_ok:
        raise BadCrc("the check value (63) does not belong to this text")
    return mpm


def examine(text: str) -> Mpm:
    """Like `parse`, but only BadTlv is raised: for a technician who wants to see what is wrong."""
    fields = walk(text)
    values = _first_values(fields)
    return Mpm(
        fields,
        crc_ok=values.get(CRC, "").upper() == crc(text[:-4]),
        problems=tuple(emv_profiles.problems(fields, values)),
        profiles=emv_profiles.profiles(fields, values),
    )


def _first_values(fields: tuple[Field, ...]) -> dict[str, str]:
    """ID -> value; of several objects with one ID the first counts."""
    values: dict[str, str] = {}
    for field in fields:
        values.setdefault(field.id, field.value)
    return values


# -- amounts ---------------------------------------------------------------------------------------


def _minor(amount: str, currency: str | None) -> int:
    """Major units as text -> minor units. Fewer decimals than the exponent are read, more only as zeros."""
    try:
        exponent = by_alpha(currency or "").exponent
    except KeyError:
        raise BadValue("an amount without a known currency (53)") from None
    if not emv_profiles.AMOUNT_FORM.fullmatch(amount):
        raise BadValue("the amount (54) is no number like 12.50")
    whole, _, decimals = amount.partition(".")
    if decimals[exponent:].strip("0"):
        raise BadValue(f"the amount (54) has more decimals than {currency} has")
    return int(whole + decimals[:exponent].ljust(exponent, "0"))


def _major(amount_minor: int, currency: str) -> str:
    """Minor units -> major, with exactly the decimals of the currency: JPY 0, EUR 2, KWD 3 (codes.md 1.2)."""
    exponent = by_alpha(currency).exponent
    digits = str(amount_minor).rjust(exponent + 1, "0")
    return f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits


# -- writing ---------------------------------------------------------------------------------------

Template = Mapping[str, "str | Template"]

WRITTEN_CHARACTERS_MAX = 512
_PRINTABLE = re.compile(r"[ -~]*")
_OWNER = re.compile(r"[ -~]{1,32}")  # 4.7.10: the globally unique id of a template
_NOTES = [f"{number:02}" for number in range(1, 9)]
_NOTE = re.compile(r"[ -~]{1,25}")  # 4.8.1: bill number, store, terminal, ...; "***" asks the payer


def build(
    *,
    accounts: Mapping[str, str | Template],
    currency: str,
    country: str,
    amount_minor: int | None = None,
    dynamic: bool | None = None,
    name: str | None = None,
    city: str | None = None,
    category: str | None = None,
    postal: str | None = None,
    additional: Template | None = None,
    language: Template | None = None,
    private: Mapping[str, str | Template] | None = None,
    version: str = "01",
) -> str:
    """The text of a code that obeys EMVCo or its recognised national scheme; BadValue names what does not.

    `accounts`: 02..51 -> a text, or the objects of a template (00 its GUID); `private`: the same for 80..99.
    Templates nest: VietQR has one inside its own.
    `currency` ISO 4217 alpha; `amount_minor` None: the payer types it. `dynamic` None: 12 with an amount, 11
    without. `additional`: the objects of 62, `language`: of 64, the only place for other scripts.
    """
    once = amount_minor is not None if dynamic is None else dynamic
    by_id: dict[str, str | Template | None] = {
        FORMAT: version,
        INITIATION: DYNAMIC if once else STATIC,
        **_within(accounts, ACCOUNTS),
        CATEGORY: category,
        CURRENCY: _numeric(currency),
        AMOUNT: None if amount_minor is None else _written_amount(amount_minor, currency),
        COUNTRY: country,
        NAME: name,
        CITY: city,
        POSTAL: postal,
        ADDITIONAL: additional,
        LANGUAGE: language,
        **_within(private or {}, PRIVATE_TEMPLATES),
    }
    text = "".join(_written(*item) for item in by_id.items()) + CRC + "04"
    return _checked(text + crc(text))


def _checked(text: str) -> str:
    """The text, when it reads back without a problem but those its scheme has."""
    if len(text) > WRITTEN_CHARACTERS_MAX:
        raise BadValue(f"{len(text)} characters; EMVCo allows {WRITTEN_CHARACTERS_MAX} (4.1)")
    mpm = parse(text)
    allowed = {word for name in mpm.profiles for word in emv_profiles.ALLOWED.get(name, ())}
    wrong = [
        problem for problem in (*mpm.problems, *_careless(mpm.fields)) if problem not in allowed
    ]
    if wrong:
        raise BadValue(f"this code would break EMVCo's rules: {', '.join(wrong)}")
    return text


def _careless(fields: tuple[Field, ...]) -> Iterator[str]:
    """What is asked of our own codes only: real ones break it too often for a list of problems."""
    for field in fields:
        inner = {part.id: part.value for part in template(field.value) or ()}
        if not _is_careful(field, inner):
            yield f"format:{field.id}"


def _is_careful(field: Field, inner: Mapping[str, str]) -> bool:
    if int(field.id) in (*ACCOUNT_TEMPLATES, *PRIVATE_TEMPLATES):
        return bool(_OWNER.fullmatch(inner.get(GUID, "")))
    if field.id == ADDITIONAL:
        return all(_NOTE.fullmatch(inner.get(note, "-")) for note in _NOTES)
    if field.id == LANGUAGE:  # language, then the name in it (4.9)
        return len(inner.get("00", "")) == 2 and 1 <= len(inner.get("01", "")) <= 25
    return bool(_PRINTABLE.fullmatch(field.value))  # codes.md 0.4: other scripts belong into 64


def _written(field_id: str, value: str | Template | None) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        value = "".join(_written(*item) for item in sorted(value.items()))
    if not re.fullmatch(r"[0-9]{2}", field_id):
        raise BadValue(f"{field_id!r} is no object ID; it has two digits")
    if not 1 <= len(value) <= 99:
        raise BadValue(
            f"object {field_id} would have {len(value)} characters; 1 to 99 are possible"
        )
    return f"{field_id}{len(value):02}{value}"


def _within(fields: Mapping[str, str | Template], ids: range) -> dict[str, str | Template]:
    allowed = {f"{number:02}" for number in ids}
    for field_id in fields:
        if field_id not in allowed:
            raise BadValue(f"{field_id!r} does not stand between {ids[0]:02} and {ids[-1]}")
    return dict(sorted(fields.items()))


def _numeric(currency: str) -> str:
    try:
        return by_alpha(currency).numeric
    except KeyError:
        raise BadValue(f"{currency!r} is no ISO 4217 currency. Write it like EUR") from None


def _written_amount(amount_minor: int, currency: str) -> str:
    if type(amount_minor) is not int or amount_minor <= 0:
        raise BadValue("an amount is a whole number above 0; leave it out when the payer types it")
    return _major(amount_minor, currency)
