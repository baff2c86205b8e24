"""The books: what may happen to an order, and that no money is ever made or lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from terminal.bench.sandbox.entries import Decline, LedgerRefusal, State, Why
from terminal.bench.sandbox.ledger import REFUNDS_MAX, Ask, Ledger, RefundAsk
from terminal.bench.sandbox.rules import Behaviour, Rules
from terminal.core.terms import Money, Refusal

START_MS = 1_795_223_864_205


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.sqlite", random.Random(1).randrange)
    yield ledger
    ledger.close()


def ask(number: str = "T1", minor: int = 1250, life_ms: int | None = None) -> Ask:
    return Ask(number, "M1", Money(minor, "EUR"), "Alipay+", life_ms)


@contextmanager
def refused(why: Why) -> Iterator[None]:
    with pytest.raises(LedgerRefusal) as refusal:
        yield
    assert refusal.value.why is why


def test_a_shown_code_expires_and_then_cannot_be_paid(ledger: Ledger) -> None:
    qr = ledger.create(ask(life_ms=90_000), START_MS).qr
    assert ledger.order("T1", START_MS + 89_999).state is State.WAITING
    expired = ledger.order("T1", START_MS + 90_000)
    assert (expired.state, expired.ended_ms) == (State.EXPIRED, START_MS + 90_000)
    with refused(Why.ENDED):
        ledger.pay(qr, START_MS + 90_001)


def test_late_payment_when_asked_for_until_it_is_revoked(ledger: Ledger) -> None:
    ledger.set_rules(Rules(late_payment=True))
    late = START_MS + 400_000
    assert ledger.pay(ledger.create(ask("T1"), START_MS).qr, late).state is State.PAID
    closed = ledger.create(ask("T2"), START_MS).qr
    with refused(Why.ENDED):
        ledger.decline(closed, late)
    ledger.revoke("T2", late)
    with refused(Why.ENDED):
        ledger.pay(closed, late)


def test_paid_after_it_was_closed_when_asked_for(ledger: Ledger) -> None:
    qr = ledger.create(ask("T1"), START_MS).qr
    ledger.revoke("T1", START_MS + 60_000)
    with refused(Why.ENDED):
        ledger.pay(qr, START_MS + 60_000)
    ledger.set_rules(Rules(paid_after_close=True))
    with refused(Why.ENDED):
        ledger.decline(qr, START_MS + 60_000)
    assert ledger.pay(qr, START_MS + 60_000).state is State.PAID
    returned = ledger.revoke("T1", START_MS + 60_000)
    assert returned is not None
    assert (returned.state, returned.left_minor) == (State.RETURNED, 0)


def test_a_submitted_payment_that_nobody_confirms_expires(ledger: Ledger) -> None:
    code = ledger.issue_code("Alipay+", "confirms", START_MS).code
    assert ledger.submit(ask(life_ms=60_000), code, START_MS).state is State.PAYING
    assert ledger.order("T1", START_MS + 60_000).state is State.EXPIRED


def test_a_code_lives_a_minute_and_is_used_once(ledger: Ledger) -> None:
    old = ledger.issue_code("Alipay+", "pays", START_MS)
    assert ledger.submit(ask("T1"), old.code, START_MS + 60_000).reason is not None
    fresh = ledger.issue_code("Alipay+", "pays", START_MS)
    assert ledger.submit(ask("T2"), fresh.code, START_MS + 59_999).state is State.PAID
    assert ledger.submit(ask("T3"), fresh.code, START_MS + 59_999).state is State.FAILED


def test_a_wallet_that_holds_too_little(ledger: Ledger) -> None:
    ledger.set_balance("Alipay+", Money(1249, "EUR"))
    code = ledger.issue_code("Alipay+", "pays", START_MS).code
    order = ledger.submit(ask(minor=1250), code, START_MS)
    assert (order.state, order.reason) == (State.FAILED, Decline.INSUFFICIENT)


def test_time_can_be_compressed(ledger: Ledger) -> None:
    ledger.set_rules(Rules(time_factor=60))
    assert ledger.issue_code("Alipay+", "pays", START_MS).expires_ms == START_MS + 1_000
    assert ledger.create(ask(life_ms=90_000), START_MS).expires_ms == START_MS + 1_500
    with refused(Why.TOO_EARLY):
        ledger.revoke("T1", START_MS + 249)
    assert ledger.revoke("T1", START_MS + 250)


def test_revoke_knows_its_time(ledger: Ledger) -> None:
    ledger.create(ask(), START_MS)
    with refused(Why.TOO_EARLY):
        ledger.revoke("T1", START_MS + 14_999)
    order = ledger.revoke("T1", START_MS + 15_000)
    assert order is not None
    assert order.state is State.CLOSED


def test_revoke_after_refunds_returns_the_rest(ledger: Ledger) -> None:
    code = ledger.issue_code("Alipay+", "pays", START_MS).code
    ledger.submit(ask(), code, START_MS)
    ledger.give_back(RefundAsk("R1", "T1", Money(400, "EUR")), START_MS)
    order = ledger.revoke("T1", START_MS + 15_000)
    assert order is not None
    assert (order.returned_minor, order.state) == (1250, State.RETURNED)
    with refused(Why.NOT_PAID):
        ledger.give_back(RefundAsk("R2", "T1", Money(1, "EUR")), START_MS + 15_000)


def test_an_order_has_so_many_refunds(ledger: Ledger) -> None:
    code = ledger.issue_code("Alipay+", "pays", START_MS).code
    ledger.submit(ask(), code, START_MS)
    for number in range(REFUNDS_MAX):
        ledger.give_back(RefundAsk(f"R{number}", "T1", Money(1, "EUR")), START_MS)
    with refused(Why.TOO_MANY):
        ledger.give_back(RefundAsk("R99", "T1", Money(1, "EUR")), START_MS)


def test_a_refund_in_another_currency_or_under_a_used_number(ledger: Ledger) -> None:
    code = ledger.issue_code("Alipay+", "pays", START_MS).code
    ledger.submit(ask(), code, START_MS)
    for number, money, why in (
        ("R1", Money(1, "USD"), Why.CURRENCY),
        ("T1", Money(1, "EUR"), Why.REPEATED),
    ):
        with refused(why):
            ledger.give_back(RefundAsk(number, "T1", money), START_MS)
    ledger.give_back(RefundAsk("R1", "T1", Money(1, "EUR")), START_MS)
    with refused(Why.REPEATED):
        ledger.create(ask("R1"), START_MS)


def test_settings_are_kept_with_the_books(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.set_rules(ledger.rules.changed({"tombstones": True}))
    ledger.close()
    again = Ledger(tmp_path / "ledger.sqlite")
    assert again.rules == Rules(tombstones=True)
    again.close()


def test_a_setting_that_is_none_is_refused() -> None:
    for wrong in ({"tombstone": True}, {"time_factor": 0}, {"repeat": "maybe"}, {"refund_ms": "1"}):
        with pytest.raises(Refusal):
            Rules().changed(dict(wrong))


def test_somebody_waiting_for_a_change_is_told_when_the_books_close(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    assert ledger.wait_for_change(0, timeout_s=0) is False
    ledger.create(ask(), START_MS)
    assert ledger.wait_for_change(0, timeout_s=0) is True
    ledger.close()
    assert ledger.store.wait(60)  # at once: nothing can come any more


BEHAVIOURS: list[Behaviour] = ["pays", "pays", "confirms", "declines", "insufficient", "expired"]


class Books(RuleBasedStateMachine):
    """Whatever customers and terminals do, in any order."""

    numbers = st.integers(0, 3).map(lambda number: f"T{number}")
    minors = st.integers(1, 2_000)

    @initialize(
        tombstones=st.booleans(), late=st.booleans(), same=st.booleans(), fails=st.booleans()
    )
    def open(self, tombstones: bool, late: bool, same: bool, fails: bool) -> None:
        self.ledger = Ledger(Path(":memory:"), random.Random(7).randrange)
        self.now_ms = START_MS
        self.codes: list[str] = ["280000000000000000"]
        self.refunds = 0
        self.ended: dict[str, State] = {}
        self.ledger.set_rules(
            Rules(
                tombstones=tombstones,
                late_payment=late,
                repeat="same" if same else "refuse",
                refund_fails=fails,
                opening_balance_minor=3_000,
            )
        )

    def teardown(self) -> None:
        self.ledger.close()

    @rule(number=numbers, minor=minors)
    def create(self, number: str, minor: int) -> None:
        self.attempt(lambda: self.ledger.create(ask(number, minor), self.now_ms))

    @rule(number=numbers, minor=minors, behaviour=st.sampled_from(BEHAVIOURS))
    def submit(self, number: str, minor: int, behaviour: Behaviour) -> None:
        code = self.ledger.issue_code("Alipay+", behaviour, self.now_ms).code
        self.codes.append(code)
        self.attempt(lambda: self.ledger.submit(ask(number, minor), code, self.now_ms))

    @rule(number=numbers, minor=minors, data=st.data())
    def submit_an_old_code(self, number: str, minor: int, data: st.DataObject) -> None:
        code = data.draw(st.sampled_from(self.codes))
        self.attempt(lambda: self.ledger.submit(ask(number, minor), code, self.now_ms))

    @rule(number=numbers, wrong=st.none() | minors)
    def pay(self, number: str, wrong: int | None) -> None:
        self.attempt(lambda: self.ledger.pay(number, self.now_ms, minor=wrong))

    @rule(number=numbers)
    def scan(self, number: str) -> None:
        self.attempt(lambda: self.ledger.scan(number, self.now_ms))

    @rule(number=numbers)
    def decline(self, number: str) -> None:
        self.attempt(lambda: self.ledger.decline(number, self.now_ms))

    @rule(number=numbers)
    def revoke(self, number: str) -> None:
        def twice() -> None:
            first = self.ledger.revoke(number, self.now_ms)
            assert self.ledger.revoke(number, self.now_ms) == first

        self.attempt(twice)

    def paid(self) -> list[str]:
        orders = self.ledger.orders(0, self.now_ms)
        return [order.order_no for order in orders if order.state is State.PAID]

    @precondition(lambda self: self.paid())
    @rule(minor=st.integers(1, 400) | minors, data=st.data())
    def refund(self, minor: int, data: st.DataObject) -> None:
        self.refund_of_whatever(data.draw(st.sampled_from(self.paid())), minor)

    @rule(number=numbers, minor=minors)
    def refund_of_whatever(self, number: str, minor: int) -> None:
        self.refunds += 1
        name, money = f"R{self.refunds}", Money(minor, "EUR")
        self.attempt(lambda: self.ledger.give_back(RefundAsk(name, number, money), self.now_ms))

    @rule(number=numbers, wait_ms=st.sampled_from([1, 10_000, 61_000, 301_000]))
    def time_passes(self, number: str, wait_ms: int) -> None:
        self.now_ms += wait_ms
        self.attempt(lambda: self.ledger.order(number, self.now_ms))

    def attempt(self, what: object) -> None:
        assert callable(what)
        try:
            what()
        except LedgerRefusal as refusal:
            assert str(refusal)

    @precondition(lambda self: hasattr(self, "ledger"))
    @invariant()
    def money_is_neither_made_nor_lost(self) -> None:
        orders = self.ledger.orders(0, self.now_ms)
        in_the_till = sum(order.left_minor for order in orders)
        assert self.ledger.balance("Alipay+", "EUR").minor == 3_000 - in_the_till
        for order in orders:
            changes, refunds = self.ledger.history(order.order_no)
            assert order.left_minor == sum(change.delta_minor for change in changes) >= 0
            given = sum(refund.amount.minor for refund in refunds if not refund.failed)
            assert given <= order.returned_minor <= order.captured_minor
            assert (order.captured_minor > 0) == (order.state in (State.PAID, State.RETURNED))
            assert sum(change.delta_minor > 0 for change in changes) <= 1  # charged once

    @precondition(lambda self: hasattr(self, "ledger"))
    @invariant()
    def an_end_is_an_end(self) -> None:
        for order in self.ledger.orders(0, self.now_ms):
            was = self.ended.get(order.order_no)
            assert was in (None, order.state)
            if order.state in (State.FAILED, State.CLOSED, State.RETURNED):
                self.ended[order.order_no] = order.state

    @precondition(lambda self: hasattr(self, "ledger"))
    @invariant()
    def a_code_pays_once(self) -> None:
        used = [self.ledger.store.code(code) for code in self.codes]
        numbers = [code.order_no for code in used if code and code.order_no]
        assert len(numbers) == len(set(numbers))


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
