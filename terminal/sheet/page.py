"""A build's page, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from terminal.config import load_profile
from terminal.core.terms import Refusal
from terminal.core.views import Panel
from terminal.screens import qr
from terminal.sheet import header
from terminal.sheet.drawing import svg
from terminal.sheet.wires import Build, Piece, build_of
from terminal.wiring import boot
from terminal.wiring.hardware import Devices

CODE_BYTES = (
    40,
    60,
    80,
    106,
    150,
    230,
)  # gateways' codes: a short link, EMV with little and with much in it
STABLE = "/dev/terminal/"


def written(profile: Path) -> dict[Path, str]:
    """The files of this profile's sheet."""
    build = build_of(profile)
    files = {profile.with_suffix(".md"): "\n".join(_page(profile, build))}
    if build.has_header:
        files[profile.with_suffix(".svg")] = svg(build)
    return files


def _page(path: Path, build: Build) -> Iterator[str]:
    yield f"# {path.stem}: {build.board.name}"
    yield ""
    sources = f"[{path.name}]({path.name}) and [parts.toml](../terminal/sheet/parts.toml)"
    yield f"Drawn by `scripts/pictures` from {sources}. Change those."
    yield ""
    if build.has_header:
        yield f"![The wiring]({path.stem}.svg)"
        yield ""
        yield from _wiring(build)
    if build.board.cost_eur[1]:
        yield from _parts(build)
    yield from _boot(path)
    yield from _names(path)
    yield from _codes(_panel(path))


def _table(*rows: Sequence[object]) -> Iterator[str]:
    head, *rest = rows
    for row in (head, ["---"] * len(head), *rest):
        yield "| " + " | ".join(map(str, row)) + " |"
    yield ""


def _wiring(build: Build) -> Iterator[str]:
    yield "## Wires"
    yield ""
    rows = [
        (piece.name, wire.terminal, wire.pin, header.name(wire.pin), wire.colour)
        for piece in build.pieces
        for wire in piece.wires
    ]
    yield from _table(("part", "terminal", "pin", "signal", "wire"), *rows)
    yield from (f"- {piece.name}: {piece.note}." for piece in build.pieces if piece.note)
    yield ""


def _parts(build: Build) -> Iterator[str]:
    yield "## Parts"
    yield ""
    every: tuple[Piece, ...] = (build.board, *build.pieces, *build.always)
    rows = [(piece.name, piece.plug or "header", _euros(piece.cost_eur)) for piece in build.pieces]
    rows = [(build.board.name, "", _euros(build.board.cost_eur)), *rows]
    rows += [(piece.name, "", _euros(piece.cost_eur)) for piece in build.always]
    yield from _table(
        ("part", "on", "EUR, about"), *rows, (f"{len(every)} parts", "", _euros(build.cost_eur()))
    )


def _euros(cost: tuple[int, int]) -> str:
    return f"{cost[0]} to {cost[1]}"


def _boot(path: Path) -> Iterator[str]:
    profile = load_profile(path)
    pi_only = [line for line in boot.overlays(profile) if "watchdog" not in line]
    if not pi_only:
        return
    yield "## What the Pi is told"
    yield ""
    yield "`scripts/provision` writes it. /boot/firmware/config.txt:"
    yield ""
    yield from ("```ini", *boot.overlays(profile), "```", "")
    if words := boot.words(profile):
        yield from ("/boot/firmware/cmdline.txt, in its one line:", "", "```ini", *words, "```", "")
    if strays := boot.strays(profile):
        told = ", ".join(f"`{stray}…`" for stray in strays)
        yield f"And none of {told} in /boot/firmware/cmdline.txt: a scanner's codes are no commands."
        yield ""


def _names(path: Path) -> Iterator[str]:
    """What udev calls the plugs that the profile names (hardware/udev.rules)."""
    profile = load_profile(path)
    parts = [profile.keypad, *profile.scanners]
    told = [str(value) for part in parts if part for value in part.options.data.values()]
    stable = [name for name in told if name.startswith(STABLE)]
    if stable:
        yield "## Names"
        yield ""
        yield (
            f"{' and '.join(f'`{name}`' for name in stable)}: the package's udev rules "
            "([udev.rules](udev.rules)) give these names to whatever is plugged in, in any socket."
        )
        yield ""


def _panel(path: Path) -> Panel:
    with ExitStack() as stack:
        fitted = dict(Devices(load_profile(path), Path("/run/terminal"), stack).fitted)
    own = fitted["display"].settings
    if hasattr(own, "panel"):
        panel: Panel = own.panel
        return panel
    return Panel(own.width_px, own.height_px, own.mode, own.pitch_um, own.name)


def _codes(panel: Panel) -> Iterator[str]:
    yield "## What its glass can show"
    yield ""
    size = f"{panel.width_px} x {panel.height_px} px of {panel.pitch_um / 1000:.3f} mm"
    most = qr.bytes_max(panel)
    yield f"{size}. Codes up to {most} bytes; what is longer is refused, and the customer shows theirs."
    yield ""
    rows = [(f"{length} bytes", *_code(length, panel)) for length in CODE_BYTES]
    yield from _table(("code", "module", "side of the code", "a phone reads it at"), *rows)


def _code(length: int, panel: Panel) -> tuple[str, str, str]:
    try:
        found = qr.fit("x" * length, panel)
    except Refusal:
        return "does not fit", "", ""
    module_um = found.px_per_module * panel.pitch_um
    near = "6 to 10 cm" if found.close_only else "10 to 15 cm"
    distance = "15 to 20 cm" if module_um >= qr.BETTER_UM else near
    return (
        f"{found.px_per_module} px, {module_um / 1000:.2f} mm",
        f"{found.modules * module_um / 1000:.0f} mm",
        distance,
    )
