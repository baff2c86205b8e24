"""Cameras. The USB one reads a film in the place of /dev/video0; of the Pi's own, what can be run without
libcamera is here, the rest is the rig's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import segno

from terminal.devices import keeper
from terminal.devices.camera import picamera2, v4l2
from terminal.eye import read_codes

PATIENCE_S = 30.0
TEXT = "281234567890123456"
Until = Callable[[Callable[[], object]], None]


def code_picture(rows: int = 480, cols: int = 640) -> np.ndarray:
    matrix = np.array(
        [list(row) for row in segno.make(TEXT, micro=False).matrix_iter(scale=8, border=4)]
    )
    picture = np.full((rows, cols), 200, np.uint8)
    lit = np.where(matrix, 0, 255).astype(np.uint8)
    picture[40 : 40 + lit.shape[0], 60 : 60 + lit.shape[1]] = lit
    return picture


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Frames of a code, as MJPEG in a file."""
    path = tmp_path / "video0.avi"
    picture = cv2.cvtColor(code_picture(), cv2.COLOR_GRAY2BGR)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (640, 480))
    for _ in range(300):
        writer.write(picture)
    writer.release()
    return path


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BACKOFF_FIRST_S", "BACKOFF_MAX_S"):
        monkeypatch.setattr(keeper, name, 0.01)


@pytest.fixture
def camera(film: Path) -> Iterator[v4l2.Device]:
    device = v4l2.Device(v4l2.Settings(str(film)))
    yield device
    device.close()


def test_frames_come_gray_while_they_are_wanted_and_are_read(camera: v4l2.Device) -> None:
    assert camera.next_frame(0.05) is None, "not wanted yet"
    camera.start()
    frame = camera.next_frame(PATIENCE_S)
    assert frame is not None
    assert (frame.shape, frame.dtype) == ((480, 640), np.uint8)
    assert [code.text for code in read_codes(frame)] == [TEXT]
    camera.stop()
    assert camera.next_frame(0.05) is None


def open_files(path: Path) -> int:
    return sum(os.path.realpath(link) == str(path) for link in Path("/proc/self/fd").iterdir())


def test_a_camera_that_is_not_wanted_is_closed(
    camera: v4l2.Device, film: Path, until: Until
) -> None:
    camera.start()
    assert camera.next_frame(PATIENCE_S) is not None
    assert open_files(film)
    camera.stop()
    until(lambda: not open_files(film))


def test_pulled_out_and_plugged_in_again(
    camera: v4l2.Device, film: Path, until: Until, tmp_path: Path
) -> None:
    camera.start()
    assert camera.next_frame(PATIENCE_S) is not None
    film.rename(tmp_path / "away.avi")
    until(lambda: camera.lost is not None and "no camera" in camera.lost)
    assert str(film) in str(camera.lost) and "/dev/v4l/by-id" in str(camera.lost)
    (tmp_path / "away.avi").rename(film)
    until(lambda: camera.lost is None)
    assert camera.next_frame(PATIENCE_S) is not None


def test_what_is_no_camera_is_said(tmp_path: Path, until: Until) -> None:
    (tmp_path / "video0").write_text("hello")
    device = v4l2.Device(v4l2.Settings(str(tmp_path / "video0")))
    device.start()
    until(
        lambda: (
            device.lost
            == f"{tmp_path}/video0 is no camera. Correct `path` in the hardware profile."
        )
    )
    device.stop()
    assert device.lost is None, "nobody wants it"
    device.close()


def test_a_camera_that_stalls_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    """A FIFO that nobody writes to holds OpenCV up as a stalled camera does."""
    monkeypatch.setattr(v4l2, "STALLS_S", 0.05)
    os.mkfifo(tmp_path / "video0.avi")
    writer = os.open(tmp_path / "video0.avi", os.O_RDWR)
    device = v4l2.Device(v4l2.Settings(str(tmp_path / "video0.avi")))
    device.start()
    until(lambda: "sends no pictures" in str(device.lost))
    assert device.next_frame(0.01) is None, "and the scanner is not held up"
    device.stop()
    os.close(writer)  # OpenCV sees the end
    device.close()


@pytest.mark.parametrize("kind", ["mjpeg", "yuyv", "gray", "bgr"])
def test_no_colours_are_made_of_what_a_camera_sends(kind: str) -> None:
    gray = code_picture()
    sent = {
        "mjpeg": cv2.imencode(".jpg", cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))[1].reshape(1, -1),
        "yuyv": np.dstack([gray, np.full_like(gray, 128)]),
        "gray": gray,
        "bgr": cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR),
    }[kind]
    seen = v4l2.luma(cv2, sent)
    assert seen.shape == gray.shape
    assert np.abs(seen.astype(int) - gray).mean() < 3
    assert [code.text for code in read_codes(seen)] == [TEXT]


def test_half_a_jpeg_is_no_frame() -> None:
    half = cv2.imencode(".jpg", code_picture())[1].reshape(1, -1)[:, :50]
    assert v4l2.luma(cv2, half) is None


# -- the Pi's own ----------------------------------------------------------------------------------------


def test_without_picamera2_the_remedy_is_said() -> None:
    device = picamera2.Device(picamera2.Settings())
    device.start()
    assert "apt install python3-picamera2" in str(device.lost)
    begun_s = time.monotonic()
    assert device.next_frame(0.05) is None
    assert time.monotonic() - begun_s < PATIENCE_S
    device.stop()
    assert device.lost is None
    device.close()


def test_a_phone_is_near_bright_and_moving() -> None:
    controls = picamera2.Settings(fps=50, focus_cm=10, exposure_ms=4).controls()
    assert controls["FrameDurationLimits"] == (20_000, 20_000)
    assert (controls["AfMode"], controls["LensPosition"]) == (0, 10.0), "10 dioptres are 10 cm"
    assert (controls["AeEnable"], controls["ExposureTime"]) == (False, 4_000)
    assert "LensPosition" not in picamera2.Settings(focus_cm=0).controls()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (RuntimeError("Camera __init__ sequence did not complete."), "used by another program"),
        (RuntimeError("No camera number 1 found"), "rpicam-hello --list-cameras"),
        (IndexError("list index out of range"), "There is no camera 1"),
        (PermissionError("no"), "group video"),
        (RuntimeError("what"), "Check its ribbon cable"),
    ],
)
def test_every_fault_has_its_remedy(fault: Exception, words: str) -> None:
    assert words in picamera2.explain(1, fault)


@pytest.mark.parametrize(
    ("kind", "wrong", "words"),
    [
        (picamera2.Settings, {"width_px": 1290}, "multiple of 64"),
        (picamera2.Settings, {"lamp_pin": 40}, "no GPIO40"),
        (picamera2.Settings, {"fps": 0}, "fps is 1 to 120"),
        (v4l2.Settings, {"path": "0"}, "/dev/v4l/by-id"),
        (v4l2.Settings, {"path": "/dev/video0", "width_px": 1}, "width_px is 160"),
    ],
)
def test_settings_that_cannot_be(kind: type, wrong: dict[str, object], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(wrong, kind)
