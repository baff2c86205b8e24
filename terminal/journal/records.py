"""What a row says, as JSON: the event that happened and the record it led to.

    event   {"v":1,"type":"PaymentApproved","at_ms":81234,"paid":{"minor":1250,"currency":"EUR"}}
    record  {"v":1,"mode":"mpm","amount":{...},"opened_ms":80000,"qr":"..."}

A field is left out while it has its default and that is nothing (None, False, ""): a third of the bytes. The
order's numbers and phase stand in the row's own columns and only there. `Order.pace` is not kept: after a
restart everything is asked at once anyway.

Reading is strict: an unknown type, field, value or version is a JournalFault, never a guess. When a type
changes, `VERSION` goes up and `STEPS` gets the way from the version before: old rows stay readable for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, TypeVar, get_args

import msgspec

from terminal.core.events import Carried, Event, OrderEvent, SaleOpened
from terminal.core.sale import Order
from terminal.core.terms import Fault, HouseFault, JournalFault
from terminal.journal.faults import NewerJournal

# A scan holds a payment code and a key may be a digit of a PIN: what happens at the counter is no row (I11).
STORED: dict[str, type[Event]] = {
    kind.__name__: kind for kind in (SaleOpened, Carried, *get_args(OrderEvent))
}

VERSION = 1
Step = Callable[[str, dict[str, Any]], dict[str, Any]]
STEPS: Mapping[int, Step] = {}
"""From a version to the next: (type of the event or "Order", its fields) -> its fields in the next one."""

TEXT_MAX = (
    16_384  # bytes of one event or record; the longest code a gateway may issue fits four times
)

_COLUMNS = ("order_no", "sale_no", "phase")
_ELSEWHERE = frozenset({*_COLUMNS, "pace"})
_NOTHING = (None, False, "")
_Value = TypeVar("_Value", bound="Event | Order")


# -- out ---------------------------------------------------------------------------------------------------


def event_text(event: Event) -> str:
    """HouseFault when this kind of event may not be in a journal."""
    name = type(event).__name__
    if STORED.get(name) is not type(event):
        raise HouseFault(f"{name} is never journalled; the first row of an order is SaleOpened")
    return _text({"v": VERSION, "type": name, **_filled(event)}, name)


def record_text(order: Order) -> str:
    """All of the order that does not stand in the row's own columns."""
    return _text({"v": VERSION, **_filled(order)}, "Order")


def _filled(value: Event | Order) -> dict[str, Any]:
    kind: Any = type(value)
    return {
        name: found
        for name, nothing in _written(kind)
        if (found := getattr(value, name)) is not nothing
    }


@cache
def _written(kind: Any) -> tuple[tuple[str, object], ...]:
    """Names of what a text of this type may hold, each with the default that is left out (MISSING: none is)."""
    without = _ELSEWHERE if kind is Order else ()
    written = (field for field in fields(kind) if field.name not in without)
    return tuple((it.name, it.default if it.default in _NOTHING else MISSING) for it in written)


def _text(said: dict[str, Any], name: str) -> str:
    try:
        encoded = msgspec.json.encode(said)
    except (TypeError, ValueError, OverflowError) as error:
        raise HouseFault(f"{name} cannot be journalled: {error}") from error
    if len(encoded) > TEXT_MAX:
        raise HouseFault(f"{name} has {len(encoded)} bytes; a row holds {TEXT_MAX}")
    return encoded.decode()


# -- in ----------------------------------------------------------------------------------------------------


def event_of(text: str, steps: Mapping[int, Step] = STEPS) -> Event:
    """The event that `event_text` wrote, in this version or an older one."""
    said = _object(text)
    name = said.pop("type", None)
    if not isinstance(name, str):
        raise JournalFault(f"an event without a type: {text[:80]!r}")
    said = _lifted(name, said, steps)
    if name not in STORED:
        raise JournalFault(f"an event of the unknown type {name!r}")
    return _value(said, STORED[name])


def order_of(
    text: str, order_no: str, sale_no: str, phase: str, steps: Mapping[int, Step] = STEPS
) -> Order:
    """The order that `record_text` wrote, put together with its row's columns."""
    said = _lifted("Order", _object(text), steps)
    if not _ELSEWHERE.isdisjoint(said):
        reserved = ", ".join(sorted(_ELSEWHERE & said.keys()))
        raise JournalFault(f"a record with {reserved}, which stand elsewhere")
    return _value({**said, "order_no": order_no, "sale_no": sale_no, "phase": phase}, Order)


def _object(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise JournalFault(f"no JSON object: {text[:80]!r} ({error})") from error


def _lifted(name: str, said: dict[str, Any], steps: Mapping[int, Step]) -> dict[str, Any]:
    """The fields as the current version has them."""
    version = said.pop("v", None)
    if type(version) is not int:
        raise JournalFault(f"{name} without a version")
    if version > VERSION:
        raise NewerJournal(
            f"{name} has version {version}; this program knows {VERSION}. Install the newer program again."
        )
    for step in range(version, VERSION):
        if step not in steps:
            raise JournalFault(f"{name} has version {version}, which nothing leads on from")
        said = steps[step](name, said)
    return said


@cache
def _known(kind: Any) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind))


def _value(said: dict[str, Any], kind: type[_Value]) -> _Value:
    any_kind: Any = kind
    if not said.keys() <= _known(any_kind):
        strange = said.keys() - _known(any_kind)
        raise JournalFault(f"{kind.__name__} with unknown {', '.join(sorted(strange))}")
    try:
        return msgspec.convert(said, type=kind)
    except (msgspec.ValidationError, Fault) as error:
        raise JournalFault(f"{kind.__name__} does not hold: {error}") from error
