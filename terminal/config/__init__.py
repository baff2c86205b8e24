"""Reads the settings: TOML in, frozen dataclasses out, or every complaint at once.

The rules of this room:

1. Everything is checked before the daemon starts, and a key that nobody reads stops the start: it is a
   typing error until proven otherwise (Klipper's rule). A complaint names file and line, the reason, what
   to do and the nearest right word.
2. This room knows the keys that every terminal has. What a gateway or a device wants beside them stays raw,
   as a `Section`; wiring makes that file's own `Settings` of it with `checked`, and the words are as good.
3. A settings dataclass is the documentation of its section: the fields are the keys, and a field without a
   default must be written. `Annotated[..., msgspec.Meta(...)]` bounds it; a function in the annotation,
   `odd(value, values) -> complaint or None`, looks closer (`values`: the fields before it).
4. Files are named relative to the folder of the settings file.

`document.py` reads a file and knows its lines, `fitting.py` makes dataclasses of it, `odd.py` looks closer
at single values, `settings.py` is terminal.toml, `profile.py` is hardware/*.toml.
"""

from __future__ import annotations

from terminal.config.document import BadSettings, Complaint, Section, Where, read
from terminal.config.fitting import checked
from terminal.config.odd import nearest
from terminal.config.profile import Part, Profile, load_profile
from terminal.config.settings import (
    ClockSettings,
    ControlSettings,
    GatewaySettings,
    NoticeSettings,
    Settings,
    ShopSettings,
    TerminalSettings,
    load,
)

__all__ = [
    "BadSettings",
    "ClockSettings",
    "Complaint",
    "ControlSettings",
    "GatewaySettings",
    "NoticeSettings",
    "Part",
    "Profile",
    "Section",
    "Settings",
    "ShopSettings",
    "TerminalSettings",
    "Where",
    "checked",
    "load",
    "load_profile",
    "nearest",
    "read",
]
