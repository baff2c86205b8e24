"""Typing an amount (F74, F75): whole minor units, whatever is pressed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.core.entry import ITEMS_MAX, Entry
from terminal.core.terms import Refusal

MAX_MINOR = 100_000


def typed(keys: str, max_minor: int = MAX_MINOR) -> Entry:
    """ "1250+3z" where z is 00, b backspace, c clear."""
    entry = Entry()
    for key in keys:
        entry = press(entry, key, max_minor)
    return entry


def press(entry: Entry, key: str, max_minor: int) -> Entry:
    others: dict[str, Callable[[], Entry]] = {
        "+": entry.plus,
        "b": entry.back,
        "c": entry.clear,
        "z": lambda: entry.digits("00", max_minor),
    }
    return others[key]() if key in others else entry.digits(key, max_minor)


@pytest.mark.parametrize(
    ("keys", "item", "total", "items"),
    [
        ("", 0, 0, 0),
        ("1250", 1250, 1250, 0),
        ("0", 0, 0, 0),
        ("z", 0, 0, 0),
        ("1z", 100, 100, 0),
        ("007", 7, 7, 0),
        ("1250+300", 300, 1550, 1),
        ("1+2+3", 3, 6, 2),
        ("1250b", 125, 125, 0),
        ("1b", 0, 0, 0),
        ("b", 0, 0, 0),
        ("100+b", 100, 100, 0),  # the + is taken back, its item can be mended
        ("1+2+b", 3, 3, 0),
        ("1+2+bb", 0, 0, 0),
        ("100+5c", 0, 100, 1),  # C clears the item first
        ("100+5cc", 0, 0, 0),  # then everything
        ("5c", 0, 0, 0),
    ],
)
def test_keys_become_whole_minor_units(keys: str, item: int, total: int, items: int) -> None:
    entry = typed(keys)
    assert (entry.item_minor, entry.total_minor, entry.items) == (item, total, items)


def test_empty_is_only_what_nothing_was_typed_into() -> None:
    assert typed("").empty
    assert typed("5c").empty
    assert not typed("5").empty
    assert not typed("5+").empty


def test_the_shops_maximum_is_reached_and_not_passed() -> None:
    assert typed("100000").total_minor == MAX_MINOR
    for keys in ("100001", "1000000", "99999+2", "10000z", "100000+1", "9" * 12):
        with pytest.raises(Refusal, match="More than this counter may take"):
            typed(keys)


def test_plus_wants_an_amount_before_it() -> None:
    for keys in ("+", "0+", "5++"):
        with pytest.raises(Refusal, match=r"before \+"):
            typed(keys)


def test_a_sum_has_a_named_number_of_items() -> None:
    entry = typed("1+" * ITEMS_MAX)
    assert (entry.items, entry.total_minor) == (ITEMS_MAX, ITEMS_MAX)
    with pytest.raises(Refusal, match="99 items"):
        typed("1+" * ITEMS_MAX + "1+")


@given(st.text("0123456789z+bc", max_size=40), st.integers(0, 10**15 - 1))
def test_no_sequence_of_keys_makes_anything_but_an_allowed_amount(keys: str, most: int) -> None:
    entry = Entry()
    for key in keys:
        before = entry
        try:
            entry = press(entry, key, most)
        except Refusal:
            assert entry is before
        assert type(entry.item_minor) is type(entry.sum_minor) is int
        assert 0 <= entry.total_minor <= most
        assert entry.item_minor >= 0 <= entry.sum_minor
        assert 0 <= entry.items <= ITEMS_MAX
        assert bool(entry.sum_minor) is bool(entry.items)
