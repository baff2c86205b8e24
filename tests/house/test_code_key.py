"""The key of the payment codes' digests (I11): whole or not there, and the same after a restart."""

from __future__ import annotations

import os
import resource
import stat
from contextlib import suppress
from pathlib import Path

from terminal.wiring import CODE_KEY_BYTES, code_key
from tests.journal.children import run


def test_it_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "code.key"
    key = code_key(path)
    assert len(key) == CODE_KEY_BYTES
    assert code_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_death_while_it_is_written_leaves_none(tmp_path: Path) -> None:
    path = tmp_path / "code.key"

    def die_writing() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        with suppress(OSError):
            code_key(path)
        os._exit(0)

    run(die_writing)
    assert not path.exists()
    assert len(code_key(path)) == CODE_KEY_BYTES
