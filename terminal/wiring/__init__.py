"""Settings -> a running terminal; it decides nothing. `words.py` finds the file that a word names, `hardware.py`
makes the devices of the hardware profile."""

from __future__ import annotations

import logging
import os
import queue
import secrets
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from terminal.clock import SystemClock
from terminal.codes import wallets
from terminal.config import (
    BadSettings,
    Profile,
    Settings,
    checked,
    load,
    load_profile,
)
from terminal.control import Control
from terminal.core.stand import Offer, Shop
from terminal.core.terms import JournalFault, Refusal
from terminal.dispatcher import Asked, Dispatcher, Noticed, Parts
from terminal.dispatcher.ring import utc_label
from terminal.dispatcher.shut import turn
from terminal.journal.journal import AlreadyRunning, Journal
from terminal.reception import Reception
from terminal.recovery import Recovery
from terminal.releases import Releases
from terminal.systemd import Systemd, formatter
from terminal.web import Verdict
from terminal.wire.line import Line
from terminal.wire.signing import Signer, Verifier
from terminal.wiring.hardware import Devices, Face
from terminal.wiring.words import find

if TYPE_CHECKING:
    from terminal.config.settings import NoticeSettings
    from terminal.core.timing import Timing
    from terminal.gateways import Gateway, Notice

log = logging.getLogger("terminal")

EX_IOERR, EX_TEMPFAIL, EX_CONFIG = 74, 75, 78  # sysexits.h; systemd shows them
ASK_TIMEOUT_S = 10.0
NOTICE_TIMEOUT_S = 8.0  # a gateway gives up after about ten
CODE_KEY_BYTES = 32


def run(config: Path) -> int:
    """The daemon, from its settings to its exit code."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(os.environ))
    logging.basicConfig(level=os.environ.get("TERMINAL_LOG", "INFO"), handlers=[handler])
    try:
        settings = load(config)
        return _run(settings, load_profile(settings.terminal.profile))
    except BadSettings as bad:
        print(f"terminald: the settings cannot be used.\n{bad}", file=sys.stderr)
        return EX_CONFIG
    except AlreadyRunning as running:
        print(f"terminald: {running}", file=sys.stderr)
        return EX_TEMPFAIL
    except JournalFault as fault:
        print(f"terminald: {fault}", file=sys.stderr)
        return EX_IOERR
    except Refusal as refusal:
        print(f"terminald: {refusal}", file=sys.stderr)
        return EX_CONFIG


def _run(settings: Settings, profile: Profile) -> int:
    state_dir = settings.terminal.state_dir
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        Recovery(state_dir).look()
        # The journal's lock first: a second daemon must not touch the first one's devices (I15).
        journal, fault = _open(state_dir / "journal.db", settings)
        stack.callback(journal.close)
        dispatcher = assemble(settings, profile, journal, stack)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: dispatcher.inbox.stop())
        parts = dispatcher.parts
        systemd = Systemd(
            os.environ, parts.time.boot_ms, dispatcher.prove, lambda: not parts.face.hangs
        )
        stack.callback(systemd.stopping)
        dispatcher.beat = systemd.beat
        if settings.metrics.enabled:
            from terminal.wiring.meters import connect

            connect(settings, dispatcher, stack)
        return turn(dispatcher, fault)


def _journal_kind(settings: Settings) -> type[Journal]:
    """The metrics' taps are imported only where metrics are switched on."""
    if settings.metrics.enabled:
        from terminal.wiring.meters import TimedJournal

        return TimedJournal
    return Journal


def _line_kind(settings: Settings) -> type[Line]:
    if settings.metrics.enabled:
        from terminal.wiring.meters import TimedLine

        return TimedLine
    return Line


def _open(path: Path, settings: Settings) -> tuple[Journal, JournalFault | None]:
    """The journal, and why it cannot be written; then it can only be read, or not even that. AlreadyRunning."""
    kind, born = _journal_kind(settings), utc_label(time.time_ns() // 1_000_000)
    try:
        return kind.open(path, terminal=settings.terminal.id, chance=chance, born=born), None
    except AlreadyRunning:
        raise
    except JournalFault as fault:
        from terminal.journal.unreadable import (
            look_back,  # a start that goes well has no use for it
        )

        return look_back(path, fault), fault


def assemble(
    settings: Settings, profile: Profile, journal: Journal, stack: ExitStack
) -> Dispatcher:
    """One of each, closed by `stack` in the reverse order."""
    devices = Devices(profile, settings.terminal.state_dir, stack)
    gateway = make_gateway(settings)
    line = _line_kind(settings)(
        settings.gateway.url,
        lambda exchange, answer: dispatcher.inbox.answered(
            exchange, answer
        ),  # it exists before any answer
        ca_file=settings.gateway.ca_file,
        connect_timeout_ms=settings.gateway.connect_timeout_ms,
    )
    stack.callback(line.close)
    face = Face(devices.one("display"))
    parts = Parts(
        time=SystemClock(settings.clock.trust),
        journal=journal,
        gateway=gateway,
        line=line,
        face=face,
        buzzer=devices.one("buzzer"),
        keypad=devices.one("keypad"),
        scanners=devices.scanners(),
        chance=chance,
        code_key=code_key(settings.terminal.state_dir / "code.key"),
    )
    dispatcher: Dispatcher = Dispatcher(
        parts, make_shop(settings), settings.terminal.id, settings.shop.title
    )
    recovery = Recovery(settings.terminal.state_dir)
    releases = Releases()
    dispatcher.on_probation = lambda: releases.on_probation
    dispatcher.reception = Reception(
        dispatcher, settings.gateway.driver, face.recent, recovery, releases
    ).reply
    control = Control(settings.control.socket, lambda request: ask(dispatcher, request))
    stack.callback(control.close)
    if settings.notices.enabled:
        take_notices(settings.notices, dispatcher, stack)
    return dispatcher


def take_notices(chosen: NoticeSettings, dispatcher: Dispatcher, stack: ExitStack) -> None:
    """The listener, imported only here: it brings a web server with it."""
    from terminal.web.notices import Desk, listen

    gateway = dispatcher.parts.gateway
    desk = Desk(
        chosen.path,
        gateway.notice,
        lambda notice: hand_over(dispatcher, notice),
        gateway.acknowledgement,
    )
    stack.callback(listen((chosen.listen, chosen.port), desk).close)
    dispatcher.notice_counts = desk.counts


def hand_over(dispatcher: Dispatcher, notice: Notice) -> Verdict:
    """From a listener's thread: what the dispatcher says of this notice, LATER when it has no time."""
    box: queue.SimpleQueue[Verdict] = queue.SimpleQueue()
    try:
        dispatcher.inbox.put(Noticed(notice, box.put), timeout=NOTICE_TIMEOUT_S)
        return box.get(timeout=NOTICE_TIMEOUT_S)
    except (queue.Full, queue.Empty):
        return Verdict.LATER


def ask(dispatcher: Dispatcher, request: dict[str, object]) -> dict[str, object]:
    """From the control thread: a question for the dispatcher's thread, answered between two turns."""
    box: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()
    dispatcher.inbox.put(Asked(request, box.put), timeout=ASK_TIMEOUT_S)
    return box.get(timeout=ASK_TIMEOUT_S)


def make_shop(settings: Settings) -> Shop:
    rules_file = settings.shop.wallets_file
    return Shop(
        currency=settings.shop.currency,
        max_minor=settings.shop.limit.minor,
        offer=Offer(settings.shop.offer),
        accepted=frozenset(settings.gateway.wallets),
        rules=wallets.load(rules_file.read_text(encoding="utf-8")) if rules_file else None,
        result_ms=settings.shop.result_ms,
        scan_ms=settings.shop.scan_ms,
        test=settings.gateway.sandbox,
    )


def make_gateway(settings: Settings) -> Gateway:
    """The codec named by `[gateway] driver`, with its keys and its own section checked."""
    chosen = settings.gateway
    module = find("gateways", chosen.driver, settings.root.sub("gateway"))
    signer = Signer.from_pem(chosen.private_key_file.read_bytes())
    verifier = Verifier.from_pem(chosen.gateway_key_file.read_bytes())
    if signer.public == verifier.public:  # gateways.md 1.6 d: fifteen paid orders were not recorded
        raise Refusal(
            "The gateway's public key is this terminal's own. Get the gateway's from its portal: with ours, "
            "no answer would ever verify."
        )
    gateway: Gateway = module.Gateway(
        checked(chosen.own, module.Settings),
        signer,
        verifier,
        wallets=chosen.wallets,
        timing=chosen.timing_over(module.TIMING),
    )
    return gateway


def timing_of(settings: Settings) -> Timing:
    """The rules of waiting at the gateway that the settings name."""
    chosen = settings.gateway
    return chosen.timing_over(find("gateways", chosen.driver, settings.root.sub("gateway")).TIMING)


def code_key(path: Path) -> bytes:
    """The key of the payment codes' digests: made once, so that a restart knows a used code again (I11).
    Whole when it has its name: a digest under half a key, or none, would be no secret."""
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(CODE_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    return path.read_bytes()


def chance() -> int:
    return secrets.randbits(64)
