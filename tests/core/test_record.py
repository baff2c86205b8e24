"""A record made from another is what `dataclasses.replace` would make of it."""

from __future__ import annotations

import dataclasses

import pytest

from terminal.core.events import Key, KeyPressed
from terminal.core.record import replace
from terminal.core.sale import Order, Pace, Phase
from terminal.core.stand import Counter
from terminal.core.terms import Mode, Money

ORDER = Order(
    "T1", "T1", Mode.MPM, Money(500, "EUR"), Phase.PRESENTING, 1, qr="QR", pace=Pace(tries=2)
)
PRESSED = KeyPressed(at_ms=5, key=Key.OK)  # whose first field is its parent's


@pytest.mark.parametrize("record", [ORDER, Pace(ask_at_ms=7), Counter(front=ORDER), PRESSED])
def test_each_field_can_be_another(record: Order | Pace | Counter | KeyPressed) -> None:
    for field in dataclasses.fields(record):
        said = {field.name: "another"}
        made = replace(record, **said)
        twin = dataclasses.replace(record, **said)  # type: ignore[arg-type]
        assert type(made) is type(record)
        assert repr(made) == repr(twin)
    assert replace(record) == record
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(replace(record), dataclasses.fields(record)[0].name, "another")


def test_what_is_no_field_or_checks_itself_is_refused() -> None:
    with pytest.raises(TypeError, match="no field 'phrase'"):
        replace(ORDER, phrase=1)
    with pytest.raises(TypeError, match="Money"):
        replace(Money(1, "EUR"), minor=-1)
