"""Everything that can become of an order, walked breadth first.

Orders that differ only in how long ago something was are walked once: `_likeness` keeps what the rules look at.
The walk starts where sales start and knows no gateway: every event may come in every state, at once and late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from terminal.core.effects import Request
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    CodeIssued,
    CodePresented,
    CodeUnfit,
    LineFailed,
    OrderClosed,
    OrderEvent,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentHinted,
    PaymentPending,
    RefundAccepted,
    RefundDone,
    RefundFailed,
    Restarted,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
    WakeDue,
)
from terminal.core.sale import GIVEN_BACK, NOT_UNDONE, Order, Reason
from terminal.core.step import step
from terminal.core.timing import Timing, next_wake
from tests.core.script import (
    CAREFUL,
    CLOSE_ONLY,
    CREATE_AGAIN,
    EUR_4,
    EUR_5,
    NO_UNDO,
    TOMBSTONE,
    refunding,
    requesting,
    submitting,
    voiding,
)

TRIES_TOLD_APART = 2  # mpm.CREATED_AGAIN_TRIES; no rule counts further
SOON_MS, LATER_MS = 100, 150_000
TIMINGS = (CAREFUL, TOMBSTONE, CLOSE_ONLY, CREATE_AGAIN, NO_UNDO)


@dataclass(frozen=True, slots=True)
class Move:
    """One step that can be taken: `before` and `event` gave `after` and `requests`."""

    before: Order
    event: OrderEvent
    after: Order
    requests: tuple[Request, ...]
    timing: Timing


def every_event(order: Order, at_ms: int) -> Iterator[OrderEvent]:
    """Each event in each of its variants; WakeDue also too early, which must do no harm."""
    yield CodeIssued(at_ms=at_ms, code="https://pay/1")
    yield PaymentApproved(at_ms=at_ms, paid=EUR_5)
    yield PaymentApproved(at_ms=at_ms, paid=EUR_4)
    yield PaymentHinted(at_ms=at_ms)
    yield PaymentHinted(at_ms=at_ms, answer=False)
    yield PaymentPending(at_ms=at_ms)
    yield PaymentDeclined(at_ms=at_ms)
    yield PaymentDeclined(at_ms=at_ms, reason=Reason.EXPIRED)
    yield OrderClosed(at_ms=at_ms)
    yield OrderNotFound(at_ms=at_ms)
    yield UndoAccepted(at_ms=at_ms)
    yield RefundAccepted(at_ms=at_ms)
    yield RefundDone(at_ms=at_ms, amount=EUR_5)
    yield RefundDone(at_ms=at_ms, amount=EUR_4)
    yield RefundFailed(at_ms=at_ms)
    yield from (UndoRefused(at_ms=at_ms, why=why) for why in UndoRefusal)
    yield AnswerUnclear(at_ms=at_ms)
    yield LineFailed(at_ms=at_ms, left=True)
    yield LineFailed(at_ms=at_ms, left=False)
    yield CodeUnfit(at_ms=at_ms)
    yield CancelPressed(at_ms=at_ms)
    yield CodePresented(at_ms=at_ms)
    yield Restarted(at_ms=at_ms, rebooted=False)
    yield Restarted(at_ms=at_ms, rebooted=True)
    yield WakeDue(at_ms=at_ms)
    if (due_ms := next_wake(order)) is not None and due_ms > at_ms:
        yield WakeDue(at_ms=due_ms)


@cache
def every_move() -> tuple[Move, ...]:
    """All moves from all states that can be reached, under every kind of gateway."""
    return tuple(move for timing in TIMINGS for move in _moves(timing))


@cache
def every_kind() -> tuple[Move, ...]:
    """One move for every kind of order that the moves led to, with every reason it may have."""
    kinds: dict[tuple[object, ...], Move] = {}
    for move in every_move():
        likeness = _likeness(move.after, move.event.at_ms, move.timing)
        pace = move.after.pace
        kinds.setdefault((move.timing, move.after.reason, pace.payer_acting, *likeness), move)
    return tuple(kinds.values())


def _moves(timing: Timing) -> Iterator[Move]:
    starts = [requesting(timing), submitting(timing), refunding(timing), voiding(timing)]
    waiting = deque((sale.order, sale.now_ms) for sale in starts)
    seen = {_likeness(order, now_ms, timing) for order, now_ms in waiting}
    while waiting:
        order, now_ms = waiting.popleft()
        for event in (
            it for wait_ms in (SOON_MS, LATER_MS) for it in every_event(order, now_ms + wait_ms)
        ):
            after, requests = step(order, event, timing)
            yield Move(order, event, after, requests, timing)
            likeness = _likeness(after, event.at_ms, timing)
            if likeness not in seen:
                seen.add(likeness)
                waiting.append((after, event.at_ms))


def _likeness(order: Order, now_ms: int, timing: Timing) -> tuple[object, ...]:
    """What the rules tell apart about an order."""

    def is_over(at_ms: int | None) -> bool | None:
        return None if at_ms is None else at_ms <= now_ms

    pace = order.pace
    return (
        order.mode,
        order.phase,
        pace.asked,
        min(pace.tries, TRIES_TOLD_APART),
        order.undo_left,
        order.undone,
        order.restarted,
        order.qr is None,
        order.detail == NOT_UNDONE,
        order.detail == GIVEN_BACK,
        order.paid is None,
        is_over(order.until_ms),
        is_over(order.opened_ms + timing.earliest_undo_ms),
    )
