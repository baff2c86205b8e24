"""Money that is counted, never measured; order numbers that never come twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal.core.terms import (
    MINOR_MAX,
    ORDER_NO_MAX,
    Fault,
    HouseFault,
    JournalFault,
    Money,
    Refusal,
    WireFault,
    base32,
    mint_order_no,
)

CURRENCIES = {"JPY": 0, "EUR": 2, "KWD": 3}
minors = st.integers(0, MINOR_MAX)
currencies = st.sampled_from(sorted(CURRENCIES))


# -- money ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minor", "currency", "major"),
    [
        (1250, "JPY", "1250"),
        (0, "JPY", "0"),
        (1250, "EUR", "12.50"),
        (5, "EUR", "0.05"),
        (0, "EUR", "0.00"),
        (1250, "KWD", "1.250"),
        (5, "KWD", "0.005"),
        (MINOR_MAX, "EUR", "9999999999999.99"),
    ],
)
def test_major_has_exactly_the_currencys_decimals(minor: int, currency: str, major: str) -> None:
    money = Money(minor, currency)
    assert (money.major, str(money)) == (major, f"{major} {currency}")
    assert money.exponent == CURRENCIES[currency]


@given(minors, currencies)
def test_major_read_back_is_the_same_money(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert Money.of_major(money.major, currency) == money


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.5", "EUR", 1250),
        ("12", "EUR", 1200),
        ("12.", "EUR", 1200),
        ("12.500", "EUR", 1250),
        ("1.0", "JPY", 1),
        ("1.25", "KWD", 1250),
        ("0012.50", "EUR", 1250),
        ("0", "EUR", 0),
    ],
)
def test_of_major_reads_fewer_decimals_and_zeros_too_many(
    text: str, currency: str, minor: int
) -> None:
    assert Money.of_major(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        ".5",
        "-1",
        "-0.01",
        "+1",
        "1,50",
        "1,234.50",
        "1_000",
        "1e3",
        "0x10",
        "NaN",
        "Infinity",
        "12.345",
        "12.50 ",
        "12.50\n",
        " 12.50",
        "１２.５０",  # full-width digits (F8)
        "１２",
        "12.５",
        "١٢.٥٠",  # Arabic digits (F8)
        "9" * 17,
        "9" * 16,
        "1." + "0" * 13,
        "9" * 10_000,
    ],
)
def test_of_major_refuses_what_is_no_amount(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        Money.of_major(text, "EUR")
    assert len(str(refused.value)) < 80


def test_of_major_refuses_a_currency_that_is_none() -> None:
    for currency in ("", "eur", "EURO", "XXX", "978", "€"):
        with pytest.raises(Refusal, match="ISO 4217"):
            Money.of_major("1", currency)


@pytest.mark.parametrize("minor", [1.0, "1", True, None])
def test_money_is_whole_numbers_only(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize("minor", [-1, MINOR_MAX + 1, 2**63])
def test_money_has_a_floor_and_a_ceiling(minor: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        Money(minor, "EUR")


def test_money_adds_and_compares_in_one_currency_only() -> None:
    five, four = Money(500, "EUR"), Money(400, "EUR")
    assert (five + four, five - four) == (Money(900, "EUR"), Money(100, "EUR"))
    assert four <= five
    assert not five <= four
    with pytest.raises(ValueError, match="outside"):
        _ = four - five
    for wrong in (lambda: five + Money(1, "USD"), lambda: five <= Money(1, "USD")):
        with pytest.raises(ValueError, match="do not add up"):
            wrong()


def test_the_type_of_a_fault_says_whose_fault_it_is() -> None:
    assert issubclass(JournalFault, HouseFault)
    for fault in (HouseFault, WireFault, Refusal):
        assert issubclass(fault, Fault)
        assert not any(
            issubclass(fault, other)
            for other in (HouseFault, WireFault, Refusal)
            if other is not fault
        )


# -- order numbers -----------------------------------------------------------------------------------------

ALPHABET = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@given(st.integers(0, 32**4 - 1), st.integers(0, 32**8 - 1), st.integers(0))
def test_order_numbers_are_short_and_plain(epoch: int, counter: int, chance: int) -> None:
    order_no = mint_order_no("A00001", epoch, counter, chance)
    assert len(order_no) == 25 <= ORDER_NO_MAX
    assert set(order_no) <= ALPHABET
    assert order_no.startswith("TA00001")


minted = st.tuples(st.integers(0, 32**4 - 1), st.integers(0, 32**8 - 1), st.integers(0, 32**6 - 1))


@given(minted, minted)
def test_order_numbers_of_different_origin_differ(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    assert (mint_order_no("A00001", *one) == mint_order_no("A00001", *other)) is (one == other)
    assert mint_order_no("A00001", *one) != mint_order_no("A00002", *one)


def test_a_counter_that_outgrew_its_digits_is_our_fault() -> None:
    assert base32(32**8 - 1, 8) == "ZZZZZZZZ"
    for number in (32**8, -1):
        with pytest.raises(HouseFault, match="outgrew"):
            base32(number, 8)


def test_f71_two_terminals_with_one_id_do_not_share_numbers() -> None:
    """One terminal cannot see its twin. The install epoch and chance keep their numbers apart all the same,
    each alone: cards with the same epoch, and the unlucky chance."""
    ours = {mint_order_no("BENCH1", 7, counter, counter * 31) for counter in range(200)}
    other_epoch = {mint_order_no("BENCH1", 8, counter, counter * 31) for counter in range(200)}
    other_chance = {mint_order_no("BENCH1", 7, counter, counter * 37 + 1) for counter in range(200)}
    assert ours.isdisjoint(other_epoch)
    assert ours.isdisjoint(other_chance)
