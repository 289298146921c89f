"""`poise diagnose`: what is wrong with a run."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from .parsing import parse


@dataclass(frozen=True)
class Diagnose:
    """Say whether a run is healthy, and if not what is wrong, how one knows and what to do. Status 1: it failed."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """Run folder; of one that is damaged or of another version, what can be read is used."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the result as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


def diagnose(args: list[str]) -> int:
    """Print the diagnosis of a run; 1 if it failed."""
    command = parse(Diagnose, "poise diagnose", args)

    from ..diagnosis import diagnose

    found = diagnose(command.run)
    print(json.dumps(found.to_json()) if command.json else "\n".join(found.lines()))
    return int(found.failed)
