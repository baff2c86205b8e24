"""NotUpdated: the one way in which an update says no."""

from __future__ import annotations

from terminal.core.terms import Refusal


class NotUpdated(Refusal):
    """`error` is why, `remedy` what to do."""

    def __init__(self, error: str, remedy: str) -> None:
        self.error, self.remedy = error, remedy
        super().__init__(f"{error} {remedy}")
