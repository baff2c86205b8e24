"""Where a terminal takes notifications. For the tests of this room and of the peers."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Any, NamedTuple


class Arrival(NamedTuple):
    """As it came; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Door:
    """Where a terminal takes notifications. `replies`: what it says to the next ones, then `good`."""

    def __init__(self, good: bytes = b"success") -> None:
        self.got: Queue[dict[str, Any]] = Queue()
        self.arrived: list[Arrival] = []
        self.slow_s = 0.0  # a terminal that takes its time
        self.replies: list[tuple[int, bytes]] = []
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, reply = door.replies.pop(0) if door.replies else (200, good)
                threading.Event().wait(door.slow_s)
                headers = {name.lower(): value for name, value in self.headers.items()}
                door.arrived.append(Arrival(self.path, headers, body))
                self.send_response(status)
                self.send_header("content-length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)
                door.got.put(json.loads(body))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/notify"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def next(self) -> dict[str, Any]:
        return self.got.get(timeout=60)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
