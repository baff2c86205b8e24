"""Each device is pulled out in the middle of a sale and plugged in again: the sale ends truly, what happened is
said, and the device works again without a restart. The real drivers, on things that can be pulled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal.bench import plugs
from terminal.bench.demo import charged
from terminal.bench.plugs import Plugs
from tests.flows.conftest import FAST, Walk


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    yield from plugged(tmp_path_factory.mktemp("plugs"), plugs.SERIAL)


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Walk]:
    yield from plugged(tmp_path, plugs.CAMERA)


def plugged(state: Path, scanner: str) -> Iterator[Walk]:
    stall = Plugs(state, scanner, pace=FAST, changes={"shop": {"result_s": 20}})
    try:
        stall.start()
        yield Walk(stall)
    finally:
        stall.stop()


def stall_of(walk: Walk) -> Plugs:
    assert isinstance(walk.stall, Plugs)
    return walk.stall


def out(walk: Walk, what: str, name: str) -> int:
    """Pull it; the daemon notices. The number of the last sound before."""
    stall = stall_of(walk)
    before = stall.beeps_heard
    stall.pull(what)
    walk.until(lambda: name in stall.lost(), f"the daemon missing the {what}")
    return before


def back(walk: Walk, what: str) -> None:
    stall_of(walk).put_back(what)
    walk.until(lambda: not stall_of(walk).lost(), f"the {what} working again")


def test_the_display_while_our_code_is_shown(serial: Walk) -> None:
    """The customer has scanned already: the sale is paid, and it is heard; no other begins in the dark (G21)."""
    serial.keys("1250 ok")
    order_no = serial.sees_code()
    before = out(serial, "display", "display")
    serial.hears("attention", since=before)
    serial.phone.pay(order_no)
    assert serial.ends(order_no)["outcome"] == "paid"
    serial.hears("paid", since=before)
    assert serial.stall.ask("status")["verdict"] == "out_of_service"
    refused = serial.stall.ask("sale", amount="1.00")
    assert not refused["ok"] and "display" in refused["error"]
    back(serial, "display")
    serial.paid(order_no)
    serial.stall.dismiss()


def test_the_keypad_while_our_code_is_shown(serial: Walk) -> None:
    serial.keys("300 ok")
    order_no = serial.sees_code()
    before = out(serial, "keypad", "keypad")
    serial.hears("attention", since=before)
    serial.phone.pay(order_no)
    serial.paid(order_no)
    serial.sees_screen("OutOfService")
    back(serial, "keypad")
    serial.sees_screen("Idle")
    serial.keys("1")
    serial.sees_screen("Typing")
    serial.keys("cancel")


def test_the_scanner_in_the_middle_of_the_customers_code(serial: Walk) -> None:
    """Half a code was read: nothing is charged. The customer holds it up again, and it is charged once."""
    serial.keys("500 ok")
    shown = serial.sees_code()
    code = serial.phone.open_code()
    stall_of(serial).scan_half(code)
    before = out(serial, "scanner", "scanner 1")
    serial.hears("no", since=before)
    assert "/scanner.tty" in stall_of(serial).lost()["scanner 1"]
    back(serial, "scanner")
    serial.phone.show_to_scanner()
    order_no = serial.charged(shown)
    serial.paid(order_no)
    assert len([order for order in serial.stall.books() if order["captured_minor"] == 500]) == 1
    serial.stall.dismiss()


def test_the_scanner_and_the_customer_scans_our_code_instead(serial: Walk) -> None:
    serial.keys("600 ok")
    order_no = serial.sees_code()
    out(serial, "scanner", "scanner 1")
    serial.phone.pay(order_no)
    serial.paid(order_no)
    back(serial, "scanner")
    serial.stall.dismiss()


def test_the_camera_while_a_code_is_awaited(camera: Walk) -> None:
    stall = stall_of(camera)
    camera.keys("700 ok")
    shown = camera.sees_code()
    before = out(camera, "camera", "scanner 1")
    camera.hears("no", since=before)
    assert "/film.mjpeg" in stall.lost()["scanner 1"]
    back(camera, "camera")
    assert stall.camera is not None
    stall.camera.show(camera.phone.open_code())
    camera.paid(charged(camera.stall, shown, lambda: None))
