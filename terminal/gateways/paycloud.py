"""PayCloud and CodePay: one protocol of one vendor, two sets of hosts and wallet names (gateways.md 1, 2).

One POST for everything; `method` says what is wanted. Requests are flat fields, every value a text, signed
over the sorted fields. Answers are `{"code", "msg", "psn", "data", "sign"}`, where `data` is JSON *as text*
and the signature covers that text literally. `code` says whether the call was processed, `trans_status` what
became of the order. The vendor's SDK accepts an answer without a signature; this codec does not (0.5).

Answers to a submit or a revoke need not name the order. "Paid" without a name is only a hint, and a refund
without its name is never done; for the others we rely on the line, which never uses a connection twice (F45).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from terminal.codes.scanned import PaymentCode
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
    RefundAccepted,
    RefundDone,
    RefundFailed,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
)
from terminal.core.sale import Reason
from terminal.core.terms import HouseFault, Money, Refusal, WireFault
from terminal.core.timing import Timing
from terminal.gateways import Notice
from terminal.wire.envelope import (
    as_form,
    as_json,
    echoes,
    json_object,
    major_money,
    note,
    opened,
    sealed,
    unsendable,
    word,
)
from terminal.wire.http import HttpAnswer, HttpRequest, Stamp
from terminal.wire.signing import Signer, Verifier

QR_CHARACTERS_MAX = 2_000  # more fits no symbol that a phone reads off a small display (F46)
DETAIL_CHARACTERS_MAX = 80

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

# -- the closed lists -------------------------------------------------------------------------------------

FAILED, SUCCESS, CANCELLED, WAITING, PAYING = "1", "2", "3", "9", "0"  # trans_status (1.8)
SALE, VOID, REFUND = "1", "2", "3"  # trans_type (1.8)
NOTIFY = "payment.result.notify"  # 1.11
AMOUNTS = ("order_amount", "trans_amount")
UNDO = (CloseOrder, ReverseOrder, VoidOrder)

# trans_error_code beside trans_status 1: only why. The status alone says that no money moved.
REASONS: Mapping[str, Reason] = {
    "TS-D2012": Reason.INSUFFICIENT_FUNDS,  # 1.7, seen on the wire
    "110": Reason.REFUSED,  # operator cancelled, seen on the wire
    "102": Reason.REFUSED,  # cancelled; this and the next: the ECR family's list (1.7)
    "106": Reason.REFUSED,
    "112": Reason.EXPIRED,
    "115": Reason.REFUSED,
    "120": Reason.LIMIT,
    "NOTENOUGH": Reason.INSUFFICIENT_FUNDS,  # the wallets' own words (6), unconfirmed here
    "AUTHCODEEXPIRE": Reason.CODE_EXPIRED,
    "AUTH_CODE_INVALID": Reason.CODE_INVALID,
    "AUTH_CODE_USED": Reason.CODE_USED,
}
# These contradict trans_status 1: in progress, successful, refunded, time-out, unknown, network, duplicate,
# unknown (1.7). What contradicts itself is in doubt.
DOUBTFUL = frozenset({"101", "103", "105", "107", "108", "109", "113", "999"})

# Result codes that speak of a setting (1.7): `terminalctl gateway check` names it.
BLAME: Mapping[str, tuple[str, ...]] = {
    "SYS002": (
        "app_id",
        "private_key_file",
    ),  # one code for an unknown app and for a wrong signature
    "SYS011": ("body",),
    "E07303": ("path", "paths"),  # or not enabled in the merchant portal, API tab
    "M009": ("merchant_no",),
}

# Our wallet ids -> pay_method_id (1.8).
_ALIPAY = ("alipay+", "alipay-cn", "alipay-hk")
_OTHERS = {"wechat": "WeChatPay", "unionpay": "UnionPay", "rakutenpay": "RakutenPay"}
_OTHERS |= {"paypay": "PayPay", "dbarai": "DPay", "merpay": "MerPay", "aupay": "AuPay"}
WALLETS: Mapping[str, Mapping[str, str]] = {
    "paycloud": {**dict.fromkeys(_ALIPAY, "Alipay+"), **_OTHERS},
    "codepay": {**dict.fromkeys(_ALIPAY, "Alipay"), **_OTHERS},  # 2
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the vendor issued, and whatever its pages do not tell (gateways.md 8): safe until confirmed.

    `paths`: method -> path, where an operation has its own. `decimals`: currency -> digits to write behind
    the point instead of ISO 4217's. `mpm_wallet`: our id of the wallet whose code we ask for.
    `implied_currency`: take the order's currency when an answer that says paid names none.
    """

    app_id: str
    merchant_no: str
    store_no: str = ""
    terminal_sn: str = ""  # must be bound in the merchant portal (1.4)
    profile: Literal["paycloud", "codepay"] = "paycloud"
    revoke: bool = (
        True  # CodePay's pages have no cancel, its SDK has (2): false where it is not offered
    )
    path: str = "/api/entry"
    paths: Mapping[str, str] = field(default_factory=dict)  # of a cancel: unconfirmed (8.3)
    body: Literal["json", "form"] = "json"  # the pages say json, the SDK sends a form (1.2)
    notify_url: str = ""
    mpm_wallet: str = "alipay+"
    description: str = "Purchase"  # whether it is mandatory: unconfirmed (8.7)
    submit_expires_s: int = 60  # the SDK's sample; least and most: unconfirmed (8.5)
    read_timeout_ms: int = 10_000  # reliability.md 3; the SDK waits 30 s
    decimals: Mapping[str, int] = field(default_factory=dict)  # unconfirmed for JPY, KWD (8.6)
    implied_currency: bool = False  # unconfirmed whether every answer has price_currency
    # Codes of the call (8.2). All of these lists are unconfirmed; what is in none of them is in doubt.
    not_found_codes: tuple[str, ...] = ("E04111",)
    fault_codes: tuple[str, ...] = ("SYS002", "SYS011", "E07303")  # nothing was carried out
    final_fail_codes: tuple[str, ...] = ()
    too_early_codes: tuple[str, ...] = ()
    window_over_codes: tuple[str, ...] = ()
    not_offered_codes: tuple[str, ...] = ("E07303",)  # of a void: then it becomes a refund (3.3)
    refund_fail_codes: tuple[str, ...] = ("M010", "M009")  # no such original; not this merchant's

    def __post_init__(self) -> None:
        for name in ("app_id", "merchant_no"):
            if not getattr(self, name):
                raise Refusal(f"{name} is empty. It stands in the gateway's merchant portal.")
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, str) and (trouble := unsendable(value)):
                raise Refusal(f"{name} {trouble}")
        for path in (self.path, *self.paths.values()):
            if not re.fullmatch(r"/[A-Za-z0-9._~/-]{0,200}", path):
                raise Refusal(f"{path[:40]!r} is no path. Write it like /api/entry.")


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
        if signer.public == verifier.public:
            raise Refusal(
                "The gateway's public key is this terminal's own. Get the gateway's from its portal: "
                "with ours, no answer would ever verify."
            )
        self.name: str = settings.profile
        self.timing = replace(timing, undo=timing.undo and settings.revoke)
        self._settings = settings
        self._signer = signer
        self._verifier = verifier
        self._wallets = {**WALLETS[settings.profile], **(wallets or {})}

    # -- requests ------------------------------------------------------------------------------------------

    def build(self, request: Request, stamp: Stamp) -> HttpRequest:
        settings = self._settings
        fields = sealed(self._fields(request, stamp), self._signer)
        body, content_type = as_json(fields) if settings.body == "json" else as_form(fields)
        return HttpRequest(
            path=settings.paths.get(fields["method"], settings.path),
            body=body,
            headers={"Content-Type": content_type, "Accept": "application/json"},
            read_timeout_ms=settings.read_timeout_ms,
        )

    def _fields(self, request: Request, stamp: Stamp) -> dict[str, str]:
        """Every field but the signature."""
        fields = {
            "app_id": self._settings.app_id,
            "format": "JSON",
            "charset": "UTF-8",
            "sign_type": "RSA2",
            "version": "1.0",
            "timestamp": f"{stamp.utc_ms:013}",
            "merchant_no": self._settings.merchant_no,
            "merchant_order_no": request.order_no,
        }
        match request:
            case CreateOrder():
                fields |= {"method": "cscanb.pay.getqrcode", **self._order(request)}
                fields["expires"] = str(self.timing.life_ms // 1000)
            case SubmitPayment():
                if request.code is None:
                    raise HouseFault("a payment without its code cannot be submitted")
                fields |= {"method": "bscanc.pay.submit", **self._order(request)}
                fields |= {"auth_code": request.code.reveal()}
                fields["expires"] = str(self._settings.submit_expires_s)
            case QueryOrder():
                fields["method"] = "order.query"
            case CloseOrder() | ReverseOrder():
                fields["method"] = "order.revoker"  # closes what is unpaid, returns what is paid
            case VoidOrder():
                fields |= {"method": "order.revoker", "merchant_order_no": request.of}
            case RefundOrder():
                fields |= {"method": "order.refund.submit", **self._refund(request)}
            case QueryRefund():
                fields["method"] = "order.refund.query"
        return fields

    def _refund(self, request: RefundOrder) -> dict[str, str]:
        """One of the original's two numbers is enough (1.4): ours, which is always known."""
        return {
            "orig_merchant_order_no": request.of,
            "price_currency": request.amount.currency,
            "order_amount": self._major(request.amount),
            "notify_url": self._settings.notify_url,
        }

    def _order(self, request: CreateOrder | SubmitPayment) -> dict[str, str]:
        settings = self._settings
        wallet = request.wallet
        if wallet is None and isinstance(request, CreateOrder):
            wallet = settings.mpm_wallet
        if wallet not in self._wallets:
            raise HouseFault(f"{self.name} has no name for wallet {wallet}: add it to its wallets")
        return {
            "store_no": settings.store_no,
            "terminal_sn": settings.terminal_sn,
            "pay_method_id": self._wallets[wallet],
            "price_currency": request.amount.currency,
            "order_amount": self._major(request.amount),
            "description": settings.description,
            "notify_url": settings.notify_url,
        }

    def _major(self, amount: Money) -> str:
        """Major units with exactly the currency's decimals, or as many as the settings say (1.5)."""
        digits = self._settings.decimals.get(amount.currency, amount.exponent)
        whole, _, decimals = amount.major.partition(".")
        if decimals[digits:].strip("0"):
            raise HouseFault(f"{amount} cannot be written with {digits} decimals")
        return f"{whole}.{decimals[:digits].ljust(digits, '0')}" if digits else whole

    # -- answers -------------------------------------------------------------------------------------------

    def parse(self, request: Request, answer: HttpAnswer, at_ms: int) -> OrderEvent:
        try:
            if answer.status != 200:
                raise WireFault(f"HTTP status {answer.status}")
            fields = opened(answer.body, self._verifier)
            if (code := fields.get("code", "")) != "0":
                return self._refused(request, code, fields.get("psn", ""), at_ms)
            return self._accepted(request, self._data(request, fields), at_ms)
        except WireFault as fault:
            return AnswerUnclear(at_ms=at_ms, detail=str(fault)[:DETAIL_CHARACTERS_MAX])

    def _refused(self, request: Request, code: str, psn: str, at_ms: int) -> OrderEvent:
        """The call was not processed (1.7). What that means for the order depends on what was asked."""
        settings = self._settings
        detail = word(code, _code(request))
        if isinstance(request, (CreateOrder, SubmitPayment)):
            if code in settings.fault_codes:
                return PaymentDeclined(at_ms=at_ms, reason=Reason.SETUP, detail=detail)
            if code in settings.final_fail_codes:
                reason = REASONS.get(code, Reason.REFUSED)
                return PaymentDeclined(at_ms=at_ms, reason=reason, detail=detail)
        elif isinstance(request, RefundOrder):
            if code in settings.fault_codes:
                return RefundFailed(at_ms=at_ms, reason=Reason.SETUP, detail=detail)
            if code in settings.refund_fail_codes:
                return RefundFailed(at_ms=at_ms, detail=detail)
        elif code in settings.not_found_codes:
            return OrderNotFound(at_ms=at_ms, detail=detail)
        if isinstance(request, UNDO) and (why := self._undo_refused(request, code)):
            return UndoRefused(at_ms=at_ms, why=why, detail=detail)
        raise WireFault(f"code {detail}, psn {word(psn, _code(request))}")

    def _undo_refused(self, request: Request, code: str) -> UndoRefusal | None:
        """A fault code is no answer to a void: it is repeated, and an earlier one may have been done."""
        if code in self._settings.too_early_codes:
            return UndoRefusal.TOO_EARLY
        not_offered = isinstance(request, VoidOrder) and code in self._settings.not_offered_codes
        if not_offered or code in self._settings.window_over_codes:
            return UndoRefusal.WINDOW_OVER
        return None

    def _accepted(self, request: Request, data: Mapping[str, str], at_ms: int) -> OrderEvent:
        if isinstance(request, UNDO):
            return UndoAccepted(at_ms=at_ms)
        status = data.get("trans_status", "")
        if isinstance(request, RefundOrder):  # accepted is not refunded (1.12): the query says more
            return RefundAccepted(at_ms=at_ms, gateway_ref=note(data.get("trans_no")))
        if isinstance(request, QueryRefund):
            return self._returned(request, status, data, at_ms)
        if isinstance(request, CreateOrder) and status not in (FAILED, CANCELLED):
            return _issued(data, at_ms)
        return self._became(request, status, data, at_ms)

    def _returned(
        self, request: QueryRefund, status: str, data: Mapping[str, str], at_ms: int
    ) -> OrderEvent:
        """What became of the refund. Done or failed only when it names ours and says that it is one."""
        ref = note(data.get("trans_no"))
        kind = data.get("trans_type")
        if kind not in (None, REFUND):
            raise WireFault(f"trans_type {word(kind or '')} in answer to a refund query")
        ours = kind == REFUND and "merchant_order_no" in data
        amount = self._amount(
            data, request.amount, data.get("price_currency", request.amount.currency)
        )
        if status == SUCCESS and ours and amount:
            return RefundDone(at_ms=at_ms, amount=amount, gateway_ref=ref)
        if status in (SUCCESS, WAITING, PAYING):
            return RefundAccepted(at_ms=at_ms, gateway_ref=ref)
        error = data.get("trans_error_code", "")
        if status == FAILED and ours and error not in DOUBTFUL:
            reason = REASONS.get(error, Reason.REFUSED)
            return RefundFailed(at_ms=at_ms, reason=reason, detail=word(error))
        raise WireFault(f"refund, trans_status {word(status)}, error {word(error)}")

    def _became(
        self, request: Request, status: str, data: Mapping[str, str], at_ms: int
    ) -> OrderEvent:
        """What became of the order, by trans_status (1.8)."""
        kind = data.get("trans_type", SALE)
        named = "merchant_order_no" in data
        if isinstance(request, QueryOrder) and not named and status != SUCCESS:
            raise WireFault("the answer to a query names no order")
        if (kind, status) == (VOID, SUCCESS) and named:  # 8.8: CANCELLED or this, both are accepted
            return OrderClosed(at_ms=at_ms, detail="voided")
        if kind != SALE:
            raise WireFault(f"trans_type {word(kind, _code(request))}")
        if status in (WAITING, PAYING):
            ref = note(data.get("trans_no"))
            return PaymentPending(at_ms=at_ms, payer_acting=status == PAYING, gateway_ref=ref)
        if status == SUCCESS:
            return self._approved(request, data, at_ms)
        if status == FAILED:
            return self._failed(request, data.get("trans_error_code", ""), at_ms)
        if status == CANCELLED:
            return OrderClosed(at_ms=at_ms, detail="cancelled")
        raise WireFault(f"trans_status {word(status, _code(request))}")

    def _failed(self, request: Request, code: str, at_ms: int) -> OrderEvent:
        """Closed or failed. Without an error code a queried order was closed, not declined."""
        if code in DOUBTFUL:
            raise WireFault(f"failed, but trans_error_code {code}")
        if not code and isinstance(request, QueryOrder):
            return OrderClosed(at_ms=at_ms, detail="closed")
        reason = REASONS.get(code, Reason.REFUSED)
        return PaymentDeclined(at_ms=at_ms, reason=reason, detail=word(code, _code(request)))

    def _approved(self, request: Request, data: Mapping[str, str], at_ms: int) -> OrderEvent:
        """PAID only when order, amount and currency are all in it (I3); what is missing makes it a hint."""
        currency = data.get("price_currency")
        if currency is None and self._settings.implied_currency:
            currency = request.amount.currency
        if "merchant_order_no" not in data or currency is None:
            return PaymentHinted(at_ms=at_ms)
        if (paid := self._amount(data, request.amount, currency)) is None:
            return PaymentHinted(at_ms=at_ms)
        return PaymentApproved(
            at_ms=at_ms,
            paid=paid,
            gateway_ref=note(data.get("trans_no")),
            approval=note(data.get("pay_channel_trans_no")),
            wallet=note(data.get("pay_method_id")),
        )

    def _amount(self, data: Mapping[str, str], asked: Money, currency: str) -> Money | None:
        """What it says that went through: of two amounts the one that is not what was asked."""
        stated = [data[name] for name in AMOUNTS if name in data]
        amounts = [major_money(text, currency) for text in stated]
        return next((amount for amount in amounts if amount != asked), asked if amounts else None)

    def _data(self, request: Request, fields: Mapping[str, str]) -> dict[str, str]:
        """The inner fields that say something. WireFault when they speak of another order (F34, F35)."""
        inner = json_object(fields["data"]) if "data" in fields else {}
        data = {
            name: value
            for name, value in inner.items()
            if isinstance(value, str) and value and not echoes(value, _code(request))
        }
        of = getattr(request, "of", "")
        ours = {
            "merchant_order_no": of if isinstance(request, VoidOrder) else request.order_no,
            "orig_merchant_order_no": of,
            "merchant_no": self._settings.merchant_no,
            "store_no": self._settings.store_no,
            "app_id": self._settings.app_id,
        }
        for name, own in ours.items():
            if own and data.get(name, own) != own:
                raise WireFault(f"the answer is about another {name}")
        return data

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
        return Notice(
            order_no=order_no,
            kind="refund" if kind == REFUND else "payment" if kind in (SALE, VOID) else "other",
            amount=_moved(fields) if status == SUCCESS and kind in (SALE, REFUND) else None,
            merchant_ok=self._is_ours(fields),
            gateway_ref=ref,
            event_key=f"{order_no}/{ref}/{word(kind)}/{word(status)}",
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


# -- single values -----------------------------------------------------------------------------------------


def _code(request: Request) -> PaymentCode | None:
    """The customer's code, which must not come back in anything that is kept (I11)."""
    return request.code if isinstance(request, SubmitPayment) else None


def _issued(data: Mapping[str, str], at_ms: int) -> CodeIssued:
    code = data.get("qrcode_url", "")
    if not 0 < len(code) <= QR_CHARACTERS_MAX or not code.isprintable():
        raise WireFault(f"no usable code in the answer ({len(code)} characters)")
    return CodeIssued(at_ms=at_ms, code=code, gateway_ref=note(data.get("trans_no")))


def _moved(fields: Mapping[str, str]) -> Money | None:
    """The amount of a notice, when its amounts are legible, agree and name their currency."""
    currency = fields.get("price_currency", "")
    try:
        amounts = {major_money(fields[name], currency) for name in AMOUNTS if name in fields}
    except WireFault:  # authentic all the same: a hint to ask
        return None
    return amounts.pop() if len(amounts) == 1 else None
