"""The bench page: one stall's counter in a browser, on loopback.

The page shows what the daemon's cables carry and presses what they take; it knows nothing that a person at the
counter could not see, hear or do. The customer's phone beside it is `bench/phone.py`, the books are the sandbox's.

    GET  /                 the page
    GET  /state?seen=N     everything to be shown, as soon as something is newer than N (waits up to a second)
    GET  /frame.png        the picture on the display now
    POST /do               {"what": one of ACTIONS, ...} -> {"ok": true, ...} or {"ok": false, "error": words}
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request, send_from_directory

from terminal.bench.phone import Phone, code_on_screen
from terminal.control import call
from terminal.core.terms import Fault

if TYPE_CHECKING:
    from terminal.bench.stall import Stall

WAIT_S = 1.0
THREADS = 16  # each open page holds one while it waits
ROWS_SHOWN = 12
Words = dict[str, Any]


def open_page(stall: Stall, port: int) -> Any:
    """A waitress server, bound to loopback; `run()` serves, `effective_port` says where."""
    from waitress.server import create_server

    return create_server(make_app(stall), host="127.0.0.1", port=port, threads=THREADS)


def make_app(stall: Stall) -> Flask:
    app = Flask(__name__, static_folder=None)
    phone = Phone(stall)
    actions = Actions(stall, phone)

    @app.get("/")
    def page() -> Response:
        return send_from_directory(app.root_path, "index.html")

    @app.get("/<name>.<any(js, css):kind>")
    def file(name: str, kind: str) -> Response:
        return send_from_directory(app.root_path, f"{name}.{kind}")

    @app.get("/state")
    def state() -> Response:
        return jsonify(state_of(stall, phone, request.args.get("seen", default=-1, type=int)))

    @app.get("/frame.png")
    def frame() -> Response:
        if stall.frame is None:
            return Response(status=404)
        return _png(stall.frame.convert("RGB"))

    @app.get("/code.png")
    def code() -> Response:
        return _png(code_on_screen(phone.code)) if phone.code else Response(status=404)

    @app.post("/do")
    def do() -> Response:
        asked = request.get_json(silent=True) or {}
        try:
            return jsonify({"ok": True, **actions.do(asked)})
        except (Fault, OSError, KeyError, ValueError) as error:
            return jsonify({"ok": False, "error": str(error)})

    return app


def _png(image: Any) -> Response:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return Response(buffer.getvalue(), mimetype="image/png", headers={"Cache-Control": "no-store"})


def state_of(stall: Stall, phone: Phone, seen: int) -> Words:
    """What the page shows. Waits a moment for something newer than `seen`."""

    def newest() -> int:
        return stall.frames_seen + stall.beeps_heard

    with stall.changed:
        stall.changed.wait_for(lambda: newest() > seen, timeout=WAIT_S)
        beeps = [(heard.number, heard.beep) for heard in stall.beeps]
        now = newest()
        size = stall.frame.size if stall.frame else (0, 0)
    alive = stall.daemon is not None and stall.daemon.poll() is None
    return {
        "seen": now,
        "beeps": beeps,
        "bright": stall.bright,
        "size": size,
        "daemon": alive,
        "line_cut": stall.line_cut,
        "code": phone.code,
        "journal": _rows(stall) if alive else [],
        "books": stall.books()[-ROWS_SHOWN:][::-1],
    }


def _rows(stall: Stall) -> list[Words]:
    """The newest rows of the journal, through the daemon; none while it starts."""
    try:
        said = call(
            stall.state / "control.sock",
            {"word": "journal", "op": "list", "limit": ROWS_SHOWN},
            timeout_s=5,
        )
    except (Fault, OSError):
        return []
    rows = said.get("rows")
    return rows if isinstance(rows, list) else []


class Actions:
    """What can be done at the page, word by word."""

    def __init__(self, stall: Stall, phone: Phone) -> None:
        self.stall = stall
        self.phone = phone
        self.words: dict[str, Callable[[Words], Words | None]] = {
            "key": lambda asked: stall.press(str(asked["key"])),
            "look": lambda _asked: {"order": phone.look()},
            "pay": lambda asked: {"order": phone.pay(str(asked["order_no"]))},
            "decline": lambda asked: {"order": phone.decline(str(asked["order_no"]))},
            "open_code": self.open_code,
            "confirm": lambda _asked: {"order": phone.confirm()},
            "camera": lambda _asked: phone.show_to_camera(),
            "scanner": lambda _asked: phone.show_to_scanner(),
            "cut": lambda _asked: stall.cut_line(),
            "restore": lambda _asked: stall.restore_line(),
            "kill": lambda _asked: stall.kill_daemon(),
            "restart": lambda _asked: stall.start_daemon(),
            "misbehave": lambda asked: stall.tell_sandbox("misbehave", **asked["rule"]),
        }

    def do(self, asked: Words) -> Words:
        word = self.words.get(str(asked.get("what")))
        if word is None:
            raise Fault(f"{asked.get('what')!r} cannot be done here")
        return word(asked) or {}

    def open_code(self, asked: Words) -> Words:
        wallet, behaviour = str(asked["wallet"]), str(asked.get("behaviour", "pays"))
        return {"code": self.phone.open_code(wallet, behaviour)}
