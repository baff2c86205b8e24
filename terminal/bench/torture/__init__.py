"""Torture of the real things: the daemon killed under traffic, its line maltreated, its journal's power cut.

    nursery   daemons that start fast: forked from a process that has everything imported
    till      one counter that lives through it: its people, its cables, its line, its journal
    shift     many tills side by side on one gateway, and the reckoning at the end
    kill      kill -9 at any moment: by the clock, and as a byte passes the line
    line      every connection is slow, cut, sliced, reset or half open
    tape      what the journal hands to the disk, and what a disk may hold after a power cut
    power     the journal opened on each of these images
    careless  what must be found out: settings and habits that lose rows
    command   scripts/torture

What must hold is always the same: each order stands in the gateway's books as the journal says, and every row
that anybody was told of is still there.
"""

from __future__ import annotations
