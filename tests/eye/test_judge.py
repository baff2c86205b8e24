"""What is believed: two witnesses for a Code 128, three without a wallet's scheme, none when two differ."""

from __future__ import annotations

import numpy as np
import pytest

from terminal.eye import CODE_128_MIN, judge
from terminal.eye.judge import REMEMBERED_FRAMES, Judge
from terminal.eye.readers import CODE_128, QR, Reading
from terminal.eye.seen import Seen, View

WECHAT, GOODS, LETTERS = "134567890123456789", "00340123450000000000", "FGGQ6D1-FGGQ6D1"
BLANK = np.full((40, 60), 200, np.uint8)
CORNERS = ((5.0, 5.0), (50.0, 5.0), (50.0, 30.0), (5.0, 30.0))


def seen(text: str, view: str, symbology: str = CODE_128, witnesses: int = 1) -> list[Seen]:
    """Read on a picture in which nobody else reads anything."""
    return [Seen(Reading(text, symbology, CORNERS, "zxing", witnesses), View(view, BLANK))]


@pytest.fixture
def at_counter() -> Judge:
    return Judge(CODE_128_MIN)


def believed(judge: Judge) -> list[str]:
    return [code.text for code in judge.verdict()]


def test_a_qr_code_is_believed_at_once(at_counter: Judge) -> None:
    at_counter.hear("fast", seen("7", "whole", QR))
    assert believed(at_counter) == ["7"]


def test_a_code_128_wants_two_witnesses(at_counter: Judge) -> None:
    at_counter.hear("fast", seen(WECHAT, "whole"))
    assert believed(at_counter) == []
    at_counter.hear("crop 1", seen(WECHAT, "piece"))
    assert believed(at_counter) == [WECHAT]


def test_the_same_witness_twice_is_one(at_counter: Judge) -> None:
    for stage in ("fast", "tries", "fast"):
        at_counter.hear(stage, seen(WECHAT, "whole"))
    assert believed(at_counter) == []


def test_another_frame_is_another_witness(at_counter: Judge) -> None:
    at_counter.hear("fast", seen(WECHAT, "whole"))
    at_counter.next_frame()
    assert believed(at_counter) == [], "it is not in this frame"
    at_counter.hear("fast", seen(WECHAT, "whole"))
    assert believed(at_counter) == [WECHAT]


def test_a_witness_is_forgotten(at_counter: Judge) -> None:
    at_counter.hear("fast", seen(WECHAT, "whole"))
    for _ in range(REMEMBERED_FRAMES + 1):
        at_counter.next_frame()
    at_counter.hear("fast", seen(WECHAT, "whole"))
    assert believed(at_counter) == []


@pytest.mark.parametrize("text", [GOODS, LETTERS])
def test_without_a_wallets_scheme_three_are_needed(at_counter: Judge, text: str) -> None:
    for count, view in enumerate(("whole", "piece", "band"), 1):
        at_counter.hear("any", seen(text, view))
        assert believed(at_counter) == ([text] if count == 3 else [])


@pytest.mark.parametrize("text", ["", "1238", "1" * (CODE_128_MIN - 1)])
def test_a_short_code_128_is_no_reading(at_counter: Judge, text: str) -> None:
    for view in ("whole", "piece", "band", "half"):
        at_counter.hear("any", seen(text, view))
    assert not at_counter.heard
    at_counter.hear("fast", seen(WECHAT, "whole", QR))
    assert believed(at_counter) == [WECHAT], "and it hides none"


@pytest.mark.parametrize("symbology", [CODE_128, QR])
def test_two_that_differ_in_a_frame_are_none(at_counter: Judge, symbology: str) -> None:
    other = WECHAT[::-1]
    at_counter.hear("fast", seen(WECHAT, "whole", QR) + seen(other, "whole", symbology))
    assert believed(at_counter) == []
    assert at_counter.decided
    at_counter.next_frame()
    at_counter.hear("fast", seen(WECHAT, "whole", QR))
    assert believed(at_counter) == [WECHAT], "the next frame begins anew"


def test_a_reader_that_looked_twice_is_two_witnesses(at_counter: Judge) -> None:
    at_counter.hear("gray bars 1", seen(WECHAT, "band", witnesses=2))
    assert believed(at_counter) == [WECHAT]


def test_what_is_unproved_gets_its_second_opinions_at_once(
    monkeypatch: pytest.MonkeyPatch, at_counter: Judge
) -> None:
    other = [*seen("2" + WECHAT[1:], "zbar")]
    monkeypatch.setattr(Seen, "second_opinions", lambda _: other)
    at_counter.hear("fast", seen(WECHAT, "whole"))
    assert at_counter.decided
    assert believed(at_counter) == [], "the check character does not decide (mod 103)"


def test_the_box_is_in_px_of_the_frame() -> None:
    view = View("piece", BLANK, (0.5, 0, 100, 0, 0.5, 200))
    (code,) = [each.code("crop 1") for each in [Seen(seen("7", "")[0].reading, view)]]
    assert (code.box, code.stage) == ((102, 202, 125, 215), "crop 1")
    assert judge.WITNESSES < judge.WITNESSES_WITHOUT_SCHEME
