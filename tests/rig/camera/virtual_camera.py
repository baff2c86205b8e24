"""Makes libcamera's `virtual` camera, which plays pictures from a folder, behave like one on a ribbon cable. Loaded
when Python starts (a .pth file). It changes libcamera's Python binding; picamera2 is as it comes.

- It refuses the Raw role, which picamera2 asks of every camera: answered as a USB camera does.
- It writes NV12's two planes apart, where picamera2's buffers have one plane for the whole frame.
- It fills a buffer as soon as it gets one: held to FPS, as a sensor would.
"""

import threading
import time

FPS = 30.0


def change() -> None:
    import libcamera

    generate, queue = libcamera.Camera.generate_configuration, libcamera.Camera.queue_request

    def generate_configuration(self, roles):
        raw, view = libcamera.StreamRole.Raw, libcamera.StreamRole.Viewfinder
        return generate(self, [view if role == raw else role for role in roles])

    class FrameBuffer(libcamera.FrameBuffer):
        def __init__(self, planes, cookie=0):
            if len(planes) == 1:
                luma, size = planes[0], planes[0].length
                luma.length = size * 2 // 3  # the same object: a new one would be a second file
                planes = [luma, self.Plane(luma.fd, luma.length, size - luma.length)]
            super().__init__(planes, cookie)

    turn, due_s = threading.Lock(), 0.0

    def queue_request(self, request):
        nonlocal due_s
        with turn:
            now_s = time.monotonic()
            due_s = max(due_s + 1 / FPS, now_s)
        time.sleep(due_s - now_s)
        return queue(self, request)

    libcamera.Camera.generate_configuration = generate_configuration
    libcamera.Camera.queue_request = queue_request
    libcamera.FrameBuffer = FrameBuffer


change()
