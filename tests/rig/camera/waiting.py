"""Frames through the house's picamera2 driver for a while; frames per second and processor time for each, as JSON."""

import json
import sys
import time

import cv2
import numpy as np

from terminal.devices.camera.picamera2 import Device, Settings

MEASURED_S, WARM = 4.0, 10


def main(way: str) -> None:
    device = Device(Settings(focus_cm=0))
    device.start()
    for _ in range(WARM):
        device.next_frame(5.0)
    frames, begun_s, cpu_s = 0, time.monotonic(), time.process_time()
    while time.monotonic() - begun_s < MEASURED_S:
        view = device.next_frame(1.0)
        if view is None:
            continue
        frames += 1
        if way != "as they are":  # what a reader does that asks for colours
            colours = cv2.cvtColor(np.array(view), cv2.COLOR_GRAY2BGR)
            cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY)
    took_s, used_s = time.monotonic() - begun_s, time.process_time() - cpu_s
    device.stop()
    device.close()
    found = {
        "frames": frames,
        "frames_per_s": frames / took_s,
        "cpu_ms": 1000 * used_s / max(1, frames),
    }
    print(json.dumps(found))


main(sys.argv[1])
