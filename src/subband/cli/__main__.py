"""``python -m subband.cli``."""

import sys

from subband.cli import main

sys.exit(main())
