"""A counter in virtual time: the production dispatcher and core in a world where everything goes wrong.

One process, no thread, no sleeping. `play(seed)` plays one *story*: a terminal, a few purchases, one gateway
with its own ways, a faulty line, people, power cuts; then the world calms down, and all must come to its end.
Everything that is chance comes out of one seeded `Dice`, so a seed and a commit are the whole failure.

    dice      all chance; what deviates from a smooth day is numbered, so that a story can be shortened
    clock     virtual time: boot time, a wall clock that jumps, and the heap of what comes next
    card      the journal in RAM, with the face of terminal.journal and the same texts; it survives the power
    ledger    the toy gateway: its books, its ways, at the level of requests and events
    codec     the Gateway of the dispatcher: wraps a request, unwraps an event. No JSON, no RSA
    wires     --codec: PayCloud's or Antom's real bytes instead, said and read by the production codecs
    line      what becomes of a request: lost, late, twice, applied and answered with nonsense
    desk      display, buzzer, keypad, scanner; and the customers' codes
    people    operators and customers
    postman   the gateway's notices
    checkers  what must hold, at every commit, every display, every change at the gateway (reliability.md 2)
    scene     puts them together and lets time pass; the power goes here
    story     one seed: play, shorten, tell
    state     all that the future of a scene hangs on, as a digest
    placements  every misfortune, and every pair of faults, at every decision point of base sales
    year      --year: the daemon's loop over a real journal file, a restart a day, and what it holds on to
    command   scripts/simulate

What it proves it proves of the *assumed* gateway (reliability.md 9). The disk has tests of its own, and what a
codec must refuse has too; notices come in as they are read, without bytes.
"""

from __future__ import annotations
