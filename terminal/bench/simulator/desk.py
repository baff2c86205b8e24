"""What stands on the counter: a display that remembers what it showed, a buzzer, a keypad, a scanner.

The power may go before and after anything is shown or heard: `cut` raises then.
"""

from __future__ import annotations

from collections.abc import Callable

from terminal.core.effects import Beep
from terminal.core.events import Key
from terminal.core.views import Glass, View

Moment = Callable[[str], None]
"""Here the power may go (PowerCut); the argument says what was about to happen, or just did."""


class Face:
    """The dispatcher's Face. `watch` sees every glass; `lost`: the display does not answer."""

    def __init__(self, cut: Moment, watch: Callable[[Glass], None], unfit: Callable[[], bool]):
        self._cut, self._watch, self._unfit = cut, watch, unfit
        self.view: View | None = None
        self.lost: str | None = None
        self.hangs = False

    def show(self, glass: Glass) -> None:
        self._cut("before it is shown")
        self.view = glass.view
        self._watch(glass)
        self._cut("after it is shown")

    def unfit(self, payload: str) -> str | None:  # noqa: ARG002
        return "too small for this code" if self._unfit() else None


class Buzzer:
    def __init__(self, cut: Moment) -> None:
        self._cut = cut
        self.last: Beep | None = None

    def beep(self, beep: Beep) -> None:
        self._cut("before it is heard")
        self.last = beep

    def close(self) -> None:
        """Silent anyway."""


class Keypad:
    lost: str | None = None
    stuck: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.press: Callable[[Key], None] = lambda key: None  # noqa: ARG005

    def listen(self, pressed: Callable[[Key], None]) -> None:
        self.press = pressed

    def close(self) -> None:
        self.press = lambda key: None  # noqa: ARG005


class Scanner:
    lost: str | None = None

    def __init__(self) -> None:
        self.armed = False
        self._scanned: Callable[[bytes], None] = lambda raw: None  # noqa: ARG005

    def listen(self, scanned: Callable[[bytes], None]) -> None:
        self._scanned = scanned

    def arm(self, armed: bool) -> None:
        self.armed = armed

    def read(self, raw: bytes) -> None:
        """A customer holds something up. A disarmed scanner sees nothing."""
        if self.armed:
            self._scanned(raw)

    def close(self) -> None:
        self.armed = False
