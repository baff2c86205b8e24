"""A counter with an OLED on I2C, a pad and a buzzer on pins, a hand scanner on USB: a sale of each kind, then
what people do to plugs while they sell."""

from __future__ import annotations

import time

from terminal.bench.phone import Phone
from tests.rig import report
from tests.rig.counter import PROFILES, Counter, open_counter
from tests.rig.sales import cpm, glass_pulled, lengths, mpm, present, scanner_pulled, shows_paid
from tests.rig.wires import Serial

PORT = "/dev/ttyACM0 (cdc-acm, udev)"


def main() -> None:
    with open_counter(PROFILES / "counter.toml", scanner=Serial("Scanner", 0)) as counter:
        phone = Phone(counter)
        sale_by_display(counter, phone)
        with report.row("scanner, USB serial", "pyserial", PORT) as seen:
            cpm(counter, phone, present(counter, "3", "00"))
            seen += ["CPM sale: our code closed, the scanned one charged; journal and books: paid"]
        with report.row("scanner pulled out in a sale", "pyserial", PORT) as seen:
            seen += scanner_pulled(counter, phone)
        display_pulled(counter, phone)


def sale_by_display(counter: Counter, phone: Phone) -> None:
    begun_ns = time.monotonic_ns()
    order_no, order = "", {}
    with report.row("keypad 4x4", "gpiozero, lgpio", "/dev/gpiochip0 (pins as nets)") as seen:
        order_no = present(counter, "1", "2", "5", "0")
        amount = counter.ask("status")["open"][0]["amount"]
        assert amount == {"minor": 1250, "currency": "EUR"}, amount
        assert counter.header and counter.header.shorts == 0
        seen += ["1 2 5 0 ok keyed: an order of 12.50 EUR", "outputs that fought: 0"]
    with report.row("MPM sale", "the whole daemon", "all of these") as seen:
        order = mpm(counter, phone, order_no)
        seen += ["QR read off the bytes by zxing-cpp and OpenCV; journal and books: paid"]
    with report.row(
        "display sh1107 128x128", "luma.oled", "/dev/i2c-1 (bytes of the wire)"
    ) as seen:
        shows_paid(counter, order)
        seen += ["the picture rebuilt from the bytes is the drawn one, pixel by pixel"]
    with report.row("buzzer, active", "gpiozero, lgpio", "/dev/gpiochip0 (edges)") as seen:
        seen += [f"PAID: on for {lengths(counter.hears('paid', begun_ns))}"]


def display_pulled(counter: Counter, phone: Phone) -> None:
    with report.row("display pulled out in a sale", "luma.oled", "/dev/i2c-1 (no answer)") as seen:
        seen += glass_pulled(counter, phone)


if __name__ == "__main__":
    main()
