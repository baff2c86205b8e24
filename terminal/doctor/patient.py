"""The unit that is looked at: its files, and its daemon when it runs."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from terminal.config import BadSettings, Profile, Settings, load, load_profile
from terminal.control import Unanswered, call


class Patient:
    """Each thing is read once. `settings` and `profile` are None when they are wrong; `complaint` says why."""

    def __init__(self, config: Path, socket: Path, root: Path) -> None:
        self.config = config
        self._root = root
        self.complaint = ""
        self.settings: Settings | None = None
        self.profile: Profile | None = None
        try:
            self.settings = load(config)
            self.profile = load_profile(self.settings.terminal.profile)
        except BadSettings as bad:
            self.complaint = str(bad)
        self._socket = socket

    @cached_property
    def daemon(self) -> dict[str, Any] | None:
        """Its `status`, None while it does not run."""
        try:
            return call(self._socket, {"word": "status"})
        except Unanswered:
            return None

    def text(self, path: str) -> str | None:
        """A file of /sys or /proc, stripped; None when this machine has none."""
        try:
            return (
                (self._root / path.lstrip("/"))
                .read_text(encoding="utf-8", errors="replace")
                .strip()
            )
        except OSError:
            return None

    def texts(self, pattern: str) -> dict[str, str]:
        """Every file that fits, by its path below the root."""
        found = sorted(self._root.glob(pattern.lstrip("/")))
        told = {
            str(path.relative_to(self._root)): self.text(str(path.relative_to(self._root)))
            for path in found
        }
        return {path: text for path, text in told.items() if text is not None}
