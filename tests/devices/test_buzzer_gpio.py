"""The GPIO buzzer on gpiozero's mock pins: what is heard is what the pin did."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from gpiozero import Device as Pins
from gpiozero import OutputDevice
from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin

from terminal.core.effects import Beep
from terminal.devices.buzzer import gpio
from terminal.devices.buzzer.gpio import PATTERNS, Device, Settings

PIN = 18
Until = Callable[[Callable[[], object]], None]


class Disc(MockPWMPin):
    """A pin with a passive buzzer: keeps every tone that sounded, in Hz."""

    def __init__(self, factory: MockFactory, info: object) -> None:
        self.heard: list[float] = []
        super().__init__(factory, info)

    def _change_state(self, value: float) -> bool:
        changed: bool = super()._change_state(value)
        if changed and value:
            self.heard.append(self._frequency)
        return changed


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory()
    before, Pins.pin_factory = Pins.pin_factory, factory
    yield factory
    Pins.pin_factory = before


Made = Callable[..., Device]


@pytest.fixture
def made(factory: MockFactory, until: Until) -> Iterator[Made]:
    devices: list[Device] = []

    def make(**options: object) -> Device:
        # First: of two threads that ask for a pin at once each is given its own.
        pin, *_ = [factory.pin(number) for number in (PIN, 5, 6, 13)]
        device = Device(Settings(PIN, **options))  # type: ignore[arg-type]
        devices.append(device)
        until(lambda: pin.function == "output")
        pin.clear_states()
        return device

    yield make
    for device in devices:
        device.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same patterns in a hurry."""
    for beep, pattern in PATTERNS.items():
        monkeypatch.setitem(PATTERNS, beep, tuple((hz, 1) for hz, _ in pattern))


def states(pin: MockPin) -> list[bool]:
    return [bool(state.state) for state in pin.states]


def rhythm(beep: Beep) -> tuple[int, ...]:
    """What an active buzzer plays: ms on, off, on..."""
    return tuple(length_ms for _, length_ms in PATTERNS[beep])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("beep", Beep)
def test_an_active_buzzer_is_switched_on_and_off(
    made: Made, factory: MockFactory, until: Until, beep: Beep
) -> None:
    device, pin = made(), factory.pin(PIN)
    device.beep(beep)
    until(lambda: len(pin.states) == len(PATTERNS[beep]) + 2)
    assert states(pin) == [False, *(hz > 0 for hz, _ in PATTERNS[beep]), False]


def test_an_active_low_buzzer_rests_high(made: Made, factory: MockFactory, until: Until) -> None:
    device, pin = made(active_low=True), factory.pin(PIN)
    assert pin.state == 1
    device.beep(Beep.KEY)
    until(lambda: len(pin.states) == 3)
    assert states(pin) == [True, False, True]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("beep", Beep)
def test_a_passive_buzzer_gets_its_tones(
    made: Made, factory: MockFactory, until: Until, beep: Beep
) -> None:
    factory.pin_class = Disc
    device, pin = made(kind="passive"), factory.pin(PIN)
    tones = [hz for hz, _ in PATTERNS[beep] if hz]
    device.beep(beep)
    until(lambda: len(pin.heard) == len(tones) and not pin.state)
    assert pin.heard == tones


def test_every_beep_has_a_rhythm_of_its_own() -> None:
    """PAID and NOT PAID must differ on an active buzzer too, which has one tone."""
    assert set(PATTERNS) == set(Beep)
    assert len({rhythm(beep) for beep in Beep}) == len(Beep)
    for pattern in PATTERNS.values():
        assert [hz > 0 for hz, _ in pattern] == [turn % 2 == 0 for turn in range(len(pattern))]


def test_paid_rises_and_not_paid_falls() -> None:
    tones = {beep: [hz for hz, _ in pattern if hz] for beep, pattern in PATTERNS.items()}
    assert tones[Beep.PAID] == sorted(set(tones[Beep.PAID]))
    assert tones[Beep.NOT_PAID] == sorted(set(tones[Beep.NOT_PAID]), reverse=True)
    assert max(tones[Beep.NOT_PAID]) < min(tones[Beep.PAID])


def test_a_newer_beep_cuts_off_the_older(made: Made, factory: MockFactory, until: Until) -> None:
    factory.pin_class = Disc
    device, pin = made(kind="passive"), factory.pin(PIN)
    device.beep(Beep.UNKNOWN)
    until(lambda: pin.heard)
    device.beep(Beep.PAID)
    until(lambda: pin.heard[-1] == PATTERNS[Beep.PAID][-1][0])
    assert pin.heard == [440, 880, 1320]


def test_a_small_sound_never_cuts_off_one_that_matters(
    made: Made, factory: MockFactory, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by the rig: the display died while a customer scanned it, and the tick drowned the alarm."""
    alarm = PATTERNS[Beep.ATTENTION]
    monkeypatch.setitem(PATTERNS, Beep.ATTENTION, ((262, 2_000), *alarm[1:]))  # it still sounds
    factory.pin_class = Disc
    device, pin = made(kind="passive"), factory.pin(PIN)
    device.beep(Beep.ATTENTION)
    until(lambda: pin.heard == [262])
    device.beep(Beep.TICK)
    until(lambda: pin.heard == [262] * 3 and not pin.state)
    device.beep(Beep.TICK)
    until(lambda: pin.heard == [262] * 3 + [1200])


def test_closing_cuts_off_the_sound_and_gives_the_pin_back(
    made: Made, factory: MockFactory, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PATTERNS, Beep.ATTENTION, ((262, 60_000),))
    device, pin = made(), factory.pin(PIN)
    device.beep(Beep.ATTENTION)
    until(lambda: pin.state)
    device.close()
    assert states(pin) == [False, True, False]
    OutputDevice(PIN).close()


def test_a_buzzer_that_cannot_be_opened_troubles_nobody(
    factory: MockFactory, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    other = OutputDevice(PIN)
    device = Device(Settings(PIN))
    until(lambda: "share a pin" in caplog.text)
    device.beep(Beep.PAID)
    other.close()
    until(lambda: device.beep(Beep.KEY) or factory.pin(PIN).function == "output")
    pin = factory.pin(PIN)
    until(lambda: device.beep(Beep.KEY) or pin.state)
    assert caplog.text.count("share a pin") == 1  # said once, not with every key
    device.close()


def test_a_passive_buzzer_on_a_pin_without_pwm_troubles_nobody(
    factory: MockFactory, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    device = Device(Settings(PIN, kind="passive"))
    until(lambda: "The buzzer" in caplog.text)
    device.beep(Beep.KEY)
    device.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"pin": 28}, "no GPIO28"),
        ({"pin": PIN, "kind": "loud"}, '"active" or "passive"'),
        ({"pin": PIN, "kind": "passive", "active_low": True}, "active_low"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings(**wrong)  # type: ignore[arg-type]


# -- loudness, quiet hours, lights ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "beep", "clock", "percent"),
    [
        ({"kind": "passive"}, Beep.PAID, "12:00", 100),
        ({"kind": "passive", "loudness": 60}, Beep.KEY, "12:00", 60),
        ({"kind": "passive", "quiet": "22:00-07:00"}, Beep.PAID, "21:59", 100),
        ({"kind": "passive", "quiet": "22:00-07:00"}, Beep.PAID, "22:00", 20),
        ({"kind": "passive", "quiet": "22:00-07:00"}, Beep.KEY, "06:59", 20),
        ({"kind": "passive", "quiet": "22:00-07:00"}, Beep.PAID, "07:00", 100),
        ({"kind": "passive", "quiet": "13:00-15:00", "loudness": 10}, Beep.PAID, "14:00", 10),
        ({"quiet": "22:00-07:00"}, Beep.KEY, "23:00", 0),
        ({"quiet": "22:00-07:00"}, Beep.PAID, "23:00", 100),
        ({"quiet": "22:00-07:00"}, Beep.ATTENTION, "23:00", 100),
    ],
)
def test_quiet_hours(options: dict[str, object], beep: Beep, clock: str, percent: int) -> None:
    assert Settings(PIN, **options).volume(beep, clock) == percent  # type: ignore[arg-type]


def test_a_soft_passive_buzzer_has_short_waves(
    made: Made, factory: MockFactory, until: Until
) -> None:
    factory.pin_class = Disc
    device, pin = made(kind="passive", loudness=20), factory.pin(PIN)
    device.beep(Beep.KEY)
    until(lambda: len(pin.states) == 3)
    assert max(state.state for state in pin.states) == pytest.approx(0.1)


def test_a_silent_buzzer_still_lights_the_light(
    made: Made, factory: MockFactory, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpio, "LIGHT_S", 0.01)
    device = made(loudness=0, green_pin=5, red_pin=6)
    green, red = factory.pin(5), factory.pin(6)
    device.beep(Beep.PAID)
    until(lambda: states(green) == [False, True, False])  # after LIGHT_S it goes out by itself
    assert states(red) == [False]
    assert not any(states(factory.pin(PIN)))


def test_a_light_gives_way_to_the_next(made: Made, factory: MockFactory, until: Until) -> None:
    device = made(green_pin=5, red_pin=6, amber_pin=13)
    device.beep(Beep.NOT_PAID)
    until(lambda: factory.pin(6).state)
    device.beep(Beep.UNKNOWN)
    until(lambda: factory.pin(13).state and not factory.pin(6).state)
    device.beep(Beep.PAID)
    until(lambda: factory.pin(5).state and not factory.pin(13).state)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"green_pin": PIN}, "GPIO18 is used twice"),
        ({"loudness": 101}, "0 .silent. to 100"),
        ({"loudness": 50}, "an active buzzer has one loudness"),
        ({"quiet": "22-7"}, 'two times such as "22:00-07:00"'),
        ({"quiet": "22:00-24:00"}, "two times"),
    ],
)
def test_quiet_settings_that_cannot_be(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings(PIN, **wrong)  # type: ignore[arg-type]
