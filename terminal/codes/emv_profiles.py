"""What EMVCo and the national schemes expect of a merchant's code: the upper layer of `emv_mpm`.

A problem is a word "what:where" ("missing:52", "len:59", "56-vs-55"). The list is strict EMVCo's (MPM 4.7 and
its table 3). Codes of whole countries have problems and are paid all day, so a problem alone refuses
nothing: `stops` says which ones do, `ALLOWED` which ones belong to a scheme.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

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
    FEE,
    FORMAT,
    INITIATION,
    LANGUAGE,
    NAME,
    PERCENT,
    POSTAL,
    PRIVATE_TEMPLATES,
    TIP,
    Field,
    guids,
    template,
)

AMOUNT_FORM = re.compile(r"(?=.{1,13}\Z)[0-9]+(\.[0-9]*)?")
"""4.7.4: no sign, no comma, at most one point; "98." is legal."""

INTEGRITY = ("00-not-first", "63-not-last", "missing:00", "missing:63", "duplicate:")
"""Problems, or their beginnings, of a code that is damaged and not only unusual."""

ALLOWED: dict[str, frozenset[str]] = {
    "promptpay": frozenset({"missing:52", "missing:59", "missing:60"}),
    "promptpay-bill": frozenset({"missing:52", "missing:59", "missing:60"}),
    "vietqr": frozenset({"missing:52", "missing:59", "missing:60"}),
    "duitnow": frozenset({"00!=01"}),
}
"""What a scheme leaves out or does otherwise, by its own standard (codes.md 1.6)."""

_MANDATORY = (FORMAT, CATEGORY, CURRENCY, COUNTRY, NAME, CITY, CRC)
_LENGTHS_MAX = {AMOUNT: 13, FEE: 13, PERCENT: 5, NAME: 25, CITY: 15, POSTAL: 10}
_FORMS = {
    INITIATION: re.compile(r"1[12]"),
    CATEGORY: re.compile(r"[0-9]{4}"),
    CURRENCY: re.compile(r"[0-9]{3}"),
    AMOUNT: AMOUNT_FORM,
    FEE: AMOUNT_FORM,
    PERCENT: re.compile(r"[0-9]{1,2}(\.[0-9]{1,2})?"),
    COUNTRY: re.compile(r"[A-Z]{2}"),
}
_TEMPLATES = (*ACCOUNT_TEMPLATES, int(ADDITIONAL), int(LANGUAGE), *PRIVATE_TEMPLATES)
_MONEY = (CURRENCY, AMOUNT, FEE, PERCENT)
_STOPS = (
    *INTEGRITY,
    "55-value",
    *(f"{what}:{where}" for what in ("format", "len", "zero") for where in _MONEY),
)

_SCHEMES = {
    "A000000677010111": "promptpay",
    "A000000677010112": "promptpay-bill",
    "A000000727": "vietqr",
    "A000000775": "vnpay",
    "SG.PAYNOW": "paynow",
    "SG.COM.NETS": "nets",
    "ID.CO.QRIS.WWW": "qris",
    "ID.OR.GPNQR.WWW": "qris",
    "A0000006150001": "duitnow",
    "COM.P2PQRPAY": "qrph-p2p",
    "PH.PPMI.P2M": "qrph-p2m",
    "COM.PAYMAYA": "paymaya",
    "BR.GOV.BCB.PIX": "pix",
    "HK.COM.HKICL": "fps-hk",
    "JP.OR.PAYMENTSJAPAN": "jpqr",
}
_KHQR = re.compile(r"[^@]+@[^@]+")
"""KHQR's id is the account itself, user@bank."""


def profiles(fields: Sequence[Field], values: Mapping[str, str]) -> tuple[str, ...]:
    """The national schemes whose account this code holds, by their globally unique ids (any case)."""
    found: dict[str, None] = {}
    for field, guid in guids(fields):
        if int(field.id) not in ACCOUNT_TEMPLATES:
            continue
        if scheme := _SCHEMES.get(guid.upper()):
            found[scheme] = None
        if values.get(COUNTRY) == "KH" and _KHQR.fullmatch(guid):
            found["khqr"] = None
    return tuple(found)


def problems(fields: Sequence[Field], values: Mapping[str, str]) -> Iterator[str]:
    """All that a strict EMVCo reader objects to. `values`: ID -> value of the first object that has it."""
    yield from _order_problems([field.id for field in fields])
    yield from (f"missing:{wanted}" for wanted in _MANDATORY if wanted not in values)
    if not any(int(field_id) in ACCOUNTS for field_id in values):
        yield "missing:02-51"
    if values.get(FORMAT, "01") != "01":
        yield "00!=01"
    yield from _value_problems(values)
    yield from _tip_problems(values)
    if values.get(CRC, "") != values.get(CRC, "").upper():
        yield "crc-lowercase"
    for field_id, value in values.items():
        if int(field_id) in _TEMPLATES and template(value) is None:
            yield f"template-tlv:{field_id}"


def stops(problem: str, values: Mapping[str, str], schemes: Collection[str]) -> bool:
    """Whether a payment should not go on with this problem: the code is damaged, or its money unclear."""
    if problem == f"zero:{AMOUNT}":
        return not is_open_pix(values, schemes)
    what, _, field_id = problem.partition(":")
    if what == "template-tlv":
        return int(field_id) in ACCOUNT_TEMPLATES and _claims_guid(values[field_id])
    return problem.startswith(_STOPS)


def is_open_pix(values: Mapping[str, str], schemes: Collection[str]) -> bool:
    """Pix writes an amount of 0 where others leave it out: the payer types it (codes.md 1.2)."""
    return "pix" in schemes and not values.get(AMOUNT, "0").strip("0.")


def _claims_guid(value: str) -> bool:
    """An account that begins like a template (00, length) but overruns. One that never was a template (Yape:
    a bare UUID), or a private one (TrueMoney: UTF-16 in 81), harms nobody."""
    return bool(re.match(r"00[0-9]{2}", value))


def _order_problems(ids: list[str]) -> Iterator[str]:
    yield from (f"duplicate:{field_id}" for field_id in sorted(set(ids)) if ids.count(field_id) > 1)
    if ids[:1] != [FORMAT]:
        yield "00-not-first"
    if ids[-1:] != [CRC]:
        yield "63-not-last"


def _value_problems(values: Mapping[str, str]) -> Iterator[str]:
    for field_id, value in values.items():
        if len(value) > _LENGTHS_MAX.get(field_id, 99):
            yield f"len:{field_id}"
        elif field_id in _FORMS and not _FORMS[field_id].fullmatch(value):
            yield f"format:{field_id}"
        elif field_id in (AMOUNT, FEE, PERCENT) and not value.strip("0."):
            yield f"zero:{field_id}"


def _tip_problems(values: Mapping[str, str]) -> Iterator[str]:
    """55 says how a tip is asked for: 01 the payer, 02 a fixed fee in 56, 03 percent in 57 (4.7.5)."""
    tip = values.get(TIP)
    if tip not in (None, "01", "02", "03"):
        yield "55-value"
        return
    if (FEE in values) != (tip == "02"):
        yield "56-vs-55"
    if (PERCENT in values) != (tip == "03"):
        yield "57-vs-55"
