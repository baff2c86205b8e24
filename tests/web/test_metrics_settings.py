"""[metrics]: off and for this machine only, until somebody says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminal.config import BadSettings, checked, read
from terminal.config.settings import MetricsSettings


def chosen(tmp_path: Path, text: str) -> MetricsSettings:
    file = tmp_path / "terminal.toml"
    file.write_text(f"[metrics]\n{text}\n", encoding="utf-8")
    return checked(read(file).sub("metrics"), MetricsSettings)


def test_what_stands_when_nothing_is_said(tmp_path: Path) -> None:
    assert chosen(tmp_path, "") == MetricsSettings(False, "127.0.0.1", 8323, None)


def test_a_socket_goes_before_the_port(tmp_path: Path) -> None:
    said = chosen(tmp_path, 'enabled = true\nsocket = "/run/terminal/metrics.sock"\nport = 9000')
    assert said.place == Path("/run/terminal/metrics.sock")
    assert chosen(tmp_path, 'listen = "::1"\nport = 9000').place == ("::1", 9000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('listen = "all"', "is no IP address"),
        ("port = 0", "must be at least 1"),
        (f'socket = "/{"x" * 200}"', "a socket's name has at most"),
        ("on = true", "read by nobody"),
    ],
)
def test_what_cannot_be(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        chosen(tmp_path, text)
