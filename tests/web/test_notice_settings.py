"""[notices]: off and for this machine only, until somebody says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from terminal.config import BadSettings, checked, read
from terminal.config.settings import NoticeSettings


def chosen(tmp_path: Path, text: str) -> NoticeSettings:
    file = tmp_path / "terminal.toml"
    file.write_text(f"[notices]\n{text}\n", encoding="utf-8")
    return checked(read(file).sub("notices"), NoticeSettings)


def test_what_stands_when_nothing_is_said(tmp_path: Path) -> None:
    assert chosen(tmp_path, "") == NoticeSettings(False, "127.0.0.1", 8322, "/notify")


def test_all_said(tmp_path: Path) -> None:
    text = 'enabled = true\nlisten = "::1"\nport = 80\npath = "/hooks/pay-cloud_1"'
    assert chosen(tmp_path, text) == NoticeSettings(True, "::1", 80, "/hooks/pay-cloud_1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('listen = "localhost"', "is no IP address"),
        ('listen = ""', "is no IP address"),
        ("port = 0", "must be at least 1"),
        ("port = 65536", "must be at most 65535"),
        ('path = "notify"', "is no path"),
        ('path = "/a/../b"', "is no path"),
        ('path = "/a?b"', "is no path"),
        ('path = ""', "is no path"),
        ('enabled = "yes"', "must be true or false"),
        ("on = true", "read by nobody"),
    ],
)
def test_what_cannot_be(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        chosen(tmp_path, text)
