"""What the server asks of a protocol. `paycloud.py` is one; the next gateway is one more file."""

from __future__ import annotations

from typing import Protocol

from terminal.bench.sandbox.entries import Order, Refund
from terminal.bench.sandbox.mischief import Kind
from terminal.wire.http import HttpAnswer, HttpRequest


class Wire(Protocol):
    """One gateway's protocol over one ledger. Threads may share it."""

    name: str
    merchant: str  # the account that its orders stand under in the books, unlike every other wire's
    pauses_s: tuple[int, ...]  # between deliveries of a notification, of the gateway's time

    @property
    def credentials(self) -> dict[str, str]:
        """What a terminal must be told besides address and keys, by the names of its settings."""
        ...

    def takes(self, request: HttpRequest) -> bool:
        """Whether this request was meant for this gateway: when several share one port."""
        ...

    def operation(self, request: HttpRequest) -> str:
        """Which `mischief.Operation` this asks for, "" when none: before anything is checked."""
        ...

    def answer(self, request: HttpRequest, now_ms: int, kind: Kind | None) -> HttpAnswer:
        """Apply the request and answer it. `kind`: a misbehaviour of the wire to play, others are ignored.

        Never raises on anything a terminal may send."""
        ...

    def notice(
        self, order: Order, refund: Refund | None, now_ms: int, kind: Kind | None
    ) -> HttpRequest | None:
        """The signed notification about an order (or its refund); `path` is the terminal's whole address.

        None: this gateway does not tell such a thing."""
        ...

    def acknowledges(self, answer: HttpAnswer) -> bool:
        """Whether the terminal's reply to a notification ends its delivery."""
        ...
