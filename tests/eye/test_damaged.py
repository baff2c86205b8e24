"""F20: no picture breaks a stage. `scripts/bench eye --fuzz` does the same with as many as one likes."""

from __future__ import annotations

import numpy as np
import pytest

from terminal.bench.scenes.damaged import damaged
from terminal.eye import read_codes
from terminal.eye.look import Look
from terminal.eye.stages import STAGES
from terminal.eye.watch import Watch

PICTURES = 80


@pytest.mark.parametrize("name", STAGES)
def test_a_damaged_picture_breaks_no_stage(name: str) -> None:
    for picture in damaged(5, PICTURES):
        for seen in STAGES[name](Look(memoryview(picture))):
            assert isinstance(seen.code(name).box[0], int)


def test_a_watch_lives_through_frames_of_any_size() -> None:
    eye = Watch()
    for picture in damaged(6, 2 * PICTURES):
        eye.look(picture)


def test_what_is_read_in_a_damaged_picture_is_what_was_drawn() -> None:
    """Torn and glued codes of digits give digits or nothing."""
    for picture in damaged(7, PICTURES // 2):
        assert all(code.text.isdigit() for code in read_codes(picture))


def test_the_same_seed_gives_the_same_pictures() -> None:
    first, second = (list(damaged(9, 40)) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert len({picture.tobytes() for picture in first}) > 35
