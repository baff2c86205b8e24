"""How scanner models speak: what they send by themselves, and what can be said to them. The words are data, in
dialects.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

DIALECTS = Path(__file__).with_name("dialects.toml")
BAUD, SUFFIX = 9600, "\r\n"
RETRIGGER = 0.8  # of the time that a trigger lasts


@dataclass(frozen=True, slots=True)
class Model:
    """A section of dialects.toml, with its bytes as bytes."""

    baud: int = BAUD
    suffix: str = SUFFIX
    trigger: bytes = b""
    stop: bytes = b""
    hold_s: float = 5
    sleep: bytes = b""
    wake: bytes = b""
    reply: bytes = b""


COMMANDS = ("trigger", "stop", "sleep", "wake")


def model_named(name: str, baud: int = 0, suffix: str = "") -> Model:
    """The model, with the baud and suffix that were said instead of its own. ValueError, with the nearest right
    word, when dialects.toml has none of that name."""
    if not name:
        return Model(baud=baud or BAUD, suffix=suffix or SUFFIX)
    known = tomllib.loads(DIALECTS.read_text(encoding="utf-8"))
    if name not in known:
        import difflib  # 5 ms: only when a word is wrong

        close = difflib.get_close_matches(name, known, n=1) or sorted(known)
        raise ValueError(
            f'model "{name}" is not known; there is {", ".join(close)}. Any other works without '
            "`model`, if it sends CR or LF after each code"
        )
    said = known[name]
    return Model(
        baud=baud or said["baud"],
        suffix=suffix or said["suffix"],
        hold_s=said["hold_s"],
        reply=said.get("reply", "").encode("latin-1"),
        **{command: bytes.fromhex(said.get(command, "")) for command in COMMANDS},
    )


class Mouth:
    """What is said to a scanner that reads on command."""

    def __init__(self, model: Model, *, trigger: bool, sleep: bool) -> None:
        self._model = model
        self._trigger, self._sleep = trigger, sleep
        self._awake = not sleep
        self._until_s: float | None = None  # when the trigger that was given must be given again

    def words(self, armed: bool, now_s: float) -> bytes:
        """The bytes to send now, mostly none."""
        if armed:
            return self._begin(now_s)
        said = self._model.stop if self._until_s is not None else b""
        self._until_s = None
        if self._awake and self._sleep:
            self._awake = False
            said += self._model.sleep
        return said

    def read_one(self) -> None:
        """A code came, and with it the trigger ended."""
        if self._until_s is not None:
            self._until_s = 0.0

    def _begin(self, now_s: float) -> bytes:
        said = b"" if self._awake else self._model.wake
        self._awake = True
        if self._trigger and (self._until_s is None or now_s >= self._until_s):
            self._until_s = now_s + self._model.hold_s * RETRIGGER
            said += self._model.trigger
        return said
