"""The hardware profile is checked whole before anything is opened; every complaint names the place and the remedy."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from terminal.config import BadSettings, load_profile
from terminal.wiring.hardware import Devices

PROFILES = Path(__file__).parents[2] / "hardware"

GOOD = """\
[display]
driver = "luma"
chip = "sh1107"
bus = "i2c"
pitch_um = 210

[keypad]
driver = "gpio"
rows = [5, 6, 13, 19]
columns = [12, 16, 20, 21]

[buzzer]
driver = "gpio"
pin = 18

[[scanner]]
driver = "serial"
port = "/dev/serial0"
model = "gm65"
"""


def refused(folder: Path, text: str) -> list[str]:
    path = folder / "profile.toml"
    path.write_text(text)
    with ExitStack() as stack, pytest.raises(BadSettings) as bad:
        Devices(load_profile(path), folder, stack)
    return [str(each).replace(f"{path}:", "") for each in bad.value.complaints]


def test_a_good_profile_opens_nothing_yet(tmp_path: Path) -> None:
    path = tmp_path / "profile.toml"
    path.write_text(GOOD)
    with ExitStack() as stack:
        Devices(load_profile(path), tmp_path, stack)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "pin = 18",
            "pin = 12",
            "12: [buzzer] pin uses GPIO12, which is column 1 of [keypad] already. Move one of them; "
            "free are GPIO4, GPIO7, GPIO8, GPIO9, GPIO10, GPIO11.",
        ),
        ("[5, 6", "[2, 6", "7: [keypad] row 1 uses GPIO2, which is I2C data of [display] already."),
        (
            "pin = 18",
            "pin = 15",
            "[[scanner]] 1 UART receive uses GPIO15, which is pin of [buzzer]",
        ),
        (
            'bus = "i2c"',
            'bus = "spi"\ndc_pin = 19',
            "8: [keypad] row 4 uses GPIO19, which is dc_pin of [display] already.",
        ),
        ('"sh1107"', '"sh1170"', 'chip "sh1170" is not known; there are ssd1306, ssd1309'),
        ('"gm65"', '"gm56"', 'model "gm56" is not known; there is gm65'),
        (
            'driver = "serial"',
            'driver = "cereal"',
            'driver = "cereal" is not known here. Did you mean "serial"?',
        ),
        ("pin = 18", "pin = 18\nvolume = 3", '15: [buzzer] "volume" is read by nobody.'),
    ],
)
def test_each_complaint_names_the_place_and_the_remedy(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in GOOD
    changed = GOOD.replace(old, new)
    assert said in "\n".join(refused(tmp_path, changed))


def test_every_complaint_comes_at_once(tmp_path: Path) -> None:
    wrong = (
        GOOD.replace("[5, 6", "[3, 6").replace('"gm65"', '"gm56"').replace("pin = 18", "pin = 99")
    )
    said = refused(tmp_path, wrong)
    assert [complaint.partition(":")[0] for complaint in said] == ["7", "12", "16"], said


def test_two_scanners_on_one_port_are_refused_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "ttyACM0").write_text("")
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyACM0")
    wrong = GOOD.replace("/dev/serial0", f"{tmp_path}/ttyACM0")
    wrong += f'\n[[scanner]]\ndriver = "serial"\nport = "{tmp_path}/by-id"\n'
    (said,) = refused(tmp_path, wrong)
    assert said.startswith("23: [[scanner]] 2 port") and "is that of [[scanner]] 1 already" in said


def test_a_camera_scanner_needs_one_camera_for_itself(tmp_path: Path) -> None:
    eye = '\n[[scanner]]\ndriver = "camera"\n'
    assert "needs a [camera] section" in refused(tmp_path, GOOD + eye)[0]
    camera = '\n[camera]\ndriver = "emulated"\nsocket = "{run}/c"\n'
    assert "the same camera" in refused(tmp_path, GOOD + eye + eye + camera)[0]


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_profile_of_the_house_is_whole(path: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        Devices(load_profile(path), tmp_path, stack)
