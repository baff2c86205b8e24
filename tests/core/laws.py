"""What every step of every order keeps, whatever happened. Asserted wherever orders are stepped by the thousand."""

from __future__ import annotations

from terminal.core.effects import (
    CloseOrder,
    QueryOrder,
    ReverseOrder,
    SubmitPayment,
    asker,
    give_back_no,
)
from terminal.core.events import CancelPressed, CodePresented, PaymentHinted, Restarted, WakeDue
from terminal.core.sale import Pace, Phase
from terminal.core.step import TABLES
from terminal.core.table import Mark, Rule
from terminal.core.timing import next_wake
from tests.core.explore import Move
from tests.core.script import SENDS


def keep(move: Move) -> None:
    """AssertionError names the law that this step broke."""
    keeps_its_cell(move)
    keeps_its_identity(move)
    asks_one_thing_at_a_time(move)
    waits_or_is_final(move)
    keeps_paid_for_ever(move)


def keeps_its_cell(move: Move) -> None:
    """The table decides: a rule leads where it says, LATE changes nothing, CANNOT stops at attention."""
    cell = TABLES[move.before.mode][move.before.phase][type(move.event)]
    if isinstance(cell, Rule):
        assert move.after.phase in cell.leads_to
    elif cell is Mark.LATE:
        assert move.after is move.before
        assert not move.requests
    else:
        assert move.after.phase is Phase.ATTENTION
        assert not move.requests


def keeps_its_identity(move: Move) -> None:
    """Number, purchase, way, amount and code never change (I10); what may have left stays remembered."""
    before, after = move.before, move.after
    for name in ("order_no", "sale_no", "mode", "amount", "code_digest"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.undo_left or not before.undo_left, "an undo that left was forgotten"
    assert before.qr is None or after.qr == before.qr, "a code that was seen was forgotten"
    assert after.restarted or not before.restarted


def asks_one_thing_at_a_time(move: Move) -> None:
    """At most one request, about this order, remembered as under way; none while another one is."""
    before, after, requests = move.before, move.after, move.requests
    if not requests:
        assert after.pace.asked in (None, before.pace.asked)
        return
    (request,) = requests
    assert after.pace.asked is not None
    assert type(request) is SENDS[after.pace.asked]
    assert asker(request) == after.order_no
    gives_back = request.order_no == give_back_no(after.order_no)
    assert request.amount == (after.paid if gives_back else after.amount)
    assert not gives_back or after.phase is Phase.REFUNDING
    assert not isinstance(request, SubmitPayment), (
        "the customer's code leaves once, at the start (I11)"
    )
    assert not isinstance(move.event, Restarted), "a restart reads, then the loop asks"
    if isinstance(request, CloseOrder | ReverseOrder):
        assert after.undo_left, "an undo that the record does not know (I1)"
    if before.pace.asked and not before.final:
        assert _is_answer(move), "two requests about one order at once"


def _is_answer(move: Move) -> bool:
    if isinstance(move.event, PaymentHinted):
        return move.event.answer
    return not isinstance(move.event, CancelPressed | CodePresented | WakeDue)


def waits_or_is_final(move: Move) -> None:
    """I13: something is under way or due, always. A final order never wakes and asks only after a notice."""
    before, after = move.before, move.after
    if not after.final:
        assert after.pace.asked or next_wake(after) is not None, "forgotten"
        return
    assert next_wake(after) is None
    assert before.final or after.pace == Pace(), "an end that still asks"
    if move.requests:
        assert isinstance(move.requests[0], QueryOrder)
        assert isinstance(move.event, PaymentHinted)
        assert not move.event.answer


def keeps_paid_for_ever(move: Move) -> None:
    """I3, I7: PAID is exactly the amount, absorbs everything, and is out of reach once an undo may take it."""
    before, after = move.before, move.after
    if before.phase is Phase.PAID:
        assert after is before
        assert not move.requests
    elif after.phase is Phase.PAID:
        assert after.paid == after.amount
        assert not (before.undo_left and move.timing.undo_returns)
        assert not before.final, "NOT PAID became PAID"
        assert before.phase is not Phase.VERIFYING
