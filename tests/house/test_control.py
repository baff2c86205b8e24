"""The control socket: one line in, one line out, and nobody can keep it busy or break it."""

from __future__ import annotations

import json
import os
import queue
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from terminal import control
from terminal.control import (
    CLIENTS_MAX,
    REQUEST_BYTES_MAX,
    Ask,
    Control,
    Message,
    NotRunning,
    Unanswered,
    call,
)
from terminal.core.terms import HouseFault, Refusal

Start = Callable[..., Control]


def echo(request: Message) -> Message:
    return {"ok": True, "heard": request}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "c.sock"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    started: list[Control] = []

    def starting(ask: Ask = echo, **options: float) -> Control:
        started.append(Control(path, ask, **options))
        return started[-1]

    yield starting
    for each in started:
        each.close()


def connected(path: Path) -> socket.socket:
    end = socket.socket(socket.AF_UNIX)
    end.settimeout(60)
    end.connect(os.fspath(path))
    return end


def reply_to(path: Path, raw: bytes) -> Message:
    """What the daemon says to these bytes, which need not be anything."""
    with connected(path) as end:
        with suppress(ConnectionError):  # it has heard enough; its answer is there all the same
            end.sendall(raw)
        return reply_of(end)


def reply_of(end: socket.socket) -> Message:
    with end.makefile("rb") as lines:
        message = json.loads(lines.readline())
    assert isinstance(message, dict)
    return message


# -- talking -----------------------------------------------------------------------------------------------


def test_question_and_answer(start: Start, path: Path) -> None:
    start()
    assert call(path, {"word": "status", "ä": ["\n", 1]}) == {
        "ok": True,
        "heard": {"word": "status", "ä": ["\n", 1]},
    }


def test_several_requests_of_one_client(start: Start, path: Path) -> None:
    start()
    with connected(path) as end, end.makefile("rwb") as lines:
        for number in range(3):
            lines.write(b'{"word": "w", "n": %d}\n' % number)
            lines.flush()
            assert json.loads(lines.readline())["heard"]["n"] == number


def test_two_clients_at_once(start: Start, path: Path) -> None:
    """The first one's answer is still being made when the second one gets theirs."""
    asked, answer = threading.Event(), threading.Event()

    def ask(request: Message) -> Message:
        if request["word"] == "slow":
            asked.set()
            assert answer.wait(60)
        return {"ok": True, "word": request["word"]}

    start(ask)
    with connected(path) as slow:
        slow.sendall(b'{"word": "slow"}\n')
        assert asked.wait(60)
        assert call(path, {"word": "quick"})["word"] == "quick"
        answer.set()
        assert reply_of(slow)["word"] == "slow"


def test_a_fault_of_the_daemon_is_told(start: Start, path: Path) -> None:
    def ask(request: Message) -> Message:
        if request["word"] == "sale":
            raise Refusal("The counter is busy.")
        raise HouseFault("a number outgrew its digits")

    start(ask)
    for word, error in (("sale", "The counter is busy."), ("x", "a number outgrew its digits")):
        assert call(path, {"word": word}) == {"ok": False, "error": error, "remedy": ""}


@pytest.mark.parametrize("error", [queue.Empty, queue.Full, TimeoutError])
def test_a_dispatcher_without_time(start: Start, path: Path, error: type[Exception]) -> None:
    def ask(request: Message) -> Message:
        raise error

    start(ask)
    assert call(path, {"word": "status"})["error"] == "terminald had no time to answer."


# -- nonsense ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"GET / HTTP/1.1\r\n", "this is no JSON"),
        (b"\xff\xfe\x00\n", "this is no JSON"),
        (b"[" * 60_000 + b"\n", "this is no JSON"),
        (b"[1]\n", "this is no JSON object"),
        (b"null\n", "this is no JSON object"),
        (b"{}\n", 'a request needs a "word"'),
        (b'{"word": 1}\n', 'a request needs a "word"'),
        (b'{"word": "a"}\n{"word": "b"}\n', "more than one line at a time"),
        (b"x" * (REQUEST_BYTES_MAX + 1) + b"\n", "a line of more than 65536 bytes"),
        (b"x" * 10_000_000, "a line of more than 65536 bytes"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_nonsense_is_refused_in_words(start: Start, path: Path, raw: bytes, error: str) -> None:
    start()
    assert reply_to(path, raw) == {"ok": False, "error": error, "remedy": ""}
    assert call(path, {"word": "status"})["ok"]


def test_a_client_that_never_ends_its_line(start: Start) -> None:
    """What it sent is there before the time runs."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b'{"word"')
        start(line_wait_s=0.05)._converse(theirs)
        assert reply_of(ours)["error"] == "no whole line within 0.05 s"


def test_a_silent_client_is_let_go(start: Start, path: Path) -> None:
    start(line_wait_s=0.05)
    with connected(path) as end:
        assert end.recv(1) == b""


def test_a_client_that_does_not_wait_for_the_answer(start: Start, path: Path) -> None:
    start()
    with connected(path) as end:
        end.sendall(b'{"word": "status"}\n')
    assert call(path, {"word": "status"})["ok"]


def test_a_client_that_does_not_read(start: Start, path: Path) -> None:
    start(lambda _: {"ok": True, "text": "x" * 3_000_000})
    with connected(path) as deaf:
        deaf.sendall(b'{"word": "status"}\n')
        assert len(str(call(path, {"word": "status"})["text"])) == 3_000_000


def test_no_more_clients_than_places(start: Start, path: Path) -> None:
    start(line_wait_s=60)
    clients = [connected(path) for _ in range(CLIENTS_MAX)]
    try:
        with connected(path) as one_more:
            assert reply_of(one_more)["error"] == "8 others are being served."
        assert call(path, {"word": "status"})["error"] == "8 others are being served."
        for client in clients:
            client.sendall(b'{"word": "status"}\n')
            assert reply_of(client)["ok"]
    finally:
        for client in clients:
            client.close()


def test_places_become_free_again(start: Start, path: Path) -> None:
    start()
    served, until_s = 0, time.monotonic() + 60
    while served < 2 * CLIENTS_MAX:
        served += bool(call(path, {"word": "status"})["ok"])
        assert time.monotonic() < until_s


# -- the socket in the file system -------------------------------------------------------------------------


def test_the_group_may_talk_and_nobody_else(start: Start, path: Path) -> None:
    before = os.umask(0o077)
    try:
        start()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_a_dead_socket_is_replaced(start: Start, path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(os.fspath(path))
    dead.close()
    start()
    assert call(path, {"word": "status"})["ok"]


def test_a_living_socket_is_left_alone(start: Start, path: Path) -> None:
    start()
    with pytest.raises(Refusal, match="Another terminald listens"):
        start()
    assert call(path, {"word": "status"})["ok"]


def test_a_file_is_left_alone(start: Start, path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(Refusal, match="is no socket"):
        start()
    assert path.read_text() == "mine"


def test_no_folder_for_the_socket(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be made: No such file"):
        Control(tmp_path / "none" / "c.sock", echo)
    with pytest.raises(Refusal, match="too long for a socket"):
        Control(tmp_path / ("x" * 120), echo)


def test_closed(start: Start, path: Path) -> None:
    closing = start()
    closing.close()
    closing.close()
    assert not path.exists()
    assert f"control {path}" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(NotRunning):
        call(path, {"word": "status"})
    start()
    assert call(path, {"word": "status"})["ok"]


# -- terminalctl's end -------------------------------------------------------------------------------------


def test_nobody_there(path: Path) -> None:
    with pytest.raises(NotRunning) as unanswered:
        call(path, {"word": "status"})
    assert unanswered.value.error == f"terminald is not running: nobody listens at {path}."
    assert unanswered.value.remedy == "sudo systemctl start terminald"


def test_a_daemon_that_has_no_place_free_is_waited_for(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(path))
        listening.listen(0)
        crowd(path)
        with pytest.raises(Unanswered, match=r"did not answer within 0\.05 s"):
            call(path, {"word": "status"}, timeout_s=0.05)

        def serve() -> None:
            while True:
                client, _ = listening.accept()
                with client:
                    if client.recv(1000):
                        client.sendall(b'{"ok": true}\n')
                        return

        server = threading.Timer(0.2, serve)
        server.start()
        assert call(path, {"word": "status"}, timeout_s=60) == {"ok": True}
        server.join()


def crowd(path: Path) -> None:
    """So many wait for a place that nobody else may wait."""
    with suppress(BlockingIOError):
        while True:
            with socket.socket(socket.AF_UNIX) as end:
                end.setblocking(False)
                end.connect(os.fspath(path))


def test_no_admission(start: Start, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)  # root may everything, so it is pretended
    with pytest.raises(Unanswered) as unanswered:
        call(path, {"word": "status"})
    assert unanswered.value.error == "You may not talk to terminald."
    assert unanswered.value.remedy.startswith("sudo usermod -aG ")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "terminald hung up."),
        (b"hello\n", "The answer cannot be read: this is no JSON."),
        (b"[]\n", "The answer cannot be read: this is no JSON object."),
        (None, "terminald did not answer within 0.05 s."),
        (b"{", "The answer cannot be read: no whole line within 0.05 s."),
    ],
)
def test_a_daemon_that_answers_badly(
    path: Path, answer: bytes | None, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(path))
        listening.listen()
        answered, finished = threading.Event(), threading.Event()

        def serve() -> None:
            client, _ = listening.accept()
            with client:
                client.recv(1000)
                if answer is not None:
                    client.sendall(answer)
                answered.set()
                if answer in (None, b"{"):
                    finished.wait(60)

        sending = control.send_line

        def send(*request: Any) -> None:
            """The time for the answer begins when there is as much of it as ever comes."""
            sending(*request)
            assert answered.wait(60)

        monkeypatch.setattr(control, "send_line", send)
        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(Unanswered) as unanswered:
            call(path, {"word": "status"}, timeout_s=0.05 if answer in (None, b"{") else 60)
        finished.set()
        server.join(60)
    assert unanswered.value.error.startswith(error)


def test_a_daemon_that_would_not_even_listen(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why and hangs up before the request is there."""

    def too_late(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(control, "send_line", too_late)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(path))
        listening.listen()

        def serve() -> None:
            client, _ = listening.accept()
            with client:
                client.sendall(b'{"ok": false, "error": "busy"}\n')

        server = threading.Thread(target=serve)
        server.start()
        assert call(path, {"word": "status"}) == {"ok": False, "error": "busy"}
        server.join(60)
