"""What `scripts/rig` runs."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.rig import kernel
from tests.rig.guest import Guest, NotBooted


def main(argv: list[str]) -> int:
    wanted = _parser().parse_args(argv)
    if wanted.word == "kernel":
        print(kernel.find().linux)
        return 0
    return run_guest(wanted)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/rig", description="Real drivers without a Pi.")
    words = parser.add_subparsers(dest="word", required=True)
    words.add_parser("kernel", help="find or build the guests' kernel, print its path")
    guest = words.add_parser("guest", help="run a command as root in a guest")
    guest.add_argument("--memory", type=int, default=1024, metavar="MIB")
    guest.add_argument("--cpu", type=int, help="the host's processor to stay on")
    guest.add_argument("--timeout", type=float, default=120, metavar="S")
    guest.add_argument(
        *("-a", "--argument"),
        action="append",
        default=[],
        help="of the kernel, such as ubd0=disk.img",
    )
    guest.add_argument("--share", type=Path, help="folder that is /run/share in the guest")
    guest.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def run_guest(wanted: argparse.Namespace) -> int:
    """The command's exit code; 124 when it took too long, 125 when the guest did not boot."""
    share = wanted.share or Path(tempfile.mkdtemp(prefix="rig-"))
    linux = kernel.find().linux
    with Guest(
        linux,
        wanted.command,
        share,
        memory_mib=wanted.memory,
        cpu=wanted.cpu,
        arguments=wanted.argument,
    ) as guest:
        try:
            code = guest.wait(wanted.timeout)
        except subprocess.TimeoutExpired:
            code = 124
        except NotBooted as fault:
            print(f"rig: {fault}", file=sys.stderr)
            code = 125
        print(guest.output(), end="")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
