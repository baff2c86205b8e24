"""Scanners: something that reads the customer's code. A scanner calls `scanned(bytes)` from its own thread with
one whole reading, unjudged: `codes.scanned` looks at it, whoever read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Scanned = Callable[[bytes], None]


class Scanner(Protocol):
    """Armed only while a code is awaited: a disarmed scanner delivers nothing and drops what it had."""

    def listen(self, scanned: Scanned) -> None: ...

    def arm(self, armed: bool) -> None: ...

    @property
    def lost(self) -> str | None: ...

    def close(self) -> None: ...
