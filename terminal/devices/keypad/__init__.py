"""Keypads: something that is pressed. A keypad calls `pressed(Key)` from its own thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from terminal.core.events import Key

Pressed = Callable[[Key], None]


class Keypad(Protocol):
    """One that can tell a key that is stuck names those in a property `stuck`: they are ignored, the others work."""

    def listen(self, pressed: Pressed) -> None:
        """Start delivering keys, each once, bounce and ghosts removed."""
        ...

    @property
    def lost(self) -> str | None: ...

    def close(self) -> None: ...
