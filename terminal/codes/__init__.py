"""Reads and writes payment codes. The lowest room: the standard library only, and pure.

What may come in is anything that fits into a picture or a serial line; what comes out is a value or one of
this room's own errors, always a `ValueError`. The rules of this room:

1. The customer's code is a bearer credential: whoever has its text can be paid with it. It lives in one
   object (`scanned.PaymentCode`) that shows itself to nobody, and no error here repeats what was read.
2. Limits stand before patterns. Nothing is matched, decoded or walked before its length is known to be small.
3. A refusal says whose fault it is. For the people at the counter: a machine word and two short lines that
   name the next step (`scanned.Refused`). For a technician: which rule, which line (`wallets.BadRules`).
4. Knowledge about wallets is data. `wallets.toml` has a version and is edited, the code is not; a rule is a
   hint and never proof, so `identify` answers with candidates, most likely first.
5. Integrity and profile are two questions. `emv_mpm.parse` raises when a code is damaged; what a strict
   EMVCo reader would object to stands in `problems`, because whole countries leave out 52, 59 and 60.
6. Lengths of an MPM code count characters, its CRC runs over the UTF-8 bytes. Both, always (codes.md 0.3).
7. Money leaves this room as integer minor units and enters it the same way (`currency.py`).

| file | reads | writes |
|---|---|---|
| `scanned.py` | bytes of a reader -> `PaymentCode` | |
| `wallets.py`, `wallets.toml` | the code's text -> whose wallet, `identify(text)` | |
| `emv_cpm.py` | the customer's EMV code, `parse(text)` | `build(applications, common)` |
| `emv_mpm.py` | the merchant's EMV code, `parse(text)` | `build(accounts=..., ...)` |
| `currency.py` | ISO 4217 | |
"""
