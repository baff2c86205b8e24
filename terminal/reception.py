"""What the running daemon answers to terminalctl: one word, one function, one dict.

Runs in the dispatcher's thread, between two turns of the ring, so that every answer is one consistent
state. It may ask the counter for things like a person at the keypad may; it decides nothing itself.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING

from terminal import __version__
from terminal.core.events import CancelPressed, SaleAsked
from terminal.core.refund import left_over
from terminal.core.sale import FINAL, Order, Phase
from terminal.core.sight import CLOCK_NOT_SET, doing, outcome
from terminal.core.stand import Stand
from terminal.core.terms import JournalFault, Mode, Money, Refusal
from terminal.dispatcher.enquiries import Said, agree
from terminal.dispatcher.outbox import PLACES
from terminal.dispatcher.ring import recalled

if TYPE_CHECKING:
    from terminal.dispatcher import Dispatcher
    from terminal.journal import Row
    from terminal.recovery import Recovery
    from terminal.releases import Releases

Answer = dict[str, object]
LIST_MAX = 1_000
HOLD_MS = 30_000  # from "nothing is open" to the restart
RAW_MAX = 100  # a row has 33 kB at most, and a live sale waits as long as these take
OPEN_LISTED_MAX = 100
RETURNS_BLOCKED_MS = 24 * 3_600_000  # with an order open so long, no new refund (reliability.md 4)
LOST_PAST = (
    "This terminal's journal was lost and begun anew. Compare it with the gateway: terminalctl reconcile. "
    "Then say so: terminalctl recovered"
)
NO_VOID = "This gateway has no void. Give the money back: terminalctl refund {}"
NO_CANCEL_NOTE = (
    "This gateway has no cancel: the code can be paid until it expires. Hand over nothing before it has "
    "ended. Follow it: terminalctl query {}"
)


class Reception:
    """`reply(request)` for `{"word": ...}`. Whatever was asked wrongly is refused in words."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        driver: str,
        pictures: Callable[[], list[bytes]] = list,
        recovery: Recovery | None = None,
        releases: Releases | None = None,
    ) -> None:
        """`pictures`: what stood on the glass last, as PNG. `recovery`: None, nothing was ever lost. `releases`:
        None, this is no unit."""
        self.dispatcher = dispatcher
        self.driver = driver
        self.recovery = recovery
        self.pictures = pictures
        self.releases = releases
        self.words: dict[str, Callable[[Answer], Answer]] = {
            "status": self.status,
            "hold": self.hold,
            "sale": self.sale,
            "order": self.order,
            "query": self.query,
            "cancel": self.cancel,
            "refund": self.refund,
            "void": self.void,
            "backlog": self.backlog,
            "recovered": self.recovered,
            "journal": self.journal,
            "screens": self.screens,
            "gauges": self.gauges,
        }

    def reply(self, request: Answer) -> Answer:
        word = self.words.get(str(request.get("word")))
        if word is None:
            known = ", ".join(self.words)
            return refused(
                f"{request.get('word')!r} is no word of this daemon.", f"Known: {known}."
            )
        try:
            return {"ok": True, **word(request)}
        except Refusal as refusal:
            return refused(str(refusal))

    # -- the words -------------------------------------------------------------------------------------

    def status(self, _request: Answer) -> Answer:
        ring = self.dispatcher
        now_ms = ring.parts.time.boot_ms()
        last = self._last()
        heard_ms = ring.contact.heard_ms
        return {
            "verdict": self._verdict(),
            "why": ring.counter.why or "",
            "remedy": ring.counter.remedy,
            "terminal": ring.terminal,
            "version": __version__,
            "gateway": self.driver,
            "sandbox": ring.shop.test,
            "online": ring.contact.online,
            "last_contact_s": None if heard_ms is None else (now_ms - heard_ms) // 1000,
            "open": [self._open(order, now_ms) for order in self._most_urgent()],
            "open_count": len(ring.orders),
            "recovery": self._recovering,
            "untold": [facts(order) for order in ring.counter.untold],
            "last": told(last) if last else None,
            "screen": type(ring.shown.view).__name__ if ring.shown else "",
            "notices": ring.notice_counts(),
            "lost": self._lost(),
            "stuck": list(ring.parts.keypad.stuck),
            "returned": self.releases.returned if self.releases else None,
        }

    def _last(self) -> Row | None:
        """The newest order's last row. While the journal is out of order the status is told without."""
        try:
            return self.dispatcher.parts.journal.last()
        except JournalFault:
            if not self.dispatcher.shut:
                raise
            return None

    def hold(self, _request: Answer) -> Answer:
        """No new sale for a while: the release is about to change. An order that waits for a person is at rest, and
        a result on the glass is there again after a restart."""
        ring = self.dispatcher
        resting = all(each.phase is Phase.ATTENTION for each in ring.orders.values())
        if not resting or ring.counter.stand not in (Stand.IDLE, Stand.RESULT):
            raise Refusal(
                "The counter is busy, or a sale has no result yet. Wait for it: terminalctl backlog"
            )
        ring.hold(HOLD_MS)
        return {"for_s": HOLD_MS // 1000}

    def _lost(self) -> dict[str, str]:
        """Each device that does not work -> why, with the remedy."""
        return {name: lost for name, lost in devices(self.dispatcher).items() if lost}

    def _verdict(self) -> str:
        counter = self.dispatcher.counter
        if counter.why is not None:
            return "clock_not_set" if counter.why == CLOCK_NOT_SET else "out_of_service"
        if not counter.online:
            return "offline"
        return "ready" if counter.stand in (Stand.IDLE, Stand.RESULT) else "busy"

    def _most_urgent(self) -> list[Order]:
        """Of the open orders those that need a human, then the oldest."""
        orders = self.dispatcher.orders.values()
        stuck = [order for order in orders if order.phase is Phase.ATTENTION]
        others = (order for order in orders if order.phase is not Phase.ATTENTION)
        return [*stuck, *islice(others, OPEN_LISTED_MAX)][:OPEN_LISTED_MAX]

    def _open(self, order: Order, now_ms: int) -> Answer:
        return {**facts(order), "age_s": max(0, now_ms - order.opened_ms) // 1000}

    def sale(self, request: Answer) -> Answer:
        """A sale with a ready amount, as if it had been keyed; refused as the counter would refuse it."""
        ring = self.dispatcher
        amount = Money.of_major(str(request.get("amount", "")), ring.shop.currency)
        mode = _mode(request.get("mode"))
        if ring.counter.stand not in (Stand.IDLE, Stand.RESULT):
            raise Refusal("The counter is busy. Wait, or press C there.")
        asked = SaleAsked(at_ms=ring.parts.time.boot_ms(), amount=amount, mode=mode)
        ring.turn_counter(asked)
        if ring.counter.stand not in (Stand.SELLING, Stand.SCANNING):
            raise Refusal(ring.counter.note or "The sale did not start. See: terminalctl status")
        front = ring.counter.front
        return {
            "order_no": front.order_no if front else None,
            "amount": sum_of(amount),
            "mode": front.mode.value if front else Mode.CPM.value,
        }

    def order(self, request: Answer) -> Answer:
        """As the journal has it, and what the gateway said when it was last asked by hand."""
        order = self._find(request)
        return {"order": facts(order), "gateway": self._gateway_said(order)}

    def query(self, request: Answer) -> Answer:
        """Ask the gateway about any order now. Its answer is in "order" as soon as it is there."""
        order = self._find(request)
        self.dispatcher.enquire(order)
        return {"order": facts(order), "asked": True}

    def _gateway_said(self, order: Order) -> Answer | None:
        told = self.dispatcher.enquiries.answer(order.order_no)
        if told is None:
            return None
        return {
            "said": told.word,
            "amount": sum_of(told.amount),
            "detail": told.detail,
            "agrees": self._agrees(order, told),
            "written": not self.dispatcher.shut,
        }

    def _agrees(self, order: Order, told: Said) -> bool | None:
        """None also while the journal is out of order and cannot say whether some of it went back."""
        try:
            sale = [row.order for row in self.dispatcher.parts.journal.sale(order.sale_no)]
        except JournalFault:
            if not self.dispatcher.shut:
                raise
            return None
        of = order.order_no
        went_back = any(each.of == of and each.phase is Phase.RETURNED for each in sale)
        return agree(order, told, went_back=went_back)

    def cancel(self, request: Answer) -> Answer:
        """Cancel the order in front, or the named one. What it comes to, the gateway says."""
        ring = self.dispatcher
        front = ring.counter.front
        number = str(request.get("order_no") or (front.order_no if front else ""))
        if number not in ring.orders:
            raise Refusal("No such sale is under way. See: terminalctl status")
        ring.turn(number, CancelPressed(at_ms=ring.parts.time.boot_ms()))
        order = self._find({"order_no": number})
        outlasted = not (order.final or ring.parts.gateway.timing.undo)
        note = NO_CANCEL_NOTE.format(order.order_no) if outlasted else ""
        return {"order": facts(order), "note": note}

    def refund(self, request: Answer) -> Answer:
        """Give an amount of a paid sale back; without an amount all that is left of it."""
        self._may_give_back(Mode.REFUND)
        original = self._find(request)
        earlier = [row.order for row in self.dispatcher.parts.journal.sale(original.sale_no)]
        if request.get("amount"):
            amount = Money.of_major(str(request["amount"]), original.amount.currency)
        else:
            amount = Money(left_over(original, earlier), original.amount.currency)
        return {"order": facts(self.dispatcher.open_return(original, amount, Mode.REFUND))}

    def void(self, request: Answer) -> Answer:
        """Undo a paid sale of today in full; the gateway's window over, it becomes a refund of the whole."""
        self._may_give_back(Mode.VOID)
        original = self._find(request)
        if not self.dispatcher.parts.gateway.timing.undo:
            raise Refusal(NO_VOID.format(original.order_no))
        return {"order": facts(self.dispatcher.open_return(original, original.amount, Mode.VOID))}

    @property
    def _recovering(self) -> bool:
        return self.recovery is not None and self.recovery.begun

    def recovered(self, _request: Answer) -> Answer:
        """A person has compared this terminal with the gateway: money can be given back again (I14)."""
        if self.recovery is None or not self.recovery.begun:
            raise Refusal("There is nothing to recover from: the journal is whole.")
        self.recovery.end()
        return {}

    def _may_give_back(self, mode: Mode) -> None:
        """Refusal while the past is lost (I14), or where a return would only be put on a pile: a new refund
        is never buffered, because nobody could tell the customer when it goes (reliability.md 4)."""
        ring = self.dispatcher
        if self._recovering:
            raise Refusal(LOST_PAST)
        if mode is Mode.VOID:  # a void is buffered: repeated, it changes nothing there
            return
        if not ring.contact.online:
            raise Refusal("No connection: nothing can be given back now. Try: terminalctl status")
        # What waits for a human is told as such, and may wait for ever: it is no pile.
        waits = [it.opened_ms for it in ring.orders.values() if it.phase is not Phase.ATTENTION]
        if waits and ring.parts.time.boot_ms() - min(waits) > RETURNS_BLOCKED_MS:
            raise Refusal(
                "A sale is without a result for more than a day. Try: terminalctl backlog"
            )

    def backlog(self, request: Answer) -> Answer:
        """What is open, since when, why, and what happens next; `op` "send": now, through the same places."""
        ring = self.dispatcher
        if request.get("op") == "send":
            ring.send_now()
        limit = request.get("limit")
        listed = limit if isinstance(limit, int) and 0 <= limit <= LIST_MAX else OPEN_LISTED_MAX
        now_ms = ring.parts.time.boot_ms()
        return {
            "online": ring.contact.online,
            "open": len(ring.orders),
            "oldest_s": (ring.orders.oldest_ms(now_ms) or 0) // 1000,
            "in_flight": ring.outbox.in_flight,
            "places": PLACES,
            "items": [self._item(it, now_ms) for it in islice(ring.orders.values(), listed)],
        }

    def _item(self, order: Order, now_ms: int) -> Answer:
        rows = recalled(lambda: self.dispatcher.parts.journal.history(order.order_no))
        next_step, in_s = self._next(order, now_ms)
        since = rows[0].when.utc if rows else None
        return {**facts(order), "since": since, "next": next_step, "next_in_s": in_s}

    def _next(self, order: Order, now_ms: int) -> tuple[str, int | None]:
        """What happens next with an open order, in words, and in how many seconds when that is known."""
        if order.pace.asked:
            return f"{doing(order)}: no answer yet", None
        if not self.dispatcher.contact.online:
            return f"{doing(order)}: when the line is back", None
        wait_ms = max(0, (order.pace.ask_at_ms or now_ms) - now_ms)
        return doing(order) if wait_ms else f"{doing(order)}: waits for its turn", wait_ms // 1000

    def journal(self, request: Answer) -> Answer:
        journal = self.dispatcher.parts.journal
        if request.get("op") == "show":
            rows = journal.history(str(request.get("order_no")))
            if not rows:
                raise Refusal("The journal has no such order. See: terminalctl journal list")
            return {"rows": [told(row) for row in rows]}
        if request.get("op") == "raw":
            return self._raw(request)
        limit, before = request.get("limit"), request.get("before")
        wanted = limit if isinstance(limit, int) and 0 < limit <= LIST_MAX else LIST_MAX
        rows = journal.tail(wanted, before if isinstance(before, int) else None)
        return {"rows": [told(row) for row in rows]}

    def _raw(self, request: Answer) -> Answer:
        """Rows as they are written, for `terminalctl check`: those of one order, or the next ones behind
        `after`. Never more than a line of the socket takes."""
        ring, after = self.dispatcher, request.get("after")
        if "order_no" in request:
            raws = ring.parts.journal.raw_history(str(request["order_no"]))
        else:
            raws = ring.parts.journal.raw(after if isinstance(after, int) else 0, RAW_MAX)
        return {
            "rows": [[*columns, link.hex()] for *columns, link in raws],
            "install": ring.parts.journal.install(),
            "timing": asdict(ring.parts.gateway.timing),
        }

    def gauges(self, _request: Answer) -> Answer:
        """Numbers for whoever watches many terminals from afar: no order, no amount, no text about one."""
        ring = self.dispatcher
        now_ms = ring.parts.time.boot_ms()
        heard_ms = ring.contact.heard_ms
        return {
            "backlog": len(ring.orders),
            "oldest_s": (ring.orders.oldest_ms(now_ms) or 0) // 1000,
            "attention": sum(order.phase is Phase.ATTENTION for order in ring.orders.values()),
            "out_of_service": ring.counter.why is not None,
            "clock_trusted": ring.parts.time.is_trusted(),
            "online": ring.contact.online,
            "last_contact_s": None if heard_ms is None else (now_ms - heard_ms) // 1000,
            "devices": {name: lost is None for name, lost in devices(ring).items()},
            "opened": ring.parts.journal.orders_minted(),
        }

    def screens(self, _request: Answer) -> Answer:
        """What stood on the glass last, as PNG in base64, the newest last."""
        return {"png": [b64encode(png).decode() for png in self.pictures()]}

    def _find(self, request: Answer) -> Order:
        number = str(request.get("order_no"))
        if found := self.dispatcher.orders.get(number):
            return found
        if row := self.dispatcher.parts.journal.order(number):
            return row.order
        raise Refusal(f"No order is numbered {number[:32]}. See: terminalctl journal list")


def devices(ring: Dispatcher) -> dict[str, str | None]:
    """Each device that a sale needs -> why it does not work, with the remedy; None: it does."""
    parts = ring.parts
    scanners = {f"scanner {n}": each.lost for n, each in enumerate(parts.scanners, 1)}
    return {"display": parts.face.lost, "keypad": parts.keypad.lost, **scanners}


# -- facts, as JSON has them ---------------------------------------------------------------------------


def refused(error: str, remedy: str = "") -> Answer:
    return {"ok": False, "error": error, "remedy": remedy}


def sum_of(amount: Money | None) -> Answer | None:
    return {"minor": amount.minor, "currency": amount.currency} if amount else None


def facts(order: Order) -> Answer:
    return {
        "order_no": order.order_no,
        "sale_no": order.sale_no,
        "mode": order.mode.value,
        "amount": sum_of(order.amount),
        "phase": order.phase.value,
        "final": order.phase in FINAL,
        "outcome": outcome(order),
        "reason": order.reason.value if order.reason else None,
        "detail": order.detail,
        "wallet": order.wallet,
        "gateway_ref": order.gateway_ref,
        "of": order.of,
        "paid": sum_of(order.paid),
    }


def told(row: Row) -> Answer:
    return {
        "seq": row.seq,
        "utc": row.when.utc,
        "event": type(row.event).__name__,
        **facts(row.order),
    }


def _mode(word: object) -> Mode | None:
    if word in (None, ""):
        return None
    if word not in (Mode.MPM.value, Mode.CPM.value):
        raise Refusal(f"{word!r} is no mode. Say mpm or cpm.")
    return Mode(word)
