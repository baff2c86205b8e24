"""The simulator finds nothing in the house as it is, finds every bug we plant, and says the same twice."""

from __future__ import annotations

import inspect
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from terminal.bench.simulator.card import Card
from terminal.bench.simulator.command import count, main, simulate
from terminal.bench.simulator.dice import Deviation, Dice
from terminal.bench.simulator.placements import Kinds, by_people, edges, perform, place
from terminal.bench.simulator.story import Ending, play, shorten, told
from terminal.core.views import Attention, Checking, NotPaid, Paid, Presenting, Scanning
from terminal.journal import Journal
from tests.simulation.mutations import BUGS

ROOT = Path(__file__).parents[2]
STORIES = 600  # of the same seeds each time; scripts/simulate plays others
FOUND_WITHIN_SALES = 10_000


def once_failed() -> list[int]:
    lines = Path(__file__).with_name("seeds.txt").read_text().splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


def test_no_rule_breaks() -> None:
    broken = [story for story in map(count, range(1, STORIES + 1)) if story.broken]
    assert not broken, told(shorten(play(broken[0].seed)), "here")


@pytest.mark.parametrize("seed", once_failed())
def test_what_once_failed_holds(seed: int) -> None:
    ending = play(seed)
    assert ending.broken is None, told(shorten(ending), "here")


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BUGS[bug](monkeypatch)
    sales, seed = 0, 0
    while sales < FOUND_WITHIN_SALES:
        seed += 1
        story = count(seed)
        if story.broken:
            return
        sales += story.sales
    pytest.fail(f"not found in {sales} sales")


def test_the_stories_are_no_smooth_days() -> None:
    """A simulator in which nothing happens finds nothing: every screen that decides is reached."""
    seen: dict[str, int] = {}
    for seed in range(1, 121):
        for _, what in play(seed, keep_story=True).tally.story:
            word = " ".join(what.split()[:2])
            seen[word] = seen.get(word, 0) + 1
    for view in (Paid, NotPaid, Checking, Presenting, Scanning, Attention):
        assert seen.get(f"show {view.__name__}"), f"{view.__name__} was never shown"
    for word in ("-- commit:", "-- the", "answer Failure", "answer AnswerUnclear", "notice T"):
        assert any(it.startswith(word.removesuffix(" T")) for it in seen), f"no {word!r} happened"


@pytest.mark.parametrize("base", [1, 5])
def test_each_single_misfortune_of_a_smooth_story_is_borne(base: int) -> None:
    smooth = perform(base)
    assert smooth.broken is None
    assert not smooth.deviations
    placed = place(base, kinds=Kinds.SINGLES)
    assert placed.singles == len(smooth.offered) > 100
    assert not placed.broken, told(perform(base, *placed.broken[0]), "here")


def test_each_pair_of_faults_of_the_shortest_base_is_borne() -> None:
    placed = place(6, kinds=Kinds.PAIRS)
    assert placed.pairs > 1_000
    assert placed.runs < placed.singles + placed.pairs
    assert not placed.broken, told(perform(6, *placed.broken[0]), "here")


def test_of_the_rounds_of_a_loop_the_first_and_the_last_are_placed() -> None:
    faults = [it for it in perform(4).offered if not by_people(it.it)]
    rounds: dict[object, list[int]] = {}
    for it in faults:
        rounds.setdefault((*it.it[1:], it.moment), []).append(it.it.number)
    assert max(map(len, rounds.values())) > 3  # it does wait somewhere
    placed = {it.it.number for it in edges(faults)}
    assert placed == {number for numbers in rounds.values() for number in (numbers[0], numbers[-1])}


def left_behind(base: int, misfortune: Deviation) -> tuple[bytes, Ending]:
    """The digest of the scene right after it, and how the whole story ended."""
    looked: list[bytes] = []

    def new(digest: bytes, offered: int) -> bool:
        looked.append(digest)
        return True

    ending = perform(base, misfortune, new=new)
    assert ending.deviations == (misfortune,)
    return looked[0], ending


def test_places_that_are_called_alike_leave_the_same_scene_behind() -> None:
    alike: dict[object, set[bytes]] = {}
    offered = [it for it in perform(4).offered if it.alike is not None]
    for found in offered:
        alike.setdefault(found.alike, set()).add(left_behind(4, found.it)[0])
    assert len(alike) < len(offered)
    assert all(len(digests) == 1 for digests in alike.values())
    assert len(set.union(*alike.values())) == len(alike)  # and others do not


def test_stories_whose_scenes_are_equal_end_alike() -> None:
    ends: dict[bytes, set[object]] = {}
    offered = perform(5).offered
    for found in offered:
        digest, ending = left_behind(5, found.it)
        ends.setdefault(digest, set()).add(ending.last_rows)
    assert len(ends) < len(offered) - 20
    assert all(len(rows) == 1 for rows in ends.values())


# -- the same twice --------------------------------------------------------------------------------------


def test_the_same_seed_is_the_same_story(monkeypatch: pytest.MonkeyPatch) -> None:
    first = [play(seed).digest for seed in range(40, 70)]
    assert [play(seed).digest for seed in range(40, 70)] == first
    assert len(set(first)) == len(first)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_digest_knows_neither_hash_seed_nor_jobs(jobs: int) -> None:
    command = "from terminal.bench.simulator.command import main; main()"
    asked = ["--sales", "300", "--seed", "9000", "--jobs", str(jobs)]
    said = [
        subprocess.run(
            [sys.executable, "-c", command, *asked],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        ).stdout
        for hash_seed in ("1", "77")
    ]  # fmt: skip
    digests = {json.loads(text.splitlines()[-1])["digest"] for text in said}
    assert digests == {simulate(300, 9_000, 1)["digest"]}


def test_dropping_a_deviation_leaves_what_others_drew() -> None:
    plain, dropped = Dice(3), Dice(3, frozenset({2}))
    odds = (("odd", 0.9),)
    said = [plain.pick("x", odds) for _ in range(5)]
    again = [dropped.pick("x", odds) for _ in range(5)]
    assert again == [said[0], "", *said[2:]]
    assert plain.span(1, 10**9) == dropped.span(1, 10**9)


# -- the last line, and a failure ----------------------------------------------------------------------------


def test_the_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sales", "200", "--seed", "5"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["violations"] == 0
    assert said["sales"] >= 200
    assert said["crashes"] > 0


def test_a_failure_is_told_short_with_its_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    BUGS["unclear_is_fail"](monkeypatch)
    assert main(["--sales", "400"]) == 1
    out = capsys.readouterr().out
    assert json.loads(out.splitlines()[-1])["violations"] > 0
    seed = int(out.split("seed ", 1)[1].split()[0])
    short = shorten(play(seed))
    assert short.rule == play(seed).rule
    assert 0 < len(short.deviations) < len(play(seed).deviations)
    assert len(short.deviations) <= 10


def test_a_placement_that_breaks_a_rule_is_told_with_the_words_that_play_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    BUGS["refund_new_id"](monkeypatch)
    assert main(["--singles", "1", "--seed", "4"]) == 1
    out = capsys.readouterr().out
    words = out.split("replay: scripts/simulate ", 1)[1].splitlines()[0]
    assert main(shlex.split(words)) == 1
    assert capsys.readouterr().out.splitlines()[0] == out.splitlines()[0]


def test_the_journal_in_ram_has_the_face_of_the_real_one() -> None:
    of_the_check = {"install", "raw", "raw_history"}  # the daemon itself asks for none of it
    out_of_service = {"look_on", "takes_files"}  # here the daemon is started anew instead
    for name, real in inspect.getmembers(Journal, inspect.isfunction):
        if not name.startswith("_") and name not in of_the_check | out_of_service:
            fake = getattr(Card, name)
            assert inspect.signature(fake) == inspect.signature(real), name
