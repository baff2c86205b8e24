"""Decides. The one room where money is decided, and the one that touches nothing.

The rules of this room:

1. Values in, values out. `table.step(order, event, timing) -> (order, effects)` and
   `counter.step(counter, event, shop) -> (counter, effects)` are plain functions of their arguments:
   no clock, no chance, no file, no thread. Time comes in with the event (`at_ms`, boot time).
2. Every transition of an order stands in a table, phase x event, and every cell is decided: a `Rule`,
   `LATE` (expected and ignored) or `CANNOT` (our fault: the order stops at *attention*).
3. What a person sees is computed from the records, never sent along: `counter.view(...)`. So the screen
   can say PAID only when the record says PAID, and the record is committed before it is looked at (I3).
4. No answer is not an answer. What the gateway did not clearly and authentically say leaves the order in
   doubt: ask, then close or reverse, until it is acknowledged.

Read `sale.py` (what is remembered), `events.py` (what can happen), `effects.py` (what may be asked for),
then `mpm.py`, `cpm.py`, `doubt.py` (the tables), then `counter.py` (the people's side).
"""
