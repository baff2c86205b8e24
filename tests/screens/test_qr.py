"""Our code: what fits by the rule of decoding.md 4, and that the picture really reads back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pyzbar import pyzbar

from terminal.core.terms import Money, Refusal
from terminal.core.views import Glass, Presenting
from terminal.screens import Panel, draw, qr
from tests.screens.samples import PANELS

SMALL, SQUARE, LCD, WIDE = (
    PANELS[name] for name in ("oled-128x64", "oled-128x128", "lcd-240x240", "lcd-320x240")
)
EUR = Money(1250, "EUR")


def shown(payload: str, panel: Panel, test: bool = True) -> Image.Image:
    """The presenting screen with all that may stand around the code."""
    view = Presenting(EUR, payload, 20, 60, scan_too=True)
    return draw(Glass(view, resolving=2 if test else 0, test=test), panel)


def upscaled(picture: Image.Image) -> np.ndarray:
    """As a camera near the glass sees it, with the dark bezel around."""
    grey = picture.convert("L")
    framed = Image.new("L", (grey.width + 20, grey.height + 20))
    framed.paste(grey, (10, 10))
    return np.asarray(
        framed.resize((framed.width * 3, framed.height * 3), Image.Resampling.NEAREST)
    )


def read_by_zxing(picture: Image.Image) -> list[bytes]:
    return [found.bytes for found in zxingcpp.read_barcodes(upscaled(picture))]


def read_by_zbar(picture: Image.Image) -> list[bytes]:
    symbols = [pyzbar.ZBarSymbol.QRCODE]
    return [found.data for found in pyzbar.decode(upscaled(picture), symbols=symbols)]


# -- what fits


@pytest.mark.parametrize(
    ("panel", "length", "version", "px", "close_only"),
    [
        (SMALL, 17, 1, 2, False),
        (SMALL, 32, 2, 2, False),
        (SQUARE, 271, 10, 2, False),
        (LCD, 230, 9, 4, False),
        (LCD, 231, 10, 3, True),
        (LCD, 458, 14, 3, True),
        (WIDE, 458, 14, 3, False),
    ],
)
def test_what_fits_is_what_was_measured(
    panel: Panel, length: int, version: int, px: int, close_only: bool
) -> None:
    fit = qr.fit("a" * length, panel)
    assert (fit.version, fit.px_per_module, fit.close_only) == (version, px, close_only)


@pytest.mark.parametrize(
    ("panel", "most"), [(SMALL, 32), (SQUARE, 271), (LCD, 458), (WIDE, 458)], ids=str
)
def test_what_does_not_fit_is_refused_by_name(panel: Panel, most: int) -> None:
    assert qr.bytes_max(panel) == most
    with pytest.raises(
        Refusal, match=f"{most + 1} bytes .* {panel.name}; {most} bytes can"
    ) as caught:
        qr.fit("a" * (most + 1), panel)
    assert "short link" in str(caught.value)
    with pytest.raises(Refusal, match=panel.name):
        shown("a" * (most + 1), panel)


def test_a_panel_without_a_name_is_named_by_its_size() -> None:
    with pytest.raises(Refusal, match="the 128x64 display"):
        qr.fit("a" * 33, Panel(128, 64, "1", 170))


def test_a_panel_too_small_for_any_code_says_so() -> None:
    with pytest.raises(Refusal, match="the 84x48 display: it is too small"):
        qr.fit("a", Panel(84, 48, "1", 100))


def test_more_than_any_code_holds_is_refused() -> None:
    with pytest.raises(Refusal, match="3000 bytes"):
        qr.fit("a" * 3000, WIDE)


@pytest.mark.parametrize("payload", ["", "\ud800"])
def test_what_is_no_text_is_refused(payload: str) -> None:
    with pytest.raises(Refusal, match="Ask for another"):
        qr.fit(payload, WIDE)


@given(st.integers(64, 480), st.integers(48, 480), st.integers(80, 450), st.integers(1, 600))
def test_the_rule_holds_on_any_panel(width: int, height: int, pitch_um: int, length: int) -> None:
    panel = Panel(width, height, "1", pitch_um)
    if length > qr.bytes_max(panel):
        with pytest.raises(Refusal):
            qr.fit("a" * length, panel)
        return
    fit = qr.fit("a" * length, panel)
    module_um = fit.px_per_module * pitch_um
    assert length <= qr.CAPACITY[fit.version - 1]
    assert fit.px_per_module >= 2
    assert 2 <= fit.quiet <= 4
    assert fit.card_px <= min(width, height)
    assert module_um >= (290 if fit.close_only else 340)
    assert fit.close_only == (module_um < 340)


def test_the_table_of_capacities_is_that_of_the_encoder() -> None:
    import segno

    for version, most in enumerate(qr.CAPACITY, 1):
        code = segno.make("a" * most, error="L", mode="byte", mask=qr.MASK, boost_error=False)
        assert code.version == version


# -- what is drawn


@pytest.mark.parametrize("payload", ["12345678", "UPPER CASE 1", "mixed Case"])
def test_the_mode_is_byte_whatever_the_letters(payload: str) -> None:
    """EMVCo 4.12. The mode's four bits are the lower right corner, read upwards in pairs, under the mask
    (column modulo 3 for mask 2)."""
    fit = qr.fit(payload, SQUARE)
    card = np.asarray(qr.card(payload, fit))
    dark = ~card[
        fit.px_per_module // 2 :: fit.px_per_module, fit.px_per_module // 2 :: fit.px_per_module
    ]
    code = dark[fit.quiet : -fit.quiet, fit.quiet : -fit.quiet]
    last = fit.modules - 1
    corner = [(last, last), (last, last - 1), (last - 1, last), (last - 1, last - 1)]
    assert [bool(code[row, column]) ^ (column % 3 == 0) for row, column in corner] == [0, 1, 0, 0]
    assert qr.MASK == 2


def raw(payload: str) -> bytes:
    """What stands in the code, after its protocol header: "]Q1", or "]Q2" and the ECI."""
    hexadecimal = zxingcpp.TextMode.HexECI
    (found,) = zxingcpp.read_barcodes(upscaled(shown(payload, LCD)), text_mode=hexadecimal)
    return bytes.fromhex(found.text)


def test_text_beyond_ascii_carries_its_eci() -> None:
    """EMVCo 4.12: ECI 000026 says UTF-8; ASCII needs none."""
    text = "Café Zürich 咖啡"
    assert raw(text) == rb"]Q2\000026" + text.encode()
    assert raw("Cafe Zurich") == b"]Q1Cafe Zurich"


PAYLOADS = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=460),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=150),
    st.integers(1, 458).map(lambda length: "0" * length),
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(PANELS)), PAYLOADS, st.booleans())
def test_what_is_shown_reads_back(name: str, payload: str, marks: bool) -> None:
    panel = PANELS[name]
    if len(payload.encode()) + (not payload.isascii()) > qr.bytes_max(panel):
        with pytest.raises(Refusal):
            shown(payload, panel, marks)
        return
    picture = shown(payload, panel, marks)
    assert read_by_zxing(picture) == [payload.encode()]
    if payload.isascii():  # zbar guesses at charsets (decoding.md 1)
        assert read_by_zbar(picture) == [payload.encode()]


def full(panel: Panel) -> str:
    return ("https://pay.example/" + "Q7" * 300)[: qr.bytes_max(panel)]


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("marks", [True, False])
def test_the_fullest_code_reads_back_whole(name: str, marks: bool) -> None:
    picture = shown(full(PANELS[name]), PANELS[name], marks)
    assert read_by_zxing(picture) == read_by_zbar(picture) == [full(PANELS[name]).encode()]


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize("length", [1, 30, 90, 200, 400])
@pytest.mark.parametrize("marks", [True, False])
def test_card_and_quiet_zone_are_lit_and_untouched(name: str, length: int, marks: bool) -> None:
    """The card stands on the glass pixel by pixel as it was made, and its quiet zone is all lit."""
    panel = PANELS[name]
    payload = full(panel)[:length]
    fit, picture = qr.fit(payload, panel), np.asarray(shown(payload, panel, marks).convert("L"))
    card = np.asarray(qr.card(payload, fit).convert("L"))
    quiet_px = fit.quiet * fit.px_per_module
    inside = np.zeros_like(card, dtype=bool)
    inside[quiet_px:-quiet_px, quiet_px:-quiet_px] = True
    assert (card[~inside] == 255).all()
    assert card[quiet_px, quiet_px] == 0, "the finder's corner is unlit: not inverted"
    _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(picture, card, cv2.TM_SQDIFF))
    assert (picture[y : y + card.shape[0], x : x + card.shape[1]] == card).all()


def test_the_kept_cards_are_few() -> None:
    for number in range(20):
        shown(f"https://pay.example/{number}", SQUARE)
    assert qr.card.cache_info().currsize <= qr.CODES_MAX
