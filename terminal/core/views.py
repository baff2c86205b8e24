"""What a person should see, as values. `counter.view` makes them, `screens` draws them.

A view holds no drawing and no clock; two equal views are the same picture, so an unchanged view is not
drawn again. `badge` of the enclosing `Glass` marks what must never be mistaken: TEST money, unsent work.
"""

from __future__ import annotations

from dataclasses import dataclass

from terminal.core.sale import Reason
from terminal.core.terms import Money


@dataclass(frozen=True, slots=True)
class Idle:
    """Nobody is paying. `title`: the shop's name or the time; `contact`: the line's state in words."""

    title: str
    contact: str = ""
    online: bool = True


@dataclass(frozen=True, slots=True)
class Typing:
    """The amount being keyed. `item` is what is typed now, `total` the running sum with it.
    `note`: why OK did nothing, if it did nothing."""

    item: Money
    total: Money
    items: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class Choosing:
    """Whose wallet is it? Up to three, most likely first; 0 = ask the customer; C = back."""

    amount: Money
    wallets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Presenting:
    """Our code on the glass. `remaining`/`life` in whole seconds for the shrinking bar.
    `scan_too`: the scanner is armed as well ("or show your code")."""

    amount: Money
    qr: str
    remaining_s: int
    life_s: int
    scan_too: bool = False
    payer_acting: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scanning:
    """The scanner alone is armed: "Show your code". `note`: why the last scan was no use."""

    amount: Money
    remaining_s: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The gateway was asked and has not answered yet. `text`: "One moment", "Customer is paying",
    "Cancelling"."""

    amount: Money
    text: str
    elapsed_s: int = 0


@dataclass(frozen=True, slots=True)
class Checking:
    """RESULT UNKNOWN. "Checking. Do not hand over yet." `doing`: what is being tried, in words."""

    amount: Money
    since_s: int
    doing: str


@dataclass(frozen=True, slots=True)
class Paid:
    """The one picture that hands over goods. `reference`: last four of the gateway's number."""

    amount: Money
    reference: str
    wallet: str = ""
    again: bool = False  # shown again after a restart: the last sale, not a new one


@dataclass(frozen=True, slots=True)
class NotPaid:
    """Provably not paid, and it cannot be paid any more (I6)."""

    amount: Money
    reason: Reason
    again: bool = False


@dataclass(frozen=True, slots=True)
class Attention:
    """A human must look: "Call the shop's helper", a short word for the phone, the order number."""

    amount: Money
    word: str
    order_no: str


@dataclass(frozen=True, slots=True)
class OutOfService:
    """No sale can start. `why` and `remedy`: one line each."""

    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ClockNotSet:
    """The clock is not trusted yet, so requests would be refused (gateways.md 1.3)."""


View = (
    Idle
    | Typing
    | Choosing
    | Presenting
    | Scanning
    | Waiting
    | Checking
    | Paid
    | NotPaid
    | Attention
    | OutOfService
    | ClockNotSet
)


@dataclass(frozen=True, slots=True)
class Glass:
    """All that is on the display: the view, `resolving` (older sales still unknown, the small counter in
    the corner) and `test` (sandbox money: always marked)."""

    view: View
    resolving: int = 0
    test: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A display's glass: size in pixels, `mode` "1" (mono), "L" (grey) or "RGB", and the pixel pitch in
    micrometres, which decides how far away a code can be read (decoding.md 4)."""

    width_px: int
    height_px: int
    mode: str
    pitch_um: int
    name: str = ""

    @property
    def is_wide(self) -> bool:
        """Landscape: things go beside each other, not under."""
        return self.width_px * 4 > self.height_px * 5

    def __str__(self) -> str:
        """The panel's name for people: its own, or its size."""
        return self.name or f"the {self.width_px}x{self.height_px} display"
