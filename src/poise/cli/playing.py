"""`poise phase`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import FlagCreatePairsOff, Positional, arg

from ..errors import PoiseError
from .parsing import parse


@dataclass(frozen=True)
class Phase:
    """Play a game of two numbers by several rules; draw where they go, how fast, and what theory says of that."""

    game: Annotated[Positional[str], arg(metavar="GAME")]
    """bilinear, quadratic or dirac-gan."""
    rules: str | None = None
    """Names with commas between, see `poise list rules` (None: six that tell the story)."""
    optimizer: str = "sgd"
    """Optimizer of both players; theory is about sgd."""
    lr: float = 0.1
    """Learning rate of both players."""
    steps: int = 200
    """How many."""
    start: str = "1,1"
    """Where both players start, in order of play."""
    gamma: float = 0.0
    """Weight of dirac-gan's R1 penalty."""
    out: Path = Path("phase.png")
    """The picture, a .png."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the result as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


def phase(args: list[str]) -> int:
    """Draw a game of the plane, and print what theory says of it."""
    command = parse(Phase, "poise phase", args)
    try:
        first, second = map(float, command.start.split(","))
    except ValueError:
        raise PoiseError(f"--start is {command.start!r}; give two numbers, as in --start 1,0.5") from None

    from ..phase import portrait

    rules = None if command.rules is None else command.rules.split(",")
    settings: dict[str, Any] = {
        "optimizer": command.optimizer,
        "lr": command.lr,
        "steps": command.steps,
        "gamma": command.gamma,
    }
    found = portrait(command.game, command.out, rules, start=(first, second), **settings)
    rows = {t.rule: {"verdict": t.verdict, "measured": t.measured, "theory": t.theory} for t in found}
    if command.json:
        print(json.dumps({"picture": str(command.out), "game": command.game, **settings, "rules": rows}))
        return 0
    print(
        f"{command.out}\n\n{'rule':<20}{'verdict':<12}{'measured':>8}{'theory':>10}   (factor on the distance per step)"
    )
    for rule, row in rows.items():
        theory = "unknown" if row["theory"] is None else f"{row['theory']:.4f}"
        print(f"{rule:<20}{row['verdict']:<12}{row['measured']:>8.4f}{theory:>10}")
    return 0
