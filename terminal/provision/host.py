"""One unit at the other end of an SSH connection. OpenSSH does the talking; one connection serves every command."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from terminal.core.terms import Refusal

COMMAND_S = 900.0  # apt on a slow card and a slow line
CONNECT_S = 15
REBOOT_S, LOOK_S = 300.0, 1.0
REBOOT_DUE = "/run/reboot-due"  # gone with the reboot, as all of /run
ASKED_MAX = 300  # characters of a remote complaint that are repeated


class NotReached(Refusal):
    """The unit cannot be talked to, or does not let us be root."""


class NotDone(Refusal):
    """A command on the unit failed."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the machine is. `suite`: Debian's word for the release."""

    model: str
    suite: str
    arch: str
    boot: str  # the folder of config.txt, "" when it has none


class Host:
    """`with Host(...) as host`: the connection stands inside."""

    def __init__(self, address: str, port: int, options: Sequence[str]) -> None:
        self.address = address
        self._folder = tempfile.TemporaryDirectory(prefix="provision-")
        self._ssh = (
            "ssh", "-p", str(port), *(word for option in options for word in ("-o", option)),
            "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_S}",
            "-o", "StrictHostKeyChecking=accept-new",  # a fresh unit is new; a changed key is refused
            "-o", "ControlMaster=auto", "-o", "ControlPersist=60",
            "-o", f"ControlPath={self._folder.name}/%C", "-o", "ServerAliveInterval=10",
        )  # fmt: skip

    def __enter__(self) -> Host:
        try:
            self._talk("true")
        except NotDone as failed:
            self.close()
            raise NotReached(
                f"{self.address} is not reached: {failed} Is it on, and is your SSH key in its authorized_keys?"
            ) from failed
        self.root = "" if self._talk("id -u").strip() == "0" else "sudo -n "
        if self.root:
            try:
                self._talk("sudo -n true")
            except NotDone as failed:
                self.close()
                raise NotReached(
                    f"{self.address} asks for a password for sudo. Give the user NOPASSWD, or go as root."
                ) from failed
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._hang_up()
        self._folder.cleanup()

    def _hang_up(self) -> None:
        with suppress(subprocess.SubprocessError, OSError):
            subprocess.run(
                [*self._ssh, "-O", "exit", self.address], capture_output=True, timeout=10
            )

    def run(self, script: str, given: bytes = b"") -> str:
        """`script` for sh, as root, `given` on its standard input; what it printed. NotDone when it fails."""
        return self._talk(f"{self.root}sh -euc {shlex.quote(script)}", given)

    def ask(self, script: str) -> str:
        """The same, where failing is an answer: "" then."""
        with suppress(NotDone):
            return self.run(script)
        return ""

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """The whole file or the old one: written beside, synced, renamed."""
        new = shlex.quote(f"{path}.new")
        self.run(
            f"umask 077; mkdir -p -m 755 {shlex.quote(str(Path(path).parent))}; cat > {new}; "
            f"chmod {mode:o} {new}; sync {new}; mv {new} {shlex.quote(path)}",
            content,
        )

    def reboot(self) -> None:
        """Returns when it has started anew, its services too. NotReached when it does not come back."""
        self.run(f"touch {REBOOT_DUE}; systemctl --no-block reboot")
        self._hang_up()
        until_s = time.monotonic() + REBOOT_S
        while not self.ask(f"[ -e {REBOOT_DUE} ] || echo back"):
            if time.monotonic() > until_s:
                raise NotReached(f"{self.address} does not come back from its restart.")
            time.sleep(LOOK_S)
        self.ask("systemctl is-system-running --wait")

    def sha256(self, path: str) -> str:
        return self.ask(f"sha256sum {shlex.quote(path)}").partition(" ")[0]

    def reverse(self, port: int) -> int:
        """A port on the unit's loopback that leads to `port` here."""
        done = subprocess.run(
            [*self._ssh, "-O", "forward", "-R", f"127.0.0.1:0:127.0.0.1:{port}", self.address],
            capture_output=True, timeout=CONNECT_S, check=True,
        )  # fmt: skip
        return int(done.stdout)

    def facts(self) -> Facts:
        told = self.run(
            "model=$(tr -d '\\0' </proc/device-tree/model 2>/dev/null || uname -m); . /etc/os-release; "
            "for boot in /boot/firmware /boot ''; do [ ! -e $boot/config.txt ] || break; done; "
            'printf \'%s\\n\' "$model" "$VERSION_CODENAME" "$(dpkg --print-architecture)" "$boot"'
        )
        model, suite, arch, boot = told.splitlines()
        return Facts(model, suite, arch, boot)

    def _talk(self, command: str, given: bytes = b"") -> str:
        try:
            done = subprocess.run(
                [*self._ssh, self.address, command],
                input=given,
                capture_output=True,
                timeout=COMMAND_S,
            )
        except subprocess.TimeoutExpired as late:
            raise NotDone(f"{self.address} did not answer in {COMMAND_S:.0f} s.") from late
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise NotDone(said[-ASKED_MAX:] or f"exit code {done.returncode}.")
        return done.stdout.decode(errors="replace")
