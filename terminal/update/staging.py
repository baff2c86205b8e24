"""A release stands beside the others whole, or not at all: unpacked under another name, on the card, then renamed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from terminal.releases import Releases, sync
from terminal.update.package import Package
from terminal.update.refused import NotUpdated

INSIDE = "./usr/lib/counter-terminal"  # where the package has it (scripts/build-deb)
STAGING = ".staging"


def stage(package: Package, releases: Releases, say: Callable[[str], None]) -> None:
    """The package's release among the others. NotUpdated when it cannot stand there; nothing is left then."""
    place = releases.folder / package.release
    releases.forget_next()
    releases.tidy()
    say(f"Unpacking {package.release}")
    staging = releases.folder / STAGING
    staging.mkdir()
    try:
        _fill(staging, package, place)
    except subprocess.CalledProcessError as failed:
        shutil.rmtree(staging)
        said = failed.stderr.decode(errors="replace").strip()[-200:]
        raise NotUpdated(
            f"The release cannot be unpacked: {said}", "df -h; then try again."
        ) from None
    if place.exists():  # of this version, but who knows what was in that package
        shutil.rmtree(place)
    staging.rename(place)
    sync(releases.folder)


def _fill(staging: Path, package: Package, place: Path) -> None:
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(package.file)], stdout=subprocess.PIPE
    ) as whole:
        depth = str(INSIDE.count("/") + 1)
        _run(
            "tar", "-x", "-C", str(staging), "--strip-components", depth, INSIDE,
            given=whole,
        )  # fmt: skip
    site = str(staging / "site")
    _run("python3", "-m", "compileall", "-q", "-s", site, "-p", str(place / "site"), site)
    _run(str(staging / "bin" / "terminalctl"), "--version")  # its Python can read it
    _run("sync", "--file-system", str(staging))


def _run(*command: str, given: subprocess.Popen[bytes] | None = None) -> None:
    stdin = given.stdout if given else subprocess.DEVNULL
    subprocess.run(command, stdin=stdin, check=True, capture_output=True)
