"""The sheet of a build: its parts, which wire goes where, what the machine must be told, what its glass can show.

Drawn from the hardware profile and from parts.toml beside this file, for a technician to tape to the wall; so it
cannot say anything else than what the daemon does with that profile. `scripts/pictures` writes hardware/NAME.md and
NAME.svg; tests/sheet compares.

    header    the 40 pins
    wires     profile and parts -> wires
    drawing   wires -> SVG
    page      all of it -> Markdown
"""
