"""The counter while its journal cannot be written: nothing is decided any more, but everybody may ask (I16).

No row, so no step: no sale starts, nothing leaves that moves money, no result is shown. The gateway may still be
asked, because a question moves nothing; what it says is told to whoever asked and goes no further. The journal is
read as far as it can be.

It ends by itself once the disk takes a file again. systemd then starts the daemon anew, and that start is the same as
after a power cut: the last durable row of every open order, and the gateway asked about each.
"""

from __future__ import annotations

import logging
import queue
from contextlib import suppress

from terminal.core.effects import Beep
from terminal.core.events import KeyPressed
from terminal.core.record import replace
from terminal.core.terms import JournalFault
from terminal.dispatcher.inbox import Answered, Asked, Item, Noticed, Stop
from terminal.dispatcher.ring import UNWRITABLE, Dispatcher
from terminal.web import Verdict
from terminal.wire.http import HttpAnswer

log = logging.getLogger("terminal")

EX_IOERR = 74  # sysexits.h
RETRY_MS = (
    60_000  # a start costs a small Pi some seconds; a disk that is not mended shall not cost more
)
TURN_S = 0.25
DOING = ("sale", "cancel", "refund", "void", "recovered")  # words that would need a row


def turn(ring: Dispatcher, fault: JournalFault | None = None) -> int:
    """The daemon from here to its exit code, whatever its journal does. `fault`: why it did not even open."""
    try:
        if fault is None:
            return ring.run()
    except JournalFault as failed:
        fault = failed
    return Shut(ring, fault).run()


class Shut:
    """`run` until told to stop or until it is worth starting again. In the dispatcher's thread."""

    def __init__(self, ring: Dispatcher, fault: JournalFault) -> None:
        self._ring, self._fault = ring, fault
        self._retry_at_ms = ring.parts.time.boot_ms() + RETRY_MS

    def run(self) -> int:
        """The daemon's exit code: 0 when it was told to stop, 74 (EX_IOERR) when it shall be started again."""
        ring = self._ring
        self._shut()
        while not ring.stopped:
            ring.beat()
            with suppress(queue.Empty):
                self.handle(ring.inbox.get(timeout=TURN_S))
            if self._is_mended():
                log.warning("the disk takes files again: starting anew")
                return EX_IOERR
        return 0

    def _shut(self) -> None:
        ring = self._ring
        ring.give_up(self._fault)
        ring.shut = True
        ring.outbox.open = False  # what waits for a place there may be meant to move money
        ring.counter = replace(ring.counter, why=UNWRITABLE, remedy=str(self._fault))
        for scanner in ring.parts.scanners:
            scanner.arm(False)
        ring.parts.buzzer.beep(Beep.ATTENTION)
        with suppress(JournalFault):
            ring.parts.journal.look_on()
            if not ring.orders:  # it did not even open: what is open is known from its rows alone
                ring.orders.update(
                    {row.order.order_no: row.order for row in ring.parts.journal.live()}
                )

    def _is_mended(self) -> bool:
        now_ms = self._ring.parts.time.boot_ms()
        if now_ms < self._retry_at_ms:
            return False
        self._retry_at_ms = now_ms + RETRY_MS
        return self._ring.parts.journal.takes_files()

    def handle(self, item: Item) -> None:
        match item:
            case Asked():
                item.reply(self.answer(item.request))
            case Answered():
                self.hear(item)
            case Noticed():
                item.reply(Verdict.LATER)  # it is told again, until somebody can write it down
            case Stop():
                self._ring.stopped = True
            case KeyPressed():
                self._ring.parts.buzzer.beep(Beep.NO)

    def answer(self, request: dict[str, object]) -> dict[str, object]:
        """To whoever asks at the control socket: what is known, and why nothing is done."""
        if request.get("word") in DOING or request.get("op") == "send":
            return self._refused("Out of service: nothing can be written down, so nothing is done.")
        try:
            return self._ring.reception(request)
        except JournalFault as unread:
            return self._refused(f"The journal cannot be read either: {unread}")

    def _refused(self, error: str) -> dict[str, object]:
        return {"ok": False, "error": error, "remedy": str(self._fault)}

    def hear(self, answered: Answered) -> None:
        """What the gateway says is told to whoever asked by hand; no order takes a step by it."""
        ring, now_ms = self._ring, self._ring.parts.time.boot_ms()
        if isinstance(answered.answer, HttpAnswer):
            ring.contact.heard(now_ms)
        if answered.exchange not in ring.outbox.exchanges:
            return  # a probe's
        request = ring.outbox.take(answered.exchange)
        event = ring.understand(request, answered.answer, now_ms)
        ring.enquiries.hears(answered.exchange, request, event)
        log.warning("%s: %s, not written", request.order_no, type(event).__name__)
