"""The customer's phone. It is honest: to pay our code it must read it off the display's own frame, with a decoder
that is not among those the terminal ships (OpenCV's, where the camera uses zxing-cpp and pyzbar); to be scanned
it shows a real code that a real reader must read.
"""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from terminal.core.terms import Fault

if TYPE_CHECKING:
    from PIL.Image import Image

    from terminal.bench.stall import Stall

CAMERA_SIZE_PX = (640, 480)
MODULE_PX = 7
LOOK_SCALES = (2, 1, 4)  # a small panel is looked at from nearer


def read_screen(frame: Image) -> str | None:
    """The text of the QR on this picture, read with OpenCV; None when there is none to read.

    Two of OpenCV's detectors: the older one stumbled over 8 of 1,500 clean codes here, the newer over none."""
    import cv2
    import numpy as np

    gray = frame.convert("L")
    for scale in LOOK_SCALES:
        near = np.asarray(gray.resize((gray.width * scale, gray.height * scale)))
        for detector in (cv2.QRCodeDetectorAruco(), cv2.QRCodeDetector()):
            text, _points, _straight = detector.detectAndDecode(near)
            if text:
                return str(text)
    return None


def code_on_screen(code: str) -> Image:
    """The code as the phone's own screen shows it."""
    import io

    import segno
    from PIL import Image

    buffer = io.BytesIO()
    segno.make_qr(code, error="m").save(buffer, kind="png", scale=MODULE_PX, border=4)
    return Image.open(buffer).convert("L")


def picture_of(code: str, *, seed: int | None = None) -> Image:
    """What a camera sees of a phone that shows `code`: tilted, not quite sharp, a little noisy."""
    from PIL import Image, ImageFilter

    chance = random.Random(seed)
    shown = code_on_screen(code)
    scene = Image.new("L", CAMERA_SIZE_PX, 70)
    bicubic = Image.Resampling.BICUBIC
    tilted = shown.rotate(chance.uniform(-12, 12), expand=True, fillcolor=70, resample=bicubic)
    left_px, top_px = (
        max(0, round((whole - part) * chance.uniform(0.2, 0.8)))
        for whole, part in zip(CAMERA_SIZE_PX, tilted.size, strict=True)
    )
    scene.paste(tilted, (left_px, top_px))
    noise = Image.effect_noise(CAMERA_SIZE_PX, 14)
    return Image.blend(scene.filter(ImageFilter.GaussianBlur(0.8)), noise, 0.12)


class Phone:
    """One customer at one stall."""

    def __init__(self, stall: Stall) -> None:
        self.stall = stall
        self.code: str | None = None

    def look(self) -> dict[str, Any]:
        """Read the display and say what would be paid. Fault when there is no code to read."""
        payload = self.payload()
        if payload is None:
            raise Fault("The phone sees no code on the display.")
        return self.scan(payload)

    def sees(self) -> dict[str, Any]:
        """What would be paid by our code, once it is on the display. The last sale's may still be there for a
        moment: whoever scans that hears that it has ended, and looks again."""
        found: dict[str, Any] = {}

        def seen() -> bool:
            payload = self.payload() if self.stall.bright else None
            with suppress(Fault):
                found.update(self.scan(payload) if payload else {})
            return bool(found)

        self.stall.wait(seen, "our code on the display")
        return found

    def scan(self, payload: str) -> dict[str, Any]:
        """What would be paid by this code."""
        return self.stall.tell_sandbox("wallet/scan", qr=payload, wallet="Alipay+")

    def payload(self) -> str | None:
        frame = self.stall.frame
        return read_screen(frame) if frame is not None else None

    def pay(self, order_no: str) -> dict[str, Any]:
        return self.stall.tell_sandbox("wallet/pay", order_no=order_no, wallet="Alipay+")

    def decline(self, order_no: str) -> dict[str, Any]:
        return self.stall.tell_sandbox("wallet/decline", order_no=order_no)

    def open_code(self, wallet: str = "Alipay+", behaviour: str = "pays") -> str:
        """A fresh one-time code of this wallet."""
        said = self.stall.tell_sandbox("wallet/code", wallet=wallet, behaviour=behaviour)
        self.code = str(said["code"])
        return self.code

    def confirm(self) -> dict[str, Any]:
        """The customer types the PIN for what was charged on the shown code."""
        return self.stall.tell_sandbox("wallet/confirm", code=self.code)

    def show_to_camera(self) -> None:
        self.stall.show_to_camera(picture_of(self._shown()))

    def show_to_scanner(self) -> None:
        self.stall.scan_serial(self._shown())

    def _shown(self) -> str:
        if self.code is None:
            raise Fault("The phone shows no code yet.")
        return self.code
