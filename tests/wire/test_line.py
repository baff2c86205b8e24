"""The line against real sockets: what is sent, what counts as an answer, and when it gives up."""

from __future__ import annotations

import contextlib
import gzip
import queue
import socket
import struct
import subprocess
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from terminal.core.terms import HouseFault, Refusal
from terminal.wire import call as call_file
from terminal.wire import line as line_file
from terminal.wire.http import HttpAnswer, HttpRequest
from terminal.wire.line import Failure, GivenUp, Line, _Call, _Tap
from tests.wire.host import (
    HASTY,
    OK,
    PATIENCE_S,
    REQUEST,
    Host,
    Inbox,
    answering,
    ask,
    hosted,
    line_to,
    mute,
    silent,
)

Serve = Callable[[Host, socket.socket], None]
BODY_MAX, HEAD_MAX = 256 * 1024, 32 * 1024


def of(head: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {head}\r\n\r\n".replace("\n", "\r\n").replace("\r\r", "\r").encode() + body


def failed(serve: Serve, request: HttpRequest = REQUEST) -> Failure:
    with hosted(serve) as host:
        answer, _ = ask(host.url, request)
    assert isinstance(answer, Failure)
    assert len(answer.detail) <= 120
    return answer


# -- what is sent ------------------------------------------------------------------------------------------


def test_the_request_goes_out_as_it_is() -> None:
    with hosted(answering(OK)) as host:
        answer, _ = ask(f"{host.url}/prefix/")
        sent = host.requests.get(timeout=PATIENCE_S)
    assert answer == HttpAnswer(200, b"ok", {"content-length": "2"})
    head, _, body = sent.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    assert first == "POST /prefix/api/entry HTTP/1.1"
    assert body == REQUEST.body
    assert sorted(rest) == sorted(
        [
            f"Host: 127.0.0.1:{host.port}",
            "Accept-Encoding: identity",
            "User-Agent: counter-terminal",
            "Content-Type: application/json",
            "Content-Length: 7",
        ]
    )


def test_nothing_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with hosted(answering(OK)) as host:
        answer, _ = ask(host.url)
        assert b"authorization" not in host.requests.get(timeout=PATIENCE_S).lower()
    assert isinstance(answer, HttpAnswer)


def test_nothing_heavy_is_imported_before_the_first_exchange() -> None:
    code = (
        "import terminal.wire.line, sys; print({'requests', 'urllib3', 'ssl'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# -- what counts as an answer -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (of("200 OK\nContent-Length: 0"), HttpAnswer(200, b"", {"content-length": "0"})),  # F23
        (of("200 OK", b"<html>Log in</html>"), HttpAnswer(200, b"<html>Log in</html>")),  # F24
        (of("204 No Content"), HttpAnswer(204, b"")),
        (of("103 Early Hints"), HttpAnswer(103, b"")),
        (of("500 Oops", b"x"), HttpAnswer(500, b"x")),
        (of("100 Continue") + of("200 OK", b"x"), HttpAnswer(200, b"x")),
        (of("200 OK\nX-One: 1\nX-One: 2", b"x"), HttpAnswer(200, b"x", {"x-one": "1, 2"})),
    ],
)
def test_an_answer(data: bytes, expected: HttpAnswer) -> None:
    with hosted(answering(data)) as host:
        answer, _ = ask(host.url)
    assert answer == expected


@pytest.mark.parametrize(
    "head",
    [
        "301 Moved\nLocation: http://127.0.0.1:9/\nContent-Length: 0",
        "307 Moved\nLocation: /api/entry\nContent-Length: 0",
        "429 Slow down\nRetry-After: 1000000000\nContent-Length: 0",
        "503 Busy\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\nContent-Length: 0",
    ],
)
def test_nothing_is_followed_and_nothing_is_tried_twice(head: str) -> None:
    """F40, F41."""
    with hosted(answering(of(head))) as host:
        answer, _ = ask(host.url)
        assert host.connections == 1
    assert isinstance(answer, HttpAnswer)
    assert answer.status == int(head[:3])


def test_chunks() -> None:
    data = of("200 OK\nTransfer-Encoding: chunked", b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: t\r\n\r\n")
    with hosted(answering(data)) as host:
        answer, _ = ask(host.url)
    assert isinstance(answer, HttpAnswer)
    assert answer.body == b"abcde"


@pytest.mark.parametrize("size", [1, BODY_MAX])
@pytest.mark.parametrize("packed", [False, True])
def test_bodies_up_to_the_limit(size: int, packed: bool) -> None:
    body = bytes(size)
    wire = gzip.compress(body) if packed else body
    head = f"200 OK\nContent-Length: {len(wire)}" + "\nContent-Encoding: GZIP" * packed
    with hosted(answering(of(head, wire))) as host:
        answer, _ = ask(host.url)
    assert isinstance(answer, HttpAnswer)
    assert answer.body == body


# -- answers that are none ---------------------------------------------------------------------------------


def endless(data: bytes, start: bytes) -> Serve:
    def serve(host: Host, conn: socket.socket) -> None:
        host.read(conn)
        conn.sendall(start)
        while True:
            conn.sendall(data)

    return serve


def packed(data: bytes, encoding: str = "gzip") -> bytes:
    return of(f"200 OK\nContent-Length: {len(data)}\nContent-Encoding: {encoding}", data)


CHUNKED = of("200 OK\nTransfer-Encoding: chunked")
TOO_LARGE: dict[str, Serve] = {
    "a body too long": answering(
        of(f"200 OK\nContent-Length: {BODY_MAX + 1}", bytes(BODY_MAX + 1))
    ),
    "100 MB announced": endless(bytes(65_536), of("200 OK\nContent-Length: 100000000")),
    "a body without end": endless(bytes(65_536), of("200 OK")),
    "chunks without end": endless(b"4000\r\n" + bytes(0x4000) + b"\r\n", CHUNKED),
    "a chunk's size without end": endless(b"0" * 65_536, CHUNKED),
    "trailers without end": endless(b"T: t\r\n" * 99, CHUNKED + b"0\r\n"),
    "a head without end": endless(b"X: " + b"y" * 1_000 + b"\r\n", b"HTTP/1.1 200 OK\r\n"),
    "a header line without end": endless(b"y" * 65_536, b"HTTP/1.1 200 OK\r\nX: "),
    "a status line without end": endless(b"y" * 65_536, b"HTTP/1.1 200 "),
    "go on without end": endless(of("100 Continue"), b""),
    "a gzip bomb": answering(packed(gzip.compress(bytes(50_000_000)))),
    "one byte too many, packed": answering(packed(gzip.compress(bytes(BODY_MAX + 1)))),
}


@pytest.mark.parametrize("what", TOO_LARGE)
def test_too_large(what: str) -> None:
    """F26."""
    failure = failed(TOO_LARGE[what])
    assert failure.left
    assert "too large" in failure.detail


def test_a_bomb_is_not_unpacked() -> None:
    with hosted(TOO_LARGE["a gzip bomb"]) as host:
        tracemalloc.start()
        ask(host.url)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak_bytes < 5_000_000


def reset(conn: socket.socket) -> None:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reset_after(data: bytes) -> Serve:
    def serve(host: Host, conn: socket.socket) -> None:
        host.read(conn)
        conn.sendall(data)
        reset(conn)

    return serve


BROKEN: dict[str, tuple[Serve, str]] = {
    "hung up (F25)": (answering(b""), "hung up without an answer"),
    "half a head (F25)": (answering(b"HTTP/1.1 200 OK\r\nContent-Le"), "head of the answer is cut"),
    "a head without its empty line": (
        answering(b"HTTP/1.1 200 OK\r\n"),
        "head of the answer is cut",
    ),
    "half a body (F25)": (answering(of("200 OK\nContent-Length: 9", b"half")), "cut short"),
    "half a chunk (F25)": (answering(CHUNKED + b"9\r\nhalf"), "cut short"),
    "no last chunk (F25)": (answering(CHUNKED + b"4\r\nhalf\r\n"), "cut short"),
    "no chunk": (answering(CHUNKED + b"zz\r\nhalf\r\n"), ""),
    "reset (F44)": (reset_after(b""), "cut"),
    "reset after the head (F44)": (reset_after(of("200 OK\nContent-Length: 9")), "cut"),
    "no HTTP": (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), "not speak HTTP"),
    "half packed": (answering(packed(gzip.compress(b"body")[:-9])), "packed, and cut short"),
    "badly packed": (answering(packed(b"\x1f\x8bnonsense")), "packed, and damaged"),
    "packed otherwise": (answering(packed(zlib.compress(b"x"), "deflate")), "encoded as 'deflate'"),
    "packed twice": (answering(packed(b"x", "gzip, gzip")), "encoded as 'gzip, gzip'"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken(what: str) -> None:
    serve, words = BROKEN[what]
    failure = failed(serve)
    assert failure.left
    assert failure.detail.startswith("127.0.0.1: ")
    assert words in failure.detail
    assert "Error" not in failure.detail or not words


def drip(data: bytes) -> Serve:
    """F43: byte by byte, each well within any time-out of one recv."""

    def serve(host: Host, conn: socket.socket) -> None:
        host.read(conn)
        pace = threading.Event()
        for at in range(len(data)):
            conn.sendall(data[at : at + 1])
            pace.wait(0.05)

    return serve


@pytest.mark.parametrize(
    "serve",
    [silent, drip(of("200 OK\nX: " + "y" * 9_000)), drip(of("200 OK", bytes(9_000)))],
    ids=["silent", "head", "body"],
)
def test_the_whole_answer_has_one_deadline(serve: Serve) -> None:
    with hosted(serve) as host:
        answer, _ = ask(host.url, HASTY)
        assert isinstance(answer, Failure)
        assert answer.left
        assert answer.detail in (
            "no complete answer within 0.2 s",
            "127.0.0.1: it does not answer in time",
        )
        host.gone.get(timeout=PATIENCE_S)  # the connection is cut, no thread hangs on it


def test_a_request_that_nobody_takes() -> None:
    """The far end's window is full: sending is bounded too."""
    request = HttpRequest("/", bytes(20_000_000), {}, 200)
    assert failed(mute, HttpRequest("/", b"x", {}, 200)).left
    with hosted(lambda _host, conn: _wait_for_end(conn)) as host:
        answer, _ = ask(host.url, request)
    assert isinstance(answer, Failure)
    assert answer.left


def _wait_for_end(conn: socket.socket) -> None:
    """Wait without reading, until the other side cuts the connection."""
    import select

    poll = select.poll()
    poll.register(conn, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    poll.poll(PATIENCE_S * 1000)


# -- nothing has left --------------------------------------------------------------------------------------


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """An address that is taken, so that nobody else listens there, and that refuses connections."""
    with socket.socket() as silent_one:
        silent_one.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{silent_one.getsockname()[1]}"


def test_refused() -> None:
    with nobody() as url:
        answer, _ = ask(url)
    assert answer == Failure(False, "127.0.0.1: it refuses connections")


def test_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    answer, _ = ask("https://pay.example")
    assert answer == Failure(False, "pay.example: the name is not known: is there a network?")


def test_no_route(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_route(*_: object, **__: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", no_route)
    answer, _ = ask("http://127.0.0.1:9")
    assert answer == Failure(False, "127.0.0.1: Network is unreachable")


def test_a_full_backlog_of_a_dead_host() -> None:
    """SYNs are dropped: the connection itself times out."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        plugs = [socket.socket() for _ in range(4)]
        for plug in plugs:
            plug.setblocking(False)
            plug.connect_ex(address)
        answer, _ = ask(f"http://127.0.0.1:{address[1]}", connect_timeout_ms=300)
        for plug in plugs:
            plug.close()
    assert isinstance(answer, Failure)
    assert not answer.left


def test_a_name_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be timed out, so the exchange is given up; and when it answers at last, nothing is sent."""
    answered, real = threading.Event(), socket.getaddrinfo

    def slow(*args: object, **how: object) -> object:
        answered.wait(PATIENCE_S)
        return real(*args, **how)  # type: ignore[arg-type]

    with hosted(silent) as host, line_to(host.url, connect_timeout_ms=200) as (line, inbox):
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        line.send(1, REQUEST)
        assert inbox.next() == (1, Failure(False, "no connection within 0.2 s"))
        answered.set()
        host.gone.get(timeout=PATIENCE_S)  # it connected, and hung up
        assert host.requests.empty()
        assert inbox.items.empty()


def test_what_was_given_up_may_neither_connect_nor_send() -> None:
    """Whichever comes first, each door is shut by itself."""
    given_up = _Call(1, REQUEST, 0)
    given_up.over = True
    tap = _Tap(threading.Condition(), given_up)
    with pytest.raises(GivenUp):
        tap.claim()
    with socket.socket() as sock, pytest.raises(GivenUp):
        tap.connected(sock)
    assert not given_up.left
    assert given_up.handle is None


@pytest.mark.parametrize("port", ["", ":80", ":9"])
@pytest.mark.parametrize(
    "url", ["http://pay.example", "ftp://127.0.0.1", "http://192.168.0.1", "pay.example", ""]
)
def test_no_unencrypted_payments(url: str, port: str) -> None:
    with pytest.raises(Refusal, match="address"):
        Line(url + port, Inbox())


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https://u:p@pay.example",
        "https://pay.example/?a",
        "https://a:99999",
        "https://[::1",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(Refusal, match="no address"):
        Line(url, Inbox())


# -- kept connections --------------------------------------------------------------------------------------

QUESTION = replace(REQUEST, moves_money=False)


def answering_on(host: Host, conn: socket.socket) -> None:
    """Answer one request after the other."""
    while True:
        host.read(conn)
        conn.sendall(OK)


def one_after_the_other(line: Line, inbox: Inbox, *requests: HttpRequest) -> list[object]:
    answers: list[object] = []
    for number, request in enumerate(requests):
        line.send(number, request)
        answers.append(inbox.next()[1])
    return answers


def test_questions_share_a_connection() -> None:
    with hosted(answering_on) as host, line_to(host.url, workers=1) as (line, inbox):
        answers = one_after_the_other(line, inbox, *[QUESTION] * 5)
        assert host.connections == 1
    assert all(isinstance(answer, HttpAnswer) for answer in answers)


def test_what_moves_money_never_goes_over_a_used_connection() -> None:
    """One that broke unnoticed would leave a charge in doubt; and nothing is ever sent twice."""
    with hosted(answering_on) as host, line_to(host.url, workers=1) as (line, inbox):
        one_after_the_other(line, inbox, QUESTION, REQUEST, REQUEST, QUESTION)
        assert host.connections == 3  # the last question uses the charge's


def test_a_kept_connection_that_ended_is_not_used() -> None:
    with hosted(answering(OK)) as host, line_to(host.url, workers=1) as (line, inbox):
        for number in range(3):
            line.send(number, QUESTION)
            assert isinstance(inbox.next()[1], HttpAnswer)
            host.gone.get(timeout=PATIENCE_S)  # it hung up after its answer
        assert host.connections == 3


def test_a_question_on_a_dead_connection_is_not_asked_twice() -> None:
    """The far end takes the second request and hangs up: whether it was done, nobody knows."""

    def serve(host: Host, conn: socket.socket) -> None:
        host.read(conn)
        conn.sendall(OK)
        host.read(conn)

    with hosted(serve) as host, line_to(host.url, workers=1) as (line, inbox):
        first, second, third = one_after_the_other(line, inbox, *[QUESTION] * 3)
        assert host.connections == 2
    assert isinstance(first, HttpAnswer)
    assert isinstance(second, Failure)
    assert second.left
    assert isinstance(third, HttpAnswer)


def test_an_idle_connection_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_file, "KEPT_S", 0.05)
    with hosted(answering_on) as host, line_to(host.url, workers=1) as (line, inbox):
        one_after_the_other(line, inbox, QUESTION)
        host.gone.get(timeout=PATIENCE_S)  # we hung up


def test_a_kept_connection_is_cut_when_its_next_answer_is_late() -> None:
    def serve(host: Host, conn: socket.socket) -> None:
        host.read(conn)
        conn.sendall(OK)
        silent(host, conn)

    with hosted(serve) as host, line_to(host.url, workers=1) as (line, inbox):
        hasty = replace(HASTY, moves_money=False)
        _, late = one_after_the_other(line, inbox, hasty, hasty)
        host.gone.get(timeout=PATIENCE_S)
    assert isinstance(late, Failure)
    assert late.left


def test_the_late_answer_of_another_exchange_is_never_read() -> None:
    """F45: the host keeps the connection open and sends an answer nobody asked for."""
    count = iter(range(1, 99))

    def serve(host: Host, conn: socket.socket) -> None:
        host.read(conn)
        number = b"%d" % next(count)
        conn.sendall(of("200 OK\nConnection: keep-alive\nContent-Length: 1", number))
        conn.sendall(of("200 OK\nContent-Length: 4", b"late"))
        with contextlib.suppress(OSError):
            while True:
                host.read(conn)
                conn.sendall(of("200 OK\nContent-Length: 4", b"late"))

    with hosted(serve) as host, line_to(host.url, workers=1) as (line, inbox):
        for number in (b"1", b"2", b"3"):
            line.send(int(number), REQUEST)
            exchange, answer = inbox.next()
            assert isinstance(answer, HttpAnswer)
            assert (exchange, answer.body) == (int(number), number)
        assert host.connections == 3


# -- many at once ------------------------------------------------------------------------------------------


def test_each_exchange_is_answered_exactly_once() -> None:
    kinds = (answering(OK), answering(b""), reset_after(b""), silent)
    count = iter(range(10_000))

    def serve(host: Host, conn: socket.socket) -> None:
        kinds[next(count) % 4](host, conn)

    with hosted(serve) as host, line_to(host.url) as (line, inbox):
        for exchange in range(60):
            line.send(exchange, HASTY, urgent=exchange % 3 == 0)
        seen = sorted(inbox.next()[0] for _ in range(60))
        assert seen == list(range(60))
        assert inbox.items.empty()
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("line-")]
    assert len([name for name in names if "urgent" in name]) <= 3
    assert len([name for name in names if "backlog" in name]) <= 8


class Gate:
    """A host that answers only when told to."""

    def __init__(self) -> None:
        self.open = threading.Event()

    def __call__(self, host: Host, conn: socket.socket) -> None:
        if b"now" in host.read(conn):
            conn.sendall(OK)
            return
        self.open.wait(PATIENCE_S)
        conn.sendall(OK)


NOW = HttpRequest("/", b"now")
LATER = HttpRequest("/", b"later", {}, PATIENCE_S * 1000)


def test_a_live_sale_does_not_wait_behind_the_backlog() -> None:
    gate = Gate()
    with hosted(gate) as host, line_to(host.url) as (line, inbox):
        for exchange in range(50):
            line.send(exchange, LATER)
        for _ in range(8):  # every worker of the backlog is busy
            host.requests.get(timeout=PATIENCE_S)
        line.send(99, NOW, urgent=True)
        assert inbox.next()[0] == 99
        gate.open.set()
        assert sorted(inbox.next()[0] for _ in range(50)) == list(range(50))


def test_the_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_file, "WAITING_MAX", 2)
    gate = Gate()
    with hosted(gate) as host, line_to(host.url) as (line, inbox):
        for exchange in range(8):
            line.send(exchange, LATER)
            host.requests.get(timeout=PATIENCE_S)
        for exchange in range(8, 11):
            line.send(exchange, LATER)
        full = Failure(False, "too many exchanges are waiting", queued=True)
        assert inbox.next() == (10, full)
        gate.open.set()
        assert sorted(inbox.next()[0] for _ in range(10)) == list(range(10))


def test_nobody_waits_for_ever() -> None:
    gate = Gate()
    with hosted(gate) as host, line_to(host.url) as (line, inbox):
        for exchange in range(3):
            line.send(exchange, LATER, urgent=True)
            host.requests.get(timeout=PATIENCE_S)
        line._urgent.wait_s = 0.05
        line.send(3, LATER, urgent=True)
        assert inbox.next() == (3, Failure(False, "no worker was free in time", queued=True))
        gate.open.set()
        assert sorted(inbox.next()[0] for _ in range(3)) == [0, 1, 2]
        assert host.connections == 3


def test_close_answers_everything() -> None:
    with hosted(silent) as host, line_to(host.url) as (line, inbox):
        for exchange in range(12):
            line.send(exchange, LATER)
        for _ in range(8):
            host.requests.get(timeout=PATIENCE_S)
        line.close()
        ended = dict(inbox.next() for _ in range(12))
        assert ended == {
            exchange: Failure(exchange < 8, "the line was closed", queued=exchange >= 8)
            for exchange in range(12)
        }
        for _ in range(8):
            host.gone.get(timeout=PATIENCE_S)
        with pytest.raises(HouseFault, match="closed"):
            line.send(10, REQUEST)
        with pytest.raises(HouseFault, match="closed"):
            line.probe(11)


def test_a_line_that_was_never_used_closes() -> None:
    Line("https://pay.example", Inbox()).close()


def test_a_fault_of_ours_is_told_and_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise AssertionError("planted")

    caught: queue.Queue[threading.ExceptHookArgs] = queue.Queue()
    monkeypatch.setattr(threading, "excepthook", caught.put)
    with hosted(answering(OK)) as host, line_to(host.url) as (line, inbox):
        with monkeypatch.context() as planted:
            planted.setattr(call_file.Door, "ask", fault)
            for _ in range(9):  # more than the lane has workers
                line.send(1, REQUEST)
                assert inbox.next() == (1, Failure(False, "a fault of this terminal: see the log"))
                assert caught.get(timeout=PATIENCE_S).exc_type is AssertionError
        line.send(2, REQUEST)
        exchange, answer = inbox.next()
        assert exchange == 2
        assert isinstance(answer, HttpAnswer)


# -- probes ------------------------------------------------------------------------------------------------


def test_a_probe_asks_nothing() -> None:
    with hosted(mute) as host, line_to(host.url) as (line, inbox):
        line.probe(5)
        assert inbox.next() == (5, HttpAnswer(0, b""))
        host.gone.get(timeout=PATIENCE_S)
        assert host.requests.empty()


def test_a_probe_of_nobody() -> None:
    with nobody() as url, line_to(url) as (line, inbox):
        line.probe(5)
        assert inbox.next() == (5, Failure(False, "127.0.0.1: it refuses connections"))
