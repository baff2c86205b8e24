"""Displays: something that shows a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

    from terminal.core.views import Panel


class Display(Protocol):
    """`show` returns at once; a slow bus shows the newest picture and drops those between. One that can hang in its
    driver says so with a property `hangs`: the watchdog then ends the daemon, and systemd starts it again."""

    panel: Panel

    def show(self, image: Image, *, bright: bool = False) -> None:
        """Put this picture on the glass. `bright`: a code is shown, so full contrast."""
        ...

    @property
    def lost(self) -> str | None:
        """Why nothing can be shown, in words with the remedy; None while it works."""
        ...

    def close(self) -> None: ...
