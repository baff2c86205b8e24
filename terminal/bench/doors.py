"""The sandbox as a process of its own, and its side doors: what customers do, and what stands in its books."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

AT_ONCE = 8
TIMEOUT_S = 60


class Doors:
    """Started at once, ended by `stack`. Threads may call everything."""

    def __init__(self, state: Path, stack: ExitStack, gateway: str = "paycloud") -> None:
        command = [sys.executable, "-m", "terminal", "sandbox", "--state", str(state)]
        command += ["--gateway", gateway]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        stack.callback(self.process.wait)
        stack.callback(self.process.terminate)
        assert self.process.stdout is not None
        self.said: dict[str, str] = json.loads(self.process.stdout.readline())
        self.asking = threading.Semaphore(AT_ONCE)
        self._own = threading.local()
        self._reading = threading.Lock()
        self._books: dict[str, dict[str, Any]] = {}
        self._since = 0

    @property
    def _session(self) -> Any:
        """One per thread: a session of `requests` is not made for two."""
        if not hasattr(self._own, "session"):
            import requests

            self._own.session = requests.Session()
        return self._own.session

    def _at(self, door: str) -> str:
        return f"{self.said['address']}/sandbox/{door}"

    def tell(self, door: str, **asked: object) -> dict[str, Any]:
        """What the door answers; a refusal is an answer too."""
        answer = self._session.post(self._at(door), json=asked, timeout=TIMEOUT_S)
        said: dict[str, Any] = answer.json()
        return said

    def code(self, behaviour: str) -> str:
        """A fresh code of a customer who behaves so."""
        return str(self.tell("wallet/code", wallet="Alipay+", behaviour=behaviour)["code"])

    def soon(self, after_s: float, door: str, **asked: object) -> None:
        """A customer does this in a moment; the books may say no, as they may to a real one."""
        timer = threading.Timer(after_s, self._come, (door,), asked)
        timer.daemon = True
        timer.start()

    def _come(self, door: str, **asked: object) -> None:
        """Whoever comes after the end comes for nothing."""
        with self.asking, suppress(OSError):
            self.tell(door, **asked)

    def behave(self) -> None:
        self._session.delete(self._at("misbehave"), timeout=TIMEOUT_S)

    def bill(self) -> str:
        """All of it as the CSV that `terminalctl reconcile` reads."""
        return str(self._session.get(self._at("bill"), timeout=TIMEOUT_S).text)

    def books(self) -> dict[str, dict[str, Any]]:
        """Every order by its number, as it stands now."""
        with self._reading:
            while True:
                asked = {"since": self._since}
                page = self._session.get(self._at("orders"), params=asked, timeout=TIMEOUT_S).json()
                if not page["orders"]:
                    return dict(self._books)
                self._books.update((order["order_no"], order) for order in page["orders"])
                self._since = page["next"]
