"""What wiring hands to the ring: one of each, by their Protocols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from terminal.clock import Time
    from terminal.core.views import Glass
    from terminal.devices.buzzer import Buzzer
    from terminal.devices.keypad import Keypad
    from terminal.devices.scanner import Scanner
    from terminal.gateways import Gateway
    from terminal.journal.journal import Journal
    from terminal.wire.line import Line


class Face(Protocol):
    """The display as the dispatcher sees it: wiring puts screens and device together."""

    def show(self, glass: Glass) -> None: ...

    def unfit(self, payload: str) -> str | None:
        """Why this code cannot be shown readably here, in words; None when it can."""
        ...

    @property
    def lost(self) -> str | None: ...

    @property
    def hangs(self) -> bool:
        """Its driver does not come back: a new start of the daemon may help."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What wiring made: one of each, and the scanners."""

    time: Time
    journal: Journal
    gateway: Gateway
    line: Line
    face: Face
    buzzer: Buzzer
    keypad: Keypad
    scanners: tuple[Scanner, ...]
    chance: Callable[[], int]
    code_key: bytes  # keys the digests of payment codes


Reception = Callable[[dict[str, object]], dict[str, object]]


def closed(request: dict[str, object]) -> dict[str, object]:
    """The reception before wiring opens it."""
    return {"ok": False, "error": f"{request.get('word')} is not known here", "remedy": ""}


def no_notices() -> dict[str, object] | None:
    """The counts of a listener that is not there."""
    return None


def trusted() -> bool:
    """Whether the release is on probation, where there are no releases."""
    return False


def unheard() -> None:
    """The beat of a loop that nobody watches."""
