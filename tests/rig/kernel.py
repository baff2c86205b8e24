"""A kernel for the guests, with its modules: a ready one that boots here, else one built from the distribution's
source package (some 14 minutes of processor time, once: it is kept in the user's cache).

    RIG_KERNEL   a ready kernel: the file `linux`, plain or .xz, its modules in a folder `mod` or `modules` beside
                 it. Without it, shared/rig/uml beside the project's folder is looked at.

A ready kernel may fail on a machine whose processor has more state than it was built for (linux/fp_size.patch);
so each is tried by a boot that loads the modules, and the reason is told when the next one is taken. Ready modules
are taken only when they were built from our sources.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.rig.guest import Guest, NotBooted

HERE = Path(__file__).parent / "linux"
CAMERA = Path(__file__).parent / "camera"
PROJECT = Path(__file__).parents[2]
SOURCES = sorted((HERE / "modules").glob("*.c"))
HELLO_TIMEOUT_S = 30.0

Say = Callable[[str], None]


def say_so(text: str) -> None:
    print(f"rig: {text}", file=sys.stderr)


class Unfit(Exception):
    """This kernel cannot be used here; the message says why."""


@dataclass(frozen=True, slots=True)
class Kernel:
    linux: Path
    modules: tuple[Path, ...]  # gpio-bench.ko, i2c-bench.ko


def find(say: Say = say_so) -> Kernel:
    """The first kernel that boots here. Built when there is none; CalledProcessError when that fails."""
    for place in ready():
        try:
            return proven(unpacked(place), place.parent)
        except Unfit as why:
            say(f"the kernel {place} is not used: {why}")
    return built(say)


def ready() -> Iterator[Path]:
    if named := os.environ.get("RIG_KERNEL"):
        yield Path(named).absolute()
    yield from sorted((PROJECT.parent / "shared" / "rig" / "uml").glob("linux-*.xz"))


def built(say: Say) -> Kernel:
    place = cache() / f"built-{recipe(HERE)}"
    if not (place / "linux").exists():
        say(f"building a kernel in {place}; this takes some 10 minutes, once")
        subprocess.run([HERE / "build", place], check=True, stdout=sys.stderr)
    return proven(place / "linux", place)


def camera_root(say: Say = say_so) -> Path:
    """A root folder with libcamera and picamera2 in it, made when there is none; CalledProcessError when it fails."""
    requirements = PROJECT / "scripts" / "requirements" / "unit.txt"
    place = cache() / f"camera-{recipe(CAMERA, requirements)}"
    if not place.exists():
        say(f"making {place} with libcamera and picamera2; this takes some 3 minutes, once")
        subprocess.run([CAMERA / "build", place], check=True, stdout=sys.stderr)
    return place


def recipe(*places: Path) -> str:
    """A name for what is made from these files."""
    made = hashlib.sha256()
    for place in places:
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file():
                made.update(file.read_bytes())
    return made.hexdigest()[:16]


def unpacked(place: Path) -> Path:
    if place.suffix != ".xz":
        return place
    try:
        packed = place.read_bytes()
    except OSError as error:
        raise Unfit(str(error)) from error
    linux = cache() / f"ready-{hashlib.sha256(packed).hexdigest()[:16]}" / "linux"
    if not linux.exists():
        linux.parent.mkdir(parents=True, exist_ok=True)
        half = linux.with_suffix(f".{os.getpid()}")
        half.write_bytes(lzma.decompress(packed))
        half.chmod(0o755)
        half.replace(linux)  # whole or not at all: another rig may look for it now
    return linux


def cache() -> Path:
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "counter-terminal"
        / "rig"
    )


def proven(linux: Path, place: Path) -> Kernel:
    """Boot it with the modules that lie at `place`. Unfit when something fails."""
    if not os.access(linux, os.X_OK):
        raise Unfit(f"there is no program {linux}")
    modules = tuple(_module(source, place) for source in SOURCES)
    share = Path(tempfile.mkdtemp(prefix="rig-hello-"))
    try:
        with Guest(linux, ["true"], share, memory_mib=256, modules=modules) as guest:
            guest.wait(HELLO_TIMEOUT_S)
    except (NotBooted, subprocess.TimeoutExpired) as error:
        raise Unfit(str(error)) from error
    finally:
        shutil.rmtree(share)
    return Kernel(linux, modules)


def _module(source: Path, place: Path) -> Path:
    """The module built from `source`: a ready one has the source it was built from beside it, and that is ours."""
    for folder in (place / "modules", place / "mod"):
        module, origin = folder / f"{source.stem}.ko", folder / source.name
        if module.exists() and origin.exists() and origin.read_bytes() == source.read_bytes():
            return module
    raise Unfit(f"no {source.stem}.ko built from our {source.name} lies beside it")
