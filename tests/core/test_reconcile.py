"""Every pair of words from both sides: what is a difference, of which kind, and what is none."""

from __future__ import annotations

import pytest

from terminal.core.effects import give_back_no
from terminal.core.reconcile import Entry, Kind, There, compare
from terminal.core.record import replace
from terminal.core.sale import GIVEN_BACK, Order, Phase
from terminal.core.terms import Mode, Money

SUM = Money(1_250, "EUR")
LESS = Money(1_249, "EUR")
YEN = Money(1_250, "JPY")
P, W, U, A = There.PAID, There.WAITING, There.UNPAID, There.ABSENT
R, PENDING, FAILED = There.RETURNED, There.PENDING, There.FAILED


def order(phase: Phase, mode: Mode = Mode.MPM, number: str = "T1", sale: str = "T1") -> Order:
    paid = SUM if phase in (Phase.PAID, Phase.RETURNED) else None
    of = "T0" if mode in (Mode.REFUND, Mode.VOID) else None
    return Order(number, sale, mode, SUM, phase, 0, of=of, paid=paid)


def given_back() -> Order:
    """Reversed by a refund, because its undo came too late."""
    return replace(order(Phase.REVERSED), paid=SUM, detail=GIVEN_BACK)


def test_a_sale_that_a_refund_gave_back() -> None:
    """There it stays paid, beside a refund whose number is no order's here."""
    sale, refund = Entry("T1", P, SUM), Entry(give_back_no("T1"), R, SUM)
    assert kinds([given_back()], [sale, refund]) == []
    assert kinds([given_back()], [sale]) == [Kind.UNPAID_HERE]
    assert kinds([given_back()], [sale], whole=False) == []
    assert kinds([order(Phase.PAID)], [sale, refund]) == [Kind.UNKNOWN_HERE]
    assert list(compare([], [refund], {"T1": given_back()}.get, whole=True)) == []


def kinds(ours: list[Order], theirs: list[Entry], *, whole: bool = True) -> list[Kind]:
    return [found.kind for found in compare(ours, theirs, lambda _: None, whole=whole)]


@pytest.mark.parametrize(
    ("phase", "entry", "kind"),
    [
        (Phase.PAID, Entry("T1", P, SUM), None),
        (Phase.PAID, Entry("T1", P), None),
        (Phase.PAID, Entry("T1", P, LESS), Kind.AMOUNT),
        (Phase.PAID, Entry("T1", P, YEN), Kind.CURRENCY),
        (Phase.PAID, Entry("T1", W), Kind.UNPAID_THERE),
        (Phase.PAID, Entry("T1", U), Kind.UNPAID_THERE),
        (Phase.PAID, Entry("T1", A), Kind.UNPAID_THERE),
        (Phase.PAID, Entry("T1", R, SUM), Kind.RETURN_MISSING),
        *[
            (phase, Entry("T1", there, SUM), kind)
            for phase in (Phase.CLOSED, Phase.DECLINED)
            for there, kind in (
                (P, Kind.UNPAID_HERE),
                (W, Kind.STATE),
                (U, None),
                (A, None),
                (R, None),
            )
        ],
        (Phase.REVERSED, Entry("T1", P, SUM), Kind.UNPAID_HERE),
        (Phase.REVERSED, Entry("T1", R, SUM), None),
        (Phase.PRESENTING, Entry("T1", P, SUM), None),  # under way: not compared
        (Phase.ATTENTION, Entry("T1", A), None),
    ],
)
def test_a_sale(phase: Phase, entry: Entry, kind: Kind | None) -> None:
    assert kinds([order(phase)], [entry]) == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("phase", "there", "kind"),
    [
        (Phase.RETURNED, R, None),
        (Phase.RETURNED, A, Kind.RETURN_MISSING),
        (Phase.RETURNED, FAILED, Kind.RETURN_MISSING),
        (Phase.RETURNED, PENDING, Kind.STATE),
        (Phase.NOT_RETURNED, R, Kind.RETURN_MISSING),
        (Phase.NOT_RETURNED, FAILED, None),
        (Phase.NOT_RETURNED, A, None),
        (Phase.REFUNDING, A, None),
    ],
)
def test_a_refund(phase: Phase, there: There, kind: Kind | None) -> None:
    ours = [order(phase, Mode.REFUND)]
    assert kinds(ours, [Entry("T1", there, SUM)]) == ([kind] if kind else [])


def test_a_refund_of_another_amount() -> None:
    assert kinds([order(Phase.RETURNED, Mode.REFUND)], [Entry("T1", R, LESS)]) == [Kind.AMOUNT]
    assert kinds([order(Phase.RETURNED, Mode.REFUND)], [Entry("T1", R, YEN)]) == [Kind.CURRENCY]


@pytest.mark.parametrize(
    ("there", "kind"), [(R, None), (U, None), (P, Kind.RETURN_MISSING), (A, Kind.UNPAID_THERE)]
)
def test_a_void_is_told_by_its_sale(there: There, kind: Kind | None) -> None:
    """It has no line of its own there."""
    sale = order(Phase.PAID, number="T0")
    void = order(Phase.RETURNED, Mode.VOID, "T2", "T0")
    found = kinds([sale, void], [Entry("T0", there, SUM)])
    assert found == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("sale_there", "there", "found"),
    [
        (P, R, []),
        (P, There.FAILED, [Kind.RETURN_MISSING]),
        (P, There.PENDING, [Kind.RETURN_MISSING]),
        (R, R, [Kind.RETURN_MISSING]),  # all of it, and then all of it again
    ],
)
def test_a_void_that_came_too_late_is_told_by_its_refund(
    sale_there: There, there: There, found: list[Kind]
) -> None:
    sale = order(Phase.PAID, number="T0")
    void = order(Phase.RETURNED, Mode.VOID, "T2", "T0")
    assert kinds([sale, void], [Entry("T0", sale_there, SUM), Entry("T2", there, SUM)]) == found


def test_a_failed_void_changes_nothing() -> None:
    sale = order(Phase.PAID, number="T0")
    void = order(Phase.NOT_RETURNED, Mode.VOID, "T2", "T0")
    assert kinds([sale, void], [Entry("T0", P, SUM)]) == []
    assert kinds([sale, void], [Entry("T0", R, SUM)]) == [Kind.RETURN_MISSING]


def test_an_answer_may_go_on_to_call_paid_what_went_back() -> None:
    """gateways.md 8.8; a bill may not."""
    void = order(Phase.RETURNED, Mode.VOID, "T2", "T0")
    sale, undone = order(Phase.PAID, number="T0"), order(Phase.REVERSED)
    said = [Entry("T0", P, SUM), Entry("T1", P, SUM)]
    assert kinds([sale, void, undone], said, whole=False) == []
    assert kinds([sale, void, undone], said) == [Kind.RETURN_MISSING, Kind.UNPAID_HERE]


def test_who_was_not_asked_is_not_missed() -> None:
    assert kinds([order(Phase.PAID)], [], whole=False) == []
    assert kinds([order(Phase.PAID)], []) == [Kind.UNPAID_THERE]


def test_paid_twice() -> None:
    assert kinds([order(Phase.PAID)], [Entry("T1", P, SUM)] * 2) == [Kind.DOUBLED]
    both = [order(Phase.PAID), order(Phase.PAID, Mode.CPM, "T2", "T1")]
    assert kinds(both, [Entry("T1", P, SUM), Entry("T2", P, SUM)]) == [Kind.DOUBLED]


def test_a_line_of_another_day_is_looked_up_and_judged() -> None:
    yesterday = order(Phase.CLOSED, number="T9")
    found = list(
        compare(
            [],
            [Entry("T9", P, SUM), Entry("X", P, SUM)],
            lambda order_no: yesterday if order_no == "T9" else None,
            whole=True,
        )
    )
    assert [(each.kind, each.order_no) for each in found] == [
        (Kind.UNPAID_HERE, "T9"),
        (Kind.UNKNOWN_HERE, "X"),
    ]
    assert (found[0].here, found[0].there) == ("not paid 12.50 EUR", "paid 12.50 EUR")
