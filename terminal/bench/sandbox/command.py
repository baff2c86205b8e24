"""`python -m terminal sandbox`: start a gateway, say where it is in one line of JSON, serve until SIGTERM."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from terminal.bench.sandbox.server import WIRES, Sandbox
from terminal.core.terms import Refusal


def main(argv: list[str]) -> int:
    """Exit codes: 0 ended by a signal, 2 wrong use."""
    wanted = _parser().parse_args(argv)
    tls = (wanted.cert, wanted.cert_key) if wanted.cert else None
    try:
        names = list(dict.fromkeys(wanted.gateway or ["paycloud"]))
        names = list(WIRES) if "all" in names else names
        sandbox = Sandbox(wanted.state, names, wanted.host, wanted.port, tls)
        if wanted.time_factor is not None:
            rules = sandbox.ledger.rules.changed({"time_factor": wanted.time_factor})
            sandbox.ledger.set_rules(rules)
        if wanted.settings:
            sandbox.ledger.set_rules(sandbox.ledger.rules.changed(_object(wanted.settings)))
        for rule in wanted.misbehave:
            sandbox.mischief.ask_for(_object(rule))
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 2
    except OSError as wrong:
        print(f"The sandbox cannot start: {wrong}", file=sys.stderr)
        return 2
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before the threads, which inherit it
    with sandbox:
        print(json.dumps(sandbox.announcement), flush=True)
        signal.sigwait(ends)
    return 0


def _object(text: str) -> dict[str, object]:
    try:
        wanted = json.loads(text)
    except ValueError:
        wanted = None
    if not isinstance(wanted, dict):
        raise Refusal(f"{text[:40]!r} is no JSON object.")
    return wanted


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="terminal sandbox", description="A payment gateway on this machine. It only pretends."
    )
    parser.add_argument(
        "--gateway",
        choices=sorted([*WIRES, "all"]),
        action="append",
        help="may be given several times; they share the port and the books (paycloud)",
    )
    parser.add_argument("--state", type=Path, required=True, help="directory of its keys and books")
    parser.add_argument("--host", default="127.0.0.1", help="loopback only")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--time-factor", type=int, metavar="N", help="live N times faster")
    parser.add_argument(
        "--misbehave",
        metavar="JSON",
        action="append",
        default=[],
        help="""a rule, like '{"kind": "drop_after", "operation": "query"}'; see mischief.py""",
    )
    parser.add_argument(
        "--settings", metavar="JSON", help="""like '{"late_payment": true}'; see rules.py"""
    )
    parser.add_argument("--cert", type=Path, help="certificate (PEM): speak HTTPS")
    parser.add_argument("--cert-key", type=Path, help="its private key, when not in the same file")
    return parser
