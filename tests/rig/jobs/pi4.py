"""hardware/pi4-lcd-camera.toml as it is shipped: an LCD on SPI, a pad, a buzzer with lights and a lamp on pins, the
Pi's camera. The daemon runs where the real libcamera and picamera2 are (camera/build), under that system's own
Python, and the customer's phone is held before libcamera's `virtual` camera.

    pi4 ROOT    the folder that camera/build made
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from terminal.bench.phone import Phone, picture_of
from tests.rig import report
from tests.rig.counter import HARDWARE, Counter, open_counter
from tests.rig.pictures import PICTURES, before_camera, charged_by_camera
from tests.rig.sales import paid, unit_sells

PROJECT = Path(__file__).parents[3]
PYTHON = "/opt/terminal/bin/python"
CAMERA = "libcamera virtual camera, /dev/dma_heap"
WHOLE = ("all of its own", "/dev/spidev0.0, /dev/gpiochip0, libcamera")


class InRoot(Counter):
    """The daemon alone lives in the camera's root folder."""

    root = Path("/")

    def _spawn(self, *words: str) -> subprocess.Popen[str]:
        if words[0] != "run":
            return super()._spawn(*words)
        log = (self.state / "run.log").open("a", encoding="utf-8")
        return subprocess.Popen(
            command(self.root, "-m", "terminal", *words), stdout=log, stderr=log, text=True
        )


def command(root: Path, *words: str) -> list[str]:
    told = (
        "HOME=/run",
        "PYTHONPATH=/srv/terminal",
        "PYTHONDONTWRITEBYTECODE=1",
        "LIBCAMERA_LOG_LEVELS=*:WARN",
    )
    return ["chroot", str(root), "/usr/bin/env", *told, PYTHON, *words]


def furnish(root: Path) -> None:
    """The guest's devices, the project and the pictures, seen from the root folder."""
    PICTURES.mkdir()
    for place in ("dev", "proc", "sys", "run"):
        mount("--rbind", f"/{place}", root / place)
    mount("--bind", str(PROJECT), root / "srv" / "terminal")
    mount("--bind", str(PICTURES), root / "srv" / "pictures")
    Path("/dev/dma_heap/linux,cma").symlink_to("system")  # a Pi's name for it


def mount(how: str, what: str, where: Path) -> None:
    subprocess.run(["mount", how, what, str(where)], check=True)


def main(root: Path) -> None:
    furnish(root)
    InRoot.root = root
    if not Path("/dev/spi-bench").exists():
        report.lacking("pi4-lcd-camera.toml", *WHOLE, "SPI")
        waiting(root)
        report.done()
        return
    before_camera()
    with open_counter(HARDWARE / "pi4-lcd-camera.toml", of=InRoot) as counter:
        phone = Phone(counter)
        sale_by_display(counter, phone)
        counter.kill_daemon()  # libcamera reads its pictures when the camera is first opened
        before_camera(picture_of(phone.open_code(), seed=1))
        counter.start_daemon()
        sale_by_camera(counter)
        counter.kill_daemon()  # the camera is ours now
        waiting(root)


def sale_by_display(counter: Counter, phone: Phone) -> None:
    with report.row("pi4-lcd-camera.toml, MPM", *WHOLE) as seen:
        begun_ns = time.monotonic_ns()
        seen += unit_sells(counter, phone)
        assert counter.lit(counter.option("buzzer")["green_pin"], begun_ns), "no green light"
        seen.append("the green light came on")


def sale_by_camera(counter: Counter) -> None:
    with report.row("pi4-lcd-camera.toml, CPM", "picamera2, unmodified", CAMERA) as seen:
        begun_ns = time.monotonic_ns()
        order = paid(counter, charged_by_camera(counter))
        assert order["amount"]["minor"] == 300, order
        assert counter.lit(counter.option("camera")["lamp_pin"], begun_ns), "the lamp was never on"
        seen += ["lamp on; the phone's code read by the eye, charged; journal and books: paid"]


def waiting(root: Path) -> None:
    """While a code is awaited: how many frames the driver hands on, and what that costs, beside the same with a copy
    and a colour conversion."""
    with report.row("camera, waiting", "picamera2, unmodified", CAMERA) as seen:
        for way in ("as they are", "copied and converted"):
            ran = subprocess.run(
                command(root, "/srv/terminal/tests/rig/camera/waiting.py", way),
                capture_output=True,
                text=True,
                check=True,
            )
            found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
            assert found["frames"] > 0, ran.stderr
            seen.append(
                f"{way}: {found['frames_per_s']:.1f} frames/s, {found['cpu_ms']:.1f} ms of processor each"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
