"""Import and memory, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy as np

from sight.truth import tell
from terminal.bench import scenes
from terminal.bench.scenes.phone import card

EASY = """
from terminal.eye.watch import Watch
frame = memoryview(open(sys.argv[1], "rb").read()).cast("B", (180, 180))
eye = Watch()
assert eye.look(frame)
"""
HARD = """
blank = memoryview(bytes(180 * 180)).cast("B", (180, 180))
assert not eye.look(blank)
eye._loading.join()
for number in range(20):
    assert not eye.look(blank)
assert eye.look(frame) and "cv2" in sys.modules
"""
READERS = "import zxingcpp\nfrom pyzbar import pyzbar\n"
IMPORTS = {
    "peer_set": "import cv2, numpy, requests, gpiozero, luma.oled.device, segno, serial\n"
    + READERS,
    "peer_eye": "import cv2, numpy\n" + READERS,
    "eye_without_opencv": "sys.modules['cv2'] = sys.modules['numpy'] = None\n" + EASY,
    "eye_waiting": READERS + EASY,
    "eye_after_a_hard_frame": READERS + EASY + HARD,
}
"""What the scanner's thread loads until a frame with an easy code is read, and until none was."""
PROBE = """
import sys, time
began = time.process_time()
{work}
spent = (time.process_time() - began) * 1000
status = open('/proc/self/status').read()
print(spent, int(status.split('VmRSS:')[1].split()[0]) / 1024)
"""


def measure_imports(place: Path) -> None:
    """CPU time from a bare interpreter on, and memory then, beside the peers' whole set."""
    shot = scenes.Scene(seed=1, text="134567890123456789")
    drawn, _, _ = card(shot, 5)
    gray = np.full((180, 180), 255, np.uint8)
    gray[: min(180, len(drawn)), : min(180, len(drawn))] = (drawn[:180, :180] * 255).astype(
        np.uint8
    )
    frame = place / "frame"
    frame.write_bytes(gray.tobytes())
    sizes: dict[str, tuple[float, float]] = {}
    for name, work in IMPORTS.items():
        sizes[name] = spent, size = _measured(PROBE.format(work=work), frame)
        peer = sizes["peer_set"]
        shares = {"cpu": round(spent / peer[0], 2), "rss": round(size / peer[1], 2)}
        tell(f"import_{name}", spent, "ms", rss_mib=round(size, 1), of_peer_set=shares, must=0.5)


def _measured(program: str, frame: Path) -> tuple[float, float]:
    """CPU ms and MiB, each the median of seven."""
    command = [sys.executable, "-c", program, str(frame)]
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(7)
    ]
    return median(float(run[0]) for run in runs), median(float(run[1]) for run in runs)
