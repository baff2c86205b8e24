"""Keypads: something that is pressed. A keypad calls `pressed(Key)` from its own thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from terminal.core.events import Key

Pressed = Callable[[Key], None]


class Keypad(Protocol):
    def listen(self, pressed: Pressed) -> None:
        """Start delivering keys, each once, bounce and ghosts removed."""
        ...

    @property
    def lost(self) -> str | None: ...

    @property
    def stuck(self) -> tuple[str, ...]:
        """The keys that hang, by name (F77): they are ignored, the others work. () too where nobody can tell."""
        ...

    def close(self) -> None: ...
