"""terminal.toml: who this terminal is, what it may sell, and whom it talks to."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from terminal.config.document import BadSettings, Complaint, Section, read
from terminal.config.fitting import fill, made, strangers, table_of
from terminal.config.odd import (
    no_file,
    not_secret,
    odd_amount,
    odd_currency,
    odd_driver,
    odd_id,
    odd_socket,
    odd_text,
    odd_url,
)
from terminal.core.terms import Money
from terminal.core.timing import Timing

SECTIONS = ("terminal", "shop", "gateway", "clock", "control", "notices", "metrics")
Seconds = Annotated[float, msgspec.Meta(ge=0.05, le=3_600)]
WalletName = Annotated[str, msgspec.Meta(min_length=1, max_length=64), odd_text]


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalSettings:
    """[terminal]. `id`: six characters, another for each terminal of a merchant (F71: only the gateway can
    see that two have the same). `profile`: the hardware profile."""

    id: Annotated[str, odd_id]
    profile: Annotated[Path, no_file]
    state_dir: Path = Path("/var/lib/terminal")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSettings:
    """[shop]. `max_amount`: the largest sale, in major units ("500.00"). `result_s`: how long PAID stays.
    `scan_s`: how long a customer's code is waited for. `wallets_file`: None is the packaged table."""

    currency: Annotated[str, odd_currency]
    max_amount: Annotated[str, odd_amount]
    title: Annotated[str, msgspec.Meta(max_length=40), odd_text] = ""
    offer: Literal["both", "show", "scan"] = "both"
    result_s: Annotated[float, msgspec.Meta(ge=1, le=60)] = 8
    scan_s: Annotated[float, msgspec.Meta(ge=5, le=600)] = 90
    wallets_file: Annotated[Path | None, no_file] = None

    @property
    def limit(self) -> Money:
        return Money.of_major(self.max_amount, self.currency)

    @property
    def result_ms(self) -> int:
        return _ms(self.result_s)

    @property
    def scan_ms(self) -> int:
        return _ms(self.scan_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """[gateway]. `timing`: what of the codec's Timing is changed, by its field names, in ms. `wallets`: our
    wallet ids -> the gateway's. `own`: the section named like the driver, for the codec's own Settings."""

    driver: Annotated[str, odd_driver]
    sandbox: bool = False
    url: Annotated[str, msgspec.Meta(max_length=200), odd_url]
    private_key_file: Annotated[Path, not_secret]
    gateway_key_file: Annotated[Path, no_file]
    ca_file: Annotated[Path | None, no_file] = None
    connect_timeout_s: Annotated[float, msgspec.Meta(ge=0.1, le=30)] = 3
    timing: Mapping[str, int]
    wallets: Mapping[str, str]
    own: Section

    @property
    def connect_timeout_ms(self) -> int:
        return _ms(self.connect_timeout_s)

    def timing_over(self, base: Timing) -> Timing:
        """The codec's `base` with what the settings say instead."""
        return dataclasses.replace(base, **dict(self.timing))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """[clock]. `trust`: "timesync" waits for the network's time, "system" believes the machine."""

    trust: Literal["timesync", "system"] = "timesync"


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """[control]. `socket`: where terminalctl finds the daemon."""

    socket: Annotated[Path, odd_socket] = Path("/run/terminal/control.sock")


def _odd_listen(listen: str, _values: Mapping[str, Any]) -> str | None:
    """A number and no name: at start there may be no name server yet."""
    try:
        ip_address(listen)
    except ValueError:
        return 'is no IP address. Write "127.0.0.1" for this machine only, "0.0.0.0" for all.'
    return None


def _odd_path(path: str, _values: Mapping[str, Any]) -> str | None:
    if re.fullmatch(r"/[A-Za-z0-9._~/-]{0,200}", path) and not {".", ".."} & set(path.split("/")):
        return None
    return 'is no path. Write it like "/notify".'


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """[notices]. `enabled`: take the gateway's result notices over HTTP, so that a payment is seen sooner
    than by the next question. `listen`, `port`, `path`: where; other machines reach it only when `listen` says so."""

    enabled: bool = False
    listen: Annotated[str, _odd_listen] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 8322
    path: Annotated[str, _odd_path] = "/notify"


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """[metrics]. `enabled`: tell Prometheus how this terminal does. `listen`, `port`: where; this machine only,
    until it says otherwise. `socket`: a Unix socket instead."""

    enabled: bool = False
    listen: Annotated[str, _odd_listen] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 8323
    socket: Annotated[Path | None, odd_socket] = None

    @property
    def place(self) -> tuple[str, int] | Path:
        return self.socket or (self.listen, self.port)


@dataclass(frozen=True, slots=True)
class Settings:
    """terminal.toml, checked. `root` is the raw file, for complaints that only wiring can make:
    `raise settings.root.sub("gateway").bad("driver", "has no file.", among=names)`."""

    terminal: TerminalSettings
    shop: ShopSettings
    gateway: GatewaySettings
    clock: ClockSettings
    control: ControlSettings
    notices: NoticeSettings
    metrics: MetricsSettings
    root: Section = field(repr=False)


def load(path: Path) -> Settings:
    """The settings in the file `path`. BadSettings with every complaint."""
    root = read(path.absolute())
    complaints: list[Complaint] = []
    complaints.extend(strangers(root, SECTIONS))
    tables = {name: table_of(root, name, complaints) for name in SECTIONS}
    terminal = made(tables["terminal"], TerminalSettings, complaints)
    shop = made(tables["shop"], ShopSettings, complaints)
    gateway = _gateway(tables["gateway"], complaints)
    clock = made(tables["clock"], ClockSettings, complaints)
    control = made(tables["control"], ControlSettings, complaints)
    notices = made(tables["notices"], NoticeSettings, complaints)
    metrics = made(tables["metrics"], MetricsSettings, complaints)
    if complaints or not (
        terminal and shop and gateway and clock and control and notices and metrics
    ):
        raise BadSettings(complaints)
    return Settings(terminal, shop, gateway, clock, control, notices, metrics, root)


def _gateway(section: Section, complaints: list[Complaint]) -> GatewaySettings | None:
    driver = section.data.get("driver")
    own_name = driver if isinstance(driver, str) else ""
    return made(
        section.without("timing", "wallets", own_name),
        GatewaySettings,
        complaints,
        timing=_timing(table_of(section, "timing", complaints), complaints),
        wallets=_wallets(table_of(section, "wallets", complaints), complaints),
        own=table_of(section, own_name, complaints),
    )


def _timing(section: Section, complaints: list[Complaint]) -> dict[str, int]:
    """Seconds in the file, milliseconds in Timing: first_query_s -> first_query_ms."""
    times = [each.name[:-3] for each in dataclasses.fields(Timing) if each.name.endswith("_ms")]
    values: dict[str, Any] = {}
    fill(section, {f"{time}_s": Seconds for time in times}, values, complaints)
    return {f"{key[:-2]}_ms": _ms(seconds) for key, seconds in values.items()}


def _wallets(section: Section, complaints: list[Complaint]) -> dict[str, str]:
    values: dict[str, Any] = {}
    fill(section, dict.fromkeys(section.data, WalletName), values, complaints)
    return values


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
