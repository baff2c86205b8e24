"""How long to wait, how often to ask: data per gateway, and the times read from a record.

Timers are read from the record, not set (DESIGN 2.4): `next_wake(order)` is all the dispatcher needs, so no
power cut can lose one. The numbers of a gateway are a `Timing`, with the source of each beside it in the
gateway's own file; the defaults here are the careful middle (reliability.md 3, gateways.md 7.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from terminal.core.sale import FINAL, Order, Phase


@dataclass(frozen=True, slots=True)
class Timing:
    """One gateway's rules. Milliseconds throughout.

    `first_query_ms`, `query_step_ms`: after a request without a result, and from then on.
    `create_ms`: how long to wait for our code before the order is given up.
    `doubt_ms`: how long a CPM result is asked for before it is reversed.
    `earliest_undo_ms`: no close or reversal sooner after the order was opened.
    `life_ms`: how long our code can be paid (asked of the gateway; its own word wins).
    `verify_ms`: after an undo that met no order: how long the request might still be on its way.
    `grace_ms`: after a restart, how long to ask before undoing.
    `undo`: there is an operation that closes or reverses an order; without one, orders end by themselves.
    `undo_returns`: a close of a paid order returns the money (PayCloud revoke, Antom cancel).
    `create_again`: an unanswered create is repeated with the same body (idempotent there).
    `tombstone`: an undo of an unknown order makes it unpayable for ever (no VERIFYING needed).
    """

    first_query_ms: int = 5_000
    query_step_ms: int = 2_000
    create_ms: int = 30_000
    doubt_ms: int = 60_000
    earliest_undo_ms: int = 15_000
    life_ms: int = 180_000
    verify_ms: int = 130_000
    grace_ms: int = 20_000
    undo: bool = True
    undo_returns: bool = True
    create_again: bool = False
    tombstone: bool = False


# Back-off of repeated undos and of queries that get no answer: 1, 2, 4, 8, 15, 30, 60 s (reliability.md 3).
BACKOFF_MS = (1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000)
JITTER_PERCENT = 20
GIVE_UP_MS = 24 * 3_600_000  # an undo or a return without a result for so long: a human
ATTENTION_EVERY_MS = 3_600_000  # nothing is dropped: that is still asked about (I13)
TRIED_AGAIN_MS = 600_000  # and an undo tried again for so long


def backoff_ms(tries: int) -> int:
    """The pause after `tries` requests in a row without a clear answer."""
    return BACKOFF_MS[min(max(tries - 1, 0), len(BACKOFF_MS) - 1)]


def spread_ms(pause_ms: int, order_no: str, tries: int) -> int:
    """The pause, 20 % shorter to 20 % longer: what failed together shall not come back together. The chance in
    the order's number is the dice."""
    thrown = (int.from_bytes(order_no.encode()[-5:]) + tries) * 2_654_435_761 >> 8
    percent = 100 - JITTER_PERCENT + thrown % (2 * JITTER_PERCENT + 1)
    return pause_ms * percent // 100


def half_the_patience_ms(order: Order) -> int:
    """What is left of it after a reboot, which hides how long ago anything was: without this a terminal that
    is switched off every night would ask for ever and tell nobody."""
    if order.until_ms is None:
        return GIVE_UP_MS
    return max((order.until_ms - order.opened_ms) // 2, ATTENTION_EVERY_MS)


def next_wake(order: Order) -> int | None:
    """Boot time in ms at which something about this order is due; None: nothing ever is by itself.

    While a request is under way only the end of patience counts: the line always answers. The end of
    VERIFYING wakes nobody: it is compared with the next authentic "no such order"."""
    if order.phase in FINAL:
        return None
    patience_ms = None if order.phase is Phase.VERIFYING else order.until_ms
    ask_at_ms = None if order.pace.asked else order.pace.ask_at_ms
    if patience_ms is None or ask_at_ms is None:
        return ask_at_ms if patience_ms is None else patience_ms
    return min(patience_ms, ask_at_ms)
