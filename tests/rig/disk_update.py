"""An update on the disk whose power is cut: releases of a few files, each unpacked, changed over and passed by the
production code. After a cut a whole release must stand at `current`, none older than the last that had passed."""

from __future__ import annotations

import marshal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from terminal import releases
from terminal.bench.torture.careless import changed
from terminal.bench.torture.tape import Acked
from terminal.releases import Releases
from terminal.update import staging
from terminal.update.package import Package

UPDATE, CARELESS = "an update", "an update without a sync"
STATE = Path("/run/disk/state")
BUILD = Path("/run/tmp/package")
VERSIONS = (
    "1.0.0",
    "1.0.1",
    "1.0.2",
    "1.0.3",
)  # numbers 1, 2, ...: the first is installed, the others are updates
MODULES = 8
PYC_HEAD = 16
CONTROL = {
    "Package": "counter-terminal",
    "Architecture": "all",
    "Maintainer": "-",
    "Description": "-",
}


def update(tell: Callable[[Acked], None]) -> None:
    """`tell` is told of each release that has passed."""
    ours = Releases(STATE)
    ours.folder.mkdir(parents=True)
    for number, version in enumerate(VERSIONS, 1):
        staging.stage(_package(version), ours, print)
        ours.nominate(version)
        if number == 1:
            (STATE / "next").rename(STATE / "current")
            subprocess.run(["sync"], check=True)
        else:
            ours.change_over()
            ours.confirm()
        tell(Acked(number, b""))
        ours.tidy()


@contextmanager
def without_a_sync() -> Iterator[None]:
    """What must be found out."""
    run, nothing = staging._run, lambda _folder: None
    with (
        changed(staging, "_run", lambda *words, **more: words[0] == "sync" or run(*words, **more)),
        changed(staging, "sync", nothing),
        changed(releases, "sync", nothing),
    ):
        yield


def verdict(place: Path, acked: Acked) -> str:
    """Of the files that are in `place`: "" when all is well, else "lost" or "corrupt"."""
    found = Releases(place)
    current = found.current
    if current is None:
        return "lost" if acked.row else ""
    if current not in VERSIONS[max(0, acked.row - 1) :]:
        return "lost"
    named = {current, found._named("return-to")} - {None}
    return "" if all(_whole(found.folder / str(name)) for name in named) else "corrupt"


def _files(version: str) -> Iterator[tuple[str, str]]:
    yield "bin/terminalctl", f"#!/bin/sh\necho {version}\n"
    for number in range(MODULES):
        yield f"site/part{number}.py", f'VERSION = "{version}"\nTEXT = "{"x" * 1000 * number}"\n'


def _package(version: str) -> Package:
    home = BUILD / version
    fields = CONTROL | {"Version": f"{version}~any"}
    rows = "".join(f"{name}: {value}\n" for name, value in fields.items())
    inside = [(f"{staging.INSIDE}/{name}", text) for name, text in _files(version)]
    for name, text in [("DEBIAN/control", rows), *inside]:
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755 if "/bin/" in name else 0o644)
    made = home.with_suffix(".deb")
    subprocess.run(["dpkg-deb", "--build", str(home), str(made)], check=True)
    return Package.read(made)


def _whole(release: Path) -> bool:
    """Every file as it was packed, and what Python compiled of them."""
    try:
        same = all((release / name).read_text() == text for name, text in _files(release.name))
        compiled = list((release / "site/__pycache__").iterdir())
        for file in compiled:
            marshal.loads(file.read_bytes()[PYC_HEAD:])
    except (OSError, ValueError, EOFError, TypeError):
        return False
    return same and len(compiled) == MODULES
