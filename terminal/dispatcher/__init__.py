"""The one loop and what stands round it: inbox -> step -> journal -> effects -> sleep until the next wake.

    ring      the loop itself; `turn` and `commit` are the whole promise of this house
    parts     what wiring hands in
    inbox     where everything comes in
    orders    every order that is not final, and whose turn it is
    outbox    requests that wait for a place, and those that left and are not answered
    contact   whether the line is up: silences, probes
    glass     what people see, and why no sale may start
    shut      the loop instead, while the journal cannot be written

Threads at the edges only put things into the inbox; everything is decided and written in one thread. Nothing
in here knows a concrete device or gateway; they come in by their Protocols (`Parts`).
"""

from terminal.dispatcher.inbox import Answered, Asked, Noticed
from terminal.dispatcher.parts import Parts
from terminal.dispatcher.ring import Dispatcher

__all__ = ["Answered", "Asked", "Dispatcher", "Noticed", "Parts"]
