"""`poise compare`: which optimizer, which rule, which recipe?"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from tyro.conf import FlagCreatePairsOff, Positional, arg

from ..errors import PoiseError
from .parsing import parse

if TYPE_CHECKING:
    from ..study import StudyFolder
    from ..study.job import Outcome


@dataclass(frozen=True)
class Compare:
    """Compare optimizers, rules or recipes under an equal budget, each tuned alike. The same command again goes on."""

    study: Annotated[Positional[str], arg(metavar="STUDY")]
    """A ready study, see `poise list studies`; or a name for your own, with --recipes, --rules or --optimizers."""
    data: Annotated[Positional[tuple[str, ...]], arg(metavar="DATA")] = ()
    """One data set or several of one kind (toy: ring and grid unless given)."""
    size: Literal["small", "full"] = "small"
    """small: minutes on two cores. full: five seeds, five learning rates, a long training."""
    recipes: tuple[str, ...] = ()
    """Your own study: recipes."""
    rules: tuple[str, ...] = ()
    """Your own study: rules. All combinations with the recipes and optimizers are arms."""
    optimizers: tuple[str, ...] = ()
    """Your own study: optimizers of all players."""
    gradients: int | None = None
    """Budget of a run: gradient evaluations, each of one player on one batch."""
    examples: int | None = None
    """Budget of a run: examples seen."""
    minutes: float | None = None
    """Budget of a run: minutes (runs then depend on the machine, and cannot be repeated exactly)."""
    score: str | None = None
    """What arms are tuned and compared by; see --score of `poise train`."""
    target: float | None = None
    """A score whose first crossing is timed."""
    seeds: int | None = None
    """How many final runs of each arm."""
    trials: int | None = None
    """Learning rates that are tried for each arm, around its own; 1: its own alone."""
    sampler: Literal["grid", "tpe"] | None = None
    """How they are chosen: √10 apart, or by Optuna."""
    each_player: Annotated[bool, FlagCreatePairsOff] = False
    """Try a factor for each player, not one for all; a grid has the square of the trials then."""
    workers: int = 1
    """Runs side by side; processors are divided among them."""
    share: Annotated[bool, FlagCreatePairsOff] = False
    """Let several machines work on one study in a shared folder: give each the same command."""
    out: Path | None = None
    """Folder of the study (None: studies/STUDY-DATA)."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the results as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


def compare(args: list[str]) -> int:
    """Run a study, print its table and its verdict."""
    command = parse(Compare, "poise compare", args)

    from .. import study as studies

    own = command.recipes or command.rules or command.optimizers
    if own and command.study in studies.STUDIES:
        raise PoiseError(f"{command.study} is a ready study; give your own another name, or leave its options out")
    if own and not command.data:
        raise PoiseError("DATA is missing; name a data set, as in: poise compare mine ring --optimizers adam lion")
    if own:
        given = studies.own(
            command.study, command.data, command.recipes, command.rules, command.optimizers, command.size
        )
    else:
        given = studies.ready(command.study, command.data, command.size)
    try:
        folder = studies.compare(
            given,
            out=command.out,
            workers=command.workers,
            share=command.share,
            told=_teller(),
            **_changes(command),
        )
    except studies.Stopped as stop:
        print(stop, file=sys.stderr)
        return 128 + stop.number
    _print(folder, command.json)
    return 0


def _changes(command: Compare) -> dict[str, Any]:
    from ..study.design import Budget, Kind

    kinds: tuple[Kind, ...] = get_args(Kind)
    budgets = {kind: amount for kind in kinds if (amount := getattr(command, kind)) is not None}
    if len(budgets) > 1:
        raise PoiseError(f"--{' and --'.join(budgets)} are two budgets; give one, the same for every arm")
    if command.seeds is not None and command.seeds < 1:
        raise PoiseError(f"--seeds is {command.seeds}; give at least 1")
    changes: dict[str, Any] = {"budget": next((Budget(kind, amount) for kind, amount in budgets.items()), None)}
    changes |= {"seeds": None if command.seeds is None else tuple(range(command.seeds))}
    changes |= {name: getattr(command, name) for name in ("score", "target", "trials", "sampler")}
    changes |= {"each_player": True} if command.each_player else {}
    return {name: value for name, value in changes.items() if value is not None}


def _teller() -> "Any":
    from ..progress import clock

    began, first = time.monotonic(), [0]

    def told(outcome: "Outcome", done: int, jobs: int) -> None:
        first[0] = first[0] or done - 1  # runs that were there before
        spent = time.monotonic() - began
        left = clock(spent / (done - first[0]) * max(0, jobs - done))
        score = outcome.status if outcome.score is None else f"{outcome.score:.4g}"
        if outcome.status != "finished" and outcome.score is not None:
            score += f" ({outcome.status})"
        print(f"{done} of {jobs}  {left} left  {outcome.job.key}: {score}", file=sys.stderr, flush=True)

    return told


def _print(folder: "StudyFolder", as_json: bool) -> None:
    from ..study import lines

    results = folder.results()
    if as_json:
        print(json.dumps({"study": str(folder.path), **results}))
    else:
        print("\n".join([*lines(results), "", f"study:   {folder.path}"]))
