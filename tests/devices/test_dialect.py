"""How scanner models speak, as dialects.toml has it."""

from __future__ import annotations

import re
import tomllib

import pytest

from terminal.devices.dialect import DIALECTS, Mouth, model_named
from terminal.devices.scanner.serial import Lines, Settings

CODE = b"134567890123456789"


@pytest.mark.parametrize("name", tomllib.loads(DIALECTS.read_text()))
def test_every_model_is_whole(name: str) -> None:
    model = model_named(name)
    assert model.trigger and model.stop and model.trigger != model.stop
    assert bool(model.sleep) == bool(model.wake)
    re.compile(model.reply)
    assert Lines(model.suffix, model.reply).feed(CODE + b"\r") == [CODE]
    assert Settings("/dev/ttyACM0", model=name, trigger=True, sleep=bool(model.sleep))


def test_what_the_profile_says_goes_before_the_model() -> None:
    assert model_named("honeywell").baud == 115200
    assert model_named("honeywell", 9600, "|").baud == 9600
    assert model_named("honeywell", 9600, "|").suffix == "|"


def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match='"gm56" is not known; there is gm65'):
        model_named("gm56")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("gm65", bytes.fromhex("02 00 00 01 00 33 31")),
        ("newland", b"\x02\x010000#SCNTRG1\x06;\x03"),
        ("zebra", bytes.fromhex("04 D0 00 00 FF 2C")),
    ],
)
def test_an_answer_to_a_command_is_no_part_of_a_code(name: str, answer: bytes) -> None:
    model = model_named(name)
    lines = Lines(model.suffix, model.reply)
    assert lines.feed(answer + answer + CODE + b"\r" + CODE + b"\r") == [CODE, CODE]
    lines.feed(answer)
    assert lines.silence() == 0, "an answer alone is no half code"


def test_with_aim_a_second_half_is_no_code() -> None:
    lines = Lines("\r", aim=True)
    assert lines.feed(b"]Q1" + CODE + b"\r") == [b"]Q1" + CODE]
    assert lines.feed(CODE[8:] + b"\r") == []


def test_a_scanner_on_command_is_told_when_a_code_is_awaited() -> None:
    model = model_named("gm65")
    mouth = Mouth(model, trigger=True, sleep=True)
    assert mouth.words(False, 0) == b"", "it sleeps already"
    assert mouth.words(True, 1) == model.wake + model.trigger
    assert mouth.words(True, 2) == b""
    assert mouth.words(True, 5.1) == model.trigger, "before the five seconds of the first are over"
    mouth.read_one()
    assert mouth.words(True, 5.2) == model.trigger, "another customer's code"
    assert mouth.words(False, 6) == model.stop + model.sleep
    assert mouth.words(False, 7) == b""
