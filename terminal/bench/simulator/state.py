"""All that the future of a scene hangs on, in one digest. Two stories whose digests are equal go on alike.

Left out is only what nobody can notice any more: an answer to a daemon that died, how the journal came to say
what it says (its last rows are read, never its first), and numbers that only name things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from terminal.bench.simulator.line import READS, FaultyLine

if TYPE_CHECKING:
    from terminal.dispatcher import Dispatcher

Scene = Any  # scene.Scene, which asks for its own digest


def state(scene: Scene) -> bytes | None:
    """None: something is under way that has no words, so it is equal to nothing."""
    ring = scene.ring
    if ring is not None and not ring.inbox.empty():
        return None
    said = (_clock(scene), list(_to_come(scene)), _world(scene), _written(scene), _seen(scene))
    text = msgspec.json.encode((said, _known(ring) if ring else None), enc_hook=_in_words)
    return blake2b(text, digest_size=16).digest()


def _in_words(value: object) -> str:
    """What JSON has no words for."""
    return value.__name__ if isinstance(value, type) else repr(value)


def _each(values: Iterable[object]) -> list[object]:
    """With their types, which JSON leaves out: of some the fields are the same."""
    return [(type(value), value) for value in values]


def moment(scene: Scene) -> str:
    """The scene, whatever time it is: the same in every round of a loop that only asks again and waits."""
    ring, books, flights = scene.ring, scene.ledger, scene.flights
    said = (
        [(number, it.state, it.acting, it.captured_minor) for number, it in books.accounts.items()],
        (len(books.refunds), len(scene.checkers.seen), len(scene.checkers.shown_paid)),
        (len(scene.card.rows), flights.down, flights.kinds, scene.healthy_ms is None),
        (scene.people.purchases, scene.people.codes, scene.clock.boot_id, scene.clock.is_trusted()),
        _in_ram(ring) if ring else None,
    )
    return repr(said)


def _in_ram(ring: Dispatcher) -> object:
    orders = [(it.order_no, it.phase, it.pace.asked, it.pace.tries) for it in ring.orders.values()]
    asked = [(type(it).__name__, it.order_no) for it in ring.outbox.exchanges.values()]
    looks = list(ring.looks._looks)
    contact = (ring.contact.silences, ring.contact.probing is None)
    return (
        orders,
        asked,
        looks,
        contact,
        ring.counter.stand,
        ring.armed,
        type(ring.shown and ring.shown.view),
    )


def _clock(scene: Scene) -> object:
    clock = scene.clock
    times = (clock.now_ms, clock.boot_id, clock.boot_ms(), clock.untrusted_until_ms)
    return times, scene.healthy_ms, scene.busy_until_ms


def _to_come(scene: Scene) -> Iterator[object]:
    for at_ms, _, action, words in sorted(scene.clock.to_come, key=lambda it: it[:2]):
        named = _named(action, words, scene.daemon if scene.ring else None)
        if named is not None:
            yield at_ms, named


def _named(action: Callable[..., None], words: tuple[Any, ...], daemon: int | None) -> object:
    """None: what nobody will notice."""
    if isinstance(action, partial):  # an answer, to a certain daemon
        return ("answer", _each(words)) if action.args == (daemon,) else None
    line = getattr(action, "__self__", None)
    if isinstance(line, FaultyLine):
        _, request, *answer = words
        heard = line.daemon == daemon and answer[0] is not None
        if not heard and isinstance(request, READS):
            return None
        return "arrives", _each((request, *answer) if heard else (request,))
    return action.__name__, _each(words)


def _world(scene: Scene) -> object:
    books, flights, people = scene.ledger, scene.flights, scene.people
    return (
        (books.accounts, books.codes_used, books.confirms, books.refunds, sorted(books.refused)),
        sorted(books.late),
        (flights.down, flights.charges, flights.last_ms),
        sorted(scene.postman.taken) if scene.postman else None,
        (people.purchases, people.codes, people.last_code),
        (_each((scene.face.view,)), scene.face.lost) if scene.ring else None,
    )


def _written(scene: Scene) -> object:
    return [(row.order, row.when.boot_id) for row in reversed(scene.card.tail(1 << 30))]


def _seen(scene: Scene) -> object:
    """What the checkers remember. That a question was asked before changes nothing for anybody."""
    it = scene.checkers
    return (
        (sorted(it.seen), sorted(it.shown_paid), sorted(it.charged), sorted(it.codes)),
        (it.digests, it.sales, it.returns),
        sorted(
            (number, kind.__name__, said)
            for (number, kind), said in it.said.items()
            if kind not in READS
        ),
    )


def _known(ring: Dispatcher) -> object:
    """What the daemon has in RAM."""
    out, contact = ring.outbox, ring.contact
    looks = [
        (it.order, [(hint, _words(reply)) for hint, reply in it.waiting])
        for it in ring.looks._looks.values()
    ]
    heaps = [
        [
            (first, order_no)
            for first, entry, order_no in sorted(heap)
            if ring.orders._is_fresh((first, entry, order_no))
        ]
        for heap in (ring.orders._timed, ring.orders._ripe)
    ]
    return (
        (ring.counter, ring.counter.recent, ring.armed, contact, looks),
        (ring.shown, _each((ring.shown.view,)) if ring.shown else None),
        vars(ring.badge),
        (list(ring.orders.items()), heaps),
        (list(out.exchanges), _each(out.exchanges.values()), sorted(out.vault)),
        ([(_each((request,)), why) for request, why in out.unsaid], out.open),
        (sorted(out._waiting), sorted(out._in_places), out._number),
    )


def _words(reply: object) -> object:
    return reply.args if isinstance(reply, partial) else id(reply)
