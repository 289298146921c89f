"""`python -m poise.cli`."""

import sys

from . import main

sys.exit(main())
