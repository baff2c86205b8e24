"""What this gateway does where real gateways differ, or where nobody could find out (gateways.md 8).

One value, changed as a whole through `POST /sandbox/settings` and kept with the books.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from terminal.core.terms import Refusal

DAY_MS = 86_400_000

Span = Annotated[int, msgspec.Meta(ge=0, le=DAY_MS)]
Behaviour = Literal["pays", "confirms", "declines", "insufficient", "expired"]
Entries = Literal["all", "images", "none"]


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times are the gateway's milliseconds; a life here is `*_ms // time_factor` of wall time.

    `time_factor`: how much faster than the world this gateway lives.
    `repeat`: a request whose order number is known: "refuse" it, or answer the "same" again when it asks for
        the same thing (gateways.md 1.9).
    `tombstones`: a revoke of an unknown order is accepted and makes that number unpayable for ever;
        otherwise it is "no such order", and a payment request that comes later still goes through.
    `earliest_revoke_ms`: no revoke sooner after the order was made (gateways.md 1.10: 15 s; not at Antom).
    `cancel_window_ms`: a paid order older than this cannot be revoked, only refunded (gateways.md 3.6, 8.9).
    `code_life_ms`: life of a customer's code. `order_life_ms`: of an order that names none; None: as
        usual at that gateway (gateways.md 1.4, 3.3, 3.4).
    `late_payment`: a shown code can still be paid after its expiry (it happens: gateways.md 1.10).
    `paid_after_close`: so can one that was closed: its payment and the revoke crossed on the way (I5).
    `void_stays_paid`: a query of a paid and then revoked order still says paid (gateways.md 8.8).
    `echo_order_no`: answers to create and submit name the order too, beyond what is documented.
    `unlisted_codes`: what becomes of a payment code that no wallet of ours made.
    `refund_ms`: how long a refund is under way. `refund_fails`: it is accepted, and fails.
    `code_entries`: what Antom's orderCodeForm holds: text and images, images alone, or there is no form and
        the code is in normalUrl, for the cashier (gateways.md 3.4).
    `opening_balance_minor`: what a customer's wallet holds when it is first seen, per currency.
    """

    time_factor: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    repeat: Literal["refuse", "same"] = "refuse"
    tombstones: bool = False
    earliest_revoke_ms: Span = 15_000
    cancel_window_ms: Span = DAY_MS
    code_life_ms: Span = 60_000
    order_life_ms: Span | None = None
    late_payment: bool = False
    paid_after_close: bool = False
    void_stays_paid: bool = False
    echo_order_no: bool = False
    unlisted_codes: Behaviour = "declines"
    refund_ms: Span = 0
    refund_fails: bool = False
    code_entries: Entries = "all"
    opening_balance_minor: Annotated[int, msgspec.Meta(ge=0, le=10**15)] = 10**14

    def span_ms(self, gateway_ms: int) -> int:
        """That much of the gateway's time in milliseconds of ours, never nothing."""
        return max(gateway_ms // self.time_factor, 1) if gateway_ms else 0

    def changed(self, wanted: dict[str, object]) -> Rules:
        """These rules with some replaced; Refusal when a name or a value is not one of ours."""
        try:
            return msgspec.convert(msgspec.structs.asdict(self) | wanted, Rules)
        except msgspec.ValidationError as wrong:
            known = ", ".join(Rules.__struct_fields__)
            raise Refusal(f"{wrong}. The settings are: {known}.") from None
