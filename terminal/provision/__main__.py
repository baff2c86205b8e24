"""`python -m terminal.provision`: what scripts/provision starts."""

import sys

from terminal.provision import main

sys.exit(main(sys.argv[1:]))
