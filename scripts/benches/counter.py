"""Speed and size of the daemon at the counter: start, a key, our code, memory. A 128x128 panel, serial scanner."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from terminal.bench.phone import Phone
from terminal.bench.stall import Stall

PEER = "import requests, segno, PIL.Image, sqlite3"
STARTS, KEYS, SALES = 7, 400, 30

PROFILE = """
[display]
driver = "emulated"
socket = "{run}/display.sock"
name = "1.5 inch OLED"
width_px = 128
height_px = 128
mode = "1"
pitch_um = 210
[keypad]
driver = "emulated"
socket = "{run}/keypad.sock"
[buzzer]
driver = "emulated"
socket = "{run}/buzzer.sock"
[[scanner]]
driver = "serial"
port = "{run}/scanner.tty"
"""
CAMERA = """
[[scanner]]
driver = "camera"
[camera]
driver = "emulated"
socket = "{run}/camera.sock"
"""


def tell(name: str, value: float, unit: str, **more: object) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, **more}), flush=True)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def stall_with(profile: str, state: Path) -> Stall:
    state.mkdir(parents=True, exist_ok=True)
    file = state / "profile.toml"
    file.write_text(profile)
    stall = Stall(state, profile=file)
    stall.start()
    return stall


def start_time(stall: Stall) -> None:
    """From exec to the idle picture, beside a bare interpreter with four imports, in turn."""
    ours, peers = [], []
    for _ in range(STARTS):
        peers.append(seconds(lambda: subprocess.run([sys.executable, "-c", PEER], check=True)))
        stall.kill_daemon()
        ours.append(seconds(stall.start_daemon))
    tell(
        "start_to_idle_screen",
        median(ours) * 1000,
        "ms",
        peer_ms=round(median(peers) * 1000, 1),
        ratio=round(median(ours) / median(peers), 2),
        must="3.0",
    )


def key_to_frame(stall: Stall) -> None:
    """From a key put on its cable to the new picture at the far end of the display's."""
    from terminal.devices.cable import plug

    times = []
    with plug(stall.state / "keypad.sock") as keypad:
        for number in range(KEYS):
            seen = stall.frames_seen
            begun = time.perf_counter()
            keypad.send(b"1" if number % 4 < 2 else b"back")
            with stall.changed:
                stall.changed.wait_for(lambda seen=seen: stall.frames_seen > seen, timeout=5)
            times.append((time.perf_counter() - begun) * 1000)
    stall.press("clear")
    cut = quantiles(times, n=100)
    tell("key_to_frame_p99", cut[98], "ms", p50=round(cut[49], 2), keys=KEYS, must="20")


def ok_to_code(stall: Stall) -> None:
    """From OK to our code on the display, less what the same request takes from here over the same line."""
    phone, times = Phone(stall), []
    for _ in range(SALES):
        stall.press("3", "00")
        time.sleep(0.1)
        begun = time.perf_counter()
        stall.press("ok")
        with stall.changed:
            stall.changed.wait_for(lambda: stall.bright, timeout=10)
        times.append((time.perf_counter() - begun) * 1000)
        phone.pay(phone.look()["order_no"])
        stall.wait(lambda: not stall.bright, "the end of the sale")
        stall.dismiss()
    answer_ms = median(gateway_ms(stall) for _ in range(SALES))
    tell(
        "ok_to_code_over_the_answer",
        median(times) - answer_ms,
        "ms",
        answer_ms=round(answer_ms, 1),
        ok_to_code_ms=round(median(times), 1),
        must="30",
    )


def gateway_ms(stall: Stall) -> float:
    """One create request like the daemon's, through the same proxy, from this process."""
    import requests

    from terminal.config import load
    from terminal.core.effects import CreateOrder
    from terminal.core.terms import Money
    from terminal.wire.http import Stamp
    from terminal.wiring import make_gateway

    settings = load(stall.state / "terminal.toml")
    gateway = make_gateway(settings)
    number = f"TBENCH{time.monotonic_ns()}"
    http = gateway.build(CreateOrder(number, Money(300, "EUR")), Stamp(time.time_ns() // 10**6))
    url = settings.gateway.url + http.path
    return (
        seconds(lambda: requests.post(url, data=http.body, headers=dict(http.headers), timeout=10))
        * 1000
    )


def resident_mib(stall: Stall) -> float:
    assert stall.daemon is not None
    status = Path(f"/proc/{stall.daemon.pid}/status").read_text()
    return (
        int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
        / 1024
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        stall = stall_with(PROFILE, Path(place) / "serial")
        try:
            start_time(stall)
            key_to_frame(stall)
            ok_to_code(stall)
            tell(
                "resident_serial_scanner", resident_mib(stall), "MiB", after_sales=SALES, must="60"
            )
        finally:
            stall.stop()
        stall = stall_with(PROFILE + CAMERA, Path(place) / "camera")
        try:
            stall.press("3", "00", "ok")
            stall.wait(lambda: stall.bright, "our code")
            phone = Phone(stall)
            phone.open_code()
            phone.show_to_camera()
            time.sleep(3)
            tell("resident_with_camera_path", resident_mib(stall), "MiB")
        finally:
            stall.stop()


if __name__ == "__main__":
    main()
