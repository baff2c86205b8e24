"""scripts/simulate: many stories, and one JSON line at the end.

Stories are played in blocks, by one process or several, and counted in the order of their seeds, so that the
digest does not depend on how many processes there were. Exit code 1 when a rule broke.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import shlex
import subprocess
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from terminal.bench.simulator.dice import Deviation
from terminal.bench.simulator.placements import Kinds, Placed, perform, place
from terminal.bench.simulator.story import Ending, play, shorten, told
from terminal.bench.simulator.wires import WIRES
from terminal.bench.simulator.year import SALES, report

GARBAGE_MAX = 500_000  # objects
BLOCK = 50  # stories that a process plays at a stretch
JOBS_MAX = 16
TOLD_MAX = 3  # failures that are shortened and told; the others only counted
HELP_YEAR = "a year of sales into a real journal, a restart a day"
TWIN_EVERY = 50  # so many stories apart one is played again without jumps of the wall clock (I12)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one story adds to the sum."""

    seed: int
    sales: int
    cuts: int
    shows: int
    paid: int
    requests: int
    digest: str
    broken: str | None


def count(seed: int, wire: str = "") -> Counted:
    ending = play(seed, wire=wire)
    broken = ending.broken
    if broken is None and seed % TWIN_EVERY == 0:
        broken = wall_clock_decides_nothing(ending)
    tally = ending.tally
    return Counted(
        seed,
        ending.sales,
        tally.cuts,
        tally.shows,
        tally.paid,
        tally.requests,
        ending.digest,
        broken,
    )


def wall_clock_decides_nothing(ending: Ending) -> str | None:
    """I12: the same story with a wall clock that never jumps has the same journal."""
    twin = play(ending.seed, wall_steps=False, wire=ending.wire)
    if twin.journal == ending.journal:
        return None
    return "I12: without jumps of the wall clock the journal says something else"


def block(first: int, wire: str) -> list[Counted]:
    return [count(seed, wire) for seed in range(first, first + BLOCK)]


@contextmanager
def unswept() -> Iterator[None]:
    """A story leaves little garbage behind: collected now and then, not all the time. Processes that are forked
    in here do the same."""
    gc.freeze()  # what is not a story is not looked at again
    before = gc.get_threshold()
    gc.set_threshold(GARBAGE_MAX, 1, 1)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.collect()
        gc.unfreeze()


def blocks(seed: int, jobs: int, wire: str) -> Generator[list[Counted], None, None]:
    """Blocks of stories without end, in order."""
    firsts = iter(range(seed, 1 << 62, BLOCK))
    with unswept():
        if jobs == 1:
            yield from (block(first, wire) for first in firsts)
            return
        with get_context("fork").Pool(jobs) as pool:
            waiting = [pool.apply_async(block, (next(firsts), wire)) for _ in range(2 * jobs)]
            while True:
                yield waiting.pop(0).get()
                waiting.append(pool.apply_async(block, (next(firsts), wire)))


def simulate(sales: int, seed: int, jobs: int, wire: str = "") -> dict[str, object]:
    """Stories until there were `sales` sales. Prints every failure; the sum of it all."""
    begun, digest, played = time.monotonic(), hashlib.sha256(), commit()
    with closing(blocks(seed, jobs, wire)) as found:
        stories = list(_until(sales, found, digest))
    took_s = max(time.monotonic() - begun, 0.001)
    broken = [story for story in stories if story.broken]
    for number, story in enumerate(broken):
        _print_failure(story, played, wire, whole=number < TOLD_MAX)
    done = sum(story.sales for story in stories)
    return {
        "sales": done,
        "crashes": sum(story.cuts for story in stories),
        "violations": len(broken),
        "digest": digest.hexdigest()[:32],
        "sales_per_s": round(done / took_s),
        "stories": len(stories),
        "seed": seed,
        "codec": wire or "none: events as they are",
        "paid": sum(story.paid for story in stories),
        "displays": sum(story.shows for story in stories),
        "requests": sum(story.requests for story in stories),
        "commit": played,
    }


def _until(sales: int, found: Iterator[list[Counted]], digest: hashlib._Hash) -> Iterator[Counted]:
    done = 0
    for stories in found:
        for story in stories:
            digest.update(story.digest.encode())
            yield story
            done += story.sales
            if done >= sales:
                return


def _print_failure(story: Counted, played: str, wire: str, *, whole: bool) -> None:
    ending = play(story.seed, wire=wire)
    if whole and ending.rule is not None:
        print(told(shorten(ending), played), flush=True)
    else:
        print(f"BROKEN {story.broken}  seed {story.seed}  commit {played}", flush=True)


def replay(seed: int, wire: str) -> int:
    """One seed, whole: the story as it was, and when it fails the shortest that fails alike."""
    ending = play(seed, keep_story=True, wire=wire)
    print(told(ending, commit()))
    if ending.rule is not None:
        print("\nshortened:\n" + told(shorten(ending), commit()))
    return 1 if ending.broken else 0


def retell(base: int, forced: Sequence[Deviation]) -> int:
    """A base sale with these misfortunes, told."""
    words = [f"--base {base}", *(shlex.quote(f"--force={it.number}={it.way}") for it in forced)]
    ending = perform(base, *forced, keep_story=True)
    print(told(ending, commit(), " ".join(words)), flush=True)
    return 1 if ending.broken else 0


def misfortune(text: str) -> Deviation:
    """As a failure of --singles or --pairs names it: the number of the choice, and which way it went."""
    number, _, way = text.partition("=")
    return Deviation(int(number), "", way)


def enumerate_all(seed: int, bases: int, jobs: int, kinds: Kinds) -> int:
    """Every misfortune, or every pair of faults, at every decision point of `bases` base sales."""
    begun, summed = time.monotonic(), Placed(seed)
    longest_first = sorted(range(seed, seed + bases), key=lambda base: -len(perform(base).offered))
    with unswept(), get_context("fork").Pool(jobs) as pool:
        for placed in pool.imap(partial(place, kinds=kinds), longest_first):
            summed.add(placed)
            for forced in placed.broken[:TOLD_MAX]:
                retell(placed.base, forced)
    said = {"bases": bases, "singles": summed.singles, "pairs": summed.pairs, "runs": summed.runs}
    took_s = round(time.monotonic() - begun, 1)
    said |= {"known_before_the_end": summed.equal, "violations": len(summed.broken)}
    print(json.dumps(said | {"took_s": took_s, "seed": seed, "commit": commit()}))
    return 1 if summed.broken else 0


def commit() -> str:
    """The commit that is played, "+" when files differ from it; "unknown" without git."""
    here = Path(__file__).parent
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=here, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said.stdout.strip()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--sales", type=int, default=10_000, help="how many sales, at least")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first story")
    parser.add_argument("--replay", type=int, metavar="SEED", help="play one story and tell it")
    parser.add_argument("--year", type=int, nargs="?", const=SALES, metavar="SALES", help=HELP_YEAR)
    parser.add_argument("--dir", help="--year: where the journal is written")
    parser.add_argument("--codec", choices=("", *WIRES), default="", help="through real bytes")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--singles", type=int, metavar="BASES", help="each single misfortune")
    parser.add_argument("--pairs", type=int, metavar="BASES", help="each pair of faults as well")
    parser.add_argument("--whole", action="store_true", help="pairs: every round of every loop")
    parser.add_argument("--base", type=int, metavar="N", help="tell one base sale")
    parser.add_argument("--force", type=misfortune, action="append", default=[], metavar="N=WAY")
    asked = parser.parse_args(arguments)
    if asked.year:
        return report(asked.year, asked.dir)
    if asked.replay is not None:
        return replay(asked.replay, asked.codec)
    if asked.base is not None:
        return retell(asked.base, asked.force)
    if bases := asked.pairs or asked.singles:
        kinds = (Kinds.WHOLE if asked.whole else Kinds.PAIRS) if asked.pairs else Kinds.SINGLES
        return enumerate_all(asked.seed, bases, asked.jobs, kinds)
    if not (asked.sales > 0 and asked.seed >= 0 and 1 <= asked.jobs <= JOBS_MAX):
        parser.error(f"--sales over 0, --seed 0 or more, --jobs 1..{JOBS_MAX}")
    said = simulate(asked.sales, asked.seed, asked.jobs, asked.codec)
    print(json.dumps(said))
    return 1 if said["violations"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
