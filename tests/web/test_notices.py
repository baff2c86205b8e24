"""F51-F63 over a real socket: what is posted to the listener, and what the terminal makes of it."""

from __future__ import annotations

import json
import resource
import socket
import threading
import time
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from terminal.bench.sandbox.mischief import Kind
from terminal.core.events import CancelPressed
from terminal.core.sale import Phase, Reason
from terminal.core.terms import Money, Refusal
from terminal.web import listener, notices
from terminal.web.listener import BODY_BYTES_MAX, CONNECTIONS_MAX
from terminal.web.notices import BURST, PER_SECOND, Bucket, listen
from tests.web.house import AMOUNT, PATH, TERMINAL, House, answer_of

SUCCESS = (200, b"success")
UNPAID = (Phase.DECLINED, Phase.CLOSED)  # which of them, is the codec's to say


def status(answer: tuple[int, bytes]) -> int:
    return answer[0]


def why(house: House) -> dict[str, int]:
    found = house.desk.counts()["why"]
    assert isinstance(found, dict)
    return found


def unmoved(house: House, order_no: str) -> None:
    """Nothing was written, nothing was asked."""
    assert house.order(order_no).phase is Phase.PRESENTING
    assert house.line.sent == ["create"]


def ended(house: House) -> str:
    """An order that ended unpaid."""
    order_no = house.presented()
    now_ms = house.dispatcher.parts.time.boot_ms
    house.inside(lambda: house.dispatcher.turn(order_no, CancelPressed(at_ms=now_ms())))
    house.until(lambda: house.order(order_no).phase in UNPAID, "the end")
    return order_no


# -- what a notice is for ------------------------------------------------------------------------------------


def test_a_payment_is_seen_at_once(any_house: House) -> None:
    house = any_house
    order_no = house.presented()
    house.pay(order_no)
    assert house.deliver(order_no)
    assert house.ends(order_no, Phase.PAID).paid == AMOUNT
    assert house.desk.counts() == {"taken": 1, "refused": 0, "why": {}}


def test_a_refund_is_seen_at_once(any_house: House) -> None:
    house = any_house
    order_no = house.presented()
    house.pay(order_no)
    house.deliver(order_no)
    house.ends(order_no, Phase.PAID)
    refund_no = house.refund(order_no, Money(300, "EUR"))
    assert house.deliver(refund_no)
    assert house.ends(refund_no, Phase.RETURNED).paid == Money(300, "EUR")


@pytest.mark.parametrize("kind", [Kind.UNSIGNED, Kind.WRONG_SIGNATURE])
def test_no_gateway_is_believed_without_its_signature(any_house: House, kind: Kind) -> None:
    order_no = any_house.presented()
    any_house.pay(order_no)
    assert not any_house.deliver(order_no, kind)
    assert why(any_house) == {"not_authentic": 1}
    unmoved(any_house, order_no)


def test_a_notice_alone_proves_nothing(house: House) -> None:
    """Well signed and untrue: the gateway is asked, and says no."""
    order_no = house.presented()
    lie = house.signed(
        house.notice(order_no), trans_status="2", trans_amount="12.50", order_amount="12.50"
    )
    assert house.post(lie) == SUCCESS
    house.until(lambda: house.order(order_no).pace.asked is None, "the answer")
    assert house.line.sent[1:] == ["query"]
    assert house.order(order_no).phase is Phase.PRESENTING


def test_a_late_payment_on_a_closed_order_goes_back(any_house: House) -> None:
    """I5, I7: the order was out of RAM; its last row is loaded, the gateway asked, the return started."""
    house = any_house
    order_no = ended(house)
    house.pay_late(order_no)
    assert house.deliver(order_no)
    order = house.ends(order_no, Phase.REVERSED)
    assert (order.reason, order.paid) == (Reason.LATE, AMOUNT)
    assert house.sandbox.ledger.order(order_no, 0).left_minor == 0


def test_a_look_that_fails_is_not_acknowledged(house: House) -> None:
    order_no = ended(house)
    house.pay_late(order_no)
    house.line.down = True
    assert status(house.post(house.notice(order_no))) == 503
    assert house.order(order_no).phase in UNPAID
    house.line.down = False
    assert house.post(house.notice(order_no)) == SUCCESS
    house.ends(order_no, Phase.REVERSED)
    assert why(house) == {"later": 1}


def test_money_that_the_answer_does_not_explain_is_not_acknowledged(house: House) -> None:
    """A query may tell what was true ten seconds ago: the gateway shall tell it again."""
    order_no = ended(house)
    claim = {"trans_status": "2", "trans_amount": "12.50", "order_amount": "12.50"}
    lie = house.signed(house.notice(order_no), **claim)
    rows = house.rows()
    assert [status(house.post(lie)) for _ in range(2)] == [503, 503]
    assert (house.order(order_no).phase in UNPAID, house.rows()) == (True, rows)
    house.pay_late(order_no)
    assert house.post(lie) == SUCCESS
    house.ends(order_no, Phase.REVERSED)


def test_a_closed_order_told_closed_is_looked_at_and_done(house: House) -> None:
    order_no = ended(house)
    rows = house.rows()
    assert house.post(house.notice(order_no)) == SUCCESS
    assert house.rows() == rows
    assert not house.inside(lambda: house.dispatcher.looks.has(order_no))
    asked = house.line.sent.count("query")
    assert house.post(house.notice(order_no)) == SUCCESS
    assert house.line.sent.count("query") == asked  # the same event: known, not asked about again


def test_a_look_is_nothing_for_the_people_at_the_counter(house: House) -> None:
    """A returned sale, told again: it is asked about, and the counter shows nothing anew."""
    order_no = ended(house)
    house.pay_late(order_no)
    paid = house.notice(order_no)
    house.post(paid)
    house.ends(order_no, Phase.REVERSED)

    def all_told() -> None:
        house.dispatcher.counter = replace(house.dispatcher.counter, untold=())

    house.inside(all_told)
    house.desk._taken.clear()
    asked = house.line.sent.count("query")
    assert house.post(paid) == SUCCESS
    assert house.line.sent.count("query") == asked + 1
    assert house.inside(lambda: house.dispatcher.counter.untold) == ()


# -- the catalogue -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.UNSIGNED, Kind.WRONG_SIGNATURE])
def test_f51_not_signed_by_the_gateway(house: House, kind: Kind) -> None:
    order_no = house.presented()
    house.pay(order_no)
    for _ in range(5):
        assert status(house.post(house.notice(order_no, kind))) == 401
    unmoved(house, order_no)
    assert why(house) == {"not_authentic": 5}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "TRACE", "post"])
def test_f52_not_posted(house: House, method: str) -> None:
    order_no = house.presented()
    assert status(house.post(house.notice(order_no), method=method)) in (400, 405)
    unmoved(house, order_no)


def test_f53_a_form(house: House) -> None:
    order_no = house.presented()
    form = f"merchant_order_no={order_no}&trans_status=2&sign=x".encode()
    assert status(house.post(form)) == 401
    unmoved(house, order_no)


def test_f54_ten_megabytes(house: House) -> None:
    """Refused by its length before a byte of it is read; a chunked one as soon as it is too long."""
    order_no = house.presented()
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\n"
    said = f"{head}content-length: 10000000\r\n\r\n".encode()
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    stream = f"{head}transfer-encoding: chunked\r\n\r\n".encode() + chunk * 300
    tracemalloc.start()
    assert status(house.raw(said)) == 413
    assert status(house.raw(stream)) in (413, 0)
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most_bytes < 1_000_000
    unmoved(house, order_no)
    assert why(house) == {"malformed": 2}


def test_f54_just_at_the_limits(house: House) -> None:
    house.presented()
    assert status(house.post(b"x" * BODY_BYTES_MAX)) == 401
    assert status(house.post(b"x" * (BODY_BYTES_MAX + 1))) == 413
    filler = b"x-filler: " + b"x" * 16_000
    head = f"POST {PATH} HTTP/1.1\r\n".encode()
    assert status(house.raw(head + filler + b"\r\n\r\n")) == 401
    assert status(house.raw(head + filler + b"x" * 400 + b"\r\n\r\n")) == 431


def test_f54_small_chunks_are_one_body(house: House) -> None:
    order_no = house.presented()
    house.pay(order_no)
    body = house.notice(order_no)
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    assert house.raw(head.encode() + chunks + b"0\r\n\r\n") == SUCCESS
    house.ends(order_no, Phase.PAID)


def test_f55_slow_ones_are_cut_off_and_others_served(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then is no silence; the age of the whole request decides."""
    monkeypatch.setattr(listener, "WHOLE_REQUEST_S", 0.6)
    order_no = house.presented()
    house.pay(order_no)
    slow = [house.connect() for _ in range(3 * CONNECTIONS_MAX)]
    stop = threading.Event()
    served = [0]

    def drip() -> None:
        letters = iter(f"POST {PATH} HTTP/1.1\r\nx-filler: {'x' * 10_000}".encode())
        while not stop.wait(0.05):
            served.append(len(house.listener._server.active_channels))
            letter = bytes([next(letters)])
            for end in slow:
                try:
                    end.send(letter)
                except OSError:
                    continue

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:  # as often as a gateway does: the loop itself may have been slow when this one's time was over
        house.until(lambda: house.post(house.notice(order_no)) == SUCCESS, "its turn")
    finally:
        stop.set()
        dripping.join()
        for end in slow:
            end.close()
    assert why(house)["slow"] >= CONNECTIONS_MAX
    assert max(served) == CONNECTIONS_MAX
    house.ends(order_no, Phase.PAID)


def test_f55_a_body_that_does_not_come(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "WHOLE_REQUEST_S", 0.3)
    said = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx".encode()
    assert house.raw(said) == (0, b"")
    assert why(house) == {"slow": 1}


def test_f56_yesterdays_again(house: House) -> None:
    """Acknowledged again; nothing is asked, nothing written, nothing heard."""
    order_no = house.presented()
    house.pay(order_no)
    house.post(house.notice(order_no))
    house.ends(order_no, Phase.PAID)
    rows, sent = house.rows(), len(house.line.sent)
    yesterday_ms = time.time_ns() // 1_000_000 - 86_400_000
    assert house.post(house.notice(order_no, said_ms=yesterday_ms)) == SUCCESS
    assert (house.rows(), len(house.line.sent)) == (rows, sent)


def test_f56_after_a_restart(house: House) -> None:
    """The memory of keys is gone; the order is PAID in the journal, and stays so."""
    order_no = house.presented()
    house.pay(order_no)
    house.post(house.notice(order_no))
    house.ends(order_no, Phase.PAID)
    rows, sent = house.rows(), len(house.line.sent)
    house.desk._taken.clear()
    assert house.post(house.notice(order_no)) == SUCCESS
    assert (house.rows(), len(house.line.sent)) == (rows, sent)


OTHERS = [
    {"merchant_order_no": "TOTHER1000100000001XYZ123"},
    {"merchant_order_no": f"T{TERMINAL}000100000001XYZ123"},  # ours, but the journal never had it
    {"merchant_order_no": f"T{TERMINAL}" + "9" * 40},
    {"merchant_order_no": f"T{TERMINAL}é"},
    {"merchant_no": "1"},
    {"app_id": "wz0"},
]


@pytest.mark.parametrize("changed", OTHERS, ids=str)
def test_f57_for_somebody_else(house: House, changed: dict[str, object]) -> None:
    order_no = house.presented()
    house.pay(order_no)
    assert status(house.post(house.signed(house.notice(order_no), **changed))) == 404
    unmoved(house, order_no)
    assert why(house) == {"not_ours": 1}


def test_f58_one_minor_unit_more(house: House) -> None:
    """The query decides: it says what was really paid."""
    order_no = house.presented()
    house.pay(order_no)
    more = house.signed(house.notice(order_no), trans_amount="12.51", order_amount="12.51")
    assert house.post(more) == SUCCESS
    assert house.ends(order_no, Phase.PAID).paid == AMOUNT


def test_f58_really_paid_one_more(house: House) -> None:
    """Quarantined by the core, not by the notice."""
    order_no = house.presented()
    now_ms = time.time_ns() // 1_000_000
    house.sandbox.ledger.pay(order_no, now_ms, minor=AMOUNT.minor + 1)
    assert house.post(house.notice(order_no)) == SUCCESS
    assert house.ends(order_no, Phase.ATTENTION).reason is Reason.MISMATCH


def test_f59_a_thousand_duplicates(house: House) -> None:
    """At most one query; the bucket turns most of them away; memory and time are bounded."""
    house.desk._bucket = within_a_moment()
    order_no = house.presented()
    house.pay(order_no)
    body = house.notice(order_no)
    began_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ThreadPoolExecutor(8) as crowd:
        said = [status(answer) for answer in crowd.map(house.post, [body] * 1_000)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - began_kib < 20_000
    assert Counter(said) == {200: BURST, 429: 1_000 - BURST}
    house.ends(order_no, Phase.PAID)
    assert house.line.sent.count("query") == 1
    assert house.desk.counts()["taken"] == said.count(200)


def test_f59_a_thousand_forged_ones_start_nothing(house: House) -> None:
    house.desk._bucket = within_a_moment()
    order_no = house.presented()
    body = house.notice(order_no, Kind.WRONG_SIGNATURE)
    with ThreadPoolExecutor(8) as crowd:
        said = [status(answer) for answer in crowd.map(house.post, [body] * 1_000)]
    assert Counter(said) == {401: BURST, 429: 1_000 - BURST}
    unmoved(house, order_no)


def within_a_moment() -> Bucket:
    """The thousand come at once, however long this machine takes to send them."""
    return Bucket(PER_SECOND, BURST, lambda: 0.0)


def test_f60_closed_before_paid(house: House) -> None:
    """In whatever order they come, what the gateway answers is true."""
    order_no = house.presented()
    house.pay(order_no)
    paid = house.notice(order_no)
    closed = house.signed(paid, trans_status="3")
    assert house.post(closed) == SUCCESS
    assert house.post(paid) == SUCCESS
    assert house.ends(order_no, Phase.PAID).paid == AMOUNT


SMUGGLED = [
    "content-length: 5\r\ncontent-length: {length}\r\n",
    "content-length: {length}\r\ncontent-length: {length}\r\n",
    "content-length: {length}, {length}\r\n",
    "content-length: +{length}\r\n",
    "content-length: -1\r\n",
    "content-length: 0x10\r\n",
    "content-length : {length}\r\n",
    "content-length: {length}\r\ntransfer-encoding: gzip\r\n",
    "content-length: {length}\r\ntransfer-encoding: chunked, identity\r\n",
    "x: y\ncontent-length: {length}\r\n",
]


@pytest.mark.parametrize("lengths", SMUGGLED)
def test_f61_two_lengths(house: House, lengths: str) -> None:
    order_no = house.presented()
    house.pay(order_no)
    body = house.notice(order_no)
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\n{lengths.format(length=len(body))}\r\n"
    assert status(house.raw(head.encode() + body)) in (400, 501)
    unmoved(house, order_no)


def test_f61_a_second_request_behind_the_first_is_not_heard(house: House) -> None:
    order_no = house.presented()
    house.pay(order_no)
    body = house.notice(order_no)
    second = f"POST {PATH} HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    first = f"POST {PATH} HTTP/1.1\r\ncontent-length: 2\r\n\r\n{{}}".encode()
    assert status(house.raw(first + second)) == 401
    unmoved(house, order_no)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/notify/",
        "/notify/../notify",
        "/../etc/passwd",
        "/%6eotify",
        "//notify",
        "*",
        "/NOTIFY",
        "/notify%00",
        "http://x/notify",
        "/notify;x",
    ],
)
def test_f62_another_path(house: House, path: str) -> None:
    order_no = house.presented()
    house.pay(order_no)
    assert status(house.post(house.notice(order_no), path=path)) in (400, 404)
    unmoved(house, order_no)


def test_f63_two_at_once_for_one_order(house: House) -> None:
    """On the two ends of an order's life: one question, one result."""
    order_no = house.presented()
    house.pay(order_no)
    paid = house.notice(order_no)
    both = [paid, house.signed(paid, trans_status="0")]
    with ThreadPoolExecutor(2) as crowd:
        assert list(crowd.map(house.post, both)) == [SUCCESS, SUCCESS]
    house.ends(order_no, Phase.PAID)
    assert house.line.sent.count("query") == 1


def test_f63_two_at_once_for_a_closed_order(house: House) -> None:
    order_no = ended(house)
    house.pay_late(order_no)
    paid = house.notice(order_no)
    asked = house.line.sent.count("query")
    with ThreadPoolExecutor(2) as crowd:
        assert list(crowd.map(house.post, [paid, paid])) == [SUCCESS, SUCCESS]
    house.ends(order_no, Phase.REVERSED)
    assert house.line.sent.count("revoke") == 2  # the cancel's and the return's
    assert house.line.sent.count("query") == asked + 1


# -- the listener itself -------------------------------------------------------------------------------------


def test_a_place_that_is_taken_is_refused(house: House) -> None:
    with pytest.raises(Refusal, match=r"in \[notices\]"):
        listen(house.listener.address, house.desk)


def test_closing_ends_its_threads_and_frees_the_place(house: House) -> None:
    before = {thread.name for thread in threading.enumerate()}
    assert "notices" in before
    house.listener.close()
    house.listener.close()
    assert "notices" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        house.connect()


def test_the_bucket_fills_again() -> None:
    now = [0.0]
    bucket = Bucket(5, 10, lambda: now[0])
    assert [bucket.take() for _ in range(11)] == [True] * 10 + [False]
    now[0] = 0.41
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now[0] = 1_000
    assert sum(bucket.take() for _ in range(20)) == 10


def test_the_memory_of_events_is_bounded(house: House) -> None:
    for number in range(notices.KEYS_MAX + 5):
        house.desk._keep(str(number))
    assert len(house.desk._taken) == notices.KEYS_MAX
    assert "0" not in house.desk._taken


def test_any_bytes_on_the_socket(house: House) -> None:
    order_no = house.presented()
    for junk in (
        b"\x00" * 100 + b"\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"GET",
    ):
        with house.connect() as end:
            end.sendall(junk)
            end.shutdown(socket.SHUT_WR)
            assert status(answer_of(end)) in (0, 400, 404, 405)
    body = json.dumps({"sign": "é", "x": "\ud800"}).encode()
    assert status(house.post(body)) == 401
    unmoved(house, order_no)
