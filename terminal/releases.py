"""The releases of a unit, side by side, and which of them runs. Each step is one rename of a symbolic link.

    releases/VERSION   a whole release; nothing in it is ever changed
    current            the one that runs
    next               the one that is to run
    return-to          the one before, while `current` is on probation
    previous           the one before, once `current` has passed
    returned           the one that did not pass

    change over   return-to = current; next -> current
    pass          return-to -> previous
    return        return-to -> current: systemd/terminal-return.service, with mv alone, also after a power cut

So after a cut at any point there is a whole release at `current`, and `return-to` tells whether it is trusted.
"""

from __future__ import annotations

import os
from pathlib import Path

PLACE = Path("/opt/terminal")
# A mount here means that / is an overlay in memory (Debian's overlayroot): what is written is gone with the power.
UNDER_OVERLAY = Path("/media/root-ro")
THAW = "sudo sed -i 's/overlayroot=[^ ]* *//' /boot/firmware/cmdline.txt && sudo reboot"


class Releases:
    """Versions are the names of folders. Changing anything is for root."""

    def __init__(self, place: Path = PLACE) -> None:
        self.place = place
        self.folder = place / "releases"

    @property
    def current(self) -> str | None:
        return self._named("current")

    @property
    def next(self) -> str | None:
        return self._named("next")

    @property
    def on_probation(self) -> bool:
        """The daemon takes no sale then, so that its journal stays one that the release before can read."""
        return (self.place / "return-to").is_symlink()

    @property
    def returned(self) -> str | None:
        """The last one that did not pass; None when there was none, or it passed later."""
        version = self._named("returned")
        return version if version != self.current else None

    def nominate(self, version: str) -> None:
        self._point("next", version)

    def forget_next(self) -> None:
        (self.place / "next").unlink(missing_ok=True)

    def change_over(self) -> None:
        """`next` runs from its next start on, on probation. In this order: a cut between has nothing to undo."""
        before = self.current
        if before is None:
            raise FileNotFoundError(f"{self.place}/current")
        self._point("return-to", before)
        self._rename("next", "current")

    def confirm(self) -> None:
        """`current` has passed."""
        self._rename("return-to", "previous")
        (self.place / "returned").unlink(missing_ok=True)

    def tidy(self) -> None:
        """Only those that a name points to stay; what was begun and never finished goes."""
        import shutil  # the daemon has no use for it

        names = ("current", "next", "return-to", "previous")
        kept = {self._named(name) for name in names}
        for release in self.folder.iterdir():
            if release.name not in kept:
                shutil.rmtree(release)

    def _named(self, link: str) -> str | None:
        try:
            return (self.place / link).readlink().name
        except OSError:
            return None

    def _point(self, name: str, version: str) -> None:
        new = self.place / f"{name}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(self.folder / version)
        self._rename(new.name, name)

    def _rename(self, old: str, new: str) -> None:
        (self.place / old).rename(self.place / new)
        sync(self.place)


def sync(folder: Path) -> None:
    """The names in it are on the card when this returns."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
