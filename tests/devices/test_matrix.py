"""The matrix: no key lost, doubled or invented, on a pad that bounces, ghosts and gets stuck."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.bench.flood import AT, KEYS, PLACES, SCAN_MS, press, wired
from terminal.core.events import Key
from terminal.devices.matrix import HOLD_MS, SHIFT_MS, STUCK_MS, Contacts, Matrix, Place

PRESSES = 10_000  # of each seed


class Script:
    """A matrix with a clock: hold these keys so long, and see what comes."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        self.now_ms = 1_000
        self.hold(for_ms=2 * SCAN_MS)

    def hold(self, *keys: Key, for_ms: int = 40) -> list[Key]:
        """What comes while exactly these are down."""
        return self.read(wired(AT[key] for key in keys), for_ms)

    def read(self, closed: Collection[Place], for_ms: int = 40) -> list[Key]:
        found = []
        for _ in range(0, for_ms, SCAN_MS):
            self.now_ms += SCAN_MS
            found += self.matrix.scan(closed, self.now_ms)
        return found


@pytest.fixture
def pad() -> Script:
    return Script(Matrix(KEYS, 4))


@pytest.fixture
def narrow() -> Script:
    """A 4x3 pad with the layout of a 4x4 one."""
    return Script(Matrix(KEYS, 3, (Key.DOUBLE_ZERO, Key.OK)))


@pytest.mark.parametrize("seed", [1, 2])
def test_no_key_is_lost_doubled_or_invented(seed: int) -> None:
    """`scripts/flood keypad 100000` does more of it."""
    report = press(PRESSES, seed)
    assert report["as_pressed"], report
    assert report["ghosts"] > 250, "else it proves nothing"
    assert report["fastest_20_ms"] <= 1_020


@given(st.lists(st.sets(st.sampled_from(PLACES)), max_size=60))
def test_any_noise_is_survived_and_cannot_make_a_key_of_one_snapshot(
    trace: list[set[Place]],
) -> None:
    matrix = Matrix(KEYS, 4)
    previous: set[Place] = set()
    for turn, closed in enumerate(trace):
        keys = matrix.scan(closed, turn * SCAN_MS)
        seen_twice = {KEYS[row][column] for row, column in previous & closed}
        assert set(keys) <= seen_twice | {Key.CANCEL, Key.CLEAR}
        previous = closed


# -- the catalogue ----------------------------------------------------------------------------------------


def test_F76_a_bouncing_key_counts_once(pad: Script) -> None:
    seven = AT[Key.D7]
    noise = [{seven}, set(), {seven}, set(), {seven}, {seven}, {seven}, set(), {seven}, set()]
    found = [key for closed in noise for key in pad.read(closed, SCAN_MS)]
    assert found + pad.hold() == [Key.D7]


def test_F76_ok_must_come_up_before_it_counts_twice(pad: Script) -> None:
    assert pad.hold(Key.OK, for_ms=5_000) == [Key.OK]
    assert pad.hold() == []
    assert pad.hold(Key.OK) == [Key.OK]


def test_F77_a_stuck_key_is_named_and_the_others_work(pad: Script) -> None:
    assert pad.hold(Key.D5, for_ms=STUCK_MS - SCAN_MS) == [Key.D5]
    assert pad.matrix.stuck == ()
    pad.hold(Key.D5, for_ms=4 * SCAN_MS)
    assert pad.matrix.stuck == (Key.D5,)
    for key in (Key.D1, Key.D6, Key.D8, Key.OK, Key.PLUS):
        assert pad.hold(Key.D5, key) == [key]
        assert pad.hold(Key.D5) == []
    assert pad.hold() == []
    assert pad.matrix.stuck == ()
    assert pad.hold(Key.D5) == [Key.D5]


def test_F77_four_stuck_keys_leave_the_others_alive(pad: Script) -> None:
    """Two rows shorted by a coin under the pad: a ghost that never goes must not silence the rest."""
    corner = {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert pad.read(corner, STUCK_MS + 4 * SCAN_MS) == []
    assert set(pad.matrix.stuck) == {Key.D1, Key.D2, Key.D4, Key.D5}
    assert pad.read(corner | {AT[Key.D9]}) == [Key.D9]


def test_F77_a_key_that_is_down_at_the_start_was_not_pressed() -> None:
    matrix = Matrix(KEYS, 4)
    found = [matrix.scan({AT[Key.OK]}, at_ms) for at_ms in range(0, STUCK_MS, SCAN_MS)]
    assert not any(found)
    assert matrix.scan({AT[Key.OK]}, STUCK_MS + SCAN_MS) == []
    assert matrix.stuck == (Key.OK,)


def test_F78_the_fourth_corner_is_a_ghost(pad: Script) -> None:
    one, two, four, five = (AT[key] for key in (Key.D1, Key.D2, Key.D4, Key.D5))
    assert pad.read({one}) + pad.read({one, two}) == [Key.D1, Key.D2]
    assert pad.read({one, two, four, five}) == []  # 4 is pressed, 5 is its ghost; who can know
    assert pad.read({one, two, four, five, AT[Key.OK]}) == []  # nothing new until it is clear
    assert pad.read({two, four}) == [Key.D4]
    assert pad.read(set()) == []


def test_F78_three_keys_at_once_are_none(pad: Script) -> None:
    assert pad.read({(0, 0), (0, 1), (1, 0), (1, 1)}) == []
    assert pad.read(set()) == []
    assert pad.hold(Key.D1) == [Key.D1]


def test_F78_a_scan_torn_by_the_release_does_not_let_the_ghost_in(pad: Script) -> None:
    """Column 0 is read before 2 is released, column 1 after: the ghost 4 stands there without its rectangle."""
    one, two, five, ghost = (AT[key] for key in (Key.D1, Key.D2, Key.D5, Key.D4))
    assert pad.read({one}) + pad.read({one, two}) == [Key.D1, Key.D2]
    assert pad.read({one, two, five, ghost}) == []
    assert pad.read({one, five, ghost}, SCAN_MS) == []
    assert pad.read({one, five}) == [Key.D5]


def test_F78_two_torn_scans_in_a_row_do_not_let_the_ghost_in(pad: Script) -> None:
    """Seen once in 100,000 presses: cancel comes up while menu goes down, and 7 is closed by way of them and 00."""
    cancel, double_zero, menu, seven = AT[Key.CANCEL], AT[Key.DOUBLE_ZERO], AT[Key.MENU], AT[Key.D7]
    pad.hold(Key.CANCEL, Key.DOUBLE_ZERO)
    assert pad.read({seven, cancel, double_zero}, SCAN_MS) == []
    assert pad.read({seven, double_zero, menu}, SCAN_MS) == []
    assert pad.hold(Key.DOUBLE_ZERO, Key.MENU) == [Key.MENU]


def test_three_keys_without_a_rectangle_are_certain(pad: Script) -> None:
    assert pad.hold(Key.D1, Key.D2, Key.D3) == [Key.D1, Key.D2, Key.D3]
    assert pad.hold(Key.D1, Key.D5, Key.D9, Key.D2) == []  # 1 2 5 make a rectangle with 4
    assert pad.hold() == []
    assert pad.hold(Key.D1, Key.D5, Key.D9) == [Key.D1, Key.D5, Key.D9]


@pytest.mark.parametrize("first", [Key.CANCEL, None])
def test_F79_of_ok_and_cancel_together_cancel_is_meant(pad: Script, first: Key | None) -> None:
    if first:
        pad.hold(first)
    assert pad.hold(Key.OK, Key.CANCEL) == []
    assert pad.hold(Key.OK) == [Key.CANCEL]
    assert pad.hold() == []
    assert pad.hold(Key.OK) == [Key.OK]


def test_F79_cancel_has_the_last_word_after_ok(pad: Script) -> None:
    assert pad.hold(Key.OK) == [Key.OK]
    assert pad.hold(Key.OK, Key.CANCEL) + pad.hold() == [Key.CANCEL]


# -- C held -----------------------------------------------------------------------------------------------


def test_cancel_counts_when_it_comes_up(pad: Script) -> None:
    assert pad.hold(Key.CANCEL, for_ms=HOLD_MS - 4 * SCAN_MS) == []
    assert pad.hold() == [Key.CANCEL]


def test_cancel_held_is_clear_and_nothing_else(pad: Script) -> None:
    assert pad.hold(Key.CANCEL, for_ms=HOLD_MS + 4 * SCAN_MS) == [Key.CLEAR]
    assert pad.hold(Key.CANCEL, for_ms=3 * HOLD_MS) + pad.hold() == []


def test_cancel_comes_before_the_key_that_overlaps_it(pad: Script) -> None:
    """Else C 5 typed fast would clear the 5."""
    assert pad.hold(Key.CANCEL) == []
    assert pad.hold(Key.CANCEL, Key.D5) == [Key.CANCEL, Key.D5]
    assert pad.hold(Key.CANCEL, for_ms=2 * HOLD_MS) + pad.hold() == []


# -- the 4x3 pad ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [Key.DOUBLE_ZERO, Key.OK])
@pytest.mark.parametrize(
    ("key", "meant"), [(Key.D1, Key.PLUS), (Key.D5, Key.BACK), (Key.D0, Key.MENU)]
)
def test_a_held_shift_reaches_the_last_column(
    narrow: Script, shift: Key, key: Key, meant: Key
) -> None:
    assert narrow.hold(shift, for_ms=SHIFT_MS + 4 * SCAN_MS) == []
    assert narrow.hold(shift, key) == [meant]
    assert narrow.hold(shift) == []
    assert narrow.hold(shift, key) == [meant]
    assert narrow.hold() == []


def test_cancel_and_clear_of_a_narrow_pad(narrow: Script) -> None:
    shift = Key.DOUBLE_ZERO
    narrow.hold(shift, for_ms=2 * SHIFT_MS)
    assert narrow.hold(shift, Key.D8) + narrow.hold(shift) == [Key.CANCEL]
    assert narrow.hold(shift, Key.D7, for_ms=HOLD_MS + 4 * SCAN_MS) == [Key.CLEAR]
    assert narrow.hold() == []


def test_a_shift_that_is_only_tapped_means_itself(narrow: Script) -> None:
    assert narrow.hold(Key.OK) == []
    assert narrow.hold() == [Key.OK]
    assert narrow.hold(Key.OK, for_ms=2 * SHIFT_MS) + narrow.hold() == [Key.OK]


def test_fast_typing_over_a_shift_is_no_shift(narrow: Script) -> None:
    assert narrow.hold(Key.DOUBLE_ZERO) == []
    assert narrow.hold(Key.DOUBLE_ZERO, Key.D1) == [Key.DOUBLE_ZERO, Key.D1]
    assert narrow.hold() == []


def test_F77_a_stuck_shift_shifts_nothing(narrow: Script) -> None:
    narrow.hold(Key.OK, for_ms=STUCK_MS + 4 * SCAN_MS)
    assert narrow.matrix.stuck == (Key.OK,)
    assert narrow.hold(Key.OK, Key.D1) == [Key.D1]


def test_a_full_pad_has_no_shift(pad: Script) -> None:
    assert pad.hold(Key.OK) == [Key.OK]


# -- a press must be seen more than once ------------------------------------------------------------------


@pytest.mark.parametrize("agree", [2, 3, 5])
def test_a_spike_shorter_than_agree_is_nothing(agree: int) -> None:
    contacts = Contacts(agree)
    see: Callable[[set[Place]], list[Place]] = lambda closed: contacts.see(closed, 0).downs  # noqa: E731
    see(set())
    spike = [see({(0, 0)}) for _ in range(agree - 1)]
    assert spike == [[]] * (agree - 1)
    assert see(set()) == []
    assert [see({(0, 0)}) for _ in range(agree)][-1] == [(0, 0)]
