"""The file: fetched whole, signed by somebody this unit trusts, made for this machine. Only then is it opened.

A signature is Ed25519 over the whole file (RFC 8032), in base64 beside it: NAME.deb.sig. The keys that a unit trusts
come with the release that runs on it (`keys/*.pem`, public), so a release can bring the key of its successors.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from terminal.update.refused import NotUpdated

NAME = "counter-terminal"
FILE_BYTES_MAX = 96 << 20  # a package has about 14 MB
SIGNATURE_BYTES_MAX = 200
PIECE_BYTES = 1 << 18
CONNECT_S, READ_S = 10.0, 30.0
SPARE_KIB = 100 << 10  # the journal's: an update never takes it
ASK_AGAIN = "Get the file once more from whom you had it."


# -- fetched -------------------------------------------------------------------------------------------------


def bring(source: str, place: Path, say: Callable[[str], None]) -> Path:
    """A copy of the package and of its signature in `place`, which is root's: what is looked at is what is used.
    What an earlier run left there is overwritten."""
    file = place / "update.deb"
    opened = _download if "://" in source else _open
    say(f"Fetching {source}")
    _write(file, opened(source), FILE_BYTES_MAX)
    signature = file.with_suffix(".deb.sig")
    signature.unlink(missing_ok=True)
    try:
        _write(signature, opened(f"{source}.sig"), SIGNATURE_BYTES_MAX)
    except FileNotFoundError:
        signature.unlink(missing_ok=True)  # a missing one is judged by `verify`
    return file


def _write(file: Path, pieces: Iterator[bytes], bytes_max: int) -> None:
    size = 0
    try:
        with file.open("wb") as copy:
            for piece in pieces:
                size += len(piece)
                if size > bytes_max:
                    raise NotUpdated(f"This is more than {bytes_max} bytes: no package.", ASK_AGAIN)
                copy.write(piece)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotUpdated(f"The file cannot be fetched: {error}.", "Look, then try again.") from None


def _open(path: str) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as given:
            yield from _pieces(given)
    except FileNotFoundError:
        if path.endswith(".sig"):
            raise
        raise NotUpdated(f"There is no file {path}.", "Look at its name.") from None


def _pieces(given: IO[bytes]) -> Iterator[bytes]:
    while piece := given.read(PIECE_BYTES):
        yield piece


def _download(url: str) -> Iterator[bytes]:
    import requests

    if not url.startswith("https://"):
        raise NotUpdated(f"{url} is not https.", "Give an https:// address, or a file.")
    with requests.get(url, stream=True, timeout=(CONNECT_S, READ_S)) as answer:
        if not all(each.url.startswith("https://") for each in (*answer.history, answer)):
            raise NotUpdated(f"{url} leads to a place that is not https.", ASK_AGAIN)
        if answer.status_code == requests.codes.not_found and url.endswith(".sig"):
            raise FileNotFoundError(url)
        answer.raise_for_status()
        yield from answer.iter_content(PIECE_BYTES)


# -- signed --------------------------------------------------------------------------------------------------


def verify(file: Path, sha256: str, keys: Path) -> None:
    """NotUpdated unless a trusted key signed this very file, or its SHA-256 is the one that was typed."""
    content = file.read_bytes()
    if sha256:
        if hashlib.sha256(content).hexdigest() != sha256.strip().lower():
            raise NotUpdated("This file has another SHA-256 than you typed.", ASK_AGAIN)
        return
    signature = file.with_suffix(".deb.sig")
    if not signature.exists():
        raise NotUpdated(
            "The file has no signature beside it.", "scripts/build-deb --sign KEY makes one."
        )
    trusted = [load_pem_public_key(key.read_bytes()) for key in sorted(keys.glob("*.pem"))]
    if not trusted:
        raise NotUpdated(
            "The release of this unit trusts no key.",
            "Once: terminalctl update FILE --sha256 HEX; its successors with scripts/build-deb --sign KEY",
        )
    if not any(_signed(key, signature.read_bytes(), content) for key in trusted):
        raise NotUpdated("Nobody whom this unit trusts has signed this file.", ASK_AGAIN)


def _signed(key: object, signature: bytes, content: bytes) -> bool:
    if not isinstance(key, Ed25519PublicKey):
        return False
    try:
        key.verify(base64.b64decode(signature.strip(), validate=True), content)
    except (InvalidSignature, binascii.Error):
        return False
    return True


# -- made for this machine -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Package:
    """`version`: Debian's, "0.2.0~bookworm"; `release`: without the suite, the name of the release's folder."""

    file: Path
    name: str
    version: str
    arch: str
    size_kib: int

    @property
    def release(self) -> str:
        return self.version.rpartition("~")[0]

    @property
    def suite(self) -> str:
        return self.version.rpartition("~")[2]

    @classmethod
    def read(cls, file: Path) -> Package:
        """NotUpdated when this is no package of ours."""
        told = _ask("dpkg-deb", "--field", str(file))
        rows = (line.partition(": ") for line in told.splitlines() if not line.startswith(" "))
        facts = {key: value for key, _, value in rows}
        package = cls(
            file, facts.get("Package", ""), facts.get("Version", ""), facts.get("Architecture", ""),
            int(facts.get("Installed-Size", "0")),
        )  # fmt: skip
        if package.name != NAME or not package.release or "/" in package.release:
            raise NotUpdated("This is no package of a terminal.", ASK_AGAIN)
        return package

    def fit(self, current: str, place: Path, *, downgrade: bool) -> None:
        """NotUpdated unless this machine can carry it."""
        ours = _ask("dpkg", "--print-architecture").strip()
        suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
        if (self.arch, self.suite) != (ours, suite):
            raise NotUpdated(
                f"The package is for {self.suite} on {self.arch}, and this is {suite} on {ours}.",
                f"scripts/build-deb --suite {suite} --arch {ours}",
            )
        older = ["dpkg", "--compare-versions", self.release, "lt", current]
        if not downgrade and not subprocess.run(older, check=False).returncode:
            raise NotUpdated(
                f"{self.release} is older than {current}.", "If that is meant: --downgrade"
            )
        self._find_room(place)

    def look_for_missing(self) -> None:
        """NotUpdated when packages of the distribution must come first. Without this look probation finds out."""
        if missing := self._missing():
            raise NotUpdated(f"It needs {missing}.", f"sudo apt-get install {missing}")

    def _find_room(self, place: Path) -> None:
        # The release, what Python compiles of it, and dpkg's copy.
        needed_kib = 3 * self.size_kib + SPARE_KIB
        free_kib = shutil.disk_usage(place).free >> 10
        if free_kib < needed_kib:
            raise NotUpdated(
                f"It needs {needed_kib >> 10} MiB, and {free_kib >> 10} are free.",
                "sudo apt-get clean; sudo journalctl --vacuum-size=20M; df -h",
            )

    def _missing(self) -> str:
        command = ["apt-get", "--simulate", "--no-download", "--allow-downgrades", "install"]
        told = subprocess.run(
            [*command, str(self.file)], capture_output=True, text=True, check=False,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
        if told.returncode:
            raise NotUpdated(
                f"apt: {told.stderr.strip()[-300:]}", "sudo apt-get install --fix-broken"
            )
        rows = (line.split() for line in told.stdout.splitlines())
        new = [row[1] for row in rows if row[:1] == ["Inst"]]
        return " ".join(name for name in new if name != NAME)


def _ask(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotUpdated(f"This is no package: {done.stderr.strip()[-200:]}", ASK_AGAIN)
    return done.stdout
