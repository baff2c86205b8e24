"""Every gateway keeps the rules of terminal/gateways: ours, and whatever an entry point adds.

This file finds them by itself. A gateway brings a `Counterpart`, the vendor's side as small as can be, in its
own file (ours: tests/gateways/counterparts.py); tests/house/toy_gateway.py is the pattern. Each check below is
called with one gateway, and the last tests break the toy to see that each check can fail.
"""

from __future__ import annotations

import ast
import base64
import dataclasses
import functools
import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import re
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import terminal.gateways
from terminal import wiring
from terminal.codes.scanned import PaymentCode
from terminal.config import BadSettings, load
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
from terminal.core.events import OrderEvent, PaymentApproved, RefundDone
from terminal.core.terms import HouseFault, Money, Refusal, WireFault
from terminal.core.timing import Timing
from terminal.gateways import Gateway, Notice
from terminal.wire.http import HttpAnswer, HttpRequest, Stamp
from terminal.wire.signing import Signer, Verifier
from tests.gateways.counterparts import COUNTERPARTS

GROUP = "terminal.gateways"
AT_MS = 77
STAMP, LATER = Stamp(utc_ms=1_795_223_864_205), Stamp(utc_ms=1_795_310_264_205)
ORDER_NO, OTHER_NO, REFUND_NO = "T1A", "T1B", "T1R"
AMOUNT, OTHER_AMOUNT = Money(3450, "EUR"), Money(3451, "EUR")
CODE = PaymentCode("281006020000000000000042")
SUBMIT = SubmitPayment(ORDER_NO, AMOUNT, "alipay+", "digest", CODE)
QUERY = QueryOrder(ORDER_NO, AMOUNT)
QUERY_REFUND = QueryRefund(REFUND_NO, AMOUNT, ORDER_NO)
REQUESTS: tuple[Request, ...] = (
    CreateOrder(ORDER_NO, AMOUNT),
    SUBMIT,
    QUERY,
    CloseOrder(ORDER_NO, AMOUNT),
    ReverseOrder(ORDER_NO, AMOUNT),
    RefundOrder(REFUND_NO, AMOUNT, ORDER_NO, "ref1"),
    QUERY_REFUND,
    VoidOrder(REFUND_NO, AMOUNT, ORDER_NO, "ref1"),
)
ASKING: tuple[Request, ...] = (SUBMIT, QUERY)


class Counterpart(Protocol):
    """The vendor's side. `path_is_signed`: its signature covers the path that was asked for."""

    path_is_signed: bool

    def __init__(self, settings: Any, signer: Signer | None, verifier: Verifier) -> None:
        """`signer` None: it leaves every signature out. `verifier`: of the terminal's key."""

    def verifies(self, asked: HttpRequest) -> bool:
        """Is the request signed by the terminal?"""
        ...

    def paid(self, request: Request, order_no: str, amount: Money) -> HttpAnswer:
        """The answer to `request` which says that `order_no` was paid with `amount`."""
        ...

    def returned(self, request: Request, order_no: str, amount: Money) -> HttpAnswer | None:
        """The same of a refund; None when this gateway has none."""
        ...

    def notice(self, order_no: str, amount: Money) -> tuple[str, dict[str, str], bytes]:
        """Path, headers and body of the notice that says so."""
        ...


@functools.cache
def keys() -> tuple[Signer, Signer, Signer]:
    """The terminal's, the gateway's, and a stranger's."""
    made = [Signer(rsa.generate_private_key(65537, 2048)) for _ in range(3)]
    return made[0], made[1], made[2]


def public(signer: Signer) -> Verifier:
    return Verifier.from_pem(base64.b64encode(signer.public))


class Case:
    """One gateway under test."""

    def __init__(self, word: str, module: Any) -> None:
        self.word = word
        self.module = module
        ours, theirs, stranger = keys()
        self.gateway: Gateway = module.Gateway(sample(module), ours, public(theirs))
        made = getattr(module, "Counterpart", None) or COUNTERPARTS.get(word)
        assert made, f"{word} brings no Counterpart: see tests/house/toy_gateway.py"
        self.vendor: Counterpart = made(sample(module), theirs, public(ours))
        self.mute: Counterpart = made(sample(module), None, public(ours))
        self.stranger: Counterpart = made(sample(module), stranger, public(ours))
        self.mirror: Counterpart = made(sample(module), ours, public(ours))
        self.neighbour: Counterpart = made(sample(module, "N2"), theirs, public(ours))


def sample(module: Any, text: str = "T1") -> Any:
    """The module's Settings with something in every key that must be written."""
    needed = {
        each.name: text
        for each in dataclasses.fields(module.Settings)
        if each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
    }
    return module.Settings(**needed)


def discovered() -> dict[str, ModuleType]:
    """Every gateway there is, by the word that names it in the settings."""
    ours = [each.name for each in pkgutil.iter_modules(terminal.gateways.__path__)]
    found = {word: importlib.import_module(f"{GROUP}.{word}") for word in ours}
    return found | {each.name: each.load() for each in importlib.metadata.entry_points(group=GROUP)}


# -- the checks --------------------------------------------------------------------------------------------


def has_what_wiring_asks_for(case: Case) -> None:
    module = case.module
    assert dataclasses.is_dataclass(module.Settings)
    assert isinstance(module.TIMING, Timing)
    assert case.gateway.timing == module.TIMING
    assert case.gateway.name
    parameters = inspect.signature(module.Gateway.__init__).parameters
    assert list(parameters)[1:6] == ["settings", "signer", "verifier", "wallets", "timing"]
    acknowledgement = case.gateway.acknowledgement
    assert isinstance(acknowledgement, HttpAnswer)
    assert acknowledgement.status == 200


def cites_its_timing(case: Case) -> None:
    """Every rule of the timing is said, and a remark behind it says where it was read."""
    source = inspect.getsource(case.module)
    call = next(
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TIMING"
    )
    assert isinstance(call, ast.Call)
    said = {each.arg: source.splitlines()[each.value.lineno - 1] for each in call.keywords}
    assert said.keys() == {each.name for each in dataclasses.fields(Timing)}
    for name, line in said.items():
        remark = line.partition("#")[2]
        assert re.search(r"\w\.md \w|\d+\.\d+|https?://", remark), f"{name} cites no source"


def says_every_request_or_why_not(case: Case) -> None:
    for request in REQUESTS:
        try:
            asked = case.gateway.build(request, STAMP)
        except HouseFault as fault:
            words = re.findall("[A-Z][a-z]+", type(request).__name__)
            assert any(word.lower() in str(fault) for word in words), f"{request}: {fault}"
            continue
        assert case.vendor.verifies(asked), f"{request}: the vendor cannot verify it"
        assert asked.path.startswith("/")
        assert 0 < asked.read_timeout_ms <= 60_000
        assert CODE.reveal() not in repr(asked)


def sells(case: Case) -> None:
    """What must be there for a sale either way. Refunds may be missing; these may not."""
    for request in REQUESTS[:5]:
        case.gateway.build(request, STAMP)


def repeats_itself(case: Case) -> None:
    """I10. Where an unanswered create is repeated, not even the time may be in the body."""
    for request in REQUESTS:
        try:
            first = case.gateway.build(request, STAMP)
        except HouseFault:
            continue
        assert first == case.gateway.build(request, STAMP)
        if case.module.TIMING.create_again:
            assert first.body == case.gateway.build(request, LATER).body


def keeps_the_code_to_the_submit(case: Case) -> None:
    """I11: and a submit without its code is not sent."""
    with pytest.raises(HouseFault):
        case.gateway.build(dataclasses.replace(SUBMIT, code=None), STAMP)


def believes_its_vendor(case: Case) -> None:
    """So that everything below is refused for its own reason only."""
    for request in ASKING:
        event = case.gateway.parse(request, case.vendor.paid(request, ORDER_NO, AMOUNT), AT_MS)
        assert isinstance(event, PaymentApproved), f"{request}: {event}"
        assert (event.paid, event.at_ms) == (AMOUNT, AT_MS)
    if answer := case.vendor.returned(QUERY_REFUND, REFUND_NO, AMOUNT):
        event = case.gateway.parse(QUERY_REFUND, answer, AT_MS)
        assert isinstance(event, RefundDone), event
        assert event.amount == AMOUNT


def moved(event: OrderEvent) -> bool:
    return isinstance(event, (PaymentApproved, RefundDone))


def believes_nobody_else(case: Case) -> None:
    """Unsigned, by a stranger's key, by our own, about another order, of another merchant."""
    for request in ASKING:
        wrong = {
            "unsigned": case.mute.paid(request, ORDER_NO, AMOUNT),
            "a stranger's key": case.stranger.paid(request, ORDER_NO, AMOUNT),
            "our own key": case.mirror.paid(request, ORDER_NO, AMOUNT),
            "another order": case.vendor.paid(request, OTHER_NO, AMOUNT),
            "another merchant": case.neighbour.paid(request, ORDER_NO, AMOUNT),
        }
        good = case.vendor.paid(request, ORDER_NO, AMOUNT)
        wrong["an error page"] = dataclasses.replace(good, status=500)
        for what, answer in wrong.items():
            assert not moved(case.gateway.parse(request, answer, AT_MS)), f"{what}: {request}"
    for vendor in (case.mute, case.stranger, case.mirror):
        if answer := vendor.returned(QUERY_REFUND, REFUND_NO, AMOUNT):
            assert not moved(case.gateway.parse(QUERY_REFUND, answer, AT_MS))
    if answer := case.vendor.returned(QUERY_REFUND, OTHER_NO, AMOUNT):
        assert not moved(case.gateway.parse(QUERY_REFUND, answer, AT_MS)), "another refund"


def tells_another_amount_as_it_is(case: Case) -> None:
    """I9, F48: the core puts it before a human; the codec must not bend it to what was asked."""
    for request in ASKING:
        for amount in (OTHER_AMOUNT, Money(3450, "USD"), Money(1, "EUR")):
            event = case.gateway.parse(request, case.vendor.paid(request, ORDER_NO, amount), AT_MS)
            assert not isinstance(event, PaymentApproved) or event.paid == amount, f"{event}"
    for amount in (Money(AMOUNT.minor + 1, AMOUNT.currency), Money(1, "EUR")):
        if answer := case.vendor.returned(QUERY_REFUND, REFUND_NO, amount):
            event = case.gateway.parse(QUERY_REFUND, answer, AT_MS)
            assert not isinstance(event, RefundDone) or event.amount == amount, f"{event}"


def keeps_answers_to_their_path(case: Case) -> None:
    """An answer to one operation is none to another; nor is a paid sale a refund that is done."""
    sale = case.vendor.paid(QUERY, REFUND_NO, AMOUNT)
    assert not moved(case.gateway.parse(QUERY_REFUND, sale, AT_MS))
    if answer := case.vendor.returned(QUERY_REFUND, ORDER_NO, AMOUNT):
        assert not moved(case.gateway.parse(QUERY, answer, AT_MS))
    if case.vendor.path_is_signed:
        swapped = case.vendor.paid(QUERY, ORDER_NO, AMOUNT)
        assert not moved(case.gateway.parse(SUBMIT, swapped, AT_MS))


def never_raises(case: Case) -> None:
    """Whatever comes back is an event, and without the vendor's signature never money (F23-F50)."""
    good = case.vendor.paid(QUERY, ORDER_NO, AMOUNT)
    believed = case.gateway.parse(QUERY, good, AT_MS)

    @settings(max_examples=40, deadline=None, database=None, report_multiple_bugs=False)
    @given(st.binary(max_size=200), st.sampled_from(REQUESTS), st.integers(0, 600), st.booleans())
    def any_bytes(body: bytes, request: Request, status: int, heads: bool) -> None:
        answer = HttpAnswer(status, body, good.headers if heads else {})
        event = case.gateway.parse(request, answer, AT_MS)
        assert isinstance(event, typing.get_args(OrderEvent))
        assert not moved(event)

    @settings(max_examples=60, deadline=None, database=None, report_multiple_bugs=False)
    @given(st.integers(0, len(good.body)), st.integers(0, 30), st.binary(max_size=6))
    def damaged(start: int, length: int, filling: bytes) -> None:
        body = good.body[:start] + filling + good.body[start + length :]
        event = case.gateway.parse(QUERY, dataclasses.replace(good, body=body), AT_MS)
        assert not moved(event) or event == believed

    any_bytes()
    damaged()


def refused(case: Case, asked: tuple[str, str, dict[str, str], bytes]) -> bool:
    try:
        case.gateway.notice(*asked)
    except WireFault:
        return True
    return False


def reads_notices_of_its_vendor_only(case: Case) -> None:
    """F51-F63."""
    path, headers, body = case.vendor.notice(ORDER_NO, AMOUNT)
    notice = case.gateway.notice("POST", path, headers, body)
    assert notice == case.gateway.notice("POST", path, headers, body)
    assert (notice.order_no, notice.kind, notice.amount) == (ORDER_NO, "payment", AMOUNT)
    assert notice.merchant_ok
    assert notice.event_key
    other = case.gateway.notice("POST", *case.vendor.notice(OTHER_NO, AMOUNT))
    assert other.event_key != notice.event_key
    for vendor in (case.mute, case.stranger, case.mirror):
        assert refused(case, ("POST", *vendor.notice(ORDER_NO, AMOUNT)))
    assert refused(case, ("GET", path, headers, body))
    assert refused(case, ("POST", path, headers, body.replace(ORDER_NO.encode(), b"T1Z")))
    assert refused(case, ("POST", path + "/x", headers, body)) or not case.vendor.path_is_signed
    assert not _is_ours(case, case.neighbour.notice(ORDER_NO, AMOUNT))


def _is_ours(case: Case, asked: tuple[str, dict[str, str], bytes]) -> bool:
    try:
        notice: Notice = case.gateway.notice("POST", *asked)
    except WireFault:
        return False
    return notice.merchant_ok


def refuses_any_other_notice(case: Case) -> None:
    path, headers, body = case.vendor.notice(ORDER_NO, AMOUNT)
    good = case.gateway.notice("POST", path, headers, body)

    @settings(max_examples=40, deadline=None, database=None, report_multiple_bugs=False)
    @given(st.binary(max_size=200), st.booleans())
    def any_bytes(body: bytes, heads: bool) -> None:
        assert refused(case, ("POST", path, headers if heads else {}, body))

    @settings(max_examples=60, deadline=None, database=None, report_multiple_bugs=False)
    @given(st.integers(0, len(body)), st.integers(0, 3), st.sampled_from([b"", b"0", b"x", b" "]))
    def damaged(start: int, length: int, filling: bytes) -> None:
        other = body[:start] + filling + body[start + length :]
        asked = ("POST", path, headers, other)
        assert refused(case, asked) or case.gateway.notice(*asked) == good

    any_bytes()
    damaged()


CHECKS: tuple[Callable[[Case], None], ...] = (
    has_what_wiring_asks_for,
    cites_its_timing,
    says_every_request_or_why_not,
    sells,
    repeats_itself,
    keeps_the_code_to_the_submit,
    believes_its_vendor,
    believes_nobody_else,
    tells_another_amount_as_it_is,
    keeps_answers_to_their_path,
    never_raises,
    reads_notices_of_its_vendor_only,
    refuses_any_other_notice,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("word", discovered())
def test_contract(word: str, check: Callable[[Case], None]) -> None:
    check(Case(word, discovered()[word]))


def test_no_kind_of_request_is_forgotten() -> None:
    assert {type(request) for request in REQUESTS} == set(typing.get_args(Request))
    assert {"paycloud", "antom"} <= discovered().keys()


# -- a gateway is one file: the steps of README, "Add a gateway" --------------------------------------------

TOY = Path(__file__).with_name("toy_gateway.py")
TERMINAL_TOML = """
[terminal]
id = "ACME01"
profile = "profile.toml"

[shop]
currency = "EUR"
max_amount = "100.00"

[gateway]
driver = "acme"
url = "https://toy.example"
private_key_file = "terminal.key"
gateway_key_file = "gateway.pub"

[gateway.acme]
shop = "S1"
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Steps 1 and 2: one file, and the entry point that names it, as pip would lay them down."""
    (tmp_path / "acme_pay.py").write_bytes(TOY.read_bytes())
    info = tmp_path / "acme_pay-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-pay\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nacme = acme_pay\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return tmp_path


def written(folder: Path, text: str = TERMINAL_TOML) -> Path:
    """Step 3: the settings name it, with its keys beside."""
    secret = rsa.generate_private_key(65537, 2048)
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "terminal.key").write_bytes(pem)
    (folder / "terminal.key").chmod(0o600)
    other = rsa.generate_private_key(65537, 2048).public_key()
    (folder / "gateway.pub").write_bytes(
        other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (folder / "profile.toml").write_text('[display]\ndriver = "none"\n')
    (folder / "terminal.toml").write_text(text)
    return folder / "terminal.toml"


def test_one_file_is_a_gateway(installed: Path) -> None:
    gateway = wiring.make_gateway(load(written(installed)))
    assert gateway.name == "toy"
    assert b'"shop": "S1"' in gateway.build(QUERY, STAMP).body


def test_its_settings_are_checked_like_ours(installed: Path) -> None:
    wrong = TERMINAL_TOML.replace('shop = "S1"', 'shop = "S1"\nshopp = "S2"')
    with pytest.raises(BadSettings, match=r"terminal.toml:\d+: \[gateway.acme\] .*shopp"):
        wiring.make_gateway(load(written(installed, wrong)))


def test_our_own_public_key_in_place_of_the_gateways_is_refused(installed: Path) -> None:
    """gateways.md 1.6 d: fifteen paid orders were not recorded. Of every gateway, whoever wrote it."""
    chosen = load(written(installed))
    ours = Signer.from_pem((installed / "terminal.key").read_bytes()).public
    (installed / "gateway.pub").write_text(base64.b64encode(ours).decode())
    with pytest.raises(Refusal, match="this terminal's own"):
        wiring.make_gateway(chosen)


def test_a_wrong_word_is_answered_with_the_right_one(installed: Path) -> None:
    wrong = TERMINAL_TOML.replace("acme", "acmee")
    with pytest.raises(BadSettings, match="acme"):
        wiring.make_gateway(load(written(installed, wrong)))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_contract(check: Callable[[Case], None], installed: Path) -> None:
    """Step 4."""
    check(Case("acme", discovered()["acme"]))


# -- every check can fail ----------------------------------------------------------------------------------

BROKEN: list[tuple[Callable[[Case], None], str, str]] = [
    (has_what_wiring_asks_for, "self.timing = timing", "self.timing = Timing()"),
    (cites_its_timing, "# toy manual 1.4\n", "# as we like it\n"),
    (cites_its_timing, "    grace_ms=20_000,", "    # grace_ms"),
    (says_every_request_or_why_not, "toy knows neither refund nor void", "no"),
    (says_every_request_or_why_not, "self._signer.sign(body)).decode()}", "body).decode()}"),
    (sells, "(RefundOrder, QueryRefund", "(CloseOrder, QueryRefund"),
    (repeats_itself, '"order": request.order_no,', '"order": str(stamp),'),
    (
        keeps_the_code_to_the_submit,
        'raise HouseFault("a payment',
        'return HttpRequest("/", b"")  # ("',
    ),
    (
        believes_its_vendor,
        'if status == "paid":\n            paid',
        "if not status:\n            paid",
    ),
    (believes_nobody_else, "if not self._verifier.verify(body, signature):", "if False:"),
    (believes_nobody_else, 'said.get("order") != request.order_no', "False"),
    (believes_nobody_else, 'or said.get("shop") != self._settings.shop', ""),
    (believes_nobody_else, "if answer.status != 200:", "if False:"),
    (tells_another_amount_as_it_is, "paid=paid) if paid", "paid=request.amount) if paid"),
    (keeps_answers_to_their_path, "(SubmitPayment, QueryOrder)):", "Request):"),
    (never_raises, "except WireFault as fault:", "except KeyError as fault:"),
    (reads_notices_of_its_vendor_only, 'if method != "POST":', "if not method:"),
    (reads_notices_of_its_vendor_only, 'merchant_ok=said.get("shop") == ', "merchant_ok=True or "),
    (reads_notices_of_its_vendor_only, 'event_key=f"{order_no}/', 'event_key=f"'),
    (refuses_any_other_notice, "if not self._verifier.verify(body, signature):", "if False:"),
]


@pytest.mark.parametrize(("check", "rule", "instead"), BROKEN)
def test_a_broken_toy_is_caught(
    check: Callable[[Case], None], rule: str, instead: str, tmp_path: Path
) -> None:
    text = TOY.read_text(encoding="utf-8")
    assert rule in text
    file = tmp_path / "broken_toy.py"
    file.write_text(text.replace(rule, instead, 1), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("broken_toy", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["broken_toy"] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
        with pytest.raises((AssertionError, HouseFault, WireFault, pytest.fail.Exception)):
            check(Case("toy", module))
    finally:
        del sys.modules["broken_toy"]


def test_every_check_was_broken() -> None:
    assert {check for check, _, _ in BROKEN} == set(CHECKS)
