"""The eye and its peers, each from a gray picture to texts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray
from pyzbar.pyzbar import ZBarSymbol
from pyzbar.pyzbar import decode as pyzbar

from sight.truth import tell
from terminal.eye import read_codes

Gray: TypeAlias = NDArray[np.uint8]
Reader: TypeAlias = Callable[[Gray], list[str]]


def ours(gray: Gray) -> list[str]:
    return [code.text for code in read_codes(gray)]


def zxing(gray: Gray) -> list[str]:
    kinds = zxingcpp.BarcodeFormat
    found = zxingcpp.read_barcodes(
        gray,
        formats=zxingcpp.BarcodeFormats([kinds.QRCode, kinds.Code128]),
        text_mode=zxingcpp.TextMode.Plain,
    )
    return [barcode.text for barcode in found]


def zbar(gray: Gray) -> list[str]:
    rows, cols = gray.shape
    symbols = [ZBarSymbol.QRCODE, ZBarSymbol.CODE128]
    found = pyzbar((gray.tobytes(), cols, rows), symbols=symbols)
    return [symbol.data.decode("utf-8", "replace") for symbol in found]


def turned(gray: Gray) -> Gray:
    rows, cols = gray.shape
    side = int((rows + cols) * 0.71)
    turn = cv2.getRotationMatrix2D((cols / 2, rows / 2), 45, 1)
    turn[:, 2] += (side - cols) / 2, (side - rows) / 2
    return cv2.warpAffine(gray, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)


CASCADE: tuple[Callable[[Gray], Gray], ...] = (
    lambda gray: gray,
    lambda gray: cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    lambda gray: 255 - gray,
    lambda gray: cv2.createCLAHE(3.0, (8, 8)).apply(gray),
    lambda gray: cv2.adaptiveThreshold(gray, 255, 0, cv2.THRESH_BINARY, 51, 5),
    lambda gray: cv2.addWeighted(gray, 2.5, cv2.GaussianBlur(gray, (0, 0), 2), -1.5, 0),
    lambda gray: cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    turned,
)


def cascade(gray: Gray) -> list[str]:
    if min(gray.shape) < 2:
        return []
    return next((found for change in CASCADE if (found := zbar(change(gray)))), [])


PEERS: dict[str, Reader] = {"pyzbar": zbar, "pyzbar_cascade": cascade, "zxing_cpp": zxing}


def add_wechat(folder: Path | None) -> None:
    """WeChat's reader, where this OpenCV has it; its models lie in a folder, or it does without."""
    make = getattr(cv2, "wechat_qrcode_WeChatQRCode", None)
    if make is None:
        tell("wechat", 0, "not in this OpenCV")
        return
    parts = ("detect.prototxt", "detect.caffemodel", "sr.prototxt", "sr.caffemodel")
    reader = make(*(str(folder / part) for part in parts)) if folder else make()
    PEERS["wechat"] = lambda gray: [text for text in reader.detectAndDecode(gray)[0] if text]


def timed(reader: Callable[[Gray], object], gray: Gray) -> tuple[list[str], float]:
    began = time.process_time()
    found = reader(gray)
    return found, (time.process_time() - began) * 1000  # type: ignore[return-value]
