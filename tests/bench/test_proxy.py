"""The line: carries bytes, and fails in each of the ways it is asked to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from terminal.bench.proxy import CONNECTIONS_MAX, Proxy, Weather, _Flow


class Echo:
    """Sends back what it gets. `dropped` is set when a connection ended with a reset."""

    def __init__(self) -> None:
        self.dropped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.target: tuple[str, int] = self._listener.getsockname()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with closing(connection):
            try:
                while data := connection.recv(65_536):
                    connection.sendall(data)
            except ConnectionResetError:
                self.dropped.set()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.stop()


@pytest.fixture
def line(echo: Echo) -> Iterator[Proxy]:
    with Proxy(echo.target) as line:
        yield line


def dial(line: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", line.port), timeout=60)


def read(connection: socket.socket, count: int) -> bytes:
    """Up to `count` bytes, fewer when the other side ended."""
    got = b""
    while len(got) < count and (data := connection.recv(count - len(got))):
        got += data
    return got


def test_it_carries_bytes_both_ways(line: Proxy) -> None:
    sent = bytes(range(256)) * 4_000  # a megabyte: more than any queue on the way
    with dial(line) as connection:
        threading.Thread(target=connection.sendall, args=(sent,), daemon=True).start()
        assert read(connection, len(sent)) == sent


def test_an_end_of_speech_is_passed_on(line: Proxy) -> None:
    with dial(line) as connection:
        connection.sendall(b"bye")
        connection.shutdown(socket.SHUT_WR)
        assert read(connection, 100) == b"bye"


def test_a_cut_resets_living_connections_at_both_ends(line: Proxy, echo: Echo) -> None:
    with dial(line) as connection:
        connection.sendall(b"x")
        assert read(connection, 1) == b"x"
        line.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert echo.dropped.wait(60)


def test_a_cut_line_refuses_and_a_restored_one_answers_on_the_same_port(line: Proxy) -> None:
    for _ in range(3):
        line.cut()
        line.cut()
        with pytest.raises(ConnectionRefusedError):
            dial(line)
        line.restore()
        line.restore()
        with dial(line) as connection:
            connection.sendall(b"again")
            assert read(connection, 5) == b"again"


def test_nobody_gets_the_port_of_a_cut_line(line: Proxy) -> None:
    line.cut()
    with socket.socket() as thief, pytest.raises(OSError, match="in use"):
        thief.bind(("127.0.0.1", line.port))


def test_nobody_behind_the_line_looks_like_a_reset() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        reset = pytest.raises(ConnectionResetError)
        with Proxy(nobody.getsockname()) as line, reset, dial(line) as connection:
            connection.recv(1)


def test_a_connection_is_reset_after_so_many_bytes_of_the_answer(line: Proxy) -> None:
    line.weather = Weather(reset_down_after=4)
    with dial(line) as connection:
        connection.sendall(b"123456789")
        assert read(connection, 4) == b"1234"
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_connection_is_reset_after_so_many_bytes_of_the_request(line: Proxy, echo: Echo) -> None:
    line.weather = Weather(reset_up_after=4)
    with dial(line) as connection:
        connection.sendall(b"123456789")
        with pytest.raises(ConnectionResetError):
            read(connection, 9)
    assert echo.dropped.wait(60)


def test_a_half_open_line_accepts_and_says_nothing_until_it_is_over(line: Proxy) -> None:
    line.weather = Weather(half_open=True)
    with dial(line) as connection:
        connection.sendall(b"hello")
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(60)
        line.weather = Weather()
        assert read(connection, 5) == b"hello"


def test_slices_and_latency_change_nothing_but_the_pace(line: Proxy) -> None:
    line.weather = Weather(latency_ms=1, slice_bytes=3)
    with dial(line) as connection:
        connection.sendall(b"0123456789")
        assert read(connection, 10) == b"0123456789"


def test_slices_follow_one_another_at_the_latency() -> None:
    near, far = socket.socketpair()
    with near, far:
        flow = _Flow(far, far)
        near.sendall(b"0123456789")
        flow.take(Weather(latency_ms=700, slice_bytes=3))
        due_ms, pieces = zip(*flow.queue, strict=True)
        assert pieces == (b"012", b"345", b"678", b"9")
        assert [later - due_ms[0] for later in due_ms] == [0, 700, 1400, 2100]


def test_a_receiver_that_does_not_read_stops_the_sender_not_the_line(line: Proxy) -> None:
    with dial(line) as deaf, dial(line) as other:
        deaf.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                deaf.send(bytes(65_536))
        other.sendall(b"still here")
        assert read(other, 10) == b"still here"


def test_there_is_room_for_so_many_connections_and_the_rest_waits(line: Proxy) -> None:
    many = [dial(line) for _ in range(CONNECTIONS_MAX)]
    for connection in many:
        connection.sendall(b"x")
        assert read(connection, 1) == b"x"
    with dial(line) as one_more:
        one_more.sendall(b"y")
        assert line.connections == CONNECTIONS_MAX
        many.pop().close()
        assert read(one_more, 1) == b"y"
    for connection in many:
        connection.close()


def test_a_stopped_line_frees_its_port_and_can_be_told_anything(echo: Echo) -> None:
    line = Proxy.to(f"http://127.0.0.1:{echo.target[1]}")
    port = line.start()
    line.stop()
    line.stop()
    line.cut()
    line.restore()
    with Proxy(echo.target, port=port) as other:
        assert other.port == port
