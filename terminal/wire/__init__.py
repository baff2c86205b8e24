"""Carries out. What goes over the network, and nothing of what it means.

`http.py` are plain values, `signing.py` is arithmetic on bytes (both pure); `line.py` is the one door to the
network: the only user of requests, with every time-out and size limit in one place and no hidden retries.
"""
