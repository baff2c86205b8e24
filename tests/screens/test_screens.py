"""What each screen promises to the people in front of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from terminal.core import views
from terminal.core.sale import Reason
from terminal.core.terms import Money
from terminal.core.views import Glass, NotPaid, Paid, Presenting, View
from terminal.screens import draw, frame, signs, words
from tests.screens.samples import EUR, GLASSES, PANELS, URL, glasses

CASES = [(panel, name) for panel in PANELS for name in glasses(PANELS[panel])]
SMALL = PANELS["oled-128x64"]


def texts(glass: Glass, panel: str) -> str:
    return " ".join(ink.text for ink in frame.paint(glass, PANELS[panel]).inks)


def test_every_view_has_a_screen() -> None:
    assert set(frame.SCREENS) == set(get_args(View))


@pytest.mark.parametrize("panel", PANELS)
def test_a_picture_is_of_the_panels_size_and_mode(panel: str) -> None:
    for glass in GLASSES.values():
        picture = draw(glass, PANELS[panel])
        assert picture.size == (PANELS[panel].width_px, PANELS[panel].height_px)
        assert picture.mode == PANELS[panel].mode


@pytest.mark.parametrize(("panel", "name"), CASES)
def test_equal_glasses_give_equal_bytes(panel: str, name: str) -> None:
    glass = glasses(PANELS[panel])[name]
    first = draw(glass, PANELS[panel])
    draw(Glass(Paid(EUR, "0000")), PANELS[panel])
    assert draw(replace(glass), PANELS[panel]).tobytes() == first.tobytes()


@pytest.mark.parametrize(("panel", "name"), CASES)
def test_test_money_is_marked_on_every_screen(panel: str, name: str) -> None:
    glass = glasses(PANELS[panel])[name]
    assert "TEST" in texts(replace(glass, test=True), panel)
    assert "TEST" not in texts(replace(glass, test=False), panel)


@pytest.mark.parametrize(("panel", "name"), CASES)
def test_older_sales_in_doubt_are_counted_on_every_screen(panel: str, name: str) -> None:
    glass = replace(glasses(PANELS[panel])[name], resolving=7)
    counts = words.resolving(7)
    written = [ink.text for ink in frame.paint(glass, PANELS[panel]).inks]
    assert any(text in counts for text in written)


# -- PAID, NOT PAID, UNKNOWN


@pytest.mark.parametrize("panel", PANELS)
def test_the_three_ends_differ_in_words(panel: str) -> None:
    paid, not_paid, unknown = (
        texts(GLASSES[name], panel).split() for name in ("paid", "not-paid", "checking")
    )
    assert "PAID" in paid and "NOT" not in paid
    assert " ".join(not_paid).startswith("12.50 EUR NOT PAID")
    assert "PAID" not in unknown and "Checking" in unknown
    assert words.DO_NOT_HAND_OVER in " ".join(unknown)


def test_the_three_signs_differ_in_shape() -> None:
    shapes = [np.asarray(signs.mask(name, 40, True)) for name in ("tick", "cross", "question")]
    for number, shape in enumerate(shapes):
        for other in shapes[:number]:
            common = (shape & other).sum() / (shape | other).sum()
            assert common < 0.4


def test_paid_alone_lights_the_whole_mono_glass() -> None:
    """Seen from the corner of an eye: no other screen is lit like it."""
    lit = {name: np.asarray(draw(glass, SMALL)).mean() for name, glass in GLASSES.items()}
    for name in GLASSES:
        assert (lit[name] > 0.65) == (name in {"paid", "paid-test"}), name


@pytest.mark.parametrize("panel", PANELS)
def test_a_sale_shown_again_says_so_and_looks_different(panel: str) -> None:
    for view in (Paid(EUR, "4711"), NotPaid(EUR, Reason.EXPIRED)):
        again = Glass(replace(view, again=True))
        assert words.LAST_SALE in texts(again, panel)
        assert words.LAST_SALE not in texts(Glass(view), panel)
    lit = np.asarray(draw(Glass(Paid(EUR, "4711", again=True)), PANELS[panel]).convert("L"))
    assert np.median(lit) == 0, "not the lit glass of a new PAID"


# -- presenting


@pytest.mark.parametrize("panel", PANELS)
def test_when_the_customer_is_paying_the_code_is_gone(panel: str) -> None:
    view = Presenting(EUR, URL, 20, 60, payer_acting=True)
    assert words.CUSTOMER_PAYING in texts(Glass(view), panel)
    glass = Glass(replace(view, qr="x" * 5000))
    assert draw(glass, PANELS[panel]) == draw(Glass(view), PANELS[panel])


@pytest.mark.parametrize("panel", PANELS)
def test_the_bar_shrinks(panel: str) -> None:
    lit = [
        np.asarray(draw(Glass(Presenting(EUR, URL, left, 60)), PANELS[panel]).convert("L")).sum()
        for left in (60, 45, 30, 15, 1, 0)
    ]
    assert lit == sorted(lit, reverse=True)
    assert len(set(lit)) == len(lit), "one second left is still seen"


@pytest.mark.parametrize(("left", "life"), [(70, 60), (-1, 60), (5, 0), (0, 0)])
def test_odd_times_are_drawn(left: int, life: int) -> None:
    for panel in PANELS.values():
        draw(Glass(Presenting(EUR, URL, left, life)), panel)


@pytest.mark.parametrize("panel", PANELS)
def test_the_customer_is_told_of_the_other_way(panel: str) -> None:
    assert words.OR_SHOW_CODE in texts(Glass(Presenting(EUR, URL, 20, 60, scan_too=True)), panel)


# -- the rest


def test_a_choice_has_its_key_before_it() -> None:
    view = views.Choosing(EUR, ("Alipay", "WeChat Pay", "GrabPay", "a fourth"))
    written = texts(Glass(view), "lcd-240x240")
    assert "1 Alipay 2 WeChat Pay 3 GrabPay 0 Ask the customer" in written
    assert "fourth" not in written


def test_no_line_is_said_before_anyone_types() -> None:
    written = texts(GLASSES["idle-offline"], "oled-128x64")
    assert "No connection" in written
    assert "since 09:41" in written


def test_the_keyed_item_and_the_sum_are_both_there() -> None:
    view = views.Typing(Money(250, "EUR"), Money(1500, "EUR"), items=3)
    assert texts(Glass(view), "oled-128x64") == "15.00 EUR 3 items + 2.50"


# -- what is not loaded


@pytest.mark.parametrize(
    ("do", "absent"),
    [
        ("import terminal.screens", "PIL"),
        ("from terminal.screens import frame, qr", "segno"),
    ],
)
def test_heavy_libraries_wait_until_they_are_needed(do: str, absent: str) -> None:
    code = f"import sys\n{do}\nassert {absent!r} not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
