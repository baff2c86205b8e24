"""A small HTTP server for other machines' questions, bounded in everything that they decide.

It is waitress. Measured against what must be bounded here (reliability.md 6.1 S11):

- its parser takes limits for header and body and refuses two different lengths, bare line feeds and folded
  tricks (F61); the standard library's http.server reads up to 100 header lines of 64 KiB each, believes the
  first of two Content-Length, and leaves body, chunks and deadlines to whoever uses it, so that those would be
  a server of our own;
- it has a limit of connections and a fixed number of threads, where http.server has a thread for each;
- what it has not is a deadline for a whole request: its own counts silence only, by the wall clock, so one byte
  a second holds a place for ever (F55). `_Bounded.readable` cuts by age on a clock that does not jump (I12).

One request for each connection. Chunked bodies count against the same limit. What is refused before it is a
request (too long, malformed) is answered by waitress and counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer, UnixWSGIServer
from waitress.task import ErrorTask, WSGITask

from terminal.core.terms import Refusal

BODY_BYTES_MAX = 65_536
HEADER_BYTES_MAX = 16_384
WHOLE_REQUEST_S = 5.0  # header and body
CONNECTIONS_MAX = 8
WAITING_MAX = 8  # connections that the kernel holds beyond those
THREADS = 4
LOOK_EVERY_S = 0.5  # how late a slow connection may be cut
STOP_WAIT_S = 2.0

Start = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]
Count = Callable[[str], None]
Place = tuple[str, int] | Path
"""An IP address and a port (0: any free one), or the path of a Unix socket, mode 0660."""


class Listener:
    """Listens from its making until `close`; `address` says which it became. `count`: hears why a request was none.
    `named`: what listens, and its section of the settings. Refusal when the place is taken."""

    def __init__(
        self,
        place: Place,
        application: Application,
        count: Count,
        named: tuple[str, str],
        threads: int = THREADS,
    ) -> None:
        self._map: dict[int, Any] = {}
        kind = _Unix if isinstance(place, Path) else _Tcp
        try:
            self._server = kind(application, map=self._map, adj=_limits(place, threads))
        except OSError as error:
            at = str(place) if isinstance(place, Path) else f"{place[0]} port {place[1]}"
            raise Refusal(
                f"{named[0]} cannot be taken at {at}: {error.strerror}. "
                f"Change that place in {named[1]}."
            ) from None
        self._server.count = count
        port = self._server.effective_port  # waitress gives text
        self.address = (self._server.effective_host, 0 if kind is _Unix else int(port))
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=named[0].lower(), daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing:
            wasyncore.loop(timeout=LOOK_EVERY_S, use_poll=True, map=self._map, count=1)

    def close(self) -> None:
        """No more requests. Those not answered yet lose their connection, and are sent again."""
        if self._closing:
            return
        self._closing = True
        self._server.pull_trigger()
        self._thread.join(STOP_WAIT_S)
        self._server.task_dispatcher.shutdown(timeout=STOP_WAIT_S)
        wasyncore.close_all(self._map, ignore_all=True)


def _limits(place: Place, threads: int) -> Adjustments:
    if isinstance(place, Path):
        where: dict[str, object] = {"unix_socket": str(place), "unix_socket_perms": "660"}
    else:
        where = {"host": place[0], "port": place[1]}
    return Adjustments(
        **where,
        threads=threads,
        backlog=WAITING_MAX,
        connection_limit=CONNECTIONS_MAX + 2,  # the listening socket and the trigger count too
        max_request_header_size=HEADER_BYTES_MAX + 1,  # waitress refuses the limit itself
        max_request_body_size=BODY_BYTES_MAX + 1,
        inbuf_overflow=2 * BODY_BYTES_MAX,  # never to a file
        ident=None,
        clear_untrusted_proxy_headers=False,  # nothing here believes a header
    )


class _Once(WSGITask):  # type: ignore[misc]
    """One request for each connection."""

    def execute(self) -> None:
        self.set_close_on_finish()
        super().execute()


class _Malformed(ErrorTask):  # type: ignore[misc]
    """Waitress refused it; no application has seen it."""

    def execute(self) -> None:
        self.channel.server.count("malformed")
        super().execute()


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that knows its age."""

    task_class = _Once
    error_task_class = _Malformed

    def __init__(self, *args: Any, **more: Any) -> None:
        self.born_s = time.monotonic()
        super().__init__(*args, **more)


class _Bounded:
    """What both kinds of server have on top of waitress."""

    channel_class = _Channel
    count: Count
    active_channels: dict[int, Any]

    def readable(self) -> bool:
        """Asked before every wait of the loop: cut whoever has had time enough (F55)."""
        oldest_s = time.monotonic() - WHOLE_REQUEST_S
        for channel in tuple(self.active_channels.values()):
            if channel.born_s < oldest_s and not channel.requests and not channel.will_close:
                channel.will_close = True
                self.count("slow")
        return bool(super().readable())  # type: ignore[misc]


class _Tcp(_Bounded, TcpWSGIServer):  # type: ignore[misc]
    pass


class _Unix(_Bounded, UnixWSGIServer):  # type: ignore[misc]
    pass
