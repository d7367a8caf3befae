"""The lab's command line."""

import sys

from tests.lab.cli import main

sys.exit(main(sys.argv[1:]))
