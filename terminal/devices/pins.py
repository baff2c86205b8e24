"""GPIO pins, reached through gpiozero: how they fail, and the words for it. gpiozero itself is imported late.

The pins are those of gpiozero's default factory, so GPIOZERO_PIN_FACTORY=mock works for everything here.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

PIN_MAX = 27  # BCM numbers of the 40-pin header
BUS_PINS = {  # what a bus takes of the header when the kernel has it switched on
    "i2c1": {"I2C data": 2, "I2C clock": 3},
    "spi0": {"SPI data": 10, "SPI clock": 11},
    "spi1": {"SPI data": 20, "SPI clock": 21},
}
SPI_SELECT = {(0, 0): 8, (0, 1): 7, (1, 0): 18, (1, 1): 17, (1, 2): 16}
DEV = Path("/dev")

_opening = threading.Lock()


def odd_pins(pins: Iterable[int]) -> str | None:
    """Why these cannot be the pins of one device, else None."""
    for pin, times in Counter(pins).items():
        if not 0 <= pin <= PIN_MAX:
            return f"there is no GPIO{pin}: pins are BCM numbers from 0 to {PIN_MAX}"
        if times > 1:
            return f"GPIO{pin} is used twice; give each wire a pin of its own"
    return None


def prepare() -> None:
    """Make the pin factory, once for all: two threads must not make two, each blind to the other's pins."""
    from gpiozero import Device

    with _opening:
        Device.ensure_pin_factory()


def faults() -> tuple[type[Exception], ...]:
    """What gpiozero and the driver below it raise; an ImportError when they are not installed."""
    found: tuple[type[Exception], ...] = (OSError, ImportError)
    try:
        from gpiozero import GPIOZeroError

        found = (*found, GPIOZeroError)
        from lgpio import error  # derives from Exception alone

        found = (*found, error)
    except ImportError:
        pass  # nothing of theirs can be raised then, and opening a pin says what is missing
    return found


def explain(what: str, fault: Exception, dev: Path = DEV) -> str:
    """What is wrong with the pins of `what`, and the remedy, for the technician."""
    kind, text = type(fault).__name__, str(fault)
    if kind == "GPIOPinInUse":
        return f"{what}: {text}. Two devices of the hardware profile share a pin; move one of them."
    if "busy" in text.lower():
        return (
            f"{what}: a pin is in use by another program or by a dtoverlay ({text}). `gpioinfo` names the user; "
            "stop it, remove the overlay from /boot/firmware/config.txt, or take another pin."
        )
    if isinstance(fault, PermissionError):
        return _not_allowed(what)
    if isinstance(fault, ImportError) or "gpiochip" in text:
        return _no_driver(what, text, dev)
    return (
        f"{what}: the pins do not work: {text or kind}. Check the wiring, then restart the daemon."
    )


def _no_driver(what: str, text: str, dev: Path) -> str:
    chips = sorted(dev.glob("gpiochip*"))
    if not chips:
        return (
            f"{what}: this machine shows no pins, there is no {dev}/gpiochip0. Is it a Raspberry Pi? Then remove "
            "the last dtoverlay from /boot/firmware/config.txt and reboot."
        )
    if not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        return _not_allowed(what)
    return f"{what}: no driver for the pins ({text}). apt install python3-gpiozero python3-lgpio."


def _not_allowed(what: str) -> str:
    return f"{what}: the daemon may not open /dev/gpiochip*. Add its user to the group gpio."
