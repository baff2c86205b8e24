"""The customer's phone: what its code says, and the picture on its screen."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import segno
import zxingcpp
from numpy.typing import NDArray

if TYPE_CHECKING:
    from terminal.bench.scenes import Scene

Picture = NDArray[np.float32]
"""Brightness 0..1, gamma encoded unless said otherwise."""

QR_TEXTS = ("wechat", "alipay", "emv", "link", "emv_long", "link")
BAR_TEXTS = ("wechat", "alipay", "japan")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


# -- what the code says ---------------------------------------------------------------------------------


def payload(dice: np.random.Generator, kind: str, number: int) -> str:
    """The forms of real wallets in turn; empty for a scene without a code."""
    if kind == "none":
        return ""
    forms = QR_TEXTS if kind == "qr" else BAR_TEXTS
    match forms[number % len(forms)]:
        case "wechat":
            return f"{dice.integers(10, 16)}{_digits(dice, 16)}"
        case "alipay":
            return f"{dice.integers(25, 31)}{_digits(dice, 16)}"
        case "japan":
            return _digits(dice, 20)
        case "link":
            token = dice.integers(0, len(LETTERS), int(dice.integers(12, 90)))
            return "https://pay.example.com/c/" + "".join(LETTERS[place] for place in token)
        case form:
            return _emv(dice, long=form == "emv_long")


def _digits(dice: np.random.Generator, count: int) -> str:
    return "".join(str(digit) for digit in dice.integers(0, 10, count))


def _emv(dice: np.random.Generator, *, long: bool) -> str:
    """An EMV code in base64: 90 to 200 characters."""
    card = _tlv("4f", bytes.fromhex("a0000006") + dice.bytes(4)) + _tlv("57", dice.bytes(19))
    if dice.random() < 0.5:
        card += _tlv("5a", dice.bytes(8)) + _tlv("5f20", b"CARDHOLDER/EMV")
    common = b""
    if long:
        sizes = {"9f10": 32, "9f26": 8, "82": 2, "9f36": 2, "9f37": 4}
        card += b"".join(_tlv(tag, dice.bytes(size)) for tag, size in sizes.items())
        common = _tlv("62", _tlv("9f25", dice.bytes(2)) + _tlv("9f19", dice.bytes(6)))
    whole = _tlv("85", b"CPV01") + _tlv("61", card) + common
    return base64.b64encode(whole).decode()


def _tlv(tag: str, value: bytes) -> bytes:
    length = bytes([len(value)]) if len(value) < 128 else bytes([0x81, len(value)])
    return bytes.fromhex(tag) + length + value


# -- what the screen shows ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Screen:
    """The whole phone. `centre` and `half` of the code in px of the picture."""

    picture: Picture
    centre: tuple[float, float]
    half: tuple[float, float]


def screen(scene: Scene, dice: np.random.Generator, module: int) -> Screen:
    """A wallet's page; `module` in px of this picture."""
    shown, width, height = card(scene, module)
    rows, cols = shown.shape
    dark = scene.inverted or scene.dark_app
    paper = 0.06 if dark else float(dice.choice([0.95, 0.9, 0.5, 0.3]))
    pad = int(cols * 0.07)
    across = cols + 2 * pad
    down = int(max(across * 1.9, rows * 1.3))
    page = np.full((down, across), paper, np.float32)
    top = max(0, int(down * (0.46 if scene.kind == "qr" else 0.32)) - rows // 2)
    page[top : top + rows, pad : pad + cols] = shown
    _furnish(page, top, top + rows, paper)
    side = max(4, int(across * 0.035))
    edge = int(side * 1.6)
    picture = cv2.copyMakeBorder(page, edge, edge, side, side, cv2.BORDER_CONSTANT, value=(0.02,))
    centre = (pad + side + cols / 2, top + edge + rows / 2)
    return Screen(picture, centre, (width / 2, height / 2))  # type: ignore[arg-type]


def card(scene: Scene, module: int) -> tuple[Picture, int, int]:
    """The code on its card, and the code's own size in px."""
    ink, paper = (0.93, 0.07) if scene.inverted else (0.04, 0.97)
    if scene.kind == "qr":
        symbol, quiet, margin = _qr(scene), scene.quiet, round(scene.quiet * module)
        high = symbol.shape[0] * module
    else:
        symbol, quiet, margin = _code128(scene.text), scene.quiet * 2.5, 3 * module
        high = int(symbol.shape[1] * module * 0.26)
    wide = symbol.shape[1] * module
    left = round(quiet * module)
    card = np.full((high + 2 * margin, wide + 2 * left), paper, np.float32)
    drawn = cv2.resize(symbol, (wide, high), interpolation=cv2.INTER_NEAREST)
    card[margin : margin + high, left : left + wide] = np.where(drawn > 0, ink, paper)
    if scene.logo:
        _stamp_logo(card, int(wide * scene.logo), module, paper)
    return card, wide, high


def _qr(scene: Scene) -> NDArray[np.uint8]:
    made = segno.make(scene.text, error=scene.level, micro=False, boost_error=False)
    return np.array([[bool(dark) for dark in row] for row in made.matrix], np.uint8)


def _code128(text: str) -> NDArray[np.uint8]:
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
    bars = np.array(made.to_image(scale=1, add_quiet_zones=False))
    return (bars[:1] < 128).astype(np.uint8)


def _stamp_logo(card: Picture, side: int, module: int, paper: float) -> None:
    middle, half = card.shape[0] // 2, side // 2
    rim = half + module // 2
    card[middle - rim : middle + rim, middle - rim : middle + rim] = paper
    card[middle - half : middle + half, middle - half : middle + half] = 0.45
    cv2.circle(card, (middle, middle), max(2, side // 3), (0.8,), -1)


def _furnish(page: Picture, top: int, bottom: int, paper: float) -> None:
    """Words and buttons of the app round its code."""
    down, across = page.shape
    ink = 0.85 if paper < 0.4 else 0.15
    line = max(8, across // 16)
    write(page, "Pay", across * 0.07, line * 2.2, line * 1.3, ink)
    write(page, "9:41", across * 0.05, line * 0.9, line * 0.6, ink)
    above = max(line * 3.6, top - line * 0.6) if top > line * 4 else line * 3.4
    write(page, "Show to merchant", across * 0.12, above, line * 0.8, ink)
    for place, words in enumerate(("Balance  ****", "Bank card 4321", "Refresh")):
        y = bottom + int(line * (1.6 + place * 2.2))
        if y + line < down:
            corner = int(across * 0.92), y + int(line * 1.5)
            cv2.rectangle(page, (int(across * 0.08), y), corner, (paper * 0.85 + 0.05,), -1)
            write(page, words, across * 0.12, y + line, line * 0.75, ink)


def write(picture: Picture, words: str, x: float, y: float, height: float, ink: float) -> None:
    """Words in the picture, their base line beginning at x, y; what is outside is cut off."""
    wide, high = int(len(words) * height) + 4, int(height * 2)
    mask = np.zeros((high, wide), np.uint8)
    base = int(high * 0.7)
    cv2.putText(mask, words, (0, base), cv2.FONT_HERSHEY_SIMPLEX, height / 22, (255,), 2)
    left, top = int(x), int(y) - base
    rows, cols = picture.shape
    window = picture[max(0, top) : max(0, top + high), max(0, left) : max(0, left + wide)]
    cut = mask[max(0, -top) :, max(0, -left) :][: window.shape[0], : window.shape[1]]
    if window.size and cut.shape == window.shape and left < cols and top < rows:
        window += (ink - window) * (cut.astype(np.float32) / 255)
