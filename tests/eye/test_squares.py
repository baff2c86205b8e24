"""Our own reader of QR codes with holes: against another's encoder, and never more than is proved."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import cv2
import numpy as np
import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from terminal.bench import scenes
from terminal.bench.scenes.lens import photograph
from terminal.eye import read_codes, squares, stages
from terminal.eye.readers import Square
from terminal.eye.squares import correction, read_square
from terminal.eye.squares.finders import squares_by_finders
from terminal.eye.squares.layout import Layout, layout, level_and_mask, turned
from terminal.eye.squares.message import message

Gray = NDArray[np.uint8]
WALLET = "134567890123456789"
LONG = "hQVDUFYwMWETTwegAAAAVVVVUAhNYXN0ZXJDYXJkYRM"
KINDS = [(version, "LMQH"[version % 4], version % 8) for version in range(1, 11)]
KINDS += [(1, level, mask) for level, mask in zip("LMQHLMQH", range(8), strict=True)]
MODULE_PX = 6


def drawn(text: str, version: int, level: str, mask: int) -> NDArray[np.bool_]:
    code = segno.make(text, version=version, error=level, mask=mask, boost_error=False, micro=False)
    return np.array(code.matrix, bool)


def codewords(matrix: NDArray[np.bool_], parts: Layout, mask: int) -> list[int]:
    bits = (matrix ^ turned(mask, parts.side))[parts.path].reshape(-1, 8)
    return np.packbits(bits, axis=1).ravel().tolist()


def picture(text: str, version: int, level: str, mask: int) -> tuple[Gray, Square]:
    matrix = np.pad(drawn(text, version, level, mask), 4)
    gray = np.kron(np.where(matrix, 40, 200), np.ones((MODULE_PX, MODULE_PX))).astype(np.uint8)
    near, far = 4.0 * MODULE_PX, float(len(gray) - 4 * MODULE_PX)
    corners = (near, near), (far, near), (far, far), (near, far)
    return gray, Square(corners, version, level, mask)


def spotted(gray: Gray, spot: float, light: int) -> Gray:
    """With a spot on its middle, so many modules wide."""
    middle = len(gray) // 2
    return cv2.circle(gray.copy(), (middle, middle), int(spot * MODULE_PX / 2), light, -1)  # type: ignore[return-value]


# -- its parts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "level", "mask"), KINDS)
def test_a_layout_is_that_of_another_encoder(version: int, level: str, mask: int) -> None:
    matrix, parts = drawn("1234567", version, level, mask), layout(version, level)
    assert matrix[parts.fixed == 1].all()
    assert not matrix[parts.fixed == -1].any()
    read = codewords(matrix, parts, mask)
    assert sorted(at for block in parts.blocks for at in block) == list(range(len(read)))
    for places in parts.blocks:
        assert not any(correction.syndromes([read[at] for at in places], parts.checks))


@pytest.mark.parametrize(("version", "level", "mask"), KINDS)
def test_the_format_is_that_of_another_encoder(version: int, level: str, mask: int) -> None:
    matrix = drawn("1234567", version, level, mask)
    assert level_and_mask(matrix) == (level, mask)
    matrix[8, :9] = matrix[:9, 8] = False
    assert level_and_mask(matrix) == (level, mask), "one of its two copies is enough"


@settings(deadline=None)
@given(st.data())
def test_holes_cost_half_of_errors(data: st.DataObject) -> None:
    parts = layout(2, "Q")
    block = codewords(drawn("1234567", 2, "Q", 3), parts, 3)
    holes = data.draw(st.integers(0, parts.checks))
    errors = data.draw(st.integers(0, (parts.checks - holes) // 2))
    places = data.draw(st.permutations(range(len(block))))[: holes + errors]
    broken = list(block)
    for at in places:
        broken[at] ^= data.draw(st.integers(1, 255))
    said = correction.syndromes(broken, parts.checks)
    assert correction.corrected(broken, said, places[:holes]) == block


@pytest.mark.parametrize(
    "text", ["7", "12", WALLET, "PAY:AB-1", "ABC", LONG, "https://x.example/a?b=1"]
)
@pytest.mark.parametrize("version", [4, 10])
def test_a_message_is_that_of_another_encoder(text: str, version: int) -> None:
    parts = layout(version, "M")
    read = codewords(drawn(text, version, "M", 0), parts, 0)
    data = [read[at] for block in parts.blocks for at in block[: -parts.checks]]
    said = message(data, version)
    assert said and said[0] == text
    assert 0 < said[1] < len(data)
    assert message([*data[:-1], data[-1] ^ 1], version) is None, "the filling is prescribed"


@settings(deadline=None)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=30))
def test_any_data_are_a_message_of_ascii_or_none(data: list[int]) -> None:
    said = message(data, 1)
    assert said is None or (said[0].isascii() and said[1] < len(data))


@pytest.mark.parametrize("text", ["点茗", "ÄÖÜ"])
def test_what_is_not_ascii_is_left_to_others(text: str) -> None:
    assert read_square(*picture(text, 4, "M", 0)) is None


# -- the whole ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "level", "mask"), KINDS)
@pytest.mark.parametrize("inverted", [False, True])
def test_a_whole_code_is_read(version: int, level: str, mask: int, inverted: bool) -> None:
    gray, square = picture("1234567", version, level, mask)
    assert read_square(255 - gray if inverted else gray, square) == "1234567"


@pytest.mark.parametrize(("spot", "light"), list(product((4, 5), (30, 120, 255))))
def test_a_code_with_a_hole_is_read(spot: float, light: int) -> None:
    gray, square = picture(WALLET, 1, "M", 2)
    assert read_square(spotted(gray, spot, light), square) == WALLET


def test_a_code_that_is_hidden_too_far_is_not_guessed() -> None:
    for spot, light in product((19, 25), (30, 120, 255)):
        gray, square = picture(LONG, 4, "M", 2)
        assert read_square(spotted(gray, spot, light), square) is None


def test_corners_that_are_off_by_half_a_module_are_found() -> None:
    gray, square = picture(LONG, 4, "M", 2)
    off = tuple((x + 3.0 * (-1) ** at, y - 2.0) for at, (x, y) in enumerate(square.corners))
    assert read_square(gray, replace(square, corners=off)) == LONG


@pytest.mark.parametrize("version", [0, 11, 40])
def test_versions_that_no_wallet_shows_are_left_to_others(version: int) -> None:
    gray, square = picture(WALLET, 1, "M", 2)
    assert read_square(gray, replace(square, version=version)) is None


def test_noise_is_no_message_however_much_is_left_out() -> None:
    """Each block of noise is tried with every number of holes, as the reader does; none is believed."""
    dice, parts = np.random.default_rng(5), layout(1, "L")
    for _ in range(300):
        block = dice.integers(0, 256, 26).tolist()
        assert squares._mended(block, dice.permutation(26).tolist(), parts) is None


def test_so_much_must_be_left_over_that_accidents_do_not_agree() -> None:
    """The codewords of a full code with all its checks spent on holes are something, but they prove nothing."""
    parts = layout(2, "Q")
    block = codewords(drawn("A" * 29, 2, "Q", 0), parts, 0)
    order = list(range(len(block)))
    for hidden in range(parts.checks + 1):
        broken = [value ^ 0x55 if at < hidden else value for at, value in enumerate(block)]
        read = squares._mended(broken, order, parts)
        assert read == (block if 8 * (parts.checks - hidden) >= squares.PROOF_BITS else None)


# -- by its finders -------------------------------------------------------------------------------------


def by_finders(gray: Gray) -> list[str]:
    return [text for square in squares_by_finders(gray) if (text := read_square(gray, square))]


@pytest.mark.parametrize("turn", [0, 20, 45, 100, 200, 330])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_code_is_found_by_its_finders(turn: float, inverted: bool) -> None:
    gray, _ = picture(LONG, 4, "M", 2)
    middle = (len(gray) - 1) / 2
    around = cv2.getRotationMatrix2D((middle, middle), turn, 0.8)
    gray = cv2.warpAffine(gray, around, gray.shape, borderValue=(200,))  # type: ignore[assignment]
    gray = cv2.GaussianBlur(255 - gray if inverted else gray, (0, 0), 1.5)  # type: ignore[assignment]
    assert by_finders(gray)[:1] == [LONG]


@pytest.mark.parametrize("hidden", [(0, 0), (0, 1), (1, 0)])
def test_two_finders_say_where_the_third_is(hidden: tuple[int, int]) -> None:
    gray, _ = picture(WALLET, 1, "M", 2)
    place = [4 * MODULE_PX + 14 * MODULE_PX * side for side in hidden]
    gray[place[0] : place[0] + 4 * MODULE_PX, place[1] : place[1] + 7 * MODULE_PX] = 255
    assert WALLET in by_finders(cv2.GaussianBlur(gray, (0, 0), 1.5))  # type: ignore[arg-type]


def test_where_there_are_no_finders_there_is_no_code() -> None:
    assert by_finders(np.full((200, 200), 90, np.uint8)) == []
    assert by_finders(np.random.default_rng(3).integers(0, 256, (200, 200), np.uint8)) == []
    assert by_finders(np.zeros((5, 9), np.uint8)) == []


GLARE = scenes.Scene(
    seed=126068642209646, text="103192496880553163", module=2.83, dark_app=True, roll=11.6,
    tilt=0.9, defocus=0.68, gain=13.75, exposure=0.63, glare=0.044, reflect=0.07, room=0.445,
)  # fmt: skip


def test_a_reflection_is_read_through_only_because_it_is_mended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = photograph(GLARE)
    assert [code.text for code in read_codes(frame)] == [GLARE.text]
    monkeypatch.setattr(stages, "read_square", lambda *_: None)
    assert read_codes(frame) == []
