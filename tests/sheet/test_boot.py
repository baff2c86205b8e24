"""config.txt and cmdline.txt for a profile: ours in, everybody else's kept, and a second time nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminal.config import Profile, load_profile
from terminal.wiring import boot

HARDWARE = Path(__file__).parents[2] / "hardware"
CONFIG = (
    "# For more options see http://rptl.io/configtxt\ndtparam=audio=on\n\n[cm5]\ndtoverlay=dwc2\n"
)
LINE = "console=serial0,115200 console=tty1 root=PARTUUID=1-02 rootwait video=HDMI-A-1:640x480@60\n"


def of(name: str) -> Profile:
    return load_profile(HARDWARE / f"{name}.toml")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("zero2w-oled-serial", ["dtparam=i2c_arm=on", "enable_uart=1", "dtoverlay=disable-bt"]),
        ("pi4-lcd-camera", ["dtparam=spi=on", "camera_auto_detect=1"]),
        ("pi5-hdmi-usb", ["dtoverlay=vc4-kms-v3d"]),
        ("bench", ["dtparam=watchdog=on"]),
    ],
)
def test_config_txt(name: str, lines: list[str]) -> None:
    profile = of(name)
    made = boot.config_txt(CONFIG, profile)
    assert made.startswith(CONFIG.rstrip("\n"))
    block = made.partition(boot.OPEN)[2].partition(boot.CLOSE)[0]
    assert "[all]" in block  # whatever section the file ended in
    assert set(lines) <= set(block.splitlines())
    assert boot.config_txt(made, profile) == made


def test_what_others_wrote_behind_the_block_stays() -> None:
    made = boot.config_txt(CONFIG, of("bench")) + "dtoverlay=w1-gpio\n"
    again = boot.config_txt(made, of("pi4-lcd-camera"))
    assert again.endswith("dtoverlay=w1-gpio\n")
    assert again.count(boot.OPEN) == 1
    assert "dtparam=spi=on" in again


def test_a_scanner_on_the_header_is_no_console() -> None:
    """Else a login reads the customers' codes, and writes on the scanner's line."""
    made = boot.cmdline_txt(LINE, of("zero2w-oled-serial"))
    assert made.split() == ["console=tty1", "root=PARTUUID=1-02", "rootwait", LINE.split()[-1]]


def test_the_console_does_not_write_on_the_glass() -> None:
    profile = of("pi5-hdmi-usb")
    made = boot.cmdline_txt(LINE, profile)
    assert made.count("video=") == 1
    assert {"video=HDMI-A-1:800x480@60", "fbcon=map:9", "console=serial0,115200"} <= set(
        made.split()
    )
    assert boot.cmdline_txt(made, profile) == made
    assert made.count("\n") == 1


def test_where_nothing_is_asked_nothing_is_changed() -> None:
    assert boot.cmdline_txt(LINE, of("pi4-lcd-camera")).split() == LINE.split()
