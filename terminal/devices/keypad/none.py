"""No keypad: sales come from the till or from terminalctl."""

from __future__ import annotations

from dataclasses import dataclass

from terminal.devices.keypad import Pressed


@dataclass(frozen=True, slots=True)
class Settings:
    """No options."""


class Device:
    lost: str | None = None
    stuck: tuple[str, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def listen(self, pressed: Pressed) -> None:
        """Nobody will press."""

    def close(self) -> None:
        """Nothing to give back."""
