"""Tables 3.3 and 3.4 of reference/reliability.md, row by row, and who may give what back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from terminal.core import refund
from terminal.core.effects import QueryRefund, RefundOrder, VoidOrder
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    LineFailed,
    OrderNotFound,
    RefundAccepted,
    RefundDone,
    RefundFailed,
    Restarted,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
)
from terminal.core.sale import Phase, Reason
from terminal.core.sight import outcome
from terminal.core.terms import MINOR_MAX, Mode, Money, Refusal
from terminal.core.timing import GIVE_UP_MS
from tests.core.script import EUR_4, EUR_5, paid, refunding, requesting, voiding

# -- may it be? (I4, F84) ------------------------------------------------------------------------------------


def returns(*minors: int, phase: Phase = Phase.REFUNDING) -> list:
    original = paid()
    return [
        replace(
            refund.open_return(f"R{n}", original, Money(minor, "EUR"), Mode.REFUND, at_ms=1)[0],
            phase=phase,
        )
        for n, minor in enumerate(minors)
    ]


def test_partial_refunds_up_to_what_was_captured() -> None:
    refund.allow(paid(), returns(100, 200), Money(200, "EUR"), Mode.REFUND)
    with pytest.raises(Refusal, match=r"Only 2\.00 EUR"):
        refund.allow(paid(), returns(100, 200), Money(201, "EUR"), Mode.REFUND)


def test_a_reservation_counts_until_it_has_definitely_failed() -> None:
    for phase in (Phase.REFUNDING, Phase.VOIDING, Phase.ATTENTION, Phase.RETURNED):
        with pytest.raises(Refusal):
            refund.allow(paid(), returns(500, phase=phase), Money(1, "EUR"), Mode.REFUND)
    refund.allow(paid(), returns(500, phase=Phase.NOT_RETURNED), EUR_5, Mode.REFUND)


def test_what_cannot_be_returned() -> None:
    with pytest.raises(Refusal, match="not paid"):
        refund.allow(requesting().order, [], EUR_5, Mode.REFUND)
    with pytest.raises(Refusal, match="return itself"):
        refund.allow(refunding().order, [], EUR_5, Mode.REFUND)
    with pytest.raises(Refusal, match="EUR"):
        refund.allow(paid(), [], Money(1, "USD"), Mode.REFUND)
    with pytest.raises(Refusal, match="zero"):
        refund.allow(paid(), [], Money(0, "EUR"), Mode.REFUND)


def test_a_void_is_the_whole_sale_and_the_first_return_of_it() -> None:
    """A void takes back all there is: 16.81 as a void took the whole 246.14 once."""
    refund.allow(paid(), [], EUR_5, Mode.VOID)
    with pytest.raises(Refusal, match="whole sale"):
        refund.allow(paid(), [], EUR_4, Mode.VOID)
    with pytest.raises(Refusal, match="whole sale"):
        refund.allow(paid(), returns(100), EUR_4, Mode.VOID)


# -- refund (3.4) ----------------------------------------------------------------------------------------------


def test_it_leaves_once_under_its_own_number() -> None:
    back = refunding(amount=EUR_4)
    assert back.sent == [RefundOrder("R1", EUR_4, back.order.of, "g1")]
    assert back.phase is Phase.REFUNDING


def test_definite_success_with_this_amount() -> None:
    back = refunding().hears(RefundDone, amount=EUR_5)
    assert (back.phase, outcome(back.order)) == (Phase.RETURNED, "returned")


def test_success_with_another_amount_is_for_a_human() -> None:
    back = refunding().hears(RefundDone, amount=EUR_4)
    assert (back.phase, back.order.reason) == (Phase.ATTENTION, Reason.MISMATCH)
    assert back.wakes().hears(RefundDone, amount=EUR_5).phase is Phase.ATTENTION


@pytest.mark.parametrize("minor", [401, 500, 501, MINOR_MAX])
def test_f48_more_went_back_than_was_asked_or_ever_captured(minor: int) -> None:
    """A human looks, nothing more is sent, and of that sale no more can go back than is left by their word."""
    back = refunding(amount=EUR_4).hears(RefundDone, amount=Money(minor, "EUR"))
    assert (back.phase, back.order.reason, back.last) == (Phase.ATTENTION, Reason.MISMATCH, ())
    assert back.order.detail == f"returned {Money(minor, 'EUR')}, asked 4.00 EUR"
    assert refund.left_over(paid(), [back.order]) == max(500 - minor, 0)
    with pytest.raises(Refusal, match="can still go back"):
        refund.allow(paid(), [back.order], Money(100, "EUR"), Mode.REFUND)


@pytest.mark.parametrize("said", [Money(100, "EUR"), Money(500, "USD")])
def test_f48_their_word_never_frees_what_was_asked(said: Money) -> None:
    back = refunding(amount=EUR_4).hears(RefundDone, amount=said)
    assert (back.phase, refund.left_over(paid(), [back.order])) == (Phase.ATTENTION, 100)


def test_accepted_is_asked_about_until_it_is_done() -> None:
    back = refunding().hears(RefundAccepted)
    assert (back.phase, outcome(back.order)) == (Phase.REFUNDING, "return pending")
    for _ in range(5):
        assert back.wakes().asks is QueryRefund
        back.hears(RefundAccepted)
    assert back.wakes().hears(RefundDone, amount=EUR_5).phase is Phase.RETURNED


@pytest.mark.parametrize("said", [AnswerUnclear, LineFailed])
def test_unknown_is_asked_about_never_sent_again_blindly(said: type) -> None:
    words = {"left": True} if said is LineFailed else {}
    back = refunding().hears(said, **words)
    assert back.wakes().asks is QueryRefund
    assert [type(request) for request in back.sent] == [RefundOrder, QueryRefund]


def test_not_found_sends_the_same_number_and_amount_again() -> None:
    back = refunding().hears(LineFailed, left=True).wakes().hears(OrderNotFound)
    assert back.sent[-1] == back.sent[0]


def test_never_connected_returns_nothing_at_once() -> None:
    back = refunding().hears(LineFailed, left=False)
    assert (back.phase, back.order.reason) == (Phase.NOT_RETURNED, Reason.NO_CONNECTION)


def test_after_a_first_try_that_left_a_dead_line_proves_nothing() -> None:
    back = refunding().hears(LineFailed, left=True).wakes().hears(OrderNotFound)
    assert back.hears(LineFailed, left=False).phase is Phase.REFUNDING


def test_definite_failure_releases_the_reservation() -> None:
    back = refunding().hears(RefundFailed, reason=Reason.LIMIT)
    assert (back.phase, outcome(back.order)) == (Phase.NOT_RETURNED, "not returned")
    refund.allow(paid(), [back.order], EUR_5, Mode.REFUND)


@pytest.mark.parametrize("rebooted", [False, True])
def test_a_restart_goes_on_by_asking(rebooted: bool) -> None:
    back = refunding().hears(Restarted, rebooted=rebooted)
    assert back.last == ()
    assert back.wakes().asks is QueryRefund
    assert back.hears(LineFailed, left=False).phase is Phase.REFUNDING


def test_a_day_without_a_result_is_for_a_human_and_still_asked_about() -> None:
    back = refunding().hears(RefundAccepted)
    while back.phase is Phase.REFUNDING:
        if back.wakes().asks:
            back.hears(AnswerUnclear)
    assert back.now_ms >= GIVE_UP_MS
    assert back.phase is Phase.ATTENTION
    assert back.wakes().asks is QueryRefund
    assert back.hears(RefundDone, amount=EUR_5).phase is Phase.RETURNED


def test_cancel_does_not_stop_money_that_goes_back() -> None:
    back = refunding()
    assert back.hears(CancelPressed).phase is Phase.REFUNDING


# -- void (3.3) ------------------------------------------------------------------------------------------------


def test_void_acknowledged() -> None:
    back = voiding()
    assert back.sent == [VoidOrder("V1", EUR_5, back.order.of, "g1")]
    assert back.hears(UndoAccepted).phase is Phase.RETURNED


def test_void_too_late_becomes_a_refund_under_the_same_number() -> None:
    back = voiding().hears(UndoRefused, why=UndoRefusal.WINDOW_OVER)
    assert back.phase is Phase.REFUNDING
    assert back.last == (RefundOrder("V1", EUR_5, back.order.of, "g1"),)
    assert back.hears(RefundDone, amount=EUR_5).phase is Phase.RETURNED


def test_void_that_may_have_been_done_is_not_undone_by_a_refund_that_never_left() -> None:
    late = {"why": UndoRefusal.WINDOW_OVER}
    back = voiding().hears(LineFailed, left=True).wakes().hears(UndoRefused, **late)
    assert back.hears(LineFailed, left=False).phase is Phase.REFUNDING
    back = voiding().hears(UndoRefused, **late)
    assert back.hears(LineFailed, left=False).phase is Phase.NOT_RETURNED


def test_void_without_an_answer_is_repeated_until_acknowledged() -> None:
    back = voiding().hears(LineFailed, left=True)
    for _ in range(4):
        assert back.wakes().asks is VoidOrder
        back.hears(AnswerUnclear)
    assert {request.order_no for request in back.sent} == {"V1"}
    assert back.wakes().hears(UndoAccepted).phase is Phase.RETURNED


@pytest.mark.parametrize("lost", ["the answer", "the power"])
def test_void_unanswered_then_refused_is_not_called_not_returned(lost: str) -> None:
    """The first void may have returned everything: then a refusal is what one would hear (I4)."""
    back = voiding()
    if lost == "the answer":
        back.hears(LineFailed, left=True)
    else:
        back.hears(Restarted, rebooted=True)
    back.wakes().hears(UndoRefused, why=UndoRefusal.WINDOW_OVER)
    assert back.asks is RefundOrder
    back.hears(RefundFailed)
    assert back.phase is Phase.ATTENTION
    with pytest.raises(Refusal, match="still go back"):  # the reservation stays
        refund.allow(paid(), [back.order], EUR_5, Mode.REFUND)
    assert voiding().hears(AnswerUnclear).wakes().hears(RefundFailed).phase is Phase.ATTENTION


def test_a_return_that_is_accepted_for_ever_is_for_a_human_even_with_a_reboot_a_day() -> None:
    """A query that never names our number: under way, and under way, and the terminal is off at night."""
    back, days = refunding().hears(RefundAccepted), 0
    while back.phase is Phase.REFUNDING:
        until_ms = back.now_ms + 10 * 3_600_000
        while back.phase is Phase.REFUNDING and back.now_ms < until_ms:
            if back.wakes().asks:
                back.hears(RefundAccepted)
        if back.phase is Phase.REFUNDING:
            back.restarts(rebooted=True)
        days += 1
        assert days < 8, "nobody is ever told"
    assert back.wakes().asks is QueryRefund


def test_void_definitely_refused_leaves_the_sale_paid() -> None:
    back = voiding().hears(RefundFailed, reason=Reason.SETUP)
    assert back.phase is Phase.NOT_RETURNED
