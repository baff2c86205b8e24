"""The power cut at every write and every sync of the journal, from its birth on: each image that the disk may hold
then is opened by the production code. Every acknowledged row is there, unchanged, and the journal goes on.

And what must not pass: settings, habits and disks that are known to lose rows. A torture that does not find
them proves nothing (reliability.md 8.10).
"""

from __future__ import annotations

import os
import pickle  # nosec B403  (between our own processes)
import random
import tempfile
import traceback
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from terminal.bench.torture.careless import FIRST, HABITS, Habit, changed, judge_rollback, rollback
from terminal.bench.torture.tape import (
    Acked,
    Files,
    Kind,
    Names,
    Platter,
    Recorder,
    Step,
    Tape,
    lay_out,
)
from terminal.core import mpm
from terminal.core.events import CodeIssued, Event, PaymentApproved, SaleOpened
from terminal.core.sale import Order
from terminal.core.step import step
from terminal.core.terms import JournalFault, Money, mint_order_no
from terminal.core.timing import Timing
from terminal.journal import Journal, When, archive, journal, opening

CONTROL_SHARE, CONTROL_IMAGES = 25, 400  # a control gets so much less of N, and at least so many
TERMINAL, EPOCH, BORN = "P0WER1", 777, "2026-01-01T00:00:00Z"
FEW_ROWS = 8  # between two moves of the -wal, on tapes that shall have many of them
Judge = Callable[[Path, Files, Acked], str]

# -- sales -----------------------------------------------------------------------------------------------


def steps_of_a_sale(counter: int) -> Iterator[tuple[Order, Event]]:
    """Opened, code issued, paid: by the core's own tables."""
    timing, at_ms = Timing(), 1_000 * counter
    number = mint_order_no(TERMINAL, EPOCH, counter, 7919 * counter)
    order, _ = mpm.open_order(number, number, Money(1_250, "EUR"), at_ms=at_ms, timing=timing)
    yield order, SaleOpened(at_ms=at_ms)
    ref = f"{counter:028}"
    issued = CodeIssued(at_ms=at_ms + 1, code="https://pay.example/" + ref, gateway_ref=ref)
    paid = PaymentApproved(at_ms=at_ms + 2, paid=order.amount, gateway_ref=ref)
    for event in (issued, paid):
        order, _ = step(order, event, timing)
        yield order, event


def sell(books: Journal, sales: int, tell: Callable[[Acked], None]) -> None:
    """`tell` is told of each row when it is acknowledged. Every third sale stays open; after each one the journal
    may put a full file away."""
    for _ in range(sales):
        counter = books.orders_minted() + 1
        for order, event in tuple(steps_of_a_sale(counter))[: 2 if counter % 3 == 0 else 3]:
            row = books.append(order, event, When("boot", event.at_ms, BORN))
            tell(Acked(row, link_of(books, row)))
        books.tidy()


def link_of(books: Journal, row: int) -> bytes:
    """Empty when there is no such row."""
    return next((bytes(raw[-1]) for raw in books.raw(row - 1, 1)), b"")


def opened(path: Path, file_rows: int = archive.FILE_ROWS) -> Journal:
    return Journal.open(
        path, terminal=TERMINAL, chance=lambda: EPOCH, born=BORN, file_rows=file_rows
    )


# -- tapes -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Way:
    """How a tape is made. `before`: sales before it begins. `lives`: the sales of each life of the daemon; it
    closes the journal at the end of a life, or is killed when `killed`. `rows`: between two moves of the -wal.
    `file_rows`: until a file is full and put away."""

    name: str
    before: int
    lives: tuple[int, ...]
    killed: bool = False
    rows: int = FEW_ROWS
    file_rows: int = archive.FILE_ROWS


WAYS = (
    Way("birth", 0, (3, 2)),
    Way("restarts after a kill", 2, (2, 2, 2), killed=True),
    Way("many moves of the -wal", 1, (12,)),
    Way("files put away", 0, (6, 5), killed=True, file_rows=8),
    Way("one move of a large -wal", 84, (4,), rows=opening.CHECKPOINT_ROWS),
)
CARELESS = Way("careless", 0, (2, 2), killed=True)


def recorded(way: Way, place: Path, habit: Habit = nullcontext) -> Tape:
    """The production journal at work in `place`, under this `habit`. Each life is a process of its own, which
    ends without a goodbye: nothing else leaves a journal as a kill does."""
    place.mkdir(mode=0o700)
    live = partial(_life, place, way, habit)
    steps = _told(partial(live, way.before, killed=True)) if way.before else []
    start = next((it for it in reversed(steps) if isinstance(it, Acked)), FIRST)
    files = {file.name: file.read_bytes() for file in place.iterdir()}
    lives = [_told(partial(live, sales, killed=way.killed)) for sales in way.lives]
    return Tape(way.name, files, start, [it for life in lives for it in life])


def _life(place: Path, way: Way, habit: Habit, sales: int, *, killed: bool) -> list[Step]:
    steps: list[Step] = []
    with habit(), changed(journal, "CHECKPOINT_ROWS", way.rows), Recorder(place, steps).running():
        books = opened(place / "journal.db", way.file_rows)
        sell(books, sales, steps.append)
        if killed:
            _ABANDONED.append(books)
        else:
            books.close()
    return steps


_ABANDONED: list[Journal] = []  # SQLite would close them properly otherwise


def _told(work: Callable[[], list[Step]]) -> list[Step]:
    """What `work` returned in another process, which is dead since."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(work(), pipe)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        steps: list[Step] = pickle.load(pipe)  # noqa: S301  # nosec B301
    os.waitpid(child, 0)
    return steps


# -- judging ---------------------------------------------------------------------------------------------


def judge(place: Path, files: Files, acked: Acked) -> str:
    """Opened as the daemon opens it: every acknowledged row, nothing else but the one that was under way, each
    linked to the one before it; and the next sale goes on. "" when all is well, else "lost" or "corrupt"."""
    lay_out(place, files)
    return verdict(place, acked)


def verdict(place: Path, acked: Acked) -> str:
    """The same of the files that are in `place` already."""
    try:
        with opened(place / "journal.db") as books:
            if acked.row and link_of(books, acked.row) != acked.link:
                return "corrupt" if link_of(books, acked.row) else "lost"
            sell(books, 1, lambda _acked: None)
            return "" if books.verify() is None else "corrupt"
    except JournalFault:
        return "corrupt"


# -- the cuts --------------------------------------------------------------------------------------------

Point = tuple[int, Names, int, Kind, int]
"""Which tape, how names behave, after how many steps, what is kept, and a number for the dice."""
RANDOM = (Kind.SOME, Kind.TORN, Kind.REORDERED)
CHUNK = 500  # points that one process takes at a time, at most


def points(
    tapes: Sequence[Tape], wanted: int, seed: int, models: Sequence[Names] = tuple(Names)
) -> list[Point]:
    """So many: every step of every tape in each kind and model before any comes again; of the kinds that
    throw dice, as often as it takes."""
    dice = random.Random(seed)
    every = [
        (tape, names, cut, kind, 0)
        for tape, it in enumerate(tapes)
        for names in models
        for cut in range(len(it.steps) + 1)
        for kind in Kind
    ]
    again = [point for point in every if point[3] in RANDOM]
    dice.shuffle(every)
    chosen = every[:wanted]
    chosen += [(*dice.choice(again)[:4], n) for n in range(1, wanted - len(chosen) + 1)]
    return sorted(chosen, key=lambda point: (point[0], point[1].value, point[2]))


def cut_all(
    tapes: Sequence[Tape],
    chosen: Sequence[Point],
    verdict: Judge,
    jobs: int,
    *,
    lying: bool = False,
) -> Tally[str]:
    """The verdicts on all these images: "images", "distinct", "lost", "corrupt"."""
    size = min(CHUNK, -(-len(chosen) // jobs))
    chunks = [chosen[at : at + size] for at in range(0, len(chosen), size)]
    work = partial(_cut_some, tapes, verdict, lying)
    total: Tally[str] = Tally()
    with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
        for tally in pool.map(work, chunks):
            total += tally
    return total


def _cut_some(
    tapes: Sequence[Tape], verdict: Judge, lying: bool, chosen: Sequence[Point]
) -> Tally[str]:
    """Points in their order: a tape is played once. An image that was just judged is not judged again."""
    tally: Tally[str] = Tally()
    seen: dict[int, str] = {}
    played: tuple[int, Names] | None = None
    with tempfile.TemporaryDirectory(dir=_memory(), prefix="power-") as place:
        for tape, names, cut, kind, number in chosen:
            if played != (tape, names):
                played, at = (tape, names), 0
                platter = Platter(tapes[tape], names, lying=lying)
            for each in tapes[tape].steps[at:cut]:
                platter.play(each)
            at = cut
            files = platter.image(kind, random.Random(f"{tape} {names} {cut} {kind} {number}"))
            mark = hash((platter.acked, *((name, bytes(files[name])) for name in sorted(files))))
            if mark not in seen:
                seen[mark] = verdict(Path(place) / "image", files, platter.acked)
                tally["distinct"] += 1
            tally["images"] += 1
            tally[seen[mark]] += 1
    del tally[""]
    return tally


def _memory() -> str | None:
    """A disk that forgets: these images need no syncing."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # nosec B108


# -- the whole -------------------------------------------------------------------------------------------


def torture(wanted: int, seed: int, jobs: int) -> dict[str, object]:
    """The figures of the last line. `failed`: what of it is not as it must be, in words."""
    few = max(wanted // CONTROL_SHARE, CONTROL_IMAGES)
    with tempfile.TemporaryDirectory(dir=_memory(), prefix="power-") as text:
        place = Path(text)
        tapes = [recorded(way, place / f"ours-{n}") for n, way in enumerate(WAYS)]
        total = cut_all(tapes, points(tapes, wanted, seed), judge, jobs)
        controls = {
            name: cut_all([tape], points([tape], few, seed), judge, jobs)
            for name, tape in _careless_tapes(place)
        }
        controls["a disk that lies"] = cut_all(
            tapes, points(tapes, few, seed), judge, jobs, lying=True
        )
        plain = {level: [rollback(place / level, level)] for level in ("FULL", "EXTRA")}
        full, extra = (
            cut_all(plain[level], points(plain[level], few, seed), judge_rollback, jobs)
            for level in plain
        )
    controls[plain["FULL"][0].name] = full
    failed = [f"{name} was not found out" for name, it in controls.items() if not _bad(it)]
    failed += ["ours"] if _bad(total) else []
    failed += [plain["EXTRA"][0].name] if _bad(extra) else []
    return {
        "trials": total["images"],
        "lost": total["lost"],
        "corrupt": total["corrupt"],
        "distinct": total["distinct"],
        "steps": sum(len(tape.steps) for tape in tapes),
        "controls": {name: told_of(it) for name, it in controls.items()},
        "peers": {plain["EXTRA"][0].name: told_of(extra)},
        "failed": failed,
    }


def _careless_tapes(place: Path) -> Iterator[tuple[str, Tape]]:
    for n, (name, habit) in enumerate(HABITS.items()):
        yield name, recorded(CARELESS, place / f"careless-{n}", habit)


def _bad(tally: Tally[str]) -> int:
    return tally["lost"] + tally["corrupt"]


def told_of(tally: Tally[str]) -> dict[str, int]:
    return {name: tally[name] for name in ("images", "lost", "corrupt")}
