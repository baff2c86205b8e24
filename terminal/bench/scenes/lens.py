"""The camera: a scene becomes a gray frame. All in linear light until the sensor."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.bench.scenes import COLS, ROWS, Gray, Scene
from terminal.bench.scenes.counter import counter
from terminal.bench.scenes.phone import Picture, Screen, screen

FOCAL_PX = 985.0
GAMMA = 2.2
SUPER = 2  # the phone is drawn at this many px for one, then reduced
FULL_WELL = 5000.0  # electrons at gain 1
READ_NOISE = 4.4  # electrons


def photograph(scene: Scene) -> Gray:
    """The frame, uint8 (ROWS, COLS). The same scene is always the same frame."""
    dice = np.random.default_rng(scene.seed)
    light = counter(dice) ** GAMMA * (scene.room * 1.6)
    corners = None
    if scene.kind != "none":
        light, corners = _with_phone(light, scene, dice)
    for kernel in _blurs(scene, dice.uniform(0, math.pi)):
        light = cv2.filter2D(light, -1, kernel, borderType=cv2.BORDER_REPLICATE)  # type: ignore[assignment]
    light = _veiled(light, scene.bloom)
    if scene.glare and corners is not None:
        light = light + _spots(scene.glare, corners, dice)
    return _exposed(light, scene, dice)


# -- the phone in the frame -----------------------------------------------------------------------------


def _with_phone(
    light: Picture, scene: Scene, dice: np.random.Generator
) -> tuple[Picture, NDArray[np.float64]]:
    """The light with the phone in it, and the code's corners in the frame."""
    module = int(np.clip(round(scene.module * 3.2), 6, 16))
    shown = screen(scene, dice, module)
    seen = _homography(scene, shown, scene.module / module, dice)
    glow = shown.picture**GAMMA * scene.screen
    if scene.thumb:
        _put_thumb(glow, scene, shown, dice)
    glow, mask = _warped(glow, seen), _warped(np.ones_like(glow), seen)
    if scene.moire:
        glow = glow * (1 + scene.moire * 0.5 * _waves(dice))
    if scene.bands:
        glow = glow * (1 - scene.bands * _stripes(dice))
    if scene.reflect:
        room = counter(dice) ** GAMMA * 1.2 + 0.25
        glow = glow + mask * cv2.GaussianBlur(room, (0, 0), 3) * scene.reflect
    (x, y), (across, down) = shown.centre, shown.half
    corners = np.array(
        [
            [x - across, y - down],
            [x + across, y - down],
            [x + across, y + down],
            [x - across, y + down],
        ]
    )
    return light * (1 - mask) + glow, cv2.perspectiveTransform(corners[None], seen)[0]


def _homography(
    scene: Scene, shown: Screen, scale: float, dice: np.random.Generator
) -> NDArray[np.float64]:
    """From px of the phone's picture to px of the frame: turned, tilted, somewhere in view."""
    roll, tilt, axis = (
        math.radians(scene.roll),
        math.radians(scene.tilt),
        dice.uniform(0, 2 * math.pi),
    )
    cos, sin = math.cos(roll), math.sin(roll)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    across = np.array(
        [[0, 0, math.sin(axis)], [0, 0, -math.cos(axis)], [-math.sin(axis), math.cos(axis), 0]]
    )
    turn = (np.eye(3) + math.sin(tilt) * across + (1 - math.cos(tilt)) * across @ across) @ turn
    wide = (abs(cos) * shown.half[0] + abs(sin) * shown.half[1]) * scale
    high = (abs(sin) * shown.half[0] + abs(cos) * shown.half[1]) * scale
    x = dice.uniform(-1, 1) * min(260, max(0, COLS / 2 - wide - 12 - abs(scene.dx))) + scene.dx
    y = dice.uniform(-1, 1) * min(130, max(0, ROWS / 2 - high - 12 - abs(scene.dy))) + scene.dy
    centre_x, centre_y = shown.centre
    flat = np.array(
        [[scale, 0, -centre_x * scale], [0, scale, -centre_y * scale], [0, 0, 0], [0, 0, 1]]
    )
    placed = np.hstack([turn, [[0], [0], [FOCAL_PX]]])
    lens = np.array([[FOCAL_PX, 0, COLS / 2 + x], [0, FOCAL_PX, ROWS / 2 + y], [0, 0, 1]])
    seen: NDArray[np.float64] = lens @ placed @ flat
    return seen


def _warped(picture: Picture, seen: NDArray[np.float64]) -> Picture:
    middle = SUPER / 2 - 0.5
    finer = np.array([[SUPER, 0, middle], [0, SUPER, middle], [0, 0, 1]]) @ seen
    large = cv2.warpPerspective(picture, finer, (COLS * SUPER, ROWS * SUPER))
    small: Picture = cv2.resize(large, (COLS, ROWS), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return small


def _put_thumb(glow: Picture, scene: Scene, shown: Screen, dice: np.random.Generator) -> None:
    """Over one side of the code, mostly beside its finder corners."""
    (x, y), (wide, high) = shown.centre, shown.half
    radius = math.sqrt(scene.thumb * 8 * wide * high / math.pi)
    places = (
        (x + wide, y + dice.uniform(-0.2, 0.9) * high * 0.4),
        (x - wide, y + dice.uniform(0.0, 0.3) * high),
        (x + dice.uniform(-0.3, 0.3) * wide, y - high),
        (x + dice.uniform(-0.2, 0.2) * wide, y + high),
    )
    at_x, at_y = places[int(dice.integers(0, 4))]
    axes = max(1, int(radius * 0.95)), max(1, int(radius * 1.05))
    skin = (0.22 * scene.room + 0.02,)
    cv2.ellipse(glow, (int(at_x), int(at_y)), axes, 0, 0, 360, skin, -1)


def _waves(dice: np.random.Generator) -> Picture:
    """Moire: two waves across the frame, -2..2."""
    down, across = np.mgrid[0:ROWS, 0:COLS].astype(np.float32)
    waves = np.zeros((ROWS, COLS), np.float32)
    for _ in range(2):
        angle, step, phase = dice.uniform(0, math.pi), dice.uniform(4, 16), dice.uniform(0, 6.3)
        along = across * math.cos(angle) + down * math.sin(angle)
        waves += np.cos(2 * math.pi * along / step + phase)
    return waves


def _stripes(dice: np.random.Generator) -> Picture:
    """Dark bands of a dimmed screen under a rolling shutter, 0..1 down the frame."""
    step, phase = dice.uniform(35, 140), dice.uniform(0, 6.3)
    rows = np.arange(ROWS, dtype=np.float32)
    stripes: Picture = 1 / (1 + np.exp(-14 * np.sin(2 * math.pi * rows / step + phase)))
    return stripes[:, None]


# -- lens and sensor ------------------------------------------------------------------------------------


def _blurs(scene: Scene, angle: float) -> Iterator[Picture]:
    if scene.defocus > 0.15:
        reach = math.ceil(scene.defocus) + 1
        down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        disc = np.clip(scene.defocus + 0.5 - np.hypot(across, down), 0, 1).astype(np.float32)
        yield disc / disc.sum()
    if scene.motion >= 0.5:
        yield _streak(scene.motion, angle)


def _streak(length: float, angle: float) -> Picture:
    """Motion in a straight line during the exposure."""
    reach = math.ceil(length / 2) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for along in np.linspace(-length / 2, length / 2, max(9, int(length * 6))):
        x, y = reach + along * math.cos(angle), reach + along * math.sin(angle)
        left, top = int(x), int(y)
        right, low = x - left, y - top
        kernel[top, left] += (1 - right) * (1 - low)
        kernel[top, left + 1] += right * (1 - low)
        kernel[top + 1, left] += (1 - right) * low
        kernel[top + 1, left + 1] += right * low
    streak: Picture = kernel / kernel.sum()
    return streak


def _veiled(light: Picture, bloom: float) -> Picture:
    """Light that the lens scatters over its surroundings."""
    if not bloom:
        return light
    small = cv2.resize(np.minimum(light, 4), (COLS // 8, ROWS // 8), interpolation=cv2.INTER_AREA)
    veil = 0.6 * cv2.GaussianBlur(small, (0, 0), 2) + 0.4 * cv2.GaussianBlur(small, (0, 0), 10)
    return light + bloom * cv2.resize(veil, (COLS, ROWS))


def _spots(share: float, corners: NDArray[np.float64], dice: np.random.Generator) -> Picture:
    """One or two lamps mirrored in the glass over the code."""
    count = int(dice.integers(1, 3))
    area = share * cv2.contourArea(corners.astype(np.float32))
    down, across = np.mgrid[0:ROWS, 0:COLS].astype(np.float32)
    light = np.zeros((ROWS, COLS), np.float32)
    for _ in range(count):
        radius, stretch = math.sqrt(area / count / math.pi), dice.uniform(0.6, 1.6)
        u, v = dice.uniform(-0.3, 0.3, 2)
        x, y = corners.mean(0) + (corners[1] - corners[0]) * u + (corners[3] - corners[0]) * v
        away = np.hypot((across - x) / (radius * stretch), (down - y) / (radius / stretch))
        light += 3.0 / (1 + np.exp(np.minimum((away - 1) * 9, 60)))
    return light


def _exposed(light: Picture, scene: Scene, dice: np.random.Generator) -> Gray:
    """Shot and read noise at the gain, clipped, gamma encoded, and through JPEG if the scene says so."""
    if scene.frame >= 0:
        dice = np.random.default_rng(scene.seed + 1 + scene.frame)
    well = FULL_WELL / scene.gain
    electrons = np.maximum(light * scene.exposure, 0) * well
    noise = dice.standard_normal(electrons.shape).astype(np.float32)
    electrons = electrons + noise * np.sqrt(electrons + READ_NOISE**2)
    gray: Gray = (np.clip(electrons / well, 0, 1) ** (1 / GAMMA) * 255 + 0.5).astype(np.uint8)
    if scene.jpeg:
        _, packed = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, scene.jpeg])
        gray = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return gray
