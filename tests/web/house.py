"""A whole terminal behind the listener, without a till: production dispatcher, journal, codec and listener.

The line carries straight into the sandbox's own wire (`Straight`), so that every query is seen and can be lost.
The terminal polls so rarely that whatever happens soon was caused by a notice.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from terminal.bench.sandbox import Sandbox
from terminal.bench.sandbox.entries import State
from terminal.bench.sandbox.mischief import Kind
from terminal.bench.sandbox.rules import Rules
from terminal.clock import SystemClock
from terminal.core.effects import OpenMpm
from terminal.core.sale import Order
from terminal.core.stand import Shop
from terminal.core.terms import Mode, Money
from terminal.core.timing import Timing
from terminal.devices.buzzer import none as no_buzzer
from terminal.devices.keypad import none as no_keypad
from terminal.dispatcher import Asked, Dispatcher, Parts
from terminal.journal import Journal
from terminal.web.notices import Desk, listen
from terminal.wire.http import HttpAnswer, HttpRequest
from terminal.wire.line import Failure
from terminal.wiring import hand_over
from tests.web.vendor import codec

TERMINAL = "WEBTST"
AMOUNT = Money(1250, "EUR")
PATH = "/notify"
JSON: Mapping[str, str] = {"content-type": "application/json"}
NEVER_MS = 3_600_000
WAIT_S = 60.0
SELDOM = Timing(
    first_query_ms=NEVER_MS,
    query_step_ms=NEVER_MS,
    earliest_undo_ms=0,
    life_ms=NEVER_MS,
    verify_ms=1,
)


class Straight:
    """The line, without a network. `down`: nothing arrives. `sent`: what was asked, in order."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.wire = sandbox.wires[0]
        self.down = False
        self.sent: list[str] = []
        self.deliver: Callable[[int, Any], None]

    def send(self, exchange: int, request: HttpRequest, *, urgent: bool) -> None:  # noqa: ARG002
        heads = {name.lower(): value for name, value in request.headers.items()}
        asked = HttpRequest(request.path, request.body, heads)
        self.sent.append(self.wire.operation(asked))
        answer: Any = Failure(left=True, detail="cut")
        if not self.down:
            answer = self.wire.answer(asked, time.time_ns() // 1_000_000, None)
        # From a thread, as the real one: the dispatcher's own would wait for itself on a full inbox.
        threading.Thread(target=self.deliver, args=(exchange, answer), daemon=True).start()

    def probe(self, exchange: int) -> None:
        """Never wanted here."""

    def close(self) -> None: ...


class Face:
    lost: str | None = None

    def show(self, glass: object) -> None: ...

    def unfit(self, payload: str) -> str | None:  # noqa: ARG002
        return None


class House:
    """`with House(tmp_path) as house:` up and listening. `gateway`: any of `vendor.NAMES`."""

    def __init__(self, state: Path, gateway: str = "paycloud") -> None:
        self.state = state
        self.sandbox = Sandbox(
            state / "sandbox", gateway
        )  # not started: its wire is asked directly
        self.sandbox.ledger.set_rules(Rules(earliest_revoke_ms=0))
        self.line = Straight(self.sandbox)
        self.gateway = codec(self.line.wire, self.sandbox.keys[gateway], SELDOM)
        self.ready: queue.SimpleQueue[Dispatcher] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        self.dispatcher = self.ready.get(timeout=WAIT_S)
        self.desk = Desk(
            PATH,
            self.gateway.notice,
            lambda notice: hand_over(self.dispatcher, notice),
            self.gateway.acknowledgement,
        )
        self.listener = listen(("127.0.0.1", 0), self.desk)
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()
        self.dispatcher.inbox.stop()
        self.thread.join(WAIT_S)
        self.sandbox.stop()

    def _run(self) -> None:
        """The journal belongs to the dispatcher's thread."""
        path = self.state / "journal.db"
        with Journal.open(path, terminal=TERMINAL, chance=lambda: 7) as journal:
            parts = Parts(
                time=SystemClock("system"),
                journal=journal,
                gateway=self.gateway,
                line=self.line,  # type: ignore[arg-type]
                face=Face(),
                buzzer=no_buzzer.Device(no_buzzer.Settings()),
                keypad=no_keypad.Device(no_keypad.Settings()),
                scanners=(),
                chance=lambda: 7,
                code_key=b"k" * 32,
            )
            dispatcher = Dispatcher(parts, Shop("EUR", 200_000), TERMINAL, "")
            dispatcher.reception = lambda request: {"said": request["do"]()}  # type: ignore[operator]
            self.line.deliver = dispatcher.inbox.answered
            self.ready.put(dispatcher)
            dispatcher.run()

    # -- the dispatcher's thread ---------------------------------------------------------------------

    def inside(self, do: Callable[[], Any]) -> Any:
        box: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.dispatcher.inbox.put(Asked({"do": do}, box.put))
        return box.get(timeout=WAIT_S)["said"]

    def order(self, order_no: str) -> Order:
        """As it is now: in RAM, or its last row."""

        def look() -> Order:
            row = self.dispatcher.parts.journal.order(order_no)
            assert row is not None
            return self.dispatcher.orders.get(order_no, row.order)

        found: Order = self.inside(look)
        return found

    def rows(self) -> int:
        return int(self.inside(lambda: self.dispatcher.parts.journal._seq))

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline_s = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < deadline_s, f"{what} did not come"
            time.sleep(0.005)

    def ends(self, order_no: str, phase: object) -> Order:
        self.until(lambda: self.order(order_no).phase is phase, str(phase))
        return self.order(order_no)

    # -- sales ---------------------------------------------------------------------------------------

    def presented(self, amount: Money = AMOUNT) -> str:
        """The number of an order whose code is on the glass."""

        def open_one() -> None:
            at_ms = self.dispatcher.parts.time.boot_ms()
            self.dispatcher.open_mpm(OpenMpm(amount), at_ms)

        self.inside(open_one)
        order_no = self.inside(lambda: list(self.dispatcher.orders)[-1])
        self.until(lambda: self.order(order_no).phase.value == "presenting", "the code")
        return str(order_no)

    def pay(self, order_no: str) -> None:
        self.sandbox.ledger.pay(order_no, time.time_ns() // 1_000_000)

    def pay_late(self, order_no: str) -> None:
        """Money comes in on an order that is closed. The ledger has no way for it, so it is entered."""
        ledger, now_ms = self.sandbox.ledger, time.time_ns() // 1_000_000
        order = ledger.order(order_no, now_ms)
        with ledger.store.writing():
            paid = replace(order, state=State.PAID, captured_minor=order.amount.minor)
            ledger.store.put_order(paid)

    def refund(self, order_no: str, amount: Money) -> str:
        original = self.order(order_no)
        returned = self.inside(
            lambda: self.dispatcher.open_return(original, amount, Mode.REFUND)
        ).order_no
        self.until(lambda: self.order(returned).pace.asked is None, "the refund's answer")
        return str(returned)

    # -- notices -------------------------------------------------------------------------------------

    def notice(self, order_no: str, kind: Kind | None = None, said_ms: int | None = None) -> bytes:
        """The body that the sandbox would post about this order or refund now."""
        return self._written(order_no, kind, said_ms).body

    def deliver(self, order_no: str, kind: Kind | None = None) -> bool:
        """The same with its headers, over the socket; whether the gateway hears what ends its deliveries."""
        request = self._written(order_no, kind)
        answer = self.post(request.body, headers=request.headers)
        return bool(self.line.wire.acknowledges(HttpAnswer(*answer)))

    def _written(
        self, order_no: str, kind: Kind | None = None, said_ms: int | None = None
    ) -> HttpRequest:
        now_ms = time.time_ns() // 1_000_000
        refund = self.sandbox.ledger.store.refund(order_no)
        order = self.sandbox.ledger.order(refund.order_no if refund else order_no, now_ms)
        request = self.line.wire.notice(order, refund, said_ms or now_ms, kind)
        assert request, "this gateway does not tell that"
        return request

    def signed(self, body: bytes, **changed: object) -> bytes:
        """The notice in `body` with other fields, rightly signed by the gateway."""
        fields = {name: value for name, value in json.loads(body).items() if name != "sign"}
        return json.dumps(self.line.wire._signed(fields | changed, None)).encode()

    def post(
        self,
        body: bytes,
        path: str = PATH,
        method: str = "POST",
        headers: Mapping[str, str] = JSON,
    ) -> tuple[int, bytes]:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\n{lines}"
        return self.raw(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)

    def raw(self, data: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; status 0 when there was none."""
        with self.connect() as end:
            with suppress(OSError):  # it would not hear more, but may have said why
                end.sendall(data)
            return answer_of(end)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.listener.address, WAIT_S)


def answer_of(end: socket.socket) -> tuple[int, bytes]:
    got = b""
    try:
        while piece := end.recv(65_536):
            got += piece
    except ConnectionResetError:
        pass
    if not got:
        return 0, b""
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    return int(head.split()[1]), body
