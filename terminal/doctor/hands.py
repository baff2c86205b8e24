"""What only a person can tell: is it on the glass, does every key work, is the code read, is it heard?

The devices are opened here, so the daemon must not run meanwhile: it holds them, and these keys would be sales. Each
part is asked about once. Enter gives up: whatever was not seen by then is named.
"""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from terminal.config import BadSettings, Profile
from terminal.core.effects import Beep
from terminal.core.events import Key
from terminal.doctor.finding import Finding, bad, good, unseen
from terminal.wiring.hardware import Devices, Fitted

if TYPE_CHECKING:
    from PIL.Image import Image

    from terminal.core.views import Panel

LOOK_S = 0.2
COMES_UP_S = 5.0  # the slowest of a unit's devices; the rest are there sooner
COMES_UP_EVERY_S = 0.1
SOUNDS_MAX = 5
SOUND_EVERY_S = 1.2  # PAID: also heard in quiet hours
NUMBERS = range(10, 100)
CODE = "DOCTOR-"  # no payment code looks like that

READY = "Opening the devices ..."
RUNS = "The daemon runs and holds the devices."
STOP_IT = "sudo systemctl stop terminald; terminalctl doctor --interactive; sudo systemctl start terminald"


class Person(Protocol):
    """Who sits at the counter, at the other end of the SSH line."""

    def tell(self, text: str) -> None: ...

    def ask(self, text: str) -> str:
        """What was typed, up to Enter."""
        ...

    def gave_up(self, wait_s: float) -> bool:
        """Whether Enter was pressed within that time."""
        ...


def examine(profile: Profile, run_dir: Path, person: Person) -> Iterator[Finding]:
    """Display, keypad, scanners, buzzer, one after the other."""
    person.tell(READY)
    with ExitStack() as stack:
        try:
            devices = Devices(profile, run_dir, stack)
            opened = devices.all()
        except BadSettings as wrong:
            for line in str(wrong).splitlines():
                yield bad("devices", line, "Mend that line of the hardware profile.")
            return
        fitted = dict(devices.fitted)
        keys: queue.SimpleQueue[Key] = queue.SimpleQueue()
        read: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        _listen(opened, keys, read)
        _wait_until_up(opened)
        made = dict(opened)
        yield display(made["display"], person)
        yield keypad(made["keypad"], fitted.get("keypad"), keys, person)
        for name, device in opened:
            if name.startswith("scanner"):
                yield scanner(name, device, read, person)
        yield buzzer(made["buzzer"], fitted.get("buzzer"), person)


def _listen(
    opened: list[tuple[str, Any]],
    keys: queue.SimpleQueue[Key],
    read: queue.SimpleQueue[tuple[str, bytes]],
) -> None:
    def hears(name: str) -> Callable[[bytes], None]:
        return lambda code: read.put((name, code))

    for name, device in opened:
        if name == "keypad":
            device.listen(keys.put)
        elif name.startswith("scanner"):
            device.listen(hears(name))


def _wait_until_up(opened: list[tuple[str, Any]]) -> None:
    """A device opens in its own time, in its own thread. What stays away is told where it is asked about."""
    until_s = time.monotonic() + COMES_UP_S
    tell = [device for name, device in opened if name != "buzzer"]  # it cannot know
    while time.monotonic() < until_s and any(device.lost for device in tell):
        time.sleep(COMES_UP_EVERY_S)


# -- the glass ---------------------------------------------------------------------------------------------


def display(device: Any, person: Person) -> Finding:
    number = secrets.choice(NUMBERS)
    device.show(pattern(number, device.panel), bright=True)
    said = person.ask("Display: which number stands on it, inside an unbroken frame? ")
    if said == str(number):
        return good("display", "the number and its frame were seen")
    remedy = "Look at its wires and at `chip`, `rotate`, `h_offset` in the hardware profile."
    if device.lost:
        remedy = device.lost
    return bad("display", f"It shows {number}; seen was: {said[:20] or 'nothing'}.", remedy)


def pattern(number: int, panel: Panel) -> Image:
    """A frame on the outermost pixels, a wedge in one corner, and the number: what is cut off, mirrored or turned is
    seen at once."""
    from PIL import Image, ImageDraw

    from terminal.screens import fonts

    picture = Image.new(panel.mode, (panel.width_px, panel.height_px), 0)
    draw = ImageDraw.Draw(picture)
    lit: Any = (255, 255, 255) if panel.mode == "RGB" else 255
    wide, high = panel.width_px, panel.height_px
    draw.rectangle((0, 0, wide - 1, high - 1), outline=lit)
    draw.polygon([(2, 2), (high // 6, 2), (2, high // 6)], fill=lit)
    middle = (wide / 2, high / 2)
    draw.text(middle, str(number), font=fonts.face(high // 2, bold=True), fill=lit, anchor="mm")
    return picture


# -- the keys ----------------------------------------------------------------------------------------------


def keypad(
    device: Any, fitted: Fitted | None, keys: queue.SimpleQueue[Key], person: Person
) -> Finding:
    """Every key of the pad, in any order."""
    if fitted is None or fitted.part.driver == "none":
        return unseen("keypad", "The profile has none.")
    missing = set(pad(fitted))
    person.tell(f"Keypad: press every key: {_named(missing)}. Enter here gives up.")
    while missing and not person.gave_up(LOOK_S):
        while not keys.empty():
            key = keys.get()
            if key in missing:
                missing.discard(key)
                person.tell(f"  {key.value}: seen, {len(missing)} to go")
    if not missing:
        return good("keypad", "every key was seen")
    remedy = device.lost or "Look at the wires of its rows and columns, then at `layout`."
    return bad("keypad", f"Not seen: {_named(missing)}.", remedy)


def pad(fitted: Fitted) -> list[Key]:
    """The keys that this pad has. C held is no key of its own."""
    told: list[Key] = getattr(fitted.settings, "pad", [key for key in Key if key is not Key.CLEAR])
    return told


def _named(keys: set[Key]) -> str:
    return " ".join(key.value for key in Key if key in keys)


# -- the codes ---------------------------------------------------------------------------------------------


def scanner(
    name: str, device: Any, read: queue.SimpleQueue[tuple[str, bytes]], person: Person
) -> Finding:
    """This code and no other. What else it may read is never told: it may be a customer's."""
    wanted = f"{CODE}{secrets.randbelow(10**6):06}"
    device.arm(True)
    person.tell(
        f"{name.capitalize()}: let it read this code. Enter here gives up.\n{_drawn(wanted)}"
    )
    person.tell(f"  {wanted}")
    others = 0
    try:
        while not person.gave_up(LOOK_S):
            while not read.empty():
                by, code = read.get()
                if by != name:
                    continue
                if code.decode(errors="replace") == wanted:
                    return good(name, "the code was read")
                others += 1
                person.tell("  another code was read")
    finally:
        device.arm(False)
    if others:
        says = f"It read {others} times, and never that code."
        return bad(name, says, "Look at `suffix`, `baud` and `aim` in the hardware profile.")
    return bad(name, "It read nothing.", device.lost or "Look at its plug, its light, its setting.")


def _drawn(text: str) -> str:
    """For the screen that the person looks at."""
    import io

    import segno

    held = io.StringIO()
    segno.make(text, error="L", micro=False).terminal(held, compact=True)
    return held.getvalue()


# -- the sounds --------------------------------------------------------------------------------------------


def buzzer(device: Any, fitted: Fitted | None, person: Person) -> Finding:
    if fitted is None or fitted.part.driver == "none":
        return unseen("buzzer", "The profile has none.")
    sounds = 2 + secrets.randbelow(SOUNDS_MAX - 1)
    for _ in range(sounds):
        device.beep(Beep.PAID)
        time.sleep(SOUND_EVERY_S)
    said = person.ask("Buzzer: how often did it sound? ")
    if said == str(sounds):
        return good("buzzer", "every sound was heard")
    says = f"It sounded {sounds} times; heard was: {said[:20] or 'nothing'}."
    return bad("buzzer", says, "Look at its wires, and at `kind`, `quiet` in the hardware profile.")
