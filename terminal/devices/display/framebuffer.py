"""A display that the kernel drives: HDMI, DSI, and every panel with a driver of its own, through /dev/fbN.

The picture's place is the upper left corner. Only the rows and columns that changed are written. The file is
opened for each picture: a framebuffer that went away with its cable is noticed, and the new one is found.

The text console writes to the same glass: `fbcon=map:9 vt.global_cursor_default=0` on the kernel's command line
(/boot/firmware/cmdline.txt) sends it elsewhere.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from terminal.core.views import Panel
from terminal.devices.painter import Care, Painter

if TYPE_CHECKING:
    from PIL.Image import Image

SYSFS = Path("/sys/class/graphics")
CONNECTORS = Path("/sys/class/drm")
SIDE_MAX_PX = 4096


class Wrong(OSError):
    """The framebuffer is not what the profile says; the text is the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Care):
    """`pitch_um`: the glass's width divided by its pixels; a 7 inch panel of 800 x 480 has 190. `bits`: per
    pixel, 32 (blue, green, red, unused) or 16 (565); the driver vc4 has either. `connector`, such as "HDMI-A-1":
    the cable, looked at too, because the framebuffer itself does not notice that it was pulled. `light`: the
    folder of a backlight below /sys/class/backlight; without one the levels of light do nothing."""

    path: str = "/dev/fb0"
    width_px: int
    height_px: int
    pitch_um: int
    bits: Literal[16, 32] = 32
    rotate: Literal[0, 90, 180, 270] = 0
    name: str = ""
    connector: str = ""
    light: str = ""

    def __post_init__(self) -> None:
        Care.__post_init__(self)
        for side_px in (self.width_px, self.height_px):
            if not 64 <= side_px <= SIDE_MAX_PX:
                raise ValueError(f"a side of the panel is 64 to {SIDE_MAX_PX} px, not {side_px}")
        if self.pitch_um <= 0:
            raise ValueError("pitch_um is the distance of two pixels in micrometres, such as 190")

    @property
    def used_pins(self) -> dict[str, int]:
        return {}

    @property
    def panel(self) -> Panel:
        """Of the picture; the framebuffer's own size is that before `rotate`."""
        width, height = self.width_px, self.height_px
        if self.rotate % 180:
            width, height = height, width
        return Panel(width, height, "RGB", self.pitch_um, self.name or "the screen")


class Screen:
    """An open framebuffer (`painter.Surface`)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = Path(settings.path)
        self._bytes_per_px = settings.bits // 8
        self._shown: Image | None = None
        self.check()
        self._stride_bytes = self._stride()

    def check(self) -> None:
        os.close(self._open())
        if self._settings.connector:
            self._check_connector()

    def _check_connector(self) -> None:
        wanted = self._settings.connector
        states = [path.read_text().strip() for path in CONNECTORS.glob(f"card*-{wanted}/status")]
        if not states:
            known = sorted(path.name.partition("-")[2] for path in CONNECTORS.glob("card*-*"))
            raise Wrong(
                f'This machine has no connector "{wanted}". Correct `connector` in the hardware profile; '
                f"there are {', '.join(known) or 'none'}."
            )
        if "connected" not in states:
            raise Wrong(f"No screen is plugged in at {wanted}. Plug it in and switch it on.")

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)

    def _stride(self) -> int:
        """Bytes of a row; what the driver says must be what the profile says."""
        chosen, facts = self._settings, SYSFS / self._path.name
        wide_bytes = chosen.width_px * self._bytes_per_px
        if not facts.exists():
            return wide_bytes
        width, height = map(int, (facts / "virtual_size").read_text().split(","))
        bits = int((facts / "bits_per_pixel").read_text())
        if bits != chosen.bits or width < chosen.width_px or height < chosen.height_px:
            raise Wrong(
                f"{self._path} is {width} x {height} with {bits} bits, the hardware profile says "
                f"{chosen.width_px} x {chosen.height_px} with {chosen.bits}. Correct the profile, or the mode "
                "with video= in /boot/firmware/cmdline.txt."
            )
        return int((facts / "stride").read_text())

    def paint(self, image: Image) -> None:
        turned = image.rotate(-self._settings.rotate, expand=True)
        box = self._changed(turned)
        self._shown = None  # unknown while it is being written
        if box is not None:
            self._write(turned.crop(box), box[0], box[1])
        self._shown = turned

    def _changed(self, image: Image) -> tuple[int, int, int, int] | None:
        from PIL import ImageChops

        if self._shown is None:
            return (0, 0, *image.size)
        return ImageChops.difference(image, self._shown).getbbox()

    def _write(self, part: Image, left_px: int, top_px: int) -> None:
        pixels = raw(part, self._settings.bits)
        row_bytes = part.width * self._bytes_per_px
        file = self._open()
        try:
            for row in range(part.height):
                place = (top_px + row) * self._stride_bytes + left_px * self._bytes_per_px
                written = os.pwrite(file, pixels[row * row_bytes : (row + 1) * row_bytes], place)
                if written != row_bytes:
                    raise OSError(errno.ENOSPC, "the framebuffer is smaller than it says")
        finally:
            os.close(file)

    def light(self, level: int) -> None:
        if self._settings.light:
            folder = Path("/sys/class/backlight") / self._settings.light
            most = int((folder / "max_brightness").read_text())
            (folder / "brightness").write_text(str(level * most // 255))

    def close(self) -> None:
        """Black: a terminal that has stopped must not go on showing a code."""
        from PIL import Image

        size = (self._settings.width_px, self._settings.height_px)
        self._shown = None
        self._write(Image.new("RGB", size), 0, 0)


def raw(image: Image, bits: int) -> bytes:
    """The pixels as the framebuffer has them."""
    if bits == 32:
        return image.tobytes("raw", "BGRX")
    from PIL import Image, ImageChops

    red, green, blue = image.split()
    low = ImageChops.add(
        green.point(lambda value: value << 3 & 0xE0), blue.point(lambda value: value >> 3)
    )
    high = ImageChops.add(
        red.point(lambda value: value & 0xF8), green.point(lambda value: value >> 5)
    )
    return Image.merge("LA", (low, high)).tobytes()


class Device(Painter):
    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings.panel,
            settings,
            lambda: Screen(settings),
            lambda: (OSError,),
            lambda fault: explain(settings, fault),
        )


def explain(settings: Settings, fault: Exception) -> str:
    """What is wrong with the screen, and the remedy, for the technician."""
    if isinstance(fault, Wrong):
        return str(fault)
    place = getattr(fault, "filename", None) or settings.path
    if isinstance(fault, PermissionError):
        return f"The daemon may not write to {place}. Add its user to the group video."
    if isinstance(fault, FileNotFoundError) and str(place) == settings.path:
        return (
            f"There is no {place}. Plug the screen in; if it is, put dtoverlay=vc4-kms-v3d into "
            "/boot/firmware/config.txt and reboot."
        )
    return f"The screen at {place} does not work: {fault}. Unplug it and plug it in again."
