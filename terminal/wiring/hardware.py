"""The hardware profile -> devices. The whole profile is checked before the first of them is opened.

What is wrong with the *profile* (a word, a value, a pin used twice) stops the start, every complaint at once. What is
wrong with the *machine* (no bus, no permission, nothing plugged in) does not: that device says so through `lost`, in
words with the remedy, and mends itself when the machine does.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terminal.config import BadSettings, Complaint, Part, Profile, Section, checked
from terminal.core.terms import Refusal
from terminal.core.views import Glass, Presenting
from terminal.screens import draw, qr
from terminal.wiring.words import find

if TYPE_CHECKING:
    from PIL.Image import Image

    from terminal.devices.display import Display

PLACES = ("port", "path", "socket")  # keys that name what one driver alone can have
SPARE_PINS = frozenset(range(2, 28)) - {
    14,
    15,
}  # 0 and 1 read a HAT's EEPROM, 14 and 15 are the console
PINS_LISTED_MAX = 6
GLASSES_KEPT = 5  # some seconds of countdown, or the last screens of a sale


class Face:
    """The display with the screens in front of it."""

    def __init__(self, display: Display) -> None:
        self.display = display
        self._recent: deque[Glass] = deque(maxlen=GLASSES_KEPT)

    def recent(self) -> list[bytes]:
        """The last pictures as PNG, the newest last: for whoever was not there."""
        return [_png(draw(glass, self.display.panel)) for glass in self._recent]

    def show(self, glass: Glass) -> None:
        self._recent.append(glass)
        image = draw(glass, self.display.panel)
        self.display.show(image, bright=isinstance(glass.view, Presenting))

    def unfit(self, payload: str) -> str | None:
        try:
            qr.fit(payload, self.display.panel)
        except Refusal as refusal:
            return str(refusal)
        return None

    @property
    def lost(self) -> str | None:
        return self.display.lost

    @property
    def hangs(self) -> bool:
        return self.display.hangs


def _png(image: Image) -> bytes:
    held = BytesIO()
    image.save(held, "PNG")
    return held.getvalue()


@dataclass(frozen=True, slots=True)
class Fitted:
    """A part whose word and options are right."""

    part: Part
    module: Any
    settings: Any

    @property
    def where(self) -> str:
        return self.part.options.where.title

    def pins(self) -> dict[str, int]:
        """What it is -> BCM number; of a driver that uses none, or does not tell, nothing."""
        used: dict[str, int] = getattr(self.settings, "used_pins", {})
        return used


class Devices:
    """`{run}` in a text option is the state directory. Devices are closed by `stack`."""

    def __init__(self, profile: Profile, run_dir: Path, stack: ExitStack) -> None:
        """BadSettings with every complaint about the profile."""
        self._stack = stack
        self._run_dir = run_dir
        self._complaints: list[Complaint] = []
        self._single = {kind: self._fit(kind, part) for kind, part in _singles(profile)}
        self._scanners = [self._fit("scanner", part) for part in profile.scanners]
        fitted = [each for each in (*self._single.values(), *self._scanners) if each]
        self._complaints += shared_pins(fitted) + shared_places(fitted) + lonely_eyes(profile)
        if self._complaints:
            raise BadSettings(self._complaints)

    @property
    def fitted(self) -> list[tuple[str, Fitted]]:
        """What the profile names, by its section; nothing is opened."""
        every = [*self._single.items(), *(("scanner", each) for each in self._scanners)]
        return [(kind, each) for kind, each in every if each]

    def one(self, kind: str) -> Any:
        return self._make(self._single[kind])

    def scanners(self) -> tuple[Any, ...]:
        """A scanner that looks through a camera is handed the profile's one."""
        return tuple(
            self._make(each, self.one("camera"))
            if each and each.part.driver == "camera"
            else self._make(each)
            for each in self._scanners
        )

    def all(self) -> list[tuple[str, Any]]:
        """Every device, by what it is: "display", "scanner 2", ..."""
        made = [(kind, self.one(kind)) for kind in self._single if kind != "camera"]
        scanners = self.scanners()
        many = len(scanners) > 1
        names = [
            f"scanner {number}" if many else "scanner" for number in range(1, len(scanners) + 1)
        ]
        return made + list(zip(names, scanners, strict=True))

    def _fit(self, kind: str, part: Part) -> Fitted | None:
        try:
            module = find(f"devices.{kind}", part.driver, part.options)
            return Fitted(part, module, checked(self._at_home(part.options), module.Settings))
        except BadSettings as bad:
            self._complaints += bad.complaints
            return None

    def _at_home(self, options: Section) -> Section:
        def placed(value: object) -> object:
            return value.replace("{run}", str(self._run_dir)) if isinstance(value, str) else value

        return Section({key: placed(value) for key, value in options.data.items()}, options.where)

    def _make(self, fitted: Fitted | None, *more: Any) -> Any:
        assert fitted is not None, "the constructor lets no such profile through"
        device = fitted.module.Device(fitted.settings, *more)
        self._stack.callback(device.close)
        return device


def _singles(profile: Profile) -> Iterator[tuple[str, Part]]:
    if profile.display is None:
        raise profile.root.bad("display", "is missing: a counter needs a display.")
    yield "display", profile.display
    for kind in ("keypad", "buzzer"):
        yield kind, getattr(profile, kind) or Part("none", profile.root.sub(kind))
    if profile.camera is not None:
        yield "camera", profile.camera


def shared_pins(fitted: list[Fitted]) -> list[Complaint]:
    """Two devices on one pin of the header."""
    found: list[Complaint] = []
    owners: dict[int, tuple[Fitted, str]] = {}
    for device in fitted:
        for use, pin in device.pins().items():
            owner, first_use = owners.setdefault(pin, (device, use))
            if owner is not device:
                text = (
                    f"{use} uses GPIO{pin}, which is {first_use} of {owner.where} already. "
                    f"Move one of them{_spare(fitted)}."
                )
                found.append(device.part.options.where.complaint(None, text))
    return found


def _spare(fitted: list[Fitted]) -> str:
    free = sorted(SPARE_PINS.difference(*(device.pins().values() for device in fitted)))
    listed = ", ".join(f"GPIO{pin}" for pin in free[:PINS_LISTED_MAX])
    return f"; free are {listed}" if listed else ""


def shared_places(fitted: list[Fitted]) -> list[Complaint]:
    """Two drivers that read one port: each would get half of every code."""
    found: list[Complaint] = []
    owners: dict[str, Fitted] = {}
    for device in fitted:
        for key in PLACES:
            place = getattr(device.settings, key, None)
            if not isinstance(place, str):
                continue
            owner = owners.setdefault(os.path.realpath(place), device)
            if owner is not device:
                text = f"is that of {owner.where} already. Correct one, or take this section out."
                found += device.part.options.bad(key, text).complaints
    return found


def lonely_eyes(profile: Profile) -> list[Complaint]:
    """A scanner that looks through a camera where there is none, or a second one through the same."""
    eyes = [part.options.where for part in profile.scanners if part.driver == "camera"]
    if profile.camera is None:
        text = 'driver = "camera" needs a [camera] section in the profile.'
        return [where.complaint(None, text) for where in eyes]
    text = "looks through the same camera as the one before. Take this section out."
    return [where.complaint(None, text) for where in eyes[1:]]
