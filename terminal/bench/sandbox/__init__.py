"""A payment gateway that lives on this machine: real HTTP, real RSA signatures, its own books.

    rules    what this gateway does where real ones differ (tombstones, repeats, earliest revoke ...)
    entries  what stands in the books: orders, refunds, one-time codes
    store    the books on disk (SQLite; a killed sandbox comes back with every answer it gave)
    ledger   the rules of money: pay, revoke, refund, expire. Knows no wire and no clock
    wallets  the customers' apps: what their codes look like
    paycloud one wire: PayCloud and CodePay (gateways.md 1, 2)
    antom    another: Antom's in-store and cashier payments (gateways.md 3)
    mischief which misbehaviour comes next
    server   HTTP on loopback, and how it misbehaves at the socket
    desk     the doors below /sandbox/: the customer's phone, the books, the settings
    postman  delivers signed notifications
    keys     two RSA key pairs on disk
    command  `python -m terminal sandbox`

The money is pretended, nothing else: a terminal that works here works by the same bytes as against the real
gateway, as far as gateways.md knows them (its section 8 lists what nobody could find out; those are `rules`).
"""

from __future__ import annotations

from terminal.bench.sandbox.command import main
from terminal.bench.sandbox.server import Sandbox

__all__ = ["Sandbox", "main"]
