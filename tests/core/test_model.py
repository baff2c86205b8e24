"""Small models of the world against the order tables: nothing lost, nothing twice, no word that is not true.

`MODEL_EXAMPLES=50000 pytest tests/core/test_model.py` looks harder.
"""

from __future__ import annotations

import os
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from terminal.core.sale import Phase
from terminal.core.terms import Mode
from tests.core.toy import AMOUNT, Shop, Ways

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "300"))
ways = st.builds(Ways, *[st.booleans()] * 7)
MODES = (Mode.MPM, Mode.CPM)
modes = st.sampled_from(MODES)
choices = st.lists(st.integers(0, 44), max_size=60)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(ways, modes, choices)
def test_whatever_goes_wrong_every_word_on_the_glass_is_true(
    ways: Ways, mode: Mode, choices: list[int]
) -> None:
    Shop(ways, choices).play(mode)


def test_when_nothing_goes_wrong_the_customer_has_paid() -> None:
    for flags in product((False, True), repeat=7):
        for mode in MODES:
            shop = Shop(Ways(*flags), [])
            shop.play(mode)
            (order,) = shop.orders.values()
            assert (order.phase, order.paid) == (Phase.PAID, AMOUNT)


@pytest.mark.parametrize("mode", MODES)
def test_one_thing_goes_wrong_at_every_single_point(mode: Mode) -> None:
    """reliability.md 0.5: enumerate faults, then randomise."""
    for flags in product((False, True), repeat=7):
        for at, choice in product(range(14), range(9)):
            Shop(Ways(*flags), [0] * at + [choice, 1]).play(mode)
