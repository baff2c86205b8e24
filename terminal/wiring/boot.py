"""What a Pi's firmware and kernel must be told for a hardware profile: config.txt and cmdline.txt.

The one source of it: provisioning writes it, the profiles' sheets (hardware/*.md) print it.
Sources: raspberrypi.com, "config.txt" and "cmdline.txt"; the kernel's Documentation/fb/fbcon.rst.
"""

from __future__ import annotations

from terminal.config import Part, Profile

UARTS = ("/dev/serial0", "/dev/ttyAMA", "/dev/ttyS")
CONSOLES = tuple(f"console={name}," for name in ("serial0", "ttyAMA0", "ttyS0"))
OPEN, CLOSE = "# -- counter terminal: written by provision --", "# -- end of counter terminal --"


def overlays(profile: Profile) -> list[str]:
    """The lines of config.txt."""
    lines = ["dtparam=watchdog=on"]
    display = profile.display
    if display and display.driver == "luma":
        if display.options.data.get("bus") == "i2c":
            # At 400 kHz a whole picture of 128 x 128 takes 50 ms instead of 200.
            lines += ["dtparam=i2c_arm=on", "dtparam=i2c_arm_baudrate=400000"]
        else:
            lines.append("dtparam=spi=on")
    if display and display.driver == "framebuffer":
        lines.append("dtoverlay=vc4-kms-v3d")
    if _has_uart(profile):
        lines += ["enable_uart=1", "dtoverlay=disable-bt"]  # the scanner gets the better UART
    if profile.camera and profile.camera.driver == "picamera2":
        lines.append("camera_auto_detect=1")
    return lines


def words(profile: Profile) -> list[str]:
    """What cmdline.txt must hold."""
    display = profile.display
    if display is None or display.driver != "framebuffer":
        return []
    # The text console must not write on the customer's code.
    return [*_mode(display), "fbcon=map:9", "vt.global_cursor_default=0"]


def _mode(display: Part) -> list[str]:
    told = display.options.data
    if not told.get("connector"):
        return []
    return [f"video={told['connector']}:{told['width_px']}x{told['height_px']}@60"]


def strays(profile: Profile) -> tuple[str, ...]:
    """How words begin that cmdline.txt must not hold: a scanner's codes are no commands."""
    return CONSOLES if _has_uart(profile) else ()


def config_txt(now: str, profile: Profile) -> str:
    """The file as it should be, everything of others in its place."""
    before, _, rest = now.partition(OPEN)
    after = rest.partition(CLOSE)[2] if rest else "\n"
    return "\n".join([before.rstrip("\n"), OPEN, "[all]", *overlays(profile), CLOSE]) + after


def cmdline_txt(now: str, profile: Profile) -> str:
    """The one line as it should be."""
    wanted = words(profile)
    replaced = (*strays(profile), *(word.partition("=")[0] + "=" for word in wanted))
    kept = [word for word in now.split() if not word.startswith(replaced)]
    return " ".join(kept + wanted) + "\n"


def _has_uart(profile: Profile) -> bool:
    ports = (str(part.options.data.get("port", "")) for part in profile.scanners)
    return any(port.startswith(UARTS) for port in ports)
