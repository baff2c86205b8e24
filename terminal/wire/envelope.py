"""Signed messages of flat fields, as PayCloud sends and takes them (gateways.md 1.6), and strict JSON. Pure.

Numbers stay the text that was written: 12.40 is not 12.4, and a signature knows the difference. A key that
stands twice, NaN, nesting without end (F27-F29), and anything that is not literally in the text and so cannot
be checked literally (F38) are refused.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NoReturn
from urllib.parse import urlencode

from terminal.codes.scanned import Forgotten, PaymentCode
from terminal.core.terms import HouseFault, Money, Refusal, WireFault
from terminal.wire.signing import Signer, Verifier, canonical

MESSAGE_BYTES_MAX = 64 * 1024
NOTE_CHARACTERS_MAX = 64


def sealed(fields: Mapping[str, str], signer: Signer) -> dict[str, str]:
    """The fields with their `sign`. Empty ones are left out: PHP and Java disagree on those (1.6 a).

    HouseFault for a value that cannot be sent; it never shows the value, which may be a payment code.
    """
    said = {name: value for name, value in fields.items() if value}
    for name, value in said.items():
        if trouble := unsendable(value):
            raise HouseFault(f"{name} {trouble}")
    signature = signer.sign(canonical(said).encode())
    return {**said, "sign": base64.b64encode(signature).decode()}


def unsendable(value: str) -> str | None:
    """Why this value cannot be signed so that everybody computes the same, or None (1.2, 1.6 a)."""
    if value.startswith("@"):
        return "starts with @: the vendor's PHP drops such values before it looks at the signature."
    if any(ord(letter) > 0xFFFF or 0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        return "holds a character of four bytes (an emoji?), which the gateway does not take."
    return None


def as_json(fields: Mapping[str, str]) -> tuple[bytes, str]:
    """Body and content type."""
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return text.encode(), "application/json"


def as_ascii_json(tree: Mapping[str, object]) -> bytes:
    """The body of a nested message. Everything beyond ASCII is escaped, as Antom's own SDK does."""
    return json.dumps(tree, separators=(",", ":")).encode()


def as_form(fields: Mapping[str, str]) -> tuple[bytes, str]:
    """Body and content type, as the vendor's Java SDK sends it."""
    return urlencode(fields).encode(), "application/x-www-form-urlencoded; charset=UTF-8"


def opened(body: bytes, verifier: Verifier) -> dict[str, str]:
    """The top-level fields of a JSON message that the owner of the key signed, empty ones dropped.

    WireFault for every other message; it never shows what was in it.
    """
    if len(body) > MESSAGE_BYTES_MAX:
        raise WireFault("the message is too large")
    try:
        fields = {name: _scalar(value) for name, value in json_object(body.decode()).items()}
        message = canonical(fields).encode()
        signature = base64.b64decode(fields.get("sign") or "", validate=True)
    except ValueError:  # no UTF-8 going in or out, no base64
        raise WireFault("the message is no text, or its signature no base64") from None
    if not verifier.verify(message, signature):
        raise WireFault("the signature is missing or wrong")
    return {name: value for name, value in fields.items() if value}


def _scalar(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return value
    raise WireFault("the message holds a nested value where text belongs")


# -- strict JSON -------------------------------------------------------------------------------------------


def json_object(text: str) -> dict[str, object]:
    """The object in `text`: numbers as `str`, the rest as usual. WireFault for anything else."""
    try:
        value = json.loads(
            text,
            parse_float=str,
            parse_int=str,
            parse_constant=_no_constant,
            object_pairs_hook=_each_key_once,
        )
    except (ValueError, RecursionError):
        raise WireFault("the message is no strict JSON") from None
    if not isinstance(value, dict):
        raise WireFault("the message is JSON, but no object")
    return value


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _each_key_once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError("a key stands twice")
        fields[name] = value
    return fields


# -- single values of theirs -------------------------------------------------------------------------------

_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,48}")
_MAJOR = re.compile(r"[0-9]{1,16}(\.[0-9]{1,12})?([eE]\+?[0-9]{1,2})?")  # Java writes 1.0E7 (1.5)
_MINOR = re.compile(r"[0-9]{1,16}")


def echoes(text: str, code: PaymentCode | None) -> bool:
    """Does it repeat the customer's code? Then it goes nowhere (I11)."""
    if code is None:
        return False
    try:
        return code.reveal() in text
    except Forgotten:
        return True  # it cannot be compared any more


def word(text: str, code: PaymentCode | None = None) -> str:
    """A result code of theirs, fit for our journal."""
    if not text:
        return "(none)"
    return text if _WORD.fullmatch(text) and not echoes(text, code) else "(odd)"


def note(text: str | None) -> str | None:
    """A reference of theirs, to be kept with the order; None when there is none or it is not printable."""
    return text if text and len(text) <= NOTE_CHARACTERS_MAX and text.isprintable() else None


def major_money(text: str, currency: str) -> Money:
    """Money from major units, compared as a number and never as text (1.5). WireFault when illegible."""
    if not _MAJOR.fullmatch(text):
        raise WireFault("the amount is illegible")
    try:
        return Money.of_major(format(Decimal(text), "f"), currency)
    except Refusal:
        raise WireFault("the amount or its currency cannot be") from None


def minor_money(text: str, currency: str) -> Money:
    """Money from minor units (3.12). WireFault when illegible."""
    if not _MINOR.fullmatch(text):
        raise WireFault("the amount is illegible")
    try:
        return Money(int(text), currency)
    except (ValueError, Refusal):
        raise WireFault("the amount or its currency cannot be") from None
