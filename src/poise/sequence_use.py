"""What a trained recurrent VAE makes of series: how they go on, and what their gaps held."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from . import forecasting
from .config import RvaeConfig
from .data.names import header_of
from .data.options import SeriesOptions
from .data.scaling import Scaling
from .data.whole import WholeSeries, load_whole
from .errors import PoiseError
from .metrics.intervals import quantiles
from .models.rvae import SCALED, Rvae, kinds_of
from .rng import Rng
from .run import Run

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """How series may go on.

    Attributes:
        series: all that was known.
        samples: draws in the data's own units, [S, n, horizon, d].
        whole: which features are bits, classes or counts, bool [d].
    """

    series: WholeSeries
    samples: Floats
    whole: NDArray[np.bool_]

    def quantiles(self, *shares: float) -> Floats:
        """Return quantiles of each value to come, [Q, n, horizon, d]; whole numbers where the data are."""
        found = quantiles(torch.from_numpy(self.samples), shares).numpy()
        return np.where(self.whole, np.round(found), found)


@dataclass(frozen=True, eq=False)
class Imputed:
    """Series whose gaps are filled, in the data's own units.

    Attributes:
        series: as they were.
        filled: observed values as they were, and in gaps the median of the draws (of bits and classes the most
            frequent), [n, T, d]; NaN beyond the end of a series.
        lower: the 5% quantile of what a gap may have held, [n, T, d]; NaN where a value was observed.
        upper: the 95% quantile.
    """

    series: WholeSeries
    filled: Floats
    lower: Floats
    upper: Floats


def forecast(
    run: Run,
    data: str | Path,
    horizon: int,
    samples: int = 100,
    seed: int = 0,
    averaged: bool = True,
    progress: Progress = silent,
) -> Forecast:
    """Draw how series go on, given all of each; missing values in them are allowed for.

    Args:
        run: of a recurrent VAE.
        data: series with the run's features.
        horizon: steps to come.
        samples: draws for each series.
        seed: other seeds give other draws.
        averaged: use the moving average of the weights rather than those of the last step.
        progress: called with the number of steps of series done and their total.

    Raises:
        PoiseError: the run makes no series, the data do not fit it, or horizon or samples are not positive.

    Example:
        >>> import poise
        >>> run = poise.train("rvae", "sines", steps=2, width=8, latent=2, out=tmp / "waves", progress=False)
        >>> np.save(tmp / "some.npy", np.zeros((3, 10, 5)))
        >>> poise.forecast(run, tmp / "some.npy", horizon=4, samples=20).quantiles(0.05, 0.5, 0.95).shape
        (3, 3, 4, 5)
    """
    if horizon < 1:
        raise PoiseError(f"--horizon {horizon}: ask for at least one step")
    if samples < 1:
        raise PoiseError(f"--samples {samples}: ask for at least one")
    game, series = trained_rvae(run, averaged), series_of(run, data)
    x, lengths = _as_taken(run, game, series)
    drawn = forecasting.forecast(game, x, horizon, samples, Rng(seed)("forecasts"), lengths, progress=progress)
    return Forecast(series, run.as_data(drawn).astype(np.float64), _whole(run))


def impute(
    run: Run,
    data: str | Path,
    samples: int = 100,
    seed: int = 0,
    averaged: bool = True,
    progress: Progress = silent,
) -> Imputed:
    """Fill the gaps of series by what their values before and after say.

    Args:
        run: of a recurrent VAE.
        data: series with the run's features.
        samples: draws for each gap.
        seed: other seeds give other draws.
        averaged: use the moving average of the weights rather than those of the last step.
        progress: called with the number of steps of series done and their total.

    Raises:
        PoiseError: the run makes no series, the data do not fit it or have no gap, or samples are not positive.

    Example:
        >>> import poise
        >>> run = poise.train("rvae", "sines", steps=2, width=8, latent=2, out=tmp / "gaps", progress=False)
        >>> waves = np.zeros((3, 10, 5))
        >>> waves[1, 4:6] = np.nan
        >>> np.save(tmp / "some.npy", waves)
        >>> found = poise.impute(run, tmp / "some.npy", samples=20)
        >>> int(np.isnan(found.filled).sum()), int((~np.isnan(found.lower)).sum())
        (0, 10)
    """
    if samples < 1:
        raise PoiseError(f"--samples {samples}: ask for at least one")
    game, series = trained_rvae(run, averaged), series_of(run, data)
    x, lengths = _as_taken(run, game, series)
    empty = forecasting.missing(x, lengths).numpy()
    if not empty.any():
        raise PoiseError(f"{data} has no gap to fill; leave fields empty, or write NaN, where values are missing")
    drawn = forecasting.impute(game, x, samples, Rng(seed)("gaps"), lengths, progress=progress)
    filled = series.values.copy()
    lower, upper = np.full_like(filled, np.nan), np.full_like(filled, np.nan)
    bounds = _bounds(run, drawn.double().numpy(), np.nonzero(empty)[2])
    for array, values in zip((lower, filled, upper), bounds, strict=True):
        array[empty] = values
    return Imputed(series, filled, lower, upper)


def _bounds(run: Run, draws: Floats, feature: NDArray[np.int64]) -> Floats:
    """Return quantiles [3, m], in own units, of draws [S, m] of gaps of these features [m]."""
    scaling = _scaling(run)
    own = torch.from_numpy(draws * scaling.scale[feature] + scaling.center[feature])
    levels = quantiles(own, (0.05, 0.5, 0.95)).numpy()
    levels = np.where(_whole(run)[feature], np.round(levels), levels)
    for column in np.flatnonzero(np.isin(_kinds(run), ("bernoulli", "categorical"))[feature]):
        levels[1, column] = own[:, column].mode().values
    return levels


def trained_rvae(run: Run, averaged: bool = True) -> Rvae:
    """Return a run's recurrent VAE.

    Raises:
        PoiseError: it is of another kind.
    """
    game = run.game(averaged)
    if not isinstance(game, Rvae):
        raise PoiseError(f"{run.path} holds a {run.config.recipe}, which knows no series; train an rvae for this")
    return game


def series_of(run: Run, data: str | Path) -> WholeSeries:
    """Load series that a run's model can go on with, in their own units.

    Raises:
        PoiseError: unusable data, or other features.
    """
    config, header = run.config, header_of(str(data)) or ()
    series_id, time, label = (
        name if name in header else None for name in (config.series_id, config.time, config.label_column)
    )
    if Path(data).is_dir():
        time = config.time
    series = load_whole(data, SeriesOptions(None, series_id, time), label)
    if list(series.columns) != run.data["columns"]:
        there = ", ".join(run.data["columns"])
        raise PoiseError(f"{data} has other columns than the data of {run.path} ({there}); give data alike")
    return series


def _as_taken(run: Run, game: Rvae, series: WholeSeries) -> tuple[torch.Tensor, torch.Tensor]:
    """Return series on the game's scale, and their lengths.

    Raises:
        PoiseError: values that its likelihood cannot take.
    """
    x = torch.from_numpy(_scaling(run).apply(series.values))
    game.check(x)
    return x, torch.from_numpy(series.lengths)


def _scaling(run: Run) -> Scaling:
    assert run.scaling is not None  # series always have one
    return run.scaling


def _kinds(run: Run) -> list[str]:
    assert isinstance(run.config.model, RvaeConfig)
    return kinds_of(run.config.model, tuple(run.data["columns"]))


def _whole(run: Run) -> NDArray[np.bool_]:
    """Say which features are bits, classes or counts."""
    return ~np.isin(_kinds(run), SCALED)
