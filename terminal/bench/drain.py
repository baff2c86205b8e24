"""A backlog that drains: the daemon starts over a journal full of open orders, at a gateway that knows some of
them as paid, some as waiting for their payer, and some not at all. Meanwhile the counter sells.

Journal and ledger are filled through their own rules; the daemon, the line and the sandbox are the real ones.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import time
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from terminal.bench.sandbox.ledger import Ask, Ledger
from terminal.bench.stall import Stall
from terminal.core.events import PaymentApproved, SaleOpened
from terminal.core.record import replace
from terminal.core.sale import Order, Phase
from terminal.core.terms import Mode, Money, mint_order_no
from terminal.journal import Journal, When

TERMINAL = "BENCH1"
AMOUNT = Money(500, "EUR")
WALLET = "Alipay+"
DAY_MS = 86_400_000
AGO_MS = 60_000  # when these orders were sent: no undo of them is too early any more
# Of ten: paid while the terminal was away, waiting for the payer, never arrived.
MIX = ("paid",) * 6 + ("waiting",) * 2 + ("unknown",) * 2
PHASES = (Phase.IN_DOUBT, Phase.IN_DOUBT, Phase.REVERSING)
ENDS = {
    "paid": (Phase.PAID, Phase.REVERSED),  # REVERSED: its reversal had left before
    "waiting": (Phase.REVERSED, Phase.CLOSED),
    "unknown": (Phase.REVERSED, Phase.CLOSED),
}
MEMORY = Path("/dev/shm")  # noqa: S108  # nosec B108  (a commit costs nothing there; the full journal is then copied)


@dataclass(frozen=True, slots=True)
class Seeded:
    """One open order, and what the gateway knows of it."""

    order: Order
    fate: str


def fill(folder: Path, count: int, *, closed: int = 0) -> list[Seeded]:
    """A journal in `folder` with `count` open orders, behind `closed` rows of sales that ended."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        path = Path(place) / "journal.db"
        with Journal.open(path, terminal=TERMINAL, chance=lambda: secrets.randbits(60)) as journal:
            for number in range(closed // 2):
                _write(journal, _order(journal, Phase.SUBMITTING, number), final=True)
            seeded = [
                Seeded(_write(journal, _order(journal, PHASES[number % 3], number)), fate)
                for number, fate in zip(range(count), MIX * count, strict=False)
            ]
            # The newest sale is what the counter shows after a restart; it shall be in nobody's way.
            _write(journal, _order(journal, Phase.SUBMITTING, count), final=True)
        for file in folder.glob("journal.db*"):
            file.unlink()
        for file in Path(place).iterdir():
            shutil.copy2(file, folder / file.name)
    return seeded


def _order(journal: Journal, phase: Phase, number: int) -> Order:
    minted = journal.orders_minted() + 1
    order_no = mint_order_no(TERMINAL, journal.epoch, minted, secrets.randbits(30))
    return Order(
        order_no,
        order_no,
        Mode.CPM,
        AMOUNT,
        phase,
        opened_ms=0,
        wallet="alipay+",
        code_digest=f"seeded {number}",
        undo_left=phase is Phase.REVERSING,
    )


def _write(journal: Journal, order: Order, *, final: bool = False) -> Order:
    when = When("an earlier boot", 0, "2026-01-01T00:00:00.000Z")
    journal.append(order, SaleOpened(at_ms=0), when)
    if final:
        paid = replace(order, phase=Phase.PAID, paid=AMOUNT)
        journal.append(paid, PaymentApproved(at_ms=0, paid=AMOUNT), when)
    return order


def tell_the_books(ledger: Ledger, merchant: str, seeded: list[Seeded]) -> None:
    """What the customers of these orders did some time ago, in the sandbox's ledger."""
    then_ms = time.time_ns() // 10**6 - AGO_MS
    behaviour = {"paid": "pays", "waiting": "confirms"}
    for each in seeded:
        if each.fate == "unknown":
            continue
        code = ledger.issue_code(WALLET, behaviour[each.fate], then_ms)  # type: ignore[arg-type]
        ask = Ask(each.order.order_no, merchant, AMOUNT, WALLET, life_ms=DAY_MS)
        ledger.submit(ask, code.code, then_ms)


class Drain:
    """One counter. `before`: sales with nothing else to do. `run`: the backlog, and sales meanwhile."""

    def __init__(self, stall: Stall, latency_ms: int) -> None:
        self.stall = stall
        stall.start()
        slow = {"kind": "delay", "probability": 1, "count": None, "delay_ms": latency_ms}
        stall.tell_sandbox("misbehave", rules=[slow])

    def sale_ms(self) -> float:
        """From "sell this" to our code on the glass; then it is paid, and the notice brings the result."""
        begun = time.perf_counter()
        number = self.stall.ask("sale", amount="3.00", mode="mpm")["order_no"]
        with self.stall.changed:
            self.stall.changed.wait_for(lambda: self.stall.bright, timeout=60)
        taken_ms = (time.perf_counter() - begun) * 1000
        self.stall.tell_sandbox("wallet/pay", order_no=number, wallet=WALLET)
        self.stall.wait(lambda: not self.stall.bright, "the end of the sale", 60)
        self.stall.wait(self._is_idle, "the counter", 60)
        return taken_ms

    def _is_idle(self) -> bool:
        """Or it shows an end of an earlier sale, which the next sale may follow."""
        return bool(self.stall.ask("status")["verdict"] == "ready")

    def seed(self, count: int) -> list[Seeded]:
        """The daemon goes away, and comes back over a full journal."""
        daemon = self.stall.daemon
        assert daemon is not None
        daemon.terminate()
        daemon.wait()
        seeded = fill(self.stall.state, count)
        ledger = Ledger(self.stall.state / "sandbox" / "ledger.sqlite")
        tell_the_books(ledger, self.stall.gateway["merchant_no"], seeded)
        ledger.close()
        return seeded

    def run(self, sold: Callable[[float], None], timeout_s: float) -> tuple[float, int]:
        """Seconds until nothing is open any more, and the most exchanges seen in flight. `sold`: hears how
        long each sale took that was made meanwhile."""
        begun, most = time.monotonic(), 0
        self.stall.start_daemon()
        self.stall.wait(self._is_idle, "the counter", 60)
        while True:
            said = self.stall.ask("backlog", limit=0)
            most = max(most, said["in_flight"])
            taken_s = time.monotonic() - begun
            if not said["open"] or taken_s > timeout_s:
                return taken_s, most
            if said["open"] > said["places"]:
                sold(self.sale_ms())
            else:
                time.sleep(0.1)

    def wrong(self, seeded: list[Seeded]) -> list[str]:
        """Every order whose end is not what the gateway's books say."""
        assert self.stall.daemon is not None
        self.stall.daemon.terminate()
        self.stall.daemon.wait()
        ledger = Ledger(self.stall.state / "sandbox" / "ledger.sqlite")
        with Journal.open_read_only(self.stall.state / "journal.db") as journal:
            found = [it for each in seeded if (it := self._wrong(journal, ledger, each))]
        ledger.close()
        return found

    def _wrong(self, journal: Journal, ledger: Ledger, each: Seeded) -> str | None:
        number = each.order.order_no
        row, booked = journal.order(number), ledger.store.order(number)
        assert row is not None
        kept = booked.left_minor if booked else 0
        right = row.order.phase in ENDS[each.fate]
        right = right and kept == (AMOUNT.minor if row.order.phase is Phase.PAID else 0)
        return None if right else f"{number}: {each.fate}, {row.order.phase.value}, {kept} kept"

    def ends(self, seeded: list[Seeded]) -> Tally[str]:
        with Journal.open_read_only(self.stall.state / "journal.db") as journal:
            rows = [journal.order(each.order.order_no) for each in seeded]
        return Tally(row.order.phase.value for row in rows if row)
