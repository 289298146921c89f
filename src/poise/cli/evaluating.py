"""`poise evaluate`: how good samples are."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from ..errors import PoiseError
from .parsing import parse


@dataclass(frozen=True)
class Evaluate:
    """Score a run's samples beside held-out data, and beside what as many real samples score in their place.

    Of a VAE, or a recurrent one, also the likelihood of held-out data. Without a run: --real DATA --fake DATA.
    """

    run: Annotated[Positional[Path | None], arg(metavar="RUN")] = None
    """Run folder."""
    data: str | None = None
    """Other data than the run's, of which the held-out part is used."""
    real: str | None = None
    """Without a run: real data."""
    fake: str | None = None
    """Without a run: samples to be scored, in any form that data can have."""
    series: Annotated[bool, FlagCreatePairsOff] = False
    """Without a run: both are series."""
    judge: str | None = None
    """Whose features distances are between; see `poise list judges`, or a network in a file, .onnx or .safetensors
    (None: the usual one of the kind of data)."""
    samples: int | None = None
    """How many to score (None: 5,000 images, 10,000 points, 2,000 series, or as many as are held out)."""
    draws: int = 100
    """Codes for each sample that the likelihood is estimated with; more come closer, 5,000 is usual in publications.
    Of series, also particles."""
    limit: int = 1_000
    """Held-out samples, or pieces of series, at most, for the likelihood."""
    seed: int = 0
    """Other seeds draw other samples."""
    last: Annotated[bool, FlagCreatePairsOff] = False
    """Use the weights of the last step instead of their moving average."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the result as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


def evaluate(args: list[str]) -> int:
    """Print scores."""
    command = parse(Evaluate, "poise evaluate", args)
    for name, count, least in (
        ("draws", command.draws, 1),
        ("limit", command.limit, 2),
        ("samples", command.samples, 10),
    ):
        if count is not None and count < least:
            raise PoiseError(f"--{name} is {count}; give at least {least}")
    if (command.run is None) == (command.real is None and command.fake is None):
        raise PoiseError("give a run folder, or two sets of samples: poise evaluate --real DATA --fake DATA")
    if command.run is None and (command.real is None or command.fake is None):
        raise PoiseError(f"--{'fake' if command.fake is None else 'real'} is missing; give both --real and --fake")

    from .. import assess
    from ..progress import stages
    from ..run import Run

    if command.run is None:
        assert command.real is not None
        assert command.fake is not None
        found = assess.evaluate_sets(
            command.real,
            command.fake,
            series=command.series,
            judge=command.judge,
            samples=command.samples,
            seed=command.seed,
            progress=stages(),
        )
        named = {"real": command.real, "fake": command.fake}
    else:
        run = Run(command.run)
        if run.data["kind"] == "series" and command.draws < 2:
            raise PoiseError(f"--draws is {command.draws}; give at least 2 for series")
        found = assess.evaluate(
            run,
            command.data,
            judge=command.judge,
            samples=command.samples,
            draws=command.draws,
            limit=command.limit,
            averaged=not command.last,
            seed=command.seed,
            progress=stages(),
        )
        named = {"run": str(run.path)}
    print(json.dumps({**named, **found.to_json()}) if command.json else "\n".join(found.lines()))
    return 0
