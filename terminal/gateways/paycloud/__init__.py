"""PayCloud and CodePay: one protocol of one vendor, two sets of hosts and wallet names (gateways.md 1, 2).

One POST for everything; `method` says what is wanted. Requests are flat fields, every value a text, signed
over the sorted fields. Answers are `{"code", "msg", "psn", "data", "sign"}`, where `data` is JSON *as text*
and the signature covers that text literally. `code` says whether the call was processed, `trans_status` what
became of the order. The vendor's SDK accepts an answer without a signature; this codec does not (0.5).

Answers to a submit or a revoke need not name the order. "Paid" without a name is only a hint, and a refund
without its name is never done; for the others we rely on the line, which never uses a connection twice (F45).

`bodies.py` is what is asked, `answers.py` what the answers mean, `settings.py` what a technician writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from terminal.core.effects import Request
from terminal.core.events import AnswerUnclear, OrderEvent
from terminal.core.terms import Money, WireFault
from terminal.core.timing import Timing
from terminal.gateways import DETAIL_CHARACTERS_MAX, Notice
from terminal.gateways.paycloud.answers import AMOUNTS, REFUND, SALE, SUCCESS, VOID, meaning
from terminal.gateways.paycloud.bodies import fields_of
from terminal.gateways.paycloud.settings import BLAME, WALLETS, Settings
from terminal.wire.envelope import as_form, as_json, major_money, note, opened, sealed, word
from terminal.wire.http import HttpAnswer, HttpRequest, Stamp
from terminal.wire.signing import Signer, Verifier

__all__ = ["BLAME", "TIMING", "WALLETS", "Gateway", "Settings"]

NOTIFY = "payment.result.notify"  # 1.11

TIMING = Timing(
    first_query_ms=5_000,  # gateways.md 1.10, the vendor's pages
    query_step_ms=5_000,  # 1.10: every 5 s
    create_ms=30_000,  # 1.2: the SDK waits 30 s for an answer
    doubt_ms=60_000,  # 1.10: query up to 60 s, then cancel
    earliest_undo_ms=15_000,  # 1.10, 0.9: no cancel sooner than 15 s after the order was created
    life_ms=180_000,  # sent as `expires`; the SDK's samples say 90 and 300 (1.4)
    verify_ms=130_000,  # nobody knows of a tombstone: reliability.md 0.3
    grace_ms=20_000,  # reliability.md 3.5
    undo=True,  # gateways.md 0: order.revoker; CodePay's page lacks it: `revoke`
    undo_returns=True,  # 1.10: a successful order is refunded, an unpaid one closed
    create_again=False,  # 1.9: an answer to a repeated number is not documented
    tombstone=False,  # reliability.md 0.3: unconfirmed
)


class Gateway:
    """The codec. `wallets`: our ids -> pay_method_id, over the built-in ones."""

    acknowledgement = HttpAnswer(200, b"success", {"content-type": "text/plain"})  # 1.11

    def __init__(
        self,
        settings: Settings,
        signer: Signer,
        verifier: Verifier,
        wallets: Mapping[str, str] | None = None,
        timing: Timing = TIMING,
    ) -> None:
        self.name: str = settings.profile
        self.timing = replace(timing, undo=timing.undo and settings.revoke)
        self._settings = settings
        self._signer = signer
        self._verifier = verifier
        self._wallets = {**WALLETS[settings.profile], **(wallets or {})}

    def build(self, request: Request, stamp: Stamp) -> HttpRequest:
        settings = self._settings
        life_ms = self.timing.life_ms
        fields = sealed(fields_of(request, settings, self._wallets, life_ms, stamp), self._signer)
        body, content_type = as_json(fields) if settings.body == "json" else as_form(fields)
        return HttpRequest(
            path=settings.paths.get(fields["method"], settings.path),
            body=body,
            headers={"Content-Type": content_type, "Accept": "application/json"},
            read_timeout_ms=settings.read_timeout_ms,
        )

    def parse(self, request: Request, answer: HttpAnswer, at_ms: int) -> OrderEvent:
        try:
            if answer.status != 200:
                raise WireFault(f"HTTP status {answer.status}")
            return meaning(request, opened(answer.body, self._verifier), self._settings, at_ms)
        except WireFault as fault:
            return AnswerUnclear(at_ms=at_ms, detail=str(fault)[:DETAIL_CHARACTERS_MAX])

    # -- notices -------------------------------------------------------------------------------------------

    def notice(
        self,
        method: str,
        path: str,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
        body: bytes,
    ) -> Notice:
        """gateways.md 1.11. The signature covers neither path nor headers."""
        if method != "POST":
            raise WireFault("a notice is posted")
        fields = opened(body, self._verifier)
        order_no = note(fields.get("merchant_order_no"))
        if fields.get("method") != NOTIFY or order_no is None:
            raise WireFault("signed, but no notice about an order")
        kind, status = fields.get("trans_type", SALE), fields.get("trans_status", "")
        ref = note(fields.get("trans_no"))
        moved = status == SUCCESS and kind in (SALE, REFUND)
        amount = _moved(fields) if moved else None
        return Notice(
            order_no=order_no,
            kind="refund" if kind == REFUND else "payment" if kind in (SALE, VOID) else "other",
            amount=amount,
            merchant_ok=self._is_ours(fields),
            gateway_ref=ref,
            event_key=f"{order_no}/{ref}/{word(kind)}/{word(status)}",
            illegible=moved and amount is None,
        )

    def _is_ours(self, fields: Mapping[str, str]) -> bool:
        """F57. The store need not be in it; the account must."""
        settings = self._settings
        store_no = fields.get("store_no", settings.store_no)
        return (
            fields.get("merchant_no") == settings.merchant_no
            and fields.get("app_id") == settings.app_id
            and (not settings.store_no or store_no == settings.store_no)
        )


def _moved(fields: Mapping[str, str]) -> Money | None:
    """The amount of a notice, when its amounts are legible, agree and name their currency."""
    currency = fields.get("price_currency", "")
    try:
        amounts = {major_money(fields[name], currency) for name in AMOUNTS if name in fields}
    except WireFault:  # authentic all the same: a hint to ask
        return None
    return amounts.pop() if len(amounts) == 1 else None
