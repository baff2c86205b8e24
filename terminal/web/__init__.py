"""Answers. What other machines may ask of this one over HTTP: result notices of the gateway.

Off by default, and bound to loopback unless told otherwise. A notice is a hint that is looked into, never proof.
"""
