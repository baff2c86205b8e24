"""The journal beside the gateway's books, both ways; every difference has one name.

Eight kinds, each order or line named at most once, by its gravest:

    unpaid_there    we called it paid; there it is unknown, open or ended unpaid
    unpaid_here     it is paid there, and we never called it so: its money must go back
    unknown_here    a line of their bill with a number that this journal never gave out
    amount          both know it, by different amounts (a payment or a return)
    currency        both know it, in different currencies
    return_missing  one side says that money went back, the other does not
    state           ended here and still open there: somebody can still pay it, or a return is still under way
    doubled         one order paid twice there, or one sale paid by two orders

What is still open here is under way and is not compared (reliability.md 2.1, "Daily check"; I14, I17).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from terminal.core.effects import give_back_no, given_back_of
from terminal.core.sale import GIVEN_BACK, RETURNS, Order, Phase
from terminal.core.terms import Mode, Money


class There(Enum):
    """What the gateway says of one number: the first four of a sale, the others of a return. A sale that was
    paid and then wholly undone, by a void or a reversal, is RETURNED."""

    PAID = "paid"
    WAITING = "waiting"
    UNPAID = "not paid"
    ABSENT = "no such order"
    RETURNED = "returned"
    PENDING = "return pending"
    FAILED = "not returned"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the gateway's. `amount`: what it says was paid or went back, None: it does not say."""

    order_no: str
    there: There
    amount: Money | None = None


class Kind(Enum):
    UNPAID_THERE = "unpaid_there"
    UNPAID_HERE = "unpaid_here"
    UNKNOWN_HERE = "unknown_here"
    AMOUNT = "amount"
    CURRENCY = "currency"
    RETURN_MISSING = "return_missing"
    STATE = "state"
    DOUBLED = "doubled"


@dataclass(frozen=True, slots=True)
class Difference:
    """`here`, `there`: each side's word, None where it has none."""

    kind: Kind
    order_no: str
    here: str
    there: str


def compare(
    ours: Iterable[Order],
    theirs: Iterable[Entry],
    elsewhere: Callable[[str], Order | None],
    *,
    whole: bool,
) -> Iterator[Difference]:
    """`ours`: the last records of the orders to be judged. `elsewhere`: any other order of the journal by its
    number. `whole`: `theirs` is their whole bill, so what is not in it they do not know, and what was undone
    must be undone there; else it is what they answered when asked, and some go on to say "paid" of money that
    went back."""
    orders = {order.order_no: order for order in ours}
    lines: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in theirs:
        lines[entry.order_no].append(entry)
    voided = {
        order.of
        for order in orders.values()
        if order.mode is Mode.VOID
        and order.phase is Phase.RETURNED
        # But not one that came too late and went back as a refund, which has a line of its own.
        and all(it.there is not There.RETURNED for it in lines.get(order.order_no, ()))
    }
    voided |= {
        number
        for number, order in orders.items()
        if order.detail == GIVEN_BACK
        and any(it.there is There.RETURNED for it in lines.get(give_back_no(number), ()))
    }
    for order_no, order in orders.items():
        said = lines.get(order_no) or ([Entry(order_no, There.ABSENT)] if whole else [])
        yield from _judged(order, said, whole=whole, voided=order_no in voided)
    for order_no, said in lines.items():
        if order_no not in orders:
            yield from _found(
                order_no, said, lambda it: orders.get(it) or elsewhere(it), whole=whole
            )
    yield from _paid_twice(orders, lines)


def _found(
    order_no: str, said: Sequence[Entry], elsewhere: Callable[[str], Order | None], *, whole: bool
) -> Iterator[Difference]:
    """Lines about orders that were not to be judged: of another day, or of nobody here; or the refund that gave an
    order back, which has a number there and none here."""
    order = elsewhere(order_no)
    back = elsewhere(given_back_of(order_no) or "")
    if back is not None and back.detail == GIVEN_BACK and said[-1].there is There.RETURNED:
        return
    if order is None:
        yield Difference(Kind.UNKNOWN_HERE, order_no, "unknown", _words(said[0]))
    else:
        yield from _judged(order, said, whole=whole, voided=False)


def _judged(
    order: Order, said: Sequence[Entry], *, whole: bool, voided: bool
) -> Iterator[Difference]:
    if not said or not order.final:
        return
    if sum(entry.there in (There.PAID, There.RETURNED) for entry in said) > 1:
        yield Difference(Kind.DOUBLED, order.order_no, _ours(order), f"{len(said)} times there")
        return
    entry = said[-1]
    if order.mode in RETURNS:
        kind = _of_return(order, entry)
    elif order.phase is Phase.PAID:
        kind = _of_paid(order, entry, whole=whole, voided=voided)
    else:
        kind = _of_unpaid(order, entry, whole=whole, returned=voided)
    if kind:
        yield Difference(kind, order.order_no, _ours(order), _words(entry))


def _of_paid(order: Order, entry: Entry, *, whole: bool, voided: bool) -> Kind | None:
    if voided and entry.there is not There.ABSENT:
        return Kind.RETURN_MISSING if whole and entry.there is There.PAID else None
    if entry.there is There.RETURNED:
        return Kind.RETURN_MISSING
    if entry.there is not There.PAID:
        return Kind.UNPAID_THERE
    return _of_sums(order.paid or order.amount, entry.amount)


def _of_unpaid(order: Order, entry: Entry, *, whole: bool, returned: bool) -> Kind | None:
    """`returned`: a line of its own says that it went back."""
    if entry.there is There.PAID:
        went_back = order.phase is Phase.REVERSED and (returned or not whole)
        return None if went_back else Kind.UNPAID_HERE
    return Kind.STATE if entry.there is There.WAITING else None


def _of_return(order: Order, entry: Entry) -> Kind | None:
    """A void has no number of its own there; its sale's line tells (`_of_paid`)."""
    if order.mode is Mode.VOID and entry.there is not There.RETURNED:
        return None
    done = order.phase is Phase.RETURNED
    if entry.there is There.PENDING:
        return Kind.STATE
    if done is not (entry.there is There.RETURNED):
        return Kind.RETURN_MISSING
    return _of_sums(order.paid or order.amount, entry.amount) if done else None


def _of_sums(here: Money, there: Money | None) -> Kind | None:
    if there is None or there == here:
        return None
    return Kind.AMOUNT if there.currency == here.currency else Kind.CURRENCY


def _paid_twice(
    orders: Mapping[str, Order], lines: Mapping[str, Sequence[Entry]]
) -> Iterator[Difference]:
    """I2: of a sale at most one order is paid. Named is the later one."""
    first: dict[str, str] = {}
    for order in sorted(orders.values(), key=lambda order: order.order_no):
        paid = order.phase is Phase.PAID and order.mode not in RETURNS
        if not paid or not any(e.there is There.PAID for e in lines.get(order.order_no, ())):
            continue
        earlier = first.setdefault(order.sale_no, order.order_no)
        if earlier != order.order_no:
            yield Difference(
                Kind.DOUBLED, order.order_no, _ours(order), f"{earlier} paid the same sale"
            )


def _ours(order: Order) -> str:
    """In the words of `There`, as far as it has them."""
    word = {Phase.PAID: "paid", Phase.RETURNED: "returned", Phase.NOT_RETURNED: "not returned"}
    return f"{word.get(order.phase, 'not paid')} {order.paid or order.amount}"


def _words(entry: Entry) -> str:
    return f"{entry.there.value} {entry.amount}" if entry.amount else entry.there.value
