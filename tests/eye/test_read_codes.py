"""The eye: what it reads, and what it must never take for a code (decoding.md 6)."""

from __future__ import annotations

import numpy as np
import pytest
import segno
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from terminal.eye import CODE_128_MIN, read_codes
from terminal.eye.readers import CODE_128, QR
from terminal.eye.seen import Code

Gray = NDArray[np.uint8]
WALLET = "134567890123456789"
OTHER = "281234567890123456"
CPM = "hQVDUFYwMWETTwegAAAAVVVVUAhNYXN0ZXJDYXJkYRM"


def qr(text: str, scale: int = 6, kind: str = "qr") -> Image.Image:
    made = segno.make_micro(text) if kind == "micro" else segno.make(text, micro=False)
    rows = [bytes(255 * (not dark) for dark in row) for row in made.matrix]
    code = Image.frombytes("L", (len(rows[0]), len(rows)), b"".join(rows))
    return code.resize((code.width * scale, code.height * scale), Image.Resampling.NEAREST)


def linear(text: str, kind: str = "Code128", scale: int = 3) -> Image.Image:
    bars = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    return Image.fromarray(np.array(bars.to_image(scale=scale, add_quiet_zones=False)))


def picture(*codes: Image.Image, turn: float = 0, noise: float = 0) -> Gray:
    """A frame of 720 x 1280 with the codes side by side on white cards, on a gray table."""
    frame = Image.new("L", (1280, 720), 90)
    slot = 1280 // max(1, len(codes))
    for place, code in enumerate(codes):
        card = Image.new("L", (code.width + 80, code.height + 80), 235)
        card.paste(code, (40, 40))
        card = card.rotate(turn, Image.Resampling.BICUBIC, expand=True, fillcolor=90)
        frame.paste(card, (slot * place + (slot - card.width) // 2, (720 - card.height) // 2))
    grain = np.random.default_rng(7).normal(0, noise, (720, 1280))
    return np.clip(np.asarray(frame) + grain, 0, 255).astype(np.uint8)


def texts(gray: Gray) -> list[tuple[str, str]]:
    return [(code.text, code.symbology) for code in read_codes(gray)]


# -- what is read -------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [0, 17, 45, 90, 180, 261])
@pytest.mark.parametrize("noise", [0, 25])
def test_a_qr_code_is_read_at_once(turn: float, noise: float) -> None:
    assert texts(picture(qr(CPM), turn=turn, noise=noise)) == [(CPM, QR)]


@pytest.mark.parametrize("text", ["7", "Grüße 你好", "A" * 300])
def test_a_qr_code_may_hold_any_text(text: str) -> None:
    assert texts(picture(qr(text, scale=4))) == [(text, QR)]


def test_a_light_code_on_a_dark_screen_is_read() -> None:
    assert texts(255 - picture(qr(WALLET))) == [(WALLET, QR)]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("noise", [0, 12])
def test_a_code_128_is_read_when_both_readers_agree(turn: float, noise: float) -> None:
    assert texts(picture(linear(WALLET), turn=turn, noise=noise)) == [(WALLET, CODE_128)]


def test_the_box_is_where_the_code_is() -> None:
    (code,) = read_codes(picture(qr(WALLET, scale=8)))
    side = 21 * 8
    ideal = ((1280 - side) // 2, (720 - side) // 2, (1280 + side) // 2, (720 + side) // 2)
    assert all(abs(is_at - should) <= 8 for is_at, should in zip(code.box, ideal, strict=True))


def test_the_same_text_twice_in_a_frame_is_one_reading() -> None:
    assert texts(picture(qr(WALLET), qr(WALLET))) == [(WALLET, QR)]
    assert texts(picture(qr(WALLET), linear(WALLET))) == [(WALLET, QR)]


# -- what is none -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "codes",
    [
        (qr(WALLET), qr(OTHER)),
        (linear(WALLET, scale=2), linear(OTHER, scale=2)),
        (qr(WALLET), linear(OTHER)),
    ],
)
def test_two_different_codes_in_a_frame_are_none(codes: tuple[Image.Image, ...]) -> None:
    for code in codes:
        assert len(texts(picture(code))) == 1, "each alone is read"
    assert texts(picture(*codes)) == []


@pytest.mark.parametrize("length", range(1, 12))
def test_a_short_code_128_is_none(length: int) -> None:
    """At the counter. `read_codes` alone may be asked for shorter ones, as those of goods are."""
    assert read_codes(picture(linear("1" * length)), shortest=CODE_128_MIN) == []


def test_a_code_128_of_twelve_characters_is_the_shortest() -> None:
    assert texts(picture(linear("123456789012"))) == [("123456789012", CODE_128)]


def test_a_short_code_128_beside_a_qr_code_does_not_hide_it() -> None:
    """A misread or the label of a bottle: it is no reading at all, so nothing differs."""
    assert texts(picture(qr(WALLET), linear("1238"))) == [(WALLET, QR)]


@pytest.mark.parametrize("kind", ["EAN13", "ITF", "Code39"])
def test_what_no_wallet_shows_is_none(kind: str) -> None:
    assert texts(picture(linear("4006381333931" if kind == "EAN13" else WALLET, kind, 2))) == []


def test_a_micro_qr_code_is_none() -> None:
    assert texts(picture(qr("1234567890", kind="micro"))) == []


def test_when_the_time_is_over_no_further_stage_begins() -> None:
    """One more stage is needed for a code at an angle."""
    turned = picture(linear(WALLET), turn=35)
    assert texts(turned) == [(WALLET, CODE_128)]
    assert read_codes(turned, budget_ms=0) == []


# -- frames -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [qr(WALLET), linear(WALLET)])
def test_a_frame_may_be_a_view_a_window_or_bytes(code: Image.Image) -> None:
    gray = picture(code)
    window = np.zeros((720, 1344), np.uint8)  # rows padded, as the camera delivers them
    window[:, :1280] = gray
    shaped = memoryview(gray.tobytes()).cast("B", gray.shape)
    found: list[list[Code]] = [read_codes(gray), read_codes(window[:, :1280]), read_codes(shaped)]
    assert found[0] and found[0] == found[1] == found[2]


@pytest.mark.parametrize("size", [(0, 0), (0, 640), (1, 1), (1, 1280), (720, 1), (2, 2)])
def test_a_tiny_frame_holds_no_code(size: tuple[int, int]) -> None:
    assert read_codes(np.zeros(size, np.uint8)) == []


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32), np.zeros(4, np.uint8)]
)
def test_what_is_no_gray_frame_is_our_fault(wrong: Gray) -> None:
    with pytest.raises(TypeError, match="uint8 in"):
        read_codes(wrong)


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 64), st.integers(1, 64))))
def test_no_picture_breaks_the_eye(gray: Gray) -> None:
    """F20."""
    assert read_codes(gray) == []


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_code(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (720, 1280), np.uint8)
    assert read_codes(noise) == []
