"""The sheets of the hardware profiles: never older than what they are drawn from, and right about every wire."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from terminal.core.terms import Refusal
from terminal.sheet import header
from terminal.sheet.page import written
from terminal.sheet.wires import build_of

HARDWARE = Path(__file__).parents[2] / "hardware"
PROFILES = sorted(HARDWARE.glob("*.toml"))
NOT_ON_THE_HEADER = {"bench"}


@pytest.fixture(params=PROFILES, ids=lambda path: path.stem)
def profile(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return]


def test_every_sheet_is_as_the_profile_says(profile: Path) -> None:
    """Else: scripts/pictures."""
    for file, text in written(profile).items():
        assert file.read_text("utf-8") == text, f"{file.name} is old: scripts/pictures"


def test_no_sheet_is_left_of_a_profile_that_went() -> None:
    wanted = {file for profile in PROFILES for file in written(profile)}
    assert wanted == {*HARDWARE.glob("*.md"), *HARDWARE.glob("*.svg")}


def test_every_pin_of_the_profile_is_wired_once(profile: Path) -> None:
    build = build_of(profile)
    wires = [wire for piece in build.pieces for wire in piece.wires]
    assert len({wire.pin for wire in wires}) == len(wires)
    told = set(map(int, re.findall(r"\b\d+\b", " ".join(pin_lines(profile)))))
    assert told <= {wire.gpio for wire in wires}
    for wire in wires:
        assert header.name(wire.pin) == (
            f"GPIO{wire.gpio}" if wire.gpio else header.POWER[wire.pin]
        )
    assert build.has_header is (profile.stem not in NOT_ON_THE_HEADER)


def pin_lines(profile: Path) -> list[str]:
    """What the file itself says of pins."""
    lines = profile.read_text("utf-8").splitlines()
    named = (line for line in lines if re.match(r"(\w+_)?pin = |rows = |columns = ", line))
    return [line.partition("#")[0].partition("=")[2] for line in named]


def test_supply_is_never_on_a_signal(profile: Path) -> None:
    for piece in build_of(profile).pieces:
        for wire in piece.wires:
            assert (wire.gpio is None) is (wire.pin in header.POWER)


def test_the_drawing_names_every_wire(profile: Path) -> None:
    build = build_of(profile)
    pictures = [text for file, text in written(profile).items() if file.suffix == ".svg"]
    assert len(pictures) == build.has_header
    for picture in pictures:
        said = ["".join(each.itertext()) for each in ElementTree.fromstring(picture).iter()]
        for piece in build.pieces:
            for wire in piece.wires:
                assert f"pin {wire.pin} · {header.name(wire.pin)}" in said


def test_the_header_is_that_of_a_pi() -> None:
    assert {*header.POWER, *header.PIN_OF_GPIO.values()} == set(range(1, 41))
    assert len(header.PIN_OF_GPIO) == 28


def test_a_part_that_nobody_has_described_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bench.toml"
    text = (HARDWARE / "zero2w-oled-serial.toml").read_text("utf-8")
    file.write_text(text.replace('model = "gm65"\ntrigger = true\nsleep = true', "baud = 9600"))
    with pytest.raises(Refusal, match="has no part for UART receive, UART transmit"):
        build_of(file)


def test_moving_a_wire_moves_it_on_the_sheet(tmp_path: Path) -> None:
    """The control: the sheet follows the profile."""
    file = tmp_path / "zero2w-oled-serial.toml"
    text = (HARDWARE / file.name).read_text("utf-8")
    file.write_text(text.replace("pin = 18", "pin = 26"))
    buzzer = next(it for it in build_of(file).pieces if it.name == "Passive buzzer")
    assert [wire.pin for wire in buzzer.wires if wire.gpio == 26] == [37]


def test_a_build_costs_what_its_parts_do(profile: Path) -> None:
    build = build_of(profile)
    low, high = build.cost_eur()
    assert low <= high
    assert (high == 0) is (profile.stem == "bench")
