"""What `scripts/rig` runs."""

from __future__ import annotations

import argparse
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.rig import kernel, report
from tests.rig.guest import Guest, NotBooted
from tests.rig.report import Row

JOBS = ("pi4", "unit", "counter", "displays", "inputs", "pi5", "usb", "zero2w")  # the longest first
JOB_TIMEOUT_S = 480.0
ONE_BUILDER = threading.Lock()
ARGUMENTS = ("dummy_hcd.num=3",)  # ports for USB devices
ENVIRONMENT = {
    "PYTHONPATH": str(kernel.PROJECT),
    "LG_WD": "/run",
}  # lgpio leaves its pipes in LG_WD


def main(argv: list[str]) -> int:
    wanted = _parser().parse_args(argv)
    if wanted.word == "kernel":
        print(kernel.find().linux)
        return 0
    return run_guest(wanted) if wanted.word == "guest" else run_table(wanted)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/rig", description="Real drivers without a Pi.")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each row")
    parser.add_argument("--only", choices=JOBS, action="append", help="one guest of the table")
    parser.add_argument("-v", "--verbose", action="store_true", help="what green guests say too")
    words = parser.add_subparsers(dest="word")
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


def run_table(wanted: argparse.Namespace) -> int:
    """0 when every row is green that this kernel can have."""
    begun_s = time.monotonic()
    found = kernel.find()
    cpus: queue.SimpleQueue[int] = queue.SimpleQueue()
    for cpu in sorted(os.sched_getaffinity(0)):
        cpus.put(cpu)

    def seen(job: str) -> list[Row]:
        cpu = cpus.get()
        try:
            return run_job(found, job, cpu, verbose=wanted.verbose)
        finally:
            cpus.put(cpu)

    with ThreadPoolExecutor(cpus.qsize()) as hands:
        rows = [row for rows in hands.map(seen, wanted.only or JOBS) for row in rows]
    if wanted.json:
        print(*(json.dumps(row._asdict()) for row in rows), sep="\n")
    else:
        print(report.table(rows))
        print(f"{time.monotonic() - begun_s:.0f} s, kernel {found.linux}")
        print(report.closing(rows))
    return 0 if report.green(rows) else 1


def run_job(found: kernel.Kernel, job: str, cpu: int, *, verbose: bool) -> list[Row]:
    words: list[str] = []
    if job in ("pi4", "unit"):
        try:
            with ONE_BUILDER:
                words = [str(kernel.camera_root())]
        except subprocess.CalledProcessError as fault:
            return [Row(job, "picamera2", "", f"its root folder cannot be made: {fault}", False)]
    with tempfile.TemporaryDirectory(prefix="rig-") as share:
        try:
            with Guest(
                found.linux,
                [sys.executable, "-m", f"tests.rig.jobs.{job}", *words],
                Path(share),
                cpu=cpu,
                modules=found.modules,
                arguments=ARGUMENTS,
                environment=ENVIRONMENT,
            ) as guest:
                with suppress(subprocess.TimeoutExpired):
                    guest.wait(JOB_TIMEOUT_S)
                output = guest.output()
        except NotBooted as fault:
            return [Row(job, "", "", str(fault), False)]
    rows = report.rows(job, output)
    if verbose or not report.green(rows):
        print(f"-- {job}\n{output}", file=sys.stderr)
    return rows


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
