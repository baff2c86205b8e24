"""Bugs that we know how to make: each breaks one rule of the production core, dispatcher or journal order.

`planted(name, patch)` makes the house wrong through pytest's monkeypatch, and the simulator has to notice
(reliability.md 5.3). A bug that it does not notice is a hole in the simulator, not a proof of the bug's innocence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from terminal.bench.simulator.clock import Clock
from terminal.core import cpm, doubt, mpm, refund, scanning, step
from terminal.core.effects import RefundOrder, SubmitPayment
from terminal.core.events import (
    AnswerUnclear,
    CancelPressed,
    Event,
    LineFailed,
    OrderClosed,
    OrderMoved,
    OrderNotFound,
    PaymentApproved,
    PaymentHinted,
    RefundAccepted,
    RefundFailed,
    Restarted,
    UndoAccepted,
    UndoRefused,
    WakeDue,
)
from terminal.core.sale import Ask, Order, Pace, Phase, Reason
from terminal.core.stand import Counter, CounterStep, Shop
from terminal.core.table import Do, Rule, Step, Table
from terminal.core.terms import Mode, mint_order_no
from terminal.core.timing import Timing
from terminal.dispatcher import Dispatcher
from terminal.reception import Reception

Patch = pytest.MonkeyPatch
UNPAID = (Phase.DECLINED, Phase.CLOSED, Phase.REVERSED)


def rules(patch: Patch, mode: Mode, cells: Mapping[Any, Do]) -> None:
    """The table of `mode` with other rules in these cells (phase, event); they may lead anywhere."""
    old = step.TABLES[mode]
    new: Table = {
        phase: {
            event: Rule(cells[phase, event], frozenset(Phase)) if (phase, event) in cells else cell
            for event, cell in row.items()
        }
        for phase, row in old.items()
    }
    patch.setitem(step.TABLES, mode, new)


def both(patch: Patch, cells: Mapping[Any, Do]) -> None:
    rules(patch, Mode.MPM, cells)
    rules(patch, Mode.CPM, cells)


def gone(order: Order, event: Event, timing: Timing) -> Step:
    return doubt.end(order, Phase.REVERSED, Reason.LATE)


def failed(order: Order, event: Event, timing: Timing) -> Step:
    return doubt.end(order, Phase.DECLINED, Reason.REFUSED)


# -- the order of things -----------------------------------------------------------------------------------


def send_before_commit(patch: Patch) -> None:
    """nojournal: the request leaves, then the row is written."""

    def commit(
        self: Dispatcher, order: Order | None, new: Order, event: Event, requests: Any
    ) -> None:
        self.orders[new.order_no] = new
        for request in requests:
            self.send(request)
        if new != order:
            self.parts.journal.append(new, event, self._when(event.at_ms))
        if new.final:
            del self.orders[new.order_no]
        self.turn_counter(OrderMoved(at_ms=event.at_ms, order=new))

    patch.setattr(Dispatcher, "commit", commit)


def display_first(patch: Patch) -> None:
    """The glass follows the order in RAM before its row is durable."""
    commit = Dispatcher.commit

    def show_first(
        self: Dispatcher, order: Order | None, new: Order, event: Event, requests: Any
    ) -> None:
        if new.final:
            self.turn_counter(OrderMoved(at_ms=event.at_ms, order=new))
            self.settle()
        commit(self, order, new, event, requests)

    patch.setattr(Dispatcher, "commit", show_first)


def final_rows_unwritten(patch: Patch) -> None:
    """Only open orders are journalled."""
    commit = Dispatcher.commit

    def forgetful(
        self: Dispatcher, order: Order | None, new: Order, event: Event, requests: Any
    ) -> None:
        commit(self, new if new.final else order, new, event, requests)

    patch.setattr(Dispatcher, "commit", forgetful)


# -- no answer is not an answer ------------------------------------------------------------------------------


def timeout_is_fail(patch: Patch) -> None:
    cells = {(Phase.SUBMITTING, LineFailed): failed, (Phase.IN_DOUBT, LineFailed): failed}
    rules(patch, Mode.CPM, cells)


def unclear_is_fail(patch: Patch) -> None:
    """err_is_fail: a 5xx means that it was not done."""
    rules(patch, Mode.CPM, {(Phase.SUBMITTING, AnswerUnclear): failed})


def refused_after_restart_is_never_left(patch: Patch) -> None:
    """Nothing ever leaves when the connection is refused, whatever left before."""

    def never_left(order: Order, event: Event) -> bool:
        return isinstance(event, LineFailed) and not event.left

    for room in (doubt, cpm, mpm, refund):
        patch.setattr(room, "never_left", never_left)


def no_verify(patch: Patch) -> None:
    """NOT FOUND is trusted where the gateway keeps no tombstone."""

    def trusting(order: Order, event: OrderNotFound, timing: Timing) -> Step:
        return doubt.end(order, doubt.ended_as(order), None)

    cells = {(phase, OrderNotFound): trusting for phase in (Phase.CLOSING, Phase.REVERSING)}
    both(patch, cells)


def verify_too_short(patch: Patch) -> None:
    """The watch ends when the code is dead, and knows nothing of the payment in its last second."""

    def verified(order: Order, event: Event, timing: Timing) -> int:
        return event.at_ms + 10_000

    patch.setattr(doubt, "_verified_at_ms", verified)


def acknowledged_undo_is_the_end(patch: Patch) -> None:
    """What an undo met is not asked: it may have met nothing."""

    def undone(order: Order, event: UndoAccepted, timing: Timing) -> Step:
        return doubt.end(order, doubt.ended_as(order), None)

    cells = {(phase, UndoAccepted): undone for phase in (Phase.CLOSING, Phase.REVERSING)}
    both(patch, cells)


def expired_is_unpaid(patch: Patch) -> None:
    """The code's life is over, so it was not paid."""

    def wake(order: Order, event: WakeDue, timing: Timing) -> Step:
        if order.until_ms is not None and event.at_ms >= order.until_ms:
            return doubt.end(order, Phase.CLOSED, Reason.EXPIRED)
        return doubt.wake_asking(order, event, timing)

    rules(patch, Mode.MPM, {(Phase.PRESENTING, WakeDue): wake})


def cancel_is_unpaid(patch: Patch) -> None:
    """C ends the order here, whatever the gateway thinks."""

    def cancel(order: Order, event: Event, timing: Timing) -> Step:
        return doubt.end(order, Phase.CLOSED, Reason.OPERATOR)

    rules(patch, Mode.MPM, {(Phase.PRESENTING, CancelPressed): cancel})


# -- paid, or not ------------------------------------------------------------------------------------------


def hint_is_proof(patch: Patch) -> None:
    """trust_notify: who says paid is believed."""

    def believe(order: Order, event: PaymentHinted, timing: Timing) -> Step:
        return doubt.end(replace(order, paid=order.amount, reason=None), Phase.PAID, None)

    phases = (Phase.PRESENTING, Phase.IN_DOUBT, Phase.CLOSING, Phase.REVERSING, Phase.VERIFYING)
    both(patch, {(phase, PaymentHinted): believe for phase in phases})


def any_amount_is_paid(patch: Patch) -> None:
    def settle(order: Order, event: PaymentApproved, timing: Timing) -> Step:
        return doubt.end(replace(order, paid=event.paid, reason=None), Phase.PAID, None)

    both(patch, {(Phase.PRESENTING, PaymentApproved): settle})


def paid_while_undo_is_out(patch: Patch) -> None:
    """PAID although an undo of ours may still arrive."""

    def approved(order: Order, event: PaymentApproved, timing: Timing) -> Step:
        return doubt.settle(order, event, timing)

    cells = {(phase, PaymentApproved): approved for phase in (Phase.CLOSING, Phase.REVERSING)}
    both(patch, cells)


def overwrite_final(patch: Patch) -> None:
    """A stale answer changes PAID: nothing is absorbed."""

    def closed(order: Order, event: OrderClosed, timing: Timing) -> Step:
        return doubt.end(order, Phase.CLOSED, Reason.AT_GATEWAY)

    both(patch, {(Phase.PAID, event): closed for event in (PaymentApproved, PaymentHinted)})


# -- codes and numbers ---------------------------------------------------------------------------------------


def second_order_at_once(patch: Patch) -> None:
    """new_order: the customer's code is charged while our own can still be paid."""

    def use(it: Counter, event: Event, shop: Shop) -> CounterStep:
        return scanning.charge(it, event, shop)

    patch.setattr(scanning, "use", use)


def code_sent_again(patch: Patch) -> None:
    """No answer to the charge: send the code again."""

    def again(order: Order, event: Event, timing: Timing) -> Step:
        return doubt.ask(order, Ask.SUBMIT)

    rules(patch, Mode.CPM, {(Phase.SUBMITTING, AnswerUnclear): again})
    send = Dispatcher.send

    def from_the_vault(self: Dispatcher, request: Any) -> None:
        if isinstance(request, SubmitPayment):
            kept = self.outbox.vault[request.code_digest]
            send(self, request)
            self.outbox.vault[request.code_digest] = kept
        else:
            send(self, request)

    patch.setattr(Dispatcher, "send", from_the_vault)


def refused_give_back_is_done(patch: Patch) -> None:
    """The gateway refuses to give back what could not be undone, and it is called back all the same."""
    both(patch, {(Phase.REFUNDING, RefundFailed): gone})


def used_codes_forgotten(patch: Patch) -> None:
    """The same code on another sale is charged again."""
    patch.setattr(scanning, "_seen_lately", lambda it, event: False)  # noqa: ARG005


# -- returns -------------------------------------------------------------------------------------------------


def returns_without_bound(patch: Patch) -> None:
    """Nobody counts what went back already."""
    patch.setattr(refund, "allow", lambda *arguments: None)  # noqa: ARG005


def unclear_refund_is_refused(patch: Patch) -> None:
    def refused(order: Order, event: Event, timing: Timing) -> Step:
        return doubt.end(order, Phase.NOT_RETURNED, Reason.REFUSED)

    rules(patch, Mode.REFUND, {(Phase.REFUNDING, AnswerUnclear): refused})


def accepted_refund_is_returned(patch: Patch) -> None:
    def returned(order: Order, event: Event, timing: Timing) -> Step:
        return doubt.end(order, Phase.RETURNED, None)

    rules(patch, Mode.REFUND, {(Phase.REFUNDING, RefundAccepted): returned})


def refund_new_id(patch: Patch) -> None:
    """A refund without an answer is sent again under another number."""

    def another(order: Order) -> RefundOrder:
        return RefundOrder(f"{order.order_no}-2", order.amount, order.of or "", order.of_ref)

    def wake(order: Order, event: WakeDue, timing: Timing) -> Step:
        asking = replace(order, pace=replace(order.pace, asked=Ask.REFUND, ask_at_ms=None))
        return (order, ()) if order.pace.asked else (asking, (another(order),))

    rules(patch, Mode.REFUND, {(Phase.REFUNDING, WakeDue): wake})


def returned(order: Order, event: Event, timing: Timing) -> Step:
    return doubt.end(replace(order, paid=order.amount), Phase.RETURNED, None)


def not_returned(order: Order, event: Event, timing: Timing) -> Step:
    return doubt.end(order, Phase.NOT_RETURNED, Reason.REFUSED)


def silent_refund_is_refused(patch: Patch) -> None:
    rules(patch, Mode.REFUND, {(Phase.REFUNDING, LineFailed): not_returned})


def unknown_refund_is_refused(patch: Patch) -> None:
    """NOT FOUND of a refund that is still on its way."""
    rules(patch, Mode.REFUND, {(Phase.REFUNDING, OrderNotFound): not_returned})


def silent_void_is_returned(patch: Patch) -> None:
    rules(patch, Mode.VOID, {(Phase.VOIDING, LineFailed): returned})


def unclear_void_is_refused(patch: Patch) -> None:
    rules(patch, Mode.VOID, {(Phase.VOIDING, AnswerUnclear): not_returned})


def pending_returns_uncounted(patch: Patch) -> None:
    """Only what is back counts, not what is on its way."""

    def left_over(original: Order, earlier: Any) -> int:
        back = (it for it in earlier if it.of == original.order_no and it.phase is Phase.RETURNED)
        return original.amount.minor - sum(it.amount.minor for it in back)

    patch.setattr(refund, "left_over", left_over)


def done_twice(patch: Patch) -> None:
    """What was asked once at terminalctl is done twice."""
    refund_once = Reception.refund

    def twice(self: Reception, request: dict[str, object]) -> dict[str, object]:
        refund_once(self, request)
        return refund_once(self, request)

    patch.setattr(Reception, "refund", twice)


# -- ends that are none ----------------------------------------------------------------------------------------


def late_ignored(patch: Patch) -> None:
    """Money that comes after the end stays."""

    def ignore(order: Order, event: Event, timing: Timing) -> Step:
        return order, ()

    both(patch, {(phase, PaymentApproved): ignore for phase in UNPAID})


def late_is_paid(patch: Patch) -> None:
    """Money that comes after NOT PAID makes a sale of it."""
    both(patch, {(phase, PaymentApproved): doubt.settle for phase in UNPAID})


def ended(order: Order, event: Event, timing: Timing) -> Step:
    return doubt.end(order, doubt.ended_as(order), None)


def silent_undo_is_done(patch: Patch) -> None:
    """The undo was sent, so it was done."""

    def silent(order: Order, event: LineFailed, timing: Timing) -> Step:
        sent = order.pace.asked in (Ask.CLOSE, Ask.REVERSE)
        return ended(order, event, timing) if sent else doubt.on_no_answer(order, event, timing)

    both(patch, {(phase, LineFailed): silent for phase in (Phase.CLOSING, Phase.REVERSING)})


def refused_undo_is_done(patch: Patch) -> None:
    both(patch, {(phase, UndoRefused): ended for phase in (Phase.CLOSING, Phase.REVERSING)})


def patience_is_unpaid(patch: Patch) -> None:
    """Asked for a minute, no result: then it was not paid."""

    def wake(order: Order, event: WakeDue, timing: Timing) -> Step:
        if order.until_ms is not None and event.at_ms >= order.until_ms:
            return failed(order, event, timing)
        return doubt.wake_asking(order, event, timing)

    rules(patch, Mode.CPM, {(Phase.IN_DOUBT, WakeDue): wake})


def unknown_charge_is_unpaid(patch: Patch) -> None:
    rules(patch, Mode.CPM, {(Phase.IN_DOUBT, OrderNotFound): failed})


def restart_is_unpaid(patch: Patch) -> None:
    """What was being charged when the power went was not charged."""
    rules(patch, Mode.CPM, {(Phase.SUBMITTING, Restarted): failed})


def numbers_start_anew(patch: Patch) -> None:
    """A restarted daemon counts its orders from one."""

    def mint(self: Dispatcher) -> str:
        self.terminal_orders = getattr(self, "terminal_orders", 0) + 1  # type: ignore[attr-defined]
        return mint_order_no(self.terminal, 7, self.terminal_orders, 1)  # type: ignore[attr-defined]

    patch.setattr(Dispatcher, "mint", mint)


# -- time ----------------------------------------------------------------------------------------------------


def wall_clock_deadline(patch: Patch) -> None:
    """Deadlines run on the wall clock."""
    patch.setattr(Clock, "boot_ms", lambda self: self.utc_ms() - 1_780_000_000_000)


def timers_die_with_the_process(patch: Patch) -> None:
    """A restarted order is asked about once, if at all."""

    def resume(order: Order, event: Restarted, timing: Timing) -> Step:
        return replace(order, restarted=True, until_ms=None, pace=Pace()), ()

    both(patch, {(phase, Restarted): resume for phase in Phase})


def gives_up_asking(patch: Patch) -> None:
    """After five tries without an answer nobody asks any more."""

    def later(order: Order, event: Event, timing: Timing) -> Step:
        tries = order.pace.tries + 1
        if tries > 5:
            return replace(order, pace=Pace(None, None, tries)), ()
        return doubt.rest(order, event.at_ms + 2_000, tries=tries)

    patch.setattr(doubt, "ask_later", later)
    both(patch, {(phase, LineFailed): later for phase in (Phase.VERIFYING, Phase.PRESENTING)})


def probes_overlap(patch: Patch) -> None:
    """The dispatcher as it was: a second probe made the answer to the first a fault that ended the daemon."""

    def probe(self: Dispatcher) -> None:
        self.contact.probe_at_ms = None
        self.contact.probing = self.outbox.number()
        self.parts.line.probe(self.contact.probing)

    patch.setattr(Dispatcher, "probe", probe)


def reboot_unnoticed(patch: Patch) -> None:
    """The record's times are believed although boot time began anew."""
    resume = doubt.resume

    def believing(order: Order, event: Restarted, timing: Timing) -> Step:
        return resume(order, replace(event, rebooted=False), timing)

    both(patch, {(phase, Restarted): believing for phase in (Phase.VERIFYING, Phase.CLOSING)})


def used_codes_die_with_the_process(patch: Patch) -> None:
    """A restarted daemon takes a code that it has charged before."""
    patch.setattr(Dispatcher, "_recent_codes", lambda self, now_ms: ())  # noqa: ARG005


BUGS: dict[str, Callable[[Patch], None]] = {
    bug.__name__: bug
    for bug in (
        send_before_commit,
        display_first,
        final_rows_unwritten,
        timeout_is_fail,
        unclear_is_fail,
        refused_after_restart_is_never_left,
        no_verify,
        verify_too_short,
        acknowledged_undo_is_the_end,
        expired_is_unpaid,
        cancel_is_unpaid,
        hint_is_proof,
        any_amount_is_paid,
        paid_while_undo_is_out,
        overwrite_final,
        second_order_at_once,
        code_sent_again,
        used_codes_forgotten,
        returns_without_bound,
        unclear_refund_is_refused,
        accepted_refund_is_returned,
        wall_clock_deadline,
        timers_die_with_the_process,
        gives_up_asking,
        probes_overlap,
        refund_new_id,
        silent_refund_is_refused,
        unknown_refund_is_refused,
        silent_void_is_returned,
        unclear_void_is_refused,
        pending_returns_uncounted,
        done_twice,
        late_ignored,
        late_is_paid,
        silent_undo_is_done,
        refused_undo_is_done,
        refused_give_back_is_done,
        patience_is_unpaid,
        unknown_charge_is_unpaid,
        restart_is_unpaid,
        numbers_start_anew,
        reboot_unnoticed,
        used_codes_die_with_the_process,
    )
}
