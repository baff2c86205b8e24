"""Whose work a unit carries, and under what terms: read off the lock file and the packages themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "scripts" / "requirements").glob("*.txt"))
UNIT = ROOT / "scripts" / "requirements" / "unit.txt"
PAGE = UNIT.with_name("LICENCES.md")

# Their files say it, their metadata does not say it in these words.
SAID_ELSEWHERE = {
    "colorzero": "BSD-3-Clause",
    "gpiozero": "BSD-3-Clause",
}
PLAIN = {
    "MIT License": "MIT",
    "The MIT License (MIT)": "MIT",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Zope Public License": "ZPL-2.1",
}
OF_DEBIAN = (
    ("python3, libzbar0, systemd", "PSF-2.0, LGPL-2.1-or-later"),
    ("python3-lgpio, python3-spidev", "Unlicense, MIT"),
    ("python3-picamera2, libcamera", "BSD-2-Clause, LGPL-2.1-or-later"),
    ("python3-numpy, python3-opencv", "BSD-3-Clause, Apache-2.0"),
    ("python3-evdev", "BSD-3-Clause"),
)


def pinned(lock: Path) -> dict[str, str]:
    """Name -> version of every package of the lock file."""
    text = lock.read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, re.MULTILINE))


def unpinned(lock: Path) -> Iterator[str]:
    """The lines of it that no hash stands behind."""
    entries = re.split(r"(?<!\\)\n", lock.read_text("utf-8"))
    for entry in entries:
        if entry and not entry.startswith("#"):
            hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}(?= |\n|$)", entry)
            if not hashes or not re.match(r"[a-z0-9-]+==[^ ]+ ", entry):
                yield entry.partition(" ")[0]


def licence(name: str) -> str:
    """Of an installed package, as SPDX writes it where that is clear."""
    told = distribution(name).metadata
    of_class = [
        each.rpartition(" :: ")[2]
        for each in told.get_all("Classifier") or ()
        if each.startswith("License :: ") and each.count(" :: ") > 1
    ]
    said = (
        told.get("License-Expression")
        or SAID_ELSEWHERE.get(name)
        or ", ".join(PLAIN.get(each, each) for each in of_class)
        or (told.get("License") or "").partition("\n")[0]
    )
    return PLAIN.get(said, said)


def text() -> str:
    rows = [f"| {name} | {version} | {licence(name)} |" for name, version in pinned(UNIT).items()]
    debian = [f"| {names} | {terms} |" for names, terms in OF_DEBIAN]
    return "\n".join(
        [
            "# Licences",
            "",
            "The counter terminal is under Apache-2.0 (LICENSE). Its package carries these, each with its own",
            "terms in its `dist-info`. Written by `scripts/licences` from the lock file.",
            "",
            "| package | version | licence |",
            "| --- | --- | --- |",
            *rows,
            "",
            "The font is DejaVu Sans, under the Bitstream Vera licence (terminal/screens/fonts/LICENSE.txt).",
            "",
            "From the distribution, not carried:",
            "",
            "| packages | licence |",
            "| --- | --- |",
            *debian,
            "",
        ]
    )
