"""The unix socket behind terminalctl: one more keypad, whose keys are words.

A client connects, writes one JSON object on one line, and reads one. A request has a "word"; a reply has
"ok", and when that is false "error" and "remedy". Who may write to the socket may do what a person at the
counter may do, so its mode is 0660: the daemon's user and group.

Each client has its own thread, so that a slow one keeps nobody waiting; nothing is decided in them. `ask`
hands the request to the dispatcher and waits for its answer there.
"""

from __future__ import annotations

import errno
import grp
import json
import logging
import os
import queue
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from terminal.core.terms import Fault, Refusal

Message = dict[str, object]
Ask = Callable[[Message], Message]

log = logging.getLogger("terminal")

REQUEST_BYTES_MAX = 65_536
REPLY_BYTES_MAX = 4_194_304  # a thousand journal rows have about a tenth of it
LINE_WAIT_S = 5.0
CLIENTS_MAX = 8
PATH_BYTES_MAX = 107  # sun_path of unix(7), less the final NUL
MODE = 0o660


class Unanswered(Refusal):
    """The daemon did not answer; `error` says why, `remedy` is the command that helps."""

    def __init__(self, error: str, remedy: str = "journalctl -u terminald -n 50") -> None:
        self.error, self.remedy = error, remedy
        super().__init__(f"{error} Try: {remedy}")


class NotRunning(Unanswered):
    """Nobody listens at the socket."""


class Garbled(Fault):
    """What came over the socket is not one JSON object on one line."""


# -- the daemon's end --------------------------------------------------------------------------------------


class Control:
    """Listens from its making until `close`. `ask(request)` is called in a client's thread; it answers with
    a reply, or raises a Fault for the client to read, or queue.Empty or queue.Full when nobody had time."""

    def __init__(self, path: Path, ask: Ask, *, line_wait_s: float = LINE_WAIT_S) -> None:
        self.path = path
        self.line_wait_s = line_wait_s
        self._ask = ask
        self._places = threading.BoundedSemaphore(CLIENTS_MAX)
        self._listening = _listen(path)
        self._closed = False
        self._accepting = threading.Thread(target=self._accept, name=f"control {path}", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """No more clients. Those being served have their answer or lose it; harmless when called again."""
        if self._closed:
            return
        self._closed = True
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._accepting.join(LINE_WAIT_S)
        self._listening.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listening.accept()
            except OSError as error:
                if self._closed:
                    return
                log.warning("control: %s", error)  # out of file descriptors, mostly
                time.sleep(1)
                continue
            if self._places.acquire(blocking=False):
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
            else:
                _turn_away(client)

    def _serve(self, client: socket.socket) -> None:
        """One client, request by request, until it hangs up, is silent or talks nonsense."""
        try:
            with client:
                self._converse(client)
        except OSError as error:
            log.info("control: the client is gone (%s)", error)
        finally:
            self._places.release()

    def _converse(self, client: socket.socket) -> None:
        try:
            while line := read_line(client, REQUEST_BYTES_MAX, self.line_wait_s):
                send_line(client, self._answer(line), self.line_wait_s)
        except Garbled as garbled:
            send_line(client, no(str(garbled)), self.line_wait_s)

    def _answer(self, line: bytes) -> Message:
        try:
            return self._ask(request_of(line))
        except Fault as fault:
            return no(str(fault))
        except (queue.Empty, queue.Full, TimeoutError):
            return no("terminald had no time to answer.", "journalctl -u terminald -n 50")


def _turn_away(client: socket.socket) -> None:
    with client, suppress(OSError):
        send_line(client, no(f"{CLIENTS_MAX} others are being served.", "Try again."), 0.1)


def no(error: str, remedy: str = "") -> Message:
    return {"ok": False, "error": error, "remedy": remedy}


def request_of(line: bytes) -> Message:
    """The request on this line. Garbled when it is none."""
    message = _object_of(line)
    if not isinstance(message.get("word"), str):
        raise Garbled('a request needs a "word"')
    return message


def _object_of(line: bytes) -> Message:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise Garbled("this is no JSON") from None
    if not isinstance(message, dict):
        raise Garbled("this is no JSON object")
    return message


# -- the socket in the file system -------------------------------------------------------------------------


def _listen(path: Path) -> socket.socket:
    """A listening socket at `path`. A dead one there is replaced; a living one is refused."""
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        raise Refusal(f"{path} is too long for a socket: at most {PATH_BYTES_MAX} bytes.")
    _clear_the_place(path)
    listening = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(listening.fileno(), MODE)  # before it has a name, so that it is never open to all
        listening.bind(os.fspath(path))
        path.chmod(MODE)  # the umask has taken the group's bits
        listening.listen(CLIENTS_MAX)
    except OSError as error:
        listening.close()
        raise Refusal(
            f"The socket {path} cannot be made: {error.strerror}. Check that its folder exists and "
            "belongs to terminald."
        ) from None
    return listening


def _clear_the_place(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return  # nothing is there, or bind will say why not
    if not stat.S_ISSOCK(mode):
        raise Refusal(f"{path} exists and is no socket. Is it the right name? Move it away.")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)  # a daemon with a full backlog is alive
        if probe.connect_ex(os.fspath(path)) != errno.ECONNREFUSED:
            raise Refusal(f"Another terminald listens at {path}. Stop it first.")
    log.info("control: replacing the dead socket %s", path)
    path.unlink(missing_ok=True)


# -- lines -------------------------------------------------------------------------------------------------


def read_line(end: socket.socket, bytes_max: int, wait_s: float) -> bytes:
    """The next line, without its end; empty when the other end has hung up.

    TimeoutError when it is silent; Garbled when the line is too long, does not end in time, or is not
    alone: both ends take turns."""
    deadline_s = time.monotonic() + wait_s
    got = bytearray()
    while b"\n" not in got and len(got) <= bytes_max:
        end.settimeout(max(0.001, deadline_s - time.monotonic()))
        try:
            piece = end.recv(65_536)
        except TimeoutError:
            if not got:
                raise
            raise Garbled(f"no whole line within {wait_s:g} s") from None
        if not piece:
            return b""
        got += piece
    line, _, more = got.partition(b"\n")
    if len(line) > bytes_max:
        raise Garbled(f"a line of more than {bytes_max} bytes")
    if more:
        raise Garbled("more than one line at a time")
    return bytes(line)


def send_line(end: socket.socket, message: Message, wait_s: float) -> None:
    end.settimeout(wait_s)
    end.sendall(json.dumps(message).encode() + b"\n")


# -- terminalctl's end -------------------------------------------------------------------------------------


def call(path: Path, request: Message, timeout_s: float = 15.0) -> Message:
    """The daemon's reply to one request. Unanswered says why there is none, and what to do."""
    try:
        with socket.socket(socket.AF_UNIX) as end:
            _connect(end, path, timeout_s)
            with suppress(BrokenPipeError):  # it would not listen, but may have said why
                send_line(end, request, timeout_s)
            line = read_line(end, REPLY_BYTES_MAX, timeout_s)
        if not line:
            raise Unanswered("terminald hung up.")
        return _object_of(line)
    except TimeoutError:
        raise Unanswered(f"terminald did not answer within {timeout_s:g} s.") from None
    except OSError as error:
        raise Unanswered(f"terminald hung up: {error.strerror}.") from None
    except Garbled as garbled:
        raise Unanswered(f"The answer cannot be read: {garbled}. Is {path} terminald's?") from None


def _connect(end: socket.socket, path: Path, timeout_s: float) -> None:
    # The kernel's time-out: with Python's, a daemon that has not taken the last ones yet is an error at once.
    whole_s, of_it = divmod(timeout_s, 1)
    wait = struct.pack("ll", int(whole_s), int(of_it * 1_000_000))
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wait)
    try:
        end.connect(os.fspath(path))
    except BlockingIOError:
        raise TimeoutError from None
    except (FileNotFoundError, ConnectionRefusedError):
        error = f"terminald is not running: nobody listens at {path}."
        raise NotRunning(error, "sudo systemctl start terminald") from None
    except PermissionError:
        raise Unanswered("You may not talk to terminald.", _admission(path)) from None


def _admission(path: Path) -> str:
    """The command that lets this user in: into the group that the socket belongs to."""
    try:
        group = grp.getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        group = "terminal"
    return f"sudo usermod -aG {group} $USER, then log in again"
