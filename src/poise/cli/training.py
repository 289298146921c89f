"""`poise train`."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from tyro.conf import FlagCreatePairsOff, arg

from ..config import Config, override, to_json
from ..recipes import RECIPES, from_recipe
from .parsing import parse


@dataclass(frozen=True)
class Train:
    """Train a recipe on data. The same command again goes on with a run that was stopped."""

    config: Annotated[Config, arg(name="")]
    lr: float | None = None
    """Learning rate of all players."""
    optimizer: str | None = None
    """Optimizer of all players."""
    out: Path | None = None
    """Run folder (None: runs/RECIPE-DATA)."""
    resume: Annotated[bool, FlagCreatePairsOff] = False
    """Insist that there is a run to go on with."""
    overwrite: Annotated[bool, FlagCreatePairsOff] = False
    """Begin anew where there is a run."""
    dry_run: Annotated[bool, FlagCreatePairsOff] = False
    """Print the resolved configuration and stop."""
    tensorboard: Annotated[bool, FlagCreatePairsOff] = False
    """Mirror the metrics into RUN/tensorboard (poise[tensorboard])."""
    trackio: Annotated[bool, FlagCreatePairsOff] = False
    """Mirror the metrics to trackio on this machine (poise[trackio])."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the result as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


def train(args: list[str]) -> int:
    """Train, or go on with a run that was stopped."""
    # once for the data, once with the recipe's defaults for who is to use which optimizer and --lr, and once more with
    # the defaults that follow from those; the recipe must be known first of all, because its options are its model's
    if args and not args[0].startswith("-"):
        from_recipe(args[0], "")  # a mistyped recipe is told as such, not as options of another one that it has not
    first = from_recipe(next((word for word in args if word in RECIPES), "gan"), "")
    config = parse(Train, "poise train", args, Train(replace(first, recipe=tyro.MISSING, data=tyro.MISSING))).config
    config = from_recipe(config.recipe, config.data)
    given = parse(Train, "poise train", args, Train(config))
    each = {
        name: {"optimizer": player.optimizer}
        for name, player in given.config.players.items()
        if player.optimizer != config.players[name].optimizer
    }
    config = override(config, {"lr": given.lr, "optimizer": given.optimizer, **each})
    command = parse(Train, "poise train", args, Train(config))

    from .. import mirrors
    from ..api import Interrupted, default_folder, train_config
    from ..build import resolve
    from ..progress import counting

    config, dataset = resolve(command.config, counting("reading images"))
    if command.dry_run:
        print(json.dumps(to_json(config), indent=1))
        return 0
    out = command.out or default_folder(config)
    makers = {mirrors.tensorboard: command.tensorboard, mirrors.trackio: command.trackio}
    told = [make(out) for make, wanted in makers.items() if wanted]
    resume, overwrite = command.resume, command.overwrite
    try:
        run = train_config(config, dataset, out, resume=resume, overwrite=overwrite, progress=True, mirrors=told)
    except Interrupted as stop:
        print(stop, file=sys.stderr)
        return 128 + stop.number
    pictures = sorted(run.samples.glob("step-*.png"))
    if command.json:
        last = run.metrics()[-1] if run.metrics() else {}  # fewer steps than --log-every leave no line
        print(json.dumps({"run": str(run.path), "samples": str(pictures[-1]), "ended": run.ended, **last}))
    else:
        print(f"trained: {run.path}\nsamples: {pictures[-1]}\nreport:  {run.path / 'report.html'}")
        print(f"more:    poise sample {run.path} -n 64 --out samples.png")
    return 0
