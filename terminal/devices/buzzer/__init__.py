"""Buzzers: something that is heard. The core says what (`Beep.PAID`), the device knows how."""

from __future__ import annotations

from typing import Protocol

from terminal.core.effects import Beep


class Buzzer(Protocol):
    def beep(self, beep: Beep) -> None:
        """Sound this pattern; returns at once, a newer pattern cuts off an older one."""
        ...

    def close(self) -> None: ...
