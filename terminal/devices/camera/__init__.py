"""Cameras: something that takes pictures for the eye. Asked, not calling: the scanner that looks through a
camera takes the next frame when it has finished with the last, so no frames pile up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from terminal.eye import Gray


class Camera(Protocol):
    """Runs only while a code is awaited: between `start` and `stop`. Neither raises; see `lost`."""

    def start(self) -> None: ...

    def next_frame(self, timeout_s: float) -> Gray | None:
        """The newest frame not taken yet, gray, uint8, (rows, cols); None when none came in time. It is the
        caller's until the next `next_frame` or `stop`: a camera may hand out its own memory."""
        ...

    def stop(self) -> None: ...

    @property
    def lost(self) -> str | None:
        """Why no frames come, in words with the remedy; None while it works or is stopped."""
        ...

    def close(self) -> None: ...
