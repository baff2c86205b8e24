"""No buzzer: a counter that is only looked at."""

from __future__ import annotations

from dataclasses import dataclass

from terminal.core.effects import Beep


@dataclass(frozen=True, slots=True)
class Settings:
    """No options."""


class Device:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def beep(self, beep: Beep) -> None:
        """Silence."""

    def close(self) -> None:
        """Nothing to give back."""
