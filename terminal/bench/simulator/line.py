"""The faulty line: `terminal.wire.line.Line` for virtual time. It always answers, in bounded time, if only with
Failure; what the gateway gets to hear meanwhile, when and how often, is another matter."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from terminal.bench.simulator.card import PowerCut
from terminal.bench.simulator.clock import Clock
from terminal.bench.simulator.codec import TIMEOUT_MS, Asking, Saying, saying
from terminal.bench.simulator.dice import Dice, Odds
from terminal.bench.simulator.ledger import Ledger
from terminal.core.effects import Request, SubmitPayment
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
CUTS: Odds = (("before it leaves", 0.5), ("as it leaves", 0.5))

Deliver = Callable[[int, HttpAnswer | Failure], None]


class FaultyLine:
    """`sending` looks at every request at the moment in which it leaves. `deliver` hands an answer to the
    daemon that asked; the scene makes a new line for each daemon over the same ledger and flights."""

    def __init__(
        self,
        clock: Clock,
        dice: Dice,
        ledger: Ledger,
        flights: Flights,
        deliver: Deliver,
        sending: Callable[[Request], None],
    ) -> None:
        self.clock, self.dice, self.ledger, self.flights = clock, dice, ledger, flights
        self.deliver, self.sending = deliver, sending

    def send(self, exchange: int, http: HttpRequest, *, urgent: bool) -> None:  # noqa: ARG002
        assert isinstance(http, Asking)
        request = http.said
        cut = self.dice.pick("power while sending", CUTS, self.flights.cut_rate)
        if cut == "before it leaves":
            raise PowerCut(cut)
        self.sending(request)
        if cut:
            self._fly(request, self._hop(), lambda answer: None)  # noqa: ARG005
            raise PowerCut(cut)
        fate = "refused" if self.flights.down else ""
        fate = fate or self.dice.pick("line", FATES, self.flights.fault_rate)
        self._carry(fate, request, lambda answer, wait: self._answer(exchange, answer, wait))

    def _carry(
        self, fate: str, request: Request, answer: Callable[[HttpAnswer | Failure, int], None]
    ) -> None:
        def nobody(said: Saying) -> None:
            """Whatever the gateway said, it is lost."""

        timed_out = Failure(left=True, detail=fate)
        if fate == "refused":
            answer(Failure(left=False, detail=fate), REFUSED_MS)
        elif fate == "lost":
            answer(timed_out, TIMEOUT_MS)
        elif fate == "answer lost":
            self._fly(request, self._hop(), nobody)
            answer(timed_out, TIMEOUT_MS)
        elif fate == "late":
            self._fly(request, self.dice.span(*LATE_MS), nobody)
            answer(timed_out, TIMEOUT_MS)
        elif fate == "unclear":
            answer(saying(AnswerUnclear, detail=fate), self._hop())
        elif fate == "unclear, applied":
            self._fly(request, self._hop(), lambda _: self._unclear(answer))
        else:
            out_ms = self.dice.span(*SLOW_MS) if fate == "slow" else self._hop()
            back_ms = self.dice.span(*SLOW_MS) if fate == "slow" else self._hop()
            self._fly(request, out_ms, lambda said: answer(said, back_ms))
            if fate == "twice":
                self._fly(request, self.dice.span(*LATE_MS), nobody)

    def _unclear(self, answer: Callable[[HttpAnswer | Failure, int], None]) -> None:
        answer(saying(AnswerUnclear, detail="5xx"), self._hop())

    def _hop(self) -> int:
        return self.dice.span(*HOP_MS)

    def _answer(self, exchange: int, answer: HttpAnswer | Failure, wait_ms: int) -> None:
        self.clock.later(wait_ms, lambda: self.deliver(exchange, answer))

    def _fly(self, request: Request, wait_ms: int, heard: Callable[[Saying], None]) -> None:
        flight = self.flights.leaves(request, self.clock.now_ms + wait_ms)

        def arrives() -> None:
            self.flights.lands(flight)
            heard(self.ledger.hear(request))

        self.clock.later(wait_ms, arrives)

    def probe(self, exchange: int) -> None:
        fate = self.dice.pick("probe", (("lost", 0.5),), self.flights.fault_rate)
        lost = self.flights.down or bool(fate)
        answer = Failure(left=False, detail="probe") if lost else HttpAnswer(0, b"")
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
        return any(
            isinstance(request, SubmitPayment) and request.order_no == order_no
            for request, _ in self._flying.values()
        )

    @property
    def last_ms(self) -> int:
        """When everything that has left has arrived."""
        return max((arrives_ms for _, arrives_ms in self._flying.values()), default=0)
