"""Displays: something that shows a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

    from terminal.core.views import Panel


class Display(Protocol):
    """`show` returns at once; a slow bus shows the newest picture and drops those between."""

    panel: Panel

    def show(self, image: Image, *, bright: bool = False) -> None:
        """Put this picture on the glass. `bright`: a code is shown, so full contrast."""
        ...

    @property
    def lost(self) -> str | None:
        """Why nothing can be shown, in words with the remedy; None while it works."""
        ...

    @property
    def hangs(self) -> bool:
        """Its driver never came back, and nothing that this daemon does will help: the watchdog ends it, and systemd
        starts it again. False too where that cannot be."""
        ...

    def close(self) -> None: ...
