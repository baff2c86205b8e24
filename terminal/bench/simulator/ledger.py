"""The toy gateway: one account for each order, and the ways in which real gateways differ.

    absent -> minted (has a code, unknown until scanned) -> open -> paid -> returned
                                                            open -> closed | failed

It answers with events, as a codec would have read them. It never lies about money for good; within `LAG_MS`
of a change its queries may still say what was true before (replicas behind the one that writes).
"""

from __future__ import annotations

from dataclasses import dataclass

from terminal.bench.simulator.clock import Clock
from terminal.bench.simulator.codec import Saying, saying
from terminal.bench.simulator.dice import Dice, Odds
from terminal.core.effects import (
    CloseOrder,
    CreateOrder,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    Request,
    ReverseOrder,
    SubmitPayment,
    VoidOrder,
)
from terminal.core.events import (
    AnswerUnclear,
    CodeIssued,
    OrderClosed,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentHinted,
    PaymentPending,
    RefundAccepted,
    RefundDone,
    RefundFailed,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
)
from terminal.core.sale import Reason
from terminal.core.terms import Money
from terminal.core.timing import Timing

LAG_MS = 10_000
WALLET: Odds = (("declines", 0.15), ("asks for the PIN", 0.25), ("pays less", 0.02))
LATE_PAYMENT_MS = 60_000
REFUND_MS = 40_000  # how long an accepted refund may be under way


@dataclass(frozen=True, slots=True)
class Ways:
    """What gateways differ in. `known_unscanned`: an order is known before a customer scans it (features.md
    a.3 rule 9). `absent_accepts`: an undo of an unknown order is acknowledged. `stays_paid`: a returned order
    is still called paid by a query (gateways.md 8.8). `create_again`: a repeated create brings the code again.
    `forgetful`: within the lag a query may not know the order at all. `expires`: an order whose code is dead is
    called closed. `age_ms`: no undo sooner after the order came to be. `tells_life`: the answer with the code
    says how long it lives. `posts`: notices reach the terminal. `late`: a payment that was
    on its way when the order was closed is taken all the same, against the gateway's word. `void_ms`: how
    long after the payment it may be voided or undone; later only a refund returns it."""

    tombstone: bool = False
    undo_returns: bool = True
    known_unscanned: bool = True
    absent_accepts: bool = False
    stays_paid: bool = False
    create_again: bool = False
    forgetful: bool = False
    expires: bool = False
    tells_life: bool = True
    posts: bool = False
    late: bool = False
    void_ms: int = 600_000
    age_ms: int = 0
    life_ms: int = 180_000
    query_step_ms: int = 2_000

    def timing(self) -> Timing:
        return Timing(
            tombstone=self.tombstone,
            undo_returns=self.undo_returns,
            create_again=self.create_again,
            life_ms=self.life_ms,
            query_step_ms=self.query_step_ms,
        )

    @classmethod
    def drawn(cls, dice: Dice) -> Ways:
        return cls(
            tombstone=dice.kind(3) == 0,
            undo_returns=dice.kind(3) != 0,
            known_unscanned=dice.kind(3) != 0,
            absent_accepts=dice.kind(3) == 0,
            stays_paid=dice.kind(4) == 0,
            create_again=dice.kind(3) == 0,
            forgetful=dice.kind(3) == 0,
            expires=dice.kind(3) == 0,
            tells_life=dice.kind(2) == 0,
            posts=dice.kind(2) == 0,
            late=dice.kind(6) == 0,
            void_ms=(0, 600_000)[dice.kind(2)],
            age_ms=(0, 0, 15_000)[dice.kind(3)],
            life_ms=(60_000, 180_000)[dice.kind(2)],
            query_step_ms=(2_000, 5_000)[dice.kind(2)],
        )


@dataclass
class Account:
    """One order there. `captured_minor`: what of the customer's money is with the merchant now."""

    amount: Money
    state: str = "absent"
    before: str = "absent"
    since_ms: int = 0
    born_ms: int = 0
    dies_ms: int = 0
    acting: bool = False
    paid_minor: int = 0
    captured_minor: int = 0


@dataclass
class Refund:
    """What the gateway did under one return's number; `done_ms`: when the money is (or will be) back."""

    amount: Money
    of: str
    done_ms: int


class Ledger:
    """`moved(order_no)` is called after every change, before anybody hears of it."""

    def __init__(self, ways: Ways, dice: Dice, clock: Clock) -> None:
        self.ways, self.dice, self.clock = ways, dice, clock
        self.accounts: dict[str, Account] = {}
        self.codes_used: dict[str, str] = {}
        self.confirms: list[
            str
        ] = []  # submitted orders whose customer has to confirm; people empty it
        self.refunds: dict[str, Refund] = {}
        self.refused: set[str] = (
            set()
        )  # numbers of returns: a refusal is for ever (events.RefundFailed)
        self.late: set[str] = set()  # orders paid after they were closed
        self.changed: list[str] = []  # orders that changed; the scene empties it

    def _becomes(self, order_no: str, state: str) -> None:
        account = self.accounts[order_no]
        account.before, account.state = account.state, state
        account.since_ms = self.clock.now_ms
        self.changed.append(order_no)

    def _born(self, order_no: str, amount: Money, state: str) -> Account:
        account = self.accounts.setdefault(order_no, Account(amount))
        account.amount = amount
        account.born_ms = self.clock.now_ms
        account.dies_ms = self.clock.now_ms + self.ways.life_ms
        self._becomes(order_no, state)
        return account

    def state(self, order_no: str) -> str:
        account = self.accounts.get(order_no)
        return account.state if account else "absent"

    def captured(self, order_no: str) -> int:
        account = self.accounts.get(order_no)
        return account.captured_minor if account else 0

    def alive(self, order_no: str) -> bool:
        """A customer who has the code, or was asked to confirm, can still pay it."""
        account = self.accounts.get(order_no)
        return (
            account is not None
            and account.state in ("open", "minted")
            and self.clock.now_ms <= account.dies_ms
        )

    # -- what customers do -----------------------------------------------------------------------------------

    def scan(self, order_no: str) -> None:
        """The customer's phone has read our code."""
        if self.alive(order_no):
            self.accounts[order_no].acting = True
            if self.accounts[order_no].state == "minted":
                self._becomes(order_no, "open")

    def pay(self, order_no: str, *, short: bool = False) -> None:
        """The customer confirms. Too late, or paid already: the phone says no."""
        if not self.alive(order_no) and not self._breaks_its_word(order_no):
            return
        account = self.accounts[order_no]
        asked_minor = account.amount.minor
        account.paid_minor = max(1, asked_minor // 2) if short else asked_minor
        account.captured_minor = account.paid_minor
        account.acting = False
        self._becomes(order_no, "paid")

    def _breaks_its_word(self, order_no: str) -> bool:
        account = self.accounts.get(order_no)
        if account is None or not (self.ways.late and self.ways.posts):
            return False
        just_closed = account.state == "closed" and account.before == "open"
        if just_closed and self.clock.now_ms - account.since_ms < LATE_PAYMENT_MS:
            self.late.add(order_no)
        return order_no in self.late and account.state == "closed"

    def fail(self, order_no: str) -> None:
        """The customer's wallet refuses for good."""
        if self.alive(order_no):
            self._becomes(order_no, "failed")

    # -- what terminals ask ------------------------------------------------------------------------------------

    def hear(self, request: Request) -> Saying:
        match request:
            case CreateOrder():
                return self._create(request)
            case SubmitPayment():
                return self._charge(request)
            case QueryOrder():
                return self._tell(request.order_no, lag=True)
            case CloseOrder() | ReverseOrder():
                return self._undo(request)
            case RefundOrder():
                return self._refund(request)
            case QueryRefund():
                return self._tell_refund(request.order_no)
            case VoidOrder():
                return self._void(request)

    def _create(self, request: CreateOrder) -> Saying:
        state = self.state(request.order_no)
        if state == "absent":
            known = "open" if self.ways.known_unscanned else "minted"
            self._born(request.order_no, request.amount, known)
        elif state not in ("open", "minted"):
            return self._tell(request.order_no, lag=False)
        elif not self.ways.create_again:
            return saying(AnswerUnclear, detail="duplicate order")
        life_ms = self.ways.life_ms if self.ways.tells_life else None
        return saying(CodeIssued, code=f"QR {request.order_no}", life_ms=life_ms)

    def _charge(self, request: SubmitPayment) -> Saying:
        number, digest = request.order_no, request.code_digest
        if self.state(number) != "absent":
            return saying(AnswerUnclear, detail="duplicate order")
        if self.codes_used.setdefault(digest, number) != number:
            self._born(number, request.amount, "failed")
            return saying(PaymentDeclined, reason=Reason.CODE_USED)
        account = self._born(number, request.amount, "open")
        way = self.dice.pick("wallet", WALLET)
        if way == "declines":
            self._becomes(number, "failed")
        elif way == "asks for the PIN":
            account.acting = True
            self.confirms.append(number)
        else:
            self.pay(number, short=way == "pays less")
        return self._tell(number, lag=False)

    def _tell(self, order_no: str, *, lag: bool) -> Saying:
        account = self.accounts.get(order_no)
        if account is None:
            return saying(OrderNotFound)
        state = account.state
        if lag and self.clock.now_ms - account.since_ms < LAG_MS:
            odds = (("lags", 0.2), ("forgets", 0.1 if self.ways.forgetful else 0.0))
            way = self.dice.pick("query", odds)
            state = {"": state, "lags": account.before, "forgets": "absent"}[way]
        if state == "paid" or (state == "returned" and self.ways.stays_paid):
            return self._paid(account)
        # Only the replica that writes calls an order dead: nobody may say so who may have missed a payment.
        expired = state == account.state == "open" and self.clock.now_ms > account.dies_ms
        if expired and self.ways.expires:
            return saying(OrderClosed)
        if state == "open":
            return saying(PaymentPending, payer_acting=account.acting)
        if state == "failed":
            return saying(PaymentDeclined, reason=Reason.INSUFFICIENT_FUNDS)
        return saying(OrderNotFound if state in ("absent", "minted") else OrderClosed)

    def _paid(self, account: Account) -> Saying:
        if self.dice.pick("answer", (("says paid but not how much", 0.04),)):
            return saying(PaymentHinted)
        return saying(PaymentApproved, paid=Money(account.paid_minor, account.amount.currency))

    def _undo(self, request: CloseOrder | ReverseOrder) -> Saying:
        number = request.order_no
        state = self.state(number)
        if state in ("absent", "minted"):
            if self.ways.tombstone:
                self._born(number, request.amount, "closed")
            return saying(UndoAccepted if self.ways.absent_accepts else OrderNotFound)
        account = self.accounts[number]
        if self.clock.now_ms - account.born_ms < self.ways.age_ms:
            return saying(UndoRefused, why=UndoRefusal.TOO_EARLY)
        if state == "paid" and not self.ways.undo_returns:
            return saying(UndoRefused, why=UndoRefusal.ALREADY_PAID)
        if state == "paid" and self._too_late(number):
            return saying(UndoRefused, why=UndoRefusal.WINDOW_OVER)
        if state in ("open", "paid"):
            account.captured_minor = 0
            self._becomes(number, "closed" if state == "open" else "returned")
        return saying(UndoAccepted)

    # -- returns ---------------------------------------------------------------------------------------------

    def returned(self, order_no: str) -> int:
        """Minor units of this paid order that went back by refunds and voids."""
        return sum(it.amount.minor for it in self.refunds.values() if it.of == order_no)

    def _returnable(self, of: str) -> int:
        """-1: nothing, not even nothing at all, of a sale that is not paid here."""
        return self.captured(of) if self.state(of) == "paid" else -1

    def _give_back(self, number: str, amount: Money, of: str, wait_ms: int) -> None:
        self.refunds[number] = Refund(amount, of, self.clock.now_ms + wait_ms)
        self.accounts[of].captured_minor -= amount.minor
        self.changed.append(of)

    def _refund(self, request: RefundOrder) -> Saying:
        """The same number again changes nothing."""
        number, amount = request.order_no, request.amount
        if number not in self.refunds:
            odds = (("refused", 0.1), ("takes a while", 0.3))
            way = self.dice.pick("refund", odds)
            if way == "refused" or amount.minor > self._returnable(request.of):
                self.refused.add(number)
            if number in self.refused:
                return saying(RefundFailed)
            self._give_back(number, amount, request.of, REFUND_MS if way else 0)
        return self._tell_refund(number)

    def _tell_refund(self, number: str) -> Saying:
        refund = self.refunds.get(number)
        if refund is None:
            return saying(RefundFailed if number in self.refused else OrderNotFound)
        if self.clock.now_ms < refund.done_ms:
            return saying(RefundAccepted)
        return saying(RefundDone, amount=refund.amount)

    def _too_late(self, paid: str) -> bool:
        return self.clock.now_ms - self.accounts[paid].since_ms > self.ways.void_ms

    def _void(self, request: VoidOrder) -> Saying:
        if request.order_no in self.refunds:
            return saying(UndoAccepted)
        if self._returnable(request.of) != request.amount.minor:
            self.refused.add(request.order_no)
        if request.order_no in self.refused:
            return saying(RefundFailed)
        if self._too_late(request.of):
            return saying(UndoRefused, why=UndoRefusal.WINDOW_OVER)
        self._give_back(request.order_no, request.amount, request.of, 0)
        return saying(UndoAccepted)
