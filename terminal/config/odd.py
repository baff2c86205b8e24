"""Looking closer at one value: why it is odd, in words that follow `key = value`, or None.

`values` are the fields before it in the same section, their defaults where the file says nothing.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from terminal.codes.currency import CURRENCIES
from terminal.core.terms import Money, Refusal

SOCKET_PATH_BYTES_MAX = 107  # sun_path of unix(7), less the final NUL
WORDS_LISTED_MAX = 12
_TERMINAL_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{6}")


def nearest(word: str, among: Iterable[str]) -> str:
    """' Did you mean "currency"?', else the possible words if they are few, else nothing."""
    import difflib  # 5 ms: only when a word is wrong

    known = {candidate.casefold(): candidate for candidate in among}
    word = word.casefold()
    if close := difflib.get_close_matches(word, known, n=3):
        best = next((each for each in close if each[:2] == word[:2]), close[0])
        return f' Did you mean "{known[best]}"?'
    if not 0 < len(known) <= WORDS_LISTED_MAX:
        return ""
    return f" Possible: {', '.join(known.values())}."


# -- words -------------------------------------------------------------------------------------------------


def odd_id(terminal: str, _values: Mapping[str, Any]) -> str | None:
    """Six characters of Crockford's base 32: every order number begins with them (core.terms)."""
    if _TERMINAL_ID.fullmatch(terminal):
        return None
    rule = "must be exactly 6 of the characters 0-9 and A-Z without I, L, O, U."
    mended = terminal.upper().translate(str.maketrans("ILO", "110"))
    return f'{rule} Did you mean "{mended}"?' if _TERMINAL_ID.fullmatch(mended) else rule


def odd_text(text: str, _values: Mapping[str, Any]) -> str | None:
    return None if text.isprintable() else "holds characters that cannot be printed."


def odd_driver(driver: str, _values: Mapping[str, Any]) -> str | None:
    """The word becomes the name of a module, so nothing but a plain word gets through."""
    if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", driver):
        return None
    return "is no name of a driver: small letters, digits and _ only."


# -- money -------------------------------------------------------------------------------------------------


def odd_currency(currency: str, _values: Mapping[str, Any]) -> str | None:
    if currency in CURRENCIES:
        return None
    return f"is no ISO 4217 currency.{nearest(currency, CURRENCIES)}"


def odd_amount(text: str, values: Mapping[str, Any]) -> str | None:
    """F73. Stricter than Money: 500.00 is no amount of yen, somebody thought of another currency."""
    currency = values.get("currency")
    if currency not in CURRENCIES:
        return None  # complained about already
    exponent = CURRENCIES[currency].exponent
    try:
        amount = Money.of_major(text, currency)
    except Refusal as refusal:
        return f"cannot be used. {refusal}"
    decimals = text.partition(".")[2]
    if "." in text and len(decimals) != exponent:
        return f'has {len(decimals)} decimals, {currency} has {exponent}. Write "{amount.major}".'
    return None if amount.minor else "allows no sale at all. Write the largest amount of one sale."


# -- addresses ---------------------------------------------------------------------------------------------


def odd_url(url: str, values: Mapping[str, Any]) -> str | None:
    """F69. https://, and http:// only to a sandbox on this very machine."""
    # urlsplit drops tabs and line breaks in silence, so they are looked for first.
    if not url.isascii() or not url.isprintable() or " " in url:
        return "holds characters that no address has."
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return f"is no address: {error}."
    if parts.scheme == "http":
        return _odd_http(parts, values.get("sandbox", False))
    if parts.scheme != "https":
        return "must begin with https://."
    return _odd_parts(parts)


def _odd_http(parts: SplitResult, sandbox: bool) -> str | None:
    if not _is_loopback(parts.hostname or ""):
        return f'is not encrypted. Write "https://{parts.netloc}{parts.path}".'
    if not sandbox:
        return "is not encrypted: that is for a sandbox on this machine only. Set sandbox = true."
    return _odd_parts(parts)


def _odd_parts(parts: SplitResult) -> str | None:
    if not parts.hostname:
        return "names no host."
    if parts.username is not None or parts.password is not None:
        return "must not hold a user or a password."
    if parts.query or parts.fragment:
        return "must end with the path: no ? and no #."
    return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def odd_socket(path: Path, _values: Mapping[str, Any]) -> str | None:
    length = len(os.fsencode(path))
    if length <= SOCKET_PATH_BYTES_MAX:
        return None
    return f"is {length} bytes long, a socket's name has at most {SOCKET_PATH_BYTES_MAX}."


CREDENTIALS = Path(
    "/run/credentials"
)  # systemd.exec(5): a folder for each service, closed to others


# -- files -------------------------------------------------------------------------------------------------


def no_file(path: Path, _values: Mapping[str, Any] | None = None) -> str | None:
    """Why there is nothing to read at `path` (F64); None when there is."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return f"is missing: there is no {path}."
    except OSError as error:
        return f"cannot be looked at: {error.strerror}. Is {path} right?"
    if not stat.S_ISREG(found.st_mode):
        return f"is no file: {path}."
    if not found.st_size:
        return f"is empty: {path}. A power cut may have done it; put your copy of it back."
    if not os.access(path, os.R_OK):
        return f"cannot be read by this user. Run: sudo chown $(id -un) {shlex.quote(str(path))}"
    return None


def not_secret(path: Path, values: Mapping[str, Any]) -> str | None:
    """Why this file is not fit to hold a secret key (F68)."""
    if fault := no_file(path, values):
        return fault
    mode = stat.S_IMODE(path.stat().st_mode)
    # systemd hands a credential to the service's user by an access list, and then the group bits of the mode
    # are that list's mask (LoadCredential=): 0440 lets no group read it.
    others = 0o007 if _is_credential(path) else 0o077
    if not mode & others:
        return None
    mend = f"chmod 600 {shlex.quote(str(path))}"
    return f"is open to other users (mode {mode:04o}). Run: {mend}"


def _is_credential(path: Path) -> bool:
    """The doctor, who is not the service, looks at the service's."""
    own = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return path.is_relative_to(CREDENTIALS) or (bool(own) and path.parent == Path(own))
