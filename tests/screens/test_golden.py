"""Every screen on every panel, pixel by pixel: tests/screens/golden/<panel>/<view>.png.

After a wanted change: `GOLDEN=write .venv/bin/python -m pytest tests/screens/test_golden.py`, then look at the
pictures in the diff before you commit them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from terminal.screens import draw
from tests.screens.samples import PANELS, glasses

GOLDEN = Path(__file__).with_name("golden")
WRITE = os.environ.get("GOLDEN") == "write"
CASES = [(panel, name) for panel in PANELS for name in glasses(PANELS[panel])]


@pytest.mark.parametrize(("panel", "name"), CASES)
def test_the_picture_is_the_golden_one(panel: str, name: str, tmp_path: Path) -> None:
    picture = draw(glasses(PANELS[panel])[name], PANELS[panel])
    golden = GOLDEN / panel / f"{name}.png"
    if WRITE:
        golden.parent.mkdir(parents=True, exist_ok=True)
        picture.save(golden, optimize=True)
    changed = difference(picture, golden)
    if changed:
        fresh = tmp_path / f"{panel}-{name}.png"
        picture.save(fresh)
        pytest.fail(f"{name} on {panel}: {changed}. The new picture: {fresh}, the golden: {golden}")


def difference(picture: Image.Image, golden: Path) -> str:
    """How the picture differs from the golden one, in words; "" when it does not."""
    if not golden.exists():
        return "there is no golden picture yet"
    with Image.open(golden) as wanted:
        if (picture.mode, picture.size) != (wanted.mode, wanted.size):
            return "the mode or the size changed"
        box = ImageChops.difference(picture.convert("RGB"), wanted.convert("RGB")).getbbox()
    return f"pixels changed within {box}" if box else ""


def test_no_golden_picture_is_left_over() -> None:
    kept = {(path.parent.name, path.stem) for path in GOLDEN.glob("*/*.png")}
    assert kept == set(CASES)
