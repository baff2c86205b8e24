"""The faulty line: `terminal.wire.line.Line` for virtual time. It always answers, in bounded time, if only with
Failure; what the gateway gets to hear meanwhile, when and how often, is another matter."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from terminal.bench.simulator.card import PowerCut
from terminal.bench.simulator.clock import Clock
from terminal.bench.simulator.codec import TIMEOUT_MS, Asking, saying
from terminal.bench.simulator.dice import Dice, Odds
from terminal.bench.simulator.ledger import Ledger
from terminal.core.effects import QueryOrder, QueryRefund, Request, SubmitPayment
from terminal.core.events import AnswerUnclear
from terminal.wire.http import HttpAnswer, HttpRequest
from terminal.wire.line import Failure

HOP_MS = (40, 900)
REFUSED_MS = 50
SLOW_MS = (1_000, 4_500)
# A request arrives within this time or never: less than Timing.verify_ms, the promise that VERIFYING needs.
LATE_MS = (TIMEOUT_MS, 110_000)

FATES: Odds = (
    ("refused", 0.12),  # no connection: nothing left
    ("lost", 0.14),  # left, never arrives
    ("answer lost", 0.16),  # arrives, the answer does not
    ("late", 0.12),  # no answer, and it arrives long afterwards
    ("twice", 0.10),  # arrives, and once more long afterwards
    ("slow", 0.12),
    ("unclear", 0.12),  # 5xx before it was applied
    ("unclear, applied", 0.12),  # 5xx after
)
# A question changes nothing there: it is all one where it or its answer was lost, and twice is once.
READ_FATES: Odds = (("refused", 0.12), ("lost", 0.42), ("slow", 0.12), ("unclear", 0.24))
CUTS: Odds = (("before it leaves", 0.5), ("as it leaves", 0.5))
READ_CUTS: Odds = (("before it leaves", 1.0),)

Answer = HttpAnswer | Failure
REFUSED = Failure(left=False, detail="refused")
TIMED_OUT = Failure(left=True, detail="no answer")
UNCLEAR = saying(AnswerUnclear, detail="5xx")
READS = (QueryOrder, QueryRefund)


class FaultyLine:
    """One daemon's. `sending` looks at every request at the moment in which it leaves. The scene makes a new
    line for each daemon over the same ledger and flights."""

    def __init__(
        self,
        clock: Clock,
        dice: Dice,
        ledger: Ledger,
        flights: Flights,
        deliver: Callable[[int, Answer], None],
        sending: Callable[[Request], None],
        daemon: int,
    ) -> None:
        self.clock, self.dice, self.ledger, self.flights = clock, dice, ledger, flights
        self.deliver, self.sending, self.daemon = deliver, sending, daemon

    def send(self, exchange: int, http: HttpRequest, *, urgent: bool) -> None:  # noqa: ARG002
        assert isinstance(http, Asking)
        request = http.said
        cut_rate, reads = self.flights.cut_rate, isinstance(request, READS)
        cuts, fates = (READ_CUTS, READ_FATES) if reads else (CUTS, FATES)
        cut = self.dice.pick("power while sending", cuts, cut_rate) if cut_rate else ""
        if cut == "before it leaves":
            raise PowerCut(cut)
        self.sending(request)
        if cut:
            self._fly(request, self._hop())
            raise PowerCut(cut)
        fate = "refused" if self.flights.down else ""
        fate = fate or self.dice.pick("line", fates, self.flights.fault_rate)
        self._carry(fate, request, exchange)

    def _carry(self, fate: str, request: Request, exchange: int) -> None:
        if fate == "refused":
            self._answer(exchange, REFUSED, REFUSED_MS)
        elif fate == "lost":
            self._answer(exchange, TIMED_OUT, TIMEOUT_MS)
        elif fate == "answer lost":
            self._fly(request, self._hop())
            self._answer(exchange, TIMED_OUT, TIMEOUT_MS)
        elif fate == "late":
            self._fly(request, self.dice.span(*LATE_MS))
            self._answer(exchange, TIMED_OUT, TIMEOUT_MS)
        elif fate == "unclear":
            self._answer(exchange, UNCLEAR, self._hop())
        elif fate == "unclear, applied":
            self._fly(request, self._hop(), exchange, self._hop(), UNCLEAR)
        else:
            out_ms = self.dice.span(*SLOW_MS) if fate == "slow" else self._hop()
            back_ms = self.dice.span(*SLOW_MS) if fate == "slow" else self._hop()
            self._fly(request, out_ms, exchange, back_ms)
            if fate == "twice":
                self._fly(request, self.dice.span(*LATE_MS))

    def _hop(self) -> int:
        return self.dice.span(*HOP_MS)

    def _answer(self, exchange: int, answer: Answer, wait_ms: int) -> None:
        self.clock.later(wait_ms, self.deliver, exchange, answer)

    def _fly(
        self,
        request: Request,
        wait_ms: int,
        exchange: int | None = None,
        back_ms: int = 0,
        instead: Answer | None = None,
    ) -> None:
        """`exchange` hears the gateway's word, or `instead`, `back_ms` later; None: nobody does. A question
        whose answer nobody hears changes nothing anywhere, so it does not fly."""
        if exchange is None and isinstance(request, READS):
            return
        flight = self.flights.leaves(request, self.clock.now_ms + wait_ms)
        self.clock.later(wait_ms, self._arrives, flight, request, exchange, back_ms, instead)

    def _arrives(
        self,
        flight: int,
        request: Request,
        exchange: int | None,
        back_ms: int,
        instead: Answer | None,
    ) -> None:
        self.flights.lands(flight)
        said = self.ledger.hear(request)
        if exchange is not None:
            self._answer(exchange, instead or said, back_ms)

    def probe(self, exchange: int) -> None:
        fate = self.dice.pick("probe", (("lost", 0.5),), self.flights.fault_rate)
        lost = self.flights.down or bool(fate)
        answer = REFUSED if lost else HttpAnswer(0, b"")
        self._answer(exchange, answer, TIMEOUT_MS if fate else self._hop())

    def close(self) -> None:
        """A real one ends its threads here."""


class Flights:
    """What is on its way to the gateway; it arrives whether or not the daemon lives. And the weather:
    `down`: nothing gets through. `fault_rate`, `cut_rate`: how much of FATES and CUTS there is."""

    def __init__(self, fault_rate: float, cut_rate: float) -> None:
        self.fault_rate, self.cut_rate = fault_rate, cut_rate
        self.down = False
        self._number = count()
        self._flying: dict[int, tuple[Request, int]] = {}

    def leaves(self, request: Request, arrives_ms: int) -> int:
        flight = next(self._number)
        self._flying[flight] = (request, arrives_ms)
        return flight

    def lands(self, flight: int) -> None:
        del self._flying[flight]

    def charge_of(self, order_no: str) -> bool:
        """A customer's code is on its way under this order number."""
        return order_no in self.charges if self._flying else False

    @property
    def charges(self) -> list[str]:
        """Order numbers of the customers' codes that are on their way."""
        flying = (request for request, _ in self._flying.values())
        return sorted(it.order_no for it in flying if isinstance(it, SubmitPayment))

    @property
    def kinds(self) -> list[str]:
        """What is on its way."""
        return sorted(type(request).__name__ for request, _ in self._flying.values())

    @property
    def last_ms(self) -> int:
        """When everything that has left has arrived, but for questions."""
        flying = self._flying.values()
        return max(
            (at_ms for request, at_ms in flying if not isinstance(request, READS)), default=0
        )
