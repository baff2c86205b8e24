"""`terminalctl gateway check` against the sandbox: each wrong setting, planted, is named as it stands in the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.bench.sandbox import Sandbox
from terminal.bench.settings import Tables, changed, tables, toml
from terminal.bench.stall import ROOT
from terminal.checkup import Checkup, Finding, wall_ms
from terminal.cli import main
from terminal.config import load
from tests.wire.host import Authority

HOUR_MS = 3_630_000  # and half a minute: Date has whole seconds
GATEWAYS = ("paycloud", "codepay", "antom")


class Place:
    """A sandbox, and the settings of a terminal that has never run."""

    def __init__(self, folder: Path, gateway: str, *, secured: bool = False) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        tls = (self.authority.server_file(), None) if secured else None
        self.sandbox = Sandbox(folder / "sandbox", gateway, tls=tls)
        said = self.sandbox.announcement
        self.right = tables(said, folder, ROOT / "hardware" / "bench.toml", {})
        if secured:
            self.right = changed(self.right, {"gateway": {"ca_file": str(self.authority.file)}})
        self.config = folder / "terminal.toml"

    def checked(self, changes: Tables, ahead_ms: int = 0) -> list[Finding]:
        self.config.write_text(toml(changed(self.right, changes)), encoding="utf-8")
        return list(Checkup(load(self.config), lambda: wall_ms() + ahead_ms).findings())


@pytest.fixture(scope="module", params=GATEWAYS)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp(str(request.param))
    place = Place(folder, str(request.param))
    with place.sandbox:
        yield place


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("secured"), "paycloud", secured=True)
    with place.sandbox:
        yield place


def wrong(findings: list[Finding]) -> Finding:
    """The last finding; everything before it was good."""
    *good, last = findings
    assert all(finding.ok for finding in good)
    assert not last.ok, findings
    assert last.remedy
    return last


def strangers_keys(place: Place) -> tuple[str, str]:
    """A private key that the gateway does not know, and a public one that is not the gateway's."""
    other = place.folder / "other"
    with Sandbox(other) as stranger:
        said = stranger.announcement
    return said["private_key_file"], said["gateway_key_file"]


def test_all_is_well(place: Place) -> None:
    findings = place.checked({})
    assert all(finding.ok for finding in findings), findings
    looked_at = [finding.what for finding in findings]
    assert looked_at[:4] == ["settings", "line", "clock", "their signature"]
    assert looked_at[4:] == ["query", "query refund", "refund", "cancel"]
    assert place.sandbox.ledger.orders(0, wall_ms()) == [], "a checkup leaves nothing in the books"


def test_our_key(place: Place) -> None:
    found = wrong(place.checked({"gateway": {"private_key_file": strangers_keys(place)[0]}}))
    assert "[gateway] private_key_file" in found.settings


def test_their_key(place: Place) -> None:
    found = wrong(place.checked({"gateway": {"gateway_key_file": strangers_keys(place)[1]}}))
    assert (found.what, found.settings) == ("their signature", ("[gateway] gateway_key_file",))


def test_our_own_key_as_theirs(place: Place) -> None:
    mine = place.folder / "sandbox" / "terminal_public.pem"
    found = wrong(place.checked({"gateway": {"gateway_key_file": str(mine)}}))
    assert found.settings[0] == "[gateway] gateway_key_file"


def account(place: Place) -> tuple[str, str]:
    table = next(name for name in ("gateway.paycloud", "gateway.antom") if name in place.right)
    return table, "app_id" if "app_id" in place.right[table] else "client_id"


def test_the_account(place: Place) -> None:
    table, key = account(place)
    found = wrong(place.checked({table: {key: "SANDBOX_0000000000000000"}}))
    assert f"[{table}] {key}" in found.settings


def test_the_path(place: Place) -> None:
    table, _ = account(place)
    found = wrong(place.checked({table: {"path": "/nowhere"}}))
    assert f"[{table}] path" in found.settings


def test_the_merchant(place: Place) -> None:
    if "gateway.paycloud" in place.right:
        found = wrong(place.checked({"gateway.paycloud": {"merchant_no": "312100000000"}}))
        assert found.settings == ("[gateway.paycloud] merchant_no",)
        assert "M009" in found.says


@pytest.mark.parametrize("ahead_ms", [HOUR_MS, -HOUR_MS])
def test_the_clock(place: Place, ahead_ms: int) -> None:
    found = wrong(place.checked({}, ahead_ms))
    assert (found.what, found.settings) == ("clock", ("[clock] trust",))
    assert found.says.startswith("1 h 0 min " + ("ahead of" if ahead_ms > 0 else "behind"))
    assert found.remedy == "timedatectl status"


def test_a_clock_that_is_a_little_off_is_told(place: Place) -> None:
    assert all(finding.ok for finding in place.checked({}, 30_000))


def test_a_login_portal(place: Place) -> None:
    place.sandbox.mischief.ask_for({"kind": "html", "count": None})
    found = wrong(place.checked({}))
    place.sandbox.mischief.behave()
    assert "[gateway] url" in found.settings
    assert "login portal" in found.says


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:1", "refuses connections"),
        ("https://gateway.invalid", "the name is not known"),
    ],
)
def test_another_host(place: Place, url: str, says: str) -> None:
    found = wrong(place.checked({"gateway": {"url": url}}))
    assert (found.what, found.settings) == ("line", ("[gateway] url",))
    assert says in found.says


def test_over_tls(secured: Place) -> None:
    findings = secured.checked({})
    assert all(finding.ok for finding in findings), findings
    assert findings[1].says == "reached, certificate good"


def test_another_authority(secured: Place) -> None:
    other = Authority(secured.folder, "somebody else")
    found = wrong(secured.checked({"gateway": {"ca_file": str(other.file)}}))
    assert (found.what, found.settings) == ("line", ("[gateway] ca_file",))


def test_a_certificate_for_another_host(secured: Place) -> None:
    url = str(secured.right["gateway"]["url"]).replace("127.0.0.1", "localhost")
    found = wrong(secured.checked({"gateway": {"url": url}}))
    assert (found.what, found.settings) == ("line", ("[gateway] url",))
    assert "another host" in found.says


# -- what a technician reads -------------------------------------------------------------------------------

Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(secured: Place, capsys: pytest.CaptureFixture[str]) -> Typed:
    def typing(changes: Tables, *more: str) -> tuple[int, str]:
        settings = toml(changed(secured.right, changes))
        secured.config.write_text(settings, encoding="utf-8")
        code = main(["gateway", "check", "--config", str(secured.config), *more])
        return code, capsys.readouterr().out

    return typing


def test_the_report(typed: Typed) -> None:
    code, out = typed({})
    assert code == 0
    assert out.splitlines()[0] == "Good  the gateway knows this terminal"
    assert out.count("ok ") == 8


def test_the_report_of_a_wrong_setting(typed: Typed, secured: Place) -> None:
    code, out = typed({"gateway.paycloud": {"merchant_no": "312100000000"}})
    assert code == 1
    assert out.startswith("Wrong  query: the gateway says code M009")
    assert f"Look at [gateway.paycloud] merchant_no in {secured.config}\n" in out
    assert "Try: " in out


def test_the_report_as_json(typed: Typed) -> None:
    code, out = typed({"gateway.paycloud": {"app_id": "wz0000000000000000"}}, "--json")
    lines: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [line["ok"] for line in lines] == [True] * (len(lines) - 1) + [False]
    assert lines[-1]["settings"] == ["[gateway.paycloud] app_id", "[gateway] private_key_file"]


def test_settings_that_cannot_be_read(typed: Typed, secured: Place, capsys: Any) -> None:
    secured.config.write_text("[gateway\n", encoding="utf-8")
    assert main(["gateway", "check", "--config", str(secured.config)]) == 1
    assert "terminal.toml" in capsys.readouterr().err
