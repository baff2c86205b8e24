"""What stands before the guest's camera, which is libcamera's `virtual` one: it plays the pictures of a folder, which
it reads when it is first opened."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from terminal.bench.demo import newest
from terminal.core.terms import Fault
from tests.rig.counter import WARM_MAX, Counter

PICTURES = Path("/run/pictures")
SIZE_PX = (1280, 720)
SCAN_TIMEOUT_S = 100.0  # the camera is opened for the first time
GREY = 70  # an empty counter


def before_camera(picture: Image.Image | None = None) -> None:
    """`picture`: None, nothing is there."""
    shown = Image.new("L", SIZE_PX, GREY) if picture is None else picture.resize(SIZE_PX)
    shown.save(PICTURES / "0.jpg")


def charged_by_camera(counter: Counter) -> str:
    """The order that charges the code. The amount is keyed again when there was no answer: the daemon is cold, and
    imports its HTTP client with its first request."""
    for _ in range(WARM_MAX):
        before = newest(counter)["order_no"]
        counter.dismiss()
        counter.press("3", "00", "ok")
        counter.wait(
            lambda last=before: _is_decided(counter, last), "the order of the code", SCAN_TIMEOUT_S
        )
        order = newest(counter)
        if order["mode"] == "cpm":
            return str(order["order_no"])
    raise Fault("the daemon does not reach its gateway")


def _is_decided(counter: Counter, before: str) -> bool:
    """Our code was closed for the customer's, or could not be had."""
    order = newest(counter)
    if order["order_no"] == before:
        return False
    if order["mode"] == "cpm":
        return True
    phase = counter.ask("order", order_no=order["order_no"])["order"]["phase"]
    return bool(phase == "declined" and counter.ask("status")["open"] == [])
