"""The rules of money in the sandbox. It knows no wire and no clock: every operation is told the time.

Each operation is one commit; what it answered stands on disk before the answer can leave. Nothing happens by
itself: an order expires in the moment somebody looks at it after its time, as if it had then.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from terminal.bench.sandbox.entries import (
    MOVES,
    OPEN,
    Change,
    Decline,
    LedgerRefusal,
    Order,
    PayerCode,
    Refund,
    State,
    Why,
)
from terminal.bench.sandbox.rules import Behaviour, Rules
from terminal.bench.sandbox.store import Store
from terminal.bench.sandbox.wallets import known, mint_code, mint_qr, qr_in, same_house
from terminal.core.terms import HouseFault, Mode, Money, Refusal

REFUNDS_MAX = 10  # parts that one order can be given back in (gateways.md 1.9)
ORDER_LIFE_MS = 300_000  # of an order that names none
PAGE_MAX = 500  # orders in one answer of `orders`


@dataclass(frozen=True, slots=True)
class Ask:
    """A payment request, whatever wire it came on. `life_ms`: of the gateway's time, None: the usual.

    `key`: what a repeat must have in common with the first request to get the same answer, on a wire that
    promises that (gateways.md 3.9); "": rule `repeat` decides."""

    order_no: str
    merchant: str
    amount: Money
    wallet: str
    life_ms: int | None = None
    notes: Mapping[str, str] | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class RefundAsk:
    """A refund request. `notify_url`: where its end is told, when not where the order's was.

    `repeats`: the same request again gets the same answer, whatever rule `repeat` says."""

    refund_no: str
    original: str
    amount: Money
    merchant: str = ""
    reason: str = ""
    notify_url: str = ""
    repeats: bool = False


class Ledger:
    """The books. All `now_ms` are epoch milliseconds of our wall clock.

    `merchant` hides what other accounts own, "" sees everything: several gateways may share these books."""

    def __init__(self, path: Path, chance: Callable[[int], int] = secrets.randbelow) -> None:
        self.store: Final = Store(path)
        self._chance = chance
        with self.store.writing():
            kept = self.store.kept("rules")
        self.rules = msgspec.json.decode(kept, type=Rules) if kept else Rules()

    def close(self) -> None:
        self.store.close()

    def set_rules(self, rules: Rules) -> None:
        with self.store.writing():
            self.store.keep("rules", msgspec.json.encode(rules).decode())
            self.rules = rules

    # -- what a terminal asks for ------------------------------------------------------------------

    def create(self, ask: Ask, now_ms: int) -> Order:
        """MPM: an order that waits for somebody to scan its code. LedgerRefusal: REPEATED, BURIED, WALLET."""
        with self.store.writing():
            if known_order := self._repeat(ask, Mode.MPM, None, now_ms):
                return known_order
            order = self._new(ask, Mode.MPM, State.WAITING, now_ms)
            return self._enter(replace(order, qr=mint_qr(self._chance)), None, "create", now_ms)

    def submit(self, ask: Ask, code: str, now_ms: int) -> Order:
        """CPM: charge the customer's code: PAID, PAYING (the payer must confirm) or FAILED."""
        with self.store.writing():
            if known_order := self._repeat(ask, Mode.CPM, code, now_ms):
                return known_order
            order = self._new(ask, Mode.CPM, State.PAYING, now_ms)
            payer = self._payer(code, ask.wallet, now_ms)
            decline = self._decline_of(payer, order, now_ms)
            if payer and not payer.order_no:
                self.store.put_code(replace(payer, order_no=order.order_no))
            if decline:
                failed = replace(order, state=State.FAILED, reason=decline, ended_ms=now_ms)
                return self._enter(failed, None, "submit", now_ms)
            if payer and payer.behaviour == "confirms":
                return self._enter(order, None, "submit", now_ms)
            return self._capture(order, None, "submit", order.amount.minor, now_ms)

    def order(self, word: str, now_ms: int, merchant: str = "") -> Order:
        """By order number or by our number; LedgerRefusal UNKNOWN."""
        with self.store.writing():
            return self._look(word, now_ms, merchant)

    def revoke(
        self, word: str, now_ms: int, merchant: str = "", *, at_once: bool = False
    ) -> Order | None:
        """Undo: close it, or give the money back. Repeats change nothing. None: a tombstone stands now.

        `at_once`: this wire knows no earliest moment. LedgerRefusal: UNKNOWN (without tombstones), TOO_EARLY,
        WINDOW (too late)."""
        with self.store.writing():
            if self.rules.tombstones and not self._find(word, merchant):
                self.store.bury(word, now_ms)
                return None
            order = self._look(word, now_ms, merchant)
            if order.state in (State.FAILED, State.CLOSED, State.RETURNED):
                return order
            self._revocable(order, now_ms, at_once)
            if order.state is not State.PAID:
                closed = replace(order, state=State.CLOSED, ended_ms=now_ms)
                return self._enter(closed, order, "revoke", now_ms)
            return self._give_back(order, order.left_minor, State.RETURNED, "revoke", now_ms)

    def give_back(self, ask: RefundAsk, now_ms: int) -> Refund:
        """A refund under its own number. LedgerRefusal: UNKNOWN, REPEATED, NOT_PAID, CURRENCY, TOO_MUCH,
        TOO_MANY. The money counts as given back from now, even while the refund says "under way"."""
        with self.store.writing():
            order = self._look(ask.original, now_ms, ask.merchant)
            if again := self._repeated_refund(ask, order):
                return again
            self._refundable(order, ask.amount)
            return self._refund(ask, order, now_ms)

    def refund(self, word: str, merchant: str = "") -> Refund:
        """By the refund's number or by ours; LedgerRefusal UNKNOWN."""
        with self.store.writing():
            found = self.store.refund(word) or self.store.refund_of_trans(word)
            if found and self._find(found.order_no, merchant):
                return found
        raise LedgerRefusal(Why.UNKNOWN, f"no refund {word[:40]!r} in these books")

    # -- what a customer does ----------------------------------------------------------------------

    def issue_code(self, wallet: str, behaviour: Behaviour, now_ms: int) -> PayerCode:
        """A fresh one-time code on a customer's phone. "expired": it was shown a minute ago."""
        known(wallet)
        life_ms = self.rules.span_ms(self.rules.code_life_ms)
        expires_ms = now_ms if behaviour == "expired" else now_ms + life_ms
        with self.store.writing():
            text = mint_code(wallet, self._chance)
            while self.store.code(text):
                text = mint_code(wallet, self._chance)
            code = PayerCode(text, wallet, behaviour, expires_ms)
            self.store.put_code(code)
        return code

    def scan(self, word: str, now_ms: int, wallet: str | None = None) -> Order:
        """A phone scans the shown code: the order is PAYING from now. `word`: the code or the order."""
        with self.store.writing():
            order = self._payable(word, now_ms, wallet)
            if order.state is not State.WAITING:
                return order
            return self._enter(replace(order, state=State.PAYING), order, "scan", now_ms)

    def pay(
        self, word: str, now_ms: int, wallet: str | None = None, minor: int | None = None
    ) -> Order:
        """The customer pays, or confirms what was submitted. `minor`: a wrong amount, on request only."""
        with self.store.writing():
            order = self._payable(word, now_ms, wallet)
            wanted = order.amount.minor if minor is None else minor
            if wanted < 1:
                raise Refusal("Nobody can pay less than one minor unit.")
            if wanted > self._balance(order.wallet, order.amount.currency):
                raise LedgerRefusal(Why.POOR, f"this {order.wallet} does not hold so much")
            return self._capture(order, order, "pay", wanted, now_ms)

    def decline(self, word: str, now_ms: int) -> Order:
        """The customer says no."""
        with self.store.writing():
            order = self._payable(word, now_ms, None)
            if order.state not in OPEN:  # with `late_payment`, "payable" is more than open
                raise LedgerRefusal(Why.ENDED, f"this order is {order.state.value}")
            refused = replace(order, state=State.FAILED, reason=Decline.REFUSED, ended_ms=now_ms)
            return self._enter(refused, order, "decline", now_ms)

    def set_balance(self, wallet: str, money: Money) -> None:
        with self.store.writing():
            self.store.put_balance(known(wallet), money.currency, money.minor)

    def balance(self, wallet: str, currency: str) -> Money:
        with self.store.writing():
            return Money(self._balance(known(wallet), currency), currency)

    # -- what a checker reads ----------------------------------------------------------------------

    def orders(self, since: int, now_ms: int, limit: int = PAGE_MAX) -> list[Order]:
        """Orders with an entry after number `since`, in the order of their last entry; at most a page."""
        self.age(now_ms)
        with self.store.writing():
            return self.store.orders_since(since, min(limit, PAGE_MAX))

    def age(self, now_ms: int) -> None:
        """Expire every order whose time is over."""
        with self.store.writing():
            for order in self.store.orders_due(now_ms):
                self._age(order, now_ms)

    def history(self, order_no: str) -> tuple[list[Change], list[Refund]]:
        with self.store.writing():
            return self.store.changes_of(order_no), self.store.refunds_of(order_no)

    def another(self, order_no: str) -> Order | None:
        """Somebody else's order, for answers that must not be believed."""
        with self.store.writing():
            return self.store.another_order(order_no)

    def wait_for_change(self, since: int, timeout_s: float) -> bool:
        """Until an entry after number `since` stands in the books; False when the time is over first."""
        self.store.wait(
            timeout_s, until=lambda: self.store.closed or self.store.last_change() > since
        )
        with self.store.writing():
            return self.store.last_change() > since

    # -- how it is done ----------------------------------------------------------------------------

    def _find(self, word: str, merchant: str = "") -> Order | None:
        found = self.store.order(word) or self.store.order_of_trans(word)
        return found if found and merchant in ("", found.merchant) else None

    def _look(self, word: str, now_ms: int, merchant: str = "") -> Order:
        found = self._find(word, merchant)
        if not found:
            raise LedgerRefusal(Why.UNKNOWN, f"no order {word[:40]!r} in these books")
        return self._age(found, now_ms)

    def _age(self, order: Order, now_ms: int) -> Order:
        if order.state not in OPEN or now_ms < order.expires_ms:
            return order
        expired = replace(order, state=State.EXPIRED, ended_ms=order.expires_ms)
        return self._enter(expired, order, "expire", now_ms)

    def _repeat(self, ask: Ask, mode: Mode, code: str | None, now_ms: int) -> Order | None:
        """The order that this request asks for again, under rule `repeat`; None: the number is new."""
        if self.store.is_buried(ask.order_no):
            raise LedgerRefusal(Why.BURIED, "this order was revoked before it came")
        order = self.store.order(ask.order_no)
        if not order and not self.store.refund(ask.order_no):
            return None
        repeats = ask.key or self.rules.repeat == "same"
        if repeats and order and self._same(order, ask, mode, code):
            return self._age(order, now_ms)
        raise LedgerRefusal(Why.REPEATED, f"order number {ask.order_no} was used before")

    def _same(self, order: Order, ask: Ask, mode: Mode, code: str | None) -> bool:
        if ask.key:
            return (order.merchant, order.notes.get("key")) == (ask.merchant, ask.key)
        payer = self.store.code(code) if code else None
        by_the_same = payer.order_no == order.order_no if payer else code is None
        asked = (mode, ask.merchant, ask.amount, ask.wallet)
        return by_the_same and asked == (order.mode, order.merchant, order.amount, order.wallet)

    def _new(self, ask: Ask, mode: Mode, state: State, now_ms: int) -> Order:
        known(ask.wallet)
        unsaid_ms = self.rules.order_life_ms or ORDER_LIFE_MS
        life_ms = unsaid_ms if ask.life_ms is None else ask.life_ms
        expires_ms = now_ms + self.rules.span_ms(life_ms)
        who = (ask.order_no, "", ask.merchant, mode, ask.amount, ask.wallet)
        notes = {**(ask.notes or {}), **({"key": ask.key} if ask.key else {})}
        return Order(*who, state, now_ms, expires_ms, notes=notes)

    def _payer(self, code: str, wallet: str, now_ms: int) -> PayerCode | None:
        """Who showed this code; for a code that is not ours, whoever rule `unlisted_codes` says."""
        payer = self.store.code(code)
        if payer or self.rules.unlisted_codes == "declines":
            return payer
        life_ms = self.rules.span_ms(self.rules.code_life_ms)
        return PayerCode(code, wallet, self.rules.unlisted_codes, now_ms + life_ms)

    def _decline_of(self, payer: PayerCode | None, order: Order, now_ms: int) -> Decline | None:
        """Why the payer's side says no at once; None: it does not."""
        if not payer:
            return Decline.CODE_UNKNOWN
        if payer.order_no:
            return Decline.CODE_USED
        if now_ms >= payer.expires_ms or payer.behaviour == "expired":
            return Decline.CODE_EXPIRED
        if not same_house(payer.wallet, order.wallet):
            return Decline.WRONG_WALLET
        if payer.behaviour == "declines":
            return Decline.REFUSED
        poor = order.amount.minor > self._balance(order.wallet, order.amount.currency)
        return Decline.INSUFFICIENT if poor or payer.behaviour == "insufficient" else None

    def _payable(self, word: str, now_ms: int, wallet: str | None) -> Order:
        """The order a customer means by its code's text, its number, or the code they showed."""
        payer = self.store.code(word)
        order = self._find(payer.order_no if payer else word) or self.store.order_of_qr(qr_in(word))
        if not order:
            raise LedgerRefusal(Why.UNKNOWN, "this code leads to no order")
        order = self._age(order, now_ms)
        late = {State.EXPIRED: self.rules.late_payment, State.CLOSED: self.rules.paid_after_close}
        if order.state not in OPEN and not late.get(order.state):
            raise LedgerRefusal(Why.ENDED, f"this order is {order.state.value}")
        if wallet is not None and not same_house(known(wallet), order.wallet):
            raise LedgerRefusal(Why.WALLET, f"this code is for {order.wallet}")
        return order

    def _revocable(self, order: Order, now_ms: int, at_once: bool) -> None:
        age_ms, rules = now_ms - order.created_ms, self.rules
        if not at_once and age_ms < rules.span_ms(rules.earliest_revoke_ms):
            raise LedgerRefusal(Why.TOO_EARLY, "an order this young cannot be revoked yet")
        if order.state is State.PAID and age_ms >= rules.span_ms(rules.cancel_window_ms):
            raise LedgerRefusal(Why.WINDOW, "too late to revoke this payment: refund it")

    def _refundable(self, order: Order, amount: Money) -> None:
        if order.state is not State.PAID:
            raise LedgerRefusal(Why.NOT_PAID, f"this order is {order.state.value}")
        if amount.currency != order.amount.currency:
            raise LedgerRefusal(Why.CURRENCY, f"this order is in {order.amount.currency}")
        if not 0 < amount.minor <= order.left_minor:
            raise LedgerRefusal(Why.TOO_MUCH, f"{order.left_minor} minor units can be given back")
        if len(self.store.refunds_of(order.order_no)) >= REFUNDS_MAX:
            raise LedgerRefusal(Why.TOO_MANY, f"an order has at most {REFUNDS_MAX} refunds")

    def _repeated_refund(self, ask: RefundAsk, order: Order) -> Refund | None:
        known_refund = self.store.refund(ask.refund_no)
        if not known_refund and not self.store.order(ask.refund_no):
            return None
        asked = (order.order_no, ask.amount)
        same = known_refund and (known_refund.order_no, known_refund.amount) == asked
        if same and (ask.repeats or self.rules.repeat == "same"):
            return known_refund
        raise LedgerRefusal(Why.REPEATED, f"order number {ask.refund_no} was used before")

    def _refund(self, ask: RefundAsk, order: Order, now_ms: int) -> Refund:
        fails = self.rules.refund_fails
        back = 0 if fails else ask.amount.minor
        order = self._give_back(order, back, order.state, "refund", now_ms)
        trans_no = _trans_no(now_ms, order.changed)
        done_ms = now_ms + self.rules.span_ms(self.rules.refund_ms)
        what = (ask.refund_no, trans_no, order.order_no, ask.amount)
        refund = Refund(*what, done_ms, fails, ask.reason)
        self.store.put_refund(refund)
        if url := ask.notify_url or order.notes.get("notify_url"):
            told = replace(order, notes={**order.notes, "notify_url": url})
            self.store.add_notice(told, ask.refund_no, done_ms)
        return refund

    def _balance(self, wallet: str, currency: str) -> int:
        held = self.store.balance(wallet, currency)
        return self.rules.opening_balance_minor if held is None else held

    def _move(self, order: Order, minor: int) -> None:
        """`minor` from the customer's wallet into the till (negative: back)."""
        held = self._balance(order.wallet, order.amount.currency)
        self.store.put_balance(order.wallet, order.amount.currency, held - minor)

    def _capture(
        self, order: Order, before: Order | None, what: str, minor: int, now_ms: int
    ) -> Order:
        self._move(order, minor)
        paid = replace(order, state=State.PAID, captured_minor=minor, ended_ms=now_ms)
        return self._enter(paid, before, what, now_ms, delta_minor=minor)

    def _give_back(self, order: Order, minor: int, state: State, what: str, now_ms: int) -> Order:
        self._move(order, -minor)
        returned_minor = order.returned_minor + minor
        after = replace(order, state=state, returned_minor=returned_minor)
        return self._enter(after, order, what, now_ms, delta_minor=-minor)

    def _enter(
        self, after: Order, before: Order | None, what: str, now_ms: int, delta_minor: int = 0
    ) -> Order:
        """Write an order and the entry about it; the only way anything gets into the books."""
        was = before.state if before else None
        if after.state is not was and after.state not in MOVES[was]:
            raise HouseFault(f"the sandbox's ledger wanted {was} -> {after.state}")
        words = (was.value if was else "", after.state.value, delta_minor)
        number = self.store.add_change(now_ms, after.order_no, what, *words)
        trans_no = after.trans_no or _trans_no(now_ms, number)
        entered = replace(after, changed=number, trans_no=trans_no)
        self.store.put_order(entered)
        if after.state is not was and after.state not in OPEN and after.notes.get("notify_url"):
            self.store.add_notice(entered, "", now_ms)
        return entered


def _trans_no(now_ms: int, number: int) -> str:
    """Our number of a transaction: 23 digits, as seen on the wire."""
    return f"5123{now_ms:013d}{number:06d}"
