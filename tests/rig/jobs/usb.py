"""A counter whose numeric pad and scanner hang on USB and type; a grey OLED on I2C, a passive buzzer on a pin."""

from __future__ import annotations

import time

from terminal.bench.phone import Phone
from tests.rig import report
from tests.rig.counter import PROFILES, Counter, open_counter
from tests.rig.sales import RECOVERY_S, cpm, mpm, present, scanner_pulled, shows_paid
from tests.rig.wires import Keyboard

EVENTS = "/dev/input/event* (usbhid, udev)"
PERIODS_MIN = 100  # PAID has 418; a starved guest drops many, and only that it sounded is asserted


def main() -> None:
    keypad, scanner = Keyboard("Keypad", 0), Keyboard("Typist", 1)
    with open_counter(PROFILES / "usb.toml", keypad=keypad, scanner=scanner) as counter:
        phone = Phone(counter)
        sale_by_display(counter, phone)
        with report.row("scanner, USB keyboard", "the kernel's input events", EVENTS) as seen:
            cpm(counter, phone, present(counter, "3", "00"))
            seen += ["CPM sale: our code closed, the typed one charged; journal and books: paid"]
        with report.row("typing scanner pulled out", "the kernel's input events", EVENTS) as seen:
            seen += scanner_pulled(counter, phone)
        keypad_pulled(counter, phone)


def sale_by_display(counter: Counter, phone: Phone) -> None:
    begun_ns = time.monotonic_ns()
    order_no, order = "", {}
    with report.row("keypad, USB numeric", "the kernel's input events", EVENTS) as seen:
        order_no = present(counter, "1", "2", "5", "0")
        amount = counter.ask("status")["open"][0]["amount"]
        assert amount == {"minor": 1250, "currency": "EUR"}, amount
        seen += ["1 2 5 0 enter keyed: an order of 12.50 EUR"]
    with report.row(
        "display ssd1327 128x128", "luma.oled", "/dev/i2c-1 (bytes of the wire)"
    ) as seen:
        order = mpm(counter, phone, order_no)
        shows_paid(counter, order)
        seen += ["MPM sale: QR read off the bytes; then the drawn picture in its 16 greys"]
    with report.row("buzzer, passive", "gpiozero, lgpio", "/dev/gpiochip0 (edges)") as seen:
        counter.wait(lambda: periods(counter, begun_ns) >= PERIODS_MIN, "the sound of PAID")
        tones = counter.tones(begun_ns)
        seen += [f"PAID: {sum(tone.periods for tone in tones)} periods in {len(tones)} tones"]


def periods(counter: Counter, since_ns: int) -> int:
    return sum(tone.periods for tone in counter.tones(since_ns))


def keypad_pulled(counter: Counter, phone: Phone) -> None:
    with report.row("keypad pulled out in a sale", "the kernel's input events", EVENTS) as seen:
        assert counter.keypad
        shown = present(counter, "3", "00")
        counter.keypad.unplug()
        counter.wait(lambda: counter.ask("status")["why"], "the word that it is gone")
        seen.append(f"told: {counter.ask('status')['why']}")
        mpm(counter, phone, shown)
        begun_s = time.monotonic()
        counter.keypad.plug()
        counter.wait(lambda: not counter.ask("status")["why"], "its return")
        back_s = time.monotonic() - begun_s
        present(counter, "7")
        assert back_s < RECOVERY_S, f"back after {back_s:.1f} s"
        seen.append(f"the sale ended paid; keys again {back_s:.1f} s after the plug")


if __name__ == "__main__":
    main()
