"""Whether the line to the gateway is up: a circuit breaker over silences and probes (reliability.md 4).

A silence is looked into by a probe at once, so that the breaker opens within seconds and never for one answer
that got lost. While it is open nothing but probes and the sale in front goes out; the first sound closes it.
"""

from __future__ import annotations

from dataclasses import dataclass

LOST_AFTER = 3  # unanswered exchanges and probes in a row
PROBE_PAUSE_MS = 1_000  # while the line is down, from one probe's end to the next: back within 3 s


@dataclass(slots=True)
class Contact:
    """`since_ms`: when the line was last found down or up. `probing`: the exchange of the probe under way."""

    online: bool = True
    since_ms: int = 0
    heard_ms: int | None = None
    silences: int = 0
    probe_at_ms: int | None = None
    probing: int | None = None

    def heard(self, now_ms: int) -> bool:
        """Something came from there. True when that is news."""
        self.heard_ms, self.silences, self.probe_at_ms = now_ms, 0, None
        return self._is_news(True, now_ms)

    def silent(self, now_ms: int) -> bool:
        """An exchange or a probe brought nothing. True when that opens the breaker."""
        self.silences += 1
        self.probe_at_ms = now_ms if self.online else now_ms + PROBE_PAUSE_MS
        return self._is_news(self.online and self.silences < LOST_AFTER, now_ms)

    def _is_news(self, online: bool, now_ms: int) -> bool:
        news = online is not self.online
        if news:
            self.online, self.since_ms = online, now_ms
        return news
