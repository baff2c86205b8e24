"""Every stage has a picture that would not be read, or not so cheaply, without it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from terminal.bench.scenes import Scene, mixed, plain
from terminal.bench.scenes.lens import photograph
from terminal.eye import read_codes, stages
from terminal.eye.look import Look
from terminal.eye.stages import STAGES

# Found by trying seeds; each is a scene that all other stages together do not read.
ONLY: dict[str, Callable[[], Scene]] = {
    "bars": lambda: plain(7, 190, "code128", thumb=0.0825008526595963, module=1.86, tilt=35.0),
    "gray bars": lambda: mixed(8, 9, "hard"),
    "threshold": lambda: plain(7, 10, "qr", bands=0.9387774776492428, module=3),
    "sharp": lambda: mixed(777, 75, "hard"),
    "soft sharp": lambda: mixed(8, 120, "hard"),
    "finders": lambda: mixed(5101, 31, "medium"),
    "zbar": lambda: plain(8, 45, "qr", thumb=0.107, module=3, tilt=35.0),
    "quads": lambda: plain(7, 38, "qr", bands=0.9303660566454863, module=3),
    "zbar whole": lambda: plain(8, 2102, "qr", moire=0.864, module=2.82),
}
# The cheapest that reads it; without it a dearer one does.
FIRST: dict[str, Callable[[], Scene]] = {
    "half": lambda: plain(1, 1, "qr", module=5.0),
    "fast": lambda: plain(1, 1, "qr", module=2.2),
    "tries": lambda: plain(1, 1, "qr", module=4.0, inverted=1),
    "crop": lambda: plain(1, 1, "qr", module=1.6),
}


def without(monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    kept = {name: see for name, see in STAGES.items() if name.rstrip(" 123") != stage}
    assert len(kept) < len(STAGES)
    monkeypatch.setattr(stages, "STAGES", kept)


@pytest.mark.parametrize("stage", ONLY)
def test_only_this_stage_reads_it(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = ONLY[stage]()
    picture = photograph(scene)
    (code,) = read_codes(picture)
    assert code.text == scene.text
    assert code.stage.rstrip(" 123") == stage
    without(monkeypatch, stage)
    assert read_codes(picture) == []


@pytest.mark.parametrize("stage", FIRST)
def test_this_stage_reads_it_before_dearer_ones(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = FIRST[stage]()
    picture = photograph(scene)
    (code,) = read_codes(picture)
    assert (code.text, code.stage.rstrip(" 123")) == (scene.text, stage)
    without(monkeypatch, stage)
    assert all(code.stage.rstrip(" 123") != stage for code in read_codes(picture))


def test_every_stage_is_tested_here() -> None:
    assert {name.rstrip(" 123") for name in STAGES} == {*ONLY, *FIRST}


@pytest.mark.parametrize("name", STAGES)
def test_a_blank_frame_holds_nothing(name: str) -> None:
    assert STAGES[name](Look(memoryview(bytes(360 * 640)).cast("B", (360, 640)))) == []


def test_a_long_receipt_on_the_counter_does_not_hide_the_phone() -> None:
    """It is the better place, but a part of it is no other place: the phone comes second."""
    scene = mixed(5201, 22, "hard")
    (code,) = read_codes(photograph(scene))
    assert (code.text, code.stage) == (scene.text, "crop 2")
