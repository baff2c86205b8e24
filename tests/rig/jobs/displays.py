"""Every display chip on each of its buses, and a screen: a picture through our driver, rebuilt from what the wire
carried."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from terminal.core.terms import Money
from terminal.core.views import Glass, Paid, Panel
from terminal.devices.display import Display, framebuffer
from terminal.devices.display.luma import CHIPS, Device, Settings
from terminal.screens import draw
from tests.devices.chips import MODELS
from tests.rig import report
from tests.rig.glasses import I2cWire, Quiet, Screen, Sent, SpiWire, Wire, alike

PATIENCE_S = 20.0
ADDRESS, DC_PIN = 0x3C, 24
RECOVERY_S = 5.0  # issue 5
FRAMEBUFFER = "/dev/fb0 (bytes of the glass)"


def main() -> None:
    for name, chip in CHIPS.items():
        if "i2c" in chip.buses:
            with report.row(f"display {name}", "luma.oled, smbus2", "/dev/i2c-1") as seen:
                seen.append(shown_by(name, "i2c", lambda *ends: I2cWire(ADDRESS, *ends)))
    for name, chip in CHIPS.items():
        on_spi(name, chip.module.rpartition(".")[0])
    screen()
    report.done()


def on_spi(name: str, library: str) -> None:
    row = (f"display {name}", f"{library}, gpiozero", "/dev/spidev0.0, D/C on /dev/gpiochip0")
    if not Path("/dev/spi-bench").exists():
        report.lacking(*row, "SPI")
        return
    with report.row(*row) as seen:
        seen.append(shown_by(name, "spi", lambda *ends: SpiWire(DC_PIN, *ends)))


def shown_by(name: str, bus: str, connect: Callable[[Sent, Quiet], Wire]) -> str:
    """Raises unless the picture that the bytes make is the one that was drawn."""
    settings = Settings(chip=name, pitch_um=170, bus=bus, dc_pin=DC_PIN)  # type: ignore[arg-type]
    model, quiet = MODELS[name](*settings.size), threading.Event()
    received: list[int] = []

    def sent(is_data: bool, message: bytes) -> None:
        received.append(len(message))
        model.take([(is_data, message)])

    wire = connect(sent, quiet.set)
    device = Device(settings)
    try:
        size = stands(device, quiet, model.image)
        assert model.on
        return f"{size}: the drawn picture, from {sum(received)} bytes in {len(received)} messages"
    finally:
        device.close()
        wire.close()


def picture(panel: Panel) -> Image.Image:
    return draw(Glass(Paid(Money(1250, "EUR"), "4711", "Alipay+")), panel)


def stands(device: Display, quiet: threading.Event, glass: Callable[[], Image.Image]) -> str:
    """Show the picture, and wait until just that stands on the glass."""
    wanted, panel = picture(device.panel), device.panel
    device.show(wanted)
    deadline_s = time.monotonic() + PATIENCE_S
    while quiet.wait(PATIENCE_S):
        quiet.clear()
        if alike(glass(), wanted):
            return f"{panel.width_px}x{panel.height_px} {panel.mode}"
        assert time.monotonic() < deadline_s, "another picture stands there"
    raise AssertionError(f"no picture came; {device.lost}")


def screen() -> None:
    row = ("screen on HDMI", "none: the kernel's fbdev", FRAMEBUFFER)
    if not Path("/dev/fb0").exists():
        report.lacking(*row, "framebuffer")
        return
    changed = threading.Event()
    glass = Screen(changed.set)
    settings = framebuffer.Settings(width_px=800, height_px=480, pitch_um=192, connector="HDMI-A-1")
    device = framebuffer.Device(settings)
    with report.row(*row) as seen:
        seen.append(f"{stands(device, changed, glass.image)}: the drawn picture, byte by byte")
    with report.row("screen on HDMI, pulled out", *row[1:]) as seen:
        glass.plug(False)
        until(lambda: device.lost)
        seen.append(f"told: {device.lost}")
        glass.wipe()
        begun_s = time.monotonic()
        glass.plug(True)
        until(lambda: alike(glass.image(), picture(device.panel)))
        took_s = time.monotonic() - begun_s
        assert took_s < RECOVERY_S, took_s
        seen.append(f"the picture is back {took_s:.1f} s after the plug")
    device.close()
    glass.close()


def until(holds: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline_s:
            raise TimeoutError("it never came")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
