"""What is believed (decoding.md 6; money is at stake).

1. A QR code is believed at once: its Reed-Solomon check leaves no misreads.
2. Code 128 has one check character, and does misread. It needs two witnesses that say the same: two readers,
   two frames, or two views of one frame. A text that no wallet's scheme knows needs three.
3. Code 128 shorter than `shortest` is no reading at all.
4. Two readings that differ in one frame are none: a guess about whose money it is would be worse.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from terminal.eye.readers import QR
from terminal.eye.seen import Code, Seen

WITNESSES = 2
WITNESSES_WITHOUT_SCHEME = 3
REMEMBERED_FRAMES = 45  # how long a witness of an earlier frame counts: 1.5 s


@dataclass(slots=True)
class Judge:
    """Hears readings frame by frame. `shortest`: characters of a Code 128 that is taken."""

    shortest: int
    _frame: int = 0
    _heard: dict[str, Code] = field(default_factory=dict)
    _witnesses: dict[str, dict[str, int]] = field(default_factory=dict)
    """By text: who said it, and in which frame last."""

    def next_frame(self) -> None:
        self._frame += 1
        self._heard.clear()
        oldest = self._frame - REMEMBERED_FRAMES
        for text, witnesses in list(self._witnesses.items()):
            kept = {who: frame for who, frame in witnesses.items() if frame >= oldest}
            if kept:
                self._witnesses[text] = kept
            else:
                del self._witnesses[text]

    def hear(self, stage: str, seen: list[Seen]) -> None:
        """What a stage saw in this frame. A Code 128 without proof gets its second opinions at once."""
        for each in seen:
            self._take(stage, each)
        for each in seen:
            if each.reading.text in self._heard and not self._is_proved(each.reading.text):
                for second in each.second_opinions():
                    self._take(stage, second)

    def _take(self, stage: str, seen: Seen) -> None:
        """The same reader in the same view is one witness, however often; in another frame it is another."""
        reading = seen.reading
        text = reading.text
        is_qr = reading.symbology == QR
        if not text or (not is_qr and len(text) < self.shortest):
            return
        if is_qr or text not in self._heard:
            self._heard[text] = seen.code(stage)
        witnesses = self._witnesses.setdefault(text, {})
        for number in range(WITNESSES_WITHOUT_SCHEME if is_qr else reading.witnesses):
            witnesses[f"{seen.witness} {number} {self._frame}"] = self._frame

    @property
    def heard(self) -> bool:
        """Whether anything was read in this frame, proved or not."""
        return bool(self._heard)

    @property
    def decided(self) -> bool:
        """Whether this frame needs no further stage: read, or two readings differ."""
        return len(self._heard) > 1 or bool(self.verdict())

    def verdict(self) -> list[Code]:
        """The code of this frame: a list of one, or empty."""
        if len(self._heard) != 1:
            return []
        return [code for code in self._heard.values() if self._is_proved(code.text)]

    def _is_proved(self, text: str) -> bool:
        witnesses = len(self._witnesses.get(text, ()))
        return witnesses >= WITNESSES_WITHOUT_SCHEME or (
            witnesses >= WITNESSES and _has_scheme(text)
        )


def _has_scheme(text: str) -> bool:
    """Whether it may be a payment code by the wallets' rules, which are loaded for the first Code 128."""
    from terminal.codes import wallets
    from terminal.codes.scanned import Refused

    try:
        wallets.identify(text, symbology="code128")
    except Refused:
        return False
    return True
