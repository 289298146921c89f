"""Pictures of series: samples beside data, autocorrelations, what latents carry, forecasts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from .files import write_file
from .metrics.autocorrelation import autocorrelation
from .metrics.intervals import quantiles
from .pictures import figure_png, outer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.floating]
MADE, DATA = "#0072b2", "#d55e00"  # blue and vermilion: told apart by all eyes (Okabe & Ito 2008)
FEATURES, SERIES = 4, 3  # at most, in rows and columns
PANELS = 6
ROLL = 8  # features of bits from which series are drawn as a roll: time to the right, a row for each feature
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)  # the quantiles of a fan
LONGEST_NAME = 18  # characters of a label


def save_sequences(path: Path, made: Floats | None, data: Floats | None, columns: Sequence[str]) -> None:
    """Draw series, data to the left and samples to the right, on the same axes; write a PNG.

    Args:
        path: ends in .png.
        made: samples, [n, T, d]; NaN where there is no value. None to draw data alone.
        data: real series, [m, T, d]; None to draw samples alone.
        columns: names of the features, [d].
    """
    sets = [
        (name, x[:SERIES], color) for name, x, color in (("data", data, DATA), ("sample", made, MADE)) if x is not None
    ]
    if all(is_roll(x) for _, x, _ in sets):
        _save_rolls(path, [[(f"{name} {i + 1}", roll) for i, roll in enumerate(x)] for name, x, _ in sets])
        return
    shown, across = min(len(columns), FEATURES), sum(len(x) for _, x, _ in sets)
    figure = _figure(2.4 * max(across, 2) + 0.6, 1.5 * shown + 0.8)
    cells = figure.subplots(shown, across, squeeze=False, sharex=True, sharey="row")
    for feature, row in enumerate(cells):
        drawn = ((name, i, one, color) for name, x, color in sets for i, one in enumerate(x))
        for cell, (name, i, one, color) in zip(row, drawn, strict=True):
            cell.plot(one[:, feature], color=color, linewidth=1.0)
            cell.set_title(f"{name} {i + 1}" if feature == 0 else "", color=color, fontsize=9)
            cell.set_xlabel("step")
            _quiet(cell)
            outer(cell, bottom=feature == shown - 1, left=cell is row[0])
        row[0].set_ylabel(_short(columns[feature]))
    _say_which(figure, shown, len(columns))
    write_file(path, figure_png(figure))


def save_autocorrelations(path: Path, made: Floats, data: Floats, columns: Sequence[str], lags: int) -> None:
    """Draw how samples and data resemble themselves some steps later, for the features that change most; write a PNG.

    Args:
        path: ends in .png.
        made: samples, [n, T, d].
        data: real series, [m, T, d].
        columns: names of the features, [d].
        lags: the greatest, below T.
    """
    changes = (np.abs(np.diff(data, axis=1)) > 0).sum((0, 1))
    chosen = sorted(np.argsort(-changes, kind="stable")[:PANELS].tolist())
    shown = len(chosen)
    across = min(shown, 3)
    figure = _figure(3.0 * max(across, 2) + 0.4, 2.3 * -(-shown // across) + 0.8)
    cells = figure.subplots(-(-shown // across), across, squeeze=False, sharex=True, sharey=True).flatten()
    curves = [autocorrelation(torch.from_numpy(np.asarray(x, np.float64)), lags).numpy() for x in (data, made)]
    for i, cell in enumerate(cells):
        if i >= shown:
            cell.set_axis_off()
            continue
        feature = chosen[i]
        cell.axhline(0, color="0.8", linewidth=0.8)
        cell.plot(curves[0][:, feature], color=DATA, linewidth=1.6, label="data")
        cell.plot(curves[1][:, feature], color=MADE, linewidth=1.6, linestyle="--", label="samples")
        cell.set_title(_short(columns[feature]), fontsize=9)
        cell.set_xlabel("lag, steps")
        _quiet(cell)
        lowest = i + across >= shown
        cell.tick_params(labelbottom=lowest)
        outer(cell, bottom=lowest, left=i % across == 0)
    cells[0].legend(frameon=False, fontsize=8)
    left_out = f" of {shown} of {len(columns)} features" if shown < len(columns) else ""
    figure.suptitle(f"autocorrelation{left_out}", fontsize=10)
    write_file(path, figure_png(figure))


def save_divergences(path: Path, of_steps: Sequence[float], of_dimensions: Sequence[float]) -> None:
    """Draw what latents carry at each step, and in each dimension; write a PNG.

    Args:
        path: ends in .png.
        of_steps: KL at each step, nats.
        of_dimensions: KL of each dimension, nats a step, greatest first.
    """
    figure = _figure(9.0, 3.4)
    left, right = figure.subplots(1, 2)
    left.plot(of_steps, color=MADE, linewidth=1.4)
    left.set(xlabel="step", ylabel="KL, nats")
    left.set_title(f"at each step: {np.mean(of_steps):.2f} in the mean", fontsize=9)
    right.bar(range(1, len(of_dimensions) + 1), of_dimensions, color=MADE, width=0.8)
    right.set(xlabel="dimension, greatest first", ylabel="KL, nats a step")
    right.set_title("of each latent dimension", fontsize=9)
    for cell in (left, right):
        cell.set_ylim(bottom=0)
        _quiet(cell)
    figure.suptitle("what latents cost: KL(posterior ‖ prior)", fontsize=11)
    write_file(path, figure_png(figure))


def save_forecasts(
    path: Path,
    past: Sequence[Floats],
    drawn: Floats,
    columns: Sequence[str],
    truth: Sequence[Floats] | None = None,
    titles: Sequence[str] = (),
) -> None:
    """Draw fans over the steps to come: median, central halves and nine tenths of the draws; write a PNG.

    Of rolls of bits, the share of draws in which each is 1.

    Args:
        path: ends in .png.
        past: what is known of each series, [t, d] each.
        drawn: how they go on, [S, n, H, d].
        columns: names of the features, [d].
        truth: what came, [h, d] each, h at most H; None if nobody knows.
        titles: of the series; () to number them.
    """
    count = min(len(past), SERIES)
    names = [_named(titles, i) for i in range(count)]
    if all(is_roll(one[None]) for one in past) and is_roll(drawn[0]):
        _save_rolls(path, _forecast_rolls(past, drawn.mean(0), truth, names), [len(one) for one in past])
        return
    shown = min(len(columns), FEATURES)
    figure = _figure(3.6 * max(count, 2) + 0.6, 1.8 * shown + 1.0)
    cells = figure.subplots(shown, count, squeeze=False, sharex="col", sharey="row")
    levels = quantiles(torch.from_numpy(np.asarray(drawn[:, :count], np.float64)), LEVELS).numpy()
    for (feature, i), cell in np.ndenumerate(cells):
        known = past[i][-3 * drawn.shape[2] :, feature]  # a long past would leave no room for what is to come
        begin = len(past[i])
        steps, fan = np.arange(begin, begin + drawn.shape[2]), levels[:, i, :, feature]
        cell.plot(np.arange(begin - len(known), begin), known, color="0.25", linewidth=1.2, label="known")
        cell.fill_between(steps, fan[0], fan[4], color=MADE, alpha=0.18, linewidth=0, label="90% of draws")
        cell.fill_between(steps, fan[1], fan[3], color=MADE, alpha=0.35, linewidth=0, label="50% of draws")
        cell.plot(steps, fan[2], color=MADE, linewidth=1.4, label="median")
        if truth is not None:
            came = truth[i][:, feature]
            cell.plot(steps[: len(came)], came, color=DATA, linewidth=1.2, linestyle="--", label="what came")
        cell.axvline(begin - 0.5, color="0.6", linewidth=0.8, linestyle=":")
        cell.set_title(names[i] if feature == 0 else "", fontsize=9)
        cell.set(xlabel="step", ylabel=_short(columns[feature]))
        _quiet(cell)
        outer(cell, bottom=feature == shown - 1, left=i == 0)
    named = cells[0, 0].get_legend_handles_labels()
    figure.legend(*named, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    _say_which(figure, shown, len(columns))
    write_file(path, figure_png(figure))


def save_gaps(
    path: Path, filled: Floats, lower: Floats, upper: Floats, columns: Sequence[str], titles: Sequence[str] = ()
) -> None:
    """Draw series with their gaps filled, those with the most gaps first; write a PNG.

    Args:
        path: ends in .png.
        filled: observed values, and the medians in gaps, [n, T, d].
        lower: the lower bound in gaps, [n, T, d]; NaN where a value was observed.
        upper: the upper bound.
        columns: names of the features, [d].
        titles: of the series; () to number them.
    """
    gaps = ~np.isnan(lower)
    series = np.argsort(-gaps.sum((1, 2)), kind="stable")[:SERIES].tolist()
    features = sorted(np.argsort(-gaps[series].sum((0, 1)), kind="stable")[:FEATURES].tolist())
    figure = _figure(3.6 * max(len(series), 2) + 0.6, 1.8 * len(features) + 1.0)
    cells = figure.subplots(len(features), len(series), squeeze=False, sharex="col", sharey="row")
    for (row, column), cell in np.ndenumerate(cells):
        at = (series[column], slice(None), features[row])
        steps = np.arange(filled.shape[1])
        cell.plot(steps, np.where(gaps[at], np.nan, filled[at]), color="0.25", linewidth=1.2, label="observed")
        look = {"color": MADE, "fmt": ".", "markersize": 4, "elinewidth": 1.0, "alpha": 0.8}
        there = gaps[at]
        bars = np.stack([(filled - lower)[at][there], (upper - filled)[at][there]]).clip(min=0)
        cell.errorbar(steps[there], filled[at][there], bars, label="median and 90% of draws", **look)
        cell.set_title(_named(titles, series[column]) if row == 0 else "", fontsize=9)
        cell.set(xlabel="step", ylabel=_short(columns[features[row]]))
        _quiet(cell)
        outer(cell, bottom=row == len(features) - 1, left=column == 0)
    named = cells[0, 0].get_legend_handles_labels()
    figure.legend(*named, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    if len(features) < len(columns):
        figure.suptitle(f"{len(features)} of {len(columns)} features", fontsize=10)
    write_file(path, figure_png(figure))


def is_roll(x: Floats) -> bool:
    """Whether series [n, T, d] are bits of so many features that they are better drawn as a roll."""
    return x.shape[2] >= ROLL and bool((np.isnan(x) | (x == 0) | (x == 1)).all())


Roll = tuple[str, Floats]  # its title, and bits or probabilities [T, d]


def _forecast_rolls(
    past: Sequence[Floats], share: Floats, truth: Sequence[Floats] | None, names: Sequence[str]
) -> list[list[Roll]]:
    def row(later: Sequence[Floats], what: str) -> list[Roll]:
        pairs = zip(names, past, later, strict=False)
        return [(f"{name}: {what}", np.concatenate([known, rest])) for name, known, rest in pairs]

    return [*([] if truth is None else [row(truth, "what came")]), row(list(share), "share of draws")]


def _save_rolls(path: Path, rows: Sequence[Sequence[Roll]], borders: Sequence[int] = ()) -> None:
    """Draw rolls, without the features below and above all that are ever 1; a line at the border of each, if any."""
    used = np.flatnonzero(np.nansum(np.concatenate([roll for row in rows for _, roll in row]), 0))
    low, high = (int(used[0]), int(used[-1])) if len(used) else (0, rows[0][0][1].shape[1] - 1)
    across = max(map(len, rows))
    figure = _figure(3.4 * max(across, 2) + 0.6, 2.6 * len(rows) + 0.4)
    cells = figure.subplots(len(rows), across, squeeze=False, sharey=True)
    for (i, j), cell in np.ndenumerate(cells):
        if j >= len(rows[i]):
            cell.set_axis_off()
            continue
        title, roll = rows[i][j]
        extent = (-0.5, len(roll) - 0.5, low - 0.5, high + 0.5)
        look = {"origin": "lower", "aspect": "auto", "cmap": "gray_r", "interpolation": "nearest"}
        cell.imshow(roll[:, low : high + 1].T, vmin=0, vmax=1, extent=extent, **look)
        cell.set_xlim(-0.5, max(len(row[j][1]) for row in rows if j < len(row)) - 0.5)
        if borders:
            cell.axvline(borders[j] - 0.5, color=DATA, linewidth=1.2)
        cell.set_title(title, fontsize=9)
        cell.set_xlabel("step" if i == len(rows) - 1 else "")
        cell.set_ylabel("feature" if j == 0 else "")
        _quiet(cell)
    write_file(path, figure_png(figure))


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure  # late: half a second

    return Figure(figsize=(width, height), layout="constrained")


def _quiet(cell: "Axes") -> None:
    cell.tick_params(labelsize=7)
    for side in ("top", "right"):
        cell.spines[side].set_visible(False)


def _named(titles: Sequence[str], series: int) -> str:
    return _short(titles[series]) if titles else f"series {series + 1}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _say_which(figure: Any, shown: int, features: int) -> None:
    """Say above a picture that features are left out."""
    if shown < features:
        figure.suptitle(f"the first {shown} of {features} features", fontsize=10)
