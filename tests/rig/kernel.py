"""A kernel for the guests, with its modules: a ready one that boots here, else one built from the distribution's
source package (some 14 minutes of processor time). Modules that a kernel lacks are built for it from the same
package (half a minute). What was built is kept in the user's cache.

    RIG_KERNEL   a ready kernel: the file `linux`, plain or .xz, its modules in a folder `mod` or `modules` beside
                 it. Without it, shared/rig/uml beside the project's folder is looked at.

A ready kernel may fail on a machine whose processor has more state than it was built for (linux/fp_size.patch);
so each is tried by a boot that loads the modules, and the reason is told when the next one is taken. Ready modules
are taken only when they were built from our sources. Where none can be built, a kernel goes with those it has, as
long as they give it pins and an I2C bus: the table says what it then lacks.
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
NEEDED = {"gpio-bench", "i2c-bench"}
HELLO_TIMEOUT_S = 30.0

Say = Callable[[str], None]


def say_so(text: str) -> None:
    print(f"rig: {text}", file=sys.stderr)


class Unfit(Exception):
    """This kernel cannot be used here; the message says why."""


@dataclass(frozen=True, slots=True)
class Kernel:
    linux: Path
    modules: tuple[Path, ...]  # gpio-bench.ko, i2c-bench.ko, ...: each needs those before it


def find(say: Say = say_so) -> Kernel:
    """The first kernel that boots here. Built when there is none; CalledProcessError when that fails."""
    for place in ready():
        try:
            return fitted(unpacked(place), place.parent, say)
        except Unfit as why:
            say(f"the kernel {place} is not used: {why}")
    linux = built(say)
    return fitted(linux, linux.parent, say)


def ready() -> Iterator[Path]:
    if named := os.environ.get("RIG_KERNEL"):
        yield Path(named).absolute()
    yield from sorted((PROJECT.parent / "shared" / "rig" / "uml").glob("linux-*.xz"))


def built(say: Say) -> Path:
    place = cache() / f"built-{recipe(HERE / 'build', HERE / 'uml.config', HERE / 'fp_size.patch')}"
    if not (place / "linux").exists():
        say(f"building a kernel in {place}; this takes some 10 minutes, once")
        subprocess.run([HERE / "build", "kernel", place], check=True, stdout=sys.stderr)
    return place / "linux"


def fitted(linux: Path, place: Path, say: Say) -> Kernel:
    """The kernel with all modules, built for it unless they lie at `place`. Unfit when it cannot be used."""
    ready_made = modules_at(place / "modules", place / "mod")
    if len(ready_made) < len(SOURCES):
        try:
            return proven(linux, modules_at(modules_for(linux, say)))
        except (subprocess.CalledProcessError, Unfit) as why:
            say(f"no modules can be built for {linux}, so that it goes with those it has: {why}")
    return proven(linux, ready_made)


def modules_for(linux: Path, say: Say) -> Path:
    """The folder with our modules for this kernel, built when there are none; CalledProcessError when that fails."""
    place = cache() / f"modules-{recipe(HERE / 'build', HERE / 'modules', linux)}"
    if len(modules_at(place)) < len(SOURCES):
        say(f"building modules for {linux}; this takes half a minute, once")
        subprocess.run([HERE / "build", "modules", place, linux], check=True, stdout=sys.stderr)
    return place


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


def proven(linux: Path, modules: tuple[Path, ...]) -> Kernel:
    """Boot it with these modules. Unfit when something fails."""
    if not os.access(linux, os.X_OK):
        raise Unfit(f"there is no program {linux}")
    if lacking := NEEDED - {module.stem for module in modules}:
        raise Unfit(f"no {', '.join(sorted(lacking))}.ko built from our source lies beside it")
    share = Path(tempfile.mkdtemp(prefix="rig-hello-"))
    try:
        with Guest(linux, ["true"], share, memory_mib=256, modules=modules) as guest:
            guest.wait(HELLO_TIMEOUT_S)
    except (NotBooted, subprocess.TimeoutExpired) as error:
        raise Unfit(str(error)) from error
    finally:
        shutil.rmtree(share)
    return Kernel(linux, modules)


def modules_at(*folders: Path) -> tuple[Path, ...]:
    """The modules there that are ours: each has the source it was built from beside it."""
    return tuple(
        folder / f"{source.stem}.ko"
        for source in SOURCES
        for folder in folders
        if (folder / f"{source.stem}.ko").exists()
        and (folder / source.name).exists()
        and (folder / source.name).read_bytes() == source.read_bytes()
    )
