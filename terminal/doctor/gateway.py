"""The way to the gateway, and whether it knows us."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from terminal.checkup import Checkup, wall_ms
from terminal.config import BadSettings
from terminal.doctor.finding import Finding, bad, good, unseen
from terminal.doctor.patient import Patient


def name(patient: Patient) -> Iterator[Finding]:
    """Its name, looked up."""
    if patient.settings is None:
        yield unseen("name", "The settings come first.")
        return
    host = urlsplit(patient.settings.gateway.url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError as error:
        yield bad(
            "name",
            f"{host} has no address: {error.strerror}.",
            "ip route; resolvectl status; is the network cable in?",
        )
        return
    yield good("name", f"{host} is {found[0][4][0]}")


def account(patient: Patient) -> Iterator[Finding]:
    """Line, certificate, clock, signatures, operations: what `terminalctl gateway check` asks."""
    if patient.settings is None:
        yield unseen("gateway", "The settings come first.")
        return
    try:
        for each in Checkup(patient.settings, wall_ms).findings():
            says = f"{each.what}: {each.says}"
            remedy = "; ".join(filter(None, (", ".join(each.settings), each.remedy)))
            yield good("gateway", says) if each.ok else bad("gateway", says, remedy)
    except BadSettings as wrong:
        yield bad("gateway", str(wrong), "Mend that line, then: sudo systemctl restart terminald")
