"""Doubt, undoing, restarts and asking: what both kinds of sale share (reliability.md 0, 3.5, 4; I3-I7, I13)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.core.doubt import LATE_NEWS_MS, never_left
from terminal.core.effects import CloseOrder, QueryOrder, ReverseOrder, SubmitPayment
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    CodeIssued,
    LineFailed,
    OrderClosed,
    OrderEvent,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentHinted,
    PaymentPending,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
)
from terminal.core.sale import FINAL, NOT_UNDONE, Ask, Phase, Reason
from terminal.core.timing import (
    ATTENTION_EVERY_MS,
    GIVE_UP_MS,
    JITTER_PERCENT,
    TRIED_AGAIN_MS,
    Timing,
    backoff_ms,
    next_wake,
    spread_ms,
)
from tests.core.explore import TIMINGS
from tests.core.script import (
    CAREFUL,
    CLOSE_ONLY,
    EUR_4,
    EUR_5,
    TOMBSTONE,
    Sale,
    in_doubt,
    requesting,
    shown,
    submitting,
)


def closing(timing: Timing = CAREFUL) -> Sale:
    return shown(timing).hears(CancelPressed).until(CloseOrder, PaymentPending)


def reversing(timing: Timing = CAREFUL) -> Sale:
    return in_doubt(timing).until(ReverseOrder, PaymentPending)


def verifying_mpm(timing: Timing = CAREFUL) -> Sale:
    return closing(timing).hears(OrderNotFound)


def verifying_cpm(timing: Timing = CAREFUL) -> Sale:
    return reversing(timing).hears(OrderNotFound)


def at_attention(timing: Timing = CAREFUL) -> Sale:
    return shown(timing).hears(PaymentApproved, paid=EUR_4)


OPEN = (
    requesting,
    shown,
    submitting,
    in_doubt,
    closing,
    reversing,
    verifying_mpm,
    verifying_cpm,
    at_attention,
)
UNDER_UNDO = (closing, reversing)
WATCHED = (verifying_mpm, verifying_cpm)


# -- an undo that left -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sale_of", UNDER_UNDO)
@pytest.mark.parametrize("answer", [LineFailed, AnswerUnclear, UndoAccepted])
def test_never_paid_after_an_undo_left(sale_of: Any, answer: type[OrderEvent]) -> None:
    words: dict[str, Any] = {"left": True} if answer is LineFailed else {}
    sale = sale_of().hears(answer, **words)
    if not sale.order.pace.asked:
        sale.wakes()
    sale.hears(PaymentApproved, paid=EUR_5)
    assert (sale.phase, sale.asks) == (Phase.REVERSING, ReverseOrder)
    assert sale.hears(UndoAccepted).phase is Phase.REVERSED


@pytest.mark.parametrize("sale_of", UNDER_UNDO)
def test_paid_after_an_undo_left_where_undos_return_nothing(sale_of: Any) -> None:
    sale = sale_of(CLOSE_ONLY).hears(LineFailed, left=True).wakes()
    assert sale.hears(PaymentApproved, paid=EUR_5).phase is Phase.PAID


def test_an_undo_left_is_remembered_over_a_restart() -> None:
    sale = closing().restarts(rebooted=True).wakes().hears(PaymentApproved, paid=EUR_5)
    assert sale.phase is Phase.REVERSING


@pytest.mark.parametrize("sale_of", UNDER_UNDO)
def test_one_acknowledgement_of_an_undo_that_knew_of_the_money_settles_it(sale_of: Any) -> None:
    sale = sale_of().hears(UndoAccepted).hears(PaymentApproved, paid=EUR_5)
    assert sale.asks is ReverseOrder
    sale.hears(LineFailed, left=True).wakes().hears(PaymentApproved, paid=EUR_5)
    assert sale.hears(UndoAccepted).phase is Phase.REVERSED


@pytest.mark.parametrize("timing", [CAREFUL, TOMBSTONE])
@pytest.mark.parametrize("sale_of", UNDER_UNDO)
def test_not_found_is_no_proof_about_money_that_was_seen(sale_of: Any, timing: Timing) -> None:
    sale = sale_of(timing).hears(UndoAccepted).hears(PaymentApproved, paid=EUR_5)
    for _ in range(3):
        assert sale.hears(OrderNotFound).phase is Phase.REVERSING
        sale.until(ReverseOrder, OrderNotFound)


def test_a_late_payment_is_never_a_sale_where_undos_return_nothing() -> None:
    sale = shown(CLOSE_ONLY).hears(OrderClosed).hears(PaymentApproved, 20_000, paid=EUR_5)
    sale.hears(LineFailed, left=True).wakes().hears(PaymentApproved, paid=EUR_5)
    assert (sale.phase, sale.asks) == (Phase.REVERSING, ReverseOrder)


def test_undone_but_still_open_is_undone_again() -> None:
    sale = closing().hears(UndoAccepted).hears(PaymentPending)
    assert sale.asks is None
    assert sale.until(CloseOrder, PaymentPending).count(CloseOrder) == 2


def test_an_unclear_query_does_not_hold_up_the_undo_but_a_dead_line_does() -> None:
    sale = shown().hears(CancelPressed, 20_000)
    assert sale.hears(AnswerUnclear).asks is CloseOrder
    sale = shown().hears(CancelPressed, 20_000)
    assert sale.hears(LineFailed, left=True).asks is None
    assert sale.wakes().asks is QueryOrder


def test_the_cancelled_order_keeps_the_reason_that_people_caused() -> None:
    sale = closing().hears(UndoAccepted).hears(OrderClosed, detail="3")
    assert (sale.order.reason, sale.order.detail) == (Reason.OPERATOR, "3")


# -- one way out of doubt ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sale",
    [
        pytest.param(lambda: shown().hears(CancelPressed), id="cancel"),
        pytest.param(lambda: shown(life_ms=4_000).wakes(), id="expired"),
        pytest.param(lambda: shown().restarts().until(CloseOrder, PaymentPending), id="restart"),
        pytest.param(lambda: in_doubt().until(ReverseOrder, PaymentPending), id="silent gateway"),
        pytest.param(lambda: in_doubt().hears(CancelPressed), id="cancel in doubt"),
    ],
)
def test_every_end_asks_then_undoes_without_a_gap_then_asks_what_became_of_it(sale: Any) -> None:
    ending: Sale = sale()
    undo = CloseOrder if ending.phase is Phase.CLOSING else ReverseOrder
    ending.until(undo, PaymentPending)
    before, last = ending.sent[-2:]
    assert (type(before), type(last)) == (QueryOrder, undo)
    assert ending.hears(UndoAccepted).asks is QueryOrder
    assert ending.hears(OrderClosed).phase in (Phase.CLOSED, Phase.REVERSED)


@pytest.mark.parametrize("sale_of", OPEN)
def test_cancel_in_every_phase_is_never_an_outcome(sale_of: Any) -> None:
    sale = sale_of()
    before = sale.order
    sale.hears(CancelPressed)
    assert not sale.order.final
    unchanged = before.phase in (Phase.CLOSING, Phase.REVERSING, Phase.VERIFYING, Phase.ATTENTION)
    assert (sale.order is before) is unchanged


# -- VERIFYING ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sale_of", WATCHED)
@pytest.mark.parametrize(
    ("event", "words"),
    [(AnswerUnclear, {}), (LineFailed, {"left": False}), (PaymentHinted, {})],
)
def test_verifying_never_ends_without_an_authentic_not_found(
    sale_of: Any, event: type[OrderEvent], words: dict[str, Any]
) -> None:
    sale = sale_of()
    for _ in range(50):
        assert sale.wakes().asks is QueryOrder
        assert sale.hears(event, **words).phase is Phase.VERIFYING
    assert sale.now_ms > sale.order.until_ms
    assert sale.wakes().hears(OrderNotFound).order.final


@pytest.mark.parametrize("sale_of", WATCHED)
def test_verifying_does_not_end_before_its_time(sale_of: Any) -> None:
    sale = sale_of()
    until_ms = sale.order.until_ms
    while not sale.order.final:
        assert sale.wakes().phase is Phase.VERIFYING
        sale.hears(OrderNotFound)
        assert sale.order.final is (sale.now_ms >= until_ms)


def test_an_undo_that_finds_no_order_long_after_the_code_left_needs_no_watch() -> None:
    """The charge cannot be on its way any more: the watch would end with its first answer."""
    sale = reversing()
    dead_ms = sale.order.opened_ms + sale.timing.verify_ms + LATE_NEWS_MS
    assert reversing().hears(OrderNotFound, dead_ms - 1 - sale.now_ms).phase is Phase.VERIFYING
    assert sale.hears(OrderNotFound, dead_ms - sale.now_ms).phase is Phase.REVERSED


def test_closed_of_money_that_was_seen_is_believed_of_the_undo_alone() -> None:
    """A question may be answered from before the capture: a gateway has more than one machine."""
    sale = verifying_cpm().wakes().hears(PaymentApproved, paid=EUR_5).hears(AnswerUnclear).wakes()
    assert (sale.phase, sale.asks) == (Phase.REVERSING, QueryOrder)
    assert sale.hears(OrderClosed).phase is Phase.REVERSING
    assert sale.asks is ReverseOrder
    assert sale.hears(OrderClosed).phase is Phase.REVERSED


def test_declined_of_money_that_was_seen_ends_nothing() -> None:
    sale = verifying_cpm().wakes().hears(PaymentApproved, paid=EUR_5).hears(AnswerUnclear).wakes()
    sale.hears(PaymentDeclined, reason=Reason.REFUSED)
    assert (sale.phase, sale.asks) == (Phase.REVERSING, ReverseOrder)
    assert sale.hears(UndoAccepted).phase is Phase.REVERSED


def test_verifying_begins_anew_after_a_reboot() -> None:
    """Boot time began anew, so how long it has been watched is not known: only ever wait longer."""
    sale = verifying_cpm().restarts(rebooted=True)
    assert sale.order.until_ms == sale.now_ms + sale.timing.verify_ms + LATE_NEWS_MS
    sale = shown(life_ms=900_000).hears(CancelPressed).until(CloseOrder, OrderNotFound)
    sale.hears(OrderNotFound).restarts(rebooted=True)
    assert sale.order.until_ms == sale.now_ms + 900_500 + LATE_NEWS_MS


@pytest.mark.parametrize("sale_of", WATCHED)
def test_verifying_goes_on_after_a_restart_of_the_daemon(sale_of: Any) -> None:
    sale = sale_of()
    until_ms = sale.order.until_ms
    assert sale.restarts().order.until_ms == until_ms


# -- restart in each phase (3.5) ---------------------------------------------------------------------------

AFTER_RESTART = {Phase.SUBMITTING: Phase.IN_DOUBT}
HAS_GRACE = (Phase.REQUESTING, Phase.PRESENTING, Phase.IN_DOUBT)
REPEATS = {Phase.CLOSING: CloseOrder, Phase.REVERSING: ReverseOrder}


@pytest.mark.parametrize("rebooted", [False, True])
@pytest.mark.parametrize("sale_of", OPEN)
def test_restart_in_every_open_phase_asks_at_once(sale_of: Any, rebooted: bool) -> None:
    sale = sale_of()
    before = sale.order
    sale.restarts(rebooted=rebooted, after_ms=3_000)
    assert sale.phase is AFTER_RESTART.get(before.phase, before.phase)
    assert (sale.asks, sale.order.restarted) == (None, True)
    assert sale.order.opened_ms == (3_000 if rebooted else before.opened_ms)
    if sale.phase in HAS_GRACE:
        assert sale.order.until_ms == sale.now_ms + sale.timing.grace_ms
    assert next_wake(sale.order) == sale.now_ms
    assert sale.wakes().asks is REPEATS.get(sale.phase, QueryOrder)


@pytest.mark.parametrize("sale_of", UNDER_UNDO)
def test_only_an_undo_that_left_is_repeated_after_a_restart_and_once(sale_of: Any) -> None:
    """One that never left asks first; after an acknowledged one what it met is asked; no answer: ask again."""
    sale = (shown() if sale_of is closing else in_doubt()).hears(CancelPressed)
    assert sale.restarts().wakes().asks is QueryOrder
    assert sale_of().hears(UndoAccepted).restarts().wakes().asks is QueryOrder
    sale = sale_of().restarts().wakes().hears(LineFailed, left=True)
    assert sale.wakes().asks is QueryOrder


def test_after_a_restart_a_close_that_lost_against_the_payment_finds_it() -> None:
    sale = closing(CLOSE_ONLY).restarts().wakes()
    assert sale.hears(UndoRefused, why=UndoRefusal.ALREADY_PAID).asks is QueryOrder
    assert sale.hears(PaymentApproved, paid=EUR_5).phase is Phase.PAID


@pytest.mark.parametrize("rebooted", [False, True])
@pytest.mark.parametrize("sale_of", OPEN)
def test_restart_in_every_open_phase_ends_without_people(sale_of: Any, rebooted: bool) -> None:
    """A gateway that knows nothing but acknowledges: everything ends unpaid, no charge is resent (I13)."""
    sale = sale_of().restarts(rebooted=rebooted)
    back_ms = sale.now_ms
    for _ in range(300):
        if sale.order.final or sale.phase is Phase.ATTENTION:
            break
        undo = sale.order.pace.asked in (Ask.CLOSE, Ask.REVERSE)
        sale.hears(
            UndoAccepted if undo else OrderNotFound
        ) if sale.order.pace.asked else sale.wakes()
    assert sale.order.final or sale.phase is Phase.ATTENTION
    assert sale.now_ms - back_ms <= 330_000
    assert sale.count(SubmitPayment) <= 1


@pytest.mark.parametrize("ended_by", [OrderClosed, PaymentDeclined, PaymentApproved])
def test_restart_of_a_final_order_changes_nothing(ended_by: type[OrderEvent]) -> None:
    words: dict[str, Any] = {"paid": EUR_5} if ended_by is PaymentApproved else {}
    sale = shown().hears(ended_by, **words)
    before = sale.order
    assert sale.restarts().order == before
    assert next_wake(sale.order) is None


def test_the_customer_paid_while_the_power_was_out() -> None:
    sale = shown().restarts(rebooted=True).wakes().hears(PaymentApproved, paid=EUR_5)
    assert sale.phase is Phase.PAID


# -- finals, notices, attention ----------------------------------------------------------------------------


def test_a_notice_about_an_unpaid_final_order_asks_once() -> None:
    sale = shown().hears(OrderClosed).hears(PaymentHinted, answer=False)
    assert (sale.phase, sale.asks) == (Phase.CLOSED, QueryOrder)
    assert sale.hears(PaymentHinted).asks is None
    assert sale.hears(PaymentHinted, answer=False).asks is QueryOrder
    assert sale.hears(PaymentApproved, 20_000, paid=EUR_5).phase is Phase.REVERSING


def test_notices_while_something_is_under_way_ask_nothing() -> None:
    sale = shown().wakes()
    for _ in range(1_000):
        assert sale.hears(PaymentHinted, answer=False).asks is None
    assert sale.count(QueryOrder) == 1


def test_a_notice_asks_at_once_instead_of_waiting_for_the_next_poll() -> None:
    assert shown().hears(PaymentHinted, 100, answer=False).asks is QueryOrder


def test_attention_is_asked_about_every_hour_and_sends_nothing_else() -> None:
    sale = at_attention()
    for event, words in (
        (PaymentHinted, {}),
        (PaymentPending, {}),
        (PaymentApproved, {"paid": EUR_5}),
        (OrderClosed, {}),
        (OrderNotFound, {}),
        (LineFailed, {"left": False}),
    ):
        before_ms = sale.now_ms
        assert sale.wakes().asks is QueryOrder
        assert sale.now_ms - before_ms == ATTENTION_EVERY_MS
        assert sale.hears(event, **words).phase is Phase.ATTENTION
    assert sale.order.reason is Reason.MISMATCH
    assert {type(sent) for sent in sale.sent[1:]} == {QueryOrder}


def test_attention_looks_into_a_notice_at_once() -> None:
    assert at_attention().hears(PaymentHinted, answer=False).asks is QueryOrder


def test_what_cannot_happen_stops_at_attention() -> None:
    sale = shown().hears(UndoAccepted)
    assert (sale.phase, sale.order.reason, sale.order.detail) == (
        Phase.ATTENTION,
        Reason.FAULT,
        "UndoAccepted in presenting",
    )


def test_never_connected_is_never_said_of_an_order_from_before_a_restart() -> None:
    """No rule asks so today; the question must still be answered rightly."""
    failed = LineFailed(at_ms=2_000, left=False)
    order = submitting().order
    assert never_left(order, failed)
    assert not never_left(replace(order, restarted=True), failed)


def test_a_final_order_never_wakes_whatever_stands_in_it() -> None:
    order = shown().order
    assert next_wake(order) is not None
    for phase in FINAL:
        assert next_wake(replace(order, phase=phase)) is None


# -- how often ---------------------------------------------------------------------------------------------


def test_backoff_is_1_2_4_8_15_30_60_seconds() -> None:
    assert [backoff_ms(tries) for tries in range(1, 9)] == [
        1_000,
        2_000,
        4_000,
        8_000,
        15_000,
        30_000,
        60_000,
        60_000,
    ]
    assert backoff_ms(0) == 1_000


def test_pauses_are_spread_so_that_what_failed_together_comes_back_apart() -> None:
    numbers = [f"T000001AAAA{count:08}{count * 7919 % 10**6:06}" for count in range(500)]
    pauses = [spread_ms(60_000, number, 7) for number in numbers]
    least, most = 600 * (100 - JITTER_PERCENT), 600 * (100 + JITTER_PERCENT)
    assert least <= min(pauses) < least + 3_000
    assert most - 3_000 < max(pauses) <= most
    assert spread_ms(60_000, numbers[0], 7) == pauses[0], "no chance of its own: it can be replayed"
    assert len({spread_ms(60_000, numbers[0], tries) for tries in range(20)}) > 5


# -- how long ----------------------------------------------------------------------------------------------


def unanswered(sale: Sale, for_ms: int) -> Sale:
    """Nobody ever acknowledges the undo."""
    until_ms = sale.now_ms + for_ms
    while sale.now_ms < until_ms and sale.phase in (Phase.CLOSING, Phase.REVERSING):
        if sale.order.pace.asked is Ask.QUERY:
            sale.hears(PaymentPending)
        elif sale.order.pace.asked:
            sale.hears(AnswerUnclear, 1_000)
        else:
            sale.wakes()
    return sale


@pytest.mark.parametrize("undoing", [closing, reversing])
def test_an_undo_without_a_result_for_a_day_is_for_a_human(undoing: Any) -> None:
    sale = undoing()
    begun_ms = sale.now_ms
    assert unanswered(sale, 2 * GIVE_UP_MS).phase is Phase.ATTENTION
    assert abs(sale.now_ms - begun_ms - GIVE_UP_MS) <= 60_000
    assert sale.order.detail == NOT_UNDONE


@pytest.mark.parametrize("undoing", [closing, reversing])
def test_and_is_tried_again_every_hour(undoing: Any) -> None:
    sale = unanswered(undoing(), 2 * GIVE_UP_MS)
    undo, phase = type(undoing().last[0]), undoing().phase
    for _ in range(3):
        stopped_ms = sale.now_ms
        assert sale.wakes().phase is phase
        assert sale.now_ms - stopped_ms == ATTENTION_EVERY_MS
        tried = sale.count(undo)
        assert unanswered(sale, GIVE_UP_MS).phase is Phase.ATTENTION
        assert sale.now_ms - stopped_ms <= ATTENTION_EVERY_MS + TRIED_AGAIN_MS + 60_000
        assert sale.count(undo) > tried
    sale.wakes().hears(PaymentPending).hears(UndoAccepted)
    assert sale.hears(OrderClosed).order.final


def test_a_terminal_that_is_switched_off_every_night_tells_it_too() -> None:
    """A reboot hides how long it was off; half of the patience is its price (I13)."""
    sale, days = reversing(), 0
    while sale.phase is not Phase.ATTENTION:
        unanswered(sale, 10 * 3_600_000)
        if sale.phase is not Phase.ATTENTION:
            sale.restarts(rebooted=True)
        days += 1
        assert days < 8, "nobody is ever told"


ANSWERS: tuple[tuple[type[OrderEvent], dict[str, Any]], ...] = (
    (PaymentHinted, {}),
    (PaymentPending, {}),
    (OrderNotFound, {}),
    (AnswerUnclear, {}),
    (LineFailed, {"left": True}),
)
PAID: tuple[type[OrderEvent], dict[str, Any]] = (PaymentApproved, {"paid": EUR_5})
UNDO_ANSWERS = (
    *ANSWERS,
    PAID,
    (UndoAccepted, {}),
    *((UndoRefused, {"why": why}) for why in UndoRefusal),
)
WINDOW_MS, REQUESTS_IN_A_WINDOW_MAX = 60_000, 70


@settings(deadline=None)  # a slow machine is no gateway
@given(
    st.sampled_from(TIMINGS),
    st.booleans(),
    st.sampled_from(ANSWERS),
    st.sampled_from((*ANSWERS, PAID)),
    st.sampled_from(UNDO_ANSWERS),
    st.booleans(),
)
def test_no_gateway_makes_us_ask_without_a_pause(
    timing: Timing, ours: bool, opening: Any, query: Any, undo: Any, cancelled: bool
) -> None:
    """A gateway that answers in no time and always the same: two requests every 2 s are the most."""
    sale = requesting(timing) if ours else submitting(timing)
    answers = {Ask.CREATE: opening, Ask.SUBMIT: opening, Ask.QUERY: query}
    sent_at_ms: list[int] = []
    for number in range(400):
        if cancelled and number == 3:
            sale.hears(CancelPressed)
        elif sale.order.final:
            break
        elif sale.order.pace.asked:
            event, words = answers.get(sale.order.pace.asked, undo)
            sale.hears(event, **words)
        else:
            sale.wakes()
        sent_at_ms += [sale.now_ms] * len(sale.last)
    for number, at_ms in enumerate(sent_at_ms[REQUESTS_IN_A_WINDOW_MAX:]):
        assert at_ms - sent_at_ms[number] >= WINDOW_MS


def test_no_code_is_shown_once_the_end_was_decided() -> None:
    sale = requesting().hears(CancelPressed).hears(CodeIssued, code="https://pay/1")
    assert (sale.phase, sale.order.qr) == (Phase.CLOSING, None)


def test_f47_two_numbers_of_the_gateway_for_one_order() -> None:
    """It is paid once; the number that was paid is the one that a refund will need."""
    sale = requesting().hears(CodeIssued, code="https://pay/1", gateway_ref="g1")
    sale.wakes().hears(PaymentApproved, paid=EUR_5, gateway_ref="g2")
    assert (sale.phase, sale.order.gateway_ref) == (Phase.PAID, "g2")
    assert sale.hears(PaymentApproved, paid=EUR_5, gateway_ref="g1").order.gateway_ref == "g2"
    assert sale.asks is None


def test_f49_paid_after_closed_goes_back() -> None:
    sale = shown().hears(OrderClosed).hears(PaymentApproved, 20_000, paid=EUR_5)
    assert (sale.phase, sale.asks, sale.order.reason) == (
        Phase.REVERSING,
        ReverseOrder,
        Reason.LATE,
    )
