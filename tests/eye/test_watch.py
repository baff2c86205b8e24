"""The camera's frames: the empty counter is learned, a code is followed, another customer begins anew."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.bench import scenes
from terminal.bench.scenes import Scene
from terminal.bench.scenes.lens import photograph
from terminal.eye import gate, stages, watch
from terminal.eye.judge import Judge
from terminal.eye.watch import ROUND, WAKE_FRAMES, Watch

Gray = NDArray[np.uint8]
WALLET = "134567890123456789"
EMPTY = scenes.empty(3, 1)[0]
PHONE = replace(EMPTY, kind="qr", text=WALLET, module=5.0)
BARS = replace(EMPTY, kind="code128", text=WALLET, module=2.2, roll=30.0)


@pytest.fixture(scope="module")
def empty() -> list[Gray]:
    """One counter, with other noise in every frame."""
    return [photograph(replace(EMPTY, frame=number)) for number in range(4)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the stages that were asked, in their order."""
    names: list[str] = []
    hear = Judge.hear

    def listening(judge: Judge, stage: str, seen: object) -> None:
        names.append(stage)
        hear(judge, stage, seen)  # type: ignore[arg-type]

    monkeypatch.setattr(Judge, "hear", listening)
    yield names


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages are loaded here, so a watch has them from its first frame on."""
    assert stages.STAGES.keys() >= {*ROUND}
    monkeypatch.setattr(gate, "STILL_FRAMES", len(ROUND) // 2)


@pytest.fixture
def learned(empty: list[Gray]) -> Watch:
    eye = Watch(10_000)
    for number in range(gate.STILL_FRAMES + len(ROUND) + 1):
        assert eye.look(empty[number % 4]) == []
    return eye


def texts(eye: Watch, frame: Gray) -> list[str]:
    return [code.text for code in eye.look(frame)]


def test_a_near_code_is_read_in_its_first_frame() -> None:
    (code,) = Watch().look(photograph(PHONE))
    assert (code.text, code.stage) == (WALLET, "half")


def test_every_frame_gets_one_stage_more_until_all_had_their_turn(
    asked: list[str], empty: list[Gray]
) -> None:
    eye = Watch(10_000)
    for number in range(len(ROUND)):
        eye.look(empty[number % 4])
        assert asked == ["half", ROUND[number]]
        asked.clear()


def test_the_empty_counter_costs_no_stage_once_it_is_known(
    learned: Watch, asked: list[str], empty: list[Gray]
) -> None:
    for number in range(2 * WAKE_FRAMES):
        learned.look(empty[number % 4])
    assert asked.count("half") == 2, "now and then it is looked at all the same"


def test_on_a_known_counter_a_phone_is_seen_at_once(learned: Watch) -> None:
    assert texts(learned, photograph(PHONE)) == [WALLET]


def test_only_what_changed_is_looked_at(learned: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    window = watch._window
    monkeypatch.setattr(
        watch, "_window", lambda frame, box: shapes.append(box) or window(frame, box)
    )
    (code,) = learned.look(photograph(PHONE))
    left, top, right, bottom = shapes[0]
    assert (right - left) * (bottom - top) < 0.6 * 720 * 1280
    assert left < code.box[0] < code.box[2] < right, "and the box is in px of the frame"
    assert top < code.box[1] < code.box[3] < bottom


def test_a_phone_that_is_not_read_is_not_learned_while_the_hand_trembles() -> None:
    eye = Watch(10_000)
    blind = replace(PHONE, defocus=9.0)
    frames = [photograph(replace(blind, dx=float(8 * (number % 2)))) for number in range(2)]
    for number in range(gate.STILL_FRAMES + 2 * len(ROUND)):
        eye.look(frames[number % 2])
    assert texts(eye, photograph(PHONE)) == [WALLET]


def test_a_code_is_followed_where_it_was(asked: list[str]) -> None:
    eye, frame = Watch(), photograph(PHONE)
    eye.look(frame)
    asked.clear()
    assert texts(eye, frame) == [WALLET]
    assert asked[0] == "track"


def test_bars_at_an_angle_are_read_within_a_round() -> None:
    eye = Watch(10_000)
    frames = [photograph(replace(BARS, frame=number)) for number in range(3)]
    found = [texts(eye, frames[number % 3]) for number in range(len(ROUND))]
    assert [WALLET] in found


def test_a_code_of_another_customer_counts_no_more() -> None:
    """The witness of a Code 128 is forgotten with the customer who showed it."""
    eye = Watch()
    eye._judge._witnesses[WALLET] = {"zxing whole 0 0": 0}
    eye.begin()
    assert not eye._judge._witnesses


def test_a_code_in_a_part_is_none_when_the_frame_shows_another() -> None:
    frame = photograph(PHONE)
    eye = Watch()
    (code,) = eye.look(frame)
    other = photograph(replace(PHONE, text="281234567890123456", seed=PHONE.seed + 1))
    left, _, right, _ = code.box
    both = np.hstack([frame[:, max(0, left - 60) : right + 60], other])
    assert texts(eye, np.ascontiguousarray(both)) == []


def test_a_stage_that_took_too_long_sits_out_a_round(asked: list[str], empty: list[Gray]) -> None:
    eye = Watch(10_000)
    eye._sits_out[ROUND[0]] = 1
    for number in range(len(ROUND) - 1):
        eye.look(empty[number % 4])
    assert [name for name in asked if name != "half"] == list(ROUND[1:])
    assert eye._next() == ROUND[0]


# -- without OpenCV -------------------------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules["cv2"] = sys.modules["numpy"] = None
from terminal.eye import read_codes
from terminal.eye.watch import Watch
frame = memoryview(sys.stdin.buffer.read()).cast("B", (720, 1280))
eye = Watch()
print([code.text for code in read_codes(frame)], [code.text for code in eye.look(frame)])
"""


@pytest.mark.parametrize("shown", [PHONE, replace(PHONE, kind="code128", module=3.0, roll=2.0)])
def test_without_opencv_and_numpy_a_frame_is_read_all_the_same(shown: Scene) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        input=photograph(shown).tobytes(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == f"['{WALLET}'] ['{WALLET}']"


# -- OpenCV later ---------------------------------------------------------------------------------------

LATER = """
import sys
from terminal.eye.watch import ROUND, Watch
shape = (720, 1280)
easy, turned = (memoryview(sys.stdin.buffer.read(720 * 1280)).cast("B", shape) for _ in "12")
eye = Watch(10_000)
print([code.text for code in eye.look(easy)], "cv2" in sys.modules, "numpy" in sys.modules)
assert eye.look(turned) == []
eye._loading.join()
found = [code.text for _ in ROUND for code in eye.look(turned)]
print(sorted(set(found)), "cv2" in sys.modules)
"""


def test_opencv_is_loaded_for_the_first_frame_that_is_not_read_without_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATER],
        input=photograph(PHONE).tobytes() + photograph(BARS).tobytes(),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().split("\n")[:2] == [
        f"['{WALLET}'] False False",
        f"['{WALLET}'] True",
    ]
