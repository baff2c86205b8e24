"""The camera scanner with real pictures of real codes, over the cable and from a roll of film."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import segno
from numpy.typing import NDArray
from PIL import Image

from terminal.devices.cable import Plug, plug
from terminal.devices.camera import emulated
from terminal.devices.scanner.camera import Device, Settings

PATIENCE_S = 30.0
WALLET, OTHER = "134567890123456789", "281234567890123456"
Gray = NDArray[np.uint8]
Until = Callable[[Callable[[], object]], None]
Codes = queue.Queue[bytes]


def picture(text: str, turn: float = 0, noise: float = 0, scale: int = 5) -> Gray:
    """A frame of 360 x 640 with a QR code on a white card."""
    rows = [bytes(255 * (not dark) for dark in row) for row in segno.make(text, micro=False).matrix]
    code = Image.frombytes("L", (len(rows[0]), len(rows)), b"".join(rows))
    code = code.resize((code.width * scale, code.height * scale), Image.Resampling.NEAREST)
    card = Image.new("L", (code.width + 60, code.height + 60), 235)
    card.paste(code, (30, 30))
    card = card.rotate(turn, Image.Resampling.BICUBIC, expand=True, fillcolor=90)
    frame = Image.new("L", (640, 360), 90)
    frame.paste(card, ((640 - card.width) // 2, (360 - card.height) // 2))
    grain = np.random.default_rng(1).normal(0, noise, (360, 640))
    return np.clip(np.asarray(frame) + grain, 0, 255).astype(np.uint8)


def message(frame: Gray) -> bytes:
    rows, cols = frame.shape
    return emulated.pack(rows, cols, frame.tobytes())


@pytest.fixture
def codes() -> Codes:
    return queue.Queue()


# -- over the cable: camera, eye and scanner as on the bench --------------------------------------------


@pytest.fixture
def camera(run: Path) -> Iterator[emulated.Device]:
    camera = emulated.Device(emulated.Settings(socket=str(run / "c.sock")))
    yield camera
    camera.close()


@pytest.fixture
def page(camera: emulated.Device, run: Path) -> Iterator[Plug]:
    with plug(run / "c.sock") as page:
        yield page


@pytest.fixture
def scanner(camera: emulated.Device, codes: Codes) -> Iterator[Device]:
    scanner = Device(Settings(), camera)
    scanner.listen(codes.put)
    yield scanner
    scanner.close()


def turned(page: Plug, to: bytes) -> None:
    """Wait until the camera says that it is on or off."""
    while (said := page.receive(PATIENCE_S)) != to:
        assert said is not None, f"the camera was never {to!r}"


@pytest.mark.parametrize(("turn", "noise"), [(0, 0), (30, 0), (90, 20), (200, 20)])
def test_a_code_before_the_camera_is_delivered(
    scanner: Device, page: Plug, codes: Codes, turn: float, noise: float
) -> None:
    scanner.arm(True)
    turned(page, b"on")
    page.send(message(picture(WALLET, turn, noise)))
    assert codes.get(timeout=PATIENCE_S) == WALLET.encode()
    assert scanner.lost is None


def test_text_that_is_not_ascii_comes_as_utf_8(scanner: Device, page: Plug, codes: Codes) -> None:
    scanner.arm(True)
    turned(page, b"on")
    page.send(message(picture("Grüße 你好")))
    assert codes.get(timeout=PATIENCE_S) == "Grüße 你好".encode()


def test_the_camera_runs_only_while_a_code_is_awaited(scanner: Device, page: Plug) -> None:
    for _ in range(3):
        scanner.arm(True)
        turned(page, b"on")
        scanner.arm(False)
        turned(page, b"off")


def test_nothing_shown_while_disarmed_is_delivered(
    scanner: Device, page: Plug, codes: Codes, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        turned(page, b"off")
        caplog.clear()
        page.send(message(picture(OTHER)))
        page.send(b"no frame")
        until(lambda: "is no frame" in caplog.text)  # so the picture before it has come
        scanner.arm(True)
        turned(page, b"on")
        scanner.arm(False)
    turned(page, b"off")
    scanner.arm(True)
    turned(page, b"on")
    page.send(message(picture(WALLET)))
    assert codes.get(timeout=PATIENCE_S) == WALLET.encode()
    assert codes.empty()


def test_a_frame_that_is_none_is_dropped(scanner: Device, page: Plug, codes: Codes) -> None:
    scanner.arm(True)
    turned(page, b"on")
    for bad in (b"", b"\0\1", emulated.pack(0, 0, b""), emulated.pack(9, 9, b"x" * 80)):
        page.send(bad)
    page.send(message(picture(WALLET)))
    assert codes.get(timeout=PATIENCE_S) == WALLET.encode()


def test_a_page_may_go_and_another_come(
    scanner: Device, camera: emulated.Device, run: Path, codes: Codes
) -> None:
    scanner.arm(True)
    for text in (WALLET, OTHER):
        with plug(run / "c.sock") as page:
            turned(page, b"on")
            page.send(message(picture(text)))
            assert codes.get(timeout=PATIENCE_S) == text.encode()


def test_closing_the_scanner_stops_the_camera(
    camera: emulated.Device, page: Plug, codes: Codes
) -> None:
    scanner = Device(Settings(), camera)
    scanner.listen(codes.put)
    scanner.arm(True)
    turned(page, b"on")
    scanner.close()
    turned(page, b"off")
    scanner.arm(False)


def test_closing_a_scanner_that_never_listened(camera: emulated.Device) -> None:
    Device(Settings(), camera).close()


def test_the_newest_frame_wins(
    camera: emulated.Device, page: Plug, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    camera.start()
    turned(page, b"on")
    page.send(emulated.pack(1, 3, b"old"))
    page.send(emulated.pack(1, 3, b"new"))
    page.send(b"no frame")
    until(lambda: "is no frame" in caplog.text)  # so the two before it are in
    assert bytes(camera.next_frame(0.0) or b"") == b"new"
    assert camera.next_frame(0.0) is None
    camera.stop()


def test_a_camera_that_is_off_takes_no_picture(
    camera: emulated.Device, page: Plug, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    page.send(emulated.pack(1, 3, b"abc"))
    page.send(b"no frame")
    until(lambda: "is no frame" in caplog.text)
    assert camera.next_frame(0.0) is None


def test_a_frame_is_a_view_of_rows_and_cols() -> None:
    frame = emulated.unpack(emulated.pack(2, 3, b"abcdef"))
    assert frame is not None
    assert frame.shape == (2, 3)
    assert frame[1, 0] == ord("d")


# -- from a roll of film: every frame is looked at, one by one ------------------------------------------


class Film:
    """A camera with a roll of pictures; `over` is set when the scanner asks for one more."""

    lost: str | None = None

    def __init__(self, *frames: Gray) -> None:
        self._frames = list(frames)
        self.over = threading.Event()

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...

    def next_frame(self, timeout_s: float) -> Gray | None:
        if self._frames:
            return self._frames.pop(0)
        self.over.set()
        threading.Event().wait(timeout_s)
        return None


def developed(*frames: Gray, **options: int) -> list[bytes]:
    """What a scanner delivers from these frames."""
    film = Film(*frames)
    codes: list[bytes] = []
    scanner = Device(msgspec.convert(options, type=Settings), film)
    scanner.listen(codes.append)
    scanner.arm(True)
    assert film.over.wait(PATIENCE_S)
    scanner.close()
    return codes


def test_a_phone_held_still_is_one_code() -> None:
    """F14."""
    same = picture(WALLET)
    assert developed(*[same] * 20, repeat_ms=3_600_000) == [WALLET.encode()]


def test_when_the_window_is_over_the_code_is_delivered_again() -> None:
    same = picture(WALLET)
    assert developed(same, same, repeat_ms=0) == [WALLET.encode()] * 2


def test_another_code_is_delivered_at_once() -> None:
    assert developed(picture(WALLET), picture(OTHER)) == [WALLET.encode(), OTHER.encode()]


def test_two_codes_in_one_frame_are_none() -> None:
    both = np.concatenate([picture(WALLET), picture(OTHER)])
    assert developed(both, picture(WALLET)) == [WALLET.encode()]


def test_a_camera_that_is_lost_is_a_scanner_that_is_lost() -> None:
    film = Film()
    film.lost = "There is no camera."
    assert Device(Settings(), film).lost == "There is no camera."


def test_without_the_libraries_the_words_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setitem(sys.modules, "zxingcpp", None)
    scanner = Device(Settings(), Film())
    scanner.listen(print)
    assert scanner.lost is None, "nothing is loaded before the first arming"
    scanner.arm(True)
    until(lambda: scanner.lost)
    assert "counter-terminal[camera]" in str(scanner.lost)
    scanner.arm(False)
    scanner.arm(True)
    scanner.close()


@pytest.mark.parametrize("wrong", [{"budget_ms": 0}, {"repeat_ms": -1}, {"budget_ms": "1"}])
def test_a_wrong_setting_is_refused_with_the_profile(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, type=Settings)
