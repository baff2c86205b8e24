from __future__ import annotations

import pytest

from terminal.core.sale import Reason
from terminal.core.terms import Money
from terminal.core.views import Glass, NotPaid
from terminal.screens import frame, words
from tests.screens.samples import PANELS


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_says_what_happened_and_what_to_do(reason: Reason) -> None:
    happened, _, then = words.REASONS[reason].partition(". ")
    assert happened
    assert then.endswith(".")
    assert len(words.REASONS[reason]) <= 72


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_readable_on_every_panel(reason: Reason, panel: str) -> None:
    """Also with all that can stand around it: the marks, a long amount, "Last sale"."""
    glass = Glass(NotPaid(Money(123_456_789, "KWD"), reason, again=True), resolving=3, test=True)
    canvas = frame.paint(glass, PANELS[panel])
    written = " ".join(ink.text for ink in canvas.inks)
    assert words.REASONS[reason] in written
    assert "…" not in written


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7300, "2 h")],
)
def test_a_span_is_said_in_its_largest_unit(seconds: int, said: str) -> None:
    assert words.span(seconds) == said


def test_an_order_number_is_spelt_whole() -> None:
    assert words.spelt("TA1B2C300010000002KX7Q4ZM") == "TA1B2 C3000 10000 002KX 7Q4ZM"


def test_the_reference_leaves_out_what_is_not_known() -> None:
    assert words.reference("4711", "Alipay") == "ref 4711, Alipay"
    assert words.reference("", "Alipay") == "Alipay"
    assert words.reference("", "") == ""
