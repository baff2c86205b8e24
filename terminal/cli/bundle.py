"""`bundle`: everything an engineer needs to see of a unit, in one file. `replay`: its orders, stepped again here.

In it: about.json, doctor.jsonl, terminal.toml and the hardware profile, log.txt, journal.jsonl (every row of the
newest orders), screen-N.png. No secret is: keys are files that stay where they are, the payment codes were never
written, and what names a payment at the gateway or a payer is covered.
"""

from __future__ import annotations

import io
import json
import logging
import platform
import re
import secrets
import subprocess
import tarfile
import time
from argparse import ArgumentParser, Namespace
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terminal import __version__
from terminal.cli.check import Source, source_of
from terminal.cli.desk import Desk
from terminal.cli.paper import Colour
from terminal.cli.programs import SETTINGS
from terminal.control import Unanswered
from terminal.core.terms import Fault, Refusal
from terminal.core.timing import Timing

if TYPE_CHECKING:
    from argparse import _SubParsersAction

ORDERS = 300
LOG_LINES = 5_000
SALT = secrets.token_bytes(16)
PART_BYTES_MAX = 8 * 1024 * 1024  # of one part, before it is packed: about a tenth of it then
COVERED_FIELDS = ("gateway_ref", "of_ref", "approval", "code_digest", "digest")
SECRET_BLOCK = re.compile(r"-----BEGIN [^-]+-----.*?(-----END [^-]+-----|\Z)", re.DOTALL)
LONG_NUMBER = re.compile(
    r"(?<![0-9A-Z])\d{8,}(?=\d{4})"
)  # a payment code, a card, a gateway's number; no order number


def add_to(words: _SubParsersAction[ArgumentParser], shared: ArgumentParser) -> None:
    word = words.add_parser("bundle", parents=[shared], help="pack what an engineer needs to see")
    word.add_argument("file", type=Path, nargs="?", metavar="FILE", help="(terminal-TIME.tar.xz)")
    word.add_argument("--config", type=Path, default=Path(SETTINGS), metavar="FILE", help=SETTINGS)
    word.add_argument("--journal", metavar="FILE", help="of this journal, and ask no daemon")
    word.set_defaults(do=bundle)
    again = words.add_parser("replay", parents=[shared], help="step a bundle's orders again")
    again.add_argument("file", type=Path, metavar="BUNDLE")
    again.set_defaults(do=replay)


def bundle(options: Namespace, desk: Desk) -> int:
    logging.disable(logging.ERROR)
    file = options.file or Path(time.strftime("terminal-%Y%m%d-%H%M%S.tar.xz"))
    packed = []
    with tarfile.open(file, "x:xz", preset=1) as pack:
        for name, content in _parts(options, desk):
            _add(pack, name, content[-PART_BYTES_MAX:])
            packed.append(name)
    file.chmod(0o600)
    size = file.stat().st_size
    if desk.paper.as_json:
        desk.paper.data({"ok": True, "file": str(file), "bytes": size, "parts": packed})
    else:
        desk.paper.verdict("Packed", f"{file}, {size // 1024} KiB", Colour.GOOD)
        desk.paper.line(f"In it: {', '.join(packed)}. No keys, no payment codes.")
    return 0


def _add(pack: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
    pack.addfile(entry, io.BytesIO(content))


# -- the parts -----------------------------------------------------------------------------------------------


def _parts(options: Namespace, desk: Desk) -> Iterator[tuple[str, bytes]]:
    """Name and content. A part that cannot be had is left out: the others matter the more."""
    from terminal.doctor import examine

    yield "about.json", json.dumps(_about(desk), indent=1).encode()
    findings = examine(options.config.absolute(), desk.socket)
    yield (
        "doctor.jsonl",
        _lines({**asdict(each), "verdict": each.verdict.value} for each in findings),
    )
    for path in _settings_files(options.config):
        with suppress(OSError):
            yield path.name, covered(path.read_text(encoding="utf-8", errors="replace")).encode()
    if log := _log():
        yield "log.txt", covered(log).encode()
    with ExitStack() as stack, suppress(Fault):
        yield "journal.jsonl", _journal(source_of(options, desk, stack))
    with suppress(Fault):
        for number, png in enumerate(desk.ask("screens")["png"], 1):
            yield f"screen-{number}.png", b64decode(png)


def _about(desk: Desk) -> dict[str, object]:
    try:
        status: object = desk.ask("status")
    except (Unanswered, Fault) as fault:
        status = str(fault)
    return {
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": _packages(),
        "status": json.loads(covered_fields(json.dumps(status))),
    }


def _packages() -> dict[str, str]:
    from importlib.metadata import distributions

    return {each.name: each.version for each in distributions()}


def _settings_files(config: Path) -> Iterator[Path]:
    from terminal.config import BadSettings, load

    yield config
    with suppress(BadSettings):
        yield load(config).terminal.profile


def _log() -> str:
    command = [
        "journalctl",
        "-u",
        "terminald",
        "-n",
        str(LOG_LINES),
        "--no-pager",
        "-o",
        "short-iso",
    ]
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, timeout=8).stdout
    return ""


def _journal(source: Source) -> bytes:
    """First the waiting times in force, then the rows of the newest orders, each order's whole."""
    rows = [row for number in source.newest(ORDERS) for row in source.history(number)]
    rows.sort(key=lambda row: int(str(row[0])))
    told = (
        [*columns[:-2], *map(covered_fields, map(str, columns[-2:]))] for *columns, _link in rows
    )
    return _lines([asdict(source.timing), *told])


def _lines(each: Any) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in each).encode()


# -- what is covered -----------------------------------------------------------------------------------------


def covered(text: str) -> str:
    """Without PEM blocks, and of long numbers only the last four digits."""
    return LONG_NUMBER.sub("...", SECRET_BLOCK.sub("(covered)", text))


def covered_fields(text: str) -> str:
    """JSON text with the same cover for the same value, so that what was equal stays equal."""
    names = "|".join(COVERED_FIELDS)
    return re.sub(
        rf'"({names})":\s*"([^"]*)"', lambda found: f'"{found[1]}":"{_cover(found[2])}"', text
    )


def _cover(value: str) -> str:
    """Nobody without this run's salt can try values until one fits."""
    return f"~{sha256(SALT + value.encode()).hexdigest()[:10]}"


# -- again ---------------------------------------------------------------------------------------------------


def replay(options: Namespace, desk: Desk) -> int:
    """Step each order of a bundle with today's code: does it come to the same end?"""
    from terminal.journal.audit import Audit, Kind

    timing, rows = _unpacked(options.file)
    of: dict[str, list[list[object]]] = {}
    for row in rows:
        of.setdefault(str(row[1]), []).append(row)
    audit = Audit([], timing, lambda number: of.get(number, []))
    wrong = [
        difference
        for row in rows
        for difference in audit.take(row)
        if difference.kind in (Kind.STEP, Kind.UNREAD)
    ]
    for each in wrong:
        changes = "; ".join(f"{name} was {was}, is {now}" for name, was, now in each.told)
        desk.paper.line(f"row {each.seq}  {each.order_no}  {each.event}: {changes or each.why}")
    if desk.paper.as_json:
        desk.paper.data(
            {"ok": not wrong, "orders": len(of), "rows": len(rows), "differences": len(wrong)}
        )
    else:
        ends = f"{len(of)} orders, {len(rows)} rows, {len(wrong) or 'no'} differences"
        desk.paper.verdict(
            "Other ends" if wrong else "Same ends", ends, Colour.BAD if wrong else Colour.GOOD
        )
    return 1 if wrong else 0


def _unpacked(file: Path) -> tuple[Timing, list[list[object]]]:
    """The rows with an empty link: the chain was checked where the journal is."""
    try:
        with tarfile.open(file, "r:xz") as pack:
            part = pack.extractfile("journal.jsonl")
            assert part is not None
            first, *rows = (json.loads(line) for line in part.read(PART_BYTES_MAX).splitlines())
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise Refusal(f"{file} is no bundle with a journal: {error}") from error
    return Timing(**first), [[*row, b""] for row in rows]
