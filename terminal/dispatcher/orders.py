"""Every order that is not final, and whose turn it is.

Finding that out costs O(log n), so that ten thousand orders in the background cost a live sale nothing: a heap
of times, from which an order moves to a heap of ranks when its time has come (reliability.md 4: what stops or
returns money goes first). Entries of both that an order has outlived stay where they are until they come up.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from terminal.core.sale import Order, Phase
from terminal.core.timing import next_wake

# Closes and reversals stop money, returns owe it to somebody; what is only watched, and then what waits for
# a human, comes last.
RANKS = {
    Phase.CLOSING: 0,
    Phase.REVERSING: 0,
    Phase.VOIDING: 0,
    Phase.REFUNDING: 1,
    Phase.VERIFYING: 3,
    Phase.ATTENTION: 4,
}
OTHERS_RANK = 2
STALE_PER_ORDER = 4  # then a heap is swept: it stays as large as what it is about


class Orders(dict[str, Order]):
    """Order number -> order, set and deleted one by one. Setting one arranges its next turn, as `next_wake`
    reads it off the record."""

    def __init__(self) -> None:
        super().__init__()
        self._entry: dict[str, int] = {}  # an order's entry with another number is stale
        self._entries = 0
        self._timed: list[tuple[int, int, str]] = []  # heap: due_ms, entry, number
        self._ripe: list[tuple[int, int, str]] = []  # heap: rank, entry, number

    def __setitem__(self, order_no: str, order: Order) -> None:
        super().__setitem__(order_no, order)
        self._entries += 1
        self._entry[order_no] = self._entries
        due_ms = next_wake(order)
        if due_ms is not None:
            heappush(self._timed, (due_ms, self._entries, order_no))
        if len(self._timed) + len(self._ripe) > STALE_PER_ORDER * (len(self) + STALE_PER_ORDER):
            self._sweep()

    def __delitem__(self, order_no: str) -> None:
        super().__delitem__(order_no)
        del self._entry[order_no]

    def oldest_ms(self, now_ms: int) -> int | None:
        """How long the oldest is open, as far as this boot knows; None: none is."""
        oldest = next(iter(self.values()), None)  # opened first, or read first at the start
        return None if oldest is None else max(0, now_ms - oldest.opened_ms)

    # -- whose turn it is --------------------------------------------------------------------------------

    def due_ms(self) -> int | None:
        """When the next order becomes ripe by itself; None: none ever does."""
        self._drop_stale(self._timed)
        return self._timed[0][0] if self._timed else None

    def ripen(self, now_ms: int) -> None:
        """What is due by now waits for its turn from here on."""
        while self._timed and self._timed[0][0] <= now_ms:
            _, entry, order_no = item = heappop(self._timed)
            if self._is_fresh(item):
                heappush(self._ripe, (self._rank(order_no), entry, order_no))

    def ripen_all(self) -> None:
        """Nobody waits out a pause that was meant for a dead line."""
        waiting = [it for it in self._timed if self._is_fresh(it) and not self._asked(it[2])]
        self._ripe += [(self._rank(number), entry, number) for _, entry, number in waiting]
        moved = {entry for _, entry, _ in waiting}
        self._timed = [it for it in self._timed if it[1] not in moved]
        heapify(self._timed)
        heapify(self._ripe)

    @property
    def is_ripe(self) -> bool:
        """Somebody waits for a turn."""
        if self._ripe:
            self._drop_stale(self._ripe)
        return bool(self._ripe)

    def pick(self) -> str | None:
        """The order whose turn it is, None when nobody's. Its turn sets it again, or deletes it."""
        return heappop(self._ripe)[2] if self.is_ripe else None

    # -- the heaps ---------------------------------------------------------------------------------------

    def _rank(self, order_no: str) -> int:
        return RANKS.get(self[order_no].phase, OTHERS_RANK)

    def _asked(self, order_no: str) -> bool:
        return self[order_no].pace.asked is not None

    def _is_fresh(self, item: tuple[int, int, str]) -> bool:
        return self._entry.get(item[2]) == item[1]

    def _drop_stale(self, heap: list[tuple[int, int, str]]) -> None:
        entry = self._entry
        while heap and entry.get(heap[0][2]) != heap[0][1]:
            heappop(heap)

    def _sweep(self) -> None:
        for heap in (self._timed, self._ripe):
            heap[:] = [item for item in heap if self._is_fresh(item)]
            heapify(heap)
