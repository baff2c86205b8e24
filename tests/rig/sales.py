"""What people do at a counter in the rig, in the words of its jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from terminal.bench.demo import charged, ended
from terminal.bench.phone import Phone
from terminal.core.terms import Money
from terminal.core.views import Paid
from tests.rig.counter import Counter
from tests.rig.sounds import Tone

PAID_TONES = 2
RECOVERY_S = 5.0  # issue 5: so soon after it is plugged in again


def present(counter: Counter, *keys: str) -> str:
    """An amount is keyed, our code stands on the glass; its order."""
    counter.dismiss()
    counter.press(*keys, "ok")
    counter.wait(counter.code, "our code on the glass")
    return str(counter.ask("status")["open"][0]["order_no"])


def mpm(counter: Counter, phone: Phone, order_no: str) -> dict[str, Any]:
    """The phone reads our code off the glass and pays it; the order as it ended."""
    assert phone.look()["order_no"] == order_no
    phone.pay(order_no)
    return paid(counter, order_no)


def cpm(counter: Counter, phone: Phone, shown: str) -> dict[str, Any]:
    """The customer's code is scanned instead of the shown one; the order that charged it."""
    phone.open_code()
    counter.scan_serial(str(phone.code))
    order = paid(counter, charged(counter, shown, phone.show_to_scanner))
    assert ended(counter, shown)["outcome"] != "paid"
    return order


def paid(counter: Counter, order_no: str) -> dict[str, Any]:
    """The order as it ended; journal and books say paid."""
    order = ended(counter, order_no)
    assert order["outcome"] == "paid", order
    kept = {
        each["order_no"]: each["captured_minor"] - each["returned_minor"]
        for each in counter.books()
    }
    assert kept[order_no] == order["amount"]["minor"], (order, kept)
    return order


def shows_paid(counter: Counter, order: dict[str, Any]) -> None:
    """Exactly the picture of this sale stands on the glass."""
    amount = Money(order["amount"]["minor"], order["amount"]["currency"])
    view = Paid(amount, order["gateway_ref"][-4:], order["wallet"])
    wanted = counter.picture(view)
    counter.wait(lambda: counter.shows(wanted), f"the picture of {view}")


def unit_sells(counter: Counter, phone: Phone) -> Iterator[str]:
    """A whole MPM sale by a unit as it is shipped; what was seen of it. Of the sound only that it has the tones of
    PAID: a starved guest plays them at any length."""
    order_no = present(counter, "1", "2", "5", "0")
    begun_ns = time.monotonic_ns()
    shows_paid(counter, mpm(counter, phone, order_no))
    yield "keyed, shown, paid"
    counter.wait(lambda: len(counter.tones(begun_ns)) >= PAID_TONES, "the sound of PAID")
    yield f"the buzzer on for {lengths(counter.tones(begun_ns))}"


def glass_pulled(counter: Counter, phone: Phone) -> Iterator[str]:
    """The display is unplugged while our code stands on it, and plugged in again; what was seen of that."""
    assert counter.glass
    shown, code = present(counter, "3", "00"), counter.code()
    begun_ns = time.monotonic_ns()
    counter.glass.plug(False)
    counter.wait(lambda: counter.ask("status")["why"], "the word that it is gone")
    yield f"told: {counter.ask('status')['why']}"
    yield f"the buzzer, on for {lengths(counter.hears('attention', begun_ns))}"
    counter.forget_glass()  # it comes back as the factory made it
    begun_s = time.monotonic()
    counter.glass.plug(True)
    counter.wait(lambda: counter.code() == code, "our code on the glass again")
    back_s = time.monotonic() - begun_s
    mpm(counter, phone, shown)
    assert back_s < RECOVERY_S, f"back after {back_s:.1f} s"
    yield f"the code is back {back_s:.1f} s after the plug; the sale ended paid"


def scanner_pulled(counter: Counter, phone: Phone) -> Iterator[str]:
    """The scanner is unplugged while a code is awaited, and plugged in again; what was seen of that."""
    assert counter.scanner
    shown = present(counter, "3", "00")
    counter.scanner.unplug()
    counter.wait(lambda: counter.ask("status")["lost"], "the word that it is gone")
    yield f"told: {counter.ask('status')['lost']['scanner 1'].partition('. ')[0]}"
    begun_s = time.monotonic()
    counter.scanner.plug()
    counter.wait(lambda: not counter.ask("status")["lost"], "its return")
    back_s = time.monotonic() - begun_s
    cpm(counter, phone, shown)
    assert back_s < RECOVERY_S, f"back after {back_s:.1f} s"
    yield f"reads again {back_s:.1f} s after the plug; the sale ended paid"


def lengths(tones: list[Tone]) -> str:
    return " and ".join(f"{tone.length_ms:.0f} ms" for tone in tones)
