"""The cable: who is plugged in gets everything, and nobody can hold the daemon up."""

from __future__ import annotations

import queue
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.core.terms import Refusal
from terminal.devices.cable import (
    BACKLOG_MESSAGES,
    CLIENTS_MAX,
    LENGTH,
    Cable,
    Messages,
    TooLong,
    Unplugged,
    plug,
)

PATIENCE_S = 30.0
Until = Callable[[Callable[[], object]], None]


@pytest.fixture
def path(run: Path) -> str:
    return str(run / "a.sock")


@pytest.fixture
def came() -> queue.Queue[bytes]:
    return queue.Queue()


@pytest.fixture
def cable(path: str, came: queue.Queue[bytes]) -> Iterator[Cable]:
    cable = Cable(path, came.put, limit_bytes=1000)
    yield cable
    cable.close()


def test_two_clients_hear_the_same_and_both_are_heard(
    cable: Cable, path: str, came: queue.Queue[bytes], until: Until
) -> None:
    with plug(path) as one, plug(path) as two:
        until(lambda: cable.clients == 2)
        cable.send(b"hello")
        cable.send(b"")
        for far in (one, two):
            assert far.receive(PATIENCE_S) == b"hello"
            assert far.receive(PATIENCE_S) == b""
        one.send(b"from one")
        assert came.get(timeout=PATIENCE_S) == b"from one"
        two.send(b"from two")
        assert came.get(timeout=PATIENCE_S) == b"from two"


def test_nothing_came_yet_is_none(cable: Cable, path: str) -> None:
    with plug(path) as far:
        assert far.receive(0.0) is None


def test_without_anybody_at_the_far_end_sending_is_no_error(cable: Cable) -> None:
    for _ in range(10 * BACKLOG_MESSAGES):
        cable.send(b"beep")
    assert cable.lost is None


def test_a_client_that_never_reads_is_dropped_and_the_other_misses_nothing(
    path: str, until: Until
) -> None:
    cable = Cable(path, limit_bytes=100_000)
    message = bytes(100_000)
    with plug(path) as slow, plug(path) as quick:
        until(lambda: cable.clients == 2)
        count = 0
        while cable.clients == 2:
            assert count < 10 * BACKLOG_MESSAGES, "the slow client is still waited for"
            cable.send(message)
            assert quick.receive(PATIENCE_S) == message
            count += 1
        cable.send(b"still here")
        assert quick.receive(PATIENCE_S) == b"still here"
        with pytest.raises(Unplugged):
            while slow.receive(PATIENCE_S) is not None:
                pass
    cable.close()


def test_a_sticky_cable_gives_the_last_message_at_connect(path: str, until: Until) -> None:
    cable = Cable(path, sticky=True)
    cable.send(b"first")
    cable.send(b"last")
    with plug(path) as far:
        until(lambda: cable.clients == 1)
        got = far.receive(PATIENCE_S)
        assert (got if got == b"last" else far.receive(PATIENCE_S)) == b"last"
        assert far.receive(0.0) is None
    cable.close()


def test_an_event_cable_does_not_repeat_itself_to_who_comes_later(
    cable: Cable, path: str, until: Until
) -> None:
    with plug(path) as early:
        until(lambda: cable.clients == 1)
        cable.send(b"beep")
        assert early.receive(PATIENCE_S) == b"beep"
        with plug(path) as late:
            until(lambda: cable.clients == 2)
            cable.send(b"next")
            assert late.receive(PATIENCE_S) == b"next"


def test_on_a_sticky_cable_a_slow_client_gets_the_newest_and_misses_those_between(
    path: str, until: Until
) -> None:
    cable = Cable(path, sticky=True)
    with plug(path) as slow, plug(path) as quick:
        until(lambda: cable.clients == 2)
        frames = [bytes([number]) * 1_000_000 for number in range(8)]
        for frame in frames:
            cable.send(frame)
            while quick.receive(PATIENCE_S) != frame:
                pass
        got = [slow.receive(PATIENCE_S)]
        while got[-1] != frames[-1]:
            got.append(slow.receive(PATIENCE_S))
        assert len(got) < len(frames)
    cable.close()


def test_on_a_sticky_cable_a_client_that_never_reads_is_dropped_in_the_end(
    path: str, until: Until
) -> None:
    cable = Cable(path, sticky=True)
    frame = bytes(1_000_000)
    with plug(path), plug(path) as quick:
        until(lambda: cable.clients == 2)
        for _ in range(BACKLOG_MESSAGES + 2):
            cable.send(frame)
            assert quick.receive(PATIENCE_S) == frame
        until(lambda: cable.clients == 1)
    cable.close()


def test_a_message_over_the_limit_drops_the_client_but_not_what_came_before(
    cable: Cable, path: str, came: queue.Queue[bytes], until: Until
) -> None:
    with plug(path) as far, plug(path) as other:
        until(lambda: cable.clients == 2)
        far.send(b"good")
        far.send(bytes(1001))
        assert came.get(timeout=PATIENCE_S) == b"good"
        until(lambda: cable.clients == 1)
        with pytest.raises(Unplugged):
            far.receive(PATIENCE_S)
        other.send(b"fine")
        assert came.get(timeout=PATIENCE_S) == b"fine"


def test_the_daemon_itself_may_not_send_over_the_limit(cable: Cable) -> None:
    with pytest.raises(ValueError, match="1001 bytes"):
        cable.send(bytes(1001))


@pytest.fixture
def crowded(path: str) -> Iterator[socket.socket]:
    """A listener at `path` with no place free."""
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(path)
        busy.listen(0)
        with suppress(BlockingIOError):
            while True:
                with socket.socket(socket.AF_UNIX) as end:
                    end.setblocking(False)
                    end.connect(path)
        yield busy


def test_a_cable_that_has_no_place_free_yet_is_waited_for(
    path: str, crowded: socket.socket
) -> None:
    taking = threading.Timer(0.2, crowded.accept)
    taking.start()
    plug(path).close()
    taking.join()


@pytest.mark.usefixtures("crowded")
def test_who_has_no_place_free_is_alive(path: str) -> None:
    with pytest.raises(Refusal, match="Another program serves"):
        Cable(path)


def test_one_client_too_many_is_turned_away(cable: Cable, path: str, until: Until) -> None:
    plugs = [plug(path) for _ in range(CLIENTS_MAX)]
    until(lambda: cable.clients == CLIENTS_MAX)
    with plug(path) as extra, pytest.raises(Unplugged):
        extra.receive(PATIENCE_S)
    for each in plugs:
        each.close()
    until(lambda: cable.clients == 0)


def test_a_client_may_go_in_the_middle_of_a_message_and_come_back(
    cable: Cable, path: str, came: queue.Queue[bytes], until: Until
) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(path)
        raw.sendall(LENGTH.pack(4) + b"ha")
        until(lambda: cable.clients == 1)
    until(lambda: cable.clients == 0)
    with plug(path) as again:
        again.send(b"whole")
        assert came.get(timeout=PATIENCE_S) == b"whole"
    assert came.empty()


def test_closing_unplugs_everybody_and_removes_the_socket(path: str, until: Until) -> None:
    cable = Cable(path)
    with plug(path) as far:
        until(lambda: cable.clients == 1)
        cable.close()
        with pytest.raises(Unplugged):
            far.receive(PATIENCE_S)
    assert not Path(path).exists()
    cable.send(b"after the end")  # a last picture at shutdown is no error
    with pytest.raises(FileNotFoundError):
        plug(path)
    assert "has ended" in str(cable.lost)


def test_a_socket_left_by_a_dead_daemon_is_replaced(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    Cable(path).close()


def test_a_second_daemon_is_refused(cable: Cable, path: str) -> None:
    with pytest.raises(Refusal, match="second daemon"):
        Cable(path)
    with plug(path):
        pass


def test_a_file_in_the_way_is_kept(path: str) -> None:
    Path(path).write_text("precious")
    with pytest.raises(Refusal, match="is no socket"):
        Cable(path)
    assert Path(path).read_text() == "precious"


@pytest.mark.parametrize("name", ["missing/a.sock", "x" * 120])
def test_a_path_that_cannot_be_says_what_to_correct(run: Path, name: str) -> None:
    with pytest.raises(Refusal, match="Correct `socket`"):
        Cable(str(run / name))


def test_nobody_else_on_the_machine_may_press_keys(cable: Cable, path: str) -> None:
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


@given(
    messages=st.lists(st.binary(max_size=50), max_size=8),
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=40),
)
def test_messages_are_the_same_however_the_stream_is_cut(
    messages: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(LENGTH.pack(len(message)) + message for message in messages)
    inbound, got, turn = Messages(50), [], 0
    while stream:
        size = cuts[turn % len(cuts)]
        inbound.put(stream[:size])
        stream, turn = stream[size:], turn + 1
        while (message := inbound.take()) is not None:
            got.append(message)
    assert got == messages


def test_the_length_is_judged_before_the_message_is_collected() -> None:
    inbound = Messages(50)
    inbound.put(LENGTH.pack(51))
    with pytest.raises(TooLong, match="51 bytes"):
        inbound.take()
