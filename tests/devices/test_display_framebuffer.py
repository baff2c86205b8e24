"""The framebuffer display on a file in the place of /dev/fb0: the same open, pwrite, close."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PIL import Image, ImageDraw

from terminal.devices import keeper, painter
from terminal.devices.display import framebuffer
from terminal.devices.display.framebuffer import Device, Screen, Settings

WIDTH, HEIGHT, STRIDE = 160, 96, 768
Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a machine says of its framebuffer: rows are longer than the picture."""
    facts = tmp_path / "sys" / "fb0"
    facts.mkdir(parents=True)
    (facts / "virtual_size").write_text(f"{WIDTH},{HEIGHT}\n")
    (facts / "bits_per_pixel").write_text("32\n")
    (facts / "stride").write_text(f"{STRIDE}\n")
    monkeypatch.setattr(framebuffer, "SYSFS", facts.parent)
    monkeypatch.setattr(framebuffer, "CONNECTORS", tmp_path / "drm")
    (tmp_path / "fb0").write_bytes(b"\x11" * STRIDE * HEIGHT)
    return tmp_path


def made(machine: Path, **more: object) -> Settings:
    options = {"width_px": WIDTH, "height_px": HEIGHT, "pitch_um": 190, **more}
    return msgspec.convert({"path": str(machine / "fb0"), **options}, Settings)


def picture(colour: tuple[int, int, int] = (250, 120, 30)) -> Image.Image:
    image = Image.new("RGB", (WIDTH, HEIGHT), (8, 4, 8))
    ImageDraw.Draw(image).rectangle((5, 3, 60, 20), fill=colour)
    return image


def glass32(machine: Path) -> Image.Image:
    raw = (machine / "fb0").read_bytes()
    return Image.frombytes("RGB", (WIDTH, HEIGHT), raw, "raw", "BGRX", STRIDE)


def test_a_picture_stands_in_the_framebuffer(machine: Path) -> None:
    Screen(made(machine)).paint(picture())
    assert glass32(machine).tobytes() == picture().tobytes()
    raw = (machine / "fb0").read_bytes()
    assert raw[WIDTH * 4 : STRIDE] == b"\x11" * (STRIDE - WIDTH * 4), "behind a row is not ours"


def test_only_what_changed_is_written(machine: Path) -> None:
    screen = Screen(made(machine))
    screen.paint(picture())
    (machine / "fb0").write_bytes(b"\x11" * STRIDE * HEIGHT)
    screen.paint(picture((250, 120, 31)))
    box = Image.new("RGB", (56, 18), (250, 120, 31))
    assert glass32(machine).crop((5, 3, 61, 21)).tobytes() == box.tobytes()
    assert (machine / "fb0").read_bytes().count(b"\x11") == STRIDE * HEIGHT - 56 * 18 * 4


def test_sixteen_bits(machine: Path) -> None:
    (machine / "sys" / "fb0" / "bits_per_pixel").write_text("16\n")
    Screen(made(machine, bits=16)).paint(picture())
    first = (machine / "fb0").read_bytes()[3 * STRIDE + 5 * 2 :][:2]
    assert int.from_bytes(first, "little") == (250 >> 3) << 11 | (120 >> 2) << 5 | 30 >> 3


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_turned_screen(machine: Path, rotate: int) -> None:
    settings = made(machine, rotate=rotate)
    image = Image.new("RGB", (settings.panel.width_px, settings.panel.height_px))
    ImageDraw.Draw(image).rectangle((2, 3, 30, 9), fill=(0, 99, 0))
    Screen(settings).paint(image)
    assert glass32(machine).tobytes() == image.rotate(-rotate, expand=True).tobytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width_px": 320}, "is 160 x 96 with 32 bits, the hardware profile says 320 x 96"),
        ({"bits": 16}, "says 160 x 96 with 16. Correct the profile"),
        ({"connector": "HDMI-A-1"}, 'no connector "HDMI-A-1"'),
        ({"path": "/dev/fb9"}, "There is no /dev/fb9. Plug the screen in"),
    ],
)
def test_a_machine_that_is_not_what_the_profile_says(
    machine: Path, options: dict[str, object], words: str, until: Until
) -> None:
    device = Device(made(machine, **{"path": str(machine / "fb0"), **options}))
    until(lambda: words in str(device.lost))
    device.close()


def test_a_screen_pulled_out_is_told_and_gets_its_picture_back(
    machine: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BACKOFF_FIRST_S", "BACKOFF_MAX_S"):
        monkeypatch.setattr(keeper, name, 0.01)
    monkeypatch.setattr(painter, "CHECK_S", 0.01)
    status = machine / "drm" / "card1-HDMI-A-1" / "status"
    status.parent.mkdir(parents=True)
    status.write_text("connected\n")
    device = Device(made(machine, connector="HDMI-A-1"))
    device.show(picture())
    until(lambda: glass32(machine).tobytes() == picture().tobytes())
    status.write_text("disconnected\n")
    until(
        lambda: device.lost == "No screen is plugged in at HDMI-A-1. Plug it in and switch it on."
    )
    (machine / "fb0").write_bytes(bytes(STRIDE * HEIGHT))
    device.show(picture((1, 2, 3)))
    status.write_text("connected\n")
    until(lambda: device.lost is None)
    assert glass32(machine).tobytes() == picture((1, 2, 3)).tobytes()
    device.close()
    assert not any(glass32(machine).tobytes()), "a stopped terminal shows nothing"
