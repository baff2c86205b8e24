"""What wiring hands to the ring, and what edge threads put into its inbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from terminal.core.events import CodeScanned, KeyPressed, ScanRefused
from terminal.wire.http import HttpAnswer

if TYPE_CHECKING:
    from terminal.clock import Time
    from terminal.core.views import Glass
    from terminal.devices.buzzer import Buzzer
    from terminal.devices.keypad import Keypad
    from terminal.devices.scanner import Scanner
    from terminal.gateways import Gateway, Notice
    from terminal.journal.journal import Journal
    from terminal.web import Verdict
    from terminal.wire.line import Failure, Line


class Face(Protocol):
    """The display as the dispatcher sees it: wiring puts screens and device together."""

    def show(self, glass: Glass) -> None: ...

    def unfit(self, payload: str) -> str | None:
        """Why this code cannot be shown readably here, in words; None when it can."""
        ...

    @property
    def lost(self) -> str | None: ...


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


# -- what comes in by the inbox ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """The line has something for exchange number `exchange`."""

    exchange: int
    answer: HttpAnswer | Failure


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody at the control socket asks; `reply` takes exactly one dict."""

    request: dict[str, object]
    reply: Callable[[dict[str, object]], None]


@dataclass(frozen=True, slots=True)
class Noticed:
    """The gateway posted an authentic notice; `reply` takes exactly one verdict."""

    notice: Notice
    reply: Callable[[Verdict], None]


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish: nothing new, everything durable is durable already."""


Item = Answered | Asked | Noticed | Stop | KeyPressed | CodeScanned | ScanRefused
Reception = Callable[[dict[str, object]], dict[str, object]]


def closed(request: dict[str, object]) -> dict[str, object]:
    """The reception before wiring opens it."""
    return {"ok": False, "error": f"{request.get('word')} is not known here", "remedy": ""}


def no_notices() -> dict[str, object] | None:
    """The counts of a listener that is not there."""
    return None


def unheard() -> None:
    """The beat of a loop that nobody watches."""
