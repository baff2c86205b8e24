"""`python -m terminal ...`: the daemon, the programs around it, and every word of terminalctl."""

from __future__ import annotations

import sys

from terminal.cli import main

sys.exit(main(prog="python -m terminal"))
