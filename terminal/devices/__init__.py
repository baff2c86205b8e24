"""Touches. One file per way to reach a thing; the word in the hardware profile is the file's name.

The rules of this room:

1. A device never decides. Inputs put events (or bytes, for scanners) where they are told; outputs do as told
   and never raise into the loop: a device that dies says so through `lost` and mends itself (`keeper`).
2. A driver library is imported in its own file only, inside the class that needs it.
3. The fake lives beside the real one (`emulated.py`) and ships: the bench is the daemon itself with other words
   in its profile. The fakes hang on a `cable` (a unix socket) at whose other end the bench page sits.
4. Each file has a `Settings` dataclass, its section of the profile, and a class `Device` made of it by wiring.
"""
