"""I8: whatever is posted, in whatever order, how often and how late: the sales end as they do by asking alone.

Over every gateway that we ship, in its own signed bytes. NOTICE_EXAMPLES=10000 for the full run, shared among them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from terminal.bench.sandbox.mischief import Kind
from terminal.core.events import CancelPressed
from terminal.core.sale import Phase, Reason
from terminal.core.terms import Mode
from terminal.dispatcher import Noticed
from terminal.gateways import Notice
from terminal.journal import Journal
from terminal.web import Verdict
from terminal.web.looks import LOOKS_MAX
from tests.web.vendor import NAMES
from tests.web.world import AMOUNT, TERMINAL, Post, Script, Teller, World

EXAMPLES = int(os.environ.get("NOTICE_EXAMPLES", "300"))
EACH = -(-EXAMPLES // len(NAMES))
LATE_MS = 700_000  # every sale and refund has ended


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """One for all worlds: no number is ever used twice."""
    memory = Path("/dev/shm")
    place = tmp_path_factory.mktemp("journal")
    if memory.is_dir():
        place = memory / f"notices-{os.getpid()}"
        place.mkdir()
    with Journal.open(place / "journal.db", terminal=TERMINAL, chance=lambda: 7) as journal:
        yield journal
    for file in place.iterdir():
        file.unlink()
    place.rmdir()


@pytest.fixture(scope="module", params=NAMES)
def teller(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Teller:
    return Teller(request.param, tmp_path_factory.mktemp(request.param))


# The customer's times keep a second's distance from the cashier's and from the ends of patience: who is first
# in a race is the world's to say, and not what is asked here.
PAYS = st.sampled_from([None, 700, 9_100, 40_100, 100_100, 170_100])
scripts = st.builds(
    Script,
    mode=st.sampled_from([Mode.MPM, Mode.CPM]),
    pays_ms=st.one_of(PAYS, st.just(0)),
    declines_ms=st.sampled_from([None, None, 12_400, 60_900]),
    cancel_ms=st.sampled_from([None, None, 3_000, 25_000, 75_000]),
    refund_ms=st.sampled_from([None, 0, 27_000]),
)
posts = st.builds(
    Post,
    about=st.integers(0, 3),
    at_ms=st.one_of(st.integers(0, 30_000), st.integers(0, LATE_MS)),
    says=st.sampled_from(["truth", "truth", "paid", "closed", "refund", "other"]),
    forged=st.sampled_from([None, None, Kind.WRONG_SIGNATURE, Kind.UNSIGNED]),
    more_minor=st.sampled_from([0, 0, 1]),
    copies=st.integers(1, 3),
)
some = settings(
    max_examples=EACH,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@some
@given(st.lists(scripts, min_size=1, max_size=4), st.lists(posts, min_size=1, max_size=12))
def test_the_same_ends_as_by_asking_alone(
    journal: Journal, teller: Teller, sales: list[Script], posted: list[Post]
) -> None:
    alone = World(journal, teller, sales).play()
    told = World(journal, teller, sales, posted)
    assert told.play() == alone
    assert not told.dispatcher.orders, "forgotten (I13)"
    for phase, paid, state, _, _ in alone:
        assert (phase is Phase.PAID) == (state == "paid")
        assert (paid == AMOUNT) or phase is not Phase.PAID
        event(phase.value)


@some
@given(
    st.lists(scripts, min_size=1, max_size=3),
    st.lists(st.integers(LATE_MS, LATE_MS + 20_000), min_size=3, max_size=3),
    st.lists(posts, max_size=6),
    st.integers(0, 60_000),
)
@example(  # told too early, it must not be a known event when it is true
    [Script()], [LATE_MS] * 3, [Post(0, 0, "truth"), Post(0, 0, "paid")], 0
)
@example(  # two amounts that disagree: it says that money moved, though not how much
    [Script(Mode.CPM)], [LATE_MS] * 3, [Post(0, 60_901, "paid", more_minor=1)], 0
)
def test_a_late_payment_goes_back_although_the_line_is_cut(
    journal: Journal,
    teller: Teller,
    sales: list[Script],
    late: list[int],
    posted: list[Post],
    cut_ms: int,
) -> None:
    """The look fails while the line is down; then the gateway was not answered "taken", and asks again."""
    paid_late = [
        Script(each.mode, each.pays_ms, each.declines_ms, each.cancel_ms, late_ms=late_ms)
        for each, late_ms in zip(sales, late, strict=False)
    ]
    world = World(journal, teller, paid_late, posted, cut=(LATE_MS, LATE_MS + cut_ms))
    for about, (phase, _, state, _, _) in enumerate(world.play()):
        assert (phase is Phase.PAID) == (state == "paid"), "money was kept (I5)"
        order = world.order(world.numbers[about])
        if state == "returned" and order.reason is Reason.LATE:
            assert phase is Phase.REVERSED
            event("returned late")
    assert not world.dispatcher.orders
    assert not any(world.dispatcher.looks.has(number) for number in world.numbers.values())


def test_a_notice_is_sooner_than_asking(journal: Journal, teller: Teller) -> None:
    """What it is good for: the first question comes with the notice and not after five seconds."""
    assert (
        paid_at_ms_of(journal, teller, [Post(0, 1_000)])
        < paid_at_ms_of(journal, teller, []) - 2_000
    )


def paid_at_ms_of(journal: Journal, teller: Teller, posted: list[Post]) -> int:
    world = World(journal, teller, [Script(pays_ms=700)], posted)
    world.play()
    rows = journal.history(world.numbers[0])
    return next(row.when.at_ms for row in rows if row.order.phase is Phase.PAID)


def test_forged_ones_start_no_question(journal: Journal, teller: Teller) -> None:
    kinds = (Kind.UNSIGNED, Kind.WRONG_SIGNATURE)
    forged = [
        Post(0, at_ms, "paid", forged=kind, copies=2)
        for at_ms in range(0, 100_000, 500)
        for kind in kinds
    ]
    alone, told = World(journal, teller, [Script()]), World(journal, teller, [Script()], forged)
    assert told.play() == alone.play()
    assert told.queries == alone.queries
    assert set(told.said) == {401, 429}


@pytest.mark.parametrize(
    "number", [f"T{TERMINAL}\ud800", "", "T", "\x00", f"T{TERMINAL}" + "0" * 99]
)
def test_a_number_that_is_none_of_ours(journal: Journal, teller: Teller, number: str) -> None:
    """F57: whatever a codec lets through, a lone surrogate too, the journal is not asked for it."""
    assert posted(World(journal, teller, []), number) == [Verdict.NOT_OURS]


def posted(world: World, number: str) -> list[Verdict]:
    """What is said, now or later, to a notice about this order."""
    heard: list[Verdict] = []
    notice = Notice(
        order_no=number,
        kind="payment",
        amount=None,
        merchant_ok=True,
        gateway_ref=None,
        event_key="1",
    )
    world.dispatcher.handle(Noticed(notice, heard.append))
    return heard


def test_no_more_ended_orders_are_asked_about_than_so_many(
    journal: Journal, teller: Teller
) -> None:
    world = World(journal, teller, [Script(declines_ms=900)] * (LOOKS_MAX + 1))
    world.play()
    heard = [posted(world, number) for number in world.numbers.values()]
    assert heard == [[]] * LOOKS_MAX + [[Verdict.LATER]]


def test_what_people_do_is_no_answer_to_a_look(journal: Journal, teller: Teller) -> None:
    world = World(journal, teller, [Script(declines_ms=900)])
    world.play()
    number = world.numbers[0]
    heard = posted(world, number)
    world.dispatcher.turn(number, CancelPressed(at_ms=world.now_ms))
    assert heard == []
    while world.turn(world.now_ms + 1_000):
        pass
    assert heard == [Verdict.TAKEN]
