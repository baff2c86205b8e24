"""hardware/*.toml: which driver stands behind each thing on the counter."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminal.config import BadSettings, load_profile

GOOD = """\
[display]
driver = "emulated"
panel = "ssd1309-128x64"

[keypad]
driver = "emulated"

[[scanner]]
driver = "serial"
port = "/dev/ttyACM0"

[[scanner]]
driver = "emulated"
port = "x"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "bench.toml"
    path.write_text(text)
    return path


def complaints(path: Path) -> list[str]:
    with pytest.raises(BadSettings) as refused:
        load_profile(path)
    return [str(each).replace(f"{path}", "", 1) for each in refused.value.complaints]


def test_good_profile(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, GOOD))
    assert profile.display is not None
    assert profile.display.driver == "emulated"
    assert profile.display.options.data == {"panel": "ssd1309-128x64"}
    assert profile.keypad is not None
    assert profile.buzzer is None
    assert profile.camera is None
    assert [each.driver for each in profile.scanners] == ["serial", "emulated"]
    assert profile.scanners[0].options.data == {"port": "/dev/ttyACM0"}


def test_options_know_their_place(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, GOOD))
    error = profile.scanners[1].options.bad("port", "is not there.", ["y"])
    assert str(error).endswith('bench.toml:14: [[scanner]] 2 port = "x" is not there. Possible: y.')


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[display]", "[dispaly]", ':1: "dispaly" is read by nobody. Did you mean "display"?'),
        ("[[scanner]]", "[[scaner]]", ':8: "scaner" is read by nobody. Did you mean "scanner"?'),
        ('driver = "serial"', "", ':8: [[scanner]] 1 needs "driver".'),
        (
            'driver = "serial"',
            "driver = 1",
            ":9: [[scanner]] 1 driver = 1 must be text in quotes, not a whole number.",
        ),
        (
            'driver = "serial"',
            'driver = "../x"',
            ':9: [[scanner]] 1 driver = "../x" is no name of a driver: '
            "small letters, digits and _ only.",
        ),
        ("[display]", "display = 1\n[x]", ":1: [display] must be a section: write this on a line"),
    ],
)
def test_bad_profiles(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = GOOD.replace(old, new) if "scaner" in new else GOOD.replace(old, new, 1)
    assert any(each.startswith(said) for each in complaints(written(tmp_path, text)))


@pytest.mark.parametrize(
    "text", ['[scanner]\ndriver = "serial"', "scanner = 1", 'scanner = ["serial"]']
)
def test_scanners_are_several(tmp_path: Path, text: str) -> None:
    said = ":1: scanner: a terminal may have several, so write [[scanner]]."
    assert complaints(written(tmp_path, text)) == [said]


def test_not_too_many_scanners(tmp_path: Path) -> None:
    text = '[[scanner]]\ndriver = "serial"\n' * 5
    assert complaints(written(tmp_path, text)) == [":1: scanner: 5 of them, at most 4 can be used."]


def test_no_profile(tmp_path: Path) -> None:
    assert complaints(tmp_path / "none.toml")[0].startswith(": is missing")
