"""The same code read again at once: a trigger pulled twice, thirty frames of one phone (F14)."""

from __future__ import annotations


class Repeats:
    """Lets a reading through once in `window_s`. Counted from the delivery, not from the last sighting, so a
    phone held still is read again after a while and never becomes invisible."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._last: bytes | None = None
        self._until_s = 0.0

    def is_new(self, code: bytes, now_s: float) -> bool:
        """Whether to deliver `code`; `now_s` is any clock that only runs forward."""
        if code == self._last and now_s < self._until_s:
            return False
        self._last, self._until_s = code, now_s + self._window_s
        return True
