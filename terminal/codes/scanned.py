"""What a reader delivered, and the customer's code that comes out of it.

Whoever read it (serial, HID, camera) hands over bytes. `read` cleans off what the reader added, refuses what
cannot be one payment code, and wraps the rest so that it can be sent to the gateway and shown to nobody.
Whether it is a *payment* code, and whose, is the next question: `wallets.identify(code.reveal())`.

The one tree of errors for the people at the counter:

    Refused (ValueError)      .word for the machine, .message for a tiny display
    +-- Unreadable            the reader's fault or the picture's: show it again
    +-- NotThisCode           we know what it is, and it is not the customer's payment code
    +-- Unknown               we do not know what it is
"""

from __future__ import annotations

import hmac
import re
from enum import StrEnum
from typing import NoReturn

CODE_CHARACTERS_MAX = 684
"""512 bytes of an EMV code in base64, the most that EMVCo asks a reader to manage (codes.md 2)."""
READ_BYTES_MAX = CODE_CHARACTERS_MAX + 16
"""With room for what a reader adds: byte order mark, AIM prefix, spaces, CR LF."""
TWIN_CHARACTERS_MIN = 10
"""From here on, two equal halves are one code read twice and not chance."""
KEY_BYTES_MIN = 16
DIGEST_HEX_CHARACTERS = 32
"""128 bits: two codes of one shop never share a digest, and a journal row stays small."""
LINE_CHARACTERS_MAX = 21
"""One line of a 128 pixel display in its smallest readable letters."""


class Word(StrEnum):
    """Why a reading is refused, for the machine."""

    EMPTY = "EMPTY"
    TOO_LONG = "TOO_LONG"
    CONTROL = "CONTROL"
    NOT_TEXT = "NOT_TEXT"
    NOT_ASCII = "NOT_ASCII"
    TWO_CODES = "TWO_CODES"
    BROKEN = "BROKEN"
    MERCHANT_CODE = "MERCHANT_CODE"
    BILL = "BILL"
    RECEIPT = "RECEIPT"
    URL = "URL"
    CARRIER = "CARRIER"
    PRODUCT_BARCODE = "PRODUCT_BARCODE"
    SCANNER_SETUP = "SCANNER_SETUP"
    UNKNOWN = "UNKNOWN"


# What went wrong, then what to do now: two lines of LINE_CHARACTERS_MAX (a test counts them).
MESSAGES: dict[Word, str] = {
    Word.EMPTY: "Nothing was read.\nShow the code again.",
    Word.TOO_LONG: "Too long for payment.\nShow payment code.",
    Word.CONTROL: "Code was read badly.\nShow it again.",
    Word.NOT_TEXT: "Code was read badly.\nShow it again.",
    Word.NOT_ASCII: "Not a payment code.\nOpen it in your app.",
    Word.TWO_CODES: "Two codes at once.\nShow only one.",
    Word.BROKEN: "Code is incomplete.\nShow it again.",
    Word.MERCHANT_CODE: "That is a shop's code\nShow payment code.",
    Word.BILL: "That is a bill.\nShow payment code.",
    Word.RECEIPT: "That is a receipt.\nShow payment code.",
    Word.URL: "That is a web link.\nShow payment code.",
    Word.CARRIER: "Invoice carrier code.\nShow payment code.",
    Word.PRODUCT_BARCODE: "Barcode of goods.\nShow payment code.",
    Word.SCANNER_SETUP: "Scanner setup code.\nCall the technician.",
    Word.UNKNOWN: "Not a payment code.\nOpen it in your app.",
}


class Refused(ValueError):
    """This reading is no payment code. Never holds what was read."""

    def __init__(self, word: Word) -> None:
        super().__init__(word, MESSAGES[word])
        self.word = word
        self.message = MESSAGES[word]

    def __str__(self) -> str:
        return f"{self.word}: {self.message.replace(chr(10), ' ')}"


class Unreadable(Refused):
    """The bytes are not one line of plain text, or not a whole one. Showing it again may help."""


class NotThisCode(Refused):
    """A shop's code, a bill, a receipt, goods: the customer has to open another code."""


class Unknown(Refused):
    """Nothing that any rule knows, and nothing that looks like a payment code either."""


class Forgotten(LookupError):
    """The code was forgotten already (`PaymentCode.forget`): it can be sent once only."""


# ISO/IEC 15424: "]", a letter for the symbology, a modifier. Scanners add it when told to.
_AIM = re.compile(r"\](?P<letter>[A-Za-z])(?P<modifier>[0-9A-Za-z])")
_SYMBOLOGIES = {
    "A": "code39",
    "C": "code128",
    "E": "ean",
    "I": "itf",
    "L": "pdf417",
    "Q": "qr",
    "d": "datamatrix",
    "e": "databar",
    "z": "aztec",
}
_GS1_128 = ("C", "1")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENDS = "\r\n\t"
_MARK = "\ufeff"  # byte order mark


class PaymentCode:
    """The customer's code: a bearer credential, one use, about a minute (codes.md 0.7).

    Shows its length and nothing else, in `repr`, `str`, `format`, logs, and inside other values; refuses to
    be pickled; compares by value in constant time. Unhashable, because it can be forgotten.
    `symbology`: "qr", "code128", "ean", ... when the reader told, else None.
    """

    __slots__ = ("__symbology", "__text")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str, symbology: str | None = None) -> None:
        """`text` as it goes to the gateway: printable ASCII, 1..CODE_CHARACTERS_MAX, else Refused."""
        _check(text)
        self.__text = bytearray(text, "ascii")
        self.__symbology = symbology

    def reveal(self) -> str:
        """The text, for the gateway's codec and `wallets.identify`. Keep it no longer than the call."""
        if not self.__text:
            raise Forgotten("this payment code was used and forgotten; ask for a new one")
        return self.__text.decode("ascii")

    def digest(self, key: bytes) -> str:
        """HMAC-SHA-256 under the terminal's key, DIGEST_HEX_CHARACTERS hex digits: the same code twice?

        Keyed, because an 18 digit code is found from a plain hash in minutes. ValueError for a short key."""
        if len(key) < KEY_BYTES_MIN:
            raise ValueError(f"the digest key has {len(key)} bytes, not {KEY_BYTES_MIN} or more")
        digest = hmac.digest(key, self.reveal().encode("ascii"), "sha256")
        return digest.hex()[:DIGEST_HEX_CHARACTERS]

    def forget(self) -> None:
        """Overwrites the text. After this `reveal` and `digest` raise Forgotten."""
        self.__text[:] = bytes(len(self.__text))
        self.__text.clear()

    @property
    def symbology(self) -> str | None:
        return self.__symbology

    @property
    def characters(self) -> int:
        """How long it is; 0 when forgotten."""
        return len(self.__text)

    def __repr__(self) -> str:
        shown = f"{len(self.__text)} characters" if self.__text else "forgotten"
        return f"PaymentCode({shown})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PaymentCode):
            return NotImplemented
        if not self.__text:
            return self is other
        return hmac.compare_digest(self.__text, other.__text)

    def __copy__(self) -> PaymentCode:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> PaymentCode:
        return self  # one object only, so that forget() reaches every holder

    def __getstate__(self) -> NoReturn:
        """Where pickle asks, in every protocol."""
        raise TypeError("a payment code is never written down")


def read(data: bytes, symbology: str | None = None) -> PaymentCode:
    """The payment code in one whole reading of a scanner or camera; Refused when there is none.

    Takes off a UTF-8 byte order mark, an AIM prefix ("]Q1", which names the symbology), spaces at the ends
    and the reader's own end (CR, LF, CR LF or TAB, once).
    """
    if len(data) > READ_BYTES_MAX:
        raise Unreadable(Word.TOO_LONG)
    text = _decoded(data)
    if not text.strip(" " + _ENDS):
        raise Unreadable(Word.EMPTY)
    text = _without_end(text)
    prefix = _AIM.match(text)
    if prefix:
        symbology = _symbology(prefix)
        text = text[prefix.end() :].removeprefix(_MARK)
    return PaymentCode(text.strip(" "), symbology)


def _decoded(data: bytes) -> str:
    """The bytes as text. The codec's own error would carry the bytes along, so it ends here."""
    text = data.decode("utf-8", "replace").removeprefix(_MARK)
    if "\ufffd" in text:
        raise Unreadable(Word.NOT_TEXT)
    return text


def _without_end(text: str) -> str:
    if text.endswith("\r\n"):
        return text[:-2]
    return text[:-1] if text.endswith(tuple(_ENDS)) else text


def _symbology(prefix: re.Match[str]) -> str | None:
    if prefix.groups() == _GS1_128:
        return "gs1-128"
    return _SYMBOLOGIES.get(prefix["letter"])


def _check(text: str) -> None:
    """Refused unless `text` can be one payment code: printable ASCII, not empty, short, not doubled."""
    if not text:
        raise Unreadable(Word.EMPTY)
    if len(text) > CODE_CHARACTERS_MAX:
        raise Unreadable(Word.TOO_LONG)
    if not text.isascii():
        raise NotThisCode(Word.NOT_ASCII)  # also other scripts' digits (F8)
    if _CONTROL.search(text):
        raise Unreadable(_word_of_control(text))
    if _is_doubled(text):
        raise Unreadable(Word.TWO_CODES)


def _word_of_control(text: str) -> Word:
    """A line end in the middle parts two readings; any other control character is dirt (F5, F6, F12)."""
    lines = [line for line in re.split(f"[{_ENDS}]+", text) if line]
    clean = not any(_CONTROL.search(line) for line in lines)
    return Word.TWO_CODES if clean and len(lines) > 1 else Word.CONTROL


def _is_doubled(text: str) -> bool:
    """One code read twice without an end between: equal halves (F12)."""
    half, odd = divmod(len(text), 2)
    return not odd and half >= TWIN_CHARACTERS_MIN and text[:half] == text[half:]
