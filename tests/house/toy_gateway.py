"""A whole gateway in one file: the pattern to copy (README, "Add a gateway").

The wire: POST /toy with a JSON object; a header `sign` holds the base64 signature over the raw body, both ways.
It sells with a code of ours or the customer's, and knows no refunds. `Counterpart` is the gateway's side of
it, for the contract test.
"""

# ruff: noqa: ARG002  (a Protocol's arguments are not all needed everywhere)
from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from terminal.core.effects import (
    CloseOrder,
    CreateOrder,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    Request,
    ReverseOrder,
    SubmitPayment,
    VoidOrder,
)
from terminal.core.events import (
    AnswerUnclear,
    CodeIssued,
    OrderClosed,
    OrderEvent,
    OrderNotFound,
    PaymentApproved,
    PaymentDeclined,
    PaymentHinted,
    PaymentPending,
    UndoAccepted,
)
from terminal.core.terms import HouseFault, Money, Refusal, WireFault
from terminal.core.timing import Timing
from terminal.gateways import Notice
from terminal.wire.envelope import json_object, minor_money, note, word
from terminal.wire.http import HttpAnswer, HttpRequest, Stamp
from terminal.wire.signing import Signer, Verifier

TIMING = Timing(
    first_query_ms=2_000,  # toy manual 1.1
    query_step_ms=2_000,  # toy manual 1.1
    create_ms=10_000,  # toy manual 1.2
    doubt_ms=30_000,  # toy manual 1.3
    earliest_undo_ms=0,  # toy manual 1.4
    life_ms=60_000,  # toy manual 1.2
    verify_ms=130_000,  # reliability.md 0.3: nobody promises otherwise
    grace_ms=20_000,  # reliability.md 3.5
    undo=True,  # toy manual 1.4
    undo_returns=True,  # toy manual 1.4
    create_again=True,  # toy manual 1.2
    tombstone=False,  # toy manual 1.4 is silent
)

# The closed lists (rule 3 of terminal/gateways): whatever is not in them is in doubt.
DECLINED = ("no_money", "code_used")
WORDS = {CreateOrder: "create", SubmitPayment: "submit", QueryOrder: "query"}
WORDS |= {CloseOrder: "undo", ReverseOrder: "undo"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The keys under [gateway.toy]. What has no default must be written."""

    shop: str
    path: str = "/toy"

    def __post_init__(self) -> None:
        if not self.shop:
            raise Refusal("shop is empty. It stands on the toy's box.")


class Gateway:
    acknowledgement = HttpAnswer(200, b"thanks", {"content-type": "text/plain"})

    def __init__(
        self,
        settings: Settings,
        signer: Signer,
        verifier: Verifier,
        wallets: Mapping[str, str] | None = None,
        timing: Timing = TIMING,
    ) -> None:
        self.name = "toy"
        self.timing = timing
        self._settings = settings
        self._signer = signer
        self._verifier = verifier
        self._wallets = wallets or {}

    def build(self, request: Request, stamp: Stamp) -> HttpRequest:
        """Nothing of the stamp goes into the body: a repeat is the same to the byte (I10)."""
        if isinstance(request, (RefundOrder, QueryRefund, VoidOrder)):
            raise HouseFault("toy knows neither refund nor void")
        fields = {
            "shop": self._settings.shop,
            "do": WORDS[type(request)],
            "order": request.order_no,
            "minor": str(request.amount.minor),
            "currency": request.amount.currency,
        }
        if isinstance(request, SubmitPayment):
            if request.code is None:
                raise HouseFault("a payment without its code cannot be submitted")
            fields["code"] = request.code.reveal()
        body = json.dumps(fields).encode()
        headers = {"sign": base64.b64encode(self._signer.sign(body)).decode()}
        return HttpRequest(self._settings.path, body, headers | {"time": str(stamp.utc_ms)})

    def parse(self, request: Request, answer: HttpAnswer, at_ms: int) -> OrderEvent:
        try:
            if answer.status != 200:
                raise WireFault(f"HTTP status {answer.status}")
            said = self._opened(answer.headers, answer.body)
            if said.get("order") != request.order_no or said.get("shop") != self._settings.shop:
                raise WireFault("the answer is about another order")
            return _meaning(request, said, at_ms)
        except WireFault as fault:
            return AnswerUnclear(at_ms=at_ms, detail=str(fault))

    def notice(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Notice:
        if method != "POST":
            raise WireFault("a notice is posted")
        said = self._opened(headers, body)
        if not (order_no := note(said.get("order"))):
            raise WireFault("a notice that names no order")
        status = said.get("status", "")
        return Notice(
            order_no=order_no,
            kind="payment",
            amount=_money(said) if status == "paid" else None,
            merchant_ok=said.get("shop") == self._settings.shop,
            gateway_ref=None,
            event_key=f"{order_no}/{word(status)}",
        )

    def _opened(self, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        """Fail closed: nothing is read before the signature over the literal bytes is right."""
        try:
            signature = base64.b64decode(headers.get("sign", ""), validate=True)
        except (binascii.Error, ValueError):
            raise WireFault("the signature is no base64") from None
        if not self._verifier.verify(body, signature):
            raise WireFault("the signature is missing or wrong")
        try:
            fields = json_object(body.decode())
        except UnicodeDecodeError:
            raise WireFault("the message is no text") from None
        return {name: value for name, value in fields.items() if isinstance(value, str)}


def _meaning(request: Request, said: Mapping[str, str], at_ms: int) -> OrderEvent:
    status = said.get("status", "")
    if isinstance(request, (CloseOrder, ReverseOrder)) and status == "undone":
        return UndoAccepted(at_ms=at_ms)
    if isinstance(request, CreateOrder) and status == "open" and (qr := note(said.get("qr"))):
        return CodeIssued(at_ms=at_ms, code=qr)
    if status == "absent" and not isinstance(request, (CreateOrder, SubmitPayment)):
        return OrderNotFound(at_ms=at_ms)
    if isinstance(request, (SubmitPayment, QueryOrder)):
        if status == "paid":
            paid = _money(said)
            return PaymentApproved(at_ms=at_ms, paid=paid) if paid else PaymentHinted(at_ms=at_ms)
        if status == "open":
            return PaymentPending(at_ms=at_ms)
        if status == "closed":
            return OrderClosed(at_ms=at_ms)
        if status in DECLINED:
            return PaymentDeclined(at_ms=at_ms, detail=status)
    raise WireFault(f"status {word(status)}")


def _money(said: Mapping[str, str]) -> Money | None:
    if "minor" in said and "currency" in said:
        return minor_money(said["minor"], said["currency"])
    return None


class Counterpart:
    """The gateway's side, as little of it as the contract test needs. `signer` None: it does not sign."""

    path_is_signed = False

    def __init__(self, settings: Settings, signer: Signer | None, verifier: Verifier) -> None:
        self._shop = settings.shop
        self._signer = signer
        self._verifier = verifier

    def verifies(self, asked: HttpRequest) -> bool:
        return self._verifier.verify(asked.body, base64.b64decode(asked.headers["sign"]))

    def paid(self, request: Request, order_no: str, amount: Money) -> HttpAnswer:
        _path, headers, body = self.notice(order_no, amount)
        return HttpAnswer(200, body, headers)

    def returned(self, request: Request, order_no: str, amount: Money) -> HttpAnswer | None:
        return None  # no refunds here

    def notice(self, order_no: str, amount: Money) -> tuple[str, dict[str, str], bytes]:
        said = {"shop": self._shop, "order": order_no, "status": "paid"}
        said |= {"minor": str(amount.minor), "currency": amount.currency}
        body = json.dumps(said).encode()
        sign = base64.b64encode(self._signer.sign(body)).decode() if self._signer else ""
        return "/notify", {"sign": sign} if sign else {}, body
