"""What a row says: every event and order comes back as it went in, and nothing else comes in."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.codes.currency import CURRENCIES
from terminal.core.events import (
    Carried,
    CodeIssued,
    CodeScanned,
    Event,
    Key,
    KeyPressed,
    LineFailed,
    OrderEvent,
    OrderMoved,
    PaymentApproved,
    PaymentDeclined,
    SaleOpened,
    ScanRefused,
)
from terminal.core.sale import Ask, Order, Pace, Phase, Reason
from terminal.core.terms import MINOR_MAX, HouseFault, JournalFault, Mode, Money
from terminal.journal import NewerJournal
from terminal.journal.records import (
    STORED,
    TEXT_MAX,
    event_of,
    event_text,
    order_of,
    record_text,
)

st.register_type_strategy(
    Money, st.builds(Money, st.integers(0, MINOR_MAX), st.sampled_from(sorted(CURRENCIES)))
)
st.register_type_strategy(int, st.integers(0, 2**62))
st.register_type_strategy(str, st.text(max_size=300))
st.register_type_strategy(Pace, st.builds(Pace))

ORDER = Order(
    order_no="T1",
    sale_no="T1",
    mode=Mode.MPM,
    amount=Money(1_250, "EUR"),
    phase=Phase.PRESENTING,
    opened_ms=5,
)


def back(order: Order) -> Order:
    return order_of(record_text(order), order.order_no, order.sale_no, order.phase.value)


def test_every_order_event_can_be_stored() -> None:
    assert set(STORED.values()) == {SaleOpened, Carried, *get_args(OrderEvent)}


@pytest.mark.parametrize("kind", STORED.values(), ids=STORED.keys())
@given(data=st.data())
def test_every_event_comes_back(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(st.builds(kind))
    assert event_of(event_text(event)) == event


@given(order=st.builds(Order))
def test_every_order_comes_back(order: Order) -> None:
    assert back(order) == order


def test_pace_is_not_kept() -> None:
    told = record_text(order_with_pace := _with_pace())
    assert "pace" not in told and "tries" not in told
    assert back(order_with_pace).pace == Pace()


def _with_pace() -> Order:
    return Order(
        order_no="T1",
        sale_no="T1",
        mode=Mode.CPM,
        amount=Money(1, "JPY"),
        phase=Phase.IN_DOUBT,
        opened_ms=5,
        pace=Pace(asked=Ask.QUERY, tries=7),
    )


def test_what_is_nothing_is_left_out_and_what_stands_in_columns_too() -> None:
    assert json.loads(record_text(ORDER)) == {
        "v": 1,
        "mode": "mpm",
        "amount": {"minor": 1250, "currency": "EUR"},
        "opened_ms": 5,
    }


def test_a_false_that_is_no_default_is_said() -> None:
    assert json.loads(event_text(LineFailed(at_ms=1, left=False))) == {
        "v": 1,
        "type": "LineFailed",
        "at_ms": 1,
        "left": False,
    }


def test_enums_are_said_by_value() -> None:
    event = PaymentDeclined(at_ms=1, reason=Reason.LIMIT)
    assert json.loads(event_text(event))["reason"] == "limit"


@pytest.mark.parametrize(
    "event",
    [
        CodeScanned(at_ms=1, code=None, digest="d"),  # type: ignore[arg-type]
        KeyPressed(at_ms=1, key=Key.D7),
        ScanRefused(at_ms=1, message="281234567890123456 is no payment code"),
        OrderMoved(at_ms=1, order=ORDER),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_people_do_at_the_counter_is_no_row(event: Event) -> None:
    with pytest.raises(HouseFault, match="never journalled"):
        event_text(event)


def test_an_impostor_of_the_same_name_is_not_stored() -> None:
    impostor: Any = type("SaleOpened", (Event,), {})
    with pytest.raises(HouseFault, match="never journalled"):
        event_text(impostor(at_ms=1))


def test_a_row_has_a_limit() -> None:
    with pytest.raises(HouseFault, match="a row holds"):
        event_text(CodeIssued(at_ms=1, code="x" * TEXT_MAX))


def test_text_that_is_no_text_is_our_fault() -> None:
    with pytest.raises(HouseFault, match="cannot be journalled"):
        event_text(CodeIssued(at_ms=1, code="\ud800"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"v":1,"at_ms":1}',
        '{"v":1,"type":7,"at_ms":1}',
        '{"type":"SaleOpened","at_ms":1}',
        '{"v":true,"type":"SaleOpened","at_ms":1}',
        '{"v":"1","type":"SaleOpened","at_ms":1}',
        '{"v":0,"type":"SaleOpened","at_ms":1}',
        '{"v":1,"type":"MoneyPrinted","at_ms":1}',
        '{"v":1,"type":"CodeScanned","at_ms":1,"code":"28","digest":"d"}',
        '{"v":1,"type":"SaleOpened"}',
        '{"v":1,"type":"SaleOpened","at_ms":"1"}',
        '{"v":1,"type":"SaleOpened","at_ms":1,"surprise":2}',
        '{"v":1,"type":"PaymentDeclined","at_ms":1,"reason":"bored"}',
        '{"v":1,"type":"PaymentApproved","at_ms":1,"paid":{"minor":1.5,"currency":"EUR"}}',
        '{"v":1,"type":"PaymentApproved","at_ms":1,"paid":{"minor":-1,"currency":"EUR"}}',
        '{"v":1,"type":"PaymentApproved","at_ms":1,"paid":{"minor":1,"currency":"XXZ"}}',
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(JournalFault):
        event_of(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"v":1}',
        '{"v":1,"mode":"mpm","amount":{"minor":1,"currency":"EUR"},"opened_ms":5,"left":true}',
        '{"v":1,"mode":"mpm","amount":{"minor":1,"currency":"EUR"},"opened_ms":5,"phase":"paid"}',
        '{"v":1,"mode":"mpm","amount":{"minor":1,"currency":"EUR"},"opened_ms":5,"pace":{}}',
        '{"v":1,"mode":"tap","amount":{"minor":1,"currency":"EUR"},"opened_ms":5}',
    ],
)
def test_any_other_record_is_refused(text: str) -> None:
    with pytest.raises(JournalFault):
        order_of(text, "T1", "T1", "paid")


def test_an_unknown_phase_is_refused() -> None:
    with pytest.raises(JournalFault):
        order_of(record_text(ORDER), "T1", "T1", "happy")


# -- versions ----------------------------------------------------------------------------------------------


def test_a_newer_record_is_refused_with_words() -> None:
    with pytest.raises(NewerJournal, match="version 2; this program knows 1"):
        event_of('{"v":2,"type":"SaleOpened","at_ms":1}')


def lift_0(name: str, said: dict[str, Any]) -> dict[str, Any]:
    """A version 0 that never was: money in two fields, seconds instead of milliseconds."""
    if name == "PaymentApproved":
        said["paid"] = {"minor": said.pop("paid_minor"), "currency": said.pop("paid_currency")}
        said["at_ms"] = said.pop("at_s") * 1_000
    if name == "Order":
        said["opened_ms"] = said.pop("opened_s") * 1_000
    return said


def test_an_older_event_is_lifted() -> None:
    old = '{"v":0,"type":"PaymentApproved","at_s":81,"paid_minor":1250,"paid_currency":"EUR"}'
    lifted = event_of(old, steps={0: lift_0})
    assert lifted == PaymentApproved(at_ms=81_000, paid=Money(1_250, "EUR"))


def test_an_older_record_is_lifted() -> None:
    old = '{"v":0,"mode":"mpm","amount":{"minor":1250,"currency":"EUR"},"opened_s":5}'
    lifted = order_of(old, "T1", "T1", "presenting", steps={0: lift_0})
    assert lifted.opened_ms == 5_000


def test_a_version_that_nothing_leads_on_from_is_refused() -> None:
    with pytest.raises(JournalFault, match="nothing leads on from"):
        event_of('{"v":-1,"type":"SaleOpened","at_ms":1}', steps={0: lift_0})
