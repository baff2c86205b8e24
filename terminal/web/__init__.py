"""Answers. What other machines may ask of this one over HTTP: result notices of the gateway, metrics.

Off by default, and bound to loopback unless told otherwise. A notice is a hint that is looked into, never proof.

The listener judges what it can without knowing any order (form, rate, signature, merchant, repetition). The
rest it hands over as a `Hint` and waits for the `Verdict`. `notices.py` is imported only when it is enabled,
because it brings a web server; `looks.py` is the dispatcher's memory of ended orders that are asked about.

`metrics.py` says how this terminal does, in numbers, to whoever watches many of them. Off by default too.
`listener.py` is the server behind both.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from terminal.core.terms import Money


class Hint(Protocol):
    """What the listener reads of an authentic notice; `gateways.Notice` is one."""

    @property
    def order_no(self) -> str: ...

    @property
    def kind(self) -> str:
        """ "other": nothing in it for us."""
        ...

    @property
    def amount(self) -> Money | None:
        """What it says was paid or returned."""
        ...

    @property
    def illegible(self) -> bool:
        """It says that money moved, but not clearly how much: then `amount` is None."""
        ...

    @property
    def merchant_ok(self) -> bool: ...

    @property
    def event_key(self) -> str: ...


class Verdict(Enum):
    """What became of a hint. TAKEN and ASKED are acknowledged; a gateway tells it again after the others."""

    TAKEN = "taken"  # done with: the same event again is nothing new
    ASKED = "asked"  # its order is open, and asked about until it ends
    NOT_OURS = "not_ours"
    LATER = "later"  # nobody had time, or the look into it failed
