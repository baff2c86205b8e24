"""hardware/pi5-hdmi-usb.toml as it is shipped: a screen on HDMI, a numeric pad and a scanner on USB, a buzzer."""

from __future__ import annotations

from pathlib import Path

from terminal.bench.phone import Phone
from tests.rig import report
from tests.rig.counter import HARDWARE, open_counter
from tests.rig.sales import cpm, glass_pulled, present, unit_sells
from tests.rig.wires import Keyboard, Serial

PROFILE = HARDWARE / "pi5-hdmi-usb.toml"
WHOLE = ("all of its own", "/dev/fb0, /dev/input, /dev/ttyACM0, /dev/gpiochip0")
FRAMEBUFFER = ("the kernel's fbdev", "/dev/fb0 (bytes of the glass)")


def main() -> None:
    if not Path("/dev/fb0").exists():
        report.lacking("pi5-hdmi-usb.toml", *WHOLE, "framebuffer")
        report.done()
        return
    pad = Keyboard("Keypad", 0)
    scanner = Serial("Scanner", 1)
    with open_counter(PROFILE, keypad=pad, scanner=scanner) as counter:
        phone = Phone(counter)
        with report.row("pi5-hdmi-usb.toml, MPM", *WHOLE) as seen:
            seen += unit_sells(counter, phone)
        with report.row("pi5-hdmi-usb.toml, CPM", *WHOLE) as seen:
            cpm(counter, phone, present(counter, "3", "00"))
            seen.append("scanned and paid")
        with report.row("screen pulled out in a sale", *FRAMEBUFFER) as seen:
            seen += glass_pulled(counter, phone)


if __name__ == "__main__":
    main()
