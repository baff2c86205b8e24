"""Stands in for kms++, which Debian does not package. picamera2 imports it for its preview on a screen, which nobody
uses here; what is looked up while it is imported is all that there is, so a preview would fail loudly."""

import enum

PixelFormat = enum.Enum(
    "PixelFormat", "RGB888 BGR888 XRGB8888 XBGR8888 ABGR8888 YUV420 YVU420 NV12"
)
