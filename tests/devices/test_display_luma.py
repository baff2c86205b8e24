"""Every chip on its bus: what luma's own interface classes put on the wire, and what then stands on the glass."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import smbus2
import zxingcpp
from gpiozero import Device as Pins
from PIL import Image, ImageDraw
from pyzbar import pyzbar

from terminal.core.terms import Money
from terminal.core.views import Glass as View
from terminal.core.views import Presenting
from terminal.devices import keeper, painter, spi
from terminal.devices.display.luma import CHIPS, Device, Glass, Settings, explain
from terminal.screens import draw, qr
from tests.devices.chips import MODELS, Chip
from tests.devices.wires import I2c, Spi, told

GOLDEN = Path(__file__).parent / "golden"
Until = Callable[[Callable[[], object]], None]

PITCH_UM = {  # the glass that is commonly sold with each chip
    "ssd1306": 170,
    "ssd1309": 430,
    "sh1106": 230,
    "sh1107": 210,
    "ssd1322": 270,
    "ssd1325": 430,
    "ssd1327": 210,
    "ssd1331": 210,
    "ssd1351": 210,
    "st7735": 220,
    "st7789": 98,
    "ili9341": 170,
}


@pytest.fixture(autouse=True)
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spi]:
    """A Pi whose buses keep what goes over them."""
    board = Spi(tmp_path / "spidev0.0")
    before, Pins.pin_factory = Pins.pin_factory, board
    monkeypatch.setattr(spi, "path", lambda *_: str(board.file))
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: 0)  # a file has no speed
    monkeypatch.setattr(smbus2, "SMBus", I2c)
    monkeypatch.setattr(I2c, "stream", [])
    monkeypatch.setattr(I2c, "plugged", True)
    yield board
    Pins.pin_factory = before


def made(chip: str, bus: str = "spi", **more: object) -> Settings:
    options = {"chip": chip, "bus": bus, "pitch_um": PITCH_UM[chip], **more}
    return msgspec.convert(options, Settings)


BUSES = [(chip, bus) for chip, kind in CHIPS.items() for bus in kind.buses]


def sent(board: Spi, bus: str) -> list[tuple[bool, bytes]]:
    return list(I2c.stream) if bus == "i2c" else board.stream


def figure(settings: Settings) -> Image.Image:
    """A small picture of no symmetry, at odd places."""
    panel = settings.panel
    image = Image.new(panel.mode, (panel.width_px, panel.height_px))
    pen = ImageDraw.Draw(image)
    lit = (255, 255, 255) if panel.mode == "RGB" else 255
    pen.line((3, 1, 13, 11), fill=lit)
    pen.rectangle((9, 3, 21, 5), fill=lit)
    return image


@pytest.mark.parametrize(("chip", "bus"), BUSES)
def test_the_bytes_that_wake_a_chip_and_draw_a_figure(board: Spi, chip: str, bus: str) -> None:
    """Golden: after an update of luma, look at what changed, then copy the new file over the old."""
    settings = made(chip, bus)
    glass = Glass(settings)
    woken = told(sent(board, bus))
    begun = len(sent(board, bus))
    glass.light(200)
    glass.paint(figure(settings))
    told_now = f"-- wake\n{woken}-- light 200, figure\n{told(sent(board, bus)[begun:])}"
    golden = GOLDEN / f"{chip}-{bus}.txt"
    seen = board.file.parent / golden.name
    seen.write_text(told_now)
    assert told_now == golden.read_text(), f"now: {seen}"


def on_glass(board: Spi, settings: Settings) -> Chip:
    model = MODELS[settings.chip](*settings.size)
    model.take(sent(board, settings.bus))
    return model


def seen_pixels(image: Image.Image) -> Image.Image:
    """Our picture as the model tells it: black and white are enough."""
    return image.convert("L").point(lambda value: 255 if value > 127 else 0)


@pytest.mark.parametrize(("chip", "bus"), BUSES)
def test_what_is_drawn_stands_on_the_glass(board: Spi, chip: str, bus: str) -> None:
    settings = made(chip, bus)
    glass = Glass(settings)
    first = figure(settings)
    glass.paint(first)
    assert seen_pixels(on_glass(board, settings).image()).tobytes() == seen_pixels(first).tobytes()
    second = first.transpose(Image.Transpose.ROTATE_180)
    before = len(board.file.read_bytes()) + sum(len(part) for _, part in I2c.stream)
    glass.paint(second)
    glass.paint(second)
    after = len(board.file.read_bytes()) + sum(len(part) for _, part in I2c.stream)
    model = on_glass(board, settings)
    assert seen_pixels(model.image()).tobytes() == seen_pixels(second).tobytes()
    assert model.on
    whole = settings.size[0] * settings.size[1] * {"1": 1, "L": 4, "RGB": 16}[settings.kind.mode]
    assert after - before < whole / 8, "only what changed goes over the wire"


@pytest.mark.parametrize("chip", ["sh1107", "ssd1327", "st7789", "ili9341", "ssd1306"])
@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_turned_glass(board: Spi, chip: str, rotate: int) -> None:
    settings = made(chip, rotate=rotate)
    image = figure(settings)
    Glass(settings).paint(image)
    turned = image.rotate(-rotate, expand=True)
    assert seen_pixels(on_glass(board, settings).image()).tobytes() == seen_pixels(turned).tobytes()


# -- the code, read back off the wire ------------------------------------------------------------------

FOCAL_PX = 1425.0  # a phone's 1080p preview: 1.5 times the 720p of decoding.md 4
LENS_PX, NOISE = 0.5, 6.0
LINK_BYTES = 48


REACH_MM = {  # module in um -> the nearest and the farthest that the fit rule promises (screens/qr.py)
    qr.BETTER_UM: (150.0, 200.0),
    qr.GOOD_UM: (100.0, 150.0),
    qr.CLOSE_UM: (60.0, 100.0),
}


def reach_mm(fitted: qr.Fit, pitch_um: int) -> tuple[float, float]:
    module_um = fitted.px_per_module * pitch_um
    return next(reach for least_um, reach in REACH_MM.items() if module_um >= least_um)


def photograph(glass: Image.Image, pitch_um: int, from_mm: float) -> np.ndarray:
    """The glass as a phone sees it: dots with gaps, seen at a slant, through a lens, with noise."""
    dots = cv2.resize(np.asarray(glass), None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    gap = np.ones(8, np.float32)
    gap[0] = 0.3
    dots = dots * np.tile(gap, dots.shape[1] // 8) * np.tile(gap, dots.shape[0] // 8)[:, None]
    dots = cv2.copyMakeBorder(dots, 160, 160, 160, 160, cv2.BORDER_CONSTANT, value=12.0)
    scale = FOCAL_PX * pitch_um / 1000 / from_mm / 8
    height, width = (round(side * scale) for side in dots.shape)
    small = cv2.resize(dots, (width, height), interpolation=cv2.INTER_AREA)
    lean = np.float32(
        [[0, 0], [width, 0.03 * height], [width * 0.97, height], [0.02 * width, height]]
    )
    square = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    seen = cv2.warpPerspective(small, cv2.getPerspectiveTransform(square, lean), (width, height))
    seen = cv2.GaussianBlur(seen, (0, 0), LENS_PX)
    seen = seen * 0.85 + 20 + np.random.default_rng(7).normal(0, NOISE, seen.shape)
    return np.clip(seen, 0, 255).astype(np.uint8)


def by_zxing(picture: np.ndarray) -> set[str]:
    return {code.text for code in zxingcpp.read_barcodes(picture)}


def by_zbar_or_opencv(picture: np.ndarray) -> set[str]:
    bars = {code.data.decode() for code in pyzbar.decode(picture)}
    text, *_ = cv2.QRCodeDetectorAruco().detectAndDecode(picture)
    return bars | {text}


@pytest.mark.parametrize("bytes_", ["a link's", "most"])
@pytest.mark.parametrize(("chip", "bus"), BUSES)
def test_the_code_is_read_back_off_the_wire(board: Spi, chip: str, bus: str, bytes_: str) -> None:
    """From the nearest and from the farthest that the fit rule promises, by two readers that share nothing."""
    settings = made(chip, bus)
    panel = settings.panel
    most = qr.bytes_max(panel)
    length = most if bytes_ == "most" else min(most, LINK_BYTES)
    payload = ("https://qr.example/" + "28100500012345678901234567890" * 50)[:length]
    view = Presenting(Money(1250, "EUR"), payload, remaining_s=90, life_s=120)
    Glass(settings).paint(draw(View(view), panel))
    image = on_glass(board, settings).image().convert("L")
    assert by_zxing(np.asarray(image.resize((panel.width_px * 4, panel.height_px * 4)))) == {
        payload
    }
    for from_mm in reach_mm(qr.fit(payload, panel), panel.pitch_um):
        picture = photograph(image, panel.pitch_um, from_mm)
        assert payload in by_zxing(picture), from_mm
        assert payload in by_zbar_or_opencv(picture), from_mm


# -- light, loss and return --------------------------------------------------------------------------


def test_contrast_is_the_chips_and_the_backlight_a_pin(board: Spi) -> None:
    oled = Glass(made("ssd1309"))
    oled.light(77)
    assert on_glass(board, made("ssd1309")).contrast == 77
    oled.light(0)
    assert not on_glass(board, made("ssd1309")).on
    oled.light(200)
    assert on_glass(board, made("ssd1309")).on
    oled.close()
    lcd = Glass(made("st7789", light_pin=18))
    lcd.light(51)
    assert board.pin(18).state == pytest.approx(0.2)
    dark = board.pin(18)
    lcd.close()
    assert not dark.state


def test_a_closed_display_is_dark_and_gives_its_pins_back(board: Spi) -> None:
    settings = made("ssd1306")
    device = Device(settings)
    device.show(figure(settings), bright=True)
    device.close()
    model = on_glass(board, settings)
    assert not model.on
    assert not any(model.image().tobytes())
    again = Device(settings)
    assert again.lost is None
    again.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BACKOFF_FIRST_S", "BACKOFF_MAX_S"):
        monkeypatch.setattr(keeper, name, 0.01)
    monkeypatch.setattr(painter, "CHECK_S", 0.01)


@pytest.mark.usefixtures("hasty")
def test_F85_a_display_that_falls_off_its_bus_is_told_and_comes_back_with_the_newest_picture(
    board: Spi, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = made("ssd1306", "i2c")
    device = Device(settings)
    assert device.lost is None
    device.show(figure(settings))
    I2c.plugged = False
    until(lambda: device.lost is not None)  # nothing was shown meanwhile: it is looked at
    assert device.lost == (
        "No display answers at 0x3c on /dev/i2c-1. Check its four wires; `i2cdetect -y 1` shows who answers."
        if Path("/dev/i2c-1").exists()
        else "There is no /dev/i2c-1. Put dtparam=i2c_arm=on into /boot/firmware/config.txt and reboot."
    )
    newest = figure(settings).transpose(Image.Transpose.ROTATE_180)
    device.show(newest)
    I2c.plugged = True
    until(lambda: device.lost is None)
    device.close()
    I2c.stream = I2c.stream[: _last_picture_end()]
    assert seen_pixels(on_glass(board, settings).image()).tobytes() == newest.convert("L").tobytes()
    assert [record.message for record in caplog.records][-1] == "the display is ready"


def _last_picture_end() -> int:
    """Where `close` began: it switches the glass off."""
    return max(at for at, (is_data, part) in enumerate(I2c.stream) if part == b"\xae")


@pytest.mark.usefixtures("hasty")
def test_a_display_that_is_missing_at_the_start_does_not_hold_the_daemon_up(until: Until) -> None:
    I2c.plugged = False
    device = Device(made("sh1107", "i2c"))
    until(lambda: device.lost is not None)
    I2c.plugged = True
    until(lambda: device.lost is None)
    device.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"chip": "ssd1307"}, 'chip "ssd1307" is not known; there are ssd1306'),
        ({"chip": "st7789", "bus": "i2c"}, 'st7789 has no i2c; write bus = "spi"'),
        ({"chip": "ssd1306", "width_px": 96}, "no 96 x 64 px; it has 128 x 64, 128 x 32"),
        ({"chip": "ssd1306", "pitch_um": 0}, "pitch_um"),
        ({"chip": "ssd1306", "bus": "i2c", "address": 3}, "no I2C address is 0x3"),
        ({"chip": "ssd1306", "bus": "i2c", "light_pin": 18}, "light_pin"),
        ({"chip": "ssd1351", "dc_pin": 25}, "GPIO25 is used twice"),
        ({"chip": "ssd1351", "speed_mhz": 9}, "speed_mhz is one of 1, 2, 4, 8"),
        ({"chip": "ssd1306", "bgr": True}, "bgr is nothing that ssd1306 can be told"),
        ({"chip": "ssd1306", "bright": 0}, "bright is a level of light"),
        ({"chip": "ssd1306", "port": 99}, "no bus with the number 99"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings(**{"pitch_um": 170, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "there", "words"),
    [
        (ImportError("No module named 'luma'"), True, "Install counter-terminal[pi]"),
        (FileNotFoundError(), False, "dtparam=spi=on"),
        (PermissionError(), True, "group spi"),
        (OSError(5, "Input/output error"), True, "Check its wires"),
    ],
)
def test_every_fault_has_its_remedy(board: Spi, fault: Exception, there: bool, words: str) -> None:
    if not there:
        board.file.unlink()
    assert words in explain(made("st7789"), fault)
