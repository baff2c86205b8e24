"""The terminal's own codec against the sandbox: both sides of one wire, written by different hands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from terminal.bench.sandbox import Sandbox
from terminal.codes.scanned import PaymentCode
from terminal.core.effects import CloseOrder, CreateOrder, QueryOrder, Request, SubmitPayment
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
from terminal.core.sale import Reason
from terminal.core.terms import Money
from terminal.gateways.paycloud import Gateway, Settings
from terminal.wire.http import HttpAnswer, Stamp
from tests.bench.sandbox_till import Till, now_ms

EUR = Money(1250, "EUR")


class Counter(Till):
    """A till that speaks through the codec."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox.announcement)
        said = self.said
        settings = Settings(app_id=said["app_id"], merchant_no=said["merchant_no"])
        self.gateway = Gateway(settings, self.signer, self.verifier)

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
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        counter = Counter(sandbox)
        counter.do("settings", earliest_revoke_ms=0)
        yield counter


def test_mpm_to_the_end(counter: Counter) -> None:
    issued = counter.carry(CreateOrder("M1", EUR))
    assert isinstance(issued, CodeIssued)
    assert isinstance(counter.carry(QueryOrder("M1", EUR)), PaymentPending)
    counter.do("wallet/scan", qr=issued.code)
    acting = counter.carry(QueryOrder("M1", EUR))
    assert isinstance(acting, PaymentPending)
    assert acting.payer_acting
    counter.do("wallet/pay", qr=issued.code)
    paid = counter.carry(QueryOrder("M1", EUR))
    assert isinstance(paid, PaymentApproved)
    assert (paid.paid, paid.gateway_ref) == (EUR, issued.gateway_ref)


def test_cpm_to_the_end(counter: Counter) -> None:
    assert isinstance(counter.carry(counter.submission("C1")), PaymentHinted)  # no currency in it
    assert isinstance(counter.carry(QueryOrder("C1", EUR)), PaymentApproved)


def test_every_no_has_its_reason(counter: Counter) -> None:
    for number, (behaviour, reason) in enumerate(
        {
            "declines": Reason.REFUSED,
            "insufficient": Reason.INSUFFICIENT_FUNDS,
            "expired": Reason.CODE_EXPIRED,
        }.items()
    ):
        said = counter.carry(counter.submission(f"N{number}", behaviour))
        assert isinstance(said, PaymentDeclined)
        assert said.reason is reason


def test_undo(counter: Counter) -> None:
    counter.carry(counter.submission("U1"))
    assert isinstance(counter.carry(CloseOrder("U1", EUR)), UndoAccepted)
    assert isinstance(counter.carry(QueryOrder("U1", EUR)), OrderClosed)
    assert isinstance(counter.carry(CloseOrder("U404", EUR)), OrderNotFound)
    assert isinstance(counter.carry(QueryOrder("U404", EUR)), OrderNotFound)


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
