"""``python -m recurse`` is the command line."""

import sys

from recurse.cli import main

sys.exit(main())
