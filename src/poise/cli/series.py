"""`poise forecast` and `poise impute`: how series go on, and what their gaps held."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, arg

from .parsing import parse


@dataclass(frozen=True)
class Forecast:
    """Draw how series go on, by a recurrent VAE. All of each series is what is known."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """Run folder."""
    data: Annotated[Positional[str], arg(metavar="DATA")]
    """Series with the features that the run was trained on, in their own units; gaps are allowed for."""
    horizon: int
    """Steps to come."""
    samples: int = 100
    """Draws for each series."""
    out: Path = Path("forecast.csv")
    """A .csv or .parquet of the mean and the quantiles .05, .25, .5, .75 and .95 for each series, step and feature; a
    .npz of these and all draws; or a .png of fans."""
    seed: int = 0
    """Other seeds give other draws."""
    last: Annotated[bool, FlagCreatePairsOff] = False
    """Use the weights of the last step instead of their moving average."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the result as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


@dataclass(frozen=True)
class Impute:
    """Fill the gaps of series by what a recurrent VAE makes of the values before and after; others stay as they are."""

    run: Annotated[Positional[Path], arg(metavar="RUN")]
    """Run folder."""
    data: Annotated[Positional[str], arg(metavar="DATA")]
    """Series with the features that the run was trained on; empty fields, or NaN, are the gaps."""
    samples: int = 100
    """Draws for each gap."""
    out: Path = Path("filled.csv")
    """A .csv or .parquet of each feature, and beside it the bounds of nine tenths of the draws where there was a gap; a
    .npz of arrays filled, lower and upper; or a .png."""
    seed: int = 0
    """Other seeds give other draws."""
    last: Annotated[bool, FlagCreatePairsOff] = False
    """Use the weights of the last step instead of their moving average."""
    json: Annotated[bool, FlagCreatePairsOff] = False
    """Print the result as JSON."""
    debug: Annotated[bool, FlagCreatePairsOff] = False
    """Show the traceback of an error."""


def forecast(args: list[str]) -> int:
    """Write how series may go on."""
    command = parse(Forecast, "poise forecast", args)

    from ..progress import counting
    from ..run import Run
    from ..sequence_export import check_ending, save_forecast
    from ..sequence_use import forecast

    check_ending(command.out)
    horizon, samples, teller = command.horizon, command.samples, counting("forecasting, steps")
    found = forecast(Run(command.run), command.data, horizon, samples, command.seed, not command.last, teller)
    save_forecast(found, command.out)
    count = len(found.series.lengths)
    if command.json:
        print(json.dumps({"out": str(command.out), "series": count, "horizon": horizon, "samples": samples}))
    else:
        print(command.out)
    return 0


def impute(args: list[str]) -> int:
    """Write series with their gaps filled."""
    command = parse(Impute, "poise impute", args)

    from ..progress import counting
    from ..run import Run
    from ..sequence_export import check_ending, save_imputed
    from ..sequence_use import impute

    check_ending(command.out)
    teller = counting("filling gaps, steps")
    found = impute(Run(command.run), command.data, command.samples, command.seed, not command.last, teller)
    save_imputed(found, command.out)
    count = int((found.lower == found.lower).sum())  # NaN where a value was observed
    if command.json:
        print(json.dumps({"out": str(command.out), "series": len(found.series.lengths), "filled": count}))
    else:
        print(command.out)
    return 0
