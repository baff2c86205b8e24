"""hardware/zero2w-oled-serial.toml as it is shipped: OLED, pad and passive buzzer on the header, and a GM65 on the
serial pins, which is told when to light up."""

from __future__ import annotations

import time

from terminal.bench.phone import Phone
from tests.rig import report
from tests.rig.counter import HARDWARE, Counter, open_counter
from tests.rig.sales import cpm, mpm, present, shows_paid
from tests.rig.wires import Uart

PROFILE = HARDWARE / "zero2w-oled-serial.toml"
PERIODS_MIN = 100  # PAID has 418; a starved guest drops many, and only that it sounded is asserted


def main() -> None:
    module = Uart()
    with open_counter(PROFILE, scanner=module) as counter:
        phone = Phone(counter)
        module.heard()
        with report.row("zero2w-oled-serial.toml, MPM", "all of its own", "all of its own") as seen:
            begun_ns = time.monotonic_ns()
            shows_paid(counter, mpm(counter, phone, present(counter, "1", "2", "5", "0")))
            counter.wait(lambda: periods(counter, begun_ns) >= PERIODS_MIN, "the sound of PAID")
            seen.append("keyed, shown, paid, heard")
        with report.row(
            "zero2w-oled-serial.toml, CPM", "pyserial", "/dev/serial0 (cdc-acm)"
        ) as seen:
            cpm(counter, phone, present(counter, "3", "00"))
            told = module.heard()
            assert told, "the module was never told to read"
            seen.append(f"scanned and paid; the module was told {told.hex(' ')[:47]}")


def periods(counter: Counter, since_ns: int) -> int:
    return sum(tone.periods for tone in counter.tones(since_ns))


if __name__ == "__main__":
    main()
