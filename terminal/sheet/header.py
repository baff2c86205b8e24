"""The 40-pin header of every Raspberry Pi since the B+. Source: raspberrypi.com, "GPIO and the 40-pin header"."""

from __future__ import annotations

POWER = {
    1: "3V3", 2: "5V", 4: "5V", 6: "GND", 9: "GND", 14: "GND", 17: "3V3", 20: "GND", 25: "GND", 30: "GND", 34: "GND",
    39: "GND",
}  # fmt: skip
PIN_OF_GPIO = {
    2: 3, 3: 5, 4: 7, 14: 8, 15: 10, 17: 11, 18: 12, 27: 13, 22: 15, 23: 16, 24: 18, 10: 19, 9: 21, 25: 22, 11: 23,
    8: 24, 7: 26, 0: 27, 1: 28, 5: 29, 6: 31, 12: 32, 13: 33, 19: 35, 16: 36, 26: 37, 20: 38, 21: 40,
}  # fmt: skip
ROWS = 20


def row(pin: int) -> int:
    """0 at the end of the SD card, 19 at the other."""
    return (pin - 1) // 2


def is_left(pin: int) -> bool:
    return pin % 2 == 1


def name(pin: int) -> str:
    return POWER.get(pin) or f"GPIO{next(gpio for gpio, at in PIN_OF_GPIO.items() if at == pin)}"
