"""Antom (Alipay+ merchant acquiring): the in-store and cashier payments of its "AMS" API (gateways.md 3).

One POST path per operation. Bodies are nested JSON; who sent them stands in the headers, and the signature
covers path, client id, time and the raw body. `result` says what became of the *call*: S done, F refused,
U unknown. For a payment by the customer's code S is paid; for a code of ours S or U only mean that there is a
code; for an inquiry S means that there is an answer, and the answer is `paymentStatus` (0.6, 3.5).

`bodies.py` is what is asked, `answers.py` what the answers mean, `settings.py` what a technician writes.
Time and signature stand in headers and are fresh; a body repeats byte for byte (I10). So `paymentExpiryTime`
is not sent: the life in the contract counts, and the answer's `expireTime` tells it.

Refusals and acknowledged cancels need not name the order: there we rely on the line, which never uses a
connection twice (F45). "Paid" and "returned" must name it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from terminal.core.effects import Request
from terminal.core.events import AnswerUnclear, OrderEvent
from terminal.core.terms import Money, WireFault
from terminal.core.timing import Timing
from terminal.gateways import DETAIL_CHARACTERS_MAX, Notice
from terminal.gateways.antom.answers import DONE, meaning, money, text
from terminal.gateways.antom.bodies import OPERATIONS, Tree, body_of, iso, number
from terminal.gateways.antom.settings import BLAME, WALLETS, Settings
from terminal.wire.envelope import MESSAGE_BYTES_MAX, as_ascii_json, json_object, note, word
from terminal.wire.http import HttpAnswer, HttpRequest, Stamp
from terminal.wire.signing import (
    Signer,
    Verifier,
    from_signature_header,
    headed,
    signature_header,
)

__all__ = ["BLAME", "TIMING", "WALLETS", "Gateway", "Settings"]

TIMING = Timing(
    first_query_ms=3_000,  # gateways.md 3.10: inquire every 3 s; it says 2 s for our own code
    query_step_ms=3_000,  # gateways.md 3.10
    create_ms=30_000,  # gateways.md 3.4 b, 7.2: 10 s, then the identical request again
    doubt_ms=60_000,  # gateways.md 3.10: every 3 s, ten to twenty times, then cancel
    earliest_undo_ms=0,  # gateways.md 7.2: none is known
    life_ms=180_000,  # features.md a.3 row 11: an order code lives 3 min; `expireTime` wins
    verify_ms=130_000,  # reliability.md 0.3: a cancel of a payment never seen buries nothing for sure
    grace_ms=20_000,  # reliability.md 3.5
    undo=True,  # gateways.md 3.6
    undo_returns=True,  # gateways.md 3.6: a cancel of a paid order is a full refund
    create_again=True,  # gateways.md 3.4 b, 3.9: the same number and body give the same result
    tombstone=False,  # gateways.md 3.6: unconfirmed
)


class Gateway:
    """The codec. `wallets`: our ids -> paymentMethodType of a submit, over the built-in ones."""

    acknowledgement = HttpAnswer(  # 3.11
        200,
        b'{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}',
        {"content-type": "application/json"},
    )

    def __init__(
        self,
        settings: Settings,
        signer: Signer,
        verifier: Verifier,
        wallets: Mapping[str, str] | None = None,
        timing: Timing = TIMING,
    ) -> None:
        self.name = "antom"
        self.timing = timing
        self._settings = settings
        self._signer = signer
        self._verifier = verifier
        self._wallets = {**WALLETS, **(wallets or {})}

    def build(self, request: Request, stamp: Stamp) -> HttpRequest:
        settings = self._settings
        path = self._path(request)
        body = as_ascii_json(body_of(request, settings, self._wallets, stamp))
        time = str(stamp.utc_ms) if settings.request_time_format == "ms" else iso(stamp)
        signature = self._signer.sign(headed(path, settings.client_id, time, body))
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "client-id": settings.client_id,
            "request-time": time,
            "signature": signature_header(signature, settings.key_version),
        }
        if settings.agent_token:
            headers["agent-token"] = settings.agent_token
        return HttpRequest(path, body, headers, settings.read_timeout_ms)

    def _path(self, request: Request) -> str:
        return f"{self._settings.folder}/{OPERATIONS[type(request)][0]}"

    # -- what comes back -----------------------------------------------------------------------------------

    def parse(self, request: Request, answer: HttpAnswer, at_ms: int) -> OrderEvent:
        try:
            if answer.status != 200:
                raise WireFault(f"HTTP status {answer.status}")
            tree = self._answer(request, answer)
            time = answer.headers.get("response-time", "")
            return meaning(request, tree, self._settings.not_found_codes, time, at_ms)
        except WireFault as fault:
            return AnswerUnclear(at_ms=at_ms, detail=str(fault)[:DETAIL_CHARACTERS_MAX])

    def _answer(self, request: Request, answer: HttpAnswer) -> Tree:
        """The authentic answer. WireFault when it speaks of another client, order or refund (F34, F35)."""
        client_id = self._settings.client_id
        if answer.headers.get("client-id", client_id) != client_id:
            raise WireFault("the answer is for another client")
        time = answer.headers.get("response-time", "")
        tree = self._opened(self._path(request), client_id, time, answer.headers, answer.body)
        name, ours = number(request)
        if text(tree, name) not in ("", ours):
            raise WireFault(f"the answer is about another {name}")
        return tree

    def _opened(
        self, path: str, client_id: str, time: str, headers: Mapping[str, str], body: bytes
    ) -> Tree:
        """What Antom signed, over the raw bytes (3.2). WireFault for everything else."""
        if len(body) > MESSAGE_BYTES_MAX:
            raise WireFault("the message is too large")
        signature = from_signature_header(headers.get("signature", ""))
        if not time or not self._verifier.verify(headed(path, client_id, time, body), signature):
            raise WireFault("the signature is missing or wrong")
        try:
            return json_object(body.decode())
        except UnicodeDecodeError:
            raise WireFault("the message is no text") from None

    # -- notices (3.11) ------------------------------------------------------------------------------------

    def notice(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Notice:
        """Signed as an answer is, over our own path. A kind that we do not know is acknowledged only."""
        if method != "POST":
            raise WireFault("a notice is posted")
        client_id = headers.get("client-id", "")
        tree = self._opened(path, client_id, headers.get("request-time", ""), headers, body)
        said = text(tree, "notifyType")
        if not said:
            raise WireFault("signed, but no notice")
        kind: _Kind = _KINDS.get(said, "other")
        order_no = note(text(tree, _NUMBERS[kind]))
        if kind != "other" and order_no is None:
            raise WireFault("a notice that names no order")
        ref = note(text(tree, "refundId" if kind == "refund" else "paymentId"))
        ended = "/".join(
            word(text(tree, *names))
            for names in (("result", "resultStatus"), ("result", "resultCode"), ("refundStatus",))
        )
        moved = _moved(said, tree)
        amount = _legible(tree, moved) if moved else None
        return Notice(
            order_no=order_no or "",
            kind=kind,
            amount=amount,
            merchant_ok=client_id == self._settings.client_id,
            gateway_ref=ref,
            event_key=f"{order_no}/{ref}/{word(said)}/{ended}",
            illegible=bool(moved) and amount is None,
        )


_Kind = Literal["payment", "refund", "other"]
_KINDS: Mapping[str, _Kind] = {
    "PAYMENT_RESULT": "payment",
    "PAYMENT_PENDING": "payment",
    "OFFLINE_PAYMENT_CODE": "payment",
    "REFUND_RESULT": "refund",
}
_NUMBERS = {"payment": "paymentRequestId", "refund": "refundRequestId", "other": ""}


def _moved(said: str, tree: Tree) -> str:
    """The name of the amount that a notice says moved, "" when it says that none did."""
    if (text(tree, "result", "resultStatus"), text(tree, "result", "resultCode")) != DONE:
        return ""
    if said == "REFUND_RESULT" and text(tree, "refundStatus") == "SUCCESS":
        return "refundAmount"
    return "paymentAmount" if said == "PAYMENT_RESULT" else ""


def _legible(tree: Tree, name: str) -> Money | None:
    """That amount; illegible is as good as none: ask."""
    try:
        return money(tree, name)
    except WireFault:  # authentic all the same
        return None
