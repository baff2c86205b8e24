"""The painter before a surface that keeps what it is told, and is slow or broken when a test wants it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from terminal.core.views import Panel
from terminal.devices import keeper, painter
from terminal.devices.painter import Care, Look, Painter, look

Until = Callable[[Callable[[], object]], None]
CARE = Care(bright=250, normal=150, dim=30, dim_after_s=60, blank_after_s=600, shift_every_s=60)


@pytest.mark.parametrize(
    ("bright", "age_s", "wanted"),
    [
        (False, 0, Look(150)),
        (False, 59, Look(150)),
        (False, 60, Look(30, (0, 0))),
        (False, 121, Look(30, (1, 0))),
        (False, 181, Look(30, (1, 1))),
        (False, 241, Look(30, (0, 1))),
        (False, 301, Look(30, (0, 0))),
        (False, 600, Look(0)),
        (True, 0, Look(250)),
        (True, 9999, Look(250)),
    ],
)
def test_a_glass_is_spared_but_never_a_code(bright: bool, age_s: float, wanted: Look) -> None:
    assert look(CARE, bright=bright, age_s=age_s) == wanted


def test_zero_seconds_is_never() -> None:
    always = Care(normal=99, dim_after_s=0, blank_after_s=0, shift_every_s=0)
    assert look(always, bright=False, age_s=1e6) == Look(99)


class Slate:
    """A surface. `gate` holds a picture up; `fault` breaks it."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.fault: OSError | None = None
        self.openings = 0

    def open(self) -> Slate:
        self.openings += 1
        self.check()
        return self

    def paint(self, image: Image.Image) -> None:
        self.entered.set()
        self.gate.wait(30)
        self.check()
        self.told.append(image.getpixel((1, 1)))

    def light(self, level: int) -> None:
        self.told.append(f"light {level}")

    def check(self) -> None:
        if self.fault:
            raise self.fault

    def close(self) -> None:
        self.told.append("closed")


@pytest.fixture
def slate() -> Slate:
    return Slate()


@pytest.fixture
def hand(slate: Slate, monkeypatch: pytest.MonkeyPatch) -> Iterator[Painter]:
    for name in ("BACKOFF_FIRST_S", "BACKOFF_MAX_S"):
        monkeypatch.setattr(keeper, name, 0.01)
    monkeypatch.setattr(painter, "CHECK_S", 0.01)
    hand = Painter(panel(2), CARE, slate.open, lambda: (OSError,), lambda fault: f"mend: {fault}")
    yield hand
    slate.gate.set()
    hand.close()


def panel(side_px: int) -> Panel:
    return Panel(side_px, side_px, "L", pitch_um=100)


def gray(value: int) -> Image.Image:
    return Image.new("L", (2, 2), value)


def test_a_slow_bus_shows_the_newest_and_drops_those_between(
    hand: Painter, slate: Slate, until: Until
) -> None:
    slate.gate.clear()
    hand.show(gray(1), bright=False)
    assert slate.entered.wait(30)
    for value in range(2, 100):
        hand.show(gray(value), bright=False)  # returns although the bus is stuck
    slate.gate.set()
    until(lambda: 99 in slate.told)
    assert slate.told == [1, "light 150", 99]


def test_a_code_is_drawn_before_the_light_goes_up(
    hand: Painter, slate: Slate, until: Until
) -> None:
    hand.show(gray(1), bright=True)
    until(lambda: "light 250" in slate.told)
    hand.show(gray(2), bright=False)
    until(lambda: "light 150" in slate.told)
    assert slate.told == [1, "light 250", 2, "light 150"]


def test_F85_it_dies_is_told_and_comes_back(hand: Painter, slate: Slate, until: Until) -> None:
    assert hand.lost is None
    slate.fault = OSError("gone")
    until(lambda: hand.lost == "mend: gone")
    hand.show(gray(7), bright=False)
    until(lambda: slate.openings > 3)
    assert 7 not in slate.told
    slate.fault = None
    until(lambda: hand.lost is None)
    assert slate.told[-2:] == [7, "light 150"]


def test_a_bus_that_hangs_is_told(
    hand: Painter, slate: Slate, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painter, "HANGS_S", 0.01)
    slate.gate.clear()
    hand.show(gray(1), bright=False)
    until(lambda: "takes no picture any more" in str(hand.lost))
    assert hand.hangs
    slate.gate.set()
    until(lambda: hand.lost is None)


def test_a_picture_that_stands_still_walks(
    slate: Slate, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painter, "CHECK_S", 0.005)
    care = Care(dim=30, dim_after_s=0.01, shift_every_s=0.01)
    hand = Painter(panel(3), care, slate.open, lambda: (OSError,), str)
    image = Image.new("L", (3, 3), 0)
    image.putpixel((0, 0), 255)
    hand.show(image, bright=False)
    until(lambda: 0 in slate.told and 255 in slate.told)
    hand.close()
    assert slate.told.count("light 30") == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"dim": 0}, "dim is a level of light"),
        ({"bright": 256}, "bright is a level of light"),
        ({"dim_after_s": -1}, "dim_after_s is 0"),
        ({"dim_after_s": 60, "blank_after_s": 30}, "comes before dim_after_s"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Care(**wrong)  # type: ignore[arg-type]
