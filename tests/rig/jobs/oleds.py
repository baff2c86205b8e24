"""Every display chip that luma drives over I2C: a picture through our driver, rebuilt from the bytes of the wire."""

from __future__ import annotations

import threading
import time

from PIL import ImageChops

from terminal.core.terms import Money
from terminal.core.views import Glass, Paid
from terminal.devices.display.luma import CHIPS, Device, Settings
from terminal.screens import draw
from tests.devices.chips import MODELS
from tests.rig import report
from tests.rig.wires import I2cWire

PATIENCE_S = 20.0
ADDRESS = 0x3C
GREYS = 17  # of 255: four bits of grey


def main() -> None:
    for name, chip in CHIPS.items():
        if "i2c" in chip.buses:
            with report.row(f"display {name}", "luma.oled, smbus2", "/dev/i2c-1") as seen:
                seen.append(shown(name))
    report.done()


def shown(name: str) -> str:
    """Raises unless the picture that the bytes make is the one that was drawn."""
    settings = Settings(chip=name, pitch_um=170, bus="i2c")
    panel = settings.panel
    model, quiet = MODELS[name](panel.width_px, panel.height_px), threading.Event()
    received: list[int] = []

    def sent(message: bytes) -> None:
        received.append(len(message))
        model.take([(message[0] == 0x40, message[1:])])

    wire = I2cWire(ADDRESS, sent, quiet.set)
    device = Device(settings)
    try:
        picture = draw(Glass(Paid(Money(1250, "EUR"), "4711", "Alipay+")), panel)
        device.show(picture)
        deadline_s = time.monotonic() + PATIENCE_S
        while quiet.wait(PATIENCE_S):
            quiet.clear()
            _, most = ImageChops.difference(model.image(), picture.convert("L")).getextrema()
            if int(most) <= GREYS and model.on:
                return (
                    f"{panel.width_px}x{panel.height_px} {panel.mode}: the drawn picture, "
                    f"from {sum(received)} bytes in {len(received)} messages"
                )
            assert time.monotonic() < deadline_s, f"another picture, off by {most} of 255"
        raise AssertionError(f"no picture came; {device.lost}")
    finally:
        device.close()
        wire.close()


if __name__ == "__main__":
    main()
