"""An HTTP exchange as plain values. The codecs make and read these; `line.py` carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A POST to `path` below the gateway's base address. `read_timeout_ms`: how long to wait for the answer
    (the gateway's rule, not the line's). `moves_money`: never over a connection that was used before."""

    path: str
    body: bytes = field(repr=False)  # may hold a payment code: never printed
    headers: Mapping[str, str] = field(default_factory=dict)
    read_timeout_ms: int = 10_000
    moves_money: bool = True


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back, complete. `headers` have lower-case names."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Made when a request is sent, not when it is journalled: `utc_ms` epoch milliseconds."""

    utc_ms: int
