"""A small OLED or LCD on I2C or SPI, driven with luma.oled and luma.lcd.

luma knows how each chip is woken and addressed. Ours are: what is sent (only what changed: a whole picture of
128 x 128 takes 0.2 s at the Pi's 100 kHz), the SPI bus (`devices/spi.py`), and the pins (`Lines`), which go
through gpiozero like all others of this house, so that a pin used twice is found and a Pi 5 works.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from terminal.core.views import Panel
from terminal.devices import pins, spi
from terminal.devices.keeper import Faults
from terminal.devices.painter import Care, Painter

if TYPE_CHECKING:
    from PIL.Image import Image

NOP = 0xE3  # of every chip here that hangs on I2C: does nothing, but is acknowledged
RESET_S = 0.02
LIGHT_HZ = 240  # too fast to be seen in a photograph of the code
SPEEDS_MHZ = (1, 2, 4, 8, 16, 20, 24, 28, 32, 36, 40, 44, 48, 50, 52)  # luma's
OLED, LCD = "luma.oled.device", "luma.lcd.device"


class Chip(NamedTuple):
    """`mode`: of its panel. `sizes`: those that luma can set it up for, the usual one first. `page`: for a chip
    whose rows come in pages of eight, the command that addresses one (width, page -> bytes). `extras`: what
    else luma can be told about its glass."""

    module: str
    mode: Literal["1", "L", "RGB"]
    sizes: tuple[tuple[int, int], ...]
    buses: tuple[str, ...] = ("spi",)
    page: Callable[[int, int], tuple[int, ...]] | None = None
    extras: tuple[str, ...] = ()


def _window(width: int, page: int) -> tuple[int, ...]:
    first = 32 if width == 64 else 0  # how glass of 64 columns is wired to the chip's 128
    return 0x21, first, first + width - 1, 0x22, page, page


_BOTH = ("i2c", "spi")
_OFFSETS = ("bgr", "h_offset", "v_offset")
_SSD1306 = Chip(OLED, "1", ((128, 64), (128, 32), (96, 16), (64, 48), (64, 32)), _BOTH, _window)
_256 = tuple((width, height) for width in (256, 128, 64) for height in (64, 48, 32))

CHIPS: dict[str, Chip] = {
    "ssd1306": _SSD1306,
    "ssd1309": _SSD1306,
    "sh1106": Chip(  # 132 columns, the glass in the middle
        OLED, "1", ((128, 64), (128, 128), (128, 32)), _BOTH, lambda _, page: (0xB0 | page, 2, 0x10)
    ),
    "sh1107": Chip(
        OLED, "1", ((128, 128), (64, 128), (80, 128)), _BOTH, lambda _, page: (0x10, 0, 0xB0 | page)
    ),
    "ssd1322": Chip(OLED, "L", _256),
    "ssd1325": Chip(OLED, "L", ((128, 64),)),
    "ssd1327": Chip(OLED, "L", ((128, 128),), _BOTH),
    "ssd1331": Chip(OLED, "RGB", ((96, 64),)),
    "ssd1351": Chip(OLED, "RGB", ((128, 128), (128, 96), (96, 96)), extras=_OFFSETS),
    "st7735": Chip(LCD, "RGB", ((160, 128), (160, 80), (128, 128)), extras=(*_OFFSETS, "inverse")),
    "st7789": Chip(LCD, "RGB", ((240, 240), (320, 240))),
    "ili9341": Chip(LCD, "RGB", ((320, 240), (240, 240), (320, 180)), extras=_OFFSETS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Care):
    """`chip` is one of CHIPS, `pitch_um` the distance of two pixels, which decides how far away a code can be
    read. Without `width_px` and `height_px`: the usual glass of that chip. `rotate`: degrees clockwise.

    On I2C: `port` 1 is /dev/i2c-1. On SPI: `port`, `device` 0, 0 are /dev/spidev0.0; `dc_pin`, `reset_pin` and
    `light_pin` (the backlight of an LCD) are BCM numbers. `bgr`, `h_offset`, `v_offset`, `inverse`: for glass
    whose colours or place differ from luma's."""

    chip: str
    pitch_um: int
    bus: Literal["i2c", "spi"] = "spi"
    width_px: int = 0
    height_px: int = 0
    rotate: Literal[0, 90, 180, 270] = 0
    name: str = ""
    port: int = -1
    address: int = 0x3C
    device: int = 0
    speed_mhz: int = 8
    dc_pin: int = 24
    reset_pin: int = 25
    light_pin: int | None = None
    bgr: bool = False
    inverse: bool = False
    h_offset: int = 0
    v_offset: int = 0

    def __post_init__(self) -> None:
        Care.__post_init__(self)
        if self.chip not in CHIPS:
            raise ValueError(f'chip "{self.chip}" is not known; there are {", ".join(CHIPS)}')
        if self.bus not in self.kind.buses:
            raise ValueError(f'{self.chip} has no {self.bus}; write bus = "{self.kind.buses[0]}"')
        if self.size not in self.kind.sizes:
            sizes = ", ".join(f"{width} x {height}" for width, height in self.kind.sizes)
            raise ValueError(
                f"{self.chip} has no {self.size[0]} x {self.size[1]} px; it has {sizes}"
            )
        if self.pitch_um <= 0:
            raise ValueError("pitch_um is the distance of two pixels in micrometres, such as 170")
        if self.speed_mhz not in SPEEDS_MHZ:
            raise ValueError(f"speed_mhz is one of {', '.join(map(str, SPEEDS_MHZ))}")
        if strange := next((name for name in self.extras if name not in self.kind.extras), None):
            raise ValueError(f"{strange} is nothing that {self.chip} can be told")
        if fault := self._odd_bus():
            raise ValueError(fault)

    def _odd_bus(self) -> str | None:
        if not -1 <= self.port <= 22:
            return f"there is no bus with the number {self.port}; see `ls /dev/i2c-* /dev/spidev*`"
        if self.bus == "i2c" and not 0x08 <= self.address <= 0x77:
            return f"no I2C address is {self.address:#x}; most displays have 0x3c, some 0x3d"
        if self.bus == "i2c" and self.light_pin is not None:
            return "light_pin is for the backlight of an LCD on SPI"
        return pins.odd_pins(self.own_pins.values())

    @property
    def kind(self) -> Chip:
        return CHIPS[self.chip]

    @property
    def extras(self) -> dict[str, int]:
        """What the profile says of this glass beside its size."""
        told = {name: getattr(self, name) for name in (*_OFFSETS, "inverse")}
        return {name: value for name, value in told.items() if value}

    @property
    def size(self) -> tuple[int, int]:
        """Of the glass as the chip sees it, before `rotate`."""
        width, height = self.kind.sizes[0]
        return self.width_px or width, self.height_px or height

    @property
    def bus_port(self) -> int:
        return self.port if self.port >= 0 else int(self.bus == "i2c")

    @property
    def own_pins(self) -> dict[str, int]:
        """The pins that this display switches itself."""
        if self.bus == "i2c":
            return {}
        wires = {"dc_pin": self.dc_pin, "reset_pin": self.reset_pin}
        return wires if self.light_pin is None else {**wires, "light_pin": self.light_pin}

    @property
    def used_pins(self) -> dict[str, int]:
        """Those, and the pins of its bus."""
        select = {f"SPI device {self.device}": pins.SPI_SELECT.get((self.bus_port, self.device))}
        chosen = {name: pin for name, pin in select.items() if pin is not None}
        wires = pins.BUS_PINS.get(f"{self.bus}{self.bus_port}", {})
        return {**self.own_pins, **wires, **(chosen if self.bus == "spi" else {})}

    @property
    def path(self) -> str:
        if self.bus == "i2c":
            return f"/dev/i2c-{self.bus_port}"
        return spi.path(self.bus_port, self.device)

    @property
    def panel(self) -> Panel:
        width, height = self.size if self.rotate % 180 == 0 else self.size[::-1]
        name = self.name or f"the {self.chip} display"
        return Panel(width, height, self.kind.mode, self.pitch_um, name)


class Lines:
    """Pins in the shape of RPi.GPIO, as luma wants them, made of gpiozero."""

    LOW, HIGH, OUT = 0, 1, "out"

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._pins: dict[int, Any] = {}

    def setup(self, pin: int, _direction: str) -> None:
        from gpiozero import OutputDevice

        pins.prepare()
        self._pins[pin] = self._stack.enter_context(OutputDevice(pin))

    def output(self, pin: int, level: int) -> None:
        self._pins[pin].value = level

    def close(self) -> None:
        self._stack.close()


class Glass:
    """An open display (`painter.Surface`)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kind = settings.kind
        self._pages: list[bytes] = []
        self._light: Any = None
        self._is_on = True
        with ExitStack() as opened:
            self._bus = self._open_bus(opened)
            self.check()  # before luma's object: each one made stays with the process until its end (atexit)
            if settings.light_pin is not None:
                self._light = opened.enter_context(_light(settings.light_pin))
            self._chip = self._wake()
            self._changes = _changes()
            self._stack = opened.pop_all()

    def _open_bus(self, opened: ExitStack) -> Any:
        from luma.core.interface import serial

        chosen = self._settings
        if chosen.bus == "i2c":
            bus = serial.i2c(port=chosen.bus_port, address=chosen.address)
            opened.callback(bus.cleanup)
            return bus
        lines, wire = Lines(), spi.Wire()
        opened.callback(lines.close)
        opened.callback(wire.close)
        return serial.spi(
            spi=wire,
            gpio=lines,
            port=chosen.bus_port,
            device=chosen.device,
            bus_speed_hz=chosen.speed_mhz * 1_000_000,
            gpio_DC=chosen.dc_pin,
            gpio_RST=chosen.reset_pin,
            reset_hold_time=RESET_S,
            reset_release_time=RESET_S,
        )

    def _wake(self) -> Any:
        chosen = self._settings
        width, height = chosen.size
        make = getattr(import_module(self._kind.module), chosen.chip)
        told: dict[str, Any] = {"rotate": chosen.rotate // 90, **chosen.extras}
        if self._kind.module == LCD:
            told["backlight"] = lambda _on: None  # ours is `light`: luma's wants RPi.GPIO
        chip = make(self._bus, width=width, height=height, **told)
        chip.persist = (
            True  # so that luma's atexit does not blank a glass that was opened anew since
        )
        return chip

    def paint(self, image: Image) -> None:
        if self._kind.page:
            self._paint_pages(self._chip.preprocess(image), self._kind.page)
        elif self._settings.chip == "st7789":  # luma always sends it the whole picture
            self._paint_boxes(self._chip.preprocess(image))
        else:  # luma's own comparison with the last picture
            self._chip.display(image.convert("RGB"))

    def _paint_pages(self, image: Image, address: Callable[[int, int], tuple[int, ...]]) -> None:
        pages = packed(image)
        for number, page in enumerate(pages):
            if self._pages[number : number + 1] != [page]:
                self._chip.command(*address(image.width, number))
                self._chip.data(list(page))
        self._pages = pages

    def _paint_boxes(self, image: Image) -> None:
        for part, box in self._changes.redraw(image):
            self._chip.set_window(*box)
            self._chip.data(part.tobytes())

    def light(self, level: int) -> None:
        if bool(level) is not self._is_on:
            self._is_on = bool(level)
            (self._chip.show if level else self._chip.hide)()
        if self._light is not None:
            self._light.value = level / 255
        elif level:
            self._chip.contrast(level)

    def check(self) -> None:
        """SPI has nobody who answers: there, that the bus is still there is all that can be known."""
        if self._settings.bus == "i2c":
            self._bus.command(NOP)
        elif not Path(self._settings.path).exists():
            raise FileNotFoundError(errno.ENOENT, "no such bus", self._settings.path)

    def close(self) -> None:
        """Dark: a terminal that has stopped must not go on showing a code."""
        with self._stack:
            if self._light is not None:
                self._light.value = 0
            self._chip.hide()
            self._chip.clear()


def packed(image: Image) -> list[bytes]:
    """A picture of mode "1" as its pages: eight rows each, one byte per column, the top row its lowest bit."""
    from PIL.Image import Transpose

    return [
        image.crop((0, top, image.width, top + 8)).transpose(Transpose.ROTATE_270).tobytes()
        for top in range(0, image.height, 8)
    ]


def _changes() -> Any:
    from luma.core.framebuffer import diff_to_previous

    return diff_to_previous(num_segments=16)


def _light(pin: int) -> Any:
    from gpiozero import PWMOutputDevice

    pins.prepare()
    return PWMOutputDevice(pin, frequency=LIGHT_HZ)


class Device(Painter):
    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings.panel,
            settings,
            lambda: Glass(settings),
            faults,
            lambda fault: explain(settings, fault),
        )


def faults() -> Faults:
    try:
        from luma.core.error import Error
    except ImportError:
        return pins.faults()  # opening it says what is missing
    return (*pins.faults(), Error)


def explain(settings: Settings, fault: Exception) -> str:
    """What is wrong with the display, and the remedy, for the technician."""
    kind, path = type(fault).__name__, Path(settings.path)
    if isinstance(fault, ImportError):
        return f"The display's driver is missing ({fault}). Install counter-terminal[pi]."
    if not path.exists():
        overlay = "dtparam=i2c_arm=on" if settings.bus == "i2c" else "dtparam=spi=on"
        return f"There is no {path}. Put {overlay} into /boot/firmware/config.txt and reboot."
    if isinstance(fault, PermissionError) or kind == "DevicePermissionError":
        return f"The daemon may not open {path}. Add its user to the group {settings.bus}."
    if kind.startswith("GPIO") or "gpio" in str(fault).lower() or kind == "BadPinFactory":
        return pins.explain("The display", fault)
    if settings.bus == "i2c":
        return (
            f"No display answers at {settings.address:#x} on {path}. Check its four wires; "
            f"`i2cdetect -y {settings.bus_port}` shows who answers."
        )
    return f"The display on {path} does not work: {fault or kind}. Check its wires."
