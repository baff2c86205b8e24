"""What the technician wants, read and checked here before anything is touched there.

The credentials file is the unit's terminal.toml as far as it differs from unit to unit:

    [terminal]
    id = "A1B2C3"
    [shop]
    currency = "EUR"
    max_amount = "500.00"
    [gateway]
    url = "https://..."
    private_key_file = "merchant_private.pem"   # on this machine, beside this file; on the unit it is a credential
    gateway_key_file = "gateway_public.pem"
    [gateway.wallets]
    "alipay+" = "Alipay+"
    [gateway.paycloud]
    app_id = "..."
    merchant_no = "..."
"""

from __future__ import annotations

import argparse
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from terminal.bench.settings import toml
from terminal.config import BadSettings, Complaint, Profile, Settings, load, load_profile, nearest

ETC = "/etc/terminal"
CREDENTIAL = "/run/credentials/terminald.service/gateway.key"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Wish:
    """The command line, one unit. `ssh`: options as ssh takes them behind -o."""

    host: str
    profile: Path
    gateway: str
    credentials: Path
    package: Path | None = None
    port: int = 22
    ssh: tuple[str, ...] = ()
    dry_run: bool = False
    trial: bool = True
    read_only_root: str = ""  # the journal's partition, such as /dev/mmcblk0p3

    @classmethod
    def of(cls, wanted: argparse.Namespace) -> Wish:
        return cls(
            wanted.host, wanted.profile, wanted.gateway, wanted.credentials, wanted.package,
            wanted.port, tuple(wanted.ssh), wanted.dry_run, not wanted.no_trial, wanted.read_only_root,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """`files`: path on the unit -> content, nothing secret in it. `secret`: the private key, PEM."""

    wish: Wish
    settings: Settings
    profile: Profile
    files: Mapping[str, bytes]
    secret: bytes

    @property
    def terminal(self) -> str:
        return self.settings.terminal.id

    @property
    def drivers(self) -> set[str]:
        """The words of the profile: "gpio", "serial", "camera", ..."""
        profile = self.profile
        parts = (profile.display, profile.keypad, profile.buzzer, profile.camera, *profile.scanners)
        return {part.driver for part in parts if part}

    @classmethod
    def read(cls, wish: Wish) -> Order:
        """BadSettings with the complaints of the file and line where they are to be mended."""
        tables = _tables(wish.credentials)
        profile = _profile(wish.profile)
        gateway = tables.setdefault("gateway", {})
        tables.setdefault("terminal", {})
        written = gateway.setdefault("driver", wish.gateway)
        if written != wish.gateway:
            raise _odd(
                wish.credentials,
                f'[gateway] driver is "{written}", but --gateway says {wish.gateway}.',
            )
        settings = _checked(tables, wish.credentials, profile)
        files = {f"{ETC}/hardware.toml": profile.read_bytes()}
        secret = settings.gateway.private_key_file.read_bytes()
        gateway["private_key_file"] = CREDENTIAL
        for key, path in (
            ("gateway_key_file", settings.gateway.gateway_key_file),
            ("ca_file", settings.gateway.ca_file),
        ):
            if path:
                gateway[key] = f"{ETC}/{path.name}"
                files[gateway[key]] = path.read_bytes()
        tables["terminal"]["profile"] = "hardware.toml"
        files[f"{ETC}/terminal.toml"] = toml(flat(tables)).encode()
        return cls(wish, settings, load_profile(profile), files, secret)


def fingerprint(content: bytes) -> str:
    return sha256(content).hexdigest()


def flat(tables: Mapping[str, Any], above: str = "") -> dict[str, dict[str, object]]:
    """Sections by their whole name: {"gateway": {"timing": {...}}} -> {"gateway": {}, "gateway.timing": {...}}."""
    found: dict[str, dict[str, object]] = {}
    for name, table in tables.items():
        whole = f"{above}{name}"
        found[whole] = {key: value for key, value in table.items() if not isinstance(value, dict)}
        inner = {key: value for key, value in table.items() if isinstance(value, dict)}
        found.update(flat(inner, f"{whole}."))
    return found


def _tables(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _odd(file, f"cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise _odd(file, f"is no TOML: {error}.") from error


def _profile(chosen: Path) -> Path:
    """A file, or a word for one of ours."""
    for path in (chosen, ROOT / "hardware" / f"{chosen}.toml"):
        if path.is_file():
            return path
    ours = [path.stem for path in sorted((ROOT / "hardware").glob("*.toml"))]
    raise _odd(chosen, f"is no hardware profile.{nearest(str(chosen), ours)}")


def _checked(tables: Mapping[str, Any], file: Path, profile: Path) -> Settings:
    """As the daemon will: with the files of this machine, beside the credentials."""
    here = {**tables, "terminal": {**tables["terminal"], "profile": str(profile.absolute())}}
    gateway = dict(tables["gateway"])
    for key in ("private_key_file", "gateway_key_file", "ca_file"):
        if isinstance(gateway.get(key), str):
            gateway[key] = str((file.parent / gateway[key]).absolute())
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "terminal.toml"
        copy.write_text(toml(flat({**here, "gateway": gateway})), encoding="utf-8")
        try:
            return load(copy)
        except BadSettings as bad:
            raise BadSettings(Complaint(file, 0, each.text) for each in bad.complaints) from None


def _odd(file: Path, text: str) -> BadSettings:
    return BadSettings([Complaint(file, 0, text)])
