"""Pretends. Everything that stands in for the world when there is no Pi, no gateway and no customer.

`sandbox/` is a payment gateway on loopback with its own ledger and real signatures; `proxy.py` is a line that
can be cut. What is here ships with the product and is never imported by the daemon.
"""
