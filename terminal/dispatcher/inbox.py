"""Where everything comes in. Edge threads put things here and do nothing else.

A full inbox drops a key or a scan, never an answer: that may be money.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from terminal.codes.scanned import Refused, read
from terminal.core.events import CodeScanned, Key, KeyPressed, ScanRefused
from terminal.wire.http import HttpAnswer

if TYPE_CHECKING:
    from terminal.dispatcher.parts import Parts
    from terminal.gateways import Notice
    from terminal.web import Verdict
    from terminal.wire.line import Failure

log = logging.getLogger("terminal")

INBOX_MAX = 256


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


class Inbox:
    """The methods but `get` and `get_nowait` are called from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.items: queue.Queue[Item] | queue.SimpleQueue[Item] = queue.Queue(INBOX_MAX)

    def put(self, item: Item, timeout: float | None = None) -> None:
        """queue.Full when there is no room in time."""
        self.items.put(item, timeout=timeout)

    def put_nowait(self, item: Item) -> None:
        self.items.put_nowait(item)

    def get(self, timeout: float) -> Item:
        """queue.Empty when nothing comes in time."""
        return self.items.get(timeout=timeout)

    def get_nowait(self) -> Item:
        return self.items.get_nowait()

    def empty(self) -> bool:
        return self.items.empty()

    def listen(self) -> None:
        """From now on the keypad and the scanners are heard."""
        self._parts.keypad.listen(self._key_pressed)
        for scanner in self._parts.scanners:
            scanner.listen(self._scanned)

    def answered(self, exchange: int, answer: HttpAnswer | Failure) -> None:
        self.put(Answered(exchange, answer))

    def stop(self) -> None:
        """End the loop soon."""
        self.put(Stop())

    def _key_pressed(self, key: Key) -> None:
        self._offer(KeyPressed(at_ms=self._parts.time.boot_ms(), key=key))

    def _scanned(self, raw: bytes) -> None:
        """Looked at in the scanner's thread, so that nothing unjudged comes further."""
        at_ms = self._parts.time.boot_ms()
        try:
            code = read(raw)
        except Refused as refused:
            self._offer(ScanRefused(at_ms=at_ms, message=refused.message))
        else:
            digest = code.digest(self._parts.code_key)
            self._offer(CodeScanned(at_ms=at_ms, code=code, digest=digest))

    def _offer(self, item: Item) -> None:
        try:
            self.put_nowait(item)
        except queue.Full:
            log.warning("the inbox is full: a key or a scan was dropped")
