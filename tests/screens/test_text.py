"""Nothing that is written is ever cut, covered or outside the glass, whatever the amount and the words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from terminal.core import views
from terminal.core.sale import Reason
from terminal.core.terms import MINOR_MAX, Money
from terminal.core.views import Glass, View
from terminal.screens import amount, fonts, frame
from terminal.screens.canvas import Box, Canvas, Ink
from tests.screens.samples import PANELS

WORDS = ["The", "Old", "Mill", "Bakery", "Room", "café", "Müller", "&", "Söhne", "Nguyễn", "Ελένη"]
WORDS += ["Мария", "3", "to", "send", "since", "09:41"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
LINES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
WALLETS = st.sampled_from(
    [
        "Alipay",
        "AlipayHK",
        "WeChat Pay",
        "UnionPay QuickPass",
        "GrabPay",
        "Touch 'n Go",
        "ShopeePay",
    ]
)
CODE = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=1, max_size=32)
AMOUNTS = st.builds(
    Money,
    st.one_of(st.integers(0, 10**6), st.integers(0, MINOR_MAX)),
    st.sampled_from(["JPY", "EUR", "KWD"]),
)
SECONDS = st.integers(0, 100_000)
AGAIN = st.booleans()

WITH_AMOUNT = st.one_of(
    st.builds(views.Choosing, AMOUNTS, st.lists(WALLETS, min_size=1, max_size=3).map(tuple)),
    st.builds(
        views.Presenting,
        AMOUNTS,
        st.sampled_from(["https://pay.example/q/7KX4M2PA", "x" * 32]),
        SECONDS,
        SECONDS,
        scan_too=st.booleans(),
        payer_acting=st.booleans(),
        note=NAMES,
    ),
    st.builds(views.Scanning, AMOUNTS, SECONDS, NAMES),
    st.builds(
        views.Waiting, AMOUNTS, st.sampled_from(["One moment", "Customer is paying"]), SECONDS
    ),
    st.builds(views.Checking, AMOUNTS, SECONDS, SENTENCES),
    st.builds(views.Paid, AMOUNTS, st.from_regex("[0-9]{4}", fullmatch=True), NAMES, AGAIN),
    st.builds(views.NotPaid, AMOUNTS, st.sampled_from(Reason), AGAIN),
    st.builds(views.Attention, AMOUNTS, CODE.map(lambda code: code[:10]), CODE),
)
TYPED = st.builds(
    lambda total, part, items, note: views.Typing(
        Money(min(part, total.minor), total.currency), total, items, note
    ),
    AMOUNTS,
    st.integers(0, MINOR_MAX),
    st.integers(1, 99),
    NAMES,
)
WITHOUT_AMOUNT = st.one_of(
    st.builds(views.Idle, SENTENCES, NAMES, st.booleans()),
    st.builds(views.OutOfService, LINES, LINES),
    st.just(views.ClockNotSet()),
)
PANEL_NAMES = st.sampled_from(sorted(PANELS))


def painted(view: View, panel: str, resolving: int, test: bool) -> Canvas:
    return frame.paint(Glass(view, resolving, test), PANELS[panel])


def apart(one: Box, other: Box) -> bool:
    beside = one.right <= other.x or other.right <= one.x
    return beside or one.bottom <= other.y or other.bottom <= one.y


def check_inks(canvas: Canvas) -> None:
    """Every line lies on the glass, none on another, none was shortened."""
    for number, ink in enumerate(canvas.inks):
        box = ink.box
        assert box.x >= 0 and box.y >= 0, ink
        assert box.right <= canvas.box.width and box.bottom <= canvas.box.height, ink
        assert "…" not in ink.text, ink
        for other in canvas.inks[:number]:
            assert apart(box, other.box), (ink, other)


def lines_of(money: Money, canvas: Canvas) -> list[Ink]:
    """The lines in which the amount was written, the currency's code among them or beside them."""
    digits = re.sub(r"\D", "", money.major)
    for start in range(len(canvas.inks)):
        for end in range(start + 1, len(canvas.inks) + 1):
            lines = canvas.inks[start:end]
            written = "".join(re.sub(r"\s", "", line.text) for line in lines)
            if written in (money.major, money.major + money.currency):
                assert re.sub(r"\D", "", written) == digits
                return lines
    raise AssertionError(f"{money} is not among {[ink.text for ink in canvas.inks]}")


@settings(max_examples=300, deadline=None)
@given(WITH_AMOUNT, PANEL_NAMES, st.integers(0, 12), st.booleans())
def test_the_amount_is_whole_and_the_largest(
    view: View, panel: str, resolving: int, test: bool
) -> None:
    canvas = painted(view, panel, resolving, test)
    check_inks(canvas)
    amount_px = lines_of(view.amount, canvas)[0].size_px
    assert amount_px >= max(ink.size_px for ink in canvas.inks if not is_mark(ink))


@settings(max_examples=100, deadline=None)
@given(TYPED, PANEL_NAMES, st.integers(0, 12), st.booleans())
def test_what_is_typed_is_whole(view: views.Typing, panel: str, resolving: int, test: bool) -> None:
    canvas = painted(view, panel, resolving, test)
    check_inks(canvas)
    lines_of(view.total, canvas)
    if view.items > 1:
        shown = "".join(re.sub(r"\s", "", ink.text) for ink in canvas.inks)
        assert f"+{view.item.major}" in shown


@settings(max_examples=100, deadline=None)
@given(WITHOUT_AMOUNT, PANEL_NAMES, st.integers(0, 12), st.booleans())
def test_words_are_whole(view: View, panel: str, resolving: int, test: bool) -> None:
    check_inks(painted(view, panel, resolving, test))


def is_mark(ink: Ink) -> bool:
    """Whether the line belongs to the band at the top, which is not part of the sale."""
    return ink.text.startswith(("TEST", "Last sale")) or bool(
        re.fullmatch(r"\d+(\?| checking)", ink.text)
    )


# -- the setting of letters


@settings(max_examples=200, deadline=None)
@given(SENTENCES, st.integers(7, 60), st.booleans(), st.sampled_from(["1", "L"]))
def test_the_measures_are_those_of_the_pixels(text: str, size: int, bold: bool, mode: str) -> None:
    setting = fonts.in_lines([text], size, bold, mode)
    image = Image.new("L", (setting.width_px + 40, setting.height_px + 40))
    pen = ImageDraw.Draw(image)
    pen.fontmode = mode
    line = setting.lines[0]
    at = (20 - line.left, 20 + line.baseline)
    pen.text(at, line.text, fill=255, font=fonts.face(size, bold), anchor="ls")
    left, top, right, bottom = image.getbbox() or (20, 20, 20, 20)
    assert left >= 20 and top >= 20
    assert right <= 20 + setting.width_px and bottom <= 20 + setting.height_px


@given(st.text(max_size=500), st.integers(1, 130), st.integers(1, 130), st.integers(1, 80))
@settings(max_examples=200, deadline=None)
def test_any_text_stays_in_any_box(text: str, width: int, height: int, largest: int) -> None:
    style = fonts.Style(width, height, 8, "1")
    setting = fonts.fitted(text, style, largest) or fonts.squeezed(text, style, largest)
    assert setting.width_px <= width and setting.height_px <= height


def test_a_text_that_cannot_fit_says_that_it_was_shortened() -> None:
    setting = fonts.squeezed("far too much " * 20, fonts.Style(60, 20, 8, "1"), 20)
    assert setting.lines[-1].text.endswith("…")


def test_a_long_word_is_broken_without_losing_a_letter() -> None:
    word = "Donaudampfschifffahrtsgesellschaft"
    setting = fonts.squeezed(word, fonts.Style(60, 60, 8, "1"), 20)
    assert "".join(line.text for line in setting.lines) == word


def test_lines_are_balanced() -> None:
    setting = fonts.fitted("Type an amount first", fonts.Style(110, 30, 8, "1"), 12)
    assert setting is not None
    assert [line.text for line in setting.lines] == ["Type an", "amount first"]


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (0, "EUR", "0.00"),
        (125_000, "EUR", "1250.00"),
        (1_250_000, "EUR", "12 500.00"),
        (1_250_000, "VND", "1 250 000"),
        (5, "KWD", "0.005"),
        (MINOR_MAX, "EUR", "9 999 999 999 999.99"),
    ],
)
def test_thousands_stand_apart(minor: int, currency: str, said: str) -> None:
    assert amount.figures(Money(minor, currency), gap=" ") == said


def test_caches_are_bounded() -> None:
    for number in range(2 * fonts.SETTINGS_MAX):
        frame.paint(Glass(views.Idle(f"Shop {number}")), PANELS["oled-128x64"])
    assert fonts.fitted.cache_info().currsize <= fonts.SETTINGS_MAX
    assert fonts.face.cache_info().currsize <= fonts.FACES_MAX
