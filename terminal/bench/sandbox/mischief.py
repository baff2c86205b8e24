"""Which misbehaviour comes next. What each one does is done by the wire (what the answer says), by the server
(how it leaves) and by the postman (notifications).

    kind             request applied?  the terminal gets
    drop_before      no                a reset connection
    drop_after       yes               a reset connection
    late             after delay_ms    a reset connection at once; the request lay somewhere on the way
    delay            yes               the right answer after delay_ms
    slow_bytes       yes               the right answer, a byte every delay_ms
    truncated        yes               half of the right answer, then the end
    5xx_before       no                500 and a page
    5xx_after        yes               500 and a page
    html             no                200 and a captive portal's page
    empty            yes               200 and nothing
    huge             yes               200 and 8 MiB
    wrong_signature  yes               the right answer under a signature that does not verify
    unsigned         yes               the right answer without a signature
    other_order      yes               a well signed answer about somebody else's order
    unknown_code     yes               a well signed answer with a code that stands in no list
    duplicate        twice             the answer to the second
    clock_refusal    no                "your clock is wrong", well signed
    notice_first     yes               the right answer, after the notifications that are due (at most delay_ms)

Of notifications (operation "notice"):

    delay            the postman waits delay_ms, and everything behind it
    late             delivered delay_ms later; what happens meanwhile is told first, in the wrong order (F60)
    duplicate        delivered twice
    wrong_signature, unsigned   forged: delivered so, and again rightly when it was not acknowledged
    other_order      well signed, about somebody else's order
    wrong_amount     well signed, one minor unit too much (F58)
    stale            rightly signed, a day ago (F56)

Every other kind loses that delivery. The two kinds for notifications alone change no answer.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Literal

import msgspec

from terminal.core.terms import Refusal

RULES_MAX = 64
DELAY_MAX_MS = 120_000


class Kind(Enum):
    """The table above. `OF_THE_WIRE` say something else; the others say it in another way."""

    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    LATE = "late"
    DELAY = "delay"
    SLOW_BYTES = "slow_bytes"
    TRUNCATED = "truncated"
    FAIL_BEFORE = "5xx_before"
    FAIL_AFTER = "5xx_after"
    HTML = "html"
    EMPTY = "empty"
    HUGE = "huge"
    WRONG_SIGNATURE = "wrong_signature"
    UNSIGNED = "unsigned"
    OTHER_ORDER = "other_order"
    UNKNOWN_CODE = "unknown_code"
    DUPLICATE = "duplicate"
    CLOCK_REFUSAL = "clock_refusal"
    NOTICE_FIRST = "notice_first"
    WRONG_AMOUNT = "wrong_amount"
    STALE = "stale"


Operation = Literal["create", "submit", "query", "revoke", "refund", "refund_query", "notice"]


class Prank(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule. `count`: how many requests it still hits, None: no end. `probability`: of each request.

    `delay_ms` is our time, whatever the time factor: a line does not get faster with the gateway."""

    kind: Kind
    operation: Operation | Literal["any"] = "any"
    count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = 1
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=DELAY_MAX_MS)] = 2_000

    def hits(self, operation: str) -> bool:
        """ "any" means what terminals ask; our own notifications must be named."""
        return self.operation == operation or (self.operation == "any" and operation != "notice")


class Mischief:
    """The standing rules; the first that hits is played. Threads may share it."""

    def __init__(self, seed: int | None = None) -> None:
        self._dice = random.Random(seed)
        self._lock = threading.Lock()
        self._pranks: list[Prank] = []

    def ask_for(self, wanted: object) -> None:
        """Add one rule or a list of rules, as JSON values; Refusal when they are not rules."""
        pranks = _pranks(wanted)
        with self._lock:
            if len(self._pranks) + len(pranks) > RULES_MAX:
                raise Refusal(f"There is room for {RULES_MAX} rules. DELETE the old ones first.")
            self._pranks += pranks

    def behave(self) -> None:
        """Forget every rule."""
        with self._lock:
            self._pranks.clear()

    def standing(self) -> list[Prank]:
        with self._lock:
            return list(self._pranks)

    def next(self, operation: str) -> Prank | None:
        """The misbehaviour for this request; a rule with a count is used up by it."""
        with self._lock:
            for at, prank in enumerate(self._pranks):
                if prank.hits(operation) and self._dice.random() < prank.probability:
                    self._used(at, prank)
                    return prank
        return None

    def _used(self, at: int, prank: Prank) -> None:
        if prank.count == 1:
            del self._pranks[at]
        elif prank.count:
            self._pranks[at] = msgspec.structs.replace(prank, count=prank.count - 1)


def of_header(header: str) -> Prank:
    """The misbehaviour that a request asks for itself: "delay" or "delay; delay_ms=50"."""
    found = _HEADER.fullmatch(header.strip())
    if not found:
        raise Refusal(f"{header[:40]!r}: write Sandbox-Misbehave: kind; delay_ms=50")
    wanted: dict[str, object] = {"kind": found["kind"]}
    if found["delay_ms"]:
        wanted["delay_ms"] = int(found["delay_ms"])
    return _pranks(wanted)[0]


_HEADER = re.compile(r"(?P<kind>[a-z0-9_]{1,32})(?:\s*;\s*delay_ms=(?P<delay_ms>[0-9]{1,6}))?")


def _pranks(wanted: object) -> list[Prank]:
    if isinstance(wanted, Mapping) and "rules" in wanted:
        wanted = wanted["rules"]
    many = wanted if isinstance(wanted, list) else [wanted]
    try:
        return msgspec.convert(many, list[Prank])
    except msgspec.ValidationError as wrong:
        kinds = ", ".join(kind.value for kind in Kind)
        raise Refusal(f"{wrong}. The kinds are: {kinds}.") from None
