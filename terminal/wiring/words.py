"""The word in the settings is the file: the only importlib in the house.

`driver = "paycloud"` becomes `terminal.gateways.paycloud.Gateway`, `[display] driver = "emulated"` becomes
`terminal.devices.display.emulated.Device`; a third party's come from the entry point groups
`terminal.gateways` and `terminal.devices.display` (keypad, buzzer, scanner, camera). Each file's `Settings` says
which keys it reads.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terminal.config import nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

    from terminal.config import Section


def find(room: str, word: str, section: Section) -> Any:
    """The module that the word names, ours or an entry point's; BadSettings with the nearest right word."""
    package = f"terminal.{room}"
    if word.isidentifier() and importlib.util.find_spec(f"{package}.{word}"):
        return importlib.import_module(f"{package}.{word}")
    for point in _others(package):
        if point.name == word:
            return point.load()
    said = f'= "{word}" is not known here.{nearest(word, _known(package))}'
    raise section.without("driver").bad("driver", said)


def _known(package: str) -> Iterable[str]:
    place = importlib.util.find_spec(package)
    folders = place.submodule_search_locations if place else None
    files = [path for folder in folders or () for path in Path(folder).glob("[a-z]*")]
    ours = {path.stem for path in files if path.suffix == ".py" or (path / "__init__.py").exists()}
    return sorted(ours | {point.name for point in _others(package)})


def _others(package: str) -> EntryPoints:
    """What other packages bring. Looked for only when a word is not one of ours: it costs 22 ms."""
    from importlib.metadata import entry_points

    return entry_points(group=package)
