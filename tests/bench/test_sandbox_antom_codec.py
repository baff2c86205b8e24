"""The terminal's Antom codec against the sandbox: both sides of one wire, written by different hands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from terminal.bench.sandbox import Sandbox
from terminal.codes.scanned import PaymentCode
from terminal.core.effects import (
    CloseOrder,
    CreateOrder,
    QueryOrder,
    QueryRefund,
    RefundOrder,
    Request,
    SubmitPayment,
    VoidOrder,
)
from terminal.core.events import (
    AnswerUnclear,
    CodeIssued,
    OrderClosed,
    OrderEvent,
    PaymentApproved,
    PaymentDeclined,
    PaymentPending,
    RefundAccepted,
    RefundDone,
    RefundFailed,
    UndoAccepted,
    UndoRefusal,
    UndoRefused,
)
from terminal.core.sale import Reason
from terminal.core.terms import Money
from terminal.gateways.antom import Gateway, Settings
from terminal.wire.http import HttpAnswer, Stamp
from tests.bench.antom_till import AntomTill
from tests.bench.sandbox_till import now_ms

EUR = Money(1250, "EUR")


class Counter(AntomTill):
    """A till that speaks through the codec."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox.announcement)
        self.settings = Settings(
            client_id=self.said["client_id"],
            merchant_id="M1",
            merchant_name="Cafe",
            merchant_mcc="5814",
            store_id="S1",
            store_name="Kiosk",
            redirect_url="https://pos.example/back",
        )
        self.gateway = Gateway(self.settings, self.signer, self.verifier)

    def carry(self, request: Request, misbehave: str = "") -> OrderEvent:
        built = self.gateway.build(request, Stamp(now_ms()))
        headers = {**built.headers, **({"Sandbox-Misbehave": misbehave} if misbehave else {})}
        status, body, got = self.send("POST", built.path, built.body, headers)
        return self.gateway.parse(request, HttpAnswer(status, body, got), 0)

    def submission(self, number: str, behaviour: str = "pays") -> SubmitPayment:
        code = PaymentCode(self.code(behaviour=behaviour))
        return SubmitPayment(number, EUR, "alipay+", "digest", code)


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    with Sandbox(tmp_path_factory.mktemp("sandbox"), "antom") as sandbox:
        yield Counter(sandbox)


@pytest.mark.parametrize("product", ["order_code", "cashier"])
@pytest.mark.parametrize("time_format", ["ms", "iso"])
def test_mpm_to_the_end(counter: Counter, product: str, time_format: str) -> None:
    kind = {"product": product, "request_time_format": time_format}
    settings = replace(counter.settings, **kind)  # type: ignore[arg-type]
    counter.gateway = Gateway(settings, counter.signer, counter.verifier)
    number = f"M{product}{time_format}"
    issued = counter.carry(CreateOrder(number, EUR))
    assert isinstance(issued, CodeIssued)
    assert isinstance(counter.carry(QueryOrder(number, EUR)), PaymentPending)
    counter.do("wallet/pay", qr=issued.code)
    paid = counter.carry(QueryOrder(number, EUR))
    assert isinstance(paid, PaymentApproved)
    assert (paid.paid, paid.gateway_ref) == (EUR, issued.gateway_ref)


def test_cpm_to_the_end(counter: Counter) -> None:
    assert isinstance(counter.carry(counter.submission("C1")), PaymentApproved)
    waits = counter.submission("C2", "confirms")
    assert isinstance(counter.carry(waits), (PaymentPending, AnswerUnclear))
    counter.do("wallet/confirm", order_no="C2")
    assert isinstance(counter.carry(QueryOrder("C2", EUR)), PaymentApproved)


def test_every_no_has_its_reason(counter: Counter) -> None:
    for number, (behaviour, reason) in enumerate(
        {"insufficient": Reason.INSUFFICIENT_FUNDS, "expired": Reason.CODE_EXPIRED}.items()
    ):
        said = counter.carry(counter.submission(f"N{number}", behaviour))
        assert isinstance(said, PaymentDeclined)
        assert said.reason is reason


def test_undo(counter: Counter) -> None:
    counter.carry(counter.submission("U1"))
    assert isinstance(counter.carry(CloseOrder("U1", EUR)), UndoAccepted)
    assert isinstance(counter.carry(QueryOrder("U1", EUR)), OrderClosed)


def test_refunds(counter: Counter) -> None:
    paid = counter.carry(counter.submission("R1"))
    assert isinstance(paid, PaymentApproved)
    part = Money(400, "EUR")
    asked = RefundOrder("RF1", part, "R1", paid.gateway_ref)
    for request in (asked, asked, QueryRefund("RF1", part, "R1")):  # a repeat gives back once
        done = counter.carry(request)
        assert isinstance(done, RefundDone)
        assert done.amount == part
    assert counter.books("R1")["returned_minor"] == 400
    too_much = RefundOrder("RF2", EUR, "R1", paid.gateway_ref)
    assert isinstance(counter.carry(too_much), RefundFailed)
    counter.do("settings", refund_ms=60_000)
    slow = RefundOrder("RF3", part, "R1", paid.gateway_ref)
    assert not isinstance(counter.carry(slow), (RefundDone, RefundFailed))
    assert isinstance(counter.carry(QueryRefund("RF3", part, "R1")), RefundAccepted)
    counter.do("settings", refund_ms=0)


def test_a_void_outside_the_window_is_refused_for_certain(counter: Counter) -> None:
    paid = counter.carry(counter.submission("V1"))
    assert isinstance(paid, PaymentApproved)
    void = VoidOrder("VD1", EUR, "V1", paid.gateway_ref)
    counter.do("settings", cancel_window_ms=0)
    refused = counter.carry(void)
    assert isinstance(refused, UndoRefused)
    assert refused.why is UndoRefusal.WINDOW_OVER
    counter.do("settings", cancel_window_ms=86_400_000)
    assert isinstance(counter.carry(void), UndoAccepted)
    assert counter.books("V1")["returned_minor"] == 1250


@pytest.mark.parametrize(
    "kind",
    [
        *("5xx_before", "5xx_after", "html", "empty", "wrong_signature", "unsigned"),
        *("other_order", "unknown_code", "clock_refusal"),
    ],
)
def test_no_misbehaviour_makes_an_outcome_of_a_query(counter: Counter, kind: str) -> None:
    number = f"X{kind}"
    counter.carry(counter.submission(number))
    assert isinstance(counter.carry(QueryOrder(number, EUR), kind), AnswerUnclear)
    assert isinstance(counter.carry(QueryOrder(number, EUR)), PaymentApproved)
