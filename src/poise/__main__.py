"""`python -m poise`, which is `poise`."""

import sys

from .cli import main

sys.exit(main())
